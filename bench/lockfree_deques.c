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

static const char *split_absent(void)
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
 static void name##_owner(void *deque, uint64_t n) \
 { \
  hb_lf_own(name##_push_inline, name##_pop_inline, deque, n); \
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

DEQUE_LOOPS(split)
DEQUE_LOOPS(fenced)
DEQUE_LOOPS(c11)
DEQUE_LOOPS(block)

#define SHAPES \
 (1u << HB_LF_PAIR | 1u << HB_LF_OWNER | 1u << HB_LF_STEAL_IDLE | \
  1u << HB_LF_STEAL_PUSHING | 1u << HB_LF_BUSY)

const struct hb_lf_peer hb_lf_deques[] = {
	{
		.name = "split",
		.family = HB_LF_OURS,
		.shapes = SHAPES,
		.absent = split_absent,
		.open = split_open,
		.pair = split_pair,
		.owner = split_owner,
		.push = split_push,
		.pop = split_pop,
		.steal = split_steal,
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
