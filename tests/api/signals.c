/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A storm of signals, whose handler does not restart system calls, over everything that
 * the library does; and the handler takes a snapshot of the workers.
 *
 * Method: workers unblock the signal and have an alternate stack. A thread sends it to
 * workers (registered with RCU) and to the threads of the test (not registered), about
 * 10 000 times a second, while these submit, join, cancel, start, stop, run guests, end
 * workers from inside and make other pools. No call fails for it; in no handler, on
 * whatever thread, is a snapshot inconsistent: an incarnation has one index and one
 * tid for ever, and the incarnations of an index only grow. A snapshot takes
 * bounded time.
 *
 * clause: L4 E4
 * fault: F47
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/guests.h"
#include "tests/support/sanitizer.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define ENTRIES    64
#define LIVES      (1u << 18) /* incarnations that are followed */
#define CPU_NS_MAX UINT64_C(5000000)
#define ALT_SIZE   65536
#define THREADS    3
#define LONG_MS    60000

static struct heddle_pool *pool;
static _Atomic uint32_t index_of[LIVES]; /* + 1 */
static _Atomic int32_t tid_of[LIVES];
static _Atomic uint64_t snapshots, by_workers, changing, wrong_index, wrong_tid,
	backwards, longest_ns, off_stack, refused;
static _Thread_local bool is_worker;
static _Thread_local uint64_t newest[ENTRIES];
static _Thread_local char *alternate;
static _Atomic bool over;

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void see(const struct heddle_worker_info *info)
{
	uint32_t index = 0;
	int32_t tid = 0;

	if (info->state == HEDDLE_WORKER_CHANGING) {
		atomic_fetch_add(&changing, 1);
		return;
	}
	if (info->index >= ENTRIES || !info->incarnation ||
	    info->incarnation >= LIVES) {
		if (info->incarnation < LIVES)
			atomic_fetch_add(&wrong_index, 1);
		return;
	}
	if (!atomic_compare_exchange_strong(&index_of[info->incarnation],
					    &index, info->index + 1) &&
	    index != info->index + 1)
		atomic_fetch_add(&wrong_index, 1);
	/* It is not known before the thread runs. */
	if (info->tid &&
	    !atomic_compare_exchange_strong(&tid_of[info->incarnation], &tid,
					    info->tid) &&
	    tid != info->tid)
		atomic_fetch_add(&wrong_tid, 1);
	if (info->incarnation < newest[info->index])
		atomic_fetch_add(&backwards, 1);
	newest[info->index] = info->incarnation;
}

static void handler(int sig)
{
	struct heddle_worker_info info[ENTRIES];
	uint64_t begun = cpu_ns(), took, longest;
	int saved_errno = errno, n, i;

	(void)sig;
	n = heddle_workers(pool, info, ENTRIES);
	took = cpu_ns() - begun;
	for (i = 0; i < n && i < ENTRIES; i++)
		see(&info[i]);
	longest = atomic_load(&longest_ns);
	while (took > longest &&
	       !atomic_compare_exchange_weak(&longest_ns, &longest, took))
		;
	if (alternate &&
	    ((char *)&info < alternate || (char *)&info > alternate + ALT_SIZE))
		atomic_fetch_add(&off_stack, 1);
	atomic_fetch_add(&snapshots, 1);
	if (is_worker)
		atomic_fetch_add(&by_workers, 1);
	errno = saved_errno;
}

static void open_signal(void)
{
	stack_t stack = { .ss_size = ALT_SIZE };
	sigset_t set;

	alternate = malloc(ALT_SIZE);
	stack.ss_sp = alternate;
	if (!alternate || sigaltstack(&stack, NULL))
		bail("an alternate stack");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void close_signal(void)
{
	const stack_t none = { .ss_flags = SS_DISABLE };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigaltstack(&none, NULL);
	free(alternate);
	alternate = NULL;
}

static int init(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)index;
	(void)arg;
	/* A thread that helps has a stack for it already. */
	if (!alternate) {
		is_worker = true;
		open_signal();
	}
	return 0;
}

static void fini(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)index;
	(void)arg;
	if (is_worker)
		close_signal();
	is_worker = false;
}

/* A guest's scrub closes both again; tasks and guests open them while they run. */
static void unblock(void)
{
	const stack_t stack = { .ss_sp = alternate, .ss_size = ALT_SIZE };
	sigset_t set;

	if (alternate && sigaltstack(&stack, NULL))
		bail("an alternate stack");

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static _Atomic uint64_t ran;

static void work(struct heddle_task *task)
{
	(void)task;
	unblock();
	atomic_fetch_add(&ran, 1);
}

static void region(struct heddle_task *task)
{
	const struct timespec pause = { 0, 100000 };

	(void)task;
	unblock();
	heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
	nanosleep(&pause, NULL);
	heddle_block_end();
}

static void leave(struct heddle_task *task)
{
	(void)task;
	pthread_exit(NULL);
}

static int32_t guest(void *arg)
{
	(void)arg;
	unblock();
	return 5;
}

static void check(int rc, int want, const char *what)
{
	if (rc == want)
		return;
	if (atomic_fetch_add(&refused, 1) < 5)
		diag("%s: %d", what, rc);
}

static void *tasks(void *arg)
{
	uint64_t stream = tap_stream(1);

	(void)arg;
	open_signal();
	while (!atomic_load(&over)) {
		struct heddle_task task[8] = { { 0 } };
		int i, gone = (int)(tap_next(&stream) % 64);

		for (i = 0; i < 8; i++) {
			task[i].fn = i == gone ? leave : i == 1 ? region : work;
			check(heddle_submit(heddle_pool_group(pool), &task[i]),
			      0, "submit");
		}
		for (i = 0; i < 8; i++)
			/* Who helps one that leaves would leave with it. */
			check(heddle_join(&task[i],
					  i & 1 && i != gone ? HEDDLE_JOIN_HELP
							     : 0,
					  su_in_ms(LONG_MS)),
			      task[i].fn == leave ? -ECANCELED : 0, "join");
	}
	close_signal();
	return NULL;
}

static void *threads(void *arg)
{
	uint64_t stream = tap_stream(2);

	(void)arg;
	open_signal();
	while (!atomic_load(&over)) {
		check(heddle_pool_start(pool,
					1 + (uint32_t)(tap_next(&stream) % 4),
					NULL, su_in_ms(LONG_MS)),
		      0, "start");
		check(heddle_pool_stop(
			      pool, 1 + (uint32_t)(tap_next(&stream) % 3),
			      (enum heddle_level)(1 + tap_next(&stream) % 4),
			      NULL, su_in_ms(LONG_MS)),
		      0, "stop");
	}
	close_signal();
	return NULL;
}

static void *guests(void *arg)
{
	struct heddle_process *process = su_process(pool, 2, 2);

	(void)arg;
	open_signal();
	while (!atomic_load(&over)) {
		struct heddle_guest *one;
		int32_t code = 0;
		int rc = su_spawn(process, guest, NULL, 0, &one, &code,
				  su_in_ms(LONG_MS));

		check(rc, 0, "spawn");
		if (rc)
			continue;
		check(heddle_guest_join(one, HEDDLE_R0_QUIET,
					su_in_ms(LONG_MS)),
		      0, "guest join");
		check(code, 5, "exit code");
	}
	su_process_end(process);
	close_signal();
	return NULL;
}

static _Atomic int32_t main_tid[THREADS];

static void *with_tid(void *arg)
{
	static void *(*const body[THREADS])(void *) = { tasks, threads,
							guests };
	unsigned int i = (unsigned int)(uintptr_t)arg;
	void *rc;

	atomic_store(&main_tid[i], (int32_t)syscall(SYS_gettid));
	rc = body[i](NULL);
	atomic_store(&main_tid[i], 0);
	return rc;
}

/* By number: a thread that has gone is no error, and none else of the process. */
static void send(int32_t tid)
{
	if (tid)
		syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
}

static void storm(uint64_t until)
{
	const struct timespec pause = { 0, 100000 };
	uint64_t stream = tap_stream(3);

	while (su_now_ns() < until) {
		struct heddle_worker_info info[ENTRIES];
		int n = heddle_workers(pool, info, ENTRIES);
		uint64_t pick = tap_next(&stream);

		if (n > 0 && pick % 2)
			send(info[pick / 2 % (uint64_t)n % ENTRIES].tid);
		else
			send(atomic_load(&main_tid[pick / 2 % THREADS]));
		nanosleep(&pause, NULL);
	}
}

int main(void)
{
	struct sigaction action = { .sa_handler = handler,
				    .sa_flags = SA_ONSTACK };
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 4,
					 .blocked_max = 4,
					 .flags = HEDDLE_POOL_ELASTIC,
					 .worker_init = init,
					 .worker_exit = fini };
	pthread_t thread[THREADS];
	unsigned int i;

	tap_deadline(110);
	tap_seed();
	sigaction(SIGUSR1, &action, NULL);
	pool = su_pool_with(&o, 2);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, with_tid,
				   (void *)(uintptr_t)i))
			bail("thread");
	storm(su_now_ns() + (uint64_t)(tap_seconds(4) * 1e9));
	atomic_store(&over, true);
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	ok(snapshots > 100 && by_workers > 10,
	   "%llu signals, %llu of them on workers, %llu tasks",
	   (unsigned long long)snapshots, (unsigned long long)by_workers,
	   (unsigned long long)ran);
	is_u64(refused, 0, "no call fails for a signal");
	is_u64(wrong_index, 0, "an incarnation has one index");
	is_u64(wrong_tid, 0, "and one tid");
	is_u64(backwards, 0, "the incarnations of an index grow");
	if (SU_TSAN)
		skip(1, "ThreadSanitizer calls handlers on the thread's stack");
	else
		is_u64(off_stack, 0,
		       "on the alternate stack where there is one");
	ok(longest_ns < CPU_NS_MAX, "the longest snapshot took %llu ns",
	   (unsigned long long)longest_ns);
	diag("%llu entries seen while they changed",
	     (unsigned long long)changing);
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
