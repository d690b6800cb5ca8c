/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue of waiters: first in, first out; a waiter is taken once; nodes go
 * round without being shared; "nobody waits" is never said while somebody does.
 *
 * Method: each thread pushes itself and then pops once. While it pops, more has
 * been pushed than popped, so a queue that says "empty" is wrong by arithmetic;
 * this is what a packaged queue got wrong. Two queues share the arena, so that
 * nodes wander between them, and the tags start just before their wrap.
 *
 * fault: F26
 * property: P14
 * property: P28
 * property: P29
 */
#include <errno.h>
#include <sched.h>

#include "lockfree/waitq.h"
#include "tests/unit/lockfree-team.h"

#define NEAR_WRAP (UINT32_MAX - 3)
#define THREADS   4u
#define QUEUES    2u
#define NODES     (1 + QUEUES + THREADS)

static struct hd_waitq_arena arena;
static struct hd_waitq queue[QUEUES];

static void set_up(uint32_t nodes)
{
	uint32_t i;

	if (hd_waitq_arena_init(&arena, nodes))
		bail("no arena");
	for (i = 1; i < nodes; i++)
		atomic_store_explicit(&arena.node[i].next,
				      (uint64_t)NEAR_WRAP << 32,
				      memory_order_relaxed);
	for (i = 0; i < QUEUES; i++)
		hd_waitq_init_at(&queue[i], &arena, 1 + i, NEAR_WRAP);
}

static void alone(void)
{
	uint32_t node[4], spare, value, i, wrong = 0, round;

	ok(hd_waitq_arena_init(&arena, 1) == -EINVAL, "no node: -EINVAL");
	set_up(1 + QUEUES + 4);
	ok(!hd_waitq_any(queue, &arena) &&
		   !hd_waitq_pop_any(queue, &arena, &value, &spare) &&
		   hd_waitq_length_any(queue, &arena) == 0,
	   "a new queue is empty");
	for (i = 0; i < 4; i++)
		node[i] = 1 + QUEUES + i;
	for (round = 0; round < 8; round++) {
		for (i = 0; i < 4; i++) {
			hd_waitq_push_any(&queue[round % 2], &arena, node[i],
					  100 + i);
			wrong += !hd_waitq_any(&queue[round % 2], &arena);
			wrong += hd_waitq_length_any(&queue[round % 2],
						     &arena) != i + 1;
		}
		wrong += hd_waitq_any(&queue[(round + 1) % 2], &arena);
		for (i = 0; i < 4; i++)
			wrong += !hd_waitq_pop_any(&queue[round % 2], &arena,
						   &value, &node[i]) ||
				 value != 100 + i;
		wrong += hd_waitq_any(&queue[round % 2], &arena);
		wrong += hd_waitq_pop_any(&queue[round % 2], &arena, &value,
					  &spare);
	}
	is_u64(wrong, 0, "first in, first out, in two queues by turns");
	ok((uint32_t)(queue[0].head >> 32) < 100 &&
		   (uint32_t)(queue[0].tail >> 32) < 100,
	   "the tags wrapped");
	hd_waitq_arena_fini(&arena);
}

/* -- stress -- */

static _Atomic uint32_t waits[QUEUES][THREADS]; /* 1: pushed, not yet popped */
static _Atomic uint32_t owner[NODES];
static _Atomic uint64_t rounds, others;

/*
 * A push of oneself, then a pop of somebody. The next push waits until one has
 * been popped: a value is in the queue at most once.
 */
static void wait_and_serve(struct team *team, uint32_t me)
{
	uint32_t node = 1 + QUEUES + me;
	uint64_t stream = tap_stream(me), n = 0, other = 0;

	while (n % 64 || !team_time_is_over(team)) {
		uint32_t at = (uint32_t)tap_next(&stream) % QUEUES, value;
		struct hd_waitq *q = &queue[at];

		if (atomic_exchange_explicit(&owner[node], me + 1,
					     memory_order_relaxed))
			team_error(team); /* the node had an owner */
		while (atomic_load_explicit(&waits[at][me],
					    memory_order_acquire)) {
			/* Popped by who is about to clear it. */
			if (team_time_is_over(team))
				goto ended;
			sched_yield();
		}
		atomic_store_explicit(&waits[at][me], 1, memory_order_relaxed);
		atomic_store_explicit(&owner[node], 0, memory_order_relaxed);
		hd_waitq_push_any(q, &arena, node, me);
		if (!hd_waitq_any(q, &arena))
			team_error(team);
		if (!hd_waitq_pop_any(q, &arena, &value, &node)) {
			team_error(team);
			atomic_store_explicit(&team->stop, true,
					      memory_order_relaxed);
			return; /* no node to go on with */
		}
		if (value >= THREADS ||
		    atomic_exchange_explicit(&waits[at][value % THREADS], 0,
					     memory_order_release) != 1)
			team_error(team);
		other += value != me;
		n++;
	}
ended:
	atomic_fetch_add_explicit(&rounds, n, memory_order_relaxed);
	atomic_fetch_add_explicit(&others, other, memory_order_relaxed);
}

/* -- order -- */

#define ORDER_NODES 64u

static _Atomic uint32_t stock[ORDER_NODES + QUEUES + 1]; /* free nodes */
static _Atomic uint64_t popped_in_order;

static uint32_t take_node(uint32_t from)
{
	uint32_t i, node;

	for (i = 0;; i++) {
		node = atomic_exchange_explicit(
			&stock[(from + i) % ORDER_NODES], 0,
			memory_order_acquire);
		if (node)
			return node;
		if (i % ORDER_NODES == ORDER_NODES - 1)
			sched_yield();
	}
}

static void put_node(uint32_t node)
{
	uint32_t i, empty;

	for (i = 0;; i++) {
		empty = 0;
		if (atomic_compare_exchange_strong_explicit(
			    &stock[i % ORDER_NODES], &empty, node,
			    memory_order_release, memory_order_relaxed))
			return;
	}
}

/* Threads 0 and 1 push rising numbers; thread 2 must see each one's rise. */
static void in_order(struct team *team, uint32_t me)
{
	uint64_t n = 0;
	uint32_t seen[2] = { 0, 0 }, value, node;

	/* Asked each time: after the end nobody gives nodes back. */
	while (me < 2 && !team_time_is_over(team)) {
		n++;
		hd_waitq_push_any(queue, &arena, take_node(me * 32),
				  (uint32_t)n << 1 | me);
	}
	while (me == 2) {
		bool over = team_time_is_over(team);

		if (!hd_waitq_pop_any(queue, &arena, &value, &node)) {
			if (over)
				break;
			sched_yield();
			continue;
		}
		if (value >> 1 != seen[value & 1] + 1)
			team_error(team);
		seen[value & 1] = value >> 1;
		put_node(node);
		n++;
	}
	if (me == 2)
		atomic_store_explicit(&popped_in_order, n,
				      memory_order_relaxed);
}

int main(void)
{
	static struct team team;
	uint32_t i, value, node, left = 0;

	tap_deadline(60);
	alone();

	set_up(NODES);
	is_u64(team_run(&team, THREADS, tap_seconds(1.2), wait_and_serve), 0,
	       "who has pushed always finds somebody, nobody twice");
	ok(!hd_waitq_any(&queue[0], &arena) && !hd_waitq_any(&queue[1], &arena),
	   "in the end nobody waits");
	ok(rounds > 1000 && others > 0,
	   "%llu rounds, %llu served another thread",
	   (unsigned long long)rounds, (unsigned long long)others);
	hd_waitq_arena_fini(&arena);

	set_up(1 + QUEUES + ORDER_NODES);
	for (i = 0; i < ORDER_NODES; i++)
		stock[i] = 1 + QUEUES + i;
	is_u64(team_run(&team, 3, tap_seconds(0.8), in_order), 0,
	       "the values of each pusher come out in its order, none missing");
	while (hd_waitq_pop_any(queue, &arena, &value, &node))
		left++;
	ok(popped_in_order > 1000, "%llu were popped, %u were left",
	   (unsigned long long)popped_in_order, left);
	hd_waitq_arena_fini(&arena);
	return tap_done();
}
