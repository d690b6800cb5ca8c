/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start, stop and destroy: levels, deadlines with a report, calls from inside,
 * concurrent callers, and the registry as others see it.
 *
 * clause: S1 S2 S3 D1 D2 D3 D4 D5 L4 E1 E3 E4 H5
 * fault: F02 F06 F34 F38 F40
 * property: P3 P4 P35
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

static _Atomic uint64_t ran, hold, inits, exits;
static struct heddle_pool *the_pool;
static int rc_inside[4];

static void wait_hold(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
	while (atomic_load(&hold))
		su_wait_at_least(&exits, UINT64_MAX, 1);
}

static void count(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static int init(struct heddle_pool *pool, uint32_t index, void *arg)
{
	(void)pool;
	(void)index;
	(void)arg;
	atomic_fetch_add(&inits, 1);
	return 0;
}

static void fini(struct heddle_pool *pool, uint32_t index, void *arg)
{
	(void)pool;
	(void)index;
	(void)arg;
	atomic_fetch_add(&exits, 1);
}

static void levels(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 4,
					 .worker_init = init,
					 .worker_exit = fini };
	struct heddle_report report = { .struct_size = sizeof(report) };
	struct heddle_worker_info info[8];
	struct heddle_pool *pool;
	uint64_t incarnation;
	int i;

	if (heddle_pool_create(&o, &pool))
		bail("create");
	is_u64(tap_threads(), 1, "create makes no thread");
	ok(heddle_pool_start(pool, 5, NULL, HEDDLE_FOREVER) == -EINVAL,
	   "more than workers_max");
	ok(heddle_pool_start(pool, 5, &report, HEDDLE_FOREVER) == -EINVAL &&
		   report.step == HEDDLE_STEP_RESERVE &&
		   report.error == EINVAL && report.worker == UINT32_MAX &&
		   !strcmp(report.text,
			   "5 workers asked for, workers_max is 4"),
	   "the report of that says it: %s", report.text);
	ok(heddle_pool_start(pool, 4, &report, su_in_ms(5000)) == 0, "start 4");
	ok(inits == 4 && tap_threads() == 5, "four hooks, four threads");
	ok(heddle_workers(pool, info, 8) == 4, "four in the registry");
	for (i = 0; i < 4; i++)
		ok(info[i].index == (uint32_t)i && info[i].tid > 0 &&
			   (info[i].state == HEDDLE_WORKER_PARKED ||
			    info[i].state == HEDDLE_WORKER_SEARCHING),
		   "worker %d: state %u", i, info[i].state);
	incarnation = info[3].incarnation;
	ok(heddle_pool_stop(pool, 2, HEDDLE_R3_GONE, &report, su_in_ms(5000)) ==
		   0,
	   "stop to 2");
	ok(exits == 2 && tap_threads() == 3, "two exit hooks, two threads");
	ok(heddle_workers(pool, info, 8) == 2 && info[0].index == 0 &&
		   info[1].index == 1,
	   "the highest went");
	ok(heddle_pool_start(pool, 4, NULL, su_in_ms(5000)) == 0 &&
		   heddle_workers(pool, info, 8) == 4 && info[3].index == 3 &&
		   info[3].incarnation != incarnation,
	   "the same index, another life");
	ok(heddle_pool_stop(pool, 0, HEDDLE_R4_CLEAN, NULL, su_in_ms(5000)) ==
			   0 &&
		   tap_threads() == 1 && inits == exits,
	   "stop to 0 at R4: %u threads", tap_threads());
	su_destroy(pool);
	is_u64(tap_threads(), 1, "threads right after the return");
}

static void nothing(struct heddle_task *task)
{
	(void)task;
}

/* S2: one worker and its spare do everything that comes one after another. */
static void reuse(uint32_t flags, int workers)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = flags,
					 .workers_max = 4 };
	struct heddle_pool *pool = su_pool_with(&o, 1);
	int i;

	is_u64((uint64_t)heddle_workers(pool, NULL, 0), (uint64_t)workers,
	       "%s: %d after the start", flags ? "ELASTIC" : "STATIC", workers);
	/* Joined: a worker that told of a task's end from inside it is busy. */
	for (i = 0; i < 1000; i++) {
		struct heddle_task task = { .fn = nothing };

		if (heddle_submit(heddle_pool_group(pool), &task) ||
		    heddle_join(&task, 0, su_in_ms(5000)))
			bail("a task does not run");
	}
	is_u64((uint64_t)heddle_workers(pool, NULL, 0), (uint64_t)workers,
	       "no thread more for 1000 tasks in a row");
	su_destroy(pool);
}

struct footprint {
	uint64_t mappings, descriptors, keys;
};

static uint64_t keys_in_use(void)
{
	static pthread_key_t key[4096];
	uint64_t n = 0, i;

	while (n < 4096 && pthread_key_create(&key[n], NULL) == 0)
		n++;
	for (i = 0; i < n; i++)
		pthread_key_delete(key[i]);
	return 4096 - n;
}

static struct footprint footprint(void)
{
	struct footprint now = { .keys = keys_in_use() };
	FILE *maps = fopen("/proc/self/maps", "r");
	DIR *folder = opendir("/proc/self/fd");
	int c;

	if (!maps || !folder)
		bail("no /proc/self");
	while ((c = getc(maps)) != EOF)
		now.mappings += c == '\n';
	while (readdir(folder))
		now.descriptors++;
	fclose(maps);
	closedir(folder);
	return now;
}

static void pools_come_and_go(int n)
{
	while (n-- > 0) {
		struct heddle_pool *pool = su_pool(4);

		if (heddle_submit_call(heddle_pool_group(pool), count, NULL) ||
		    heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
					su_in_ms(10000)))
			bail("a pool does not come or go");
	}
}

/*
 * D4. A stack left behind would be two mappings, and more with each lot of pools. The
 * C library and a sanitizer make mappings that they keep, but not in each lot.
 */
static void no_trace(void)
{
	struct footprint before, after;
	int lot = 0;

	pools_come_and_go(20);
	after = footprint();
	do {
		before = after;
		pools_come_and_go(20);
		after = footprint();
	} while (after.mappings > before.mappings + 2 && ++lot < 4);
	ok(after.mappings <= before.mappings + 2,
	   "no stack of 80 threads is left mapped: %llu, %llu mappings",
	   (unsigned long long)before.mappings,
	   (unsigned long long)after.mappings);
	is_u64(after.descriptors, before.descriptors, "no descriptor");
	is_u64(after.keys, before.keys, "no pthread key");
}

static void deadline(void)
{
	struct heddle_report report = { .struct_size = sizeof(report) };
	struct heddle_pool *pool = su_pool(2);
	int rc;

	atomic_store(&hold, 1);
	atomic_store(&ran, 0);
	heddle_submit_call(heddle_pool_group(pool), wait_hold, NULL);
	su_wait_at_least(&ran, 1, 5000);
	rc = heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, &report, su_in_ms(50));
	ok(rc == -ETIMEDOUT && report.step == HEDDLE_STEP_LEAVE &&
		   report.threads == 1,
	   "a busy worker: %d, %s", rc, report.text);
	rc = heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, &report, su_in_ms(50));
	ok(rc == -ETIMEDOUT && report.step == HEDDLE_STEP_QUIET,
	   "destroy: %d, %s", rc, report.text);
	ok(heddle_submit_call(heddle_pool_group(pool), wait_hold, NULL) ==
		   -ESHUTDOWN,
	   "no submits while closing");
	ok(heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER) == -ESHUTDOWN,
	   "no start while closing");
	atomic_store(&hold, 0);
	su_destroy(pool);
}

static void from_inside(void *arg)
{
	struct heddle_pool *pool = arg;
	struct heddle_group *root = heddle_pool_group(pool);

	rc_inside[0] =
		heddle_pool_stop(pool, 0, HEDDLE_R1_LEFT, NULL, HEDDLE_FOREVER);
	rc_inside[1] = heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
					   HEDDLE_FOREVER);
	rc_inside[2] =
		heddle_group_close(root, HEDDLE_CLOSE_QUIESCE, HEDDLE_FOREVER);
	rc_inside[3] = heddle_pool_start(pool, 2, NULL, HEDDLE_FOREVER);
	atomic_fetch_add(&ran, 1);
}

static void inside(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 2 };
	struct heddle_pool *pool = su_pool_with(&o, 1);
	struct heddle_ticket ticket;
	int i;

	atomic_store(&ran, 0);
	heddle_submit_call(heddle_pool_group(pool), from_inside, pool);
	su_wait_at_least(&ran, 1, 5000);
	for (i = 0; i < 3; i++)
		ok(rc_inside[i] == -EDEADLK, "call %d from inside: %d", i,
		   rc_inside[i]);
	ok(rc_inside[3] == 0 && heddle_workers(pool, NULL, 0) == 2,
	   "a start from inside: %d", rc_inside[3]);
	ok(heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == -EPERM &&
		   heddle_block_end() == -EPERM,
	   "a blocking region outside of tasks");
	ok(heddle_group_set_cap(heddle_pool_group(pool), HEDDLE_CAP_MAX + 1,
				&ticket) == -EINVAL,
	   "a cap above 2^20 - 1");
	su_destroy(pool);
}

static void options(void)
{
	struct {
		struct heddle_pool_options o;
		uint64_t beyond;
	} longer = { .o = { .struct_size = sizeof(longer) } };
	struct heddle_pool_options o = { .struct_size = sizeof(o) };
	struct heddle_pool *pool = (struct heddle_pool *)&o;
	uint32_t shorter[2] = { 8, HEDDLE_POOL_ELASTIC };

	longer.beyond = 1;
	ok(heddle_pool_create(&longer.o, &pool) == -E2BIG && !pool,
	   "a longer struct with something beyond");
	longer.beyond = 0;
	ok(heddle_pool_create(&longer.o, &pool) == 0, "with zero beyond");
	su_destroy(pool);
	ok(heddle_pool_create((void *)shorter, &pool) == 0, "a shorter one");
	su_destroy(pool);
	o.flags = 0x80;
	ok(heddle_pool_create(&o, &pool) == -EINVAL, "an unknown flag");
	o.flags = 0;
	o.cap = HEDDLE_CAP_MAX + 1;
	ok(heddle_pool_create(&o, &pool) == -EINVAL, "a cap out of range");
	o.struct_size = 3;
	ok(heddle_pool_create(&o, &pool) == -EINVAL, "struct_size 3");
	ok(heddle_pool_create(NULL, NULL) == -EINVAL, "nowhere to put it");
	ok(heddle_pool_destroy(NULL, HEDDLE_R4_CLEAN, NULL, 0) == 0, "NULL");
}

/* The snapshot from a signal handler on a foreign thread, during churn. */
static _Atomic uint64_t snapshots, bad_snapshots;

static void handler(int sig)
{
	struct heddle_worker_info info[8];
	int n = heddle_workers(the_pool, info, 8), i;

	(void)sig;
	for (i = 0; i < n && i < 8; i++)
		if (info[i].state != HEDDLE_WORKER_CHANGING &&
		    (info[i].index > 7 || !info[i].incarnation))
			atomic_fetch_add(&bad_snapshots, 1);
	atomic_fetch_add(&snapshots, 1);
}

static void *churn(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 150; i++) {
		if (heddle_pool_start(the_pool, 1 + (uint32_t)(i % 4), NULL,
				      HEDDLE_FOREVER))
			bail("start");
		if (heddle_pool_stop(the_pool, (uint32_t)(i % 3),
				     HEDDLE_R3_GONE, NULL, HEDDLE_FOREVER))
			bail("stop");
	}
	atomic_store(&hold, 0);
	return NULL;
}

static void snapshot(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 4 };
	struct sigaction action = { .sa_handler = handler };
	pthread_t thread[2];
	uint64_t submitted = 0;
	int i;

	if (heddle_pool_create(&o, &the_pool))
		bail("create");
	sigaction(SIGUSR1, &action, NULL);
	atomic_store(&hold, 1);
	atomic_store(&ran, 0);
	for (i = 0; i < 2; i++)
		if (pthread_create(&thread[i], NULL, churn, NULL))
			bail("thread");
	while (atomic_load(&hold)) {
		raise(SIGUSR1);
		submitted += heddle_submit_call(heddle_pool_group(the_pool),
						count, NULL) == 0;
	}
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	ok(snapshots > 100 && bad_snapshots == 0,
	   "%llu snapshots in a handler, %llu wrong",
	   (unsigned long long)snapshots, (unsigned long long)bad_snapshots);
	ok(heddle_pool_start(the_pool, 4, NULL, su_in_ms(5000)) == 0 &&
		   su_wait_at_least(&ran, submitted, 20000),
	   "starts and stops lost none of %llu tasks: %llu",
	   (unsigned long long)submitted, (unsigned long long)ran);
	su_destroy(the_pool);
}

static void in_child(void)
{
	struct heddle_pool *pool = su_pool(2);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int bad = 0;

		alarm(5);
		bad |= heddle_submit_call(heddle_pool_group(pool), wait_hold,
					  NULL) != -ECHILD;
		bad |= heddle_pool_start(pool, 1, NULL, 0) != -ECHILD;
		bad |= heddle_pool_stop(pool, 0, HEDDLE_R4_CLEAN, NULL, 0) !=
		       -ECHILD;
		bad |= heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, 0) != 0;
		_exit(bad);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	   "a forked child gets -ECHILD and may destroy: %x",
	   (unsigned int)status);
	su_destroy(pool);
}

/* F40: nothing of the submitter or starter reaches a worker. */
static void mask_of_worker(void *arg)
{
	sigset_t *set = arg;

	pthread_sigmask(SIG_SETMASK, NULL, set);
	atomic_fetch_add(&ran, 1);
}

static void template(void)
{
	sigset_t none, seen;
	struct heddle_pool *pool;

	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	pool = su_pool(1);
	atomic_store(&ran, 0);
	heddle_submit_call(heddle_pool_group(pool), mask_of_worker, &seen);
	su_wait_at_least(&ran, 1, 5000);
	ok(sigismember(&seen, SIGTERM) == 1 && sigismember(&seen, SIGSEGV) == 0,
	   "workers block signals but the synchronous ones");
	su_destroy(pool);
}

static sem_t may_end;

static void end_late(void *value)
{
	(void)value;
	while (sem_wait(&may_end))
		;
}

static pthread_key_t late_key;

static int set_late(struct heddle_pool *pool, uint32_t index, void *arg)
{
	(void)pool;
	(void)index;
	(void)arg;
	return -pthread_setspecific(late_key, &late_key);
}

static void *let_end(void *arg)
{
	const struct timespec pause = { 0, 20000000 };

	(void)arg;
	nanosleep(&pause, NULL);
	sem_post(&may_end);
	return NULL;
}

/* Threads stopped at R1 hold their entries until they have ended. */
static void entries(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 1,
					 .helpers_max = HEDDLE_HELPERS_NONE,
					 .worker_init = set_late };
	struct heddle_pool *pool = su_pool_with(&o, 0);
	int rc = 0, i;
	pthread_t helper;

	if (sem_init(&may_end, 0, 0) || pthread_key_create(&late_key, end_late))
		bail("a key");
	for (i = 0; i < 2 && rc == 0; i++) {
		rc = heddle_pool_start(pool, 1, NULL, su_in_ms(5000));
		if (rc == 0)
			rc = heddle_pool_stop(pool, 0, HEDDLE_R1_LEFT, NULL,
					      su_in_ms(5000));
	}
	is_u64((uint64_t)-rc, 0, "twice started and stopped at R1");
	is_u64((uint64_t)-heddle_pool_start(pool, 1, NULL, su_in_ms(50)),
	       EAGAIN, "no entry by the deadline: -EAGAIN");
	if (pthread_create(&helper, NULL, let_end, NULL))
		bail("pthread_create");
	is_u64((uint64_t)-heddle_pool_start(pool, 1, NULL, su_in_ms(5000)), 0,
	       "a start waits for a thread to end");
	pthread_join(helper, NULL);
	for (i = 0; i < 2; i++)
		sem_post(&may_end);
	su_destroy(pool);
	pthread_key_delete(late_key);
	sem_destroy(&may_end);
}

int main(void)
{
	tap_deadline(110);
	levels();
	entries();
	reuse(0, 1);
	reuse(HEDDLE_POOL_ELASTIC, 2);
	no_trace();
	deadline();
	inside();
	options();
	snapshot();
	in_child();
	template();
	return tap_done();
}
