/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A longjmp from a task into a task below it on the same stack: it is found when that
 * one joins, cancels, asks whether to stop, begins or ends a region, or returns; the
 * tasks between end as CANCELLED and give their permits back.
 *
 * Method: a task joins others in place, up to three deep and in groups of their own, and
 * the last jumps; the one below then looks at the others before and after its next
 * call. A task on a stack of its own must not be taken for one that was left.
 *
 * clause: E5
 */
#include <errno.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define LONG_MS 20000

enum by {
	BY_RETURN,
	BY_JOIN,
	BY_CANCEL,
	BY_ASKING,
	BY_BEGIN,
	BY_END,
	BY_ALL
};

static const char *const name_of[] = { "a return", "a join",
				       "a cancel", "asking",
				       "a region", "the end of a region" };

static struct heddle_pool *pool;
static struct heddle_group *group[3];
static jmp_buf back;
static struct heddle_task upper, middle;
static int found_rc;
static bool in_region;
static _Atomic uint64_t ran;

static void jump(struct heddle_task *task)
{
	(void)task;
	if (in_region)
		heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);
	longjmp(back, 1);
}

static void join_upper(struct heddle_task *task)
{
	(void)task;
	heddle_submit(group[2], &upper);
	heddle_join(&upper, 0, HEDDLE_FOREVER);
}

static void nothing(struct heddle_task *task)
{
	(void)task;
	atomic_fetch_add(&ran, 1);
}

/* noinline: the jump comes back to a frame that still is what it was. */
static __attribute__((noinline)) void descend(void)
{
	if (setjmp(back) == 0) {
		heddle_submit(group[1], &middle);
		heddle_join(&middle, 0, HEDDLE_FOREVER);
	}
}

static int next_call(enum by by)
{
	struct heddle_task other = { .fn = nothing };
	int rc = 0;

	switch (by) {
	case BY_JOIN:
		heddle_submit(group[0], &other);
		rc = heddle_join(&other, 0, HEDDLE_FOREVER);
		break;
	case BY_CANCEL:
		rc = heddle_cancel(&middle, HEDDLE_NOW) == -EALREADY ? 0 : -1;
		break;
	case BY_ASKING:
		rc = heddle_stop_requested();
		break;
	case BY_BEGIN:
		rc = heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);
		rc |= heddle_block_end();
		break;
	case BY_END:
		rc = heddle_block_end() == -EPERM ? 0 : -1;
		break;
	default:
		break;
	}
	return rc;
}

static enum by by_what;

static void lower(struct heddle_task *task)
{
	(void)task;
	descend();
	found_rc = next_call(by_what);
	if (by_what != BY_RETURN && by_what != BY_CANCEL)
		found_rc |= heddle_join(&middle, 0, HEDDLE_NOW) != -ECANCELED;
	/* Its own permits are there, and it can go on as any task. */
	if (by_what != BY_RETURN) {
		struct heddle_task other = { .fn = nothing };

		heddle_submit(group[0], &other);
		found_rc |= heddle_join(&other, 0, HEDDLE_FOREVER);
	}
}

static int permits_out(void)
{
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };
	int i, out = 0;

	for (i = 0; i < 3; i++) {
		heddle_group_stat(group[i], &stat);
		out += (int)(stat.blocked + (i ? stat.count : 0));
	}
	return out;
}

static void skip_found(enum by by, bool region)
{
	struct heddle_check check = { .struct_size = sizeof(check) };
	struct heddle_task task = { .fn = lower };
	uint64_t before;
	const struct timespec pause = { 0, 1000000 };
	int tries, out = 0, rc;

	heddle_check(pool, &check);
	before = check.tasks_skipped;
	by_what = by;
	in_region = region;
	found_rc = 0;
	middle = (struct heddle_task){ .fn = join_upper };
	upper = (struct heddle_task){ .fn = jump };
	heddle_submit(group[0], &task);
	rc = heddle_join(&task, 0, su_in_ms(LONG_MS));
	ok(rc == 0 && !found_rc, "found by %s%s, and the task goes on: %d",
	   name_of[by], region ? ", with a region open" : "", found_rc);
	ok(heddle_join(&middle, 0, HEDDLE_NOW) == -ECANCELED &&
		   heddle_join(&upper, 0, HEDDLE_NOW) == -ECANCELED,
	   "two tasks are CANCELLED");
	/* Who looks for work may hold one for a moment. */
	for (tries = 0; tries < 2000 && (out = permits_out()) != 0; tries++)
		nanosleep(&pause, NULL);
	is_u64((uint64_t)out, 0, "their permits are back");
	su_check_at_rest(pool);
	heddle_check(pool, &check);
	is_u64(check.tasks_skipped, before + 2, "they are counted");
}

/* The tasks that are skipped lie in the frames that are skipped. */
static void jump_from_own(struct heddle_task *task)
{
	struct heddle_task mine = { .fn = jump };

	(void)task;
	heddle_submit(group[2], &mine);
	heddle_join(&mine, 0, HEDDLE_FOREVER);
}

static __attribute__((noinline)) int fill(int depth)
{
	volatile char page[4096];
	int sum = 0;
	size_t i;

	for (i = 0; i < sizeof(page); i++)
		page[i] = 0x5a;
	if (depth)
		sum = fill(depth - 1);
	/* Nothing that ends a skipped task may write here. */
	found_rc |= heddle_stop_requested();
	for (i = 0; i < sizeof(page); i++)
		sum += page[i] != 0x5a;
	return sum;
}

static void lower_then_fill(struct heddle_task *task)
{
	(void)task;
	descend();
	found_rc = fill(6);
}

static void own_stack(void)
{
	struct heddle_task task = { .fn = lower_then_fill };
	int rc;

	in_region = false;
	middle = (struct heddle_task){ .fn = jump_from_own };
	heddle_submit(group[0], &task);
	rc = heddle_join(&task, 0, su_in_ms(LONG_MS));
	ok(rc == 0 && !found_rc,
	   "a task in a frame that was left is not written: %d", found_rc);
	su_check_at_rest(pool);
}

/* Deeper than the entry keeps frames: what cannot be read is reported. */
static _Thread_local unsigned int depth;

static void deep(struct heddle_task *task)
{
	struct heddle_task next = { .fn = deep };

	(void)task;
	if (++depth == 100)
		longjmp(back, 1);
	heddle_submit(group[1], &next);
	heddle_join(&next, 0, HEDDLE_FOREVER);
}

static void lower_deep(struct heddle_task *task)
{
	(void)task;
	if (setjmp(back) == 0)
		deep(task);
	depth = 0;
	found_rc = heddle_stop_requested();
}

static void too_deep(void)
{
	struct heddle_check check = { .struct_size = sizeof(check) };
	struct heddle_task task = { .fn = lower_deep };

	heddle_submit(group[1], &task);
	ok(heddle_join(&task, 0, su_in_ms(LONG_MS)) == 0,
	   "a jump over 99 tasks of one group");
	heddle_check(pool, &check);
	ok(check.violations == 1 &&
		   !strcmp(check.violation[0].name, "frames-lost"),
	   "those that are lost are reported: %s", check.violation[0].detail);
}

/* ---- coroutines ---- */

static ucontext_t of_task, of_other;
static char other_stack[2][65536] __attribute__((aligned(16)));
static int coroutine_rc;

static void on_other_stack(void)
{
	struct heddle_task task = { .fn = nothing };
	int i;

	for (i = 0; i < 3; i++) {
		heddle_submit(group[1], &task);
		coroutine_rc |= heddle_join(&task, 0, HEDDLE_FOREVER);
		coroutine_rc |= heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);
		coroutine_rc |= heddle_block_end();
		swapcontext(&of_other, &of_task);
	}
}

static void coroutine(struct heddle_task *task)
{
	int i;

	(void)task;
	getcontext(&of_other);
	of_other.uc_stack.ss_sp = other_stack[0];
	of_other.uc_stack.ss_size = sizeof(other_stack[0]);
	of_other.uc_link = &of_task;
	makecontext(&of_other, on_other_stack, 0);
	for (i = 0; i < 3; i++)
		swapcontext(&of_task, &of_other);
}

static void coroutines(void)
{
	struct heddle_check check = { .struct_size = sizeof(check) };
	struct heddle_task task = { .fn = coroutine };
	uint64_t before;
	int rc;

	heddle_check(pool, &check);
	before = check.tasks_skipped;
	heddle_submit(group[0], &task);
	rc = heddle_join(&task, 0, su_in_ms(LONG_MS));
	ok(rc == 0 && !coroutine_rc, "calls from a coroutine's stack: %d",
	   coroutine_rc);
	heddle_check(pool, &check);
	is_u64(check.tasks_skipped, before, "nothing was taken for skipped");
	su_check_at_rest(pool);
}

int main(void)
{
	struct heddle_group_options one = { .cap = 1, .children_max = 2 };
	int by;

	tap_deadline(110);
	pool = su_pool(1);
	group[0] = su_group(heddle_pool_group(pool), one);
	group[1] = su_group(group[0], one);
	group[2] = su_group(heddle_pool_group(pool), one);
	for (by = 0; by < BY_ALL; by++) {
		skip_found((enum by)by, false);
		skip_found((enum by)by, true);
	}
	own_stack();
	coroutines();
	too_deep();
	su_destroy(pool);
	return tap_done();
}
