/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: a task may hold a lock while it joins its child: no task that takes the
 * same lock ever runs above the waiting frame. Elsewhere a waiting thread ran
 * somebody else's task, and locked itself out. Method: a lock that knows its
 * owner says EDEADLK to whoever takes it twice, where a plain one would hang.
 *
 * fault: F30
 * clause: N1
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define ROUNDS  60
#define HOLDERS 6
#define OTHERS  24

static pthread_mutex_t lock;
static struct heddle_group *group;
static _Atomic uint64_t twice, children, others;

/* Every wait for the lock is a blocking region (B4). */
static bool take(void)
{
	int rc;

	heddle_block_begin(HEDDLE_BLOCK_LOCK, NULL, NULL);
	rc = pthread_mutex_lock(&lock);
	heddle_block_end();
	if (rc == EDEADLK)
		atomic_fetch_add(&twice, 1);
	else if (rc)
		bail("lock: %d", rc);
	return rc == 0;
}

static void give(void)
{
	pthread_mutex_unlock(&lock);
}

static void child(struct heddle_task *task)
{
	(void)task;
	atomic_fetch_add(&children, 1);
}

static void other(struct heddle_task *task)
{
	(void)task;
	if (take())
		give();
	atomic_fetch_add(&others, 1);
}

static void foreign(struct heddle_task *task)
{
	free(task);
	other(NULL);
}

/* No call: that would lie in a stack of its own, where no join looks. */
static void submit_foreign(void)
{
	struct heddle_task *task = malloc(sizeof(*task));

	if (!task)
		bail("memory");
	*task = (struct heddle_task)HEDDLE_TASK_INIT(foreign);
	task->flags = HEDDLE_TASK_DETACHED;
	if (heddle_submit(group, task))
		bail("submit of another");
}

static void spin(uint64_t ns)
{
	uint64_t end = su_now_ns() + ns;

	while (su_now_ns() < end)
		;
}

static void holder(struct heddle_task *task)
{
	struct heddle_task own[3];
	int i;

	(void)task;
	if (!take())
		return;
	for (i = 0; i < 3; i++) {
		own[i] = (struct heddle_task)HEDDLE_TASK_INIT(child);
		if (heddle_submit(group, &own[i]))
			bail("submit of a child");
	}
	/* Foreign, and what a worker that helps would find first. */
	submit_foreign();
	/* Others may have taken some: then the join waits. */
	spin(5000);
	while (i--)
		if (heddle_join(&own[i], 0, HEDDLE_FOREVER))
			bail("join of a child");
	give();
}

static void round_of(void)
{
	struct heddle_task task[HOLDERS + OTHERS];
	int i;

	for (i = 0; i < HOLDERS + OTHERS; i++) {
		task[i] = (struct heddle_task)HEDDLE_TASK_INIT(i % 5 ? other
								     : holder);
		if (heddle_submit(group, &task[i]))
			bail("submit");
	}
	for (i = 0; i < HOLDERS + OTHERS; i++)
		if (heddle_join(&task[i], 0, su_in_ms(20000)))
			bail("a task that takes the lock hangs");
}

static void one(uint32_t flags, uint32_t workers, uint32_t cap)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = flags,
					 .workers_max = workers };
	struct heddle_pool *pool = su_pool_with(&o, workers);
	int i;

	group = su_group(heddle_pool_group(pool),
			 (struct heddle_group_options){ .cap = cap });
	atomic_store(&children, 0);
	atomic_store(&others, 0);
	for (i = 0; i < ROUNDS; i++)
		round_of();
	su_wait_at_least(&others, ROUNDS * (HOLDERS + OTHERS), 20000);
	is_u64(twice, 0, "%s, %u workers, cap %u: locks taken twice",
	       flags ? "ELASTIC" : "STATIC", workers, cap);
	ok(atomic_load(&children) == (uint64_t)ROUNDS * HOLDERS * 3 &&
		   atomic_load(&others) ==
			   (uint64_t)ROUNDS * (HOLDERS + OTHERS),
	   "and all ran");
	su_check_at_rest(pool);
	su_destroy(pool);
}

int main(void)
{
	pthread_mutexattr_t attr;

	tap_deadline(110);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&lock, &attr);
	/* A holder that waits for its child occupies no worker that it needs. */
	one(0, 8, 1);
	one(0, 8, 3);
	one(HEDDLE_POOL_ELASTIC, 1, 0);
	one(HEDDLE_POOL_ELASTIC, 2, 0);
	return tap_done();
}
