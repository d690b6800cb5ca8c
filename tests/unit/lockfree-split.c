/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The biased split deque: order, full, wrap of the tail and of the generation, tags,
 * then an owner and thieves that steal, take half and take by force; and an owner
 * that computes while all it has is taken.
 *
 * clause: Q1
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lockfree/split.h"
#include "platform/membarrier.h"
#include "tests/tap/tap.h"
#include "tests/unit/lockfree-team.h"

#define SLOTS     8u
#define NEAR_WRAP ((UINT64_C(1) << 20) - 20)
#define TASKS     (1u << 22)

static struct hd_split *deque;

static uint32_t force(uint32_t tag)
{
	uint64_t note = hd_split_ask_any(deque);

	if (hd_membarrier())
		bail("membarrier");
	return hd_split_force_any(deque, tag, note);
}

static void alone_at(uint64_t start, uint32_t generation, const char *where)
{
	uint32_t i, wrong = 0, round;

	ok(hd_split_new_at(&deque, SLOTS, start, generation) == 0, "a deque %s",
	   where);
	ok(hd_split_pop_owner(deque) == 0 &&
		   hd_split_steal_any(deque, 0) == 0 && force(0) == 0 &&
		   hd_split_length_any(deque) == 0,
	   "is empty");
	for (round = 0; round < 12; round++) {
		for (i = 1; i <= SLOTS; i++)
			wrong += !hd_split_push_owner(deque, i);
		wrong += hd_split_push_owner(deque, 99);
		wrong += hd_split_length_any(deque) != SLOTS;
		for (i = 1; i <= SLOTS / 2; i++)
			wrong += force(0) != i;
		for (i = SLOTS; i > SLOTS / 2 + 1; i--)
			wrong += hd_split_pop_owner(deque) != i;
		/* The last one, by the owner and by a thief in turn. */
		wrong += (round % 2 ? hd_split_pop_owner(deque) : force(0)) !=
			 i;
		wrong += hd_split_pop_owner(deque) != 0;
		wrong += hd_split_steal_any(deque, 0) != 0;
		wrong += hd_split_length_any(deque) != 0;
	}
	is_u64(wrong, 0, "full at %u, the oldest taken, the newest popped",
	       SLOTS);
	hd_split_free(deque);
}

/* What a thief may have, step by step. */
static void bias(void)
{
	uint32_t task[8];
	bool retry;

	ok(hd_split_new(&deque, 1) == -EINVAL &&
		   hd_split_new(&deque, 12) == -EINVAL &&
		   hd_split_new(&deque, 2 * HD_SPLIT_SLOTS_MAX) == -EINVAL &&
		   hd_split_new_at(&deque, 8, 0, 0) == -EINVAL,
	   "no size that is no power of two, nor one too large");
	hd_split_new(&deque, 16);
	hd_split_retag_owner(deque, 3);
	hd_split_push_owner(deque, 1);
	hd_split_push_owner(deque, 2);
	hd_split_push_owner(deque, 3);
	ok(hd_split_steal_any(deque, 3) == 0, "nothing is public");
	hd_split_ask_any(deque);
	hd_split_push_owner(deque, 4);
	ok(deque->asked, "an owner that was asked says so");
	ok(hd_split_steal_any(deque, 4) == 0 &&
		   hd_split_steal_any(deque, 3) == 1 &&
		   hd_split_steal_any(deque, 3) == 2 &&
		   hd_split_steal_any(deque, 3) == 0,
	   "and the older half is public, for who wants its tag");
	ok(force(4) == 0 && force(3) == 3 && hd_split_steal_any(deque, 3) == 4,
	   "force opens the rest for plain steals too");
	ok(hd_split_pop_owner(deque) == 0, "which leaves nothing");
	hd_split_retag_owner(deque, 0);
	hd_split_push_owner(deque, 5);
	hd_split_push_owner(deque, 6);
	hd_split_push_owner(deque, 7);
	hd_split_open_owner(deque);
	ok(hd_split_steal_some_any(deque, 0, task, 8, &retry) == 2 &&
		   task[0] == 5 && task[1] == 6 && !retry,
	   "half of an open deque at once");
	ok(hd_split_pop_owner(deque) == 7, "the owner takes up the rest");
	hd_split_free(deque);
}

/* -- each task once -- */

static _Atomic uint8_t got[TASKS + 1];
static uint32_t payload[TASKS + 1]; /* plain: the hand-over must order it */
static _Atomic bool owner_ended;
static _Atomic uint64_t stolen, retries, forced;
static uint64_t full, popped, produced;

static void take(struct team *team, uint32_t task)
{
	if (task > TASKS || payload[task] != ~task ||
	    atomic_fetch_add_explicit(&got[task], 1, memory_order_relaxed))
		team_error(team);
}

static void pop_some(struct team *team, uint32_t n)
{
	for (; n; n--) {
		uint32_t task = hd_split_pop_owner(deque);

		if (!task)
			break;
		take(team, task);
		popped++;
	}
}

static void own(struct team *team)
{
	uint64_t stream = tap_stream(0);
	uint32_t next = 1;

	while (next <= TASKS && (next % 256 || !team_time_is_over(team))) {
		uint32_t n = (uint32_t)tap_next(&stream) % (SLOTS + 2);

		for (; n && next <= TASKS; n--, next++) {
			payload[next] = ~next;
			if (!hd_split_push_owner(deque, next)) {
				full++;
				break;
			}
		}
		/* On a busy machine thieves come in only when we leave. */
		if (tap_next(&stream) % 64 == 0)
			sched_yield();
		pop_some(team, (uint32_t)tap_next(&stream) % (SLOTS + 2));
	}
	pop_some(team, UINT32_MAX);
	produced = next - 1;
	atomic_store_explicit(&owner_ended, true, memory_order_release);
}

static uint32_t steal(uint64_t *stream, uint32_t task[SLOTS], uint64_t *lost)
{
	uint32_t n = 0;
	bool retry = false;

	switch (tap_next(stream) % 8) {
	case 0:
		task[0] = force(0);
		n = task[0] != 0;
		atomic_fetch_add_explicit(&forced, n, memory_order_relaxed);
		break;
	case 1:
		n = hd_split_steal_some_any(deque, 0, task, SLOTS, &retry);
		break;
	default:
		task[0] = hd_split_steal_any(deque, 0);
		n = task[0] != 0;
		break;
	}
	if (retry || (n && task[0] == HD_SPLIT_RETRY)) {
		(*lost)++;
		return 0;
	}
	return n;
}

static void thieve(struct team *team, uint32_t me)
{
	uint64_t mine = 0, lost = 0, stream = tap_stream(me);
	uint32_t task[SLOTS], n, i;
	bool last;

	do {
		last = atomic_load_explicit(&owner_ended, memory_order_acquire);
		n = steal(&stream, task, &lost);
		for (i = 0; i < n; i++)
			take(team, task[i]);
		mine += n;
	} while (!last);
	atomic_fetch_add_explicit(&stolen, mine, memory_order_relaxed);
	atomic_fetch_add_explicit(&retries, lost, memory_order_relaxed);
}

static void own_or_thieve(struct team *team, uint32_t me)
{
	if (me == 0)
		own(team);
	else
		thieve(team, me);
}

static void each_task_once(void)
{
	static struct team team;
	uint64_t lost = 0;
	uint32_t i;

	hd_split_new_at(&deque, SLOTS, NEAR_WRAP, UINT32_MAX - 100);
	is_u64(team_run(&team, 3, tap_seconds(1.2), own_or_thieve), 0,
	       "no task came twice, each with what was written for it");
	for (i = 1; i <= produced; i++)
		lost += got[i] != 1;
	is_u64(lost, 0, "and none was lost");
	is_u64(popped + stolen, produced, "the sums agree");
	diag("%llu popped, %llu stolen, %llu by force, %llu lost races, %llu times full",
	     (unsigned long long)popped, (unsigned long long)stolen,
	     (unsigned long long)forced, (unsigned long long)retries,
	     (unsigned long long)full);
	ok(popped > 0 && stolen > 0 && forced > 0 && full > 0,
	   "the owner, the thieves and their ways were all there");
	hd_split_free(deque);
}

/* -- an owner that does not come back -- */

static _Atomic uint32_t filled;

static void compute_or_take(struct team *team, uint32_t me)
{
	uint32_t i, task;

	if (me == 0) {
		for (i = 1; i <= SLOTS; i++)
			hd_split_push_owner(deque, i);
		atomic_store_explicit(&filled, 1, memory_order_relaxed);
		/* Touches its deque no more until all is taken. */
		while (atomic_load_explicit(&filled, memory_order_relaxed) == 1)
			sched_yield();
		return;
	}
	while (!atomic_load_explicit(&filled, memory_order_relaxed))
		sched_yield();
	for (i = 1; i <= SLOTS; i++) {
		task = i == 1 ? force(0) : hd_split_steal_any(deque, 0);
		if (task != i)
			team_error(team);
	}
	atomic_store_explicit(&filled, 2, memory_order_relaxed);
}

static void busy_owner(void)
{
	static struct team team;

	hd_split_new(&deque, SLOTS);
	is_u64(team_run(&team, 2, 5, compute_or_take), 0,
	       "all that a busy owner has, by one barrier");
	hd_split_free(deque);
}

int main(void)
{
	tap_deadline(60);
	if (!hd_membarrier_available())
		plan_skip_all("no membarrier here: the fenced deque is used");
	alone_at(HD_SPLIT_FIRST, 0, "from its first index");
	alone_at(NEAR_WRAP, 0, "before the tail wraps");
	alone_at(1, UINT32_MAX - 10, "before the generation wraps");
	bias();
	each_task_once();
	busy_owner();
	return tap_done();
}
