/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots through the public calls, on real workers: whose values they are and
 * when destructors run.
 *
 * Method: tasks and guests on a pool with one worker, so that they meet on the
 * same OS thread for sure; then many of each at once, with values that say who
 * set them.
 *
 * clause: T2
 * clause: T6
 * clause: D6
 * property: P8
 * property: P33
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include <heddle/heddle.h>

#include "tests/tap/tap.h"

static struct heddle_slot *slot, *second;
static _Atomic uint64_t deaths;

static void count_death(void *value)
{
	(void)value;
	atomic_fetch_add_explicit(&deaths, 1, memory_order_relaxed);
}

static uint64_t deaths_so_far(void)
{
	return atomic_load_explicit(&deaths, memory_order_relaxed);
}

static struct heddle_pool *make_pool(uint32_t workers)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.workers_max = workers,
		/* The sanitizers need much of a stack for themselves. */
		.stack_size = (uint64_t)4 << 20,
	};
	struct heddle_pool *pool;

	if (heddle_pool_create(&options, &pool) < 0 ||
	    heddle_pool_start(pool, workers, NULL, HEDDLE_FOREVER) < 0)
		bail("no pool");
	return pool;
}

static void end_pool(struct heddle_pool *pool)
{
	int rc = heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
				     HEDDLE_FOREVER);

	if (rc < 0)
		bail("the pool does not end: %d", rc);
}

static struct heddle_slot *make_slot(struct heddle_pool *pool,
				     void (*destructor)(void *value))
{
	struct heddle_slot_options options = {
		.struct_size = sizeof(options),
		.destructor = destructor,
	};
	struct heddle_slot *made;

	if (heddle_slot_create(pool, &options, &made) < 0)
		bail("no slot");
	return made;
}

/* ---- tasks and guests on one worker ---- */

struct question {
	struct heddle_task task;
	void *set; /* NULL: only ask */
	void *got;
	int rc;
};

static void answer(struct question *question)
{
	question->got = heddle_slot_get(slot);
	if (question->set)
		question->rc = heddle_slot_set(slot, question->set);
}

static void answers(struct heddle_task *task)
{
	answer((struct question *)(void *)task);
}

static int32_t guest_answers(void *arg)
{
	answer(arg);
	return 0;
}

static void *in_task(struct heddle_pool *pool, void *set)
{
	struct question question = { .task = { .fn = answers }, .set = set };

	if (heddle_submit(heddle_pool_group(pool), &question.task) < 0 ||
	    heddle_join(&question.task, 0, HEDDLE_FOREVER) < 0 ||
	    question.rc < 0)
		bail("no task");
	return question.got;
}

static void *in_guest(struct heddle_process *process, void *set)
{
	struct question question = { .set = set };
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.fn = guest_answers,
		.arg = &question,
	};
	struct heddle_guest *guest;
	int rc;

	/* The worker may still be on its way from a task to the idle set. */
	while ((rc = heddle_guest_spawn(process, &options, &guest,
					HEDDLE_FOREVER)) == -EAGAIN)
		;
	if (rc < 0 ||
	    heddle_guest_join(guest, HEDDLE_R0_QUIET, HEDDLE_FOREVER) < 0 ||
	    question.rc < 0)
		bail("no guest: %d", rc);
	return question.got;
}

static void test_one_worker(void)
{
	struct heddle_pool *pool = make_pool(1);
	struct heddle_process *process;
	int a, b, c;

	slot = make_slot(pool, count_death);
	if (heddle_process_create(pool, NULL, &process) < 0)
		bail("no process");
	ok(!in_task(pool, &a), "a new slot is NULL in a task");
	ok(in_task(pool, &b) == &a, "the next task sees the worker's value");
	ok(!in_guest(process, &c), "a guest does not");
	is_u64(deaths_so_far(), 1, "its own was destructed when it was joined");
	ok(!in_guest(process, &c), "the next guest does not see that one");
	is_u64(deaths_so_far(), 2, "and has its own destructed");
	ok(in_task(pool, NULL) == &b, "the worker's value is as it was");
	errno = 0;
	ok(!heddle_slot_get(slot) && errno == EPERM &&
		   heddle_slot_set(slot, &a) == -EPERM,
	   "no value outside");

	heddle_process_destroy(process, HEDDLE_R0_QUIET, HEDDLE_FOREVER);
	is_u64(deaths_so_far(), 2, "the worker lives: no destructor");
	if (heddle_pool_stop(pool, 0, HEDDLE_R1_LEFT, NULL, HEDDLE_FOREVER) < 0)
		bail("no stop");
	is_u64(deaths_so_far(), 3, "R1: its value was destructed");
	heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER);
	ok(!in_task(pool, NULL), "the next incarnation does not see it");
	end_pool(pool);
}

/* ---- a destroyed slot ---- */

static void test_destroyed(void)
{
	struct heddle_pool *pool = make_pool(1);
	int a;

	atomic_store_explicit(&deaths, 0, memory_order_relaxed);
	slot = make_slot(pool, count_death);
	in_task(pool, &a);
	ok(heddle_slot_destroy(slot, HEDDLE_FOREVER) == 0, "destroy a slot");
	second = slot;
	slot = make_slot(pool, count_death);
	ok(slot == second && !in_task(pool, NULL),
	   "a later slot in the same place does not see its value");
	end_pool(pool);
	is_u64(deaths_so_far(), 0, "no destructor after a destroy");
}

/* ---- many guests ---- */

static _Atomic uint64_t wrong, rounds_left;

/* Comes back three times, so that all four rounds are needed. */
static void reborn(void *value)
{
	uintptr_t round = (uintptr_t)value & 3;

	if (heddle_slot_get(second))
		atomic_fetch_add_explicit(&wrong, 1, memory_order_relaxed);
	if (round < 3)
		heddle_slot_set(second, (void *)((uintptr_t)value + 1));
	else
		atomic_fetch_add_explicit(&rounds_left, 1,
					  memory_order_relaxed);
}

static int32_t uses_both(void *arg)
{
	uint32_t tid = heddle_guest_tid(heddle_guest_self());
	uintptr_t mine = (uintptr_t)tid << 2;
	int i;

	if (heddle_slot_get(slot) || heddle_slot_get(second))
		atomic_fetch_add_explicit(&wrong, 1, memory_order_relaxed);
	for (i = 0; i < 20; i++) {
		heddle_slot_set(slot, (void *)mine);
		heddle_slot_set(second, (void *)mine);
		if (i == 10) {
			heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
			heddle_block_end();
		}
		if (heddle_slot_get(slot) != (void *)mine ||
		    heddle_slot_get(second) != (void *)mine)
			atomic_fetch_add_explicit(&wrong, 1,
						  memory_order_relaxed);
	}
	return arg != NULL;
}

static void test_many(void)
{
	enum {
		GUESTS = 5000
	};
	struct heddle_pool *pool = make_pool(3);
	struct heddle_check check = { .struct_size = sizeof(check) };
	struct heddle_process_options options = {
		.struct_size = sizeof(options), .threads_max = 3
	};
	struct heddle_guest_options guest = {
		.struct_size = sizeof(guest),
		.flags = HEDDLE_GUEST_DETACHED,
		.fn = uses_both,
	};
	struct heddle_process *process;
	uint64_t accepted = 0;
	int i;

	atomic_store_explicit(&deaths, 0, memory_order_relaxed);
	slot = make_slot(pool, count_death);
	second = make_slot(pool, reborn);
	if (heddle_process_create(pool, &options, &process) < 0)
		bail("no process");
	for (i = 0; i < GUESTS; i++)
		accepted += heddle_guest_spawn(process, &guest, NULL,
					       HEDDLE_FOREVER) == 0;
	heddle_process_destroy(process, HEDDLE_R0_QUIET, HEDDLE_FOREVER);
	ok(accepted > GUESTS / 2, "%llu guests on three workers",
	   (unsigned long long)accepted);
	is_u64(atomic_load_explicit(&wrong, memory_order_relaxed), 0,
	       "each saw its own values and no other's");
	is_u64(deaths_so_far(), accepted, "one destructor for each value");
	is_u64(atomic_load_explicit(&rounds_left, memory_order_relaxed),
	       accepted, "four rounds for those that come back");
	heddle_check(pool, &check);
	is_u64(check.stale_bytes, 0, "nothing was stale");
	is_u64(check.guests_recycled, accepted, "in that many scrubs");
	end_pool(pool);
}

int main(void)
{
	tap_deadline(60);
	test_one_worker();
	test_destroyed();
	test_many();
	return tap_done();
}
