/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bound on workers that replace blocked ones, and what happens there.
 *
 * clause: B2 E1
 */
#include <errno.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define LONG_MS 20000

static _Atomic uint64_t blocked, refused, release, ended, inside, most;

static void blocks(void *arg)
{
	int rc = heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);

	(void)arg;
	atomic_fetch_add(rc == -EAGAIN ? &refused : &blocked, 1);
	if (rc == 0) {
		su_wait_at_least(&release, 1, LONG_MS);
		heddle_block_end();
	}
	atomic_fetch_add(&ended, 1);
}

static struct heddle_check check_of(struct heddle_pool *pool)
{
	struct heddle_check check = { .struct_size = sizeof(check) };

	heddle_check(pool, &check);
	return check;
}

/* Long enough for every worker that there is to take one. */
static void meets(void *arg)
{
	uint64_t now = atomic_fetch_add(&inside, 1) + 1,
		 seen = atomic_load(&most);

	(void)arg;
	while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
		;
	su_wait_at_least(&ended, UINT64_MAX, 20);
	atomic_fetch_sub(&inside, 1);
	atomic_fetch_add(&ended, 1);
}

/* All are blocked and replaced; then nobody is. */
static void after_burst(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = 2,
					 .blocked_max = 6 };
	struct heddle_pool *pool = su_pool_with(&o, 1);
	struct heddle_group *root = heddle_pool_group(pool);
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };
	int i;

	atomic_store(&blocked, 0);
	atomic_store(&release, 0);
	atomic_store(&ended, 0);
	for (i = 0; i < 6; i++)
		heddle_submit_call(root, blocks, NULL);
	su_wait_at_least(&blocked, 6, LONG_MS);
	ok(check_of(pool).workers > 2, "six blocked workers were replaced");
	atomic_store(&release, 1);
	su_wait_at_least(&ended, 6, LONG_MS);
	for (i = 0; i < 24; i++)
		heddle_submit_call(root, meets, NULL);
	su_wait_at_least(&ended, 30, LONG_MS);
	ok(atomic_load(&most) == 2,
	   "afterwards %lu run at once, as workers_max says",
	   (unsigned long)atomic_load(&most));
	if (heddle_group_set_cap(root, 100, NULL) ||
	    heddle_group_stat(root, &stat))
		bail("cap");
	ok(stat.cap == 2, "also when the root gets a larger cap: %u", stat.cap);
	su_check_at_rest(pool);
	su_destroy(pool);
}

static void nothing(struct heddle_task *task)
{
	(void)task;
}

static void joins(void *arg)
{
	struct heddle_task task = HEDDLE_TASK_INIT(nothing);
	int rc = heddle_submit(arg, &task);

	if (rc == 0)
		rc = heddle_join(&task, 0, HEDDLE_FOREVER);
	atomic_fetch_add(rc ? &refused : &ended, 1);
}

static struct heddle_pool *pool_with(uint32_t policy)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = 1,
					 .blocked_max = 2,
					 .blocked_policy = policy };

	atomic_store(&blocked, 0);
	atomic_store(&refused, 0);
	atomic_store(&release, 0);
	atomic_store(&ended, 0);
	return su_pool_with(&o, 1);
}

static void three_block(struct heddle_pool *pool)
{
	int i;

	for (i = 0; i < 3; i++) {
		if (heddle_submit_call(heddle_pool_group(pool), blocks, NULL))
			bail("submit");
		while (atomic_load(&blocked) + atomic_load(&refused) <=
		       (uint64_t)i)
			su_wait_at_least(&ended, UINT64_MAX, 1);
	}
}

int main(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .blocked_policy =
						 HEDDLE_BLOCKED_REFUSE };
	struct heddle_pool *pool;

	tap_deadline(110);
	ok(heddle_pool_create(&o, &pool) == -EINVAL,
	   "a pool that replaces nobody has no policy");
	o.flags = HEDDLE_POOL_ELASTIC;
	o.blocked_policy = 77;
	ok(heddle_pool_create(&o, &pool) == -EINVAL, "an unknown policy");

	pool = pool_with(HEDDLE_BLOCKED_REFUSE);
	three_block(pool);
	ok(atomic_load(&blocked) == 2 && atomic_load(&refused) == 1,
	   "two regions begin, the third is refused");
	ok(check_of(pool).blocked_bound_hits == 1, "which is counted");
	su_wait_at_least(&ended, 1, LONG_MS);
	heddle_submit_call(heddle_pool_group(pool), joins,
			   heddle_pool_group(pool));
	ok(su_wait_at_least(&ended, 2, LONG_MS) && atomic_load(&refused) == 1,
	   "a join at the bound is not refused");
	atomic_store(&release, 1);
	su_wait_at_least(&ended, 4, LONG_MS);
	su_check_at_rest(pool);
	su_destroy(pool);

	pool = pool_with(HEDDLE_BLOCKED_FEWER);
	three_block(pool);
	ok(atomic_load(&blocked) == 3 && check_of(pool).blocked_bound_hits == 1,
	   "three regions begin, one beyond the bound is counted");
	ok(check_of(pool).workers <= 3,
	   "there are %u workers, never more than 3", check_of(pool).workers);
	atomic_store(&release, 1);
	su_wait_at_least(&ended, 3, LONG_MS);
	su_check_at_rest(pool);
	su_destroy(pool);
	after_burst();
	return tap_done();
}
