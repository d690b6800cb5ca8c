/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nproc: workers come and go at exactly the limit of threads (fault: F05).
 *
 * A child under a uid that nobody else uses has RLIMIT_NPROC for itself and two
 * workers. It starts two and stops them at R3, again and again: after a stop
 * the kernel must have forgotten both, or the next start fails (clause: D1).
 * The process keeps its size, its threads and its descriptors all the while
 * (clause: D4). As a control three are asked for now and then, which must fail
 * at a creation and leave nothing (clause: S1).
 */
#include "tools/stress.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <heddle/heddle.h>

enum {
	WORKERS = 2,
	WARM = 64,      /* cycles before the sizes are taken */
	CONTROL = 1000, /* cycles between two controls, each with a new pool */
	WAIT_NS_E9 = 20,
};

/* What a child cannot do here. */
enum failure {
	FAILED_NOTHING,
	FAILED_UID,
	FAILED_POOL,
};

struct sizes {
	uint64_t pages; /* of address space */
	uint64_t descriptors;
	uint64_t threads;
};

/* Seen by the child and by us. */
struct shared {
	_Atomic(uint64_t) cycles;
	_Atomic(uint64_t) tasks;
	_Atomic(uint64_t) controls; /* failed as they must */
	_Atomic(uint64_t) refused;  /* starts of two that failed */
	_Atomic(uint64_t) left;     /* stops with a thread left */
	_Atomic(uint64_t) lax;      /* controls that did not fail so */
	_Atomic(uint64_t) broken;   /* stops, submits, checks that failed */
	_Atomic(bool) ends;
	enum failure failure;
	struct heddle_report report; /* of the first start that failed */
	struct sizes before, after;
};

static uint64_t add(_Atomic(uint64_t) *counter)
{
	return atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static uint64_t read_counter(const _Atomic(uint64_t) *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static struct sizes sizes_now(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	DIR *folder = opendir("/proc/self/fd");
	struct sizes now = { 0, 0, ht_threads_now() };
	unsigned long long pages = 0;

	if (file && fscanf(file, "%llu", &pages) == 1)
		now.pages = pages;
	while (folder && readdir(folder))
		now.descriptors++;
	if (folder)
		closedir(folder);
	if (file)
		fclose(file);
	return now;
}

/* Nothing that root may do, nor more threads than that. */
static bool become(uid_t uid)
{
	struct rlimit limit = { 1 + WORKERS, 1 + WORKERS };

	return !setgroups(0, NULL) && !setresgid(uid, uid, uid) &&
	       !setresuid(uid, uid, uid) &&
	       /* Its own folder of /proc is its own again. */
	       !prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) &&
	       !prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) &&
	       !setrlimit(RLIMIT_NPROC, &limit);
}

static uint64_t soon(void)
{
	return ht_now() + UINT64_C(1000000000) * WAIT_NS_E9;
}

static void count_task(void *arg)
{
	add(arg);
}

static struct heddle_pool *new_pool(void)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .workers_max = 1 + WORKERS,
					       .name = "nproc" };
	struct heddle_pool *pool = NULL;

	heddle_pool_create(&options, &pool);
	return pool;
}

/* Right after it the kernel knows no thread but this one. */
static void stop_all(struct shared *shared, struct heddle_pool *pool)
{
	if (heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL, soon()))
		add(&shared->broken);
	if (ht_threads_now() != 1)
		add(&shared->left);
}

static void cycle(struct shared *shared, struct heddle_pool *pool)
{
	struct heddle_report report = { .struct_size = sizeof(report) };

	if (heddle_pool_start(pool, WORKERS, &report, soon()) &&
	    !add(&shared->refused))
		shared->report = report;
	if (heddle_submit_call(heddle_pool_group(pool), count_task,
			       &shared->tasks))
		add(&shared->broken);
	stop_all(shared, pool);
}

/* One more than the limit leaves. */
static void control(struct shared *shared, struct heddle_pool *pool)
{
	struct heddle_report report = { .struct_size = sizeof(report) };
	int rc = heddle_pool_start(pool, 1 + WORKERS, &report, soon());

	if (rc == -EAGAIN && report.step == HEDDLE_STEP_CREATE &&
	    ht_threads_now() == 1)
		add(&shared->controls);
	else
		add(&shared->lax);
	stop_all(shared, pool);
}

/* All that was accepted runs before the pool goes. */
static void end_pool(struct shared *shared, struct heddle_pool *pool)
{
	if (heddle_pool_start(pool, WORKERS, NULL, soon()) ||
	    heddle_group_close(heddle_pool_group(pool), HEDDLE_CLOSE_DRAIN,
			       soon()) ||
	    heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, soon()))
		add(&shared->broken);
}

static void *idle_main(void *arg)
{
	pause();
	return arg;
}

/* The child. Its twin has a thread of its own, for which no room was left. */
static void child(struct shared *shared, uid_t uid, bool is_busted)
{
	struct heddle_pool *pool;
	pthread_t idle;
	uint64_t n = 0;

	if (!become(uid)) {
		shared->failure = FAILED_UID;
		return;
	}
	if (is_busted && pthread_create(&idle, NULL, idle_main, NULL))
		shared->failure = FAILED_POOL;
	do {
		pool = new_pool();
		if (!pool) {
			shared->failure = FAILED_POOL;
			return;
		}
		if (!is_busted)
			control(shared, pool);
		do {
			if (n == WARM)
				shared->before = sizes_now();
			cycle(shared, pool);
			add(&shared->cycles);
		} while (++n % CONTROL &&
			 !atomic_load_explicit(&shared->ends,
					       memory_order_relaxed));
		shared->after = sizes_now();
		end_pool(shared, pool);
	} while (!atomic_load_explicit(&shared->ends, memory_order_relaxed));
}

/* Counts what the child does until it has ended; its status. */
static int follow(struct ht_stress *run, struct shared *shared, pid_t pid)
{
	struct ht_actor *self = &run->actors[0];
	uint64_t seen = 0, now;
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		now = read_counter(&shared->cycles);
		if (now != seen)
			ht_actor_step(self);
		seen = now;
		atomic_store_explicit(&run->cycles, now,
				      memory_order_relaxed); /* shown */
		atomic_store_explicit(&run->tasks, read_counter(&shared->tasks),
				      memory_order_relaxed); /* shown */
		if (run->is_busted && read_counter(&shared->refused))
			atomic_store_explicit(&shared->ends, true,
					      memory_order_relaxed);
		if (run->cycles_wanted ? now >= run->cycles_wanted
				       : ht_now() >= run->ends_ns)
			atomic_store_explicit(&shared->ends, true,
					      memory_order_relaxed);
		ht_sleep_us(200);
	}
	return status;
}

static void sizes_kept(struct ht_stress *run, const struct shared *shared)
{
	const struct sizes *a = &shared->before, *b = &shared->after;

	if (a->pages && (b->pages > a->pages || b->threads != a->threads ||
			 b->descriptors != a->descriptors))
		ht_violation(run, HT_LEAK,
			     "grew: %ju pages to %ju, %ju threads to %ju, %ju "
			     "descriptors to %ju",
			     (uintmax_t)a->pages, (uintmax_t)b->pages,
			     (uintmax_t)a->threads, (uintmax_t)b->threads,
			     (uintmax_t)a->descriptors,
			     (uintmax_t)b->descriptors);
	snprintf(run->note, sizeof(run->note),
		 "%ju starts of %d at the limit, %ju controls refused; %ju "
		 "pages, then %ju",
		 (uintmax_t)read_counter(&shared->cycles), WORKERS,
		 (uintmax_t)read_counter(&shared->controls),
		 (uintmax_t)a->pages, (uintmax_t)b->pages);
}

static void judge(struct ht_stress *run, const struct shared *shared,
		  int status)
{
	uint64_t n;

	if (!WIFEXITED(status) || WEXITSTATUS(status))
		ht_violation(run, HT_CALL, "the child ended with status 0x%x",
			     (unsigned int)status);
	n = read_counter(&shared->refused);
	if (n)
		ht_violation(run, HT_CALL, "%ju starts at the limit failed: %s",
			     (uintmax_t)n, shared->report.text);
	n = read_counter(&shared->left);
	if (n && !run->is_busted)
		ht_violation(run, HT_LEAK, "%ju stops at R3 left a thread",
			     (uintmax_t)n);
	n = read_counter(&shared->lax);
	if (n)
		ht_violation(run, HT_CALL,
			     "%ju starts beyond the limit did not fail",
			     (uintmax_t)n);
	n = read_counter(&shared->broken);
	if (n && !run->is_busted)
		ht_violation(run, HT_CALL, "%ju stops, submits or ends failed",
			     (uintmax_t)n);
	if (shared->failure)
		ht_violation(run, HT_CALL, "the child cannot %s",
			     shared->failure == FAILED_UID ? "change its uid"
							   : "make a pool");
}

static void body(struct ht_stress *run)
{
	struct ht_actor *self = &run->actors[0];
	struct shared *shared;
	uid_t uid;
	pid_t pid;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
	snprintf(run->skipped, sizeof(run->skipped),
		 "a sanitizer keeps threads and memory of its own");
	return;
#endif
	if (geteuid()) {
		snprintf(run->skipped, sizeof(run->skipped),
			 "RLIMIT_NPROC needs a uid of its own, so root");
		return;
	}
	ht_actor_step(self);
	ht_actor_doing(self, "following the child");
	uid = 800000 + ht_random_below(&self->random, 1000000);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		ht_expect(run, "mmap", -errno);
		return;
	}
	pid = fork();
	if (pid == 0) {
		child(shared, uid, run->is_busted);
		_exit(0);
	}
	if (pid < 0)
		ht_expect(run, "fork", -errno);
	else
		judge(run, shared, follow(run, shared, pid));
	sizes_kept(run, shared);
	atomic_store_explicit(&run->near, read_counter(&shared->controls),
			      memory_order_relaxed); /* over */
	munmap(shared, sizeof(*shared));
}

const struct ht_scenario ht_stress_nproc = {
	.name = "nproc",
	.help = "start and stop two workers at exactly RLIMIT_NPROC, as root",
	.twin = "a thread of the client's own beside the two",
	.twin_kinds = 1u << HT_CALL,
	.near = "starts of one more than the limit leaves",
	.body = body,
};
