/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations of a whole pool, through the public calls. Four workers, a group with
 * a cap of three. Before each repetition keepers occupy some of the workers, the
 * others sleep. While the victim stands still, one peer
 *
 * - submits a crowd: each submit must return. If nobody runs it, the wakes are
 *   withheld, which L1 of the contract allows;
 * - lets the keepers go, so that a worker is awake: that one must get all the work
 *   done, or the operation blocks;
 * - has three tasks meet: by how many fewer than three can be inside at once, so many
 *   permits are withheld. One may be.
 */
#include <errno.h>
#include <unistd.h>

#include <heddle/heddle.h>

#include "bench/stall.h"

/* One worker more than the cap: what is missing then is a permit. */
#define WORKERS 4u
#define CAP     3u
#define CROWD   50u

static struct heddle_pool *pool;
static struct heddle_group *group;  /* where all of it happens */
static struct heddle_group *paused; /* its tasks stay queued */
static struct heddle_slot *slot;
static struct heddle_process *process;

static struct {
	uint32_t keepers;
	_Atomic uint32_t kept, release;
	_Atomic uint32_t ran;                /* of the crowd */
	_Atomic uint32_t inside, open, left; /* of those that meet */
	_Atomic uint32_t own, own_wanted;    /* the victim's tasks */
	_Atomic uint32_t over;               /* the task that is the victim */
} now;

static void call(struct heddle_group *where, heddle_call_fn fn)
{
	if (heddle_submit_call(where, fn, NULL))
		hs_give_up("a submit was refused");
}

/* ---- before and after ---- */

static void pool_setup(void)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.workers_max = WORKERS,
	};
	struct heddle_group_options capped = {
		.struct_size = sizeof(capped),
		.cap = CAP,
	};
	struct heddle_group_options quiet = {
		.struct_size = sizeof(quiet),
		.flags = HEDDLE_GROUP_PAUSED,
	};
	struct heddle_slot_options plain = { .struct_size = sizeof(plain) };
	struct heddle_process_options few = {
		.struct_size = sizeof(few),
		.threads_max = 8,
	};

	if (heddle_pool_create(&options, &pool) ||
	    heddle_group_create(heddle_pool_group(pool), &capped, &group) ||
	    heddle_group_create(heddle_pool_group(pool), &quiet, &paused) ||
	    heddle_slot_create(pool, &plain, &slot) ||
	    heddle_process_create(pool, &few, &process) ||
	    heddle_pool_start(pool, WORKERS, NULL, HEDDLE_FOREVER))
		hs_give_up("no pool");
}

static void keeper(void *arg)
{
	uint32_t nth = atomic_fetch_add(&now.kept, 1) + 1;

	(void)arg;
	hs_add(&now.kept, 0);
	hs_await(&now.release, nth);
}

/* A worker says that it is parked a moment before it is. */
static void until_parked(uint32_t wanted)
{
	struct heddle_worker_info worker[WORKERS];

	for (;;) {
		uint32_t parked = 0;
		int i, n = heddle_workers(pool, worker, WORKERS);

		for (i = 0; i < n; i++)
			parked += worker[i].state == HEDDLE_WORKER_PARKED;
		usleep(200);
		if (parked >= wanted)
			return;
	}
}

static void prepare(uint32_t keepers)
{
	uint32_t i;

	until_parked(WORKERS);
	now.keepers = keepers;
	now.kept = now.release = now.ran = now.inside = now.open = 0;
	now.left = now.own = now.own_wanted = now.over = 0;
	for (i = 0; i < keepers; i++)
		call(group, keeper);
	hs_await(&now.kept, keepers);
	until_parked(WORKERS - keepers);
}

static void one_awake(void)
{
	prepare(1);
}

static void settle(void)
{
	hs_await(&now.own, now.own_wanted);
}

/* ---- the peer ---- */

static void one_of_crowd(void *arg)
{
	(void)arg;
	atomic_fetch_add(&hs_shared->progress, 1);
	if (atomic_fetch_add(&now.ran, 1) + 1 == CROWD)
		hs_progress();
}

static void meet(void *arg)
{
	(void)arg;
	atomic_fetch_add(&now.inside, 1);
	hs_progress();
	hs_await(&now.open, 1);
	atomic_fetch_add(&now.left, 1);
	hs_progress();
}

static void script(void)
{
	uint32_t i;

	/* Of two keepers one is let go first: somebody has to be asleep. */
	if (now.keepers > 1) {
		hs_post(&now.release, 1);
		until_parked(1);
	}
	for (i = 0; i < CROWD; i++) {
		call(group, one_of_crowd);
		atomic_fetch_add(&hs_shared->progress, 1);
	}
	if (!hs_wait(&now.ran, CROWD))
		atomic_store(&hs_shared->stranded, 1);
	for (i = 0; i < CAP; i++)
		call(group, meet);
	hs_post(&now.release, now.keepers);
	if (!hs_wait(&now.inside, CAP))
		atomic_store(&hs_shared->withheld,
			     CAP - atomic_load(&now.inside));
	hs_post(&now.open, 1);
	if (!hs_wait(&now.ran, CROWD) || !hs_wait(&now.left, CAP))
		atomic_store(&hs_shared->blocked, 1);
	hs_add(&hs_shared->decided, 1);
	hs_wait_long(&now.ran, CROWD);
	hs_wait_long(&now.left, CAP);
}

/* ---- submits ---- */

#define MANY 4u

static void own_task(struct heddle_task *task)
{
	(void)task;
	hs_add(&now.own, 1);
}

static void own_call(void *arg)
{
	(void)arg;
	hs_add(&now.own, 1);
}

static struct heddle_task own[MANY] = {
	{ .fn = own_task, .flags = HEDDLE_TASK_DETACHED },
	{ .fn = own_task, .flags = HEDDLE_TASK_DETACHED },
	{ .fn = own_task, .flags = HEDDLE_TASK_DETACHED },
	{ .fn = own_task, .flags = HEDDLE_TASK_DETACHED },
};

static void before_one(void)
{
	prepare(1);
	now.own_wanted = 1;
}

static void before_many(void)
{
	prepare(1);
	now.own_wanted = MANY;
}

static void submit(void)
{
	heddle_submit(group, &own[0]);
}

static void submit_many(void)
{
	struct heddle_task *tasks[MANY] = { &own[0], &own[1], &own[2],
					    &own[3] };

	heddle_submit_many(group, tasks, MANY, NULL);
}

static void submit_call(void)
{
	heddle_submit_call(group, own_call, NULL);
}

/* ---- joins and cancels from outside ---- */

static struct heddle_task joined = { .fn = own_task };

static void before_join(void)
{
	until_parked(WORKERS);
	now.own = 0;
	if (heddle_submit(group, &joined))
		hs_give_up("a submit was refused");
	hs_await(&now.own, 1);
	prepare(1);
}

static void join(void)
{
	heddle_join(&joined, 0, HEDDLE_FOREVER);
}

static void before_cancel(void)
{
	prepare(1);
	if (heddle_submit(paused, &joined))
		hs_give_up("a submit was refused");
}

static void cancel(void)
{
	heddle_cancel(&joined, HEDDLE_FOREVER);
}

static void snapshot(void)
{
	struct heddle_worker_info worker[WORKERS];

	hs_kept = (uint64_t)heddle_workers(pool, worker, WORKERS);
}

/* ---- what a worker does ---- */

static void drive(uint32_t keepers, heddle_call_fn body)
{
	prepare(keepers);
	call(group, body);
	hs_await(&now.over, 1);
}

static void in_task(void *arg)
{
	(void)arg;
	hs_victim();
	hs_post(&now.over, 1);
}

static void drive_in_task(void)
{
	drive(1, in_task);
}

static void submit_inside(void *arg)
{
	(void)arg;
	now.own_wanted = 1;
	hs_victim();
	hs_post(&now.over, 1);
}

static void drive_submit_inside(void)
{
	drive(1, submit_inside);
}

static void slot_get(void)
{
	hs_kept_pointer = heddle_slot_get(slot);
}

static void slot_set(void)
{
	heddle_slot_set(slot, &now);
}

static void block_begin(void)
{
	heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
}

static void block_end(void)
{
	heddle_block_end();
}

static void in_begin(void *arg)
{
	(void)arg;
	hs_victim();
	heddle_block_end();
	hs_post(&now.over, 1);
}

static void in_end(void *arg)
{
	(void)arg;
	heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
	hs_victim();
	hs_post(&now.over, 1);
}

static void drive_begin(void)
{
	drive(1, in_begin);
}

static void drive_end(void)
{
	drive(1, in_end);
}

/* From the end of one task to the beginning of the next, or to the sleep. */
__attribute__((noinline)) static void task_ends(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

static void next_task(void *arg)
{
	(void)arg;
	hs_end();
	hs_post(&now.over, 1);
}

static void before_next(void *arg)
{
	(void)arg;
	/* Nobody sleeps who could be woken for it. */
	call(group, next_task);
	hs_gate();
	task_ends();
}

/* The end of a task that somebody joins, which is told on the way. */
static void before_next_joined(struct heddle_task *task)
{
	(void)task;
	before_next(NULL);
}

static struct heddle_task ending = { .fn = before_next_joined };

static void drive_end_joined(void)
{
	prepare(2);
	if (heddle_submit(group, &ending))
		hs_give_up("a submit was refused");
	hs_await(&now.over, 1);
}

static void settle_joined(void)
{
	heddle_join(&ending, 0, HEDDLE_FOREVER);
}

static void before_sleep(void *arg)
{
	(void)arg;
	hs_post(&now.over, 1);
	hs_gate();
	task_ends();
}

static void drive_take(void)
{
	drive(2, before_next);
}

static void drive_sleep(void)
{
	drive(2, before_sleep);
}

/* ---- what takes a lock, and says so ---- */

static void update(void)
{
	heddle_group_set_cap(paused, 0, NULL);
}

static bool update_peer(unsigned int who)
{
	(void)who;
	update();
	return true;
}

static int32_t guest(void *arg)
{
	(void)arg;
	return 0;
}

static void spawn(void)
{
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.flags = HEDDLE_GUEST_DETACHED,
		.fn = guest,
	};

	heddle_guest_spawn(process, &options, NULL, HEDDLE_NOW);
}

/* That there is no worker for it is an answer. */
static bool spawn_peer(unsigned int who)
{
	(void)who;
	spawn();
	return true;
}

static void all_parked(void)
{
	until_parked(WORKERS);
}

/* clang-format off */
#define FREE     .claim = HS_LOCK_FREE, .setup = pool_setup, .script = script
#define WAITLESS .claim = HS_WAIT_FREE, .setup = pool_setup, .script = script
#define LOCKED   .claim = HS_BLOCKING, .setup = pool_setup

const struct hs_operation hs_pool[] = {
	{ .name = "submit", .where = "heddle_submit()", FREE,
	  .prepare = before_one, .victim = submit, .settle = settle },
	{ .name = "submit-many", .where = "heddle_submit_many()", FREE,
	  .prepare = before_many, .victim = submit_many, .settle = settle },
	{ .name = "submit-call", .where = "heddle_submit_call()", FREE,
	  .prepare = before_one, .victim = submit_call, .settle = settle },
	{ .name = "submit-inside", .where = "heddle_submit(), in a task", FREE,
	  .drive = drive_submit_inside, .victim = submit, .settle = settle },
	{ .name = "take", .where = "a worker, from task to task", FREE,
	  .drive = drive_take, .victim = task_ends },
	{ .name = "take-joined", .where = "as take, from a task with a joiner",
	  FREE, .drive = drive_end_joined, .victim = task_ends,
	  .settle = settle_joined },
	{ .name = "sleep", .where = "a worker, from a task to its sleep", FREE,
	  .drive = drive_sleep, .victim = task_ends, .sleeps = true,
	  .repeats = 2 },
	{ .name = "cancel-queued", .where = "heddle_cancel()", FREE,
	  .prepare = before_cancel, .victim = cancel },
	{ .name = "block-begin", .where = "heddle_block_begin()", FREE,
	  .drive = drive_begin, .victim = block_begin },
	{ .name = "slot-get", .where = "heddle_slot_get()", WAITLESS,
	  .drive = drive_in_task, .victim = slot_get },
	{ .name = "slot-set", .where = "heddle_slot_set()", WAITLESS,
	  .drive = drive_in_task, .victim = slot_set },
	{ .name = "workers", .where = "heddle_workers()", WAITLESS,
	  .prepare = one_awake, .victim = snapshot },
	{ .name = "join-ended", .where = "heddle_join()", LOCKED,
	  .blocker = "a task that has not ended; this one has",
	  .script = script, .prepare = before_join, .victim = join },
	{ .name = "block-end", .where = "heddle_block_end()", LOCKED,
	  .blocker = "a permit, of which there are some here",
	  .script = script, .drive = drive_end, .victim = block_end },
	{ .name = "group-update", .where = "heddle_group_update()", LOCKED,
	  .blocker = "the lock among changes of caps",
	  .prepare = all_parked, .victim = update, .peer = update_peer,
	  .goal = 20 },
	{ .name = "guest-spawn", .where = "heddle_guest_spawn()", LOCKED,
	  .blocker = "the lock of the process, under which tids are drawn",
	  .prepare = all_parked, .victim = spawn, .peer = spawn_peer,
	  .goal = 20 },
	{ .name = NULL },
};
/* clang-format on */
