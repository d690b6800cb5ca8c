/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: workers have the mask, affinity, class, nice value and name of the pool's
 * template and nothing of the thread that submits first, starts, or spawns. Elsewhere
 * they had the priority, the CPU and the signal mask of whoever came first, blocked
 * signals that the program needed, or took some that were meant for a signalfd.
 *
 * Method: a thread that is pinned, of another class (real-time where that is
 * allowed), nice, and has a full mask does all three on pools with the usual template
 * and with one that was set; guests that change everything are followed by one that
 * looks.
 *
 * fault: F40
 * clause: N3 S1 D6
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "tests/support/guests.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define LONG_MS 20000
#define NICE    18

struct look {
	sigset_t mask;
	cpu_set_t cpus;
	char name[16];
	int policy, nice;
};

static cpu_set_t all, one;
static sigset_t wanted_mask; /* of the template that is set */

static void look(void *arg)
{
	struct look *at = arg;

	pthread_sigmask(SIG_BLOCK, NULL, &at->mask);
	sched_getaffinity(0, sizeof(at->cpus), &at->cpus);
	prctl(PR_GET_NAME, at->name, 0, 0, 0);
	at->policy = sched_getscheduler(0);
	at->nice = getpriority(PRIO_PROCESS, 0);
}

static int32_t guest_looks(void *arg)
{
	look(arg);
	return 0;
}

static bool same_mask(const sigset_t *a, const sigset_t *b)
{
	int i;

	for (i = 1; i <= SIGRTMAX; i++)
		if (i != SIGKILL && i != SIGSTOP && (i < 32 || i >= SIGRTMIN) &&
		    sigismember(a, i) != sigismember(b, i))
			return false;
	return true;
}

static void usual_mask(sigset_t *mask)
{
	static const int open[] = { SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
				    SIGTRAP, SIGABRT, SIGSYS };
	unsigned int i;

	sigfillset(mask);
	for (i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		sigdelset(mask, open[i]);
}

struct template
{
	const char *name;
	struct heddle_pool_options options;
	sigset_t mask;
	int policy, nice;
};

static void judge(const struct template *t, const char *what,
		  const struct look *at)
{
	ok(same_mask(&at->mask, &t->mask) && at->policy == t->policy &&
		   at->nice == t->nice && CPU_EQUAL(&at->cpus, &all) &&
		   !strncmp(at->name, "looms-", 6),
	   "%s, %s: mask %d, class %d, nice %d, %d CPUs, '%s'", t->name, what,
	   same_mask(&at->mask, &t->mask), at->policy, at->nice,
	   CPU_COUNT(&at->cpus), at->name);
}

static int32_t guest_changes(void *arg)
{
	sigset_t none;

	(void)arg;
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	sched_setaffinity(0, sizeof(one), &one);
	prctl(PR_SET_NAME, "changed", 0, 0, 0);
	return 0;
}

static _Atomic uint64_t looked;

static void look_and_tell(void *arg)
{
	look(arg);
	atomic_fetch_add(&looked, 1);
}

static void first_submit(struct heddle_pool *pool, const struct template *t)
{
	struct look at = { .policy = -1 };
	uint64_t before = atomic_load(&looked);

	if (heddle_submit_call(heddle_pool_group(pool), look_and_tell, &at) ||
	    heddle_pool_start(pool, 1, NULL, su_in_ms(LONG_MS)) ||
	    !su_wait_at_least(&looked, before + 1, LONG_MS))
		bail("the first submit");
	judge(t, "submit and start", &at);
}

static void first_spawn(struct heddle_pool *pool, const struct template *t)
{
	struct heddle_process *process = su_process(pool, 2, 0);
	struct heddle_guest *guest;
	struct look at = { .policy = -1 };

	su_call(process, guest_looks, &at);
	judge(t, "a guest", &at);
	su_call(process, guest_changes, NULL);
	su_call(process, guest_looks, &at);
	judge(t, "a guest after one that changed all", &at);
	if (su_spawn(process, guest_looks, &at, HEDDLE_GUEST_FRESH, &guest,
		     NULL, su_in_ms(LONG_MS)) ||
	    heddle_guest_join(guest, HEDDLE_R3_GONE, su_in_ms(LONG_MS)))
		bail("a fresh guest");
	judge(t, "a fresh guest", &at);
	su_process_end(process);
}

static void be_odd(void)
{
	const struct sched_param none = { 0 };
	const struct sched_param low = { .sched_priority = 1 };
	sigset_t full;

	sigfillset(&full);
	pthread_sigmask(SIG_SETMASK, &full, NULL);
	setpriority(PRIO_PROCESS, 0, NICE - 1);
	if (sched_setaffinity(0, sizeof(one), &one))
		bail("sched_setaffinity");
	if (sched_setscheduler(0, SCHED_FIFO, &low) == 0)
		diag("the odd thread is of SCHED_FIFO");
	else if (sched_setscheduler(0, SCHED_BATCH, &none) == 0)
		diag("the odd thread is of SCHED_BATCH: %s", strerror(errno));
	else
		bail("sched_setscheduler: %s", strerror(errno));
}

struct odd_work {
	struct heddle_pool *pool;
	struct template *t;
};

/*
 * A thread begins with the nice value of who creates it, and only a privileged one
 * may lower it again: for others it stays, as pool.h says.
 */
static bool may_be_less_nice(void)
{
	int now = getpriority(PRIO_PROCESS, 0);
	bool may = setpriority(PRIO_PROCESS, 0, 0) == 0;

	setpriority(PRIO_PROCESS, 0, now);
	return may;
}

static void *odd_thread(void *arg)
{
	struct odd_work *work = arg;

	be_odd();
	if (work->t->nice < NICE - 1 && !may_be_less_nice()) {
		diag("the nice value stays: no privilege to lower it");
		work->t->nice = NICE - 1;
	}
	first_submit(work->pool, work->t);
	first_spawn(work->pool, work->t);
	return NULL;
}

static void with(struct template *t)
{
	struct odd_work work = { .t = t };
	pthread_t thread;
	int rc;

	t->options.struct_size = sizeof(t->options);
	t->options.flags |= HEDDLE_POOL_ELASTIC;
	t->options.workers_max = 4;
	t->options.name = "looms";
	rc = heddle_pool_create(&t->options, &work.pool);
	if (rc)
		bail("create: %d", rc);
	if (pthread_create(&thread, NULL, odd_thread, &work) ||
	    pthread_join(thread, NULL))
		bail("the odd thread");
	su_destroy(work.pool);
}

int main(void)
{
	struct template usual = { .name = "usual", .policy = SCHED_OTHER },
			set = { .name = "set",
				.policy = SCHED_BATCH,
				.nice = NICE };
	int cpu;

	tap_deadline(60);
	if (sched_getscheduler(0) != SCHED_OTHER ||
	    getpriority(PRIO_PROCESS, 0) >= NICE - 1)
		plan_skip_all("the test itself is not of the usual class");
	sched_getaffinity(0, sizeof(all), &all);
	for (cpu = 0; !CPU_ISSET(cpu, &all); cpu++)
		;
	CPU_SET(cpu, &one);
	usual.nice = getpriority(PRIO_PROCESS, 0);
	usual_mask(&usual.mask);
	with(&usual);
	usual_mask(&wanted_mask);
	sigdelset(&wanted_mask, SIGUSR1);
	sigaddset(&wanted_mask, SIGSYS);
	set.mask = wanted_mask;
	set.options.flags = HEDDLE_POOL_TEMPLATE;
	set.options.sched_policy = SCHED_BATCH;
	set.options.nice = NICE;
	set.options.sig_mask = &wanted_mask;
	set.options.sig_mask_size = sizeof(wanted_mask);
	with(&set);
	return tap_done();
}
