/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest threads: berths, shells that are used again, tids, slots.
 *
 * clause: C9
 * clause: T3
 * clause: T4
 * clause: T6
 */
#include <limits.h>

#include "lab/scenarios/guest.h"
#include "platform/futex.h"

static struct heddle_slot *slot;

/* -- one after the other: the shell of the first is used by the second -- */

static void spawn_thrice(void)
{
	/* There are two entries for one berth: the third uses the first again. */
	spawn_join(guest_body, 0, 0);
	spawn_join(guest_body, 1, 0);
	spawn_join(guest_body, 2, 0);
	LAB_ASSERT(heddle_workers(pool, NULL, 0) == 1);
	thread_ends();
}

LAB_SCENARIO(shell, .name = "guest-shell",
	     .claim = "guests in a row use one thread and have different tids",
	     .setup = setup_one, .reset = guest_reset,
	     .thread = { spawn_thrice }, .at_rest = recycled_twice,
	     UP_TO(3, 0));

/* -- two want the only berth -- */

static void spawn_first(void)
{
	spawn_join(guest_body, 0, 0);
	thread_ends();
}

static void spawn_second(void)
{
	spawn_join(guest_body, 1, 0);
	thread_ends();
}

static const char *one_berth(void)
{
	if (guests.most > 1)
		return "berth: two guests at once";
	return recycled();
}

LAB_SCENARIO(
	berth, .name = "guest-berth",
	.claim = "one berth, two spawns: the second gets it from the first",
	.setup = setup_two, .reset = guest_reset,
	.thread = { spawn_first, spawn_second }, .at_rest = one_berth,
	UP_TO(2, 0));
LAB_SCENARIO(berths, .name = "guest-berths",
	     .claim = "two berths, two spawns, two tids",
	     .setup = setup_two_berths, .reset = guest_reset,
	     .thread = { spawn_first, spawn_second }, .at_rest = recycled,
	     USUAL);

/* -- slots: the destructor runs once, before the join returns -- */

static void destroy_value(void *value)
{
	LAB_ASSERT(*(int *)value == 9);
	note_destroyed();
}

static int slot_value;

static int32_t slot_body(void *arg)
{
	(void)arg;
	LAB_ASSERT(heddle_slot_get(slot) == NULL);
	slot_value = 9;
	LAB_ASSERT(heddle_slot_set(slot, &slot_value) == 0);
	return 3;
}

LAB_GHOST static unsigned int destroyed(void)
{
	return guests.destroyed;
}

static void spawn_slots(void)
{
	spawn_join(slot_body, 0, 0);
	LAB_ASSERT(destroyed() == 1);
	spawn_join(slot_body, 1, 0);
	LAB_ASSERT(destroyed() == 2);
	thread_ends();
}

static void setup_slot(void)
{
	struct heddle_slot_options options = {
		.struct_size = sizeof(options),
		.destructor = destroy_value,
	};

	setup_one();
	LAB_ASSERT(heddle_slot_create(pool, &options, &slot) == 0);
}

LAB_SCENARIO(
	slots, .name = "guest-slot",
	.claim = "a guest starts with empty slots, its values are destroyed",
	.setup = setup_slot, .reset = guest_reset, .thread = { spawn_slots },
	.at_rest = pool_at_rest, UP_TO(3, 0));

/* A slot is destroyed while a guest uses it. */
static int32_t late_slot_body(void *arg)
{
	int rc = heddle_slot_set(slot, &slot_value);

	(void)arg;
	LAB_ASSERT(rc == 0 || rc == -EINVAL || rc == -ESTALE);
	return 3;
}

static void spawn_late(void)
{
	spawn_join(late_slot_body, 0, 0);
	thread_ends();
}

static void destroy_slot(void)
{
	int rc = heddle_slot_destroy(slot, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0);
	thread_ends();
}

static void setup_slot_two(void)
{
	struct heddle_slot_options options = {
		.struct_size = sizeof(options),
	};

	setup_two();
	LAB_ASSERT(heddle_slot_create(pool, &options, &slot) == 0);
}

LAB_SCENARIO(slot_destroy, .name = "slot-destroy",
	     .claim = "a slot is destroyed while a guest sets it",
	     .setup = setup_slot_two, .reset = guest_reset,
	     .thread = { spawn_late, destroy_slot }, .at_rest = pool_at_rest,
	     UP_TO(2, 0));

/* A destructor runs before the destroy of its slot has returned, or not at all. */
static bool slot_gone;    /* ghost */
static int of_destructor; /* plain: its owner frees it after the destroy */

LAB_GHOST static void late_reset(void)
{
	guest_reset();
	slot_gone = false;
}

LAB_GHOST static void note_gone(void)
{
	slot_gone = true;
}

LAB_GHOST static bool is_gone(void)
{
	return slot_gone;
}

static void destroy_late(void *value)
{
	lab_touch(&slot_gone);
	LAB_ASSERT(!is_gone());
	LAB_ASSERT(*(int *)value == 9 && of_destructor == 7);
}

static int32_t value_body(void *arg)
{
	int rc;

	(void)arg;
	slot_value = 9;
	rc = heddle_slot_set(slot, &slot_value);
	LAB_ASSERT(rc == 0 || rc == -EINVAL || rc == -ESTALE);
	return 3;
}

static void spawn_value(void)
{
	spawn_join(value_body, 0, 0);
	thread_ends();
}

static void destroy_with_values(void)
{
	LAB_ASSERT(heddle_slot_destroy(slot, HEDDLE_FOREVER) == 0);
	of_destructor = 0;
	lab_touch(&slot_gone);
	note_gone();
	thread_ends();
}

static void setup_late(void)
{
	struct heddle_slot_options options = {
		.struct_size = sizeof(options),
		.destructor = destroy_late,
	};

	of_destructor = 7;
	setup_two();
	LAB_ASSERT(heddle_slot_create(pool, &options, &slot) == 0);
}

LAB_SCENARIO(slot_late, .name = "slot-late",
	     .claim = "no destructor runs when its slot is destroyed",
	     .setup = setup_late, .reset = late_reset,
	     .thread = { spawn_value, destroy_with_values },
	     .at_rest = pool_at_rest, UP_TO(2, 0));
LAB_SCENARIO(slot_late_old, .name = "slot-late-old",
	     .claim = "and loads may give an old value", .setup = setup_late,
	     .reset = late_reset,
	     .thread = { spawn_value, destroy_with_values },
	     .at_rest = pool_at_rest, UP_TO(1, 1));

/* -- a group above is closed while a guest is spawned -- */

static void setup_above(void)
{
	static const struct rules above_rules =
		RULES(.workers_max = 2, .flags = HEDDLE_POOL_ELASTIC,
		      .below = 1, .threads = 2);
	struct heddle_process_options options = {
		.struct_size = sizeof(options),
		.threads_max = 1,
	};

	pool_make(&above_rules);
	options.parent = groups[1];
	LAB_ASSERT(heddle_process_create(pool, &options, &process) == 0);
}

static int32_t body_below(void *arg)
{
	(void)arg;
	lab_touch(&slot_gone);
	LAB_ASSERT(!is_gone());
	return 3;
}

static void spawn_below(void)
{
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.flags = HEDDLE_GUEST_DETACHED,
		.fn = body_below,
	};
	int rc = heddle_guest_spawn(process, &options, NULL, HEDDLE_NOW);

	LAB_ASSERT(rc == 0 || rc == -ESHUTDOWN);
	thread_ends();
}

static void refuse_above(void)
{
	LAB_ASSERT(heddle_group_close(groups[1], HEDDLE_CLOSE_REFUSE,
				      HEDDLE_FOREVER) == 0);
	lab_touch(&slot_gone);
	note_gone();
	thread_ends();
}

LAB_SCENARIO(close_above, .name = "guest-close",
	     .claim = "no guest runs when a group above is closed",
	     .setup = setup_above, .reset = late_reset,
	     .thread = { spawn_below, refuse_above }, .at_rest = pool_at_rest,
	     UP_TO(2, 0));
LAB_SCENARIO(close_above_old, .name = "guest-close-old",
	     .claim = "and loads may give an old value", .setup = setup_above,
	     .reset = late_reset, .thread = { spawn_below, refuse_above },
	     .at_rest = pool_at_rest, UP_TO(1, 1));

/* -- the process ends -- */

static void destroy_process(void)
{
	LAB_ASSERT(heddle_process_destroy(process, HEDDLE_R0_QUIET,
					  HEDDLE_FOREVER) == 0);
	thread_ends();
}

static void spawn_or_not(void)
{
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.flags = HEDDLE_GUEST_DETACHED,
		.fn = guest_body,
	};
	int rc = heddle_guest_spawn(process, &options, NULL, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0 || rc == -ESHUTDOWN);
	thread_ends();
}

static void spawn_then_destroy(void)
{
	spawn_or_not();
	destroy_process();
}

LAB_SCENARIO(process_end, .name = "process-destroy",
	     .claim = "a process waits for its detached guest",
	     .setup = setup_two, .reset = guest_reset,
	     .thread = { spawn_then_destroy }, .at_rest = pool_at_rest,
	     UP_TO(2, 0));

/* -- a creation that fails -- */

static void spawn_fails(void)
{
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.fn = guest_body,
	};
	struct heddle_guest *guest;

	LAB_ASSERT(heddle_guest_spawn(process, &options, &guest, 0) == -EAGAIN);
	spawn_join(guest_body, 0, 0);
	thread_ends();
}

LAB_SCENARIO(fails, .name = "guest-fails",
	     .claim = "a spawn without a thread gives its berth back",
	     .setup = setup_one, .reset = guest_reset,
	     .thread = { spawn_fails }, .at_rest = pool_at_rest, UP_TO(3, 0),
	     .create_fails = 1);

/* A worker is made for it, and is not born. */
static bool births_fail; /* the first of an execution */

static int init_once(struct heddle_pool *of, uint32_t index, void *arg)
{
	bool fails = births_fail;

	(void)of;
	(void)index;
	(void)arg;
	births_fail = false;
	return fails ? -EPERM : 0;
}

static void setup_unborn(void)
{
	setup_one();
	pool->worker_init = init_once;
	births_fail = true;
}

LAB_SCENARIO(unborn, .name = "guest-unborn",
	     .claim = "a spawn is told that its worker was not born",
	     .setup = setup_unborn, .reset = guest_reset,
	     .thread = { spawn_fails }, .at_rest = pool_at_rest, UP_TO(2, 1));

/* -- two berths and one worker: the second guest waits for it -- */

static const struct rules elastic_one =
	RULES(.workers_max = 1, .flags = HEDDLE_POOL_ELASTIC, .threads = 2);

static void setup_one_worker(void)
{
	make_process(&elastic_one, 2);
}

LAB_SCENARIO(binds, .name = "guest-bind",
	     .claim = "two guests on the only worker, one after the other",
	     .setup = setup_one_worker, .reset = guest_reset,
	     .thread = { spawn_first, spawn_second }, .at_rest = recycled,
	     UP_TO(2, 0));
LAB_SCENARIO(binds_old, .name = "guest-bind-old",
	     .claim = "and loads may give an old value",
	     .setup = setup_one_worker, .reset = guest_reset,
	     .thread = { spawn_first, spawn_second }, .at_rest = recycled,
	     UP_TO(1, 1));

/* The only worker is on its way to sleep when a spawn begins to wait for it. */
static const struct rules elastic_busy =
	RULES(.workers = 1, .flags = HEDDLE_POOL_ELASTIC, .threads = 1);

static void never(struct heddle_task *task)
{
	LAB_ASSERT(!task);
}

/* It was woken for nothing: after a task it would linger. */
static void setup_busy(void)
{
	static struct heddle_task cancelled;

	make_process(&elastic_busy, 1);
	cancelled = (struct heddle_task){ .fn = never };
	LAB_ASSERT(heddle_submit(groups[0], &cancelled) == 0);
	LAB_ASSERT(heddle_cancel(&cancelled, HEDDLE_NOW) == 0);
}

static void spawn_detached(void)
{
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.flags = HEDDLE_GUEST_DETACHED,
		.fn = guest_body,
	};

	LAB_ASSERT(heddle_guest_spawn(process, &options, NULL,
				      HEDDLE_FOREVER) == 0);
	thread_ends();
}

static const char *ran_once(void)
{
	return guests.ran == 1 ? NULL : "lost: a guest did not run";
}

LAB_SCENARIO(binds_busy, .name = "guest-bind-busy",
	     .claim = "a guest gets the worker that falls asleep meanwhile",
	     .setup = setup_busy, .reset = guest_reset,
	     .thread = { spawn_detached }, .at_rest = ran_once, UP_TO(2, 1));

/* -- with old values -- */

LAB_SCENARIO(berth_old, .name = "guest-berth-old",
	     .claim = "one berth, two spawns", .setup = setup_two,
	     .reset = guest_reset, .thread = { spawn_first, spawn_second },
	     .at_rest = one_berth, UP_TO(1, 1));
LAB_SCENARIO(slots_old, .name = "guest-slot-old",
	     .claim = "a destructor runs before the join returns",
	     .setup = setup_slot, .reset = guest_reset,
	     .thread = { spawn_slots }, .at_rest = pool_at_rest, UP_TO(1, 1));
LAB_SCENARIO(slot_destroy_old, .name = "slot-destroy-old",
	     .claim = "a slot is destroyed while a guest sets it",
	     .setup = setup_slot_two, .reset = guest_reset,
	     .thread = { spawn_late, destroy_slot }, .at_rest = pool_at_rest,
	     UP_TO(1, 2));

/* -- a guest begins while the other worker blocks: one of them makes a third -- */

static int32_t stuck_guest(void *arg)
{
	(void)arg;
	lab_touch(&ghost);
	ghost_begin(0);
	lab_sleep_for_ever();
}

static void stuck_blocked(void *arg)
{
	(void)arg;
	lab_touch(&ghost);
	ghost_begin(0);
	lab_touch(&ghost);
	ghost_leave(0);
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == 0);
	lab_sleep_for_ever();
}

static void block_and_spawn(void)
{
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.flags = HEDDLE_GUEST_DETACHED,
		.fn = stuck_guest,
	};

	LAB_ASSERT(heddle_submit_call(groups[0], stuck_blocked, NULL) == 0);
	ghost_submitted(0);
	LAB_ASSERT(heddle_guest_spawn(process, &options, NULL,
				      HEDDLE_FOREVER) == 0);
	ghost_submitted(0);
	submit(0);
	thread_ends();
}

static const struct rules elastic_stuck = RULES(.workers = 2, .workers_max = 2,
						.flags = HEDDLE_POOL_ELASTIC,
						.stuck = true, .threads = 1);

static void setup_stuck(void)
{
	make_process(&elastic_stuck, 1);
}

LAB_SCENARIO(spare, .name = "guest-spare-old",
	     .claim = "a worker that blocks makes room beside a guest",
	     .setup = setup_stuck, .reset = guest_reset,
	     .thread = { block_and_spawn }, .at_rest = pool_at_rest,
	     .settle = true, UP_TO(1, 1));
