/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The deque: every task goes to the owner or to one thief, once; a full ring
 * says so; "empty" is never said while there is a task; indices and ring wrap.
 *
 * Method: tasks are numbers, each has a counter that must end at 1. The ring is
 * small, so that it is full and empty all the time, and the indices start just
 * before the end of their 64 bits. For "empty", one task is kept in the deque
 * throughout: the thief is let in only after the owner has pushed another.
 *
 * fault: F26
 * property: P14
 * property: P28
 * property: P29
 */
#include <errno.h>
#include <sched.h>

#include "lockfree/deque.h"
#include "tests/unit/lockfree-team.h"

#define SLOTS     8u
#define NEAR_WRAP (UINT64_MAX - 20)
#define TASKS     (1u << 22)

static struct hd_deque deque;

static void alone_at(uint64_t start, const char *where)
{
	uint32_t i, wrong = 0, round;

	ok(hd_deque_init_at(&deque, SLOTS, start) == 0, "a deque %s", where);
	ok(hd_deque_pop_owner(&deque) == 0 &&
		   hd_deque_steal_any(&deque, 0) == 0 &&
		   hd_deque_length_any(&deque) == 0,
	   "is empty");
	for (round = 0; round < 12; round++) {
		for (i = 1; i <= SLOTS; i++)
			wrong +=
				!(i % 2 ? hd_deque_push_owner(&deque, i)
					: hd_deque_push_quiet_owner(&deque, i));
		wrong += hd_deque_push_owner(&deque, 99);
		wrong += hd_deque_push_quiet_owner(&deque, 99);
		wrong += hd_deque_length_any(&deque) != SLOTS;
		for (i = 1; i <= SLOTS / 2; i++)
			wrong += hd_deque_steal_any(&deque, 0) != i;
		for (i = SLOTS; i > SLOTS / 2 + 1; i--)
			wrong += hd_deque_pop_owner(&deque) != i;
		/* The last one, by the owner and by a thief in turn. */
		wrong += (round % 2 ? hd_deque_pop_owner(&deque)
				    : hd_deque_steal_any(&deque, 0)) != i;
		wrong += hd_deque_pop_owner(&deque) != 0;
		wrong += hd_deque_steal_any(&deque, 0) != 0;
		wrong += hd_deque_length_any(&deque) != 0;
	}
	is_u64(wrong, 0, "full at %u, the oldest stolen, the newest popped",
	       SLOTS);
	/* Half the ring was stolen, and the last one moves the top always. */
	ok(deque.bottom == start + 12 * (SLOTS / 2 + 1) &&
		   deque.top == deque.bottom,
	   "both ends moved by %u", 12 * (SLOTS / 2 + 1));
	hd_deque_fini(&deque);
}

static void lives(void)
{
	struct hd_reclaim reclaim = { NULL, NULL };
	uint64_t end;

	ok(hd_deque_init(&deque, 1) == -EINVAL &&
		   hd_deque_init(&deque, 12) == -EINVAL &&
		   hd_deque_init(&deque, 0) == -EINVAL &&
		   hd_deque_init(&deque, UINT32_C(1) << 31) == -EINVAL,
	   "slots that are no power of two, or too many: -EINVAL");
	hd_deque_init_at(&deque, SLOTS, 1000);
	hd_deque_push_owner(&deque, 1);
	hd_deque_pop_owner(&deque);
	hd_deque_push_owner(&deque, 2);
	hd_deque_steal_any(&deque, 0);
	end = deque.bottom;
	ok(hd_deque_has_ring_owner(&deque), "a ring");
	hd_deque_retire_owner(&deque, &reclaim);
	ok(!hd_deque_has_ring_owner(&deque), "is taken away");
	hd_deque_retire_owner(&deque, &reclaim);
	ok(hd_deque_steal_any(&deque, 0) == 0 &&
		   hd_deque_length_any(&deque) == 0,
	   "a thief that comes late finds nothing");
	is_u64(hd_reclaim_flush(&reclaim), 1, "one ring is freed");
	ok(hd_deque_init(&deque, SLOTS) == 0 && deque.bottom == end &&
		   deque.top == end,
	   "the next life goes on at the same indices");
	hd_deque_push_owner(&deque, 3);
	ok(hd_deque_steal_any(&deque, 0) == 3, "with its own ring");
	hd_deque_fini(&deque);
}

/* A tag changes only on an empty deque and keeps its content apart. */
static void tags(void)
{
	hd_deque_init_at(&deque, SLOTS, NEAR_WRAP);
	hd_deque_retag_owner(&deque, 3);
	hd_deque_push_owner(&deque, 1);
	hd_deque_push_owner(&deque, 2);
	ok(hd_deque_tag_owner(&deque) == 3 &&
		   hd_deque_length_of_any(&deque, 3) == 2 &&
		   hd_deque_length_of_any(&deque, 4) == 0,
	   "two tasks of tag 3");
	ok(hd_deque_steal_any(&deque, 4) == 0 &&
		   hd_deque_steal_any(&deque, 3) == 1 &&
		   hd_deque_pop_owner(&deque) == 2,
	   "are stolen by who wants that tag");
	hd_deque_retag_owner(&deque, 4);
	ok(hd_deque_length_any(&deque) == 0 &&
		   hd_deque_steal_any(&deque, 3) == 0 &&
		   hd_deque_steal_any(&deque, 4) == 0 &&
		   hd_deque_pop_owner(&deque) == 0,
	   "another tag: empty for all");
	hd_deque_push_owner(&deque, 5);
	ok(hd_deque_steal_any(&deque, 3) == 0 &&
		   hd_deque_steal_any(&deque, 4) == 5,
	   "and then with a task of its own");
	hd_deque_retag_owner(&deque, 0); /* as the others want it */
	hd_deque_fini(&deque);
}

/* -- each task once -- */

static _Atomic uint8_t got[TASKS + 1];
static uint32_t payload[TASKS + 1]; /* plain: the hand-over must order it */
static _Atomic bool owner_ended;
static _Atomic uint64_t stolen, retries;
static uint64_t full, popped, produced;

static void take(struct team *team, uint32_t task)
{
	if (task > TASKS || payload[task] != ~task ||
	    atomic_fetch_add_explicit(&got[task], 1, memory_order_relaxed))
		team_error(team);
}

static bool push(uint64_t *stream, uint32_t task)
{
	payload[task] = ~task;
	return tap_next(stream) % 4 ? hd_deque_push_owner(&deque, task)
				    : hd_deque_push_quiet_owner(&deque, task);
}

static void own(struct team *team)
{
	uint64_t stream = tap_stream(0);
	uint32_t next = 1, task;

	while (next <= TASKS && (next % 256 || !team_time_is_over(team))) {
		uint32_t n = (uint32_t)tap_next(&stream) % (SLOTS + 2);

		for (; n && next <= TASKS; n--, next++)
			if (!push(&stream, next)) {
				full++;
				break;
			}
		/* On a busy machine thieves come in only when we leave. */
		if (tap_next(&stream) % 256 == 0)
			sched_yield();
		n = (uint32_t)tap_next(&stream) % (SLOTS + 2);
		for (; n; n--) {
			task = hd_deque_pop_owner(&deque);
			if (!task)
				break;
			take(team, task);
			popped++;
		}
	}
	while ((task = hd_deque_pop_owner(&deque))) {
		take(team, task);
		popped++;
	}
	produced = next - 1;
	atomic_store_explicit(&owner_ended, true, memory_order_release);
}

static void thieve(struct team *team)
{
	uint64_t mine = 0, lost = 0;

	for (;;) {
		bool last = atomic_load_explicit(&owner_ended,
						 memory_order_acquire);
		uint32_t task = hd_deque_steal_any(&deque, 0);

		if (task == HD_DEQUE_RETRY) {
			lost++;
		} else if (task) {
			take(team, task);
			mine++;
		} else if (last) {
			break;
		}
	}
	atomic_fetch_add_explicit(&stolen, mine, memory_order_relaxed);
	atomic_fetch_add_explicit(&retries, lost, memory_order_relaxed);
}

static void own_or_thieve(struct team *team, uint32_t me)
{
	if (me == 0)
		own(team);
	else
		thieve(team);
}

static void each_task_once(void)
{
	static struct team team;
	uint64_t lost = 0;
	uint32_t i;

	hd_deque_init_at(&deque, SLOTS, NEAR_WRAP);
	is_u64(team_run(&team, 3, tap_seconds(1.2), own_or_thieve), 0,
	       "no task came twice, each with what was written for it");
	for (i = 1; i <= produced; i++)
		lost += got[i] != 1;
	is_u64(lost, 0, "and none was lost");
	is_u64(popped + stolen, produced, "the sums agree");
	diag("%llu popped, %llu stolen, %llu lost races, %llu times full",
	     (unsigned long long)popped, (unsigned long long)stolen,
	     (unsigned long long)retries, (unsigned long long)full);
	ok(popped > 0 && stolen > 0 && retries > 0 && full > 0,
	   "the owner, the thieves and their races were all there");
	hd_deque_fini(&deque);
}

/* -- never empty -- */

static _Atomic uint32_t turn; /* even: the owner pushes; odd: a steal is due */
static _Atomic uint64_t looks, moves;

static void never_empty(struct team *team, uint32_t me)
{
	uint64_t n = 0;

	if (me == 2) {
		do {
			if (hd_deque_length_any(&deque) == 0)
				team_error(team);
			if (++n % 4096 == 0)
				sched_yield();
		} while (n % 64 || !team_time_is_over(team));
		atomic_fetch_add_explicit(&looks, n, memory_order_relaxed);
		return;
	}
	while (n % 64 || !team_time_is_over(team)) {
		n++;
		if (atomic_load_explicit(&turn, memory_order_acquire) % 2 !=
		    me) {
			sched_yield();
			continue;
		}
		if (me == 0 && !hd_deque_push_owner(&deque, 5))
			team_error(team);
		if (me == 1 && hd_deque_steal_any(&deque, 0) != 5)
			team_error(team);
		atomic_fetch_add_explicit(&turn, 1, memory_order_release);
		atomic_fetch_add_explicit(&moves, 1, memory_order_relaxed);
	}
}

static void no_false_empty(void)
{
	static struct team team;

	hd_deque_init_at(&deque, SLOTS, NEAR_WRAP);
	hd_deque_push_owner(&deque, 5);
	is_u64(team_run(&team, 3, tap_seconds(1.0), never_empty), 0,
	       "with a task in it throughout, it is never empty");
	ok(looks > 1000 && moves > 1000, "%llu looks, %llu pushes and steals",
	   (unsigned long long)looks, (unsigned long long)moves);
	hd_deque_fini(&deque);
}

int main(void)
{
	tap_deadline(60);
	alone_at(0, "from 0");
	alone_at(UINT64_C(1) << 63, "from the sign bit");
	alone_at(NEAR_WRAP, "before the end of 64 bits");
	alone_at((UINT64_C(1) << 32) - 20, "before the end of 32 bits");
	lives();
	tags();
	each_task_once();
	no_false_empty();
	return tap_done();
}
