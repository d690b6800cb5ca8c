/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: jobs that never end cannot take what was reserved for others, and a reserve
 * that cannot be met is refused at once, with the group that is too small. Elsewhere
 * such jobs occupied the shared pool for good, and later ones were said to be started
 * and lay in a queue.
 *
 * Method: pools from the smallest one up; the jobs come first, or the reserve does.
 *
 * fault: F15
 * clause: C2 C6
 */
#include <errno.h>
#include <sched.h>
#include <time.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define MOST 4u

static _Atomic uint64_t begun, may_end, ended, served;

static void dedicated(void *arg)
{
	(void)arg;
	atomic_fetch_add(&begun, 1);
	while (!atomic_load(&may_end))
		sched_yield();
	atomic_fetch_add(&ended, 1);
}

static void serve(void *arg)
{
	(void)arg;
	atomic_fetch_add(&served, 1);
}

struct shared {
	struct heddle_pool *pool;
	struct heddle_group *root, *jobs, *tenant;
};

static struct shared set_up(uint32_t workers)
{
	struct shared s = { .pool = su_pool(workers) };

	s.root = heddle_pool_group(s.pool);
	s.jobs = su_group(s.root, (struct heddle_group_options){ .cap = 0 });
	s.tenant = su_group(s.root, (struct heddle_group_options){
					    .flags = HEDDLE_GROUP_RESERVE });
	atomic_store(&begun, 0);
	atomic_store(&may_end, 0);
	atomic_store(&ended, 0);
	atomic_store(&served, 0);
	return s;
}

static void submit_jobs(struct shared *s)
{
	uint32_t i;

	for (i = 0; i < MOST; i++)
		if (heddle_submit_call(s->jobs, dedicated, NULL))
			bail("submit");
}

static void end(struct shared *s)
{
	atomic_store(&may_end, 1);
	if (heddle_group_reserve(s->tenant, 0, NULL) ||
	    !su_wait_at_least(&ended, MOST, 20000))
		bail("the jobs do not end");
	su_check_at_rest(s->pool);
	su_destroy(s->pool);
}

static bool tenant_is_served(struct shared *s)
{
	uint64_t before = atomic_load(&served);

	return heddle_submit_call(s->tenant, serve, NULL) == 0 &&
	       su_wait_at_least(&served, before + 1, 10000);
}

static void reserve_first(uint32_t workers)
{
	const struct timespec pause = { 0, 1000000 };
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };
	struct shared s = set_up(workers);
	uint32_t i, late = 0;

	if (heddle_group_reserve(s.tenant, 1, NULL))
		bail("reserve");
	submit_jobs(&s);
	if (!su_wait_at_least(&begun, workers - 1, 10000))
		bail("jobs");
	for (i = 0; i < 100 && !late; i++)
		late += !tenant_is_served(&s);
	is_u64(late, 0, "%u workers, jobs for all: not served in time",
	       workers);
	is_u64(atomic_load(&begun), workers - 1, "jobs that have begun");
	/* The last one that was served may have its permit for a moment yet. */
	for (i = 0; i < 10000 && stat.reason != HEDDLE_REASON_RESERVED; i++) {
		heddle_group_stat(s.jobs, &stat);
		nanosleep(&pause, NULL);
	}
	ok(stat.reason == HEDDLE_REASON_RESERVED && stat.reason_group == s.root,
	   "the others are told why they wait");
	end(&s);
}

static void jobs_first(uint32_t workers)
{
	struct heddle_group *full = NULL;
	struct shared s = set_up(workers);

	submit_jobs(&s);
	if (!su_wait_at_least(&begun, workers, 10000))
		bail("jobs");
	ok(heddle_group_reserve(s.tenant, 1, &full) == -EBUSY && full == s.root,
	   "%u workers, all taken: refused, and the root named", workers);
	ok(heddle_group_reserve(s.tenant, workers + 1, &full) == -EBUSY,
	   "as is more than there will ever be");
	end(&s);
}

int main(void)
{
	uint32_t workers;

	tap_deadline(110);
	for (workers = 1; workers <= MOST; workers++) {
		reserve_first(workers);
		jobs_first(workers);
	}
	return tap_done();
}
