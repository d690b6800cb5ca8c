// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a scenario is: up to three threads on objects of the library, what goes before
 * and what must hold at rest. explore.cc runs the table of scenarios of one program.
 */
#ifndef HEDDLE_TESTS_MODEL_RELACY_EXPLORE_HH
#define HEDDLE_TESTS_MODEL_RELACY_EXPLORE_HH

#include "machine.hh"

// Made anew for each execution.
struct scenario {
	virtual ~scenario()
	{
	}
	virtual void before()
	{
	}
	virtual void thread(unsigned int i) = 0;
	virtual void after()
	{
	} // alone
};

// What Relacy can go through in every order is explored so too: FULL is all that it has,
// BOUND what needs at most two preemptions, or three of two threads.
enum complete {
	RANDOM_ONLY,
	FULL,
	BOUND
};

enum {
	ROOM = 8192
};

struct entry {
	const char *name;
	int threads;
	enum complete complete;
	scenario *(*make)(void *room);
	bool spurious = false;
};

extern const entry scenarios[]; // up to one without a name

template <class T> scenario *made(void *room)
{
	static_assert(sizeof(T) <= ROOM);
	return new (room) T;
}

// What went in comes out once, with what it carries. Values are 1 to 7.
struct bag {
	plain<int> carried[8];
	unsigned int out = 0; // not seen by the memory

	void fill(unsigned int value)
	{
		carried[value] = 100 + (int)value;
	}

	void note(unsigned int value)
	{
		RL_ASSERT(value > 0 && value < 8);
		RL_ASSERT(!(out & 1u << value)); // nothing comes out twice
		out |= 1u << value;
	}

	void got(unsigned int value)
	{
		note(value);
		RL_ASSERT(carried[value] == 100 + (int)value);
		carried[value] = 0;
	}
};

#endif // HEDDLE_TESTS_MODEL_RELACY_EXPLORE_HH
