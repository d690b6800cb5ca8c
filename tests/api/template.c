/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A submit makes no thread, allocates nothing, and hands nothing of the submitter to a
 * worker: signal mask, name, affinity and scheduling class are the template's, whoever
 * starts the pool or, by a blocking region in a task that it helps, has it make a worker.
 *
 * Method: all of that is done by a thread that differs from the one which made the pool
 * in each of them; tasks say what they see on their thread.
 *
 * clause: N3 S1 S2
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define LONG_MS 20000

struct look {
	struct heddle_task task;
	sigset_t mask;
	cpu_set_t cpus;
	char name[16];
	int policy;
	bool outside;
};

static struct heddle_pool *pool;
static cpu_set_t all, one;
static _Thread_local bool is_outside;
static _Atomic uint64_t seen;

static void look(struct heddle_task *task)
{
	struct look *at = (struct look *)(void *)task;

	pthread_sigmask(SIG_BLOCK, NULL, &at->mask);
	sched_getaffinity(0, sizeof(at->cpus), &at->cpus);
	prctl(PR_GET_NAME, at->name, 0, 0, 0);
	at->policy = sched_getscheduler(0);
	at->outside = is_outside;
	atomic_fetch_add(&seen, 1);
}

static bool is_template(const struct look *at)
{
	return !at->outside && sigismember(&at->mask, SIGUSR1) &&
	       sigismember(&at->mask, SIGTERM) &&
	       !sigismember(&at->mask, SIGSEGV) &&
	       !strncmp(at->name, "looms-", 6) && CPU_EQUAL(&at->cpus, &all) &&
	       at->policy == SCHED_OTHER;
}

static void say(const char *what, const struct look *at)
{
	ok(is_template(at),
	   "%s: mask %d %d, name '%s', %d of %d CPUs, class %d", what,
	   sigismember(&at->mask, SIGUSR1), sigismember(&at->mask, SIGSEGV),
	   at->name, CPU_COUNT(&at->cpus), CPU_COUNT(&all), at->policy);
}

static void be_odd(void)
{
	const struct sched_param none = { 0 };
	sigset_t segv;

	sigemptyset(&segv);
	sigaddset(&segv, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &segv, NULL);
	prctl(PR_SET_NAME, "odd", 0, 0, 0);
	if (sched_setaffinity(0, sizeof(one), &one) ||
	    sched_setscheduler(0, SCHED_BATCH, &none))
		bail("an odd thread: %s", strerror(errno));
	is_outside = true;
}

static struct look above;

/* In a region the root has a unit again, and there is no worker for it. */
static void has_one_made(struct heddle_task *task)
{
	if (heddle_pool_start(pool, 0, NULL, su_in_ms(LONG_MS)))
		bail("start of a spare");
	above.task.fn = look;
	if (heddle_submit(heddle_pool_group(pool), &above.task))
		bail("submit");
	heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
	su_wait_at_least(&seen, 1, LONG_MS);
	heddle_block_end();
	(void)task;
}

static void by_submit(void)
{
	struct look at[20] = { 0 };
	unsigned int before, i;
	uint32_t k;
	int rc = 0, site;

	before = tap_threads();
	/* No memory and no thread is to be had meanwhile. */
	for (site = HEDDLE_FAULT_THREAD_CREATE; site <= HEDDLE_FAULT_ALLOC;
	     site++)
		heddle_fault_set(site, 0, UINT32_MAX, ENOMEM);
	for (i = 0; i < 20; i++) {
		at[i].task.fn = look;
		rc |= heddle_submit(heddle_pool_group(pool), &at[i].task);
	}
	for (site = HEDDLE_FAULT_THREAD_CREATE; site <= HEDDLE_FAULT_ALLOC;
	     site++)
		heddle_fault_set(site, 0, 0, 0);
	ok(rc == 0, "20 submits need no memory: %d", rc);
	ok(rc == 0 && tap_threads() == before,
	   "20 submits to a pool without workers make no thread");
	rc = heddle_pool_start(pool, 1, NULL, su_in_ms(LONG_MS));
	for (i = 0; i < 20; i++)
		rc |= heddle_join(&at[i].task, 0, su_in_ms(LONG_MS));
	for (i = 0, k = 0; i < 20; i++)
		k += is_template(&at[i]);
	say("a worker that the odd thread started", &at[0]);
	ok(rc == 0 && k == 20, "all 20 tasks saw that");
}

static void by_help(void)
{
	struct heddle_task task = HEDDLE_TASK_INIT(has_one_made);
	struct look self = { .task = HEDDLE_TASK_INIT(look) };
	int rc;

	if (heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL, HEDDLE_FOREVER))
		bail("stop");
	atomic_store(&seen, 0);
	rc = heddle_submit(heddle_pool_group(pool), &task);
	rc |= heddle_join(&task, HEDDLE_JOIN_HELP, su_in_ms(LONG_MS));
	rc |= heddle_join(&above.task, 0, su_in_ms(LONG_MS));
	ok(rc == 0, "a region in a task that is helped: %d", rc);
	say("the worker made meanwhile", &above);
	if (heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL, HEDDLE_FOREVER) ||
	    heddle_submit(heddle_pool_group(pool), &self.task) ||
	    heddle_join(&self.task, HEDDLE_JOIN_HELP, HEDDLE_NOW))
		bail("help");
	ok(self.outside && !strcmp(self.name, "odd") &&
		   self.policy == SCHED_BATCH && CPU_EQUAL(&self.cpus, &one) &&
		   sigismember(&self.mask, SIGSEGV),
	   "the helper itself is the thread that it was");
}

static void *odd(void *arg)
{
	(void)arg;
	be_odd();
	by_submit();
	by_help();
	return NULL;
}

int main(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = 1,
					 .name = "looms" };
	pthread_t thread;
	int cpu;

	tap_deadline(60);
	sched_getaffinity(0, sizeof(all), &all);
	for (cpu = 0; !CPU_ISSET(cpu, &all); cpu++)
		;
	CPU_SET(cpu, &one);
	if (sched_getscheduler(0) != SCHED_OTHER)
		skip(8, "the test itself is not of the usual class");
	else if (heddle_pool_create(&o, &pool) ||
		 pthread_create(&thread, NULL, odd, NULL) ||
		 pthread_join(thread, NULL))
		bail("setup");
	else
		su_destroy(pool);
	return tap_done();
}
