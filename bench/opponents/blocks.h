/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A work-stealing deque of blocks, after the idea of J. Wang et al., "BWoS:
 * Formally Verified Block-based Work Stealing for Parallel Processing", OSDI 2023:
 * the owner works in one block that no thief may enter, with plain accesses, and
 * synchronises only when it leaves a block. Written anew from that idea, for tasks
 * of 32 bits and newest first at the owner's end; it has none of the paper's further
 * parts (statistics, choice of the victim, stealing of several). What is in the
 * owner's block cannot be stolen, however long the owner stays away: that is the
 * design, and what the busy owner of this bench shows.
 *
 * Blocks are numbered from BLOCKS on and lie in a ring. `next` of a block is the
 * entry that the next thief takes, or EXHAUSTED, or CLOSED while no thief may enter:
 * the owner grants a block that it leaves upwards and takes it over again when it
 * comes back from above. A thief has a task when its CAS moved `next`; that it has
 * read the entry it tells by `read`, without which the block is not used again.
 */
#ifndef HEDDLE_BENCH_OPPONENTS_BLOCKS_H
#define HEDDLE_BENCH_OPPONENTS_BLOCKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	BLOCKS = 64, /* a power of two, as ENTRIES */
	ENTRIES = 64,
	EXHAUSTED = ENTRIES,
	CLOSED
};

struct block {
	_Alignas(128) _Atomic uint32_t next;
	_Atomic uint32_t read;
	_Alignas(128) uint32_t granted; /* owner: next when it was granted */
	uint32_t due;                   /* owner: what read must come to */
	_Atomic uint32_t task[ENTRIES];
};

struct blocks {
	_Alignas(128) uint64_t top; /* owner: the block it works in */
	struct block *block;        /* owner: the same */
	uint32_t low;               /* owner: entries below were stolen */
	uint32_t at;                /* owner: where the next push goes */
	/* The oldest block with something to steal, or one before it. */
	_Alignas(128) _Atomic uint64_t oldest;
	_Alignas(128) struct block ring[BLOCKS];
};

static inline struct block *blocks_at(struct blocks *deque, uint64_t number)
{
	return &deque->ring[number % BLOCKS];
}

/* In zeroed memory. */
static inline void blocks_init(struct blocks *deque)
{
	uint32_t i;

	for (i = 0; i < BLOCKS; i++) {
		atomic_store_explicit(&deque->ring[i].next, EXHAUSTED,
				      memory_order_relaxed);
		deque->ring[i].granted = EXHAUSTED;
	}
	deque->top = BLOCKS;
	deque->block = blocks_at(deque, BLOCKS);
	atomic_store_explicit(&deque->block->next, CLOSED,
			      memory_order_relaxed);
	atomic_store_explicit(&deque->oldest, BLOCKS, memory_order_relaxed);
}

/* No block may be missed by thieves whose oldest one is used again now. */
static inline void blocks_raise_oldest(struct blocks *deque, uint64_t least)
{
	uint64_t oldest =
		atomic_load_explicit(&deque->oldest, memory_order_relaxed);

	while (oldest < least &&
	       !atomic_compare_exchange_weak_explicit(
		       &deque->oldest, &oldest, least, memory_order_release,
		       memory_order_relaxed))
		;
}

/* From a full block to an empty one; false when there is none. */
static __attribute__((__noinline__)) bool blocks_go_up(struct blocks *deque)
{
	struct block *above = blocks_at(deque, deque->top + 1);
	uint32_t next =
		atomic_load_explicit(&above->next, memory_order_acquire);

	if (next < EXHAUSTED)
		return false;
	if (next == EXHAUSTED) {
		above->due += EXHAUSTED - above->granted;
		above->granted = EXHAUSTED;
	}
	if (atomic_load_explicit(&above->read, memory_order_acquire) !=
	    above->due)
		return false;
	atomic_store_explicit(&above->next, CLOSED, memory_order_relaxed);
	deque->block->granted = deque->low;
	atomic_store_explicit(&deque->block->next, deque->low,
			      memory_order_release);
	deque->block = above;
	deque->top++;
	deque->low = 0;
	deque->at = 0;
	blocks_raise_oldest(deque, deque->top - BLOCKS + 1);
	return true;
}

/* From an empty block to what thieves left of the one below; false: nothing. */
static __attribute__((__noinline__)) bool blocks_go_down(struct blocks *deque)
{
	struct block *below = blocks_at(deque, deque->top - 1);
	uint32_t next =
		atomic_load_explicit(&below->next, memory_order_relaxed);

	do {
		if (next >= EXHAUSTED)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&below->next, &next, CLOSED, memory_order_acq_rel,
		memory_order_relaxed));
	below->due += next - below->granted;
	deque->block = below;
	deque->top--;
	deque->low = next;
	deque->at = ENTRIES;
	return true;
}

static inline bool blocks_push(struct blocks *deque, uint32_t task)
{
	if (deque->at == ENTRIES && !blocks_go_up(deque))
		return false;
	atomic_store_explicit(&deque->block->task[deque->at++], task,
			      memory_order_relaxed);
	return true;
}

static inline uint32_t blocks_pop(struct blocks *deque)
{
	if (deque->at == deque->low && !blocks_go_down(deque))
		return 0;
	return atomic_load_explicit(&deque->block->task[--deque->at],
				    memory_order_relaxed);
}

/* One attempt; 0: there was nothing to steal, or somebody else was first. */
static inline uint32_t blocks_steal(struct blocks *deque)
{
	uint64_t oldest =
		atomic_load_explicit(&deque->oldest, memory_order_acquire);
	struct block *block = blocks_at(deque, oldest);
	uint32_t next =
		atomic_load_explicit(&block->next, memory_order_acquire);
	uint32_t task;

	if (next == EXHAUSTED)
		atomic_compare_exchange_strong_explicit(&deque->oldest, &oldest,
							oldest + 1,
							memory_order_acq_rel,
							memory_order_relaxed);
	if (next >= EXHAUSTED ||
	    !atomic_compare_exchange_strong_explicit(
		    &block->next, &next, next + 1, memory_order_acq_rel,
		    memory_order_relaxed))
		return 0;
	task = atomic_load_explicit(&block->task[next], memory_order_relaxed);
	atomic_fetch_add_explicit(&block->read, 1, memory_order_release);
	return task;
}

#endif /* HEDDLE_BENCH_OPPONENTS_BLOCKS_H */
