/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The deques. Their peers are thieves while the owner is stopped, and must get
 * tasks, not only answers; while a thief is stopped they are the owner and
 * another thief.
 */
#include "bench/stall.h"
#include "lockfree/deque.h"
#include "lockfree/split.h"
#include "platform/membarrier.h"

#define SLOTS 2048u
#define TASKS 1200u
#define TAG   0u

static struct hd_deque deque;
static struct hd_split *split;
static uint64_t note;

static void deque_setup(void)
{
	if (hd_deque_init(&deque, SLOTS))
		hs_give_up("no deque");
}

static void deque_fill(uint32_t n)
{
	uint32_t i;

	while (hd_deque_pop_owner(&deque))
		;
	for (i = 1; i <= n; i++)
		hd_deque_push_owner(&deque, i);
}

static void deque_full(void)
{
	deque_fill(TASKS);
}

static void deque_last(void)
{
	deque_fill(1);
}

static void deque_push(void)
{
	hd_deque_push_owner(&deque, 1);
}

static void deque_pop(void)
{
	hs_kept = hd_deque_pop_owner(&deque);
}

static void deque_steal(void)
{
	hs_kept = hd_deque_steal_any(&deque, TAG);
}

static void deque_length(void)
{
	hs_kept = hd_deque_length_of_any(&deque, TAG);
}

/* A task is what is wanted: RETRY and 0 are tried again. */
static bool deque_thief(unsigned int who)
{
	uint32_t task = hd_deque_steal_any(&deque, TAG);

	(void)who;
	return task != 0 && task != HD_DEQUE_RETRY;
}

/* That there is none is an answer. */
static bool deque_looker(unsigned int who)
{
	(void)who;
	return hd_deque_steal_any(&deque, TAG) != HD_DEQUE_RETRY;
}

static bool deque_owner(unsigned int who)
{
	if (who)
		return deque_looker(who);
	if (!hd_deque_push_owner(&deque, 1))
		hs_give_up("the deque is full");
	hd_deque_pop_owner(&deque);
	return true;
}

/* ---- the split deque ---- */

static void split_setup(void)
{
	if (!hd_membarrier_available() || hd_split_new(&split, SLOTS))
		hs_give_up("no split deque, or no membarrier");
}

static void split_fill(uint32_t n)
{
	uint32_t i;

	while (hd_split_pop_owner(split))
		;
	for (i = 1; i <= n; i++)
		hd_split_push_owner(split, i);
}

static void split_full(void)
{
	split_fill(TASKS);
}

static void split_asked(void)
{
	split_fill(TASKS);
	hd_split_ask_any(split);
}

static void split_last(void)
{
	split_fill(0);
	hd_split_ask_any(split);
	hd_split_push_owner(split, 1);
}

static void split_public(void)
{
	split_asked();
	hd_split_push_owner(split, 1);
}

static void split_noted(void)
{
	split_fill(TASKS);
	note = hd_split_ask_any(split);
	hd_membarrier();
}

static void split_push(void)
{
	hd_split_push_owner(split, 1);
}

static void split_pop(void)
{
	hs_kept = hd_split_pop_owner(split);
}

static void split_open(void)
{
	hd_split_open_owner(split);
}

static void split_steal(void)
{
	hs_kept = hd_split_steal_any(split, TAG);
}

static void split_ask(void)
{
	note = hd_split_ask_any(split);
}

static void split_force(void)
{
	hs_kept = hd_split_force_any(split, TAG, note);
}

static uint32_t split_take(void)
{
	uint32_t task = hd_split_steal_any(split, TAG);

	if (task == 0) {
		uint64_t own_note = hd_split_ask_any(split);

		if (hd_membarrier())
			hs_give_up("membarrier");
		task = hd_split_force_any(split, TAG, own_note);
	}
	return task;
}

static bool split_thief(unsigned int who)
{
	uint32_t task = split_take();

	(void)who;
	return task != 0 && task != HD_SPLIT_RETRY;
}

static bool split_looker(unsigned int who)
{
	(void)who;
	return split_take() != HD_SPLIT_RETRY;
}

static bool split_owner(unsigned int who)
{
	if (who)
		return split_looker(who);
	if (!hd_split_push_owner(split, 1))
		hs_give_up("the split deque is full");
	hd_split_pop_owner(split);
	return true;
}

/* clang-format off */
#define DEQUE .where = "lockfree/deque.h", .claim = HS_WAIT_FREE, \
	.setup = deque_setup
#define SPLIT .where = "lockfree/split.h", .setup = split_setup

const struct hs_operation hs_deques[] = {
	{ .name = "deque-push", DEQUE, .prepare = deque_full,
	  .victim = deque_push, .peer = deque_thief },
	{ .name = "deque-pop", DEQUE, .prepare = deque_full,
	  .victim = deque_pop, .peer = deque_thief },
	{ .name = "deque-pop-last", DEQUE, .prepare = deque_last,
	  .victim = deque_pop, .peer = deque_looker },
	{ .name = "deque-steal", DEQUE, .prepare = deque_full,
	  .victim = deque_steal, .peer = deque_owner },
	{ .name = "deque-length", DEQUE, .prepare = deque_full,
	  .victim = deque_length, .peer = deque_owner },
	{ .name = "split-push", .claim = HS_WAIT_FREE, SPLIT,
	  .prepare = split_full, .victim = split_push, .peer = split_thief },
	{ .name = "split-push-asked", .claim = HS_LOCK_FREE, SPLIT,
	  .prepare = split_asked, .victim = split_push, .peer = split_thief },
	{ .name = "split-pop", .claim = HS_WAIT_FREE, SPLIT,
	  .prepare = split_full, .victim = split_pop, .peer = split_thief },
	{ .name = "split-pop-asked", .claim = HS_LOCK_FREE, SPLIT,
	  .prepare = split_asked, .victim = split_pop, .peer = split_thief },
	{ .name = "split-pop-last", .claim = HS_LOCK_FREE, SPLIT,
	  .prepare = split_last, .victim = split_pop, .peer = split_looker,
	  .goal = 50 },
	{ .name = "split-open", .claim = HS_LOCK_FREE, SPLIT,
	  .prepare = split_full, .victim = split_open, .peer = split_thief },
	{ .name = "split-steal", .claim = HS_WAIT_FREE, SPLIT,
	  .prepare = split_public, .victim = split_steal,
	  .peer = split_owner },
	{ .name = "split-ask", .claim = HS_WAIT_FREE, SPLIT,
	  .prepare = split_full, .victim = split_ask, .peer = split_owner },
	{ .name = "split-force", .claim = HS_WAIT_FREE, SPLIT,
	  .prepare = split_noted, .victim = split_force,
	  .peer = split_owner },
	{ .name = NULL },
};
/* clang-format on */
