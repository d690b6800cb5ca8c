/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guest-churn: guest threads come and go on recycled workers and find nothing
 * of each other.
 *
 * Guests are spawned by threads and by guests, joined or detached, on shells
 * or FRESH, at once or with a deadline. Each one first looks for what the ones
 * before it left: values in slots, canaries on the stack (clause: T2). It then
 * leaves its own. Thread ids of live guests differ and are in range
 * (clause: T4), no more are live than there are berths (clause: C9), and all
 * destructors have run when a join returns (clause: T6).
 */
#include "tools/stress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <heddle/heddle.h>

enum {
	PROCESSES = 2,
	BERTHS = 6,
	CAP = 3,
	WORKERS = 10,
	SLOTS = 4,
	SILENT_SLOT = 3, /* has no destructor */
	SPAWNERS = 2,
	VISITS = 8,      /* guests of a spawner that are joined */
	DETACHED = 1024, /* books of guests that nobody joins */
	STACK_WORDS = 512,
	TID_END = 1 << 29,
};

static const uint64_t canary = UINT64_C(0x6b8c5d1f93a7e245);

struct world;

struct process {
	struct heddle_process *handle;
	pthread_mutex_t lock; /* of the table of live ids */
	uint32_t live[2 * BERTHS];
	uint32_t n_live;
};

/* What is known of one guest. */
struct visit {
	struct world *world;
	struct process *process;
	struct heddle_guest *guest;
	struct visit *child; /* the guest may spawn this one */
	uint32_t plan;       /* random bits: what it does */
	uint32_t spin;
	int32_t code;      /* as it will end */
	int32_t exit_code; /* as the library stored it */
	bool is_spawned;
	uint32_t runs; /* plain: the join gives the order */
	uint32_t slots_set;
	_Atomic(uint32_t) destroyed;
};

/* A guest that nobody joins may only leave a count. */
struct stray {
	struct visit visit;
	_Atomic(uint32_t) ended;
};

struct world {
	struct ht_stress *run;
	struct heddle_pool *pool;
	struct process processes[PROCESSES];
	struct heddle_slot *slots[SLOTS];
};

struct spawner {
	struct world *world;
	struct ht_actor *actor;
	struct visit visits[VISITS];
	struct visit children[VISITS];
	struct stray strays[DETACHED];
	uint32_t next_stray;
};

/* What the plan of a guest says. */
enum {
	PLAN_CHILD = 1,
	PLAN_BLOCK = 2,
	PLAN_EXIT = 4, /* by heddle_guest_exit() from some depth */
	PLAN_TWIN = 8,
	PLAN_SLOTS = 16,
};

/*
 * The twin's idea of a slot: a variable of the OS thread, which the next guest
 * on the same worker finds as the last one left it.
 */
static _Thread_local void *twin_slot;

static void destructor(void *value)
{
	struct visit *visit = value;

	atomic_fetch_add_explicit(&visit->destroyed, 1, memory_order_relaxed);
}

#pragma GCC diagnostic push
/* Reading what nobody has written is what it is for. */
#pragma GCC diagnostic ignored "-Wuninitialized"
#ifndef __clang__
# pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
/*
 * Look at a part of the stack that this frame has not written. Reading it has
 * no defined value, which is the point: nobody may be able to learn something.
 */
__attribute__((noinline, no_sanitize("address"),
	       no_sanitize("thread"))) static uint32_t
look_at_stack(void)
{
	uint64_t area[STACK_WORDS];
	volatile const uint64_t *at = area;
	uint32_t found = 0;
	uint32_t i;

	for (i = 0; i < STACK_WORDS; i++)
		found += at[i] == canary;
	return found;
}
#pragma GCC diagnostic pop

__attribute__((noinline, no_sanitize("address"),
	       no_sanitize("thread"))) static void
soil_stack(void)
{
	uint64_t area[STACK_WORDS];
	volatile uint64_t *at = area;
	uint32_t i;

	for (i = 0; i < STACK_WORDS; i++)
		at[i] = canary;
}

static void look_for_predecessors(struct visit *visit)
{
	struct world *world = visit->world;
	uint32_t found = look_at_stack();
	uint32_t i;

	if (found)
		ht_violation(world->run, HT_LEAK,
			     "%u canaries on the stack of a new guest", found);
	for (i = 0; i < SLOTS; i++)
		if (heddle_slot_get(world->slots[i]))
			ht_violation(world->run, HT_LEAK,
				     "slot %u of a new guest has a value", i);
	if (twin_slot && world->run->is_busted)
		ht_violation(world->run, HT_LEAK,
			     "a thread-local of a new guest has a value");
	soil_stack();
	if (world->run->is_busted)
		twin_slot = visit;
}

static void set_slots(struct visit *visit)
{
	struct world *world = visit->world;
	uint32_t i;

	for (i = 0; i < SLOTS; i++) {
		if (!(visit->plan >> (8 + i) & 1))
			continue;
		ht_expect(world->run, "heddle_slot_set",
			  heddle_slot_set(world->slots[i], visit));
		if (heddle_slot_get(world->slots[i]) != visit)
			ht_violation(world->run, HT_ORDER,
				     "a slot does not hold what was set");
		visit->slots_set += i != SILENT_SLOT;
	}
}

/* Book the id of a guest that is live from here on. */
static void book_tid(struct visit *visit, uint32_t tid)
{
	struct process *process = visit->process;
	struct ht_stress *run = visit->world->run;
	uint32_t i;

	if (!tid || tid >= TID_END)
		ht_violation(run, HT_TID, "a guest has the id %u", tid);
	pthread_mutex_lock(&process->lock);
	for (i = 0; i < process->n_live; i++)
		if (process->live[i] == tid)
			ht_violation(run, HT_TID, "two live guests have id %u",
				     tid);
	if (process->n_live >= BERTHS)
		ht_violation(run, HT_CAP, "%u guests are live, %u berths",
			     process->n_live + 1, BERTHS);
	else if (process->n_live + 1 == BERTHS)
		atomic_fetch_add_explicit(&run->near, 1, memory_order_relaxed);
	if (process->n_live < 2 * BERTHS)
		process->live[process->n_live++] = tid;
	pthread_mutex_unlock(&process->lock);
}

static void strike_tid(struct visit *visit, uint32_t tid)
{
	struct process *process = visit->process;
	uint32_t i;

	pthread_mutex_lock(&process->lock);
	for (i = 0; i < process->n_live; i++) {
		if (process->live[i] != tid)
			continue;
		process->live[i] = process->live[--process->n_live];
		break;
	}
	pthread_mutex_unlock(&process->lock);
}

static int32_t run_guest(void *arg);

static bool spawn(struct visit *visit, uint32_t flags, uint64_t deadline)
{
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.flags = flags,
		.fn = run_guest,
		.arg = visit,
		.exit_code = &visit->exit_code,
	};
	int rc;

	visit->runs = 0;
	visit->slots_set = 0;
	visit->exit_code = ~visit->code;
	atomic_store_explicit(&visit->destroyed, 0, memory_order_relaxed);
	rc = heddle_guest_spawn(
		visit->process->handle, &options,
		flags & HEDDLE_GUEST_DETACHED ? NULL : &visit->guest, deadline);
	if (rc == -EAGAIN)
		atomic_fetch_add_explicit(&visit->world->run->near, 1,
					  memory_order_relaxed); /* count */
	else
		ht_expect(visit->world->run, "heddle_guest_spawn", rc);
	visit->is_spawned = !rc;
	return !rc;
}

/* What must be true of a guest that was joined, or that was never spawned. */
static void settle(struct visit *visit, enum heddle_level level)
{
	struct ht_stress *run = visit->world->run;
	uint32_t destroyed;

	if (visit->is_spawned) {
		ht_expect(run, "heddle_guest_join",
			  heddle_guest_join(visit->guest, level,
					    HEDDLE_FOREVER));
		atomic_fetch_add_explicit(&run->tasks, 1, memory_order_relaxed);
	}
	if (visit->runs != visit->is_spawned)
		ht_violation(run, visit->runs ? HT_DUP : HT_LOST,
			     "a guest ran %u times, spawned: %u", visit->runs,
			     visit->is_spawned);
	destroyed = atomic_load_explicit(&visit->destroyed,
					 memory_order_relaxed); /* joined */
	if (visit->is_spawned && destroyed != visit->slots_set)
		ht_violation(run, HT_LEAK,
			     "%u slots were set, %u destructors ran before "
			     "the join",
			     visit->slots_set, destroyed);
	if (visit->is_spawned && visit->exit_code != visit->code)
		ht_violation(run, HT_ORDER, "exit code %d, not %d",
			     visit->exit_code, visit->code);
	visit->is_spawned = false;
	visit->runs = 0;
}

static void use_child(struct visit *visit)
{
	struct visit *child = visit->child;

	child->world = visit->world;
	child->process = visit->process;
	child->plan = visit->plan >> 16;
	child->plan &= ~(uint32_t)PLAN_CHILD;
	child->code = visit->code ^ 0x55;
	child->spin = visit->spin;
	/* NOW: a guest that waits for a berth may wait for itself. */
	spawn(child, 0, HEDDLE_NOW);
	settle(child, HEDDLE_R1_LEFT);
}

__attribute__((noinline)) static void exit_from(struct visit *visit,
						uint32_t depth)
{
	if (depth)
		exit_from(visit, depth - 1);
	else
		ht_expect(visit->world->run, "heddle_guest_exit",
			  heddle_guest_exit(visit->code));
	/* Not a tail call, so that there is a depth. */
	ht_spin(depth);
}

static int32_t run_guest(void *arg)
{
	struct visit *visit = arg;
	struct ht_stress *run = visit->world->run;
	uint32_t tid = heddle_guest_tid(heddle_guest_self());

	visit->runs++;
	look_for_predecessors(visit);
	book_tid(visit, tid);
	if (run->is_busted && visit->plan & PLAN_TWIN)
		book_tid(visit, tid);
	if (visit->plan & PLAN_SLOTS)
		set_slots(visit);
	ht_spin(visit->spin);
	if (visit->plan & PLAN_BLOCK) {
		ht_expect(run, "heddle_block_begin",
			  heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL));
		ht_sleep_us(50);
		ht_expect(run, "heddle_block_end", heddle_block_end());
	}
	if (visit->plan & PLAN_CHILD && visit->child)
		use_child(visit);
	if (heddle_guest_tid(heddle_guest_self()) != tid)
		ht_violation(run, HT_TID, "the id of a guest changed");
	strike_tid(visit, tid);
	if (run->is_busted && visit->plan & PLAN_TWIN)
		strike_tid(visit, tid);
	if (visit->plan & PLAN_EXIT)
		exit_from(visit, visit->plan >> 24 & 7);
	return visit->code;
}

static int32_t run_stray(void *arg)
{
	struct stray *stray = arg;
	uint32_t tid = heddle_guest_tid(heddle_guest_self());

	look_for_predecessors(&stray->visit);
	book_tid(&stray->visit, tid);
	ht_spin(stray->visit.spin);
	strike_tid(&stray->visit, tid);
	/* stray-1: the book may be written again by its owner. */
	atomic_fetch_add_explicit(&stray->ended, 1, memory_order_release);
	return 0;
}

static void settle_stray(struct stray *stray, bool must_be_over)
{
	struct ht_stress *run = stray->visit.world->run;
	uint32_t ended =
		atomic_load_explicit(&stray->ended, memory_order_acquire);

	if (ended > stray->visit.is_spawned)
		ht_violation(run, HT_DUP,
			     "a detached guest ran %u times, spawned: %u",
			     ended, stray->visit.is_spawned);
	if (!ended && stray->visit.is_spawned && must_be_over)
		ht_violation(run, HT_LOST, "a detached guest never ran");
}

/* A guest that nobody joins. Its book is free again once it says so. */
static void spawn_stray(struct spawner *spawner)
{
	struct ht_random *random = &spawner->actor->random;
	struct stray *stray = &spawner->strays[spawner->next_stray];
	struct world *world = spawner->world;
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.flags = HEDDLE_GUEST_DETACHED,
		.fn = run_stray,
		.arg = stray,
	};
	uint32_t spin = ht_random_below(random, 2000);
	uint32_t number = ht_random_below(random, PROCESSES);
	int rc;

	if (stray->visit.is_spawned &&
	    !atomic_load_explicit(&stray->ended, memory_order_acquire))
		return;
	if (stray->visit.world)
		settle_stray(stray, false);
	spawner->next_stray = (spawner->next_stray + 1) % DETACHED;
	memset(&stray->visit, 0, sizeof(stray->visit));
	stray->visit.world = world;
	stray->visit.process = &world->processes[number];
	stray->visit.spin = spin;
	atomic_store_explicit(&stray->ended, 0, memory_order_relaxed);
	rc = heddle_guest_spawn(stray->visit.process->handle, &options, NULL,
				HEDDLE_NOW);
	if (rc != -EAGAIN)
		ht_expect(world->run, "heddle_guest_spawn", rc);
	stray->visit.is_spawned = !rc;
	if (!rc)
		atomic_fetch_add_explicit(&world->run->tasks, 1,
					  memory_order_relaxed); /* count */
}

static void spawn_visits(struct spawner *spawner)
{
	struct ht_random *random = &spawner->actor->random;
	uint32_t n = 1 + ht_random_below(random, VISITS);
	uint64_t deadline = HEDDLE_NOW;
	struct visit *visit;
	uint32_t flags, i;

	ht_actor_doing(spawner->actor, "spawning");
	for (i = 0; i < n; i++) {
		visit = &spawner->visits[i];
		visit->world = spawner->world;
		visit->process = &spawner->world->processes[ht_random_below(
			random, PROCESSES)];
		visit->child = &spawner->children[i];
		visit->plan = (uint32_t)ht_random_next(random);
		visit->spin = ht_random_below(random, 3000);
		visit->code = (int32_t)ht_random_below(random, 1000);
		flags = ht_random_chance(random, 8) ? HEDDLE_GUEST_FRESH : 0;
		if (ht_random_chance(random, 2))
			deadline = ht_now() + 2000000;
		spawn(visit, flags, deadline);
	}
	ht_actor_doing(spawner->actor, "joining guests");
	for (i = 0; i < n; i++)
		settle(&spawner->visits[i],
		       HEDDLE_R1_LEFT + ht_random_below(random, 3));
}

static void spawner_body(struct ht_actor *actor)
{
	struct spawner *spawner = actor->data;

	spawner->actor = actor;
	while (ht_actor_step(actor)) {
		if (ht_random_chance(&actor->random, 3))
			spawn_stray(spawner);
		else
			spawn_visits(spawner);
	}
}

static bool open_world(struct world *world)
{
	struct heddle_pool_options pool_options = {
		.struct_size = sizeof(pool_options),
		.flags = HEDDLE_POOL_ELASTIC,
		.workers_max = WORKERS,
		.blocked_max = 2 * BERTHS,
		.name = "guest",
	};
	struct heddle_process_options options = {
		.struct_size = sizeof(options),
		.threads_max = BERTHS,
		.cap = CAP,
	};
	struct heddle_slot_options slot = {
		.struct_size = sizeof(slot),
	};
	int rc = heddle_pool_create(&pool_options, &world->pool);
	uint32_t i;

	if (!rc)
		ht_stress_watch(world->run, world->pool);
	for (i = 0; i < PROCESSES && !rc; i++) {
		pthread_mutex_init(&world->processes[i].lock, NULL);
		rc = heddle_process_create(world->pool, &options,
					   &world->processes[i].handle);
	}
	for (i = 0; i < SLOTS && !rc; i++) {
		slot.destructor = i == SILENT_SLOT ? NULL : destructor;
		rc = heddle_slot_create(world->pool, &slot, &world->slots[i]);
	}
	ht_expect(world->run, "creating a pool, processes and slots", rc);
	return !rc;
}

static void close_world(struct world *world)
{
	struct ht_stress *run = world->run;
	struct ht_actor *self = &run->actors[0];
	uint32_t i;

	ht_actor_doing(self, "destroying the processes");
	for (i = 0; i < PROCESSES; i++) {
		ht_expect(run, "heddle_process_destroy",
			  heddle_process_destroy(world->processes[i].handle,
						 HEDDLE_R3_GONE,
						 HEDDLE_FOREVER));
		pthread_mutex_destroy(&world->processes[i].lock);
	}
	if (world->pool)
		ht_stress_rest(run, world->pool);
	ht_actor_doing(self, "destroying the slots");
	for (i = 0; i < SLOTS; i++)
		if (world->slots[i])
			ht_expect(run, "heddle_slot_destroy",
				  heddle_slot_destroy(world->slots[i],
						      HEDDLE_FOREVER));
	ht_actor_doing(self, "destroying the pool");
	if (world->pool)
		ht_expect(run, "heddle_pool_destroy",
			  heddle_pool_destroy(world->pool, HEDDLE_R4_CLEAN,
					      NULL, HEDDLE_FOREVER));
	ht_stress_watch(run, NULL);
}

static void body(struct ht_stress *run)
{
	struct spawner *spawners = ht_alloc(SPAWNERS, sizeof(*spawners));
	struct world world = { .run = run };
	uint32_t base = ht_threads_now();
	uint32_t i, k;

	if (open_world(&world)) {
		for (i = 0; i < SPAWNERS; i++) {
			spawners[i].world = &world;
			ht_actor_add(run, "spawner", spawner_body,
				     &spawners[i]);
		}
		ht_stress_supervise(run, world.pool);
		ht_actors_join(run);
	}
	close_world(&world);
	for (i = 0; i < SPAWNERS; i++)
		for (k = 0; k < DETACHED; k++)
			if (spawners[i].strays[k].visit.world)
				settle_stray(&spawners[i].strays[k], true);
	/* A joined actor may not be gone yet; the library's threads are. */
	for (i = 0; i < 100 && ht_threads_now() > base; i++)
		ht_sleep_us(1000);
	if (ht_threads_now() != base)
		ht_violation(run, HT_LEAK, "%u threads at the end, not %u",
			     ht_threads_now(), base);
	free(spawners);
}

const struct ht_scenario ht_stress_guest = {
	.name = "guest-churn",
	.help = "guest threads on recycled workers, with canaries",
	.twin = "a thread-local of the OS thread in place of a slot, and "
		"guests that book their id twice",
	.twin_kinds = 1u << HT_LEAK | 1u << HT_TID,
	.near = "full processes and refused spawns",
	.body = body,
};
