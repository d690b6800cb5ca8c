/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: caps have one setter. Of changes of many groups by many threads at once the
 * last one, by generation, is what each group has in the end; a group's generation never
 * goes back; the sum of two caps that are exchanged never rises; a ticket is stale only
 * if a later change met one of its groups. Elsewhere two settings were right only when
 * they were set in a certain order.
 *
 * Method: threads change random groups, and exchange the caps of the first and the last
 * with all others in between, so that the two words change well after each other. An
 * observer reads the words of first, last, first: with the same generation it has seen
 * one instant.
 *
 * fault: F35
 * clause: C4 C5
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "lockfree/groupword.h"
#include "sched/group.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define GROUPS   48
#define CHANGERS 3
#define ROUNDS   3000
#define SUM      10
#define LONG_MS  20000
/* Of a ticket: its low 40 bits are the serial, the low 24 the generation. */
#define SERIAL(change)     ((change) & ((UINT64_C(1) << 40) - 1))
#define GENERATION(change) ((uint32_t)(change)&0xffffff)

struct entry {
	uint64_t change;
	uint64_t groups; /* one bit each */
	uint8_t cap[GROUPS];
	int waited; /* 1: not waited for */
};

struct changer {
	pthread_t thread;
	uint64_t random;
	struct entry entry[ROUNDS];
	int bad, lost;
};

static struct heddle_group *group[GROUPS];
static struct changer changer[CHANGERS + 1]; /* the last one is main */
static _Atomic uint64_t ended, ran, ready;

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void call(void *arg)
{
	uint64_t end = su_now_ns() + 3000;

	(void)arg;
	while (su_now_ns() < end)
		;
	atomic_fetch_add(&ran, 1);
}

/* An exchange of the first and the last, or some of those between. */
static void choose(struct changer *by, struct entry *entry)
{
	uint64_t random = next_random(&by->random);
	bool exchange = random % 2;
	uint32_t i;

	entry->groups = random >> 8 & ((UINT64_C(1) << GROUPS) - 1);
	entry->groups &= ~(UINT64_C(1) | UINT64_C(1) << (GROUPS - 1));
	entry->groups |= 2;
	if (exchange)
		entry->groups = (UINT64_C(1) << GROUPS) - 1;
	for (i = 0; i < GROUPS; i++)
		entry->cap[i] = (uint8_t)(next_random(&by->random) % 4 + 1);
	entry->cap[0] = (uint8_t)(random >> 60) % (SUM - 1) + 1;
	entry->cap[GROUPS - 1] = SUM - entry->cap[0];
}

/* heddle_group_stat() takes the lock of the changes: it sees none half done. */
static uint64_t word_of(uint32_t i)
{
	return hd_word_load_any(&group[i]->word);
}

/* Does the generation lie behind the other, less than half a wrap? */
static bool goes_back(uint32_t from, uint32_t to)
{
	return ((to - from) & 0xffffff) > 0x800000;
}

/* What was set is there, or what was set later. */
static bool is_lost(const struct entry *entry)
{
	uint32_t i;

	for (i = 0; i < GROUPS; i++)
		if ((entry->groups >> i & 1) &&
		    goes_back(GENERATION(entry->change),
			      hd_word_generation(word_of(i))))
			return true;
	return false;
}

static void change_once(struct changer *by, struct entry *entry)
{
	struct heddle_change change[GROUPS] = { 0 };
	struct heddle_ticket ticket;
	size_t n = 0;
	uint32_t i;

	choose(by, entry);
	for (i = 0; i < GROUPS; i++)
		if (entry->groups >> i & 1)
			change[n++] = (struct heddle_change){ group[i],
							      entry->cap[i], 0,
							      0, 0 };
	by->bad += heddle_group_update(change, n, &ticket) != 0;
	entry->change = ticket.change;
	by->lost += is_lost(entry);
	entry->waited = 1;
	if (next_random(&by->random) % 4 == 0)
		entry->waited = heddle_group_wait(ticket, su_in_ms(LONG_MS));
}

static void *changes(void *arg)
{
	struct changer *by = arg;
	uint32_t round;

	atomic_fetch_add(&ready, 1);
	while (atomic_load(&ready) < CHANGERS)
		;
	for (round = 0; round < ROUNDS; round++)
		change_once(by, &by->entry[round]);
	return NULL;
}

static struct heddle_group_stat stat_of(uint32_t i)
{
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };

	if (heddle_group_stat(group[i], &stat))
		bail("stat");
	return stat;
}

struct seen {
	_Atomic uint64_t instants, more, less, back;
};

static void *observes(void *arg)
{
	struct seen *seen = arg;
	uint32_t last = hd_word_generation(word_of(0));

	while (!atomic_load(&ended)) {
		uint64_t a = word_of(0);
		uint32_t sum = hd_word_target(word_of(GROUPS - 1));
		uint64_t again = word_of(0);

		seen->back += goes_back(last, hd_word_generation(a)) ||
			      goes_back(hd_word_generation(a),
					hd_word_generation(again));
		last = hd_word_generation(again);
		if (hd_word_generation(a) != last)
			continue;
		sum += hd_word_target(a);
		seen->instants++;
		seen->more += sum > SUM;
		seen->less += sum < SUM;
	}
	return NULL;
}

static void *submits(void *arg)
{
	uint32_t i = 0;

	(void)arg;
	while (!atomic_load(&ended)) {
		heddle_submit_call(group[i++ % GROUPS], call, NULL);
		if (i % 64 == 0)
			su_wait_at_least(&ended, 1, 1);
	}
	return NULL;
}

/* The last change of a group, and whether there was one between two numbers. */
static const struct entry *last_of(uint32_t i)
{
	const struct entry *last = NULL;
	uint32_t c, k;

	for (c = 0; c <= CHANGERS; c++)
		for (k = 0; k < ROUNDS; k++) {
			const struct entry *at = &changer[c].entry[k];

			if ((at->groups >> i & 1) &&
			    (!last ||
			     SERIAL(at->change) > SERIAL(last->change)))
				last = at;
		}
	return last;
}

static bool later_exists(const struct entry *entry)
{
	uint32_t c, k;

	for (c = 0; c <= CHANGERS; c++)
		for (k = 0; k < ROUNDS; k++) {
			const struct entry *at = &changer[c].entry[k];

			if ((at->groups & entry->groups) &&
			    SERIAL(at->change) > SERIAL(entry->change))
				return true;
		}
	return false;
}

static void judge(void)
{
	uint64_t wrong = 0, waited = 0, stale = 0, bad = 0;
	uint32_t c, k, i;

	for (i = 0; i < GROUPS; i++) {
		struct heddle_group_stat stat = stat_of(i);
		const struct entry *last = last_of(i);

		wrong += stat.cap != last->cap[i] ||
			 stat.generation != GENERATION(last->change);
	}
	is_u64(wrong, 0, "each group has what its last change said");
	for (c = 0; c <= CHANGERS; c++)
		for (k = 0; k < ROUNDS; k++) {
			const struct entry *entry = &changer[c].entry[k];

			if (!entry->change || entry->waited == 1)
				continue;
			waited++;
			stale += entry->waited == -ESTALE;
			if (entry->waited &&
			    !(entry->waited == -ESTALE && later_exists(entry)))
				bad++;
		}
	ok(bad == 0 && waited > 100 && stale < waited,
	   "%lu tickets waited for, %lu of them stale", (unsigned long)waited,
	   (unsigned long)stale);
}

int main(void)
{
	struct heddle_pool *pool;
	struct seen seen = { 0 };
	pthread_t observer, submitter;
	int bad = 0, lost = 0;
	uint64_t until;
	uint32_t i;

	tap_deadline(60);
	pool = su_pool(3);
	for (i = 0; i < GROUPS; i++)
		group[i] = su_group(heddle_pool_group(pool),
				    (struct heddle_group_options){
					    .cap = SUM / 2,
					    .queue_slots = 16,
				    });
	if (pthread_create(&observer, NULL, observes, &seen) ||
	    pthread_create(&submitter, NULL, submits, NULL))
		bail("thread");
	for (i = 0; i < CHANGERS; i++) {
		changer[i].random = tap_random() | 1;
		if (pthread_create(&changer[i].thread, NULL, changes,
				   &changer[i]))
			bail("thread");
	}
	for (i = 0; i < CHANGERS; i++) {
		pthread_join(changer[i].thread, NULL);
		bad += changer[i].bad;
		lost += changer[i].lost;
	}
	/* Until the observer has been between the two words of an exchange. */
	until = su_in_ms(LONG_MS);
	changer[CHANGERS].random = tap_random() | 1;
	while (!atomic_load(&seen.less) && !atomic_load(&seen.more) &&
	       su_now_ns() < until)
		change_once(&changer[CHANGERS], &changer[CHANGERS].entry[0]);
	atomic_store(&ended, 1);
	pthread_join(observer, NULL);
	pthread_join(submitter, NULL);
	ok(bad == 0 && atomic_load(&ran) > 0,
	   "%u changes by %u threads, beside %lu tasks", CHANGERS * ROUNDS,
	   CHANGERS, (unsigned long)atomic_load(&ran));
	ok(seen.more == 0 && seen.less > 0,
	   "in none of %lu instants was the sum above %u (%lu), in %lu below",
	   (unsigned long)seen.instants, SUM, (unsigned long)seen.more,
	   (unsigned long)seen.less);
	ok(seen.back == 0, "no generation went back (%lu)",
	   (unsigned long)seen.back);
	ok(lost == 0, "who has set a cap finds it, or a later one (%d)", lost);
	judge();
	ok(heddle_group_close(heddle_pool_group(pool), HEDDLE_CLOSE_DRAIN,
			      su_in_ms(LONG_MS)) == 0,
	   "what was submitted has run");
	su_destroy(pool);
	return tap_done();
}
