// SPDX-License-Identifier: BSD-2-Clause
/*
 * The parker: no wake is lost, each token is taken once, and who takes it sees what went
 * before. A lost wake-up is a deadlock.
 */
#include "explore.hh"

#include "lockfree/parker.h"

#include "lockfree/parker.c"

struct of_parker : scenario {
	hd_parker parker;
	plain<int> carried;
	uint32_t taken = 0; // not seen by the memory

	void hand(uint32_t token)
	{
		carried = 7;
		hd_parker_unpark_any(&parker, token);
	}

	void park()
	{
		taken += hd_parker_park_owner(&parker);
		RL_ASSERT(carried == 7);
	}
};

struct park : of_parker {
	void thread(unsigned int i)
	{
		i ? of_parker::park() : hand(5);
	}

	void after()
	{
		RL_ASSERT(taken == 5);
	}
};

// The owner looks first, and sleeps only if there is nothing.
struct try_first : of_parker {
	void thread(unsigned int i)
	{
		if (!i) {
			hand(5);
			return;
		}
		taken = hd_parker_try_owner(&parker);
		if (!taken)
			of_parker::park();
		RL_ASSERT(carried == 7);
	}

	void after()
	{
		RL_ASSERT(taken == 5);
	}
};

// A second waker hands over only when the first token has been taken, as who clears a
// bit in the idle set does. If nobody claims the owner, it goes by itself.
struct twice : of_parker {
	zeroed<uint32_t> idle;

	bool claim()
	{
		uint32_t one = 1;

		return atomic_compare_exchange_strong_explicit(
			&idle, &one, 0, memory_order_seq_cst,
			memory_order_seq_cst);
	}

	void thread(unsigned int i)
	{
		if (i == 1) {
			hand(5);
		} else if (i == 2) {
			if (claim())
				hand(6);
		} else {
			of_parker::park();
			atomic_store_explicit(&idle, 1, memory_order_seq_cst);
			if (!claim())
				of_parker::park();
		}
	}

	void after()
	{
		RL_ASSERT(taken == 5 || taken == 11);
	}
};

const entry scenarios[] = {
	{ "parker", 2, FULL, made<park> },
	{ "parker-spurious", 2, RANDOM_ONLY, made<park>, true },
	{ "parker-try", 2, FULL, made<try_first> },
	{ "parker-twice", 3, BOUND, made<twice> },
	{ "parker-twice-spurious", 3, RANDOM_ONLY, made<twice>, true },
	{},
};
