/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: after a destroy at R3 or above the kernel has forgotten the threads,
 * so that a pool can be made again at once under a limit that leaves room for
 * exactly its threads. Joining is not enough for that. Method: a child with a
 * uid that nobody else uses sets RLIMIT_NPROC to itself and two workers,
 * and makes pools of two in a loop. Control: one worker more must fail.
 *
 * fault: F05
 * clause: D1 S1
 */
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/sanitizer.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define CYCLES 300

struct outcome {
	uint32_t failed, control_failed, control_step;
	int32_t control_rc;
	uint32_t threads_left;
};

static uid_t unused_uid(void)
{
	return 700000 + (uid_t)(tap_random() % 1000000);
}

static int cycle(uint32_t n, struct heddle_report *report)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .workers_max = n };
	struct heddle_pool *pool;
	int rc;

	memset(report, 0, sizeof(*report));
	report->struct_size = sizeof(*report);
	rc = heddle_pool_create(&options, &pool);
	if (rc < 0)
		return rc;
	rc = heddle_pool_start(pool, n, report, su_in_ms(5000));
	heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, su_in_ms(5000));
	return rc;
}

static void child(uid_t uid, int fd)
{
	struct rlimit limit = { 3, 3 };
	struct outcome out = { 0, 0, 0, 0, 0 };
	struct heddle_report report;
	int i;

	if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid) || setrlimit(RLIMIT_NPROC, &limit))
		_exit(3);
	for (i = 0; i < CYCLES; i++)
		out.failed += cycle(2, &report) != 0;
	out.control_rc = cycle(3, &report);
	out.control_failed = out.control_rc != 0;
	out.control_step = report.step;
	out.threads_left = cycle(2, &report) != 0;
	if (write(fd, &out, sizeof(out)) != (ssize_t)sizeof(out))
		_exit(4);
	_exit(0);
}

int main(void)
{
	struct outcome out = { 1, 0, 0, 0, 1 };
	int fds[2], status = -1;
	pid_t pid;

#if SU_SANITIZED
	plan_skip_all("a sanitizer keeps threads of its own");
#endif
	if (geteuid() != 0)
		plan_skip_all("RLIMIT_NPROC needs another uid, so root");
	plan(5);
	tap_deadline(60);
	tap_seed();
	if (pipe(fds))
		bail("pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		child(unused_uid(), fds[1]);
	close(fds[1]);
	if (read(fds[0], &out, sizeof(out)) < 0)
		diag("read: %s", strerror(errno));
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child status %x",
	   (unsigned int)status);
	is_u64(out.failed, 0, "pools of two that could not start");
	ok(out.control_failed,
	   "control: a pool of three fails under the limit");
	ok(out.control_rc == -EAGAIN && out.control_step == HEDDLE_STEP_CREATE,
	   "it says -EAGAIN at the creation: %d step %u", out.control_rc,
	   out.control_step);
	is_u64(out.threads_left, 0, "and leaves nothing of its two behind");
	return tap_done();
}
