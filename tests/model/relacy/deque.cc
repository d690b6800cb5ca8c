// SPDX-License-Identifier: BSD-2-Clause
/*
 * The deque with an owner and thieves: at the last value, when a slot is used again, at
 * the wrap of the indices, with a full ring, and when its tag changes.
 */
#include "explore.hh"

#include "lockfree/deque.h"

// A ring is a mapping: its slots, and behind them what its end is of.
typedef zeroed<uint32_t> ring_slot;
static void *ring_make(size_t size);

struct ring_pages {
	size_t size;
	operator ring_slot *() const
	{
		return static_cast<ring_slot *>(ring_make(size));
	}
};

#define hd_map(size)          (ring_pages{ size })
#define hd_unmap(start, size) ((void)(size), hd_free(start))

#include "lockfree/deque.c"
#include "lockfree/reclaim.c"

static void ring_destroy(void *start, size_t slots)
{
	hd_end<ring_end>(end_of(start, slots), 1);
	hd_end<ring_slot>(start, slots);
}

static void *ring_make(size_t size)
{
	size_t slots = (size - sizeof(ring_end)) / sizeof(ring_slot);
	void *start = hd_block_make(size, slots, ring_destroy);

	RL_ASSERT(size == ring_bytes(slots));
	for (size_t i = 0; i < slots; i++)
		new (static_cast<ring_slot *>(start) + i) ring_slot();
	new (end_of(start, slots)) ring_end();
	return start;
}

struct of_deque : scenario {
	hd_deque deque;
	struct bag bag;
	unsigned int all = 0x6;

	void make(uint32_t slots, uint64_t index)
	{
		RL_ASSERT(hd_deque_init_at(&deque, slots, index) == 0);
	}

	void push(unsigned int value)
	{
		bag.fill(value);
		RL_ASSERT(hd_deque_push_owner(&deque, value));
	}

	void push_if_room(unsigned int value)
	{
		bag.fill(value);
		if (!hd_deque_push_owner(&deque, value))
			bag.note(value);
	}

	void pop()
	{
		uint32_t value = hd_deque_pop_owner(&deque);

		if (value)
			bag.got(value);
	}

	void steal()
	{
		uint32_t value = hd_deque_steal_any(&deque, 0);

		if (value && value != HD_DEQUE_RETRY)
			bag.got(value);
	}

	void before()
	{
		make(2, 0);
	}

	void after()
	{
		uint32_t value;

		while ((value = hd_deque_pop_owner(&deque)) != 0)
			bag.got(value);
		RL_ASSERT(bag.out == all); // nothing is lost
		hd_deque_fini(&deque);
	}
};

/* ---- the last value ---- */

struct one : of_deque {
	void thread(unsigned int i)
	{
		all = 0x2;
		if (!i) {
			push(1);
			pop();
		} else {
			steal();
		}
	}
};

struct last : of_deque {
	void before()
	{
		make(2, 0);
		push(1);
		all = 0x2;
	}

	void thread(unsigned int i)
	{
		i ? steal() : pop();
	}
};

/* ---- two values, also at the wrap ---- */

struct two : of_deque {
	void thread(unsigned int i)
	{
		if (!i) {
			push(1);
			push(2);
			pop();
			pop();
		} else {
			steal();
			steal();
		}
	}
};

struct wrap : two {
	void before()
	{
		make(2, UINT64_MAX);
	}
};

struct sign : two {
	void before()
	{
		make(2, UINT64_MAX / 2);
	}
};

struct quiet : of_deque {
	void thread(unsigned int i)
	{
		if (!i) {
			bag.fill(1);
			RL_ASSERT(hd_deque_push_quiet_owner(&deque, 1));
			push(2);
			pop();
		} else {
			steal();
			steal();
		}
	}
};

/* ---- slots that are used again ---- */

struct of_two : of_deque {
	void before()
	{
		make(2, 0);
		push(1);
		push(2);
	}
};

struct reuse : of_two {
	void thread(unsigned int i)
	{
		all = 0xe;
		if (!i) {
			pop();
			push(3);
			pop();
		} else {
			steal();
			steal();
		}
	}
};

// Two slots hold two values: room is only where a thief made some.
struct full : of_two {
	void thread(unsigned int i)
	{
		all = 0x1e;
		if (!i) {
			push_if_room(3);
			push_if_room(4);
		} else {
			steal();
			steal();
		}
	}
};

/* ---- a thief gets a value only of the tag that it wants ---- */

struct retag : of_deque {
	void before()
	{
		make(2, 0);
		push(1);
	}

	void thread(unsigned int i)
	{
		uint32_t value;

		if (!i) {
			pop();
			if (hd_deque_length_any(&deque)) {
				bag.note(2);
				return;
			}
			hd_deque_retag_owner(&deque, 7);
			push(2);
			return;
		}
		value = hd_deque_steal_any(&deque, i == 1 ? 0 : 7);
		if (!value || value == HD_DEQUE_RETRY)
			return;
		RL_ASSERT(value == i);
		bag.got(value);
	}
};

/* ---- a push, and who goes idle then looks: one of them sees the other ---- */

struct announce : of_deque {
	zeroed<uint32_t> idle;
	bool seen = false, found = false;

	void thread(unsigned int i)
	{
		all = 0x2;
		if (!i) {
			push(1);
			seen = atomic_load_explicit(&idle,
						    memory_order_seq_cst);
		} else {
			atomic_store_explicit(&idle, 1, memory_order_seq_cst);
			found = hd_deque_length_any(&deque) != 0;
		}
	}

	void after()
	{
		RL_ASSERT(seen || found); // missed: a value
		of_deque::after();
	}
};

/* ---- the ring is retired while thieves look ---- */

struct retire : last {
	hd_reclaim reclaim;

	void thread(unsigned int i)
	{
		if (i) {
			hd_rcu_read_lock();
			steal();
			hd_rcu_read_unlock();
			return;
		}
		pop();
		if (hd_deque_length_any(&deque))
			return;
		hd_deque_retire_owner(&deque, &reclaim);
		RL_ASSERT(hd_reclaim_flush(&reclaim) == 1);
	}
};

// The owner's next life has another ring, which a late thief may meet.
struct again : last {
	hd_reclaim reclaim;

	void thread(unsigned int i)
	{
		if (i) {
			steal();
			return;
		}
		pop();
		if (hd_deque_length_any(&deque))
			return;
		hd_deque_retire_owner(&deque, &reclaim);
		RL_ASSERT(hd_deque_init(&deque, 2) == 0);
		push(2);
		all = 0x6;
	}

	void after()
	{
		last::after();
		hd_reclaim_flush(&reclaim);
	}
};

const entry scenarios[] = {
	{ "deque-one", 2, FULL, made<one> },
	{ "deque-last", 2, FULL, made<last> },
	{ "deque-last-thieves", 3, BOUND, made<last> },
	{ "deque-two", 2, BOUND, made<two> },
	{ "deque-thieves", 3, BOUND, made<two> },
	{ "deque-wrap", 3, BOUND, made<wrap> },
	{ "deque-sign", 3, BOUND, made<sign> },
	{ "deque-quiet", 3, BOUND, made<quiet> },
	{ "deque-reuse", 3, BOUND, made<reuse> },
	{ "deque-full", 3, BOUND, made<full> },
	{ "deque-retag", 3, BOUND, made<retag> },
	{ "deque-announce", 2, FULL, made<announce> },
	{ "deque-retire", 3, BOUND, made<retire> },
	{ "deque-again", 2, BOUND, made<again> },
	{},
};
