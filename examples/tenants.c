/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two tenants below one cap: each may run two tasks, both together three. The
 * caps are changed while tasks run, and the change is waited for.
 */
#include <stdatomic.h>
#include <stdio.h>

#include <heddle/heddle.h>

#define TENANTS 2
#define TASKS   2000

struct tenant {
	struct heddle_group *group;
	_Atomic int running, most;
};

static struct tenant tenant[TENANTS];

static void work(void *arg)
{
	struct tenant *own = arg;
	int now = atomic_fetch_add(&own->running, 1) + 1;
	int most = atomic_load(&own->most);
	volatile int i;

	while (now > most &&
	       !atomic_compare_exchange_weak(&own->most, &most, now))
		;
	for (i = 0; i < 40000; i++)
		;
	atomic_fetch_sub(&own->running, 1);
}

static int run(struct heddle_pool *pool, int cap)
{
	struct heddle_change change[TENANTS];
	struct heddle_ticket ticket;
	int i, k, rc = 0;

	for (i = 0; i < TENANTS; i++) {
		change[i] = (struct heddle_change){ tenant[i].group,
						    (uint32_t)cap, 0, 0, 0 };
		atomic_store(&tenant[i].most, 0);
	}
	rc |= heddle_group_update(change, TENANTS, &ticket);
	rc |= heddle_group_wait(ticket, HEDDLE_FOREVER);
	for (k = 0; k < TASKS; k++)
		for (i = 0; i < TENANTS; i++)
			rc |= heddle_submit_call(tenant[i].group, work,
						 &tenant[i]);
	/* Quiet means: nothing runs. What is queued runs first. */
	for (i = 0; i < TENANTS; i++) {
		struct heddle_group_stat stat = { .struct_size = sizeof(stat) };

		do
			rc |= heddle_group_stat(tenant[i].group, &stat);
		while (stat.queued || stat.count);
		printf("cap %d: tenant %d ran at most %d tasks at once\n", cap,
		       i, atomic_load(&tenant[i].most));
		rc |= atomic_load(&tenant[i].most) > cap;
	}
	(void)pool;
	return rc;
}

int main(void)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .workers_max = 4,
					       .cap = 3 };
	struct heddle_group_options leaf = { .struct_size = sizeof(leaf),
					     .cap = 2,
					     .name = "tenant" };
	struct heddle_pool *pool;
	int i, rc = 0;

	if (heddle_pool_create(&options, &pool) ||
	    heddle_pool_start(pool, 4, NULL, HEDDLE_FOREVER))
		return 1;
	for (i = 0; i < TENANTS; i++)
		rc |= heddle_group_create(heddle_pool_group(pool), &leaf,
					  &tenant[i].group);
	rc |= run(pool, 2);
	rc |= run(pool, 1);
	return heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
				   HEDDLE_FOREVER) ||
	       rc;
}
