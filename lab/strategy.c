/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The strategies: depth first with a bound on preemptions (small schedules
 * first, and complete), PCT (Burckhardt and others, ASPLOS 2010: a bug that
 * needs d ordered steps is met with a probability that is bounded from below),
 * uniform random, and replay.
 *
 * The string: a number is so many choices of 0; a letter is a choice of 1 ('b')
 * to 25 ('z'); a larger one stands in parentheses. Choices behind its end are
 * 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/engine.h"
#include "lab/strategy.h"

#define CHANGES_MAX 16
#define LENGTH_MIN  64 /* first guess of the steps of an execution, for PCT */

struct choice {
	uint16_t n, limit, taken;
};

static struct {
	enum lab_strategy strategy;
	int level;
	uint64_t seed, random;

	struct choice *choice;
	size_t length, room;
	size_t position;

	unsigned int preemptions;
	int64_t priority[LAB_FIBERS_MAX];
	uint64_t change[CHANGES_MAX];
	uint64_t longest;
	uint64_t step;
} s;

static uint64_t random_next(void)
{
	s.random ^= s.random << 13;
	s.random ^= s.random >> 7;
	s.random ^= s.random << 17;
	return s.random;
}

static void append(unsigned int n, unsigned int limit, unsigned int taken)
{
	if (s.length == s.room) {
		s.room = s.room ? 2 * s.room : 1024;
		s.choice = realloc(s.choice, s.room * sizeof(*s.choice));
		if (!s.choice)
			abort();
	}
	s.choice[s.length++] = (struct choice){ (uint16_t)n, (uint16_t)limit,
						(uint16_t)taken };
}

void lab_strategy_begin(enum lab_strategy strategy, int level, uint64_t seed)
{
	s.strategy = strategy;
	s.level = level;
	s.seed = seed;
	s.length = 0;
	s.longest = LENGTH_MIN;
}

void lab_strategy_restart(uint64_t execution)
{
	s.random = (s.seed + execution + 1) * UINT64_C(0x9e3779b97f4a7c15);
	random_next();
	random_next();
	s.position = 0;
	s.preemptions = 0;
	s.step = 0;
	if (s.strategy == LAB_PCT || s.strategy == LAB_RANDOM)
		s.length = 0;
	if (s.strategy != LAB_PCT)
		return;
	for (unsigned int i = 0; i < LAB_FIBERS_MAX; i++)
		s.priority[i] = (int64_t)(random_next() % 1000) + CHANGES_MAX;
	for (int i = 0; i < s.level - 1 && i < CHANGES_MAX; i++)
		s.change[i] = 1 + random_next() % s.longest;
}

bool lab_strategy_next(void)
{
	if (s.step > s.longest)
		s.longest = s.step;
	if (s.strategy == LAB_REPLAY)
		return false;
	if (s.strategy != LAB_DFS)
		return true;
	while (s.length) {
		struct choice *last = &s.choice[s.length - 1];

		if (++last->taken < last->limit)
			return true;
		s.length--;
	}
	return false;
}

/* Takes what is prescribed, or `fresh` where nothing is. */
static unsigned int take(unsigned int n, unsigned int limit, unsigned int fresh)
{
	struct choice *c;

	if (s.position == s.length)
		append(n, limit, fresh);
	c = &s.choice[s.position++];
	if (s.strategy == LAB_REPLAY && !c->n)
		c->n = c->limit = (uint16_t)n;
	if (c->n != n || c->taken >= n)
		lab_fail("choice %zu has %u options and had %u: the scenario "
			 "is not deterministic, or the string not its own",
			 s.position, n, c->n);
	return c->taken;
}

unsigned int lab_choose_within(unsigned int n, unsigned int limit)
{
	bool by_chance = s.strategy == LAB_PCT || s.strategy == LAB_RANDOM;

	return take(n, limit,
		    by_chance ? (unsigned int)(random_next() % limit) : 0);
}

/* The runnable fiber of highest priority, after the changes due at this step. */
static unsigned int by_priority(const unsigned int *option, unsigned int n,
				uint64_t step)
{
	unsigned int best = 0;

	for (int i = 0; i < s.level - 1 && i < CHANGES_MAX; i++)
		if (s.change[i] == step)
			s.priority[lab_current()] = CHANGES_MAX - 1 - i;
	for (unsigned int i = 1; i < n; i++)
		if (s.priority[option[i]] > s.priority[option[best]])
			best = i;
	return best;
}

unsigned int lab_choose_fiber(const unsigned int *option, unsigned int n,
			      bool stays, uint64_t step)
{
	unsigned int taken, limit = n;

	s.step = step;
	if (s.strategy == LAB_PCT) {
		unsigned int best = by_priority(option, n, step);

		return n > 1 ? take(n, n, best) : 0;
	}
	if (n < 2)
		return 0;
	if (s.strategy == LAB_DFS && stays && s.level >= 0 &&
	    s.preemptions >= (unsigned int)s.level)
		limit = 1;
	taken = lab_choose_within(n, limit);
	if (stays && taken)
		s.preemptions++;
	return taken;
}

bool lab_strategy_prescribe(const char *replay)
{
	s.length = 0;
	while (*replay) {
		char *end = (char *)(uintptr_t)replay;
		unsigned long number;

		if (*replay >= 'b' && *replay <= 'z') {
			append(0, 0, (unsigned int)(*replay++ - 'a'));
			continue;
		}
		number = strtoul(replay + (*replay == '('), &end, 10);
		if (end == replay || number > UINT16_MAX)
			return false;
		if (*replay == '(') {
			if (*end++ != ')')
				return false;
			append(0, 0, (unsigned int)number);
		} else {
			while (number--)
				append(0, 0, 0);
		}
		replay = end;
	}
	return true;
}

char *lab_strategy_string(void)
{
	size_t length = s.position, zeros = 0;
	char *text, *at;

	while (length && !s.choice[length - 1].taken)
		length--;
	/* The longest piece: a run of zeros and a choice in parentheses. */
	text = malloc(length * 16 + 1);
	if (!text)
		abort();
	at = text;
	*at = '\0';
	for (size_t i = 0; i < length; i++) {
		unsigned int taken = s.choice[i].taken;

		if (!taken) {
			zeros++;
			continue;
		}
		if (zeros)
			at += sprintf(at, "%zu", zeros);
		zeros = 0;
		at += taken < 26 ? sprintf(at, "%c", 'a' + (int)taken)
				 : sprintf(at, "(%u)", taken);
	}
	return text;
}
