/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: two classes of tasks below one cap, one that blocks and one that does
 * not, all run whatever the cap is beside the number of workers W: 1, W - 1, W,
 * W + 1, and none at 0. Elsewhere a blocking task never ran when the two were
 * equal. Outside of their regions never more than the cap are seen.
 *
 * fault: F14
 * clause: C1 C2 C7 B1
 */
#include <time.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define WORKERS 3
#define TASKS   120

static _Atomic uint64_t running, done, over, allowed;

static void occupy(void)
{
	uint64_t end = su_now_ns() + 10000;

	if (atomic_fetch_add(&running, 1) >= atomic_load(&allowed))
		atomic_fetch_add(&over, 1);
	while (su_now_ns() < end)
		;
	atomic_fetch_sub(&running, 1);
}

static void plain(void *arg)
{
	(void)arg;
	occupy();
	atomic_fetch_add(&done, 1);
}

static void blocks(void *arg)
{
	const struct timespec pause = { 0, 10000 };

	(void)arg;
	occupy();
	if (heddle_block_begin(HEDDLE_BLOCK_SLEEP, NULL, NULL))
		bail("block_begin");
	nanosleep(&pause, NULL);
	heddle_block_end();
	occupy();
	atomic_fetch_add(&done, 1);
}

struct classes {
	struct heddle_group *both, *plain, *blocking;
};

static void submit(const struct classes *in)
{
	int i;

	for (i = 0; i < TASKS; i++)
		if (heddle_submit_call(in->plain, plain, NULL) ||
		    heddle_submit_call(in->blocking, blocks, NULL))
			bail("submit");
}

static void set_cap(const struct classes *in, uint32_t cap)
{
	struct heddle_ticket ticket;

	/* The larger of the two holds while the change is on its way. */
	if (cap > atomic_load(&allowed))
		atomic_store(&allowed, cap);
	if (heddle_group_set_cap(in->both, cap, &ticket) ||
	    heddle_group_wait(ticket, su_in_ms(10000)))
		bail("cap");
	atomic_store(&allowed, cap);
}

static void one_cap(const struct classes *in, uint32_t cap, const char *kind)
{
	atomic_store(&done, 0);
	atomic_store(&over, 0);
	set_cap(in, cap);
	submit(in);
	if (cap == 0) {
		struct heddle_group_stat stat = { .struct_size = sizeof(stat) };

		heddle_group_stat(in->plain, &stat);
		ok(stat.count == 0 && stat.reason == HEDDLE_REASON_PAUSED &&
			   atomic_load(&done) == 0,
		   "%s, cap 0: nothing starts", kind);
		set_cap(in, 1);
	}
	ok(su_wait_at_least(&done, 2 * TASKS, 20000), "%s, cap %u: all ran",
	   kind, cap);
	is_u64(over, 0, "%s, cap %u: tasks that met one too many", kind, cap);
}

static void all_caps(uint32_t flags, uint32_t order, const char *kind)
{
	const uint32_t cap[] = { 0, 1, WORKERS - 1, WORKERS, WORKERS + 1 };
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = flags,
					 .workers_max = WORKERS };
	struct heddle_group_options leaf = { .struct_size = sizeof(leaf),
					     .order = order };
	struct heddle_pool *pool = su_pool_with(&o, WORKERS);
	struct classes in;
	size_t i;

	if (heddle_group_create(heddle_pool_group(pool), NULL, &in.both) ||
	    heddle_group_create(in.both, &leaf, &in.plain) ||
	    heddle_group_create(in.both, &leaf, &in.blocking))
		bail("groups");
	for (i = 0; i < sizeof(cap) / sizeof(*cap); i++)
		one_cap(&in, cap[i], kind);
	su_check_at_rest(pool);
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(110);
	all_caps(0, 0, "STATIC");
	all_caps(HEDDLE_POOL_ELASTIC, 0, "ELASTIC");
	all_caps(HEDDLE_POOL_ELASTIC, HEDDLE_ORDER_FIFO, "FIFO");
	return tap_done();
}
