/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parker: each token arrives once, whether it comes before, during or after
 * the owner falls asleep, and no early return of the futex is taken for one.
 *
 * Method: two threads hand random tokens back and forth and write plain data
 * with each, first undisturbed, since a disturbance would heal a lost wake; then
 * a third interrupts both with signals while they sleep. A lost wake is a test
 * that does not end: the deadline reports it.
 *
 * property: P28
 */
#include <signal.h>
#include <unistd.h>

#include "lockfree/parker.h"
#include "platform/clock.h"
#include "platform/futex.h"
#include "tests/unit/lockfree-team.h"

#define NOISY 2u /* the third thread */

static struct hd_parker parker[2];
static pthread_t thread_of[2];
static _Atomic uint32_t there;
static uint64_t mail[2]; /* plain: ordered by the hand-over alone */
static _Atomic uint64_t rounds, woken, signals_seen;
static _Atomic bool ended;

static void interrupted(int number)
{
	(void)number;
	atomic_fetch_add_explicit(&signals_seen, 1, memory_order_relaxed);
}

static void alone(void)
{
	struct hd_parker one = { 0 };

	ok(hd_parker_try_owner(&one) == 0, "no token yet");
	ok(!hd_parker_unpark_any(&one, HD_PARKER_TOKEN_FIRST),
	   "a token for a thread that is awake needs no wake");
	ok(hd_parker_park_owner(&one) == HD_PARKER_TOKEN_FIRST,
	   "it is there when the thread parks");
	ok(hd_parker_try_owner(&one) == 0, "once");
	hd_parker_unpark_any(&one, UINT32_MAX);
	ok(hd_parker_try_owner(&one) == UINT32_MAX, "the largest token");
	hd_futex_wake(&one.word, 1);
	ok(hd_parker_try_owner(&one) == 0, "a stray wake is no token");
}

static void until(void)
{
	struct hd_parker one = { 0 };

	ok(hd_parker_park_until_owner(&one, 1) == 0 &&
		   atomic_load_explicit(&one.word, memory_order_relaxed) ==
			   HD_PARKER_EMPTY,
	   "at the deadline nobody is announced as asleep");
	ok(!hd_parker_unpark_any(&one, HD_PARKER_TOKEN_FIRST),
	   "so that a later token needs no wake");
	ok(hd_parker_park_until_owner(&one, 1) == HD_PARKER_TOKEN_FIRST,
	   "a token that is there is taken, whatever the deadline");
	ok(hd_parker_park_until_owner(&one, hd_now_ns() + 1000000) == 0,
	   "once");
}

static void disturb(void)
{
	while (atomic_load_explicit(&there, memory_order_acquire) < 2)
		;
	while (!atomic_load_explicit(&ended, memory_order_acquire)) {
		uint32_t i;

		for (i = 0; i < 2; i++) {
			pthread_kill(thread_of[i], SIGUSR1);
			/* As if the address had belonged to somebody before. */
			hd_futex_wake(&parker[i].word, 1);
		}
		usleep(50); /* a rate, not a synchronisation */
	}
}

static uint32_t token_of(uint64_t number)
{
	uint32_t token =
		(uint32_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 32);

	return token < HD_PARKER_TOKEN_FIRST ? HD_PARKER_TOKEN_FIRST : token;
}

static void hand_over(struct team *team, uint32_t me)
{
	uint64_t n = 0, wakes = 0;
	bool last = false;

	if (me == NOISY) {
		disturb();
		return;
	}
	thread_of[me] = pthread_self();
	atomic_fetch_add_explicit(&there, 1, memory_order_release);
	while (atomic_load_explicit(&there, memory_order_acquire) < 2)
		;
	while (!last) {
		uint64_t got;

		if (me == 1) {
			got = hd_parker_park_owner(&parker[1]);
			if (got != token_of(2 * n) || mail[1] >> 1 != n)
				team_error(team);
			last = mail[1] & 1;
			mail[0] = n;
			wakes += hd_parker_unpark_any(&parker[0],
						      token_of(2 * n + 1));
		} else {
			last = n % 64 == 63 && team_time_is_over(team);
			mail[1] = n << 1 | last;
			wakes += hd_parker_unpark_any(&parker[1],
						      token_of(2 * n));
			do
				got = n % 3 ? hd_parker_park_owner(&parker[0])
					    : hd_parker_try_owner(&parker[0]);
			while (!got);
			if (got != token_of(2 * n + 1) || mail[0] != n)
				team_error(team);
		}
		n++;
	}
	atomic_fetch_add_explicit(&rounds, n, memory_order_relaxed);
	atomic_fetch_add_explicit(&woken, wakes, memory_order_relaxed);
	if (me == 0)
		return;
	atomic_store_explicit(&ended, true, memory_order_release);
}

int main(void)
{
	static struct team team;
	struct sigaction action = { .sa_handler = interrupted };

	/* No SA_RESTART: the wait returns early. */
	sigaction(SIGUSR1, &action, NULL);
	tap_deadline(60);
	alone();
	until();
	is_u64(team_run(&team, 2, tap_seconds(0.5), hand_over), 0,
	       "each token arrived, with what was written before it");
	ok(rounds > 100 && woken > 0, "%llu tokens, %llu of them to a sleeper",
	   (unsigned long long)rounds, (unsigned long long)woken);
	rounds = woken = 0;
	there = 0;
	ended = false;
	is_u64(team_run(&team, 3, tap_seconds(0.7), hand_over), 0,
	       "and so it did under signals and stray wakes");
	ok(rounds > 100 && woken > 0 && signals_seen > 0,
	   "%llu tokens, %llu of them to a sleeper, %llu signals",
	   (unsigned long long)rounds, (unsigned long long)woken,
	   (unsigned long long)signals_seen);
	return tap_done();
}
