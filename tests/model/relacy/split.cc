// SPDX-License-Identifier: BSD-2-Clause
/*
 * The split deque with an owner and thieves: what is public, what is taken by force
 * behind a membarrier, who goes to sleep, tags, a full ring and the wraps.
 */
#include "explore.hh"

#include "lockfree/split.h"

// It has its slots behind it.
template <> hd_bytes::operator hd_split *() const
{
	return hd_block_with_tail<hd_split>(size);
}

#include "lockfree/split.c"

struct of_split : scenario {
	hd_split *deque;
	struct bag bag;
	unsigned int all = 0x6;

	void make(uint32_t slots, uint64_t index, uint32_t generation)
	{
		RL_ASSERT(hd_split_new_at(&deque, slots, index, generation) ==
			  0);
	}

	void push(unsigned int value)
	{
		bag.fill(value);
		RL_ASSERT(hd_split_push_owner(deque, value));
	}

	void push_if_room(unsigned int value)
	{
		bag.fill(value);
		if (!hd_split_push_owner(deque, value))
			bag.note(value);
	}

	void got(uint32_t value)
	{
		if (value && value != HD_SPLIT_RETRY)
			bag.got(value);
	}

	void pop()
	{
		got(hd_split_pop_owner(deque));
	}

	void steal()
	{
		got(hd_split_steal_any(deque, 0));
	}

	void steal_some()
	{
		uint32_t value[2], n, i;
		bool retry;

		n = hd_split_steal_some_any(deque, 0, value, 2, &retry);
		for (i = 0; i < n; i++)
			got(value[i]);
	}

	uint32_t try_force(uint32_t tag)
	{
		uint64_t note = hd_split_ask_any(deque);

		hd_membarrier();
		return hd_split_force_any(deque, tag, note);
	}

	void force()
	{
		got(try_force(0));
	}

	void before()
	{
		make(4, HD_SPLIT_FIRST, 0);
	}

	void after()
	{
		uint32_t value;

		while ((value = hd_split_pop_owner(deque)) != 0)
			bag.got(value);
		RL_ASSERT(bag.out == all); // nothing is lost
		hd_split_free(deque);
	}
};

/* ---- by force ---- */

struct last : of_split {
	void thread(unsigned int i)
	{
		all = 0x2;
		if (!i) {
			push(1);
			pop();
		} else {
			force();
		}
	}
};

struct two : of_split {
	void thread(unsigned int i)
	{
		if (!i) {
			push(1);
			push(2);
			pop();
			pop();
		} else {
			force();
			force();
		}
	}
};

struct opened : of_split {
	void thread(unsigned int i)
	{
		if (!i) {
			push(1);
			push(2);
			pop();
			pop();
		} else {
			force();
			steal();
		}
	}
};

struct reuse : of_split {
	void thread(unsigned int i)
	{
		if (!i) {
			push(1);
			pop();
			push(2);
			pop();
		} else {
			force();
			force();
		}
	}
};

/* ---- what is public ---- */

struct of_public : of_split {
	void before()
	{
		make(4, HD_SPLIT_FIRST, 0);
		push(1);
		push(2);
		hd_split_ask_any(deque);
		push(3); // 1 and 2 are public
		deque->asked = false;
		all = 0xe;
	}
};

struct of_open_part : of_public {
	void thread(unsigned int i)
	{
		if (!i) {
			pop();
			pop();
			pop();
		} else if (i == 1) {
			steal();
			steal();
		} else {
			steal_some();
		}
	}
};

struct again : of_public {
	void thread(unsigned int i)
	{
		all = 0x1e;
		if (!i) {
			pop();
			pop();
			push(4);
			pop();
		} else if (i == 1) {
			steal();
			steal();
		} else {
			force();
		}
	}
};

// The word is the old one but for its generation, the oldest value is not.
struct same : of_public {
	void thread(unsigned int i)
	{
		all = 0x7e;
		if (i) {
			steal();
			steal();
			return;
		}
		pop();
		pop();
		pop();
		push(4);
		push(5);
		hd_split_ask_any(deque);
		push(6);
	}
};

/* ---- an owner that does not come back ---- */

struct busy : of_split {
	zeroed<int> gone;

	void thread(unsigned int i)
	{
		uint32_t value;

		all = 0xe;
		if (!i) {
			push(1);
			push(2);
			push(3);
			atomic_store_explicit(&gone, 1, memory_order_relaxed);
			return;
		}
		if (!atomic_load_explicit(&gone, memory_order_relaxed))
			return;
		// One barrier; then nobody is in our way.
		value = try_force(0);
		RL_ASSERT(value == 1);
		bag.got(value);
		for (i = 2; i <= 3; i++) {
			value = hd_split_steal_any(deque, 0);
			RL_ASSERT(value == i);
			bag.got(value);
		}
	}
};

struct left_open : of_split {
	void thread(unsigned int i)
	{
		if (!i) {
			push(1);
			push(2);
			hd_split_open_owner(deque);
		} else {
			steal();
			steal();
		}
	}
};

/* ---- a thief gets a value only of the tag that it wants ---- */

struct retag : of_split {
	void before()
	{
		make(4, HD_SPLIT_FIRST, 0);
		hd_split_retag_owner(deque, 7);
		push(1);
	}

	void thread(unsigned int i)
	{
		uint32_t value;

		if (!i) {
			pop();
			if (hd_split_length_any(deque)) {
				bag.note(2);
				return;
			}
			hd_split_retag_owner(deque, 8);
			push(2);
			pop();
			return;
		}
		value = try_force(6 + i);
		if (!value || value == HD_SPLIT_RETRY)
			return;
		RL_ASSERT(value == i);
		bag.got(value);
	}
};

/* ---- going to sleep: see split-3 ---- */

struct of_sleep : of_split {
	zeroed<uint32_t> idle;
	bool asleep = false, woken = false;

	void look_who_sleeps()
	{
		if (!deque->asked)
			return;
		deque->asked = false;
		if (!atomic_load_explicit(&idle, memory_order_seq_cst))
			return;
		if (hd_split_length_any(deque))
			woken = true;
		else
			hd_split_ask_any(deque);
	}

	void sleep()
	{
		uint32_t value;

		atomic_store_explicit(&idle, 1, memory_order_seq_cst);
		do
			value = try_force(0);
		while (value == HD_SPLIT_RETRY);
		got(value);
		asleep = !value;
	}

	void after()
	{
		// missed: a value, and who sleeps for want of it
		RL_ASSERT(!asleep || woken || !hd_split_length_any(deque));
		of_split::after();
	}
};

struct to_sleep : of_sleep {
	void thread(unsigned int i)
	{
		all = 0x2;
		if (!i) {
			push(1);
			look_who_sleeps();
		} else {
			sleep();
		}
	}
};

struct sleep_pop : of_sleep {
	void thread(unsigned int i)
	{
		if (i) {
			sleep();
			return;
		}
		push(1);
		look_who_sleeps();
		pop();
		look_who_sleeps();
		push(2);
		look_who_sleeps();
	}
};

struct sleep_public : of_sleep {
	void before()
	{
		make(4, HD_SPLIT_FIRST, 0);
		hd_split_ask_any(deque);
		push(1);
		deque->asked = false;
	}

	void thread(unsigned int i)
	{
		if (i) {
			sleep();
			return;
		}
		pop();
		look_who_sleeps();
		push(2);
		look_who_sleeps();
	}
};

/* ---- full, and the wraps ---- */

struct full : of_split {
	void before()
	{
		make(2, HD_SPLIT_FIRST, 0);
		push(1);
		push(2);
		all = 0x1e;
	}

	void thread(unsigned int i)
	{
		if (!i) {
			push_if_room(3);
			push_if_room(4);
		} else {
			force();
			steal();
		}
	}
};

struct wrap : opened {
	void before()
	{
		make(2, (UINT64_C(1) << 20) - 1, UINT32_MAX);
	}
};

const entry scenarios[] = {
	{ "split-last", 2, BOUND, made<last> },
	{ "split-two", 2, BOUND, made<two> },
	{ "split-opened", 2, BOUND, made<opened> },
	{ "split-reuse", 2, BOUND, made<reuse> },
	{ "split-thieves", 3, BOUND, made<opened> },
	{ "split-public", 2, BOUND, made<of_open_part> },
	{ "split-public-thieves", 3, BOUND, made<of_open_part> },
	{ "split-again", 3, BOUND, made<again> },
	{ "split-same", 2, BOUND, made<same> },
	{ "split-busy", 2, BOUND, made<busy> },
	{ "split-open", 3, BOUND, made<left_open> },
	{ "split-retag", 3, BOUND, made<retag> },
	{ "split-sleep", 2, BOUND, made<to_sleep> },
	{ "split-sleep-pop", 2, BOUND, made<sleep_pop> },
	{ "split-sleep-public", 2, BOUND, made<sleep_public> },
	{ "split-full", 3, BOUND, made<full> },
	{ "split-wrap", 3, BOUND, made<wrap> },
	{},
};
