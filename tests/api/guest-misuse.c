/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest threads: what is refused, by which error, and that nothing of a failed
 * attempt remains; and what a forked child is told.
 *
 * clause: T3
 * clause: T6
 * clause: E1
 * clause: E4
 */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "tests/support/guests.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

static int32_t tells_tid(void *arg)
{
	(void)arg;
	return (int32_t)heddle_guest_tid(heddle_guest_self());
}

static struct heddle_guest *itself;
static struct heddle_process *its_process;

static int32_t misuses(void *arg)
{
	int rc = 0;

	itself = heddle_guest_self();
	rc |= heddle_guest_join(itself, HEDDLE_R0_QUIET, HEDDLE_NOW) !=
	      -EDEADLK;
	rc |= (heddle_guest_join(itself, HEDDLE_R0_QUIET, HEDDLE_FOREVER) !=
	       -EDEADLK)
	      << 1;
	rc |= (heddle_process_destroy(its_process, HEDDLE_R0_QUIET,
				      HEDDLE_FOREVER) != -EDEADLK)
	      << 2;
	return rc + (arg != NULL) * 8;
}

static void test_errors(void)
{
	struct heddle_pool *pool = su_guest_pool(2, HEDDLE_POOL_ELASTIC);
	struct heddle_process_options options = { .struct_size =
							  sizeof(options) };
	struct heddle_guest_options spawn_options = {
		.struct_size = sizeof(spawn_options), .fn = misuses
	};
	struct heddle_process *process = NULL;
	struct heddle_group *group;
	struct heddle_guest *guest;

	options.threads_max = 65536;
	ok(heddle_process_create(pool, &options, &process) == -EINVAL &&
		   !process,
	   "65 536 berths are too many");
	options.threads_max = 65535;
	options.flags = 1;
	ok(heddle_process_create(pool, &options, &process) == -EINVAL,
	   "an unknown flag");
	options.flags = 0;
	options.cap = HEDDLE_CAP_MAX + 1;
	ok(heddle_process_create(pool, &options, &process) == -EINVAL,
	   "a cap too large");
	options.cap = 0;
	ok(heddle_process_create(NULL, &options, &process) == -EINVAL &&
		   heddle_process_create(pool, &options, NULL) == -EINVAL,
	   "NULL");
	ok(heddle_process_destroy(NULL, HEDDLE_R0_QUIET, HEDDLE_NOW) == 0,
	   "no process to destroy");
	heddle_group_create(heddle_pool_group(pool), NULL, &group);
	options.parent = group;
	ok(heddle_process_create(pool, &options, &process) == 0,
	   "65 535 berths below a group");
	its_process = process;
	is_u64((uint64_t)su_call(process, misuses, NULL), 0,
	       "a guest cannot join itself nor destroy its process");
	ok(heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_NOW) ==
		   -EBUSY,
	   "the pool cannot go before its process");
	ok(heddle_group_close(group, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      HEDDLE_FOREVER) == -EBUSY,
	   "nor the group above it");
	ok(heddle_guest_spawn(process, &spawn_options, &guest, HEDDLE_NOW) ==
			   -ESHUTDOWN &&
		   !guest,
	   "which now takes no more guests");
	ok(heddle_guest_spawn(process, NULL, &guest, HEDDLE_NOW) == -EINVAL &&
		   heddle_guest_spawn(NULL, &spawn_options, &guest,
				      HEDDLE_NOW) == -EINVAL &&
		   heddle_guest_spawn(process, &spawn_options, NULL,
				      HEDDLE_NOW) == -EINVAL,
	   "NULL");
	spawn_options.flags = 8;
	ok(heddle_guest_spawn(process, &spawn_options, &guest, HEDDLE_NOW) ==
		   -EINVAL,
	   "an unknown flag");
	spawn_options.flags = 0;
	spawn_options.fn = NULL;
	ok(heddle_guest_spawn(process, &spawn_options, &guest, HEDDLE_NOW) ==
		   -EINVAL,
	   "no function");
	ok(heddle_guest_join(NULL, HEDDLE_R0_QUIET, HEDDLE_NOW) == -EINVAL &&
		   heddle_guest_tid(NULL) == 0 && !heddle_guest_self(),
	   "no guest");
	su_process_end(process);
	ok(heddle_group_close(group, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      HEDDLE_FOREVER) == 0,
	   "the group above can be freed afterwards");
	su_guest_pool_end(pool);
}

/* Nothing of a failed attempt remains. */
static void test_no_thread(void)
{
	struct heddle_pool *pool = su_guest_pool(2, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = su_process(pool, 1, 0);
	struct heddle_guest *guest;
	int i, wrong = 0;

	heddle_fault_set(HEDDLE_FAULT_THREAD_CREATE, 0, UINT32_MAX, EAGAIN);
	for (i = 0; i < 10; i++)
		wrong += su_spawn(process, tells_tid, NULL, 0, &guest, NULL,
				  HEDDLE_NOW) != -EAGAIN ||
			 guest;
	heddle_fault_set(HEDDLE_FAULT_THREAD_CREATE, 0, 0, 0);
	is_u64((uint64_t)wrong, 0, "no thread can be made: -EAGAIN, ten times");
	ok(su_call(process, tells_tid, NULL) > 0,
	   "the only berth is free afterwards");
	su_process_end(process);
	su_guest_pool_end(pool);
}

static void test_fork(void)
{
	struct heddle_pool *pool = su_guest_pool(1, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = su_process(pool, 2, 0), *other;
	struct heddle_guest *guest, *unused;
	struct su_gate gate = SU_GATE;
	int status = -1;
	pid_t pid;

	if (su_spawn(process, su_wait_at_gate, &gate, 0, &guest, NULL,
		     HEDDLE_NOW) < 0)
		bail("a guest on one worker does not come");
	su_gate_wait(&gate, 1);
	pid = fork();
	if (pid == 0) {
		int bad = 0;

		bad |= su_spawn(process, su_wait_at_gate, &gate, 0, &unused,
				NULL, HEDDLE_NOW) != -ECHILD;
		bad |= (heddle_guest_join(guest, HEDDLE_R0_QUIET,
					  HEDDLE_FOREVER) != -ECHILD)
		       << 1;
		bad |= (heddle_process_create(pool, NULL, &other) != -ECHILD)
		       << 2;
		bad |= (heddle_process_destroy(process, HEDDLE_R4_CLEAN,
					       HEDDLE_FOREVER) != 0)
		       << 3;
		bad |= (heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
					    HEDDLE_FOREVER) != 0)
		       << 4;
		_exit(bad);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	   "a forked child is told so, and can free: 0x%x", (unsigned)status);
	su_gate_open(&gate);
	heddle_guest_join(guest, HEDDLE_R0_QUIET, HEDDLE_FOREVER);
	su_process_end(process);
	su_guest_pool_end(pool);
}

int main(void)
{
	tap_deadline(120);
	test_errors();
	test_no_thread();
	test_fork();
	return tap_done();
}
