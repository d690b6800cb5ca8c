/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See stress_side.h. A call may find the pool closed, full or without a worker; what it
 * began is then as if it had not been called (clause: E1).
 */
#include "tools/stress_side.h"

#include <errno.h>
#include <stdio.h>

#include <heddle/heddle.h>

enum {
	TASKS = 8,    /* of one group */
	CAP_MOST = 3, /* of a group, and of the root */
	MOMENT_NS = 50000,
};

struct work {
	struct heddle_task task; /* first, so that it leads to the work */
	_Atomic(uint32_t) runs;
	bool is_accepted;
};

static bool over(const struct ht_side *side)
{
	return atomic_load_explicit(side->ending, memory_order_acquire);
}

static struct ht_random *random_of(struct ht_side *side)
{
	return &side->actor->random;
}

static uint64_t moment(struct ht_side *side)
{
	return ht_now() + ht_random_below(random_of(side), MOMENT_NS);
}

/* Done; or refused in a way that such a pool may. */
static bool done(struct ht_side *side, const char *call, int rc)
{
	struct ht_stress *run = side->actor->run;

	if (rc == -ESHUTDOWN || rc == -EAGAIN || rc == -ETIMEDOUT)
		atomic_fetch_add_explicit(&run->near, 1,
					  memory_order_relaxed); /* a count */
	else
		ht_expect(run, call, rc);
	return !rc;
}

static void run_work(struct heddle_task *task)
{
	struct work *work = (struct work *)(void *)task;

	atomic_fetch_add_explicit(&work->runs, 1, memory_order_relaxed);
	ht_spin(100);
}

/* A region now and then, in which a stop or a close may find it. */
static void run_region(struct heddle_task *task)
{
	if (!heddle_block_begin(HEDDLE_BLOCK_SLEEP, NULL, NULL)) {
		ht_sleep_us(5);
		heddle_block_end();
	}
	run_work(task);
}

static void submit(struct ht_side *side, struct heddle_group *group,
		   struct work *work, heddle_task_fn fn)
{
	work->task = (struct heddle_task)HEDDLE_TASK_INIT(fn);
	atomic_store_explicit(&work->runs, 0, memory_order_relaxed);
	work->is_accepted =
		done(side, "heddle_submit", heddle_submit(group, &work->task));
}

/* It ran once, or it was cancelled and did not. */
static void join(struct ht_side *side, struct work *work, uint32_t flags)
{
	struct ht_stress *run = side->actor->run;
	uint32_t runs, wanted = 1;
	int rc;

	if (!work->is_accepted)
		return;
	rc = heddle_join(&work->task, flags, HEDDLE_FOREVER);
	if (rc == -ECANCELED)
		wanted = 0;
	else
		ht_expect(run, "heddle_join", rc);
	runs = atomic_load_explicit(&work->runs,
				    memory_order_relaxed); /* joined */
	if (runs != wanted)
		ht_violation(run, runs > wanted ? HT_DUP : HT_LOST,
			     "a task of a side ran %u times, not %u", runs,
			     wanted);
	atomic_fetch_add_explicit(&run->tasks, runs,
				  memory_order_relaxed); /* a count */
}

static void change_cap(struct ht_side *side, struct heddle_group *group,
		       uint32_t cap)
{
	struct heddle_ticket ticket;
	int rc;

	ht_expect(side->actor->run, "heddle_group_set_cap",
		  heddle_group_set_cap(group, cap, &ticket));
	rc = heddle_group_wait(ticket, moment(side));
	if (rc != -ETIMEDOUT && rc != -ESTALE)
		ht_expect(side->actor->run, "heddle_group_wait", rc);
}

/* At a short deadline first; what it closes stays closing. */
static void close_group(struct ht_side *side, struct heddle_group *group)
{
	int mode = HEDDLE_CLOSE_FREE |
		   (ht_random_chance(random_of(side), 2) ? HEDDLE_CLOSE_DRAIN
							 : HEDDLE_CLOSE_REFUSE);
	int rc = heddle_group_close(group, mode, moment(side));

	if (rc == -ETIMEDOUT)
		rc = heddle_group_close(group, mode, HEDDLE_FOREVER);
	ht_expect(side->actor->run, "heddle_group_close", rc);
}

void ht_side_groups(struct ht_side *side)
{
	struct heddle_group_options options = {
		.struct_size = sizeof(options),
	};
	struct heddle_group *root = heddle_pool_group(side->pool), *group;
	struct work work[TASKS];
	uint32_t i;

	while (!over(side)) {
		ht_actor_doing(side->actor, "making a group");
		options.cap = ht_random_below(random_of(side), CAP_MOST + 1);
		options.order = ht_random_below(random_of(side),
						HEDDLE_ORDER_SERIAL + 1);
		if (options.order == HEDDLE_ORDER_SERIAL)
			options.cap = 1;
		if (!done(side, "heddle_group_create",
			  heddle_group_create(root, &options, &group)))
			return;
		for (i = 0; i < TASKS; i++)
			submit(side, group, &work[i],
			       i % 4 ? run_work : run_region);
		ht_actor_doing(side->actor, "changing caps");
		change_cap(side, group,
			   options.order != HEDDLE_ORDER_SERIAL &&
					   ht_random_chance(random_of(side), 2)
				   ? CAP_MOST
				   : 0);
		change_cap(side, root,
			   1 + ht_random_below(random_of(side), CAP_MOST));
		change_cap(side, group, 1);
		ht_actor_doing(side->actor, "closing a group");
		close_group(side, group);
		for (i = 0; i < TASKS; i++)
			join(side, &work[i], 0);
		change_cap(side, root, HEDDLE_CAP_MAX);
	}
}

int ht_stop_retried(struct ht_stress *run, struct ht_random *random,
		    struct heddle_pool *pool, uint32_t n,
		    enum heddle_level level)
{
	struct heddle_report report = { .struct_size = sizeof(report) };
	uint64_t wait_ns = ht_random_below(random, MOMENT_NS);
	int rc, tries = 0;

	do {
		rc = heddle_pool_stop(pool, n, level, &report,
				      tries < 4 ? ht_now() + wait_ns
						: HEDDLE_FOREVER);
		wait_ns *= 4;
		if (rc != -ETIMEDOUT)
			continue;
		if (!report.step || !report.text[0])
			ht_violation(run, HT_CALL,
				     "a stop that timed out does not say why");
		atomic_fetch_add_explicit(&run->near, 1,
					  memory_order_relaxed); /* a count */
	} while (rc == -ETIMEDOUT && ++tries);
	return rc;
}

/* Another one who starts and stops, while the pool's owner does. */
static void start_or_stop(struct ht_side *side)
{
	uint32_t n = ht_random_below(random_of(side), side->workers_max + 1);
	enum heddle_level level =
		ht_random_below(random_of(side), HEDDLE_R4_CLEAN + 1);

	if (ht_random_chance(random_of(side), 2)) {
		ht_actor_doing(side->actor, "starting workers");
		done(side, "heddle_pool_start",
		     heddle_pool_start(side->pool, n, NULL,
				       ht_random_chance(random_of(side), 2)
					       ? moment(side)
					       : HEDDLE_FOREVER));
		return;
	}
	atomic_fetch_add_explicit(side->stoppers, 1, memory_order_seq_cst);
	ht_actor_doing(side->actor, "stopping workers");
	if (!atomic_load_explicit(side->settling, memory_order_seq_cst))
		ht_expect(side->actor->run, "heddle_pool_stop",
			  ht_stop_retried(side->actor->run, random_of(side),
					  side->pool, n, level));
	atomic_fetch_sub_explicit(side->stoppers, 1, memory_order_seq_cst);
}

static int32_t guest_body(void *arg)
{
	run_work(arg);
	return 0;
}

static void spawn(struct ht_side *side, struct heddle_process *process)
{
	struct work work = { .is_accepted = false };
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.fn = guest_body,
		.arg = &work,
	};
	struct heddle_guest *guest;
	int rc = heddle_guest_spawn(process, &options, &guest,
				    2 * MOMENT_NS + ht_now());

	if (!done(side, "heddle_guest_spawn", rc))
		return;
	ht_actor_doing(side->actor, "joining a guest");
	ht_expect(side->actor->run, "heddle_guest_join",
		  heddle_guest_join(guest, HEDDLE_R0_QUIET, HEDDLE_FOREVER));
	if (atomic_load_explicit(&work.runs, memory_order_relaxed) != 1)
		ht_violation(side->actor->run, HT_LOST,
			     "a joined guest did not run once");
}

static void use_process(struct ht_side *side)
{
	struct heddle_process_options options = {
		.struct_size = sizeof(options), .threads_max = 2
	};
	struct heddle_process *process;
	int rc;

	ht_actor_doing(side->actor, "making a process");
	if (!done(side, "heddle_process_create",
		  heddle_process_create(side->pool, &options, &process)))
		return;
	spawn(side, process);
	spawn(side, process);
	ht_actor_doing(side->actor, "ending a process");
	rc = heddle_process_destroy(process, HEDDLE_R3_GONE, moment(side));
	if (rc == -ETIMEDOUT)
		rc = heddle_process_destroy(process, HEDDLE_R4_CLEAN,
					    HEDDLE_FOREVER);
	ht_expect(side->actor->run, "heddle_process_destroy", rc);
}

void ht_side_guests(struct ht_side *side)
{
	struct work work;

	while (!over(side)) {
		ht_actor_doing(side->actor, "lending its thread");
		submit(side, heddle_pool_group(side->pool), &work,
		       ht_random_chance(random_of(side), 4) ? run_region
							    : run_work);
		join(side, &work, HEDDLE_JOIN_HELP);
		if (!work.is_accepted)
			ht_sleep_us(50); /* closed or full, for a while */
		if (side->is_wild)
			start_or_stop(side);
		if (side->is_wild && !over(side))
			use_process(side);
	}
}
