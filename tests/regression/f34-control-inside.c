/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: each control function, called from inside, is done or refuses at once with
 * -EDEADLK, and never waits for its own caller. Elsewhere a resize by a worker joined the
 * worker. Method: a table of all calls of the public headers that start, stop, change,
 * close, wait or free, called from a task, from its blocking region, from a guest thread,
 * from a task that a lent thread runs and from a task of another pool below; none has a
 * deadline, so what would wait hangs the test. Afterwards the pool still works.
 *
 * fault: F34
 * clause: D3 H5 N2 C4
 */
#include <errno.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

/* Who calls, and what it holds meanwhile. */
struct inside {
	const char *who;
	struct heddle_task *task;       /* itself, or NULL */
	struct heddle_group *group;     /* whose permit it has */
	struct heddle_process *process; /* that it belongs to, or NULL */
	bool in_region;                 /* so that it has none */
};

static struct heddle_pool *pool;
static struct heddle_group *group, *other;
static struct heddle_process *process;
static uint32_t calls, wrong;

static void answers(const struct inside *in, const char *call, int rc, int want)
{
	calls++;
	if (rc == want)
		return;
	wrong++;
	diag("%s: %s: %d, not %d", in->who, call, rc, want);
}

#define ANSWERS(in, call, want) answers(in, #call, call, want)

static void nothing(void *arg)
{
	(void)arg;
}

static int32_t guest_nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void run_nothing(struct heddle_task *task)
{
	(void)task;
}

static void of_the_pool(const struct inside *in)
{
	struct heddle_check check = { .struct_size = sizeof(check) };
	struct heddle_report report = { .struct_size = sizeof(report) };
	int level;

	ANSWERS(in, heddle_pool_start(pool, 2, &report, HEDDLE_FOREVER), 0);
	for (level = HEDDLE_R0_QUIET; level <= HEDDLE_R4_CLEAN; level++) {
		ANSWERS(in,
			heddle_pool_stop(pool, 0, level, &report,
					 HEDDLE_FOREVER),
			-EDEADLK);
		/* The retry as well. */
		ANSWERS(in,
			heddle_pool_stop(pool, 3, level, NULL, HEDDLE_FOREVER),
			-EDEADLK);
		ANSWERS(in,
			heddle_pool_destroy(pool, level, &report,
					    HEDDLE_FOREVER),
			-EDEADLK);
	}
	heddle_check(pool, &check);
	ANSWERS(in, heddle_workers(pool, NULL, 0) < 1, 0);
}

static void of_its_group(const struct inside *in)
{
	static const int mode[] = { HEDDLE_CLOSE_DRAIN, HEDDLE_CLOSE_REFUSE,
				    HEDDLE_CLOSE_QUIESCE,
				    HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
				    HEDDLE_CLOSE_REFUSE | HEDDLE_CLOSE_FREE };
	struct heddle_ticket ticket;
	unsigned int i;

	for (i = 0; i < sizeof(mode) / sizeof(mode[0]); i++)
		ANSWERS(in,
			heddle_group_close(in->group, mode[i], HEDDLE_FOREVER),
			-EDEADLK);
	ANSWERS(in,
		heddle_group_close(heddle_pool_group(pool), HEDDLE_CLOSE_DRAIN,
				   HEDDLE_FOREVER),
		-EDEADLK);
	ANSWERS(in,
		heddle_group_close(in->group, HEDDLE_CLOSE_RESUME,
				   HEDDLE_FOREVER),
		0);
	ANSWERS(in, heddle_group_set_cap(in->group, 0, &ticket), 0);
	/* In a region it occupies nothing, so that nothing is in the way. */
	ANSWERS(in, heddle_group_wait(ticket, HEDDLE_FOREVER),
		in->in_region ? 0 : -EDEADLK);
	ANSWERS(in, heddle_group_set_cap(in->group, 4, &ticket), 0);
	ANSWERS(in, heddle_group_wait(ticket, HEDDLE_FOREVER), 0);
}

static void of_other_groups(const struct inside *in)
{
	struct heddle_group_options options = { .struct_size = sizeof(options),
						.queue_slots = 2 };
	struct heddle_group *made;
	struct heddle_ticket ticket;

	ANSWERS(in, heddle_group_set_cap(other, 1, &ticket), 0);
	ANSWERS(in, heddle_group_wait(ticket, HEDDLE_FOREVER), 0);
	ANSWERS(in,
		heddle_group_close(other, HEDDLE_CLOSE_QUIESCE, HEDDLE_FOREVER),
		0);
	ANSWERS(in,
		heddle_group_close(other, HEDDLE_CLOSE_RESUME, HEDDLE_FOREVER),
		0);
	ANSWERS(in,
		heddle_group_create(heddle_pool_group(pool), &options, &made),
		0);
	ANSWERS(in, heddle_submit_call(made, nothing, NULL), 0);
	ANSWERS(in, heddle_group_wait_room(made, 2, HEDDLE_FOREVER), 0);
	ANSWERS(in,
		heddle_group_close(made, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
				   HEDDLE_FOREVER),
		0);
}

static void of_tasks(const struct inside *in)
{
	struct heddle_task task = HEDDLE_TASK_INIT(run_nothing);

	ANSWERS(in, heddle_submit(other, &task), 0);
	ANSWERS(in, heddle_join(&task, 0, HEDDLE_FOREVER), 0);
	task = (struct heddle_task)HEDDLE_TASK_INIT(run_nothing);
	ANSWERS(in, heddle_submit(in->group, &task), 0);
	ANSWERS(in, heddle_join(&task, 0, HEDDLE_FOREVER), 0);
	if (!in->task)
		return;
	ANSWERS(in, heddle_join(in->task, 0, HEDDLE_FOREVER), -EDEADLK);
	ANSWERS(in, heddle_join(in->task, HEDDLE_JOIN_HELP, HEDDLE_FOREVER),
		-EDEADLK);
	ANSWERS(in, heddle_cancel(in->task, HEDDLE_FOREVER), -EDEADLK);
}

static void of_guests(const struct inside *in)
{
	struct heddle_process_options options = {
		.struct_size = sizeof(options), .threads_max = 2
	};
	struct heddle_guest_options guest = { .struct_size = sizeof(guest),
					      .fn = guest_nothing };
	struct heddle_process *made;
	struct heddle_guest *handle;
	struct heddle_slot *slot;

	ANSWERS(in, heddle_process_create(pool, &options, &made), 0);
	ANSWERS(in, heddle_guest_spawn(made, &guest, &handle, HEDDLE_FOREVER),
		0);
	ANSWERS(in, heddle_guest_join(handle, HEDDLE_R4_CLEAN, HEDDLE_FOREVER),
		0);
	ANSWERS(in,
		heddle_process_destroy(made, HEDDLE_R4_CLEAN, HEDDLE_FOREVER),
		0);
	ANSWERS(in, heddle_slot_create(pool, NULL, &slot), 0);
	ANSWERS(in, heddle_slot_set(slot, &wrong), 0);
	ANSWERS(in, heddle_slot_destroy(slot, HEDDLE_FOREVER), 0);
	if (!in->process)
		return;
	ANSWERS(in,
		heddle_process_destroy(in->process, HEDDLE_R4_CLEAN,
				       HEDDLE_FOREVER),
		-EDEADLK);
	ANSWERS(in,
		heddle_guest_join(heddle_guest_self(), HEDDLE_R4_CLEAN,
				  HEDDLE_FOREVER),
		-EDEADLK);
}

static void call_all(const struct inside *in)
{
	of_the_pool(in);
	of_its_group(in);
	of_other_groups(in);
	of_tasks(in);
	of_guests(in);
}

/* ---- from where ---- */

static void body(struct heddle_task *task)
{
	struct inside in = { "a task", task, group, NULL, false };

	call_all(&in);
	in.who = "its region";
	in.in_region = true;
	heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
	call_all(&in);
	heddle_block_end();
}

static void lent_body(struct heddle_task *task)
{
	struct inside in = { "a task on a lent thread", task, group, NULL,
			     false };

	call_all(&in);
}

static int32_t guest_body(void *arg)
{
	struct inside in = { "a guest", NULL, arg, process, false };

	/* The group of a process is its own; nobody closes it. */
	of_the_pool(&in);
	of_other_groups(&in);
	of_guests(&in);
	return 0;
}

/* A task of the pool, joined by one of another, which controls neither. */
static void outer_body(struct heddle_task *self)
{
	struct heddle_task task = HEDDLE_TASK_INIT(body);

	(void)self;
	if (heddle_submit(group, &task) ||
	    heddle_join(&task, 0, HEDDLE_FOREVER))
		bail("a task below");
}

static void from_tasks(void)
{
	struct heddle_task task = HEDDLE_TASK_INIT(body);
	struct heddle_pool *outer = su_pool(1);

	ok(heddle_submit(group, &task) == 0 &&
		   heddle_join(&task, 0, HEDDLE_FOREVER) == 0,
	   "from a task and from its region");
	task = (struct heddle_task)HEDDLE_TASK_INIT(outer_body);
	ok(heddle_submit(heddle_pool_group(outer), &task) == 0 &&
		   heddle_join(&task, 0, HEDDLE_FOREVER) == 0,
	   "below a task of another pool");
	su_destroy(outer);
	tap_on_deadline(su_dump, pool);
}

static void from_a_guest(void)
{
	struct heddle_process_options options = {
		.struct_size = sizeof(options), .threads_max = 2
	};
	struct heddle_guest_options guest = { .struct_size = sizeof(guest),
					      .fn = guest_body };
	struct heddle_guest *handle;

	if (heddle_process_create(pool, &options, &process))
		bail("process");
	ok(heddle_guest_spawn(process, &guest, &handle, HEDDLE_FOREVER) == 0 &&
		   heddle_guest_join(handle, HEDDLE_R4_CLEAN, HEDDLE_FOREVER) ==
			   0,
	   "from a guest");
	if (heddle_process_destroy(process, HEDDLE_R4_CLEAN, HEDDLE_FOREVER))
		bail("process end");
}

/* Nobody else runs it: the pool has no worker then. */
static void from_a_lent_thread(void)
{
	struct heddle_task task = HEDDLE_TASK_INIT(lent_body);

	if (heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL, su_in_ms(20000)))
		bail("stop");
	ok(heddle_submit(group, &task) == 0 &&
		   heddle_join(&task, HEDDLE_JOIN_HELP, HEDDLE_FOREVER) == 0,
	   "from a task on a lent thread");
}

int main(void)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .flags = HEDDLE_POOL_ELASTIC,
					       .workers_max = 4 };

	tap_deadline(60);
	pool = su_pool_with(&options, 2);
	group = su_group(heddle_pool_group(pool),
			 (struct heddle_group_options){ .cap = 4 });
	other = su_group(heddle_pool_group(pool),
			 (struct heddle_group_options){ .cap = 4 });
	from_tasks();
	from_a_guest();
	from_a_lent_thread();
	is_u64(wrong, 0, "calls answered otherwise, of %u", calls);
	ok(calls > 100, "all of them were made: %u", calls);
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
