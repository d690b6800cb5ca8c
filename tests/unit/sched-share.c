/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose turn it is. Method: a pool without workers, groups that always have work; the
 * test itself takes the turns that a search gives and charges them with what it likes,
 * so the outcome depends on no clock and no thread. Shares follow the weights, nobody
 * below its share is passed over by more turns than there are siblings, who was away has
 * no credit, who was alone no debts, and groups at their cap are not looked at.
 *
 * clause: H2 H4
 */
#include <stdlib.h>

#include "lockfree/groupword.h"
#include "sched/group.h"
#include "sched/permit.h"
#include "sched/pool.h"
#include "sched/ready.h"
#include "sched/share.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define SIBLINGS_MAX 8
#define QUANTUM      UINT64_C(100000)

static struct heddle_pool *pool;
static struct heddle_group *group[SIBLINGS_MAX];
static uint32_t weight[SIBLINGS_MAX], siblings;
static uint64_t turns[SIBLINGS_MAX], served[SIBLINGS_MAX], all;

static void nothing(void *arg)
{
	(void)arg;
}

static struct heddle_group *group_below(struct heddle_group *parent,
					uint32_t of_weight)
{
	struct heddle_group_options o = { .struct_size = sizeof(o),
					  .weight = of_weight };
	struct heddle_group *made;

	if (heddle_group_create(parent, &o, &made) ||
	    heddle_submit_call(made, nothing, NULL))
		bail("group");
	return made;
}

static void set_up(const uint32_t *weights, uint32_t n)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 8,
					 .groups_max = 1100 };
	uint32_t i;

	if (heddle_pool_create(&o, &pool))
		bail("pool");
	siblings = n;
	for (i = 0, all = 0; i < n; i++) {
		weight[i] = weights[i];
		all += weights[i];
		turns[i] = served[i] = 0;
		group[i] = group_below(heddle_pool_group(pool), weights[i]);
	}
}

static uint32_t who(const struct heddle_group *found)
{
	uint32_t i;

	for (i = 0; i < siblings; i++)
		if (group[i] == found)
			return i;
	bail("a turn for nobody");
}

static uint32_t turn(uint64_t held_ns)
{
	uint32_t owe = 0, i;
	struct heddle_group *found = hd_ready_take(pool, true, &owe);

	i = who(found);
	turns[i]++;
	served[i] += held_ns;
	hd_share_charge(found, held_ns);
	hd_permit_give(found);
	return i;
}

static void shares(const uint32_t *weights, uint32_t n, uint32_t rounds)
{
	uint64_t total = 0, waited[SIBLINGS_MAX] = { 0 }, longest = 0;
	double off = 0;
	uint32_t i, k;

	set_up(weights, n);
	for (k = 0; k < rounds; k++) {
		uint32_t now = turn(QUANTUM);

		total += QUANTUM;
		for (i = 0; i < n; i++) {
			double due = (double)total * weight[i] / (double)all;
			double lack = (due - (double)served[i]) / QUANTUM;

			off = lack > off ? lack : off;
			/* Below its share before this turn, and passed over. */
			due -= (double)QUANTUM * weight[i] / (double)all;
			waited[i] = i == now || due <= (double)served[i]
					    ? 0
					    : waited[i] + 1;
			longest = waited[i] > longest ? waited[i] : longest;
		}
	}
	ok(longest <= n,
	   "%u siblings: below its share and passed over %llu "
	   "times at most",
	   n, (unsigned long long)longest);
	ok(off <= n, "and never more than %.2f turns behind", off);
	su_destroy(pool);
}

/* Two levels: the group above is charged for those below. */
static void levels(void)
{
	static const uint32_t weights[] = { 1, 3 };
	struct heddle_group *deep[2];
	uint64_t under = 0, of[2] = { 0, 0 };
	int k;

	set_up(weights, 2);
	deep[0] = group_below(group[1], 1);
	deep[1] = group_below(group[1], 2);
	for (k = 0; k < 1600; k++) {
		uint32_t owe = 0;
		struct heddle_group *found = hd_ready_take(pool, true, &owe);

		of[0] += found == deep[0];
		of[1] += found == deep[1];
		under += found != group[0];
		hd_share_charge(found, QUANTUM);
		hd_permit_give(found);
	}
	ok(under >= 1198 && under <= 1202,
	   "below the group of weight 3: %llu "
	   "of 1600 turns",
	   (unsigned long long)under);
	ok(of[0] >= 298 && of[0] <= 302 && of[1] >= 598 && of[1] <= 602,
	   "its own tasks, 1 and 2 share them: %llu and %llu",
	   (unsigned long long)of[0], (unsigned long long)of[1]);
	su_destroy(pool);
}

/* So many of the next turns are of group i. */
static uint64_t next_turns(uint32_t i, uint32_t n)
{
	uint64_t before = turns[i];

	while (n--)
		turn(QUANTUM);
	return turns[i] - before;
}

static void half(uint32_t i, const char *when)
{
	uint64_t n = next_turns(i, 20);

	ok(n >= 9 && n <= 11, "%llu of 20 turns %s", (unsigned long long)n,
	   when);
}

/* The cap of a sibling is 0 for 1 000 turns of the other, which has no debts then. */
static void alone(uint32_t one, uint32_t other, const char *what)
{
	heddle_group_set_cap(group[other], 0, NULL);
	is_u64(next_turns(one, 1000), 1000, "%s alone has every turn", what);
	heddle_group_set_cap(group[other], 8, NULL);
	half(one, "when another comes");
}

static void no_debts(void)
{
	static const uint32_t weights[] = { 1, 1 };
	struct heddle_group *old;

	set_up(weights, 2);
	alone(0, 1, "a group");
	old = group[1];
	next_turns(1, 2000);
	if (heddle_group_close(old, HEDDLE_CLOSE_REFUSE | HEDDLE_CLOSE_FREE,
			       HEDDLE_FOREVER))
		bail("close");
	group[1] = group_below(group[0], 1);
	ok(group[1] == old, "the entry is used again, elsewhere");
	half(1, "and it owes nothing of its first life");
	su_destroy(pool);

	set_up(weights, 1);
	group[1] = heddle_pool_group(pool);
	siblings = 2;
	if (heddle_submit_call(group[1], nothing, NULL))
		bail("submit");
	alone(1, 0, "the own tasks of a group");
	su_destroy(pool);
}

/* Who was away has no credit. */
static void away(void)
{
	static const uint32_t weights[] = { 1, 1 };
	uint64_t before;
	int k;

	set_up(weights, 2);
	group_below(heddle_pool_group(pool), 1);
	siblings = 2;
	heddle_group_set_cap(group[1], 0, NULL);
	for (k = 0; k < 2000; k++) {
		uint32_t owe = 0;
		struct heddle_group *found = hd_ready_take(pool, true, &owe);

		hd_share_charge(found, QUANTUM);
		hd_permit_give(found);
	}
	heddle_group_set_cap(group[1], 4, NULL);
	for (k = 0, before = 0; k < 30; k++) {
		uint32_t owe = 0;
		struct heddle_group *found = hd_ready_take(pool, true, &owe);

		before += found == group[1];
		hd_share_charge(found, QUANTUM);
		hd_permit_give(found);
	}
	ok(before >= 9 && before <= 12,
	   "who comes back has a third of the "
	   "turns: %llu of 30",
	   (unsigned long long)before);
	su_destroy(pool);
}

/* Turns that are not charged yet count: several at once go to several. */
static void at_once(void)
{
	static const uint32_t weights[] = { 1, 1, 2 };
	struct heddle_group *found[8];
	uint64_t of[3] = { 0 };
	uint32_t owe = 0, i;

	set_up(weights, 3);
	for (i = 0; i < 8; i++) {
		found[i] = hd_ready_take(pool, true, &owe);
		of[who(found[i])]++;
	}
	ok(of[0] == 2 && of[1] == 2 && of[2] == 4,
	   "eight turns at once: %llu, %llu and %llu",
	   (unsigned long long)of[0], (unsigned long long)of[1],
	   (unsigned long long)of[2]);
	for (i = 0; i < 8; i++)
		hd_permit_give(found[i]);
	su_destroy(pool);
}

/* H4: 1 000 siblings full of work and at their cap. */
static void capped(void)
{
	static const uint32_t weights[] = { 1, 1 };
	struct heddle_group *root, *full;
	uint64_t bits;
	int k;

	set_up(weights, 2);
	root = heddle_pool_group(pool);
	for (k = 0; k < 1000; k++) {
		full = group_below(root, 1000);
		if (heddle_group_set_cap(full, 0, NULL))
			bail("cap");
	}
	turn(QUANTUM); /* the one search that meets them */
	bits = hd_bitset_count_any(&root->ready);
	is_u64(bits, 2, "1 000 siblings at their cap: a search sees two bits");
	for (k = 0; k < 100; k++)
		heddle_submit_call(full, nothing, NULL);
	turn(QUANTUM);
	turn(QUANTUM);
	is_u64(hd_bitset_count_any(&root->ready), 2,
	       "also after submits to one of them");
	su_destroy(pool);
}

int main(void)
{
	static const uint32_t equal[] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	static const uint32_t doubled[] = { 1, 2, 4 };
	static const uint32_t far[] = { 1, 100, 10000 };
	uint32_t any[SIBLINGS_MAX], i, round;

	tap_deadline(60);
	tap_seed();
	shares(equal, 8, 1000);
	shares(doubled, 3, 7000);
	shares(far, 3, 20000);
	for (round = 0; round < 5; round++) {
		uint32_t n = 2 + (uint32_t)(tap_random() % 7);

		for (i = 0; i < n; i++)
			any[i] = 1 + (uint32_t)(tap_random() % 20);
		shares(any, n, 4000);
	}
	ok(sizeof(struct heddle_group) <= 1280,
	   "an entry has the size that heddle_group_create() states: %zu",
	   sizeof(struct heddle_group));
	levels();
	no_debts();
	away();
	at_once();
	capped();
	return tap_done();
}
