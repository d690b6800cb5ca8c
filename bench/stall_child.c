/* SPDX-License-Identifier: BSD-2-Clause */
/* The child of `heddle stall`: a victim and its peers, round after round. */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench/stall.h"
#include "tools/say.h"

struct hs_shared *hs_shared;
uint64_t hs_kept;
void *hs_kept_pointer;

static const struct hs_operation *operation;

/* ---- words that are waited for ---- */

/* Not private: the other side may be the parent. */
static void wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void wait_word(_Atomic uint32_t *word, uint32_t seen,
		      const struct timespec *timeout)
{
	syscall(SYS_futex, word, FUTEX_WAIT, seen, timeout, NULL, 0);
}

void hs_post(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store(word, value);
	wake(word);
}

void hs_add(_Atomic uint32_t *word, uint32_t value)
{
	atomic_fetch_add(word, value);
	wake(word);
}

void hs_await(_Atomic uint32_t *word, uint32_t wanted)
{
	uint32_t seen;

	while ((seen = atomic_load(word)) < wanted)
		wait_word(word, seen, NULL);
}

bool hs_await_for(_Atomic uint32_t *word, uint32_t wanted, uint64_t ns)
{
	struct timespec timeout = { (time_t)(ns / 1000000000),
				    (long)(ns % 1000000000) };
	uint32_t seen = atomic_load(word);

	if (seen >= wanted)
		return true;
	wait_word(word, seen, &timeout);
	return atomic_load(word) >= wanted;
}

/* ---- for scripts ---- */

void hs_progress(void)
{
	atomic_fetch_add(&hs_shared->progress, 1);
	hs_add(&hs_shared->event, 1);
}

bool hs_wait(_Atomic uint32_t *word, uint32_t wanted)
{
	uint32_t stuck = atomic_load(&hs_shared->stuck);

	for (;;) {
		uint32_t event = atomic_load(&hs_shared->event);

		if (atomic_load(word) >= wanted)
			return true;
		if (atomic_load(&hs_shared->stuck) != stuck)
			return false;
		wait_word(&hs_shared->event, event, NULL);
	}
}

void hs_wait_long(_Atomic uint32_t *word, uint32_t wanted)
{
	while (!hs_wait(word, wanted))
		;
}

void hs_give_up(const char *what)
{
	ht_say("stall: %s: %s", operation ? operation->name : "?", what);
	_exit(1);
}

/* ---- the victim ---- */

void hs_gate(void)
{
	uint32_t round = atomic_load(&hs_shared->go);

	atomic_store(&hs_shared->victim, (int32_t)syscall(SYS_gettid));
	hs_post(&hs_shared->asked, round);
	hs_await(&hs_shared->traced, round);
	/* Stops here; the parent swallows the signal and goes on from it. */
	raise(SIGTRAP);
}

/* An address that the parent knows. */
__attribute__((noinline)) void hs_end(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

void hs_victim(void)
{
	hs_gate();
	operation->victim();
	hs_end();
}

static void one_round(void)
{
	if (operation->drive) {
		operation->drive();
		return;
	}
	if (operation->prepare)
		operation->prepare();
	hs_victim();
}

/* What it does may depend on the CPU, and is to be the same each time. */
static void stay(void)
{
	cpu_set_t one;
	int cpu = sched_getcpu();

	CPU_ZERO(&one);
	CPU_SET(cpu < 0 ? 0 : cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void *victim_main(void *arg)
{
	uint32_t round;

	stay();
	for (round = 1;; round++) {
		hs_add(&hs_shared->ready, 1);
		hs_await(&hs_shared->go, round);
		one_round();
		hs_post(&hs_shared->returned, round);
		/* Peers of a blocked round may be at work until now. */
		hs_await(&hs_shared->finished,
			 operation->script ? 1 : operation->peers);
		if (operation->settle)
			operation->settle();
	}
	return arg;
}

/* ---- the peers ---- */

static void work(unsigned int who)
{
	uint32_t n = 0;

	if (operation->script) {
		operation->script();
		return;
	}
	while (n < operation->goal) {
		if (!operation->peer(who))
			continue;
		atomic_fetch_add_explicit(&hs_shared->progress, 1,
					  memory_order_relaxed);
		n++;
	}
	hs_add(&hs_shared->decided, 1);
}

static void *peer_main(void *arg)
{
	unsigned int who = (unsigned int)(uintptr_t)arg;
	uint32_t round;

	for (round = 1;; round++) {
		hs_add(&hs_shared->ready, 1);
		hs_await(&hs_shared->thawed, round);
		work(who);
		hs_add(&hs_shared->finished, 1);
	}
	return arg;
}

static void start(void *(*fn)(void *), uintptr_t arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, fn, (void *)arg))
		hs_give_up("no thread");
}

void hs_child_main(const struct hs_operation *given)
{
	static struct hs_operation filled;
	unsigned int i;

	filled = *given;
	if (!filled.peers)
		filled.peers = filled.script ? 1 : HS_PEERS;
	if (!filled.goal)
		filled.goal = HS_GOAL;
	operation = &filled;
	/* Nothing is left behind when the parent is killed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (filled.setup)
		filled.setup();
	for (i = 0; i < filled.peers; i++)
		start(peer_main, i);
	start(victim_main, 0);
	for (;;)
		pause();
}
