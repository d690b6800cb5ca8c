/* SPDX-License-Identifier: BSD-2-Clause */
/* The mutex of the control paths; an error of it is an error of ours. */
#include "platform/cacheline.h"
#include "platform/mutex.h"

void hd_mutex_init(struct hd_mutex *mutex)
{
	int rc = pthread_mutex_init(&mutex->native, NULL);

	hd_assert(rc == 0);
}

void hd_mutex_destroy(struct hd_mutex *mutex)
{
	int rc = pthread_mutex_destroy(&mutex->native);

	hd_assert(rc == 0);
}

void hd_mutex_lock(struct hd_mutex *mutex)
{
	int rc = pthread_mutex_lock(&mutex->native);

	hd_assert(rc == 0);
}

void hd_mutex_unlock(struct hd_mutex *mutex)
{
	int rc = pthread_mutex_unlock(&mutex->native);

	hd_assert(rc == 0);
}
