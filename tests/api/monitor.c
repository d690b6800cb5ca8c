/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: the monitor reports a task that sleeps unannounced, with its worker, its
 * group and an age that is not too large, and the pattern of a returner that waits for
 * such tasks; it does not report tasks that compute, that wait in a region, or short ones
 * in a row, whatever a thread is named; and it wakes at most once an interval.
 * Method: tasks of each kind beside each other, held until the reports are there.
 *
 * clause: B3
 * clause: B4
 * clause: C8
 * fault: F13
 * fault: F33
 */
#include <dirent.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define MS          UINT64_C(1000000)
#define INTERVAL_MS 10
#define STALL_MS    100
#define REPORTS     64

/* ---- what was told ---- */

struct report {
	struct heddle_worker_info worker, holder;
	uint32_t holders;
	uint64_t age_ns, when_ns;
};

/* Written by the monitor's thread, read up to n. */
struct log {
	struct report report[REPORTS];
	_Atomic uint64_t n;
};

static struct log stalls, patterns;

static void add(struct log *log, const struct report *report)
{
	uint64_t n = atomic_load_explicit(&log->n, memory_order_relaxed);

	if (n == REPORTS)
		return;
	log->report[n] = *report;
	log->report[n].when_ns = su_now_ns();
	atomic_store_explicit(&log->n, n + 1, memory_order_release);
}

static uint64_t told(struct log *log)
{
	return atomic_load_explicit(&log->n, memory_order_acquire);
}

static void stalled(struct heddle_pool *pool,
		    const struct heddle_worker_info *worker, uint64_t age_ns,
		    void *arg)
{
	struct report report = { .worker = *worker, .age_ns = age_ns };

	(void)pool;
	(void)arg;
	add(&stalls, &report);
}

static void pattern(struct heddle_pool *pool,
		    const struct heddle_worker_info *returner,
		    const struct heddle_worker_info *holder, uint32_t holders,
		    uint64_t age_ns, void *arg)
{
	struct report report = { .worker = *returner,
				 .holder = *holder,
				 .holders = holders,
				 .age_ns = age_ns };

	(void)pool;
	(void)arg;
	add(&patterns, &report);
}

/* A pool that is watched from now on; the logs are empty. */
static struct heddle_pool *watched_pool(uint32_t workers, uint64_t interval_ms)
{
	struct heddle_monitor_options options = {
		.struct_size = sizeof(options),
		.interval_ns = interval_ms * MS,
		.stall_ns = STALL_MS * MS,
		.stalled = stalled,
		.pattern = pattern,
		.name = "watcher",
	};
	struct heddle_pool *pool = su_pool(workers);
	int rc;

	atomic_store_explicit(&stalls.n, 0, memory_order_relaxed);
	atomic_store_explicit(&patterns.n, 0, memory_order_relaxed);
	rc = heddle_monitor_start(pool, &options);
	if (rc)
		bail("monitor: %d", rc);
	return pool;
}

static void pause_ms(uint64_t ms)
{
	const struct timespec pause = { (time_t)(ms / 1000),
					(long)(ms % 1000 * MS) };

	nanosleep(&pause, NULL);
}

/* ---- tasks ---- */

struct body {
	sem_t gate;
	_Atomic uint64_t stop, started, tid, since_ns, ended;
	const char *name; /* of its thread meanwhile */
};

static void begin(struct body *own)
{
	atomic_store_explicit(&own->tid, (uint64_t)syscall(SYS_gettid),
			      memory_order_relaxed);
	if (own->name)
		prctl(PR_SET_NAME, own->name, 0, 0, 0);
	atomic_store_explicit(&own->since_ns, su_now_ns(),
			      memory_order_relaxed);
	atomic_fetch_add_explicit(&own->started, 1, memory_order_release);
}

static void finish(struct body *own)
{
	atomic_fetch_add_explicit(&own->ended, 1, memory_order_release);
}

static void wait_gate(struct body *own)
{
	while (sem_wait(&own->gate))
		;
}

static void sleep_unannounced(void *arg)
{
	begin(arg);
	wait_gate(arg);
	finish(arg);
}

static void sleep_in_region(void *arg)
{
	begin(arg);
	heddle_block_begin(HEDDLE_BLOCK_LOCK, NULL, NULL);
	wait_gate(arg);
	heddle_block_end();
	finish(arg);
}

static void compute(void *arg)
{
	struct body *own = arg;

	begin(own);
	while (!atomic_load_explicit(&own->stop, memory_order_relaxed))
		;
	finish(own);
}

/* Wakes for a moment, over and over. */
static void doze(void *arg)
{
	struct body *own = arg;

	begin(own);
	while (!atomic_load_explicit(&own->stop, memory_order_relaxed))
		pause_ms(5);
	finish(own);
}

static void nap(void *arg)
{
	begin(arg);
	pause_ms(2 * INTERVAL_MS);
	finish(arg);
}

static void submit(struct heddle_group *group, void (*fn)(void *),
		   struct body *body)
{
	int rc = heddle_submit_call(group, fn, body);

	if (rc)
		bail("submit: %d", rc);
}

/* Each in a test of its own: a body is used once. */
static void start(struct heddle_group *group, void (*fn)(void *),
		  struct body *body)
{
	submit(group, fn, body);
	if (!su_wait_at_least(&body->started, 1, 10000))
		bail("a task does not start");
}

/* Lets a task of any kind end. */
static void let_go(struct body *body)
{
	atomic_store_explicit(&body->stop, 1, memory_order_relaxed);
	sem_post(&body->gate);
	if (!su_wait_at_least(&body->ended, 1, 10000))
		bail("a task does not end");
}

static struct body body_of(const char *name)
{
	struct body body = { .name = name };

	sem_init(&body.gate, 0, 0);
	return body;
}

/* How many reports are about another thread than this body's. */
static uint32_t others(struct log *log, struct body *body)
{
	uint32_t i, n = 0;

	for (i = 0; i < told(log); i++)
		n += (uint64_t)log->report[i].worker.tid != body->tid;
	return n;
}

/* When the sleep began, by the report; the callback may have come a little later. */
static uint64_t begin_of(const struct report *report)
{
	return report->when_ns - report->age_ns;
}

/* ---- B3 ---- */

static void check_first(struct body *blocked, uint32_t group)
{
	struct report *first = &stalls.report[0];

	is_u64((uint64_t)first->worker.tid, blocked->tid, "its thread");
	is_u64(first->worker.group, group, "its group");
	is_u64(first->worker.state, HEDDLE_WORKER_RUNNING,
	       "shown as running, since it said nothing");
	ok(first->age_ns >= STALL_MS * MS &&
		   first->age_ns <= first->when_ns - blocked->since_ns,
	   "age: %.1f ms, at least %d and not more than %.1f",
	   (double)first->age_ns / 1e6, STALL_MS,
	   (double)(first->when_ns - blocked->since_ns) / 1e6);
}

static void test_kinds(void)
{
	struct heddle_pool *pool = watched_pool(4, INTERVAL_MS);
	struct heddle_group *root = heddle_pool_group(pool);
	struct heddle_group_options options = { .cap = 3 };
	struct heddle_group *group = su_group(root, options);
	struct body blocked = body_of(NULL), computing = body_of(NULL),
		    region = body_of(NULL);
	uint64_t n, i;
	bool doubled = true;

	start(root, compute, &computing);
	start(root, sleep_in_region, &region);
	start(group, sleep_unannounced, &blocked);
	ok(su_wait_at_least(&stalls.n, 1, 10000),
	   "a sleeping task is reported");
	check_first(&blocked, 1);
	pause_ms(800);
	n = told(&stalls);
	is_u64(others(&stalls, &blocked), 0,
	       "a task that computes or waits in a region is not reported");
	/* A look that comes late on a busy machine begins a new stretch. */
	for (i = 1; i < n; i++)
		doubled &= stalls.report[i].age_ns >=
				   2 * stalls.report[i - 1].age_ns ||
			   begin_of(&stalls.report[i]) >
				   begin_of(&stalls.report[i - 1]) +
					   INTERVAL_MS * MS / 2;
	ok(doubled && n >= 2, "reported again when its age has doubled: %u",
	   (unsigned int)n);
	is_u64(told(&patterns), 0, "and nobody waits for its permit");
	let_go(&blocked);
	let_go(&computing);
	let_go(&region);
	su_destroy(pool);
}

/* The worker goes from one group to another without a sleep in between. */
static void test_group_changes(void)
{
	struct heddle_pool *pool = watched_pool(1, INTERVAL_MS);
	struct heddle_group *root = heddle_pool_group(pool);
	struct heddle_group_options options = { .cap = 1 };
	struct heddle_group *group = su_group(root, options);
	struct body first = body_of(NULL), second = body_of(NULL);

	start(root, compute, &first);
	submit(group, sleep_unannounced, &second);
	let_go(&first);
	ok(su_wait_at_least(&stalls.n, 1, 10000), "the second task sleeps");
	is_u64(stalls.report[0].worker.group, 1, "its own group is named");
	let_go(&second);
	su_destroy(pool);
}

static void test_row(void)
{
	struct heddle_pool *pool = watched_pool(1, INTERVAL_MS);
	struct heddle_group *root = heddle_pool_group(pool);
	struct body naps = body_of(NULL), dozing = body_of(NULL);
	int i, n = 30;

	for (i = 0; i < n; i++)
		submit(root, nap, &naps);
	su_wait_at_least(&naps.ended, (uint64_t)n, 60000);
	is_u64(told(&stalls), 0, "%d short tasks in a row are not one long one",
	       n);
	start(root, doze, &dozing);
	ok(su_wait_at_least(&stalls.n, 1, 10000),
	   "one that wakes every 5 ms is");
	let_go(&dozing);
	su_destroy(pool);
}

static void test_names(void)
{
	struct heddle_pool *pool = watched_pool(2, INTERVAL_MS);
	struct heddle_group *root = heddle_pool_group(pool);
	struct body blocked = body_of(") R 0 (x) R 1"),
		    computing = body_of(") S 1 1 (S) S");

	start(root, compute, &computing);
	start(root, sleep_unannounced, &blocked);
	ok(su_wait_at_least(&stalls.n, 1, 10000),
	   "a sleeper that is named like a runner");
	pause_ms(4 * STALL_MS);
	is_u64(others(&stalls, &blocked), 0,
	       "no runner that is named like a sleeper");
	let_go(&blocked);
	let_go(&computing);
	su_destroy(pool);
}

/* ---- B4 ---- */

/*
 * One cap over two groups. A task of the first leaves a region while the cap is in the
 * hands of a task of the second.
 */
static void test_pattern(void (*hold)(void *), bool is_pattern)
{
	struct heddle_pool *pool = watched_pool(2, INTERVAL_MS);
	struct heddle_group_options one = { .cap = 1 }, two = { .cap = 2 };
	struct heddle_group *above = su_group(heddle_pool_group(pool), one);
	struct heddle_group *a = su_group(above, two),
			    *b = su_group(above, two);
	struct body returner = body_of(NULL), holder = body_of(NULL);
	const struct report *first = &patterns.report[0];

	start(a, sleep_in_region, &returner);
	start(b, hold, &holder);
	pause_ms(3 * STALL_MS);
	is_u64(told(&patterns), 0, "nobody wants to return yet");
	sem_post(&returner.gate);
	if (is_pattern) {
		ok(su_wait_at_least(&patterns.n, 1, 10000),
		   "a returner waits for who sleeps unannounced");
		ok((uint64_t)first->worker.tid == returner.tid &&
			   first->worker.state == HEDDLE_WORKER_RETURNING &&
			   first->worker.group == 2,
		   "who waits, and for which group");
		ok((uint64_t)first->holder.tid == holder.tid &&
			   first->holder.group == 3 && first->holders == 1,
		   "who holds the permit");
		ok(first->age_ns >= STALL_MS * MS, "for %.1f ms",
		   (double)first->age_ns / 1e6);
	} else {
		pause_ms(5 * STALL_MS);
		is_u64(returner.ended, 0, "it waits");
		is_u64(told(&patterns), 0, "for one that computes");
	}
	let_go(&holder);
	su_wait_at_least(&returner.ended, 1, 10000);
	su_destroy(pool);
}

static void test_paused(void)
{
	struct heddle_pool *pool = watched_pool(2, INTERVAL_MS);
	struct heddle_group_options one = { .cap = 1 };
	struct heddle_group *group = su_group(heddle_pool_group(pool), one);
	struct body returner = body_of(NULL), holder = body_of(NULL);

	start(group, sleep_in_region, &returner);
	start(group, sleep_unannounced, &holder);
	if (heddle_group_set_cap(group, 0, NULL))
		bail("set_cap");
	sem_post(&returner.gate);
	pause_ms(5 * STALL_MS);
	is_u64(returner.ended, 0, "a returner waits for a paused group");
	is_u64(told(&patterns), 0, "which no holder can help");
	let_go(&holder);
	if (heddle_group_set_cap(group, 1, NULL))
		bail("set_cap");
	su_wait_at_least(&returner.ended, 1, 10000);
	su_destroy(pool);
}

/* ---- C8: what the monitor itself costs ---- */

static int thread_named(const char *wanted)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	int found = 0;

	while (tasks && (entry = readdir(tasks))) {
		char path[300], name[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
			 entry->d_name);
		file = fopen(path, "re");
		if (file && fgets(name, sizeof(name), file) &&
		    !strncmp(name, wanted, strlen(wanted)))
			found = atoi(entry->d_name);
		if (file)
			fclose(file);
	}
	if (tasks)
		closedir(tasks);
	return found;
}

static bool sleeps_of(int tid, unsigned long long *n)
{
	char path[64], line[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		found |= sscanf(line, "voluntary_ctxt_switches: %llu", n) == 1;
	if (file)
		fclose(file);
	return found;
}

/* Sleeps of the monitor's thread over so many ms, and how many are allowed. */
static void bound_sleeps(int tid, uint64_t ms, uint64_t period_ms,
			 const char *what)
{
	unsigned long long before, after;
	uint64_t from = su_now_ns(), most;

	if (!sleeps_of(tid, &before)) {
		skip(1, "/proc does not count the switches of a thread");
		return;
	}
	pause_ms(ms);
	if (!sleeps_of(tid, &after))
		bail("/proc");
	/* Two looks at the edges, and the kernel may make it wait for a lock. */
	most = (su_now_ns() - from) / (period_ms * MS) + 4;
	ok(after > before && after - before <= most,
	   "%s: %llu sleeps in %llu ms, at most %llu", what, after - before,
	   (unsigned long long)ms, (unsigned long long)most);
}

static void test_wakes(void)
{
	uint64_t interval = 20;
	struct heddle_pool *pool = watched_pool(2, interval);
	struct body computing = body_of(NULL);
	int tid = thread_named("watcher");

	if (!ok(tid != 0, "the monitor's thread has its name"))
		return;
	start(heddle_pool_group(pool), compute, &computing);
	pause_ms(10 * interval);
	bound_sleeps(tid, 600, interval, "while a task runs");
	let_go(&computing);
	pause_ms(20 * interval);
	bound_sleeps(tid, 1600, 8 * interval, "while nothing runs");
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(120);
	test_kinds();
	test_group_changes();
	test_row();
	test_names();
	test_pattern(sleep_unannounced, true);
	test_pattern(compute, false);
	test_paused();
	test_wakes();
	return tap_done();
}
