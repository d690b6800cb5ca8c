/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No call of the library is a cancellation point: a thread that ended between
 * two of our steps would leave a lock, a descriptor or an entry behind. Around
 * those calls of the C library that are points cancellation is turned off.
 */
#ifndef HEDDLE_PLATFORM_CANCEL_H
#define HEDDLE_PLATFORM_CANCEL_H

#include <pthread.h>

/* Returns what hd_cancel_restore() must be told. */
static inline int hd_cancel_off(void)
{
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}

static inline void hd_cancel_restore(int before)
{
	pthread_setcancelstate(before, NULL);
}

#endif /* HEDDLE_PLATFORM_CANCEL_H */
