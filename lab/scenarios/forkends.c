/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What ends, forbids or interrupts tasks that fork: caps, a drain, regions, threads that
 * are left.
 *
 * clause: C1
 * clause: D5
 * clause: E5
 */
#include <limits.h>

#include "lab/scenarios/forks.h"
#include "platform/futex.h"

/* -- a cap is lowered while a task forks -- */

static void lower(void)
{
	struct heddle_ticket ticket;

	LAB_ASSERT(heddle_group_set_cap(groups[0], 1, &ticket) == 0);
	LAB_ASSERT(heddle_group_wait(ticket, HEDDLE_FOREVER) == 0);
	lab_touch(&ghost);
	note_most(1);
	thread_ends();
}

FORKS(cap, "forks-cap", "no fork is taken behind a lowered cap",
      RULES(.workers = 2, .threads = 2), THREADS(root_two, lower), two_called,
      UP_TO(1, 0));

/* -- a cap of none: what is forked behind it stays with its owner -- */

static bool raised; /* ghost */

LAB_GHOST static void none_reset(void)
{
	forks_reset();
	raised = false;
}

LAB_GHOST static void note_raised(void)
{
	raised = true;
}

LAB_GHOST static bool is_raised(void)
{
	return raised;
}

static int late_part(int late);
HEDDLE_FORK_1(int, late_part, int)

static int late_part(int late)
{
	begins(1);
	LAB_ASSERT(!late || is_raised() || is_owner(hd_self->index));
	ends();
	return 0;
}

static void fork_late(struct heddle_task *task)
{
	struct late_part_fork one;
	struct short_part_fork two;

	(void)task;
	note_owner(hd_self->index);
	begins(0);
	will_fork();
	short_part_fork(groups[0], &two, 2);
	short_part_join(&two);
	for (int i = 0; i < 8; i++)
		hd_relax(); /* who was woken for it comes as far as it can */
	LAB_ASSERT(heddle_group_set_cap(groups[0], 0, NULL) == 0);
	will_fork();
	late_part_fork(groups[0], &one, 1);
	for (int i = 0; i < 8; i++)
		hd_relax();
	lab_touch(&ghost);
	note_raised();
	LAB_ASSERT(heddle_group_set_cap(groups[0], 2, NULL) == 0);
	late_part_join(&one);
	ends();
}

static void root_late(void)
{
	start_root(fork_late);
	join_root();
	thread_ends();
}

static const struct rules rules_none = RULES(.workers = 2, .threads = 1);

static void setup_none(void)
{
	pool_make(&rules_none);
}

LAB_SCENARIO(none, .name = "forks-none",
	     .claim = "what is forked behind a cap of 0 is not taken",
	     .setup = setup_none, .reset = none_reset, .settle = true,
	     .thread = { root_late }, .at_rest = two_called, UP_TO(1, 0));

/* -- a drain -- */

static _Atomic int begun;

static void fork_one_begun(struct heddle_task *task)
{
	atomic_store_explicit(&begun, 1, memory_order_relaxed);
	fork_one(task);
}

static void root_begun(void)
{
	start_root(fork_one_begun);
	thread_ends();
}

static void drain(void)
{
	if (atomic_load_explicit(&begun, memory_order_relaxed)) {
		LAB_ASSERT(heddle_group_close(groups[0], HEDDLE_CLOSE_DRAIN,
					      HEDDLE_FOREVER) == 0);
		lab_touch(&ghost);
		note_gone();
	}
	thread_ends();
}

FORKS(close, "forks-close", "a drain waits for what was forked and taken",
      RULES(.workers = 2, .threads = 2), THREADS(root_begun, drain), one_called,
      UP_TO(1, 0));

/* -- a stop, which takes thieves and then the owner -- */

static void stop_all(void)
{
	if (atomic_load_explicit(&begun, memory_order_relaxed))
		LAB_ASSERT(heddle_pool_stop(pool, 0, HEDDLE_R1_LEFT, NULL,
					    HEDDLE_FOREVER) == 0);
	thread_ends();
}

FORKS(stop, "forks-stop", "a stop while a task forks loses no call",
      RULES(.workers = 2, .threads = 2), THREADS(root_begun, stop_all),
      one_called, UP_TO(1, 0));

/* -- a task that forks waits for something else, and comes back -- */

static void fork_and_block(struct heddle_task *task)
{
	struct part_fork one;

	(void)task;
	begins(0);
	will_fork();
	part_fork(groups[0], &one, 1);
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL) == 0);
	LAB_ASSERT(heddle_block_end() == 0);
	LAB_ASSERT(part_join(&one) == 41);
	ends();
}

static void root_block(void)
{
	start_root(fork_and_block);
	join_root();
	thread_ends();
}

FORKS(away, "forks-away", "the fork of who is in a region, under a cap of one",
      RULES(.workers = 2, .threads = 1, .cap = { 1 }), THREADS(root_block),
      one_called, UP_TO(1, 0));

/* -- in the region it is joined as well -- */

static void join_in_region(struct heddle_task *task)
{
	struct part_fork one;

	(void)task;
	begins(0);
	will_fork();
	part_fork(groups[0], &one, 1);
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL) == 0);
	LAB_ASSERT(part_join(&one) == 41);
	LAB_ASSERT(heddle_block_end() == 0);
	ends();
}

static void root_join_in_region(void)
{
	start_root(join_in_region);
	join_root();
	thread_ends();
}

FORKS(region, "forks-region", "a join in a region makes no call in place",
      RULES(.workers = 2, .threads = 1), THREADS(root_join_in_region),
      one_called, UP_TO(1, 0));

/* -- the thread of a thief, or of the owner, is left -- */

LAB_GHOST static void note_left(unsigned int worker)
{
	on[worker] = 0;
	ghost.begun[0]--;
	parts[1] = 0;
	ghost_leave(0);
}

static int marked; /* plain */

static int leaving(int n);
HEDDLE_FORK_1(int, leaving, int)

static int leaving(int n)
{
	begins(1);
	if (!is_owner(hd_self->index)) {
		lab_touch(&ghost);
		note_left(hd_self->index);
		marked = 1;
		lab_leave();
	}
	marked++; /* behind what the thief did */
	ends();
	return n;
}

static void fork_leaving(struct heddle_task *task)
{
	struct leaving_fork one = { .value = 9 };

	(void)task;
	note_owner(hd_self->index);
	begins(0);
	will_fork();
	leaving_fork(groups[0], &one, 1);
	LAB_ASSERT(leaving_join(&one) == 1);
	ends();
}

static void root_leaving(void)
{
	start_root(fork_leaving);
	join_root();
	thread_ends();
}

FORKS(exit, "forks-exit", "a fork whose thief has left is called by its owner",
      RULES(.workers = 2, .threads = 1), THREADS(root_leaving), one_called,
      UP_TO(1, 0));

LAB_GHOST static void note_owner_left(unsigned int worker)
{
	on[worker] = 0;
	ghost_leave(0);
	ghost.ended[0]++;
	/* Nobody joins the fork: whether it was called is open. */
	if (!parts[1]) {
		ghost.begun[0]++;
		ghost.ended[0]++;
		parts[1] = 1;
	}
}

static void fork_and_leave(struct heddle_task *task)
{
	static struct short_part_fork one;

	(void)task;
	begins(0);
	will_fork();
	short_part_fork(groups[0], &one, 1);
	lab_touch(&ghost);
	lab_leave();
}

static const char *root_left(void)
{
	note_owner_left(owner);
	return pool_at_rest();
}

static void fork_and_leave_noted(struct heddle_task *task)
{
	note_owner(hd_self->index);
	fork_and_leave(task);
}

/* Its slot is that of the fork that nobody joined. */
static void fork_three(struct heddle_task *task)
{
	struct part_fork one;

	(void)task;
	begins(0);
	will_fork();
	part_fork(groups[0], &one, 3);
	LAB_ASSERT(part_join(&one) == 43);
	ends();
}

static void root_leaves(void)
{
	start_root(fork_and_leave_noted);
	LAB_ASSERT(heddle_join(&root_task, 0, HEDDLE_FOREVER) == -ECANCELED);
	start_root(fork_three);
	join_root();
	thread_ends();
}

FORKS(left, "forks-left", "the forks of a thread that was left are nobody's",
      RULES(.workers = 2, .threads = 1), THREADS(root_leaves), root_left,
      UP_TO(1, 0));

/* -- and what was taken from it waits for what only its successor can run -- */

static _Atomic uint32_t taken, released, came;

static void await(_Atomic uint32_t *word)
{
	while (!atomic_load_explicit(word, memory_order_relaxed))
		hd_futex_wait(word, 0, HEDDLE_FOREVER);
}

static void tell(_Atomic uint32_t *word)
{
	atomic_store_explicit(word, 1, memory_order_relaxed);
	hd_futex_wake(word, INT_MAX);
}

static int patient(int n);
HEDDLE_FORK_1(int, patient, int)

static int patient(int n)
{
	begins(1);
	tell(&taken);
	await(&released);
	ends();
	return n;
}

static void fork_patient(struct heddle_task *task)
{
	static struct patient_fork one;

	(void)task;
	note_owner(hd_self->index);
	begins(0);
	will_fork();
	patient_fork(groups[0], &one, 1);
	await(&taken);
	lab_touch(&ghost);
	lab_leave();
}

static int late(int n);
HEDDLE_FORK_1(int, late, int)

static int late(int n)
{
	begins((unsigned int)n);
	tell(&came);
	ends();
	return n;
}

/* Who was patient takes this fork. */
static void release(struct heddle_task *task)
{
	static struct late_fork one = { .value = 9 };

	(void)task;
	begins(0);
	will_fork();
	late_fork(groups[0], &one, 3);
	tell(&released);
	await(&came);
	LAB_ASSERT(late_join(&one) == 3);
	ends();
}

static void root_goes_on(void)
{
	start_root(fork_patient);
	LAB_ASSERT(heddle_join(&root_task, 0, HEDDLE_FOREVER) == -ECANCELED);
	start_root(release);
	join_root();
	thread_ends();
}

FORKS(goes_on, "forks-left-on",
      "who is left is succeeded while its forks are out",
      RULES(.workers = 2, .threads = 1), THREADS(root_goes_on), root_left,
      UP_TO(1, 0));
