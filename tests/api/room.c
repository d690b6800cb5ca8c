/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for room in a bounded queue: threads and tasks wait, starts, cancels and
 * closes end it.
 *
 * clause: Q3 E1
 */
#include <errno.h>
#include <pthread.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define SLOTS   4
#define EACH    2000
#define THREADS 3

static struct heddle_pool *pool;
static struct heddle_group *group;
static _Atomic uint64_t ran, refused, began;

static void nothing(struct heddle_task *task)
{
	(void)task;
}

static void count(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static struct heddle_group *bounded(uint32_t flags)
{
	return su_group(heddle_pool_group(pool),
			(struct heddle_group_options){ .flags = flags,
						       .cap = 1,
						       .queue_slots = SLOTS });
}

/* Never gives up: what is refused waits for room and tries again. */
static int submit_all(void)
{
	int i, rc;

	for (i = 0; i < EACH;) {
		rc = heddle_submit_call(group, count, NULL);
		if (rc == 0) {
			i++;
			continue;
		}
		atomic_fetch_add(&refused, 1);
		if (rc != -EAGAIN)
			return rc;
		rc = heddle_group_wait_room(group, 1, HEDDLE_FOREVER);
		if (rc)
			return rc;
	}
	return 0;
}

static void *submitter(void *arg)
{
	*(int *)arg = submit_all();
	return NULL;
}

static void submitting_task(void *arg)
{
	*(int *)arg = submit_all();
	atomic_fetch_add(&ran, 1);
}

static void pressure(void)
{
	pthread_t thread[THREADS];
	int rc[THREADS], inside = 1, i, sum = 0;

	group = bounded(0);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, submitter, &rc[i]))
			bail("thread");
	/* With the group's only permit in its hand it would wait for itself. */
	while (heddle_submit_call(group, submitting_task, &inside))
		heddle_group_wait_room(group, 1, HEDDLE_FOREVER);
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		sum |= rc[i];
	}
	ok(su_wait_at_least(&ran, (THREADS + 1) * EACH + 1, 60000) &&
		   sum == 0 && inside == 0,
	   "%u threads and a task of the group got all through %u slots",
	   THREADS, SLOTS);
	ok(atomic_load(&refused) > 0, "which were full %lu times",
	   (unsigned long)atomic_load(&refused));
}

static void *waits(void *arg)
{
	int *rc = arg;

	atomic_fetch_add(&began, 1);
	*rc = heddle_group_wait_room(group, 2, HEDDLE_FOREVER);
	return NULL;
}

static void full(void)
{
	struct heddle_task task[SLOTS];
	pthread_t thread;
	int i, rc = 0, waited = 1;

	group = bounded(HEDDLE_GROUP_PAUSED);
	for (i = 0; i < SLOTS; i++) {
		task[i] = (struct heddle_task)HEDDLE_TASK_INIT(nothing);
		rc |= heddle_submit(group, &task[i]);
	}
	ok(rc == 0 &&
		   heddle_group_wait_room(group, 1, HEDDLE_NOW) == -ETIMEDOUT,
	   "a full queue, and no time");
	ok(heddle_group_wait_room(group, 1, su_in_ms(5)) == -ETIMEDOUT,
	   "and not enough of it");
	if (pthread_create(&thread, NULL, waits, &waited))
		bail("thread");
	su_wait_at_least(&began, 1, 20000);
	rc = heddle_cancel(&task[0], HEDDLE_NOW);
	ok(rc == 0 && heddle_group_wait_room(group, 1, HEDDLE_NOW) == 0 &&
		   heddle_group_wait_room(group, 2, HEDDLE_NOW) == -ETIMEDOUT,
	   "a cancel makes room for one");
	rc = heddle_cancel(&task[1], HEDDLE_NOW);
	pthread_join(thread, NULL);
	ok(rc == 0 && waited == 0, "two of them for two");
	rc = heddle_submit(group, &task[0]) | heddle_submit(group, &task[1]);
	if (rc || pthread_create(&thread, NULL, waits, &waited))
		bail("again");
	su_wait_at_least(&began, 2, 20000);
	rc = heddle_group_close(group, HEDDLE_CLOSE_REFUSE, HEDDLE_FOREVER);
	pthread_join(thread, NULL);
	ok(rc == 0 && (waited == -ESHUTDOWN || waited == 0),
	   "a close ends the wait: %d", waited);
	ok(heddle_group_wait_room(group, 1, HEDDLE_FOREVER) == -ESHUTDOWN,
	   "nobody waits for a closed group");
}

int main(void)
{
	tap_deadline(40);
	pool = su_pool(2);
	pressure();
	full();
	ok(heddle_group_wait_room(NULL, 1, HEDDLE_NOW) == -EINVAL &&
		   heddle_group_wait_room(group, 0, HEDDLE_NOW) == -EINVAL &&
		   heddle_group_wait_room(group, SLOTS + 1, HEDDLE_NOW) ==
			   -EINVAL &&
		   heddle_group_wait_room(heddle_pool_group(pool), 1,
					  HEDDLE_NOW) == -EINVAL,
	   "no group, no number, no bound");
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
