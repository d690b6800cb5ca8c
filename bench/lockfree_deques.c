/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The deques: ours, whose owner uses plain loads and stores; the one with fences
 * that it replaces, as the opponent; that of the literature; and one of blocks.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/lockfree_loops.h"
#include "bench/opponents/blocks.h"
#include "bench/opponents/c11_deque.h"
#include "lockfree/deque.h"
#include "lockfree/forks.h"
#include "lockfree/split.h"
#include "platform/membarrier.h"

/* Attempts that find nothing before a thief pays for a barrier. */
#define PATIENCE 64

static void *zeroed(size_t size)
{
	void *memory = aligned_alloc(128, (size + 127) / 128 * 128);

	if (memory)
		memset(memory, 0, size);
	return memory;
}

/* ---- split ---- */

static const char *barrier_absent(void)
{
	return hd_membarrier_available() ? NULL : "no membarrier here";
}

static void *split_open(void)
{
	struct hd_split *deque;

	return hd_split_new(&deque, HB_LF_SLOTS) ? NULL : deque;
}

HB_LF_INLINE bool split_push_inline(void *deque, uint32_t task)
{
	return hd_split_push_owner(deque, task);
}

HB_LF_INLINE uint32_t split_pop_inline(void *deque)
{
	return hd_split_pop_owner(deque);
}

HB_LF_INLINE uint32_t task_or_none(uint32_t task)
{
	return task == HD_SPLIT_RETRY ? 0 : task;
}

/*
 * Asks at the first attempt that finds nothing, in case the owner comes back at
 * once; takes by force when it has not.
 */
static uint32_t split_steal(void *arg, struct hb_lf_thief *thief)
{
	struct hd_split *deque = arg;
	uint32_t task = hd_split_steal_any(deque, 0);
	uint64_t note;

	if (task) {
		thief->dry = 0;
		return task_or_none(task);
	}
	if (thief->dry++ % PATIENCE && thief->dry % PATIENCE)
		return 0;
	note = hd_split_ask_any(deque);
	if (thief->dry % PATIENCE || hd_membarrier())
		return 0;
	return task_or_none(hd_split_force_any(deque, 0, note));
}

/* ---- forks ---- */

/* The owner keeps the place of the next slot, as its frames do in the scheduler. */
struct forks_deque {
	struct hd_forks *forks;
	struct hd_forks_slot *next;
};

static void *forks_open(void)
{
	struct forks_deque *deque = zeroed(sizeof(*deque));

	if (!deque || hd_forks_new(&deque->forks, HB_LF_SLOTS))
		return NULL;
	deque->next = deque->forks->slot;
	return deque;
}

/* Each fork that was taken is waited for, and its slot given up. */
static __attribute__((noinline)) void forks_collapse(struct forks_deque *deque)
{
	uint32_t waits = 0;

	while (deque->next > deque->forks->slot) {
		struct hd_forks_slot *slot = deque->next - 1;

		while (!(hd_forks_state_owner(slot) & HD_FORKS_DONE))
			hb_lf_wait(&waits);
		hd_forks_reset_owner(deque->forks, slot);
		deque->next = slot;
	}
}

HB_LF_INLINE bool forks_push_inline(void *arg, uint32_t task)
{
	struct forks_deque *deque = arg;

	if (__builtin_expect(deque->next == deque->forks->end, 0)) {
		if (hd_forks_any_owner(deque->forks, deque->next))
			return false;
		forks_collapse(deque);
	}
	hd_forks_push_owner(deque->forks, deque->next++, task);
	return true;
}

HB_LF_INLINE uint32_t forks_pop_inline(void *arg)
{
	struct forks_deque *deque = arg;
	uint32_t task;

	if (deque->next == deque->forks->slot)
		return 0;
	task = (uint32_t)atomic_load_explicit(&(deque->next - 1)->what,
					      memory_order_relaxed);
	if (__builtin_expect(hd_forks_pop_owner(deque->forks, deque->next - 1),
			     1)) {
		deque->next--;
		return task;
	}
	forks_collapse(deque); /* the newest was taken, so all were */
	return 0;
}

static uint32_t forks_take(struct forks_deque *deque,
			   const struct hd_forks_loot *loot)
{
	if (!hd_forks_take_any(deque->forks, loot))
		return 0;
	hd_forks_begin_thief(loot->slot, 0);
	hd_forks_finish_thief(loot->slot);
	return (uint32_t)loot->what;
}

static uint32_t forks_steal(void *arg, struct hb_lf_thief *thief)
{
	struct forks_deque *deque = arg;
	struct hd_forks_loot loot;
	uint64_t note;

	if (hd_forks_look_any(deque->forks, 0, &loot) == HD_FORKS_THERE) {
		thief->dry = 0;
		return forks_take(deque, &loot);
	}
	if (thief->dry++ % PATIENCE && thief->dry % PATIENCE)
		return 0;
	note = hd_forks_ask_any(deque->forks);
	if (thief->dry % PATIENCE || hd_membarrier() ||
	    hd_forks_force_any(deque->forks, 0, note, &loot) != HD_FORKS_THERE)
		return 0;
	return forks_take(deque, &loot);
}

/* ---- fenced ---- */

static void *fenced_open(void)
{
	struct hd_deque *deque = zeroed(sizeof(*deque));

	return deque && !hd_deque_init(deque, HB_LF_SLOTS) ? deque : NULL;
}

HB_LF_INLINE bool fenced_push_inline(void *deque, uint32_t task)
{
	return hd_deque_push_owner(deque, task);
}

HB_LF_INLINE uint32_t fenced_pop_inline(void *deque)
{
	return hd_deque_pop_owner(deque);
}

static uint32_t fenced_steal(void *deque, struct hb_lf_thief *thief)
{
	uint32_t task = hd_deque_steal_any(deque, 0);

	(void)thief;
	return task == HD_DEQUE_RETRY ? 0 : task;
}

/* ---- that of the literature ---- */

static void *c11_open(void)
{
	struct c11_deque *deque = zeroed(sizeof(*deque));

	if (!deque)
		return NULL;
	deque->slots = HB_LF_SLOTS;
	deque->slot = zeroed(HB_LF_SLOTS * sizeof(*deque->slot));
	return deque->slot ? deque : NULL;
}

HB_LF_INLINE bool c11_push_inline(void *deque, uint32_t task)
{
	return c11_deque_push(deque, task);
}

HB_LF_INLINE uint32_t c11_pop_inline(void *deque)
{
	return c11_deque_pop(deque);
}

static uint32_t c11_steal(void *deque, struct hb_lf_thief *thief)
{
	uint32_t task = c11_deque_steal(deque);

	(void)thief;
	return task == C11_DEQUE_RETRY ? 0 : task;
}

/* ---- blocks ---- */

static void *blocks_open(void)
{
	struct blocks *deque = zeroed(sizeof(*deque));

	if (deque)
		blocks_init(deque);
	return deque;
}

HB_LF_INLINE bool block_push_inline(void *deque, uint32_t task)
{
	return blocks_push(deque, task);
}

HB_LF_INLINE uint32_t block_pop_inline(void *deque)
{
	return blocks_pop(deque);
}

static uint32_t blocks_steal_one(void *deque, struct hb_lf_thief *thief)
{
	(void)thief;
	return blocks_steal(deque);
}

/* ---- loops ---- */

#define DEQUE_LOOPS(name) \
 static bool name##_push(void *deque, uint32_t task) \
 { \
  return name##_push_inline(deque, task); \
 } \
 static uint32_t name##_pop(void *deque) \
 { \
  return name##_pop_inline(deque); \
 } \
 HB_LF_INLINE uint32_t name##_take_inline(void *deque, \
					  struct hb_lf_flow *flow) \
 { \
  hb_lf_got(flow, name##_pop_inline(deque)); \
  return 1; \
 } \
 static void name##_pair(void *deque, struct hb_lf_flow *flow, uint64_t n) \
 { \
  hb_lf_pair(name##_push_inline, name##_take_inline, deque, flow, n); \
 }

#define OWNER_LOOP(name) \
 static void name##_owner(void *deque, uint64_t n) \
 { \
  hb_lf_own(name##_push_inline, name##_pop_inline, deque, n); \
 }

DEQUE_LOOPS(split)
OWNER_LOOP(split)
DEQUE_LOOPS(forks)

/* With the place in a register, where typed functions have it. */
static void forks_owner(void *arg, uint64_t n)
{
	struct forks_deque *deque = arg;
	struct hd_forks *forks = deque->forks;
	struct hd_forks_slot *next = deque->next;

	for (; n; n--) {
		if (next == forks->end)
			return;
		hd_forks_push_owner(forks, next, n | 1);
		if (!hd_forks_pop_owner(forks, next))
			return;
	}
}

DEQUE_LOOPS(fenced)
OWNER_LOOP(fenced)
DEQUE_LOOPS(c11)
OWNER_LOOP(c11)
DEQUE_LOOPS(block)
OWNER_LOOP(block)

#define SHAPES \
 (1u << HB_LF_PAIR | 1u << HB_LF_OWNER | 1u << HB_LF_STEAL_IDLE | \
  1u << HB_LF_STEAL_PUSHING | 1u << HB_LF_BUSY)

const struct hb_lf_peer hb_lf_deques[] = {
	{
		.name = "split",
		.family = HB_LF_OURS,
		.shapes = SHAPES,
		.absent = barrier_absent,
		.open = split_open,
		.pair = split_pair,
		.owner = split_owner,
		.push = split_push,
		.pop = split_pop,
		.steal = split_steal,
	},
	{
		.name = "forks",
		.family = HB_LF_OURS,
		.shapes = SHAPES,
		.absent = barrier_absent,
		.open = forks_open,
		.pair = forks_pair,
		.owner = forks_owner,
		.push = forks_push,
		.pop = forks_pop,
		.steal = forks_steal,
	},
	{
		.name = "Chase-Lev",
		.family = HB_LF_OTHER,
		.shapes = SHAPES,
		.open = fenced_open,
		.pair = fenced_pair,
		.owner = fenced_owner,
		.push = fenced_push,
		.pop = fenced_pop,
		.steal = fenced_steal,
	},
	{
		.name = "C11 deque",
		.family = HB_LF_OTHER,
		.shapes = SHAPES,
		.open = c11_open,
		.pair = c11_pair,
		.owner = c11_owner,
		.push = c11_push,
		.pop = c11_pop,
		.steal = c11_steal,
	},
	{
		.name = "blocks",
		.family = HB_LF_OTHER,
		.shapes = SHAPES,
		.open = blocks_open,
		.pair = block_pair,
		.owner = block_owner,
		.push = block_push,
		.pop = block_pop,
		.steal = blocks_steal_one,
	},
	{ .name = NULL },
};
