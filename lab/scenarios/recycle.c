/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups that are closed, freed and made again while others still look at them:
 * an entry and a slot of a table have several lives, at other places of the tree.
 *
 * clause: D5
 * clause: C6
 */
#include "lab/scenarios/pool.h"

#include "lockfree/groupword.h"

static struct heddle_group *made[GROUPS];
static struct heddle_task given;
static unsigned int accepted, called; /* ghost */
static bool drained;                  /* ghost */

LAB_GHOST static void recycle_reset(void)
{
	pool_reset();
	accepted = called = 0;
	drained = false;
}

LAB_GHOST static void ghost_accepted(int rc)
{
	LAB_ASSERT(rc == 0);
	accepted++;
}

LAB_GHOST static void ghost_called(void)
{
	LAB_ASSERT(!drained);
	called++;
}

LAB_GHOST static void ghost_drained(void)
{
	LAB_ASSERT(called == accepted);
	drained = true;
}

static void task(void *arg)
{
	(void)arg;
	lab_touch(&ghost);
	ghost_called();
}

static void submit_to(struct heddle_group *group)
{
	lab_touch(&ghost);
	ghost_accepted(heddle_submit_call(group, task, NULL));
}

static void free_group(struct heddle_group *group, int mode)
{
	int rc = heddle_group_close(group, mode | HEDDLE_CLOSE_FREE,
				    HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0);
}

static void make_group(struct heddle_group *parent, unsigned int children,
		       unsigned int i)
{
	struct heddle_group_options options = {
		.struct_size = sizeof(options),
		.children_max = children,
		.queue_slots = i, /* a bound for the first, none for 0 */
	};
	int rc = heddle_group_create(parent, &options, &made[i]);

	LAB_ASSERT(rc == 0);
}

/* Every permit is back, in whatever life of the entries. */
static const char *units_back(void)
{
	static struct heddle_check check;

	if (ghost.ended_threads != rules->threads)
		return "lost wake-up: a thread does not come to its end";
	for (unsigned int i = 0; i < GROUPS; i++)
		if (hd_word_count(atomic_load_explicit(&pool->group[i].word,
						       memory_order_relaxed)))
			return "leak: a permit was not given back";
	check.struct_size = sizeof(check);
	if (heddle_check(pool, &check))
		return check.violation[0].name;
	return NULL;
}

static const char *all_called(void)
{
	const char *text = units_back();

	if (!text && called != accepted)
		return "lost: a task was not called";
	return text;
}

#define RECYCLE(id, title, about, pool_rules, threads, verdict, ...) \
 static const struct rules rules_##id = pool_rules; \
 static void setup_##id(void) \
 { \
  pool_make(&rules_##id); \
  prepare_##id(); \
 } \
 LAB_SCENARIO(id, .name = title, .claim = about, .setup = setup_##id, \
	      .reset = recycle_reset, .thread = threads, .at_rest = verdict, \
	      __VA_ARGS__)

static void nothing(void)
{
}

/* -- the entry goes elsewhere while its last unit is given back -- */

#define prepare_away     nothing
#define prepare_away_old nothing

static void free_and_make_elsewhere(void)
{
	submit_to(groups[3]);
	free_group(groups[3], HEDDLE_CLOSE_DRAIN);
	make_group(groups[2], GROUPS - 1, 0);
	LAB_ASSERT(made[0] == groups[3]);
	thread_ends();
}

RECYCLE(away, "recycle-away",
	"a unit is given back to the group that it was taken from",
	RULES(.workers = 1, .below = 3, .parent = { 0, 0, 0, 1 }, .threads = 1),
	THREADS(free_and_make_elsewhere), all_called, UP_TO(2, 0));
RECYCLE(away_old, "recycle-away-old", "and loads may give an old value",
	RULES(.workers = 1, .below = 3, .parent = { 0, 0, 0, 1 }, .threads = 1),
	THREADS(free_and_make_elsewhere), all_called, UP_TO(1, 1));

/* -- another child comes into the slot that a search has read -- */

#define prepare_slot     nothing
#define prepare_slot_old nothing

static void replace_child(void)
{
	submit_to(groups[1]);
	free_group(groups[1], HEDDLE_CLOSE_DRAIN);
	make_group(groups[0], GROUPS, 0);
	LAB_ASSERT(made[0] != groups[1]);
	submit_to(made[0]);
	thread_ends();
}

RECYCLE(slot, "recycle-slot",
	"a search that met the old child of a slot does not hide the new one",
	RULES(.workers = 1, .below = 1, .threads = 1), THREADS(replace_child),
	all_called, UP_TO(2, 0));
RECYCLE(slot_old, "recycle-slot-old", "and loads may give an old value",
	RULES(.workers = 1, .below = 1, .threads = 1), THREADS(replace_child),
	all_called, UP_TO(1, 1));

/* -- a search holds units below the group that is freed -- */

static void set_root_cap(unsigned int cap)
{
	struct heddle_change change = { groups[0], cap, 0, 0, 0 };

	LAB_ASSERT(heddle_group_update(&change, 1, NULL) == 0);
}

static void prepare_deep(void)
{
	set_root_cap(0);
	LAB_ASSERT(heddle_submit_call(groups[3], task, NULL) == 0);
}

static void raise_root(void)
{
	set_root_cap(1);
	thread_ends();
}

static void free_deep(void)
{
	free_group(groups[1], HEDDLE_CLOSE_REFUSE);
	for (unsigned int i = 0; i < 3; i++)
		make_group(groups[0], GROUPS - 1, i);
	thread_ends();
}

RECYCLE(deep, "recycle-deep",
	"a path that is being taken is not freed under the taker",
	RULES(.workers = 1, .below = 3, .parent = { 0, 0, 1, 2 }, .threads = 2),
	THREADS(raise_root, free_deep), units_back, UP_TO(2, 0),
	.settle = true);

/* -- tasks in the hand of a worker that changes groups -- */

static void task_left(struct heddle_task *unused)
{
	(void)unused;
	task(NULL);
}

/* No call: that would stay in the stack of its own. */
static void leaves_one_behind(void *arg)
{
	(void)arg;
	lab_touch(&ghost);
	given = (struct heddle_task)HEDDLE_TASK_INIT(task_left);
	ghost_accepted(heddle_submit(groups[1], &given));
	LAB_ASSERT(heddle_group_update(&(struct heddle_change){ groups[1], 0, 0,
								0, 0 },
				       1, NULL) == 0);
}

/* It will lie in the deque of the worker, which may not run it now. */
static void prepare_hand(void)
{
	LAB_ASSERT(heddle_submit_call(groups[1], leaves_one_behind, NULL) == 0);
}

static void other_group(void)
{
	LAB_ASSERT(heddle_submit_call(groups[2], body, (void *)2) == 0);
	LAB_ASSERT(heddle_group_update(&(struct heddle_change){ groups[1], 1, 0,
								0, 0 },
				       1, NULL) == 0);
	LAB_ASSERT(heddle_group_close(groups[1], HEDDLE_CLOSE_DRAIN,
				      HEDDLE_FOREVER) == 0);
	lab_touch(&ghost);
	ghost_drained();
	thread_ends();
}

LAB_GHOST static void hand_reset(void)
{
	pool_reset();
	accepted = 1; /* by the setup */
	called = 0;
	drained = false;
}

static const struct rules rules_hand =
	RULES(.workers = 1, .below = 2, .cap = { 1 }, .threads = 1);

static void setup_hand(void)
{
	pool_make(&rules_hand);
	prepare_hand();
}

LAB_SCENARIO(
	hand, .name = "recycle-hand",
	.claim = "a drain waits for a task that is on its way between queues",
	.setup = setup_hand, .reset = hand_reset, .settle = true,
	.thread = { other_group }, .at_rest = all_called, UP_TO(2, 0));
LAB_SCENARIO(hand_old, .name = "recycle-hand-old",
	     .claim = "and loads may give an old value", .setup = setup_hand,
	     .reset = hand_reset, .settle = true, .thread = { other_group },
	     .at_rest = all_called, UP_TO(1, 1));

/* -- a cancel settles the counts of a group that is freed -- */

static void given_task(struct heddle_task *self)
{
	(void)self;
	lab_fail("a cancelled task was called");
}

static void cancel(void)
{
	int rc = heddle_cancel(&given, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0 || rc == -EALREADY);
	thread_ends();
}

static void refuse_and_make(void)
{
	free_group(groups[1], HEDDLE_CLOSE_REFUSE);
	make_group(groups[0], GROUPS - 1, 1);
	LAB_ASSERT(made[1] == groups[1]);
	thread_ends();
}

static const char *counts_right(void)
{
	if (atomic_load_explicit(&groups[1]->dead, memory_order_relaxed) ||
	    atomic_load_explicit(&groups[1]->queued, memory_order_relaxed))
		return "wrong: a count of the entry's last life";
	return units_back();
}

static const struct rules rules_cancel =
	RULES(.workers = 0, .below = 1, .threads = 2);

static void setup_cancel(void)
{
	pool_make(&rules_cancel);
	LAB_ASSERT(heddle_group_close(groups[1],
				      HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
				      HEDDLE_FOREVER) == 0);
	make_group(groups[0], GROUPS - 1, 1);
	LAB_ASSERT(made[1] == groups[1]);
	given = (struct heddle_task){ .fn = given_task };
	LAB_ASSERT(heddle_submit(groups[1], &given) == 0);
}

LAB_SCENARIO(cancels, .name = "recycle-cancel",
	     .claim = "a cancel touches no count of the group's next life",
	     .setup = setup_cancel, .reset = recycle_reset,
	     .thread = { cancel, refuse_and_make }, .at_rest = counts_right,
	     UP_TO(3, 0));
LAB_SCENARIO(cancels_old, .name = "recycle-cancel-old",
	     .claim = "and loads may give an old value", .setup = setup_cancel,
	     .reset = recycle_reset, .thread = { cancel, refuse_and_make },
	     .at_rest = counts_right, UP_TO(2, 1));

/* -- a join that runs its task itself, of a group that is freed -- */

static void do_nothing(struct heddle_task *self)
{
	(void)self;
}

static void joins_given(void *arg)
{
	int rc;

	(void)arg;
	rc = heddle_join(&given, 0, HEDDLE_FOREVER);
	LAB_ASSERT(rc == 0 || rc == -ECANCELED);
}

static void prepare_join(void)
{
	set_root_cap(0);
	given = (struct heddle_task){ .fn = do_nothing };
	LAB_ASSERT(heddle_submit_call(groups[0], joins_given, NULL) == 0);
	LAB_ASSERT(heddle_submit(groups[3], &given) == 0);
}

static void refuse_and_make_elsewhere(void)
{
	free_group(groups[3], HEDDLE_CLOSE_REFUSE);
	make_group(groups[2], GROUPS - 1, 0);
	LAB_ASSERT(made[0] == groups[3]);
	thread_ends();
}

RECYCLE(join, "recycle-join",
	"a join gives its units back where it took them, or takes none",
	RULES(.workers = 1, .below = 3, .parent = { 0, 0, 0, 1 }, .threads = 2),
	THREADS(raise_root, refuse_and_make_elsewhere), units_back, UP_TO(2, 0),
	.settle = true);
