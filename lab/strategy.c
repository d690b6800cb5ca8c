/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The strategies: depth first within bounds (small schedules first, and
 * complete), PCT (Burckhardt and others, ASPLOS 2010: a bug that needs d
 * ordered steps is met with a probability that is bounded from below), uniform
 * random, and replay.
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
#define OLD_ONE_IN  4  /* by chance: a load that could, gives an old value */

struct choice {
	uint16_t n, limit, taken;
	uint16_t asleep; /* mask of options that are left out */
	/* Of a choice of fibers: what followed. */
	uint16_t to, to_asleep;
	int preemptions;
};

static struct {
	enum lab_strategy strategy;
	int bound, depth, old_max;
	uint64_t seed, random;

	struct choice *choice;
	size_t length, room;
	size_t position;

	int preemptions, old;
	int64_t priority[LAB_FIBERS_MAX];
	uint64_t change[CHANGES_MAX];
	uint64_t longest;
} s;

static uint64_t random_next(void)
{
	s.random ^= s.random << 13;
	s.random ^= s.random >> 7;
	s.random ^= s.random << 17;
	return s.random;
}

static bool by_chance(void)
{
	return s.strategy == LAB_PCT || s.strategy == LAB_RANDOM;
}

static void append(struct choice choice)
{
	if (s.length == s.room) {
		s.room = s.room ? 2 * s.room : 1024;
		s.choice = realloc(s.choice, s.room * sizeof(*s.choice));
		if (!s.choice)
			abort();
	}
	s.choice[s.length++] = choice;
}

/* The last choice is a new one, and those before it are as they were. */
bool lab_strategy_repeats(unsigned int *to, uint32_t *asleep)
{
	const struct choice *c;

	if (s.strategy != LAB_DFS || s.position + 1 >= s.length)
		return false;
	c = &s.choice[s.position++];
	s.preemptions = c->preemptions;
	*to = c->to;
	*asleep = c->to_asleep;
	return true;
}

void lab_strategy_note(unsigned int to, uint32_t asleep)
{
	struct choice *c = &s.choice[s.position - 1];

	c->to = (uint16_t)to;
	c->to_asleep = (uint16_t)asleep;
	c->preemptions = s.preemptions;
}

static bool prescribe(const char *replay)
{
	size_t n;
	uint16_t *taken = lab_string_parse(replay, &n);

	if (!taken)
		return false;
	for (size_t i = 0; i < n; i++)
		append((struct choice){ .taken = taken[i] });
	free(taken);
	return true;
}

bool lab_strategy_begin(const struct lab_options *options)
{
	s.strategy = options->strategy;
	s.bound = options->bound;
	s.depth = options->depth;
	s.old_max = options->old_max;
	s.seed = options->seed;
	s.length = s.position = 0;
	s.longest = LENGTH_MIN;
	return s.strategy != LAB_REPLAY || prescribe(options->replay);
}

void lab_strategy_restart(uint64_t execution)
{
	s.position = 0;
	s.preemptions = s.old = 0;
	if (!by_chance())
		return;
	s.length = 0;
	s.random = (s.seed + execution + 1) * UINT64_C(0x9e3779b97f4a7c15);
	random_next();
	random_next();
	if (s.strategy != LAB_PCT)
		return;
	for (unsigned int i = 0; i < LAB_FIBERS_MAX; i++)
		s.priority[i] = (int64_t)(random_next() % 1000) + CHANGES_MAX;
	for (int i = 0; i < s.depth - 1 && i < CHANGES_MAX; i++)
		s.change[i] = 1 + random_next() % s.longest;
}

bool lab_strategy_next(void)
{
	if (lab_at.step > s.longest)
		s.longest = lab_at.step;
	if (s.strategy == LAB_REPLAY)
		return false;
	if (s.strategy != LAB_DFS)
		return true;
	while (s.length) {
		struct choice *last = &s.choice[s.length - 1];

		do
			last->taken++;
		while (last->taken < last->limit &&
		       last->asleep & 1u << last->taken);
		if (last->taken < last->limit)
			return true;
		s.length--;
	}
	return false;
}

/* Takes what is prescribed, or `fresh` where nothing is. */
static unsigned int take(unsigned int n, unsigned int limit, unsigned int fresh,
			 uint32_t asleep)
{
	struct choice *c;

	if (s.position == s.length)
		append((struct choice){ .n = (uint16_t)n,
					.limit = (uint16_t)limit,
					.taken = (uint16_t)fresh,
					.asleep = (uint16_t)asleep });
	c = &s.choice[s.position++];
	if (s.strategy == LAB_REPLAY && !c->n)
		c->n = c->limit = (uint16_t)n;
	if (c->n != n || c->taken >= n)
		lab_unfit("choice %zu has %u options and had %u, of which "
			  "number %u was taken",
			  s.position, n, c->n, c->taken);
	return c->taken;
}

unsigned int lab_choose(unsigned int n)
{
	if (n < 2)
		return 0;
	return take(n, n, by_chance() ? (unsigned int)(random_next() % n) : 0,
		    0);
}

unsigned int lab_choose_value(unsigned int n)
{
	unsigned int limit = n, fresh = 0, taken;

	if (n < 2)
		return 0;
	if (by_chance()) {
		uint64_t r = random_next();

		if (r % OLD_ONE_IN == 0)
			fresh = 1 + (unsigned int)(r / OLD_ONE_IN % (n - 1));
	} else if (s.old_max >= 0 && s.old >= s.old_max) {
		limit = 1;
	}
	taken = take(n, limit, fresh, 0);
	s.old += taken != 0;
	return taken;
}

/* The runnable fiber of highest priority, after the changes due at this step. */
static unsigned int by_priority(const unsigned int *option, unsigned int n)
{
	unsigned int best = 0;

	for (int i = 0; i < s.depth - 1 && i < CHANGES_MAX; i++)
		if (s.change[i] == lab_at.step)
			s.priority[lab_at.current] = CHANGES_MAX - 1 - i;
	for (unsigned int i = 1; i < n; i++)
		if (s.priority[option[i]] > s.priority[option[best]])
			best = i;
	return best;
}

unsigned int lab_choose_fiber(const unsigned int *option, unsigned int n,
			      enum lab_switch how, uint32_t asleep)
{
	unsigned int taken, limit = n, fresh = 0;

	if (s.strategy == LAB_PCT)
		fresh = by_priority(option, how == LAB_YIELDS ? n - 1 : n);
	else if (s.strategy == LAB_RANDOM)
		fresh = (unsigned int)(random_next() % n);
	else if (s.bound >= 0 && s.preemptions >= s.bound &&
		 how != LAB_MUST_LEAVE)
		limit = how == LAB_MAY_STAY ? 1 : n - 1;
	while (fresh < limit && asleep & 1u << fresh)
		fresh++;
	if (fresh == limit)
		lab_abandon();
	if (n < 2)
		return 0;
	taken = take(n, limit, fresh, asleep);
	s.preemptions += how == LAB_MAY_STAY
				 ? taken != 0
				 : how == LAB_YIELDS && taken == n - 1;
	return taken;
}

bool lab_strategy_left(void)
{
	if (s.strategy != LAB_REPLAY)
		return false;
	for (size_t i = s.position; i < s.length; i++)
		if (s.choice[i].taken)
			return true;
	return false;
}

/* -- strings -- */

uint16_t *lab_string_parse(const char *string, size_t *n)
{
	uint16_t *taken = NULL;
	size_t room = 0, length = 0;

	while (*string) {
		unsigned long value = 0, times = 1;
		char *end = (char *)(uintptr_t)string;

		if (*string >= 'b' && *string <= 'z') {
			value = (unsigned long)(*end++ - 'a');
		} else if (*string == '(') {
			value = strtoul(string + 1, &end, 10);
			if (end == string + 1 || *end++ != ')')
				goto wrong;
		} else if (*string >= '0' && *string <= '9') {
			times = strtoul(string, &end, 10);
		} else {
			goto wrong;
		}
		if (value > UINT16_MAX || times > 1 << 24)
			goto wrong;
		string = end;
		if (length + times >= room) {
			room = 2 * (length + times) + 16;
			taken = realloc(taken, room * sizeof(*taken));
			if (!taken)
				abort();
		}
		while (times--)
			taken[length++] = (uint16_t)value;
	}
	*n = length;
	return taken ? taken : calloc(1, sizeof(*taken));

wrong:
	free(taken);
	return NULL;
}

char *lab_string_of(const uint16_t *taken, size_t n)
{
	size_t zeros = 0;
	char *text, *at;

	while (n && !taken[n - 1])
		n--;
	/* The longest piece: a run of zeros and a choice in parentheses. */
	text = malloc(n * 16 + 1);
	if (!text)
		abort();
	at = text;
	*at = '\0';
	for (size_t i = 0; i < n; i++) {
		if (!taken[i]) {
			zeros++;
			continue;
		}
		if (zeros)
			at += sprintf(at, "%zu", zeros);
		zeros = 0;
		at += taken[i] < 26 ? sprintf(at, "%c", 'a' + (int)taken[i])
				    : sprintf(at, "(%u)", taken[i]);
	}
	return text;
}

char *lab_strategy_string(void)
{
	uint16_t *taken = malloc((s.position + 1) * sizeof(*taken));
	char *text;

	if (!taken)
		abort();
	for (size_t i = 0; i < s.position; i++)
		taken[i] = s.choice[i].taken;
	text = lab_string_of(taken, s.position);
	free(taken);
	return text;
}
