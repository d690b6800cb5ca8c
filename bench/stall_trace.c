/* SPDX-License-Identifier: BSD-2-Clause */
/* Stepping and stopping; see stall_trace.h. */
#include "bench/stall_trace.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/stall.h"
#include "tools/say.h"

/* More is no operation but a loop that does not end. */
#define STEPS_MAX 200000u
/* A step that takes longer, by a thread that sleeps, sleeps in the kernel. */
#define ASLEEP_NS UINT64_C(20000000)
#define LOST_NS   UINT64_C(5000000000)
#define SPINS     100

char hs_thread_state(int pid, int tid)
{
	char path[64], line[256], *at;
	size_t n;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	in = fopen(path, "r");
	if (!in)
		return 0;
	n = fread(line, 1, sizeof(line) - 1, in);
	fclose(in);
	line[n] = '\0';
	/* The name before may hold anything, brackets too. */
	at = strrchr(line, ')');
	return at && at[1] ? at[2] : 0;
}

void hs_path_free(struct hs_path *path)
{
	free(path->at);
	free(path->nth);
	memset(path, 0, sizeof(*path));
}

#ifdef __x86_64__

/* Execution of one address each, by the thread itself: DR7 as the manual has it. */
# define DEBUG_BOTH ((1UL << 0) | (1UL << 2))

static bool pc_of(int tid, uint64_t *pc)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, tid, NULL, &regs))
		return false;
	*pc = regs.rip;
	return true;
}

static bool debug_set(int tid, int which, uint64_t value)
{
	size_t at =
		offsetof(struct user, u_debugreg) +
		(size_t)which * sizeof(((struct user *)NULL)->u_debugreg[0]);

	return ptrace(PTRACE_POKEUSER, tid, (void *)at, (void *)value) == 0;
}

#else

# define DEBUG_BOTH 0UL

static bool pc_of(int tid, uint64_t *pc)
{
	(void)tid;
	*pc = 0;
	return false;
}

static bool debug_set(int tid, int which, uint64_t value)
{
	(void)tid;
	(void)which;
	(void)value;
	return false;
}

#endif

int hs_attach(int tid)
{
	return ptrace(PTRACE_SEIZE, tid, NULL, NULL) ? errno : 0;
}

enum wait_result {
	STOPPED,
	ASLEEP,
	GONE,
};

/* The next stop. With sleeps, a thread that sleeps instead is an answer too. */
static enum wait_result next_stop(int tid, bool sleeps, int *status)
{
	uint64_t began = ht_now();
	unsigned int spins;

	for (spins = 0;; spins++) {
		int got = waitpid(tid, status, __WALL | WNOHANG);
		uint64_t spent;

		if (got == tid)
			return WIFSTOPPED(*status) ? STOPPED : GONE;
		if (got < 0 && errno != EINTR)
			return GONE;
		if (spins < SPINS) {
			sched_yield();
			continue;
		}
		spent = ht_now() - began;
		if (sleeps && spent > ASLEEP_NS &&
		    hs_thread_state(tid, tid) == 'S')
			return ASLEEP;
		if (spent > LOST_NS)
			return GONE;
		nanosleep(&(struct timespec){ 0, 50000 }, NULL);
	}
}

static bool is_trap(int status)
{
	return WSTOPSIG(status) == SIGTRAP && !(status >> 16);
}

/* Goes on until a trap that is ours; other signals are passed on. */
static enum wait_result advance(int tid, int how, bool sleeps)
{
	int status = 0, signal = 0;

	for (;;) {
		enum wait_result result;

		if (ptrace(how, tid, NULL, (void *)(uintptr_t)signal))
			return GONE;
		result = next_stop(tid, sleeps, &status);
		if (result != STOPPED || is_trap(status))
			return result;
		signal = status >> 16 ? 0 : WSTOPSIG(status);
	}
}

bool hs_caught(int tid)
{
	int status = 0;

	for (;;) {
		if (next_stop(tid, false, &status) != STOPPED)
			return false;
		if (is_trap(status))
			return true;
		ptrace(PTRACE_CONT, tid, NULL, NULL);
	}
}

void hs_release(int tid)
{
	debug_set(tid, 7, 0);
	ptrace(PTRACE_CONT, tid, NULL, NULL);
}

/* It sleeps with a step or a debug register armed: once more, without. */
static void let_sleep(int tid)
{
	int status = 0, i;

	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	/* The step may be reported as well as the interruption. */
	for (i = 0; i < 2; i++) {
		if (next_stop(tid, true, &status) != STOPPED)
			return;
		hs_release(tid);
	}
}

static void add(struct hs_path *path, uint64_t pc)
{
	uint32_t i, n = path->n;

	path->at = ht_grow(path->at, n, sizeof(*path->at));
	path->nth = ht_grow(path->nth, n, sizeof(*path->nth));
	path->at[n] = pc;
	path->nth[n] = 1;
	for (i = n; i-- > 0;)
		if (path->at[i] == pc) {
			path->nth[n] = path->nth[i] + 1;
			break;
		}
	path->n++;
}

/* To an address, by a debug register; the end stops it in any case. */
static enum hs_stop run_to(int tid, uint64_t address, uint32_t nth,
			   uint64_t end, bool sleeps)
{
	uint64_t pc = 0;

	if (!debug_set(tid, 0, address) || !debug_set(tid, 1, end) ||
	    !debug_set(tid, 7, DEBUG_BOTH))
		return HS_LOST;
	for (;;) {
		enum wait_result result = advance(tid, PTRACE_CONT, sleeps);

		if (result == ASLEEP) {
			let_sleep(tid);
			return HS_MISSED;
		}
		if (result == GONE || !pc_of(tid, &pc))
			return HS_LOST;
		if (pc == address && --nth == 0)
			return HS_FROZEN;
		if (pc == end)
			return HS_MISSED;
	}
}

bool hs_record(int tid, uint64_t start, uint64_t end, bool sleeps,
	       struct hs_path *path)
{
	uint64_t pc = start;

	memset(path, 0, sizeof(*path));
	if (run_to(tid, start, 1, end, false) != HS_FROZEN)
		return false;
	debug_set(tid, 7, 0);
	while (pc != end && path->n < STEPS_MAX) {
		enum wait_result result;

		add(path, pc);
		result = advance(tid, PTRACE_SINGLESTEP, sleeps);
		if (result == ASLEEP) {
			let_sleep(tid);
			return true;
		}
		if (result == GONE || !pc_of(tid, &pc))
			return false;
	}
	hs_release(tid);
	return path->n < STEPS_MAX;
}

enum hs_stop hs_freeze(int tid, const struct hs_path *path, uint32_t k,
		       uint64_t end, bool sleeps)
{
	enum hs_stop stop = run_to(tid, path->at[0], 1, end, sleeps);

	if (stop == HS_FROZEN && k)
		stop = run_to(tid, path->at[k],
			      path->nth[k] - (path->at[k] == path->at[0]), end,
			      sleeps);
	return stop;
}

const char *hs_trace_denied(void)
{
	static char reason[128];
	pid_t child;
	int status, rc;

#ifndef __x86_64__
	return "stopping at instructions is written for x86-64 only";
#endif
	child = fork();
	if (child < 0)
		return "fork failed";
	if (child == 0) {
		for (;;)
			pause();
	}
	rc = hs_attach(child);
	if (rc)
		snprintf(reason, sizeof(reason), "ptrace is denied: %s",
			 strerror(rc));
	else if (ptrace(PTRACE_INTERRUPT, child, NULL, NULL) ||
		 next_stop(child, false, &status) != STOPPED ||
		 !debug_set(child, 0, (uintptr_t)hs_end) ||
		 !debug_set(child, 7, 1))
		snprintf(reason, sizeof(reason),
			 "ptrace is denied: no debug register can be set");
	kill(child, SIGKILL);
	while (waitpid(child, &status, __WALL) == child && WIFSTOPPED(status))
		;
	return *reason ? reason : NULL;
}
