/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cap that goes 4 -> 1 -> 2 -> 4 under a load that never ends. Each entry
 * into and exit from a task draws the next number of one sequence together
 * with the count of tasks inside, so that what happened between two instants
 * is known exactly afterwards, not sampled.
 *
 * When a lowering has returned, at most (old - new) tasks may end before the
 * count is at the new cap for good, and exactly that many when all permits of
 * the old cap were inside tasks at that instant.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "papers/P01/backend_heddle.h"
#include "papers/P01/measure.h"
#include "papers/P01/threads.h"
#include "tools/say.h"

enum {
	WORKERS = 8,
	TASKS = 64,
	LOG_SIZE = 1 << 18, /* events; a round has a few hundred */
	HIGH = 4,
	LOW = 1,
	MIDDLE = 2
};

#define LIMIT_NS UINT64_C(5000000000)

struct load;

struct load_task {
	struct heddle_task task; /* first: the library gives it back */
	struct load *load;
	uint64_t stay_ns;
};

struct load {
	/* Sequence number above, tasks inside in the low 8 bits. */
	_Atomic(uint64_t) state;
	_Atomic(uint64_t) log[LOG_SIZE]; /* the number, inside, is an exit */
	_Atomic(uint32_t) finished;
	_Atomic(bool) is_over;
	struct heddle_group *group;
	struct load_task task[TASKS];
};

struct counts {
	uint64_t full;       /* lowerings with all permits inside tasks */
	uint64_t full_exact; /* of these, exactly old - new ended */
	uint64_t too_many;   /* more than old - new ended */
	uint64_t most_ended;
	uint64_t over; /* counts seen above the cap in force */
	uint64_t slow; /* a raised cap was not reached */
	uint64_t raise_max_ns;
	uint64_t events;
};

/* One word: all its changes are in one order, which is the log's. */
static void log_event(struct load *load, int step)
{
	uint64_t state =
		atomic_fetch_add_explicit(&load->state, (uint64_t)(256 + step),
					  memory_order_relaxed); /* one word */
	uint64_t number = state >> 8;
	uint64_t inside = (state & 255) + (uint64_t)(int64_t)step;

	atomic_store_explicit(&load->log[number % LOG_SIZE],
			      number << 16 | (inside & 255) << 8 |
				      (uint64_t)(step < 0),
			      memory_order_release); /* resize-1 */
}

/* The state now: a read-modify-write sees the newest value of the word. */
static uint64_t look(struct load *load)
{
	return atomic_fetch_or_explicit(&load->state, 0,
					memory_order_relaxed); /* newest */
}

static uint64_t event(struct load *load, uint64_t number)
{
	uint64_t entry;

	/* Who drew the number may not have written the entry yet. */
	while ((entry = atomic_load_explicit(&load->log[number % LOG_SIZE],
					     memory_order_acquire)) >>
		       16 !=
	       number) { /* resize-1 */
		if (entry >> 16 > number && entry)
			hp_die("the log of events was too short");
		sched_yield();
	}
	return entry;
}

static void run(struct heddle_task *task)
{
	struct load_task *own = (struct load_task *)(void *)task;
	struct load *load = own->load;

	log_event(load, 1);
	hp_linger(own->stay_ns);
	log_event(load, -1);
	/* A detached task is the caller's again once it was entered. */
	if (!atomic_load_explicit(&load->is_over,
				  memory_order_acquire)) { /* resize-2 */
		hp_heddle_must(heddle_submit(load->group, task),
			       "heddle_submit from a task");
		return;
	}
	atomic_fetch_add_explicit(&load->finished, 1,
				  memory_order_release); /* resize-3 */
}

/* Most inside between two numbers of the sequence. */
static uint64_t most_inside(struct load *load, uint64_t from, uint64_t until)
{
	uint64_t most = 0;
	uint64_t i;

	for (i = from; i < until; i++) {
		uint64_t inside = event(load, i) >> 8 & 255;

		if (inside > most)
			most = inside;
	}
	return most;
}

static uint64_t reach(struct load *load, uint32_t inside)
{
	uint64_t start = ht_now();

	while ((look(load) & 255) < inside && ht_now() - start < LIMIT_NS)
		sched_yield();
	return ht_now() - start;
}

static void lower(struct load *load, struct counts *counts)
{
	struct heddle_ticket ticket;
	uint64_t before, after, i, ended = 0, ended_above = 0;

	hp_heddle_must(heddle_group_set_cap(load->group, LOW, &ticket),
		       "heddle_group_set_cap");
	before = look(load);
	hp_heddle_must(heddle_group_wait(ticket, ht_now() + LIMIT_NS),
		       "heddle_group_wait");
	after = look(load);
	if ((after & 255) > LOW)
		counts->over++;
	/* Ends up to the last event that left more than the new cap inside,
	 * and the one that brought the count to it. */
	for (i = before >> 8; i < after >> 8; i++) {
		uint64_t entry = event(load, i);

		ended += entry & 1;
		if ((entry >> 8 & 255) > LOW)
			ended_above = ended + 1;
		else if (!ended_above && (before & 255) > LOW)
			ended_above = ended;
	}
	if (ended_above > HIGH - LOW)
		counts->too_many++;
	if (ended_above > counts->most_ended)
		counts->most_ended = ended_above;
	if ((before & 255) == HIGH) {
		counts->full++;
		counts->full_exact += ended_above == HIGH - LOW;
	}
	/* The new cap holds from the end of the wait on. */
	hp_linger(100000);
	if (most_inside(load, after >> 8, look(load) >> 8) > LOW)
		counts->over++;
}

static void raise_to(struct load *load, uint32_t cap, struct counts *counts)
{
	uint64_t before = look(load) >> 8;
	uint64_t took;

	hp_heddle_must(heddle_group_set_cap(load->group, cap, NULL),
		       "heddle_group_set_cap");
	took = reach(load, cap);
	if (took >= LIMIT_NS)
		counts->slow++;
	if (took > counts->raise_max_ns)
		counts->raise_max_ns = took;
	hp_linger(100000);
	if (most_inside(load, before, look(load) >> 8) > cap)
		counts->over++;
}

static struct load *start_load(struct heddle_pool *pool, uint64_t seed)
{
	struct load *load = ht_alloc(1, sizeof(*load));
	struct heddle_group_options options = {
		.struct_size = sizeof(options),
		.cap = HIGH,
	};
	uint32_t i;

	/* The entry of number 0 must not look written. */
	atomic_store_explicit(&load->log[0], UINT64_MAX << 16,
			      memory_order_relaxed); /* not shared yet */
	atomic_store_explicit(&load->state, 1 << 8,
			      memory_order_relaxed); /* not shared yet */
	hp_heddle_must(heddle_group_create(heddle_pool_group(pool), &options,
					   &load->group),
		       "heddle_group_create");
	for (i = 0; i < TASKS; i++) {
		struct load_task *task = &load->task[i];

		task->task.fn = run;
		task->task.flags = HEDDLE_TASK_DETACHED;
		task->load = load;
		seed = seed * UINT64_C(6364136223846793005) + 1;
		task->stay_ns = 5000 + (seed >> 33) % 20000;
		hp_heddle_must(heddle_submit(load->group, &task->task),
			       "heddle_submit");
	}
	return load;
}

void hp_measure_resize(const struct hp_request *request)
{
	struct heddle_pool *pool = hp_heddle_pool(WORKERS, HP_STACK, 0);
	struct counts counts = { 0 };
	struct load *load;
	uint64_t i;

	hp_heddle_must(heddle_pool_start(pool, WORKERS, NULL, HEDDLE_FOREVER),
		       "heddle_pool_start");
	load = start_load(pool, request->seed);
	if (reach(load, HIGH) >= LIMIT_NS)
		hp_die("the load never reached the cap");
	for (i = 0; i < request->count; i++) {
		lower(load, &counts);
		raise_to(load, MIDDLE, &counts);
		raise_to(load, HIGH, &counts);
	}
	counts.events = look(load) >> 8;
	atomic_store_explicit(&load->is_over, true,
			      memory_order_release); /* resize-2 */
	while (atomic_load_explicit(&load->finished, memory_order_acquire) <
	       TASKS) /* resize-3 */
		hp_sleep(100000);
	printf("resize rounds=%" PRIu64 " full=%" PRIu64 " full_exact=%" PRIu64
	       " too_many=%" PRIu64 " most_ended=%" PRIu64 " over=%" PRIu64
	       " slow=%" PRIu64 " raise_max_ns=%" PRIu64 " events=%" PRIu64
	       "\n",
	       i, counts.full, counts.full_exact, counts.too_many,
	       counts.most_ended, counts.over, counts.slow, counts.raise_max_ns,
	       counts.events);
	hp_heddle_end(pool);
	free(load);
}
