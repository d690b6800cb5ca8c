/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The injection list: what is pushed is taken once, in order for each pusher,
 * and the bound is never passed.
 *
 * Method: pushers number their nodes, takers write a mark into the entry of
 * each node they get, which must read 0; within one pusher the numbers of a
 * taken list fall, since the newest comes first. The length starts just
 * before the end of its field for the wrap.
 *
 * fault: F26
 * property: P28
 * property: P29
 */
#include <sched.h>

#include "lockfree/inject.h"
#include "lockfree/nodes.h"
#include "tests/unit/lockfree-team.h"

#define LIMIT   256u
#define BOUND   16u
#define PUSHERS 3u
#define TAKERS  2u

static struct hd_nodes nodes;
static struct hd_inject list;

static uint32_t next_of(uint32_t index)
{
	return atomic_load_explicit(&hd_node_at(&nodes, index)->next,
				    memory_order_relaxed);
}

static void alone(void)
{
	uint32_t length = 7, a;
	uint64_t head;

	ok(hd_inject_length_any(&list) == 0 &&
		   hd_inject_take_any(&list, &length) == 0 && length == 0,
	   "a new list is empty");
	ok(hd_inject_push_any(&list, &nodes, 1, 3) &&
		   hd_inject_push_any(&list, &nodes, 2, 3) &&
		   hd_inject_push_any(&list, &nodes, 3, 3),
	   "three fit into three");
	ok(!hd_inject_push_any(&list, &nodes, 4, 3), "the fourth does not");
	ok(hd_inject_length_any(&list) == 3, "the length is 3");
	a = hd_inject_take_any(&list, &length);
	ok(length == 3 && a == 3 && next_of(3) == 2 && next_of(2) == 1 &&
		   next_of(1) == 0,
	   "all are taken, newest first");
	ok(hd_inject_length_any(&list) == 0, "none is left");
	ok(!hd_inject_push_any(&list, &nodes, 1, 0), "a bound of 0 is full");

	/* The end of the length's field. */
	head = (uint64_t)(UINT32_MAX - 1) << 32 | 9;
	atomic_store_explicit(&list.head, head, memory_order_relaxed);
	ok(hd_inject_push_any(&list, &nodes, 1, UINT32_MAX) &&
		   hd_inject_length_any(&list) == UINT32_MAX,
	   "the length reaches the end of its field");
	ok(!hd_inject_push_any(&list, &nodes, 2, UINT32_MAX) &&
		   hd_inject_length_any(&list) == UINT32_MAX,
	   "and stays there");
	a = hd_inject_take_any(&list, &length);
	ok(a == 1 && next_of(1) == 9, "without a carry into the index");
}

/* -- stress -- */

static _Atomic uint32_t taken[LIMIT + 1]; /* 1: in somebody's hand */
static _Atomic uint32_t pushing = PUSHERS;
static _Atomic uint64_t pushed, taken_all, refused, longest;

static void push_some(struct team *team, uint32_t me)
{
	uint64_t number = 0, full = 0;

	while (number % 256 || !team_time_is_over(team)) {
		uint32_t index = hd_node_alloc_any(&nodes, me);
		struct hd_node *node = hd_node_at(&nodes, index);

		if (!index) {
			sched_yield();
			continue;
		}
		number++;
		node->arg = (void *)(uintptr_t)(number * PUSHERS + me);
		hd_node_publish_owner(node);
		while (!hd_inject_push_any(&list, &nodes, index, BOUND)) {
			full++;
			sched_yield();
		}
	}
	atomic_fetch_add_explicit(&pushed, number, memory_order_relaxed);
	atomic_fetch_add_explicit(&refused, full, memory_order_relaxed);
	atomic_fetch_sub_explicit(&pushing, 1, memory_order_release);
}

static uint32_t check_one(struct team *team, uint32_t index, uint64_t *newest)
{
	struct hd_node *node = hd_node_at(&nodes, index);
	uintptr_t value = (uintptr_t)node->arg;
	uint32_t next = next_of(index);

	if (atomic_exchange_explicit(&taken[index], 1, memory_order_relaxed))
		team_error(team);
	if (value / PUSHERS >= newest[value % PUSHERS])
		team_error(team);
	newest[value % PUSHERS] = value / PUSHERS;
	if (!hd_node_claim_any(node, hd_node_generation_any(node),
			       HD_NODE_TAKEN))
		team_error(team);
	atomic_store_explicit(&taken[index], 0, memory_order_relaxed);
	hd_node_free_any(&nodes, 0, index, index, 1);
	return next;
}

static void take_all(struct team *team)
{
	uint64_t sum = 0, most = 0;

	for (;;) {
		/* Read first: what is pushed afterwards is taken below. */
		bool last =
			!atomic_load_explicit(&pushing, memory_order_acquire);
		uint64_t newest[PUSHERS] = { UINT64_MAX, UINT64_MAX,
					     UINT64_MAX };
		uint32_t length, n = 0;
		uint32_t index = hd_inject_take_any(&list, &length);

		for (; index; n++)
			index = check_one(team, index, newest);
		if (n != length || length > BOUND)
			team_error(team);
		sum += n;
		most = n > most ? n : most;
		if (!n && last)
			break;
		if (!n)
			sched_yield();
	}
	atomic_fetch_add_explicit(&taken_all, sum, memory_order_relaxed);
	if (most > atomic_load_explicit(&longest, memory_order_relaxed))
		atomic_store_explicit(&longest, most, memory_order_relaxed);
}

static void push_or_take(struct team *team, uint32_t me)
{
	if (me < PUSHERS)
		push_some(team, me);
	else
		take_all(team);
}

int main(void)
{
	static struct team team;

	tap_deadline(60);
	hd_nodes_init(&nodes, LIMIT, PUSHERS);
	alone();
	is_u64(team_run(&team, PUSHERS + TAKERS, tap_seconds(1.0),
			push_or_take),
	       0, "lists are ordered, within the bound, and nobody else's");
	is_u64(taken_all, pushed, "each task was taken exactly once");
	ok(pushed > 1000 && refused > 0 && longest == BOUND,
	   "%llu pushed, %llu refused, %llu at most in one list",
	   (unsigned long long)pushed, (unsigned long long)refused,
	   (unsigned long long)longest);
	hd_nodes_fini(&nodes);
	return tap_done();
}
