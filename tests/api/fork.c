/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fork at every step: before the start, between tasks, inside a task, a join, a
 * region, a guest, a destructor, a hook, an action, on a thread that helps, after the
 * stop, and while others submit, start, stop and destroy, with delays at the points that
 * are narrow.
 *
 * Method: each child asks every call for -ECHILD, destroys what it inherited, makes a
 * pool of its own and runs it, and exits; or returns from the task; or execs. A child
 * that hangs is killed by its alarm, and that is a failure as well. The parent goes on
 * and nothing of it has changed.
 *
 * clause: E4
 * fault: F38
 * property: P35
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "tests/support/guests.h"
#include "tests/support/sanitizer.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define LONG_MS 20000
#define CHILD_S 60

static struct heddle_pool *pool;
static struct heddle_group *group, *paused;
static struct heddle_process *process;
static struct heddle_slot *slot;
static struct heddle_task queued; /* in a paused group */
static struct heddle_ticket ticket;
static _Atomic uint64_t ran;
static _Atomic uint64_t *shared_runs; /* of all processes */

/* ---- in the child ---- */

static void count(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static int32_t returns(void *arg)
{
	(void)arg;
	return 7;
}

/* The number of the first call that does not say -ECHILD, or 0. */
static int all_refused(bool inside)
{
	struct heddle_group_options go = { .struct_size = sizeof(go) };
	struct heddle_process_options po = { .struct_size = sizeof(po) };
	struct heddle_guest_options guest = { .struct_size = sizeof(guest),
					      .fn = returns,
					      .flags = HEDDLE_GUEST_DETACHED };
	struct heddle_slot_options so = { .struct_size = sizeof(so) };
	struct heddle_group_stat gs = { .struct_size = sizeof(gs) };
	struct heddle_task_stat ts = { .struct_size = sizeof(ts) };
	struct heddle_check check = { .struct_size = sizeof(check) };
	struct heddle_monitor_options mo = { .struct_size = sizeof(mo) };
	struct heddle_change change = { .group = group, .cap = 1 };
	struct heddle_task task = { .fn = (heddle_task_fn)NULL };
	struct heddle_task *tasks[1] = { &task };
	struct heddle_group *made;
	struct heddle_process *made_process;
	struct heddle_slot *made_slot;
	struct heddle_worker_info info[2];
	size_t accepted;
	int rc[40], n = 0, i;

	rc[n++] = heddle_submit_call(group, count, NULL);
	rc[n++] = heddle_submit(group, &queued);
	tasks[0] = &queued;
	rc[n++] = heddle_submit_many(group, tasks, 1, &accepted);
	rc[n++] = heddle_join(&queued, 0, HEDDLE_FOREVER);
	rc[n++] = heddle_join(&queued, HEDDLE_JOIN_HELP, HEDDLE_FOREVER);
	rc[n++] = heddle_cancel(&queued, HEDDLE_FOREVER);
	rc[n++] = heddle_task_stat(&queued, &ts);
	rc[n++] = heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER);
	rc[n++] = heddle_pool_stop(pool, 0, HEDDLE_R4_CLEAN, NULL,
				   HEDDLE_FOREVER);
	rc[n++] = heddle_group_create(group, &go, &made);
	rc[n++] = heddle_group_update(&change, 1, &ticket);
	rc[n++] = heddle_group_wait(ticket, HEDDLE_FOREVER);
	rc[n++] = heddle_group_reserve(group, 1, &made);
	rc[n++] = heddle_group_wait_room(paused, 1, HEDDLE_FOREVER);
	rc[n++] = heddle_group_close(group, HEDDLE_CLOSE_DRAIN, HEDDLE_FOREVER);
	rc[n++] = heddle_group_stat(group, &gs);
	rc[n++] = heddle_check(pool, &check);
	rc[n++] = heddle_workers(pool, info, 2);
	rc[n++] = heddle_process_create(pool, &po, &made_process);
	rc[n++] = heddle_guest_spawn(process, &guest, NULL, HEDDLE_FOREVER);
	rc[n++] = heddle_slot_create(pool, &so, &made_slot);
	rc[n++] = heddle_slot_destroy(slot, HEDDLE_FOREVER);
	rc[n++] = heddle_pool_run(pool, HEDDLE_RUN_ONE, HEDDLE_FOREVER);
	rc[n++] = heddle_pool_eventfd(pool);
	rc[n++] = heddle_limits_apply(pool);
	rc[n++] = heddle_monitor_start(pool, &mo);
	rc[n++] = heddle_monitor_stop(pool, HEDDLE_FOREVER);
	rc[n++] = heddle_monitor_poll(pool);
	rc[n++] = heddle_pool_publish(pool, NULL);
	rc[n++] = heddle_pool_withdraw(pool);
	if (inside) {
		rc[n++] = heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);
		rc[n++] = heddle_block_end();
		rc[n++] = heddle_slot_set(slot, &ran);
		if (heddle_guest_self())
			rc[n++] = heddle_guest_exit(3);
	}
	for (i = 0; i < n; i++)
		if (rc[i] != -ECHILD)
			return i + 1;
	return 0;
}

/* A pool of its own: tasks, guests and thieves, down to R4. */
static int run_own(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 3 };
	struct heddle_task task[64];
	int i, rc, round;

	for (round = 0; round < 2; round++) {
		struct heddle_pool *own;

		rc = heddle_pool_create(&o, &own);
		rc |= heddle_pool_start(own, 3, NULL, HEDDLE_FOREVER);
		atomic_store(&ran, 0);
		for (i = 0; i < 64; i++)
			rc |= heddle_submit_call(heddle_pool_group(own), count,
						 NULL);
		while (!rc && atomic_load(&ran) < 64)
			;
		rc |= heddle_pool_destroy(own, HEDDLE_R4_CLEAN, NULL,
					  HEDDLE_FOREVER);
		if (rc)
			return rc == -EAGAIN ? 101 : 100;
	}
	(void)task;
	return 0;
}

/* Other threads run while it forks: the heap of a sanitizer may stay locked. */
static bool in_storm;

static _Noreturn void child(bool inside)
{
	int wrong;

	alarm(CHILD_S);
	wrong = all_refused(inside);
	if (SU_SANITIZED && in_storm)
		_exit(wrong);
	if (!wrong &&
	    heddle_process_destroy(process, HEDDLE_R4_CLEAN, HEDDLE_FOREVER))
		wrong = 50;
	if (!wrong &&
	    heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER))
		wrong = 51;
	/* ThreadSanitizer ends a child that makes a thread. */
	if (!wrong && !SU_TSAN)
		wrong = run_own();
	_exit(wrong);
}

/* ---- forks, counted by the parent ---- */

enum then {
	CHECKS,  /* and destroys, and runs a pool of its own */
	RETURNS, /* from where it was forked */
	EXITS,
	EXECS,
	SPAWNS /* vfork, then exec */
};

static enum then then;
static _Atomic int verdict; /* of the last child, -1: none yet */

static void execute(void)
{
	execl("/bin/true", "true", (char *)NULL);
	_exit(99);
}

static void fork_here(bool inside)
{
	int status = 0;
	pid_t pid = then == SPAWNS ? vfork() : fork();

	if (pid < 0)
		bail("fork: %s", strerror(errno));
	if (pid == 0) {
		switch (then) {
		case CHECKS:
			child(inside);
		case RETURNS:
			alarm(CHILD_S);
			return;
		case EXITS:
			alarm(CHILD_S);
			exit(0);
		default:
			execute();
		}
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	atomic_store(&verdict, WIFSIGNALED(status) ? 1000 + WTERMSIG(status)
						   : WEXITSTATUS(status));
}

static void forks(struct heddle_task *task)
{
	(void)task;
	atomic_fetch_add(shared_runs, 1);
	fork_here(true);
}

static void forks_in_region(struct heddle_task *task)
{
	(void)task;
	heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);
	fork_here(true);
	heddle_block_end();
}

static void forks_above(struct heddle_task *task)
{
	struct heddle_task above = { .fn = forks };

	(void)task;
	heddle_submit(group, &above);
	heddle_join(&above, 0, HEDDLE_FOREVER);
}

static void does_nothing(struct heddle_task *task)
{
	(void)task;
	atomic_fetch_add(shared_runs, 1);
}

static void action_forks(struct heddle_task *task, int status)
{
	(void)task;
	(void)status;
	fork_here(true);
}

static int32_t guest_forks(void *arg)
{
	(void)arg;
	fork_here(true);
	return 0;
}

static void destructor_forks(void *value)
{
	if (value == &verdict)
		fork_here(true);
}

static int32_t guest_sets(void *arg)
{
	(void)arg;
	heddle_slot_set(slot, &verdict);
	return 0;
}

static bool hook_forks;

static int init(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)index;
	(void)arg;
	if (hook_forks)
		fork_here(false);
	return 0;
}

static void fini(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)index;
	(void)arg;
	if (hook_forks)
		fork_here(false);
}

/* ---- the parent ---- */

static void make(uint32_t workers)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 3,
					 .worker_init = init,
					 .worker_exit = fini };
	struct heddle_group_options go = { .cap = HEDDLE_CAP_MAX,
					   .flags = HEDDLE_GROUP_RESERVE,
					   .children_max = 2 };
	struct heddle_slot_options so = { .struct_size = sizeof(so),
					  .destructor = destructor_forks };
	hook_forks = false;
	pool = su_pool_with(&o, workers);
	group = su_group(heddle_pool_group(pool), go);
	go.flags = 0;
	go.queue_slots = 4;
	paused = su_group(heddle_pool_group(pool), go);
	process = su_process(pool, 2, 2);
	queued = (struct heddle_task){ .fn = does_nothing };
	if (heddle_slot_create(pool, &so, &slot) ||
	    heddle_group_set_cap(paused, 0, &ticket) ||
	    heddle_submit(paused, &queued))
		bail("make");
}

static void unmake(void)
{
	su_process_end(process);
	su_destroy(pool);
}

static void said(const char *what)
{
	int of_child = atomic_exchange(&verdict, -1);

	/* Where only names of points are kept, the number tells what it was. */
	ok(of_child == 0, "%s: the child is content (%d)", what, of_child);
}

static void in_task(const char *what, heddle_task_fn fn)
{
	struct heddle_task task = { .fn = fn };

	if (heddle_submit(group, &task) ||
	    heddle_join(&task, 0, su_in_ms(LONG_MS)))
		bail("%s: the task does not end", what);
	said(what);
}

static void in_guest(const char *what, int32_t (*fn)(void *arg))
{
	su_call(process, fn, NULL);
	said(what);
}

static void everywhere(void)
{
	struct heddle_task task = { .fn = forks };
	static struct heddle_task detached;

	make(0);
	fork_here(false);
	said("before the start");
	if (heddle_pool_start(pool, 1, NULL, su_in_ms(LONG_MS)))
		bail("start");
	fork_here(false);
	said("between tasks");
	in_task("inside a task", forks);
	in_task("inside a region", forks_in_region);
	in_task("inside a join", forks_above);
	detached = (struct heddle_task){ .fn = does_nothing,
					 .flags = HEDDLE_TASK_DETACHED,
					 .after = action_forks };
	if (heddle_submit(group, &detached))
		bail("submit");
	in_guest("inside a guest", guest_forks);
	in_guest("inside a destructor", guest_sets);
	if (heddle_pool_stop(pool, 0, HEDDLE_R1_LEFT, NULL, su_in_ms(LONG_MS)))
		bail("stop");
	fork_here(false);
	said("after a stop at R1");
	if (heddle_submit(group, &task) ||
	    heddle_join(&task, HEDDLE_JOIN_HELP, su_in_ms(LONG_MS)))
		bail("help");
	said("on a thread that helps");
	unmake();
}

static void in_hooks(void)
{
	make(0);
	hook_forks = true;
	if (heddle_pool_start(pool, 1, NULL, su_in_ms(LONG_MS)))
		bail("start");
	said("in the init hook");
	if (heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL, su_in_ms(LONG_MS)))
		bail("stop");
	said("in the exit hook");
	hook_forks = false;
	unmake();
}

/* The child comes back out of the task: it must run nothing that the parent runs. */
static void other_ends(enum then how, const char *name)
{
	struct heddle_task task[8] = { { 0 } };
	uint64_t before;
	int i;

	then = how;
	make(1);
	before = atomic_load(shared_runs);
	task[0].fn = forks;
	for (i = 1; i < 8; i++)
		task[i].fn = does_nothing;
	for (i = 0; i < 8; i++)
		if (heddle_submit(group, &task[i]))
			bail("submit");
	for (i = 0; i < 8; i++)
		if (heddle_join(&task[i], 0, su_in_ms(LONG_MS)))
			bail("join");
	said(name);
	is_u64(atomic_load(shared_runs), before + 8,
	       "%s: each task ran once, in the parent", name);
	in_task("the same above a join", forks_above);
	in_guest("the same in a guest", guest_forks);
	unmake();
	then = CHECKS;
}

/* ---- while everything moves ---- */

static _Atomic bool over;

static void *storm(void *arg)
{
	(void)arg;
	while (!atomic_load(&over))
		heddle_submit_call(group, count, NULL);
	return NULL;
}

static void *churn(void *arg)
{
	uint64_t stream = tap_stream(1);
	struct heddle_guest *guest;

	(void)arg;
	while (!atomic_load(&over)) {
		heddle_pool_start(pool, 1 + (uint32_t)(tap_next(&stream) % 3),
				  NULL, HEDDLE_FOREVER);
		heddle_pool_stop(pool, (uint32_t)(tap_next(&stream) % 3),
				 (enum heddle_level)(tap_next(&stream) % 5),
				 NULL, HEDDLE_FOREVER);
		if (su_spawn(process, returns, NULL, 0, &guest, NULL,
			     HEDDLE_NOW) == 0)
			heddle_guest_join(guest, HEDDLE_R0_QUIET,
					  HEDDLE_FOREVER);
	}
	return NULL;
}

static void *come_and_go(void *arg)
{
	(void)arg;
	while (!atomic_load(&over)) {
		struct heddle_pool_options o = { .struct_size = sizeof(o),
						 .workers_max = 2 };
		struct heddle_pool *other;

		if (heddle_pool_create(&o, &other) ||
		    heddle_pool_start(other, 2, NULL, HEDDLE_FOREVER) ||
		    heddle_pool_destroy(other, HEDDLE_R4_CLEAN, NULL,
					HEDDLE_FOREVER))
			bail("another pool");
	}
	return NULL;
}

static void while_it_moves(void)
{
	uint64_t end, n = 0, wrong = 0;
	pthread_t thread[3];
	int site, i;

	make(2);
	in_storm = true;
	atomic_store(&over, false);
	if (pthread_create(&thread[0], NULL, storm, NULL) ||
	    pthread_create(&thread[1], NULL, churn, NULL) ||
	    pthread_create(&thread[2], NULL, come_and_go, NULL))
		bail("threads");
	end = su_now_ns() + (uint64_t)(tap_seconds(4) * 1e9);
	do {
		site = (int)(n % (HEDDLE_DELAY_SITES + 1));
		if (site < HEDDLE_DELAY_SITES)
			heddle_delay_set(site, 200000);
		fork_here(false);
		wrong += atomic_load(&verdict) != 0;
		if (atomic_load(&verdict) && wrong < 4)
			diag("fork %llu: %d", (unsigned long long)n,
			     atomic_load(&verdict));
		if (site < HEDDLE_DELAY_SITES)
			heddle_delay_set(site, 0);
		n++;
	} while (su_now_ns() < end);
	atomic_store(&over, true);
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	in_storm = false;
	ok(n > 4 && !wrong, "%llu forks in a storm, %llu children in trouble",
	   (unsigned long long)n, (unsigned long long)wrong);
	unmake();
}

/* Children leave with what they inherited, or with a pool that runs. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

int main(void)
{
	tap_deadline(110);
	tap_seed();
	shared_runs = mmap(NULL, sizeof(*shared_runs), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared_runs == MAP_FAILED)
		bail("mmap");
	if (SU_TSAN)
		skip(1, "pools of children: ThreadSanitizer ends those");
	everywhere();
	in_hooks();
	other_ends(RETURNS, "a child that returns");
	other_ends(EXITS, "a child that exits");
	other_ends(EXECS, "a child that execs");
	other_ends(SPAWNS, "a vfork");
	while_it_moves();
	munmap(shared_runs, sizeof(*shared_runs));
	return tap_done();
}
