/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reserves: starts on prepaid units and beside them, changes while tasks start, joins
 * and regions across an account, and a close above it.
 *
 * clause: C1
 * clause: C2
 * clause: C3
 * clause: C6
 * clause: H5
 * clause: N1
 */
#include "lab/scenarios/pool.h"
#include "platform/cacheline.h"
#include "sched/permit.h"
#include "sched/ready.h"

/* Group 1 is plain, group 2 has the account. */
#define TENANT   2
#define ACCOUNTS .accounts = 1u << TENANT

static void plain_twice(void)
{
	submit(1);
	submit(1);
	thread_ends();
}

static void plain_once(void)
{
	submit(1);
	thread_ends();
}

static void tenant_once(void)
{
	submit(TENANT);
	thread_ends();
}

static void tenant_twice(void)
{
	submit(TENANT);
	submit(TENANT);
	thread_ends();
}

POOL(stuck, "reserve-stuck", "the prepaid unit starts a task, and no other",
     RULES(.workers = 2, .below = 2, .cap = { 2 }, ACCOUNTS,
	   .prepaid = { 0, 0, 1 }, .stuck = true, .threads = 2),
     THREADS(plain_twice, tenant_once), USUAL);
POOL(asleep, "reserve-asleep", "also with workers that sleep",
     RULES(.workers = 2, .below = 2, .cap = { 2 }, ACCOUNTS,
	   .prepaid = { 0, 0, 1 }, .stuck = true, .threads = 2),
     THREADS(plain_twice, tenant_once), .settle = true, UP_TO(2, 0));
POOL(only, "reserve-only", "a root that is prepaid whole",
     RULES(.workers = 2, .below = 2, .cap = { 1 }, ACCOUNTS,
	   .prepaid = { 0, 0, 1 }, .threads = 2),
     THREADS(tenant_once, tenant_once), UP_TO(2, 0));
POOL(old, "reserve-old", "and loads may give an old value",
     RULES(.workers = 2, .below = 2, .cap = { 1 }, ACCOUNTS,
	   .prepaid = { 0, 0, 1 }, .threads = 1),
     THREADS(tenant_twice), .settle = true, UP_TO(1, 1));
POOL(beyond, "reserve-beyond", "nothing is lost or eaten beside a reserve",
     RULES(.workers = 2, .below = 2, .cap = { 2 }, ACCOUNTS,
	   .prepaid = { 0, 0, 1 }, .threads = 2),
     THREADS(tenant_twice, plain_once), UP_TO(1, 0), .pct = true);

/* -- of two tasks one returns: the other one is the reserve -- */

static void returns(void *arg)
{
	(void)arg;
	lab_touch(&ghost);
	ghost_begin(TENANT);
	lab_touch(&ghost);
	ghost_end(TENANT);
}

static void one_returns(void)
{
	LAB_ASSERT(heddle_submit_call(groups[TENANT], returns, NULL) == 0);
	ghost_submitted(TENANT);
	submit(TENANT);
	thread_ends();
}

POOL(fill, "reserve-fill", "nothing of a reserve is idle beside enough tasks",
     RULES(.workers = 2, .below = 2, .cap = { 2 }, ACCOUNTS,
	   .prepaid = { 0, 0, 1 }, .stuck = true, .threads = 2),
     THREADS(one_returns, plain_once), .settle = true, UP_TO(1, 0));

/* -- changes -- */

static void change(unsigned int n)
{
	int rc;

	lab_touch(&ghost);
	ghost_prepaid_may(TENANT, n);
	rc = heddle_group_reserve(groups[TENANT], n, NULL);
	LAB_ASSERT(rc == 0 || (rc == -EBUSY && n));
	lab_touch(&ghost);
	ghost_prepaid_is(TENANT, rc ? 0 : n);
}

static void raise(void)
{
	change(1);
	thread_ends();
}

static void lower(void)
{
	change(0);
	thread_ends();
}

static void raise_and_lower(void)
{
	change(1);
	change(0);
	thread_ends();
}

static void each_once(void)
{
	submit(TENANT);
	submit(1);
	thread_ends();
}

POOL(raised, "reserve-raise", "a raise takes what is free, or nothing",
     RULES(.workers = 2, .below = 2, .cap = { 2 }, ACCOUNTS, .stuck = true,
	   .threads = 2),
     THREADS(each_once, raise), USUAL);
POOL(raised_one, "reserve-raise-one", "and strands nobody meanwhile",
     RULES(.workers = 1, .below = 2, .cap = { 1 }, ACCOUNTS, .stuck = true,
	   .threads = 2),
     THREADS(tenant_once, raise), UP_TO(2, 0), .settle = true);
POOL(lowered, "reserve-lower", "others start when it is lowered",
     RULES(.workers = 2, .below = 2, .cap = { 2 }, ACCOUNTS,
	   .prepaid = { 0, 0, 1 }, .stuck = true, .threads = 2),
     THREADS(plain_twice, lower), .settle = true, USUAL);
POOL(changed, "reserve-change", "every unit is given back",
     RULES(.workers = 2, .below = 2, .cap = { 2 }, ACCOUNTS, .threads = 2),
     THREADS(each_once, raise_and_lower), USUAL);

/* A lowered cap above: refused while more is out, with nothing changed. */
static void cap_above(void)
{
	lab_touch(&ghost);
	if (heddle_group_set_cap(groups[0], 1, NULL) == 0) {
		lab_touch(&ghost);
		ghost_cap_may(0, 1);
		ghost_cap_is(0, 1);
	}
	thread_ends();
}

POOL(cap, "reserve-cap", "no cap above is below what is out",
     RULES(.workers = 2, .below = 2, .cap = { 2 }, ACCOUNTS,
	   .prepaid = { 0, 0, 1 }, .stuck = true, .threads = 2),
     THREADS(each_once, cap_above), .settle = true, USUAL);

/* -- a frame of the tenant above one of another group -- */

/* Group 2 lies above group 3, which has prepaid all of its units. */
#define BELOW 3
#define MIDDLE \
 .below = 3, .parent = { 0, 0, 0, 2 }, .cap = { 0, 1, 1, 1 }, \
 .accounts = 1u << BELOW, .prepaid = { 0, 0, 0, 1 }

static struct heddle_task upper;

static void inner(struct heddle_task *task)
{
	(void)task;
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == 0);
	LAB_ASSERT(heddle_block_end() == 0);
}

static void outer(void *arg)
{
	(void)arg;
	upper = (struct heddle_task){ .fn = inner };
	LAB_ASSERT(heddle_submit(groups[BELOW], &upper) == 0);
	LAB_ASSERT(heddle_join(&upper, 0, HEDDLE_FOREVER) == 0);
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == 0);
	LAB_ASSERT(heddle_block_end() == 0);
	body((void *)1);
}

static void submit_outer(void)
{
	LAB_ASSERT(heddle_submit_call(groups[1], outer, NULL) == 0);
	ghost_submitted(1);
	thread_ends();
}

POOL(join, "reserve-join", "a join and a region across an account",
     RULES(.workers = 1, MIDDLE, .flags = HEDDLE_POOL_ELASTIC, .workers_max = 2,
	   .will_live = 2, .threads = 1),
     THREADS(submit_outer), .settle = true, USUAL);

static void outer_of_tenant(void *arg)
{
	(void)arg;
	upper = (struct heddle_task){ .fn = inner };
	LAB_ASSERT(heddle_submit(groups[1], &upper) == 0);
	LAB_ASSERT(heddle_join(&upper, 0, HEDDLE_FOREVER) == 0);
	body((void *)BELOW);
}

static void submit_tenant_outer(void)
{
	LAB_ASSERT(heddle_submit_call(groups[BELOW], outer_of_tenant, NULL) ==
		   0);
	ghost_submitted(BELOW);
	thread_ends();
}

/* The one above the tenant has a unit beside the prepaid one. */
POOL(join_out, "reserve-join-out", "and out of one",
     RULES(.workers = 1, .below = 3, .parent = { 0, 0, 0, 2 },
	   .cap = { 0, 1, 2, 1 }, .accounts = 1u << BELOW,
	   .prepaid = { 0, 0, 0, 1 }, .flags = HEDDLE_POOL_ELASTIC,
	   .workers_max = 2, .will_live = 2, .threads = 1),
     THREADS(submit_tenant_outer), .settle = true, USUAL);

/* -- a drain above two accounts -- */

static bool drained; /* ghost */

LAB_GHOST static void close_reset(void)
{
	pool_reset();
	drained = false;
}

LAB_GHOST static void ghost_live(void)
{
	if (drained)
		lab_fail("live: the close returned under a task");
}

LAB_GHOST static void ghost_drained(void)
{
	drained = true;
}

static void last(void *arg)
{
	(void)arg;
	lab_touch(&drained);
	ghost_live();
	body((void *)TENANT);
	lab_touch(&drained);
	ghost_live();
}

static void hands_on(void *arg)
{
	(void)arg;
	if (heddle_submit_call(groups[TENANT], last, NULL) == 0)
		ghost_submitted(TENANT);
	body((void *)3);
}

static void submit_hands_on(void)
{
	if (heddle_submit_call(groups[3], hands_on, NULL) == 0)
		ghost_submitted(3);
	thread_ends();
}

static void drain(void)
{
	LAB_ASSERT(heddle_group_close(groups[1], HEDDLE_CLOSE_DRAIN,
				      HEDDLE_FOREVER) == 0);
	lab_touch(&drained);
	ghost_drained();
	thread_ends();
}

POOL_AND(close, "reserve-close", "a drain sees a task move between accounts",
	 RULES(.workers = 2, .below = 3, .parent = { 0, 0, 1, 1 },
	       .cap = { 2, 2 }, .accounts = 0xc, .prepaid = { 0, 0, 1, 1 },
	       .threads = 2),
	 (void)0, close_reset, THREADS(submit_hands_on, drain), .settle = true,
	 USUAL);

static void in_region(void *arg)
{
	(void)arg;
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == 0);
	hd_relax(); /* the closer goes first */
	LAB_ASSERT(heddle_block_end() == 0);
	lab_touch(&drained);
	ghost_live();
}

static void submit_region(void)
{
	heddle_submit_call(groups[TENANT], in_region, NULL);
	thread_ends();
}

static void refuse(void)
{
	LAB_ASSERT(heddle_group_close(groups[1], HEDDLE_CLOSE_REFUSE,
				      HEDDLE_FOREVER) == 0);
	lab_touch(&drained);
	ghost_drained();
	thread_ends();
}

POOL_AND(close_region, "reserve-close-region",
	 "a close sees a task that returns from a region to its account",
	 RULES(.workers = 1, .below = 2, .parent = { 0, 0, 1 }, .cap = { 1, 1 },
	       ACCOUNTS, .prepaid = { 0, 0, 1 }, .threads = 2),
	 (void)0, close_reset, THREADS(submit_region, refuse), .settle = true,
	 UP_TO(2, 0));

/* -- the search alone: a headroom that is published is found by somebody -- */

static const struct rules searched = RULES(.workers_max = 2, .below = 2,
					   .cap = { 1 }, ACCOUNTS,
					   .prepaid = { 0, 0, 1 });
static unsigned int found; /* ghost */

LAB_GHOST static void search_reset(void)
{
	pool_reset();
	found = 0;
}

LAB_GHOST static void ghost_found(void)
{
	found++;
}

static void look_once(void)
{
	uint32_t owed = 0;

	if (hd_ready_take(pool, true, &owed))
		ghost_found();
	LAB_ASSERT(!owed);
}

/* A task waits, and the prepaid unit is out. */
static void setup_full(void)
{
	struct heddle_group *full;
	uint32_t owed = 0;

	pool_make(&searched);
	LAB_ASSERT(heddle_submit_call(groups[TENANT], body, NULL) == 0);
	LAB_ASSERT(hd_permit_take(groups[TENANT], &full, &owed));
}

static void give_and_look(void)
{
	if (hd_permit_give(groups[TENANT]))
		look_once();
}

/* No task yet, and bits that the one before has left. */
static void setup_empty(void)
{
	pool_make(&searched);
	hd_ready_mark(groups[TENANT]);
	hd_bitset_clear_any(&groups[TENANT]->ready, 0);
}

static void submit_and_look(void)
{
	LAB_ASSERT(heddle_submit_call(groups[TENANT], body, NULL) == 0);
	look_once();
}

LAB_GHOST static const char *found_once(void)
{
	return found == 1  ? NULL
	       : found > 1 ? "leak: more starts than prepaid"
			   : "stranded: work and headroom that nobody found";
}

LAB_SCENARIO(search_room, .name = "reserve-search-room",
	     .claim = "who publishes headroom, or a search beside, finds it",
	     .setup = setup_full, .reset = search_reset,
	     .thread = { give_and_look, look_once, look_once },
	     .at_rest = found_once, UP_TO(2, 1));
LAB_SCENARIO(search_work, .name = "reserve-search-work",
	     .claim = "and who publishes work", .setup = setup_empty,
	     .reset = search_reset,
	     .thread = { submit_and_look, look_once, look_once },
	     .at_rest = found_once, UP_TO(2, 1));

/* A group gets a place whose bit is set still, and has a task at once. */
static void setup_place(void)
{
	pool_make(&searched);
	LAB_ASSERT(heddle_group_reserve(groups[TENANT], 0, NULL) == 0);
	hd_bitset_set_any(&pool->reserve_ready, 2);
}

static void create_and_look(void)
{
	struct heddle_group_options o = { .struct_size = sizeof(o),
					  .flags = HEDDLE_GROUP_RESERVE };

	LAB_ASSERT(heddle_group_create(groups[0], &o, &groups[3]) == 0);
	LAB_ASSERT(heddle_group_reserve(groups[3], 1, NULL) == 0);
	LAB_ASSERT(heddle_submit_call(groups[3], body, NULL) == 0);
	look_once();
}

LAB_SCENARIO(search_place, .name = "reserve-search-place",
	     .claim = "and a task in a group that is new", .setup = setup_place,
	     .reset = search_reset, .thread = { create_and_look, look_once },
	     .at_rest = found_once, UP_TO(2, 1));

/* -- two that help, and one prepaid unit -- */

static struct heddle_task helped[2];

static void run_helped(struct heddle_task *task)
{
	(void)task;
	body((void *)TENANT);
}

static void setup_helped(void)
{
	for (int i = 0; i < 2; i++) {
		helped[i] = (struct heddle_task){ .fn = run_helped };
		LAB_ASSERT(heddle_submit(groups[TENANT], &helped[i]) == 0);
	}
}

LAB_GHOST static void helped_reset(void)
{
	pool_reset();
	ghost.submitted[TENANT] = 2;
}

static void help_0(void)
{
	LAB_ASSERT(heddle_join(&helped[0], HEDDLE_JOIN_HELP, HEDDLE_FOREVER) ==
		   0);
	thread_ends();
}

static void help_1(void)
{
	LAB_ASSERT(heddle_join(&helped[1], HEDDLE_JOIN_HELP, HEDDLE_FOREVER) ==
		   0);
	thread_ends();
}

POOL_AND(help, "reserve-help", "who helps hears of headroom in the account",
	 RULES(.workers = 0, .workers_max = 1, .helpers = 2, .below = 2,
	       .cap = { 1 }, ACCOUNTS, .prepaid = { 0, 0, 1 }, .threads = 2),
	 setup_helped(), helped_reset, THREADS(help_0, help_1), UP_TO(2, 0));
