/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mutex of the control paths (start, stop, changes of the tree, a
 * process's berths) and of joins that sleep. Never on the submit, run, steal,
 * sleep or wake path, never held across a user callback, a wait or a grace
 * period.
 */
#ifndef HEDDLE_PLATFORM_MUTEX_H
#define HEDDLE_PLATFORM_MUTEX_H

#include <pthread.h>

struct hd_mutex {
	pthread_mutex_t native;
};

void hd_mutex_init(struct hd_mutex *mutex);
void hd_mutex_destroy(struct hd_mutex *mutex);
void hd_mutex_lock(struct hd_mutex *mutex);
void hd_mutex_unlock(struct hd_mutex *mutex);

#endif /* HEDDLE_PLATFORM_MUTEX_H */
