/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One operation: a child, whose victim repeats it, stopped one instruction
 * further each time; and the judgement whether the others get on.
 *
 * Blocked is told from slow by what the others spend. They are blocked when they
 * have computed for SPENT_NS without finishing anything, or when all of them were
 * found asleep at ASLEEP_LOOKS looks in a row. A machine that is busy with other
 * work lets them do neither.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/stall.h"
#include "bench/stall_trace.h"
#include "tools/say.h"

#define MS           UINT64_C(1000000)
#define SPENT_NS     (100 * MS)
#define LOOK_NS      (2 * MS)
#define ASLEEP_LOOKS 8
/* For what must come once the victim goes on again. */
#define PATIENCE_NS (20000 * MS)
#define WARM        2u
#define TRIES       6
#define SURE        3
#define THREADS_MAX 64

struct run {
	const struct hs_operation *operation;
	pid_t child;
	clockid_t clock; /* CPU time of the child */
	uint32_t peers;
	uint32_t round;
	int attached[THREADS_MAX];
	unsigned int n_attached;
};

static uint64_t spent_by(const struct run *run)
{
	struct timespec t;

	if (clock_gettime(run->clock, &t))
		return 0;
	return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

/* All threads of the child but the one that we have stopped. */
static bool all_asleep(const struct run *run)
{
	int victim = atomic_load(&hs_shared->victim);
	struct dirent *entry;
	bool asleep = true;
	char path[32];
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%d/task", run->child);
	threads = opendir(path);
	if (!threads)
		return false;
	while (asleep && (entry = readdir(threads))) {
		int tid = atoi(entry->d_name);

		if (tid > 0 && tid != victim)
			asleep = hs_thread_state(run->child, tid) == 'S';
	}
	closedir(threads);
	return asleep;
}

static bool child_is_there(const struct run *run)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)run->child, &info,
		      WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == 0;
}

/* True when the word gets there; false when the others have come to a stand. */
static bool watch(const struct run *run, _Atomic uint32_t *word,
		  uint32_t wanted)
{
	uint32_t progress = atomic_load(&hs_shared->progress);
	uint64_t spent = spent_by(run);
	int looks = 0;

	while (!hs_await_for(word, wanted, LOOK_NS)) {
		uint32_t now = atomic_load(&hs_shared->progress);

		if (now != progress) {
			progress = now;
			spent = spent_by(run);
			looks = 0;
			continue;
		}
		looks = all_asleep(run) ? looks + 1 : 0;
		if (looks >= ASLEEP_LOOKS || spent_by(run) - spent > SPENT_NS)
			return atomic_load(word) >= wanted;
	}
	return true;
}

/* What comes in any case, unless something is broken. */
static bool await(const struct run *run, _Atomic uint32_t *word,
		  uint32_t wanted)
{
	uint64_t began = ht_now();

	while (!hs_await_for(word, wanted, 100 * MS))
		if (!child_is_there(run) || ht_now() - began > PATIENCE_NS)
			return false;
	return true;
}

static bool attach(struct run *run, int tid)
{
	unsigned int i;
	int rc;

	for (i = 0; i < run->n_attached; i++)
		if (run->attached[i] == tid)
			return true;
	if (run->n_attached == THREADS_MAX)
		return false;
	rc = hs_attach(tid);
	if (rc) {
		ht_say("stall: thread %d: %s", tid, strerror(rc));
		return false;
	}
	run->attached[run->n_attached++] = tid;
	return true;
}

/* The next round, up to where its victim stands before the operation. */
static int begin_round(struct run *run)
{
	int tid;

	if (!await(run, &hs_shared->ready, (run->round + 1) * (run->peers + 1)))
		return -1;
	atomic_store(&hs_shared->decided, 0);
	atomic_store(&hs_shared->finished, 0);
	atomic_store(&hs_shared->blocked, 0);
	atomic_store(&hs_shared->stranded, 0);
	atomic_store(&hs_shared->withheld, 0);
	run->round++;
	hs_post(&hs_shared->go, run->round);
	if (!await(run, &hs_shared->asked, run->round))
		return -1;
	tid = atomic_load(&hs_shared->victim);
	if (!attach(run, tid))
		return -1;
	hs_post(&hs_shared->traced, run->round);
	return hs_caught(tid) ? tid : -1;
}

/* Peers work while the victim stands: may they be said to be blocked? */
static bool others_blocked(struct run *run)
{
	uint32_t progress;

	hs_post(&hs_shared->thawed, run->round);
	do {
		if (watch(run, &hs_shared->decided, run->peers))
			return atomic_load(&hs_shared->blocked) != 0;
		if (!run->operation->script)
			return true;
		/* A script is told, and has something else to try. */
		progress = atomic_load(&hs_shared->progress);
		atomic_fetch_add(&hs_shared->stuck, 1);
		hs_add(&hs_shared->event, 1);
	} while (watch(run, &hs_shared->decided, run->peers) ||
		 atomic_load(&hs_shared->progress) != progress);
	return true;
}

static bool end_round(const struct run *run)
{
	bool finished;

	/* One that was said to be blocked goes on by itself now. */
	if (run->operation->script) {
		atomic_fetch_add(&hs_shared->stuck, 1);
		hs_add(&hs_shared->event, 1);
	}
	finished = await(run, &hs_shared->finished, run->peers);
	return finished && await(run, &hs_shared->returned, run->round);
}

/* A round in which nobody is stopped for long. */
static bool free_round(struct run *run, uint64_t start, uint64_t end,
		       struct hs_path *path)
{
	bool sleeps = run->operation->sleeps;
	int tid = begin_round(run);

	if (tid < 0)
		return false;
	if (!path)
		hs_release(tid);
	else if (!hs_record(tid, start, end, sleeps, path))
		return false;
	if (!sleeps && !await(run, &hs_shared->returned, run->round) &&
	    !run->operation->drive)
		return false;
	hs_post(&hs_shared->thawed, run->round);
	return end_round(run);
}

/* One more boundary for the list; it may make the last range longer. */
static void note_range(struct hs_result *result, uint32_t k, unsigned int every)
{
	char *ranges = result->ranges, *open = strrchr(ranges, ',');
	size_t used;

	open = open ? open + 1 : ranges;
	if (result->bad > 1 && result->last + every == k)
		open[strcspn(open, "-")] = '\0';
	used = strlen(ranges);
	/* Room for two numbers and what says that there are more. */
	if (used + 32 > sizeof(result->ranges)) {
		if (open[0] != '.')
			strcpy(ranges + used, ",...");
	} else if (result->bad > 1 && result->last + every == k) {
		snprintf(ranges + used, 16, "-%u", k);
	} else {
		snprintf(ranges + used, 16, "%s%u", used ? "," : "", k);
	}
	result->last = k;
}

static void note(struct hs_result *result, const struct hs_path *path,
		 uint32_t k, bool blocked, uint32_t withheld,
		 unsigned int every)
{
	result->withheld += withheld > 0;
	if (withheld > result->withheld_sure)
		result->withheld_sure = withheld;
	result->blocked += blocked;
	if (!blocked && withheld <= 1)
		return;
	if (!result->bad++)
		result->first = path->at[k];
	note_range(result, k, every);
}

/* False when the child is lost. */
static bool boundary(struct run *run, const struct hs_path *path, uint32_t k,
		     uint64_t end, bool *missed, bool *blocked)
{
	int tid = begin_round(run);
	enum hs_stop stop;

	if (tid < 0)
		return false;
	stop = hs_freeze(tid, path, k, end, run->operation->sleeps);
	if (stop == HS_LOST)
		return false;
	*missed = stop == HS_MISSED;
	if (*missed && !run->operation->sleeps)
		hs_release(tid);
	*blocked = others_blocked(run);
	if (!*missed)
		hs_release(tid);
	return end_round(run);
}

/*
 * One boundary, again if the victim does not come by, and again if more than one
 * permit was not to be had: what the victim holds is missing each time, what shows now
 * and then is a wake that the others have given to the victim meanwhile.
 */
static bool try_boundary(struct run *run, const struct hs_path *path,
			 uint32_t k, uint64_t end, unsigned int every,
			 struct hs_result *result)
{
	uint32_t withheld = UINT32_MAX;
	bool blocked = false, any = false, stranded = false;
	int tries, sure = 0;

	for (tries = 0; tries < TRIES && sure < SURE && withheld > 1; tries++) {
		bool missed, now_blocked;
		uint32_t now;

		if (!boundary(run, path, k, end, &missed, &now_blocked))
			return false;
		if (missed)
			continue;
		any = true;
		sure++;
		now = atomic_load(&hs_shared->withheld);
		if (now > result->withheld_most)
			result->withheld_most = now;
		if (now < withheld)
			withheld = now;
		stranded |= atomic_load(&hs_shared->stranded) > 0;
		blocked |= now_blocked;
	}
	result->tried++;
	result->missed += !any;
	result->stranded += stranded;
	if (any)
		note(result, path, k, blocked, withheld, every);
	return true;
}

static bool all_boundaries(struct run *run, unsigned int every,
			   struct hs_result *result)
{
	const struct hs_operation *operation = run->operation;
	uint64_t end = (uintptr_t)hs_end;
	uint64_t start = (uintptr_t)operation->victim;
	struct hs_path path = { 0 };
	bool good = true;
	uint32_t k;

	for (k = 0; k < WARM && good; k++)
		good = free_round(run, start, end, NULL);
	good = good && free_round(run, start, end, &path);
	result->boundaries = path.n;
	for (k = 0; k < path.n && good; k += every) {
		result->at = k;
		if (operation->repeats && path.nth[k] > operation->repeats)
			continue;
		good = try_boundary(run, &path, k, end, every, result);
	}
	hs_path_free(&path);
	return good;
}

static void end_child(struct run *run)
{
	int status;

	kill(run->child, SIGKILL);
	/* Traced threads are reported one by one, their process last. */
	while (waitpid(-1, &status, __WALL) > 0)
		;
}

int hs_run(const struct hs_operation *operation, unsigned int every,
	   struct hs_result *result)
{
	struct run run = { .operation = operation, .peers = operation->peers };

	if (!run.peers)
		run.peers = operation->script ? 1 : HS_PEERS;
	hs_shared = mmap(NULL, sizeof(*hs_shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (hs_shared == MAP_FAILED) {
		ht_say("stall: mmap: %s", strerror(errno));
		return HT_SKIP;
	}
	fflush(stdout);
	run.child = fork();
	if (run.child == 0)
		hs_child_main(operation);
	if (run.child < 0 || clock_getcpuclockid(run.child, &run.clock)) {
		ht_say("stall: no child: %s", strerror(errno));
		return HT_SKIP;
	}
	result->is_lost = !all_boundaries(&run, every, result);
	end_child(&run);
	munmap(hs_shared, sizeof(*hs_shared));
	return HT_OK;
}
