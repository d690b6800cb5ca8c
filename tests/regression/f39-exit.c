/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process may exit whatever its pools do: with queued, running and blocked tasks,
 * guests and helpers, from main, from a task, from two tasks at once; with handlers that
 * submit, or destroy the pool. It ends at once, with the status that was given.
 *
 * Method: children that make a pool, bring it there, and exit. One that is not gone
 * within 20 s is killed, which is a failure.
 *
 * clause: E4
 * fault: F39
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

enum how {
	FROM_MAIN,
	FROM_TASK,
	FROM_TASKS,
	FROM_REGION,
	AT_ONCE, /* _exit() */
	BY_EXEC,
	BY_EXEC_IN_TASK,
	WITH_SUBMIT,
	WITH_DESTROY,
	BY_LAST_THREAD, /* main leaves by pthread_exit(), a task calls exit() */
	ALL
};

static const char *const name_of[] = { "from main",
				       "from a task",
				       "from two tasks",
				       "from a region",
				       "_exit",
				       "exec",
				       "exec in a task",
				       "a handler submits",
				       "a handler destroys the pool",
				       "main has gone" };

static struct heddle_pool *pool;
static enum how how;
static _Atomic unsigned int arrived;
static _Atomic bool may_end;

static void runs(struct heddle_task *task)
{
	(void)task;
	atomic_fetch_add(&arrived, 1);
	while (!atomic_load(&may_end))
		;
}

static void blocked(struct heddle_task *task)
{
	(void)task;
	heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);
	atomic_fetch_add(&arrived, 1);
	while (!atomic_load(&may_end))
		usleep(1000);
	heddle_block_end();
}

static void execute(void)
{
	execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
	_exit(99);
}

static void exits(struct heddle_task *task)
{
	(void)task;
	if (how == BY_EXEC_IN_TASK)
		execute();
	if (how == FROM_REGION)
		heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);
	exit(7);
}

static void at_exit_submit(void)
{
	struct heddle_task task = { .fn = runs };

	if (heddle_submit(heddle_pool_group(pool), &task))
		_exit(98);
	if (heddle_cancel(&task, HEDDLE_NOW) == -EINVAL)
		_exit(97);
}

static void at_exit_destroy(void)
{
	atomic_store(&may_end, true);
	if (heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER))
		_exit(98);
}

static void child(void)
{
	static struct heddle_task task[16];
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 3,
					 .blocked_max = 3,
					 .flags = HEDDLE_POOL_ELASTIC };
	struct heddle_group_options paused = { .struct_size = sizeof(paused) };
	struct heddle_group *waits;
	int i;

	if (heddle_pool_create(&o, &pool) ||
	    heddle_pool_start(pool, 2, NULL, HEDDLE_FOREVER))
		_exit(96);
	if (heddle_group_create(heddle_pool_group(pool), &paused, &waits) ||
	    heddle_group_set_cap(waits, 0, NULL))
		_exit(95);
	for (i = 0; i < 16; i++)
		task[i] = (struct heddle_task){ .fn = i == 0   ? blocked
						      : i == 1 ? runs
							       : exits };
	heddle_submit(heddle_pool_group(pool), &task[0]);
	heddle_submit(heddle_pool_group(pool), &task[1]);
	while (atomic_load(&arrived) < 2)
		usleep(100);
	for (i = 4; i < 16; i++)
		heddle_submit(waits, &task[i]);
	if (how == FROM_TASKS)
		heddle_submit(heddle_pool_group(pool), &task[2]);
	if (how == FROM_TASK || how == FROM_TASKS || how == FROM_REGION ||
	    how == BY_EXEC_IN_TASK || how == BY_LAST_THREAD)
		heddle_submit(heddle_pool_group(pool), &task[3]);
	switch (how) {
	case WITH_SUBMIT:
		atexit(at_exit_submit);
		exit(7);
	case WITH_DESTROY:
		atexit(at_exit_destroy);
		exit(7);
	case FROM_MAIN:
		exit(7);
	case AT_ONCE:
		_exit(7);
	case BY_EXEC:
		execute();
		break;
	case BY_LAST_THREAD:
		pthread_exit(NULL);
	default:
		for (;;)
			pause();
	}
}

/* Workers block an alarm, so the parent looks after it. */
static int status_of(pid_t pid)
{
	uint64_t end = su_in_ms(20000);
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (su_now_ns() >= end)
			kill(pid, SIGKILL);
		usleep(1000);
	}
	return status;
}

/* Each child leaves with a pool that runs. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

int main(void)
{
	int status;

	/* No tap_deadline(): its thread, and ThreadSanitizer would let no child make
	 * one. The children have a limit of their own.
	 */
	for (how = FROM_MAIN; how < ALL; how++) {
		pid_t pid = fork();

		if (pid == 0)
			child();
		if (pid < 0)
			bail("a child");
		status = status_of(pid);
		ok(WIFEXITED(status) && WEXITSTATUS(status) == 7,
		   "exit %s: status %x", name_of[how], (unsigned int)status);
	}
	return tap_done();
}
