/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: whatever the library is given it answers with a number: it neither ends the
 * process nor prints.
 * Method: standard output and standard error are one file while every call of the
 * public headers gets null pointers, values out of range and objects in the wrong
 * state; each must refuse, and the file must be empty. What is printed there is seen is
 * tried first.
 *
 * clause: E1
 * clause: E2
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define FAR ((uint32_t)-1)

static unsigned int calls, accepted;
static const char *first_accepted;

static void refused(int rc, const char *call)
{
	calls++;
	if (rc < 0)
		return;
	if (!accepted++)
		first_accepted = call;
}

#define REFUSED(call) refused((call), #call)

static void nothing(struct heddle_task *task)
{
	(void)task;
}

static void no_call(void *arg)
{
	(void)arg;
}

static int32_t no_guest(void *arg)
{
	(void)arg;
	return 0;
}

/* One field after the other is out of its range. */
static void pools(void)
{
	const struct heddle_pool_options bad[] = {
		{ .struct_size = 1 },
		{ .struct_size = sizeof(bad[0]), .flags = FAR },
		{ .struct_size = sizeof(bad[0]), .workers_max = FAR },
		{ .struct_size = sizeof(bad[0]), .blocked_max = FAR },
		{ .struct_size = sizeof(bad[0]), .cap = FAR },
		{ .struct_size = sizeof(bad[0]), .tasks_max = FAR },
		{ .struct_size = sizeof(bad[0]), .deque_slots = FAR },
		{ .struct_size = sizeof(bad[0]), .groups_max = FAR },
		{ .struct_size = sizeof(bad[0]), .slots_max = FAR },
		{ .struct_size = sizeof(bad[0]), .blocked_policy = FAR },
		{ .struct_size = sizeof(bad[0]), .stack_size = 1 },
		{ .struct_size = sizeof(bad[0]), .cpu_set_size = 8 },
	};
	struct heddle_pool *pool = NULL;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		REFUSED(heddle_pool_create(&bad[i], &pool));
	REFUSED(heddle_pool_create(NULL, NULL));
	REFUSED(heddle_pool_start(NULL, 1, NULL, HEDDLE_NOW));
	REFUSED(heddle_pool_stop(NULL, 0, HEDDLE_R1_LEFT, NULL, HEDDLE_NOW));
	REFUSED(heddle_workers(NULL, NULL, 1));
	REFUSED(heddle_check(NULL, NULL));
	REFUSED(heddle_pool_publish(NULL, NULL));
	REFUSED(heddle_pool_publish_update(NULL));
	REFUSED(heddle_pool_published(NULL, NULL, 1));
	REFUSED(heddle_pool_withdraw(NULL));
}

static void pool_in_use(struct heddle_pool *pool)
{
	struct heddle_report report = { .struct_size = 1 };
	struct heddle_check check = { .struct_size = 1 };
	struct heddle_worker_info info;

	REFUSED(heddle_pool_start(pool, FAR, NULL, HEDDLE_NOW));
	REFUSED(heddle_pool_start(pool, 1, &report, HEDDLE_NOW));
	REFUSED(heddle_pool_stop(pool, 0, (enum heddle_level)99, NULL,
				 HEDDLE_NOW));
	REFUSED(heddle_pool_stop(pool, 0, HEDDLE_R1_LEFT, &report, HEDDLE_NOW));
	REFUSED(heddle_pool_destroy(pool, (enum heddle_level)99, NULL,
				    HEDDLE_NOW));
	REFUSED(heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, &report,
				    HEDDLE_NOW));
	REFUSED(heddle_workers(pool, NULL, 1));
	REFUSED(heddle_workers(NULL, &info, 1));
	REFUSED(heddle_check(pool, NULL));
	REFUSED(heddle_check(pool, &check));
	REFUSED(heddle_pool_publish(pool, ""));
	REFUSED(heddle_pool_publish(pool, "/"));
	REFUSED(heddle_pool_publish(pool, "/dev/null"));
	REFUSED(heddle_pool_publish_update(pool));
	REFUSED(heddle_pool_published(pool, NULL, 1));
	REFUSED(heddle_pool_withdraw(pool));
}

static void groups(struct heddle_group *root)
{
	const struct heddle_group_options bad[] = {
		{ .struct_size = 1 },
		{ .struct_size = sizeof(bad[0]), .flags = FAR },
		{ .struct_size = sizeof(bad[0]), .cap = FAR },
		{ .struct_size = sizeof(bad[0]), .children_max = FAR },
		{ .struct_size = sizeof(bad[0]), .order = FAR },
		{ .struct_size = sizeof(bad[0]), .name = "sixteen bytes it" },
	};
	struct heddle_change twice[] = { { root, 1, 0, 0, 0 },
					 { root, 1, 0, 0, 0 } };
	struct heddle_change unknown = { root, 1, FAR, 0, 0 };
	struct heddle_change heavy = { root, 0, HEDDLE_CHANGE_WEIGHT, FAR, 0 };
	struct heddle_ticket ticket = { NULL, 0 };
	struct heddle_group_stat stat = { .struct_size = 1 };
	struct heddle_group *group;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		REFUSED(heddle_group_create(root, &bad[i], &group));
	REFUSED(heddle_group_create(NULL, NULL, &group));
	REFUSED(heddle_group_create(root, NULL, NULL));
	REFUSED(heddle_group_set_cap(NULL, 1, NULL));
	REFUSED(heddle_group_set_cap(root, FAR, NULL));
	REFUSED(heddle_group_update(NULL, 1, NULL));
	REFUSED(heddle_group_update(twice, 0, NULL));
	REFUSED(heddle_group_update(twice, 2, NULL));
	REFUSED(heddle_group_update(&unknown, 1, NULL));
	REFUSED(heddle_group_update(&heavy, 1, NULL));
	REFUSED(heddle_group_wait(ticket, HEDDLE_NOW));
	REFUSED(heddle_group_wait_room(NULL, 1, HEDDLE_NOW));
	REFUSED(heddle_group_wait_room(root, 0, HEDDLE_NOW));
	REFUSED(heddle_group_wait_room(root, FAR, HEDDLE_NOW));
	REFUSED(heddle_group_close(NULL, HEDDLE_CLOSE_DRAIN, HEDDLE_NOW));
	REFUSED(heddle_group_close(root, 0, HEDDLE_NOW));
	REFUSED(heddle_group_close(root, 0xffff, HEDDLE_NOW));
	REFUSED(heddle_group_close(root, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
				   HEDDLE_NOW));
	REFUSED(heddle_group_stat(NULL, &stat));
	REFUSED(heddle_group_stat(root, NULL));
	REFUSED(heddle_group_stat(root, &stat));
}

static void tasks(struct heddle_group *root)
{
	struct heddle_task task = HEDDLE_TASK_INIT(nothing);
	struct heddle_task empty = HEDDLE_TASK_INIT(NULL);
	struct heddle_task odd = HEDDLE_TASK_INIT(nothing);
	struct heddle_task_stat stat = { .struct_size = 1 };
	struct heddle_task *none[] = { NULL };
	size_t taken;

	odd.flags = 0x80;
	REFUSED(heddle_submit(NULL, &task));
	REFUSED(heddle_submit(root, NULL));
	REFUSED(heddle_submit(root, &empty));
	REFUSED(heddle_submit(root, &odd));
	REFUSED(heddle_submit_many(NULL, none, 1, &taken));
	REFUSED(heddle_submit_many(root, NULL, 1, &taken));
	REFUSED(heddle_submit_many(root, none, 1, &taken));
	REFUSED(heddle_submit_call(NULL, no_call, NULL));
	REFUSED(heddle_submit_call(root, NULL, NULL));
	REFUSED(heddle_join(NULL, 0, HEDDLE_NOW));
	REFUSED(heddle_join(&task, 0, HEDDLE_NOW));
	REFUSED(heddle_join(&task, FAR, HEDDLE_NOW));
	REFUSED(heddle_cancel(NULL, HEDDLE_NOW));
	REFUSED(heddle_cancel(&task, HEDDLE_NOW));
	REFUSED(heddle_task_stat(NULL, &stat));
	REFUSED(heddle_task_stat(&task, NULL));
	REFUSED(heddle_task_stat(&task, &stat));
	REFUSED(heddle_block_begin(0, NULL, NULL));
	REFUSED(heddle_block_end());
}

static void guests(struct heddle_pool *pool)
{
	struct heddle_process_options process_options = { .struct_size = 1 };
	struct heddle_guest_options guest_options = {
		.struct_size = sizeof(guest_options), .flags = FAR
	};
	struct heddle_guest_options fresh = { .struct_size = sizeof(fresh),
					      .fn = no_guest,
					      .flags = HEDDLE_GUEST_FRESH };
	struct heddle_process *process = NULL;
	struct heddle_guest *guest;

	REFUSED(heddle_process_create(NULL, NULL, &process));
	REFUSED(heddle_process_create(pool, NULL, NULL));
	REFUSED(heddle_process_create(pool, &process_options, &process));
	if (heddle_process_create(pool, NULL, &process))
		bail("process");
	REFUSED(heddle_process_destroy(process, (enum heddle_level)99,
				       HEDDLE_NOW));
	REFUSED(heddle_guest_spawn(NULL, &fresh, &guest, HEDDLE_NOW));
	REFUSED(heddle_guest_spawn(process, NULL, &guest, HEDDLE_NOW));
	REFUSED(heddle_guest_spawn(process, &guest_options, &guest,
				   HEDDLE_NOW));
	REFUSED(heddle_guest_spawn(process, &fresh, &guest, HEDDLE_NOW));
	REFUSED(heddle_guest_spawn(process, &fresh, NULL, HEDDLE_NOW));
	REFUSED(heddle_guest_join(NULL, HEDDLE_R0_QUIET, HEDDLE_NOW));
	REFUSED(heddle_guest_exit(1));
	if (heddle_process_destroy(process, HEDDLE_R3_GONE, HEDDLE_FOREVER))
		bail("the process stays");
}

static void slots(struct heddle_pool *pool)
{
	struct heddle_slot_options options = { .struct_size = sizeof(options),
					       .flags = FAR };
	struct heddle_slot *slot;

	REFUSED(heddle_slot_create(NULL, NULL, &slot));
	REFUSED(heddle_slot_create(pool, NULL, NULL));
	REFUSED(heddle_slot_create(pool, &options, &slot));
	REFUSED(heddle_slot_set(NULL, NULL));
	REFUSED(heddle_slot_destroy(NULL, HEDDLE_NOW));
	if (heddle_slot_create(pool, NULL, &slot))
		bail("slot");
	REFUSED(heddle_slot_set(slot, NULL));
	if (heddle_slot_get(slot))
		bail("a value outside of workers");
	if (heddle_slot_destroy(slot, HEDDLE_FOREVER))
		bail("the slot stays");
}

static void faults(void)
{
	uint64_t passes, failures;

	REFUSED(heddle_fault_set(-1, 0, 0, 0));
	REFUSED(heddle_fault_set(HEDDLE_FAULT_SITES, 0, 0, 0));
	REFUSED(heddle_fault_count(-1, &passes, &failures));
	REFUSED(heddle_delay_set(-1, 0));
	REFUSED(heddle_delay_set(HEDDLE_DELAY_SITES, 0));
}

static off_t size_of(int fd)
{
	struct stat stat;

	return fstat(fd, &stat) ? -1 : stat.st_size;
}

int main(void)
{
	int saved[2] = { dup(STDOUT_FILENO), dup(STDERR_FILENO) };
	int file = memfd_create("output", MFD_CLOEXEC);
	struct heddle_pool *pool;
	off_t before, after;

	tap_deadline(60);
	pool = su_pool(2);
	if (file < 0 || saved[0] < 0 || saved[1] < 0)
		bail("descriptors");
	fflush(stdout);
	dup2(file, STDOUT_FILENO);
	dup2(file, STDERR_FILENO);
	dprintf(STDERR_FILENO, "seen");
	puts("seen");
	fflush(stdout);
	before = size_of(file);
	pools();
	pool_in_use(pool);
	groups(heddle_pool_group(pool));
	tasks(heddle_pool_group(pool));
	guests(pool);
	slots(pool);
	faults();
	fflush(stdout);
	after = size_of(file);
	dup2(saved[0], STDOUT_FILENO);
	dup2(saved[1], STDERR_FILENO);
	close(saved[0]);
	close(saved[1]);
	close(file);
	is_u64((uint64_t)before, 9, "what is printed is seen");
	is_u64((uint64_t)(after - before), 0,
	       "bytes printed by %u calls with bad input", calls);
	ok(!accepted && calls >= 80, "%u calls, %u not refused: %s", calls,
	   accepted, accepted ? first_accepted : "none");
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
