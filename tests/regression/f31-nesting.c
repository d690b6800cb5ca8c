/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: the stack of a worker holds at most the program's own nesting, however
 * many tasks are queued: above a join runs only what it joins, or what that joins.
 * Elsewhere helping nested without bound, and 128 levels were seen on one stack.
 * Method: many trees at once; each task compares the depth of its thread with its
 * own level in the tree, and what the frame below joins with itself and its ancestors.
 *
 * fault: F31
 * clause: N1
 */
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define TREES  24
#define LEVELS 7
#define FANOUT 3

struct node {
	struct heddle_task task;
	struct node *parent;
	uint64_t level; /* ancestors in the tree */
	uint64_t count;
};

static struct heddle_group *group;
static _Thread_local struct node *joined; /* by the topmost frame */
static _Thread_local uint64_t depth;
static _Atomic uint64_t deepest, too_deep, foreign;

static void raise_to(_Atomic uint64_t *most, uint64_t value)
{
	uint64_t seen = atomic_load(most);

	while (value > seen &&
	       !atomic_compare_exchange_weak(most, &seen, value))
		;
}

static void check(const struct node *node)
{
	const struct node *above;

	raise_to(&deepest, depth);
	if (depth > node->level)
		atomic_fetch_add(&too_deep, 1);
	for (above = node; above && above != joined; above = above->parent)
		;
	if (joined && !above)
		atomic_fetch_add(&foreign, 1);
}

static void visit(struct heddle_task *task)
{
	struct node *node = (struct node *)(void *)task, *below = joined;
	struct node child[FANOUT];
	int i;

	check(node);
	node->count = 1;
	if (node->level == LEVELS - 1)
		return;
	depth++;
	for (i = 0; i < FANOUT; i++) {
		child[i] = (struct node){ .task = HEDDLE_TASK_INIT(visit),
					  .parent = node,
					  .level = node->level + 1 };
		if (heddle_submit(group, &child[i].task))
			bail("submit in a task");
	}
	/* Oldest first half of the time: that join meets more foreign work. */
	for (i = 0; i < FANOUT; i++) {
		int k = node->level % 2 ? i : FANOUT - 1 - i;

		joined = &child[k];
		if (heddle_join(&child[k].task, 0, HEDDLE_FOREVER))
			bail("join in a task");
		node->count += child[k].count;
	}
	depth--;
	joined = below;
}

static void one(uint32_t flags, uint32_t workers, uint32_t cap)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = flags,
					 .workers_max = workers };
	struct heddle_pool *pool = su_pool_with(&o, workers);
	struct node tree[TREES];
	uint64_t count = 0, full = 0, level;
	int i;

	group = su_group(heddle_pool_group(pool),
			 (struct heddle_group_options){ .cap = cap });
	for (level = LEVELS; level--;)
		full = full * FANOUT + 1;
	for (i = 0; i < TREES; i++) {
		tree[i] = (struct node){ .task = HEDDLE_TASK_INIT(visit) };
		if (heddle_submit(group, &tree[i].task))
			bail("submit");
	}
	for (i = 0; i < TREES; i++) {
		if (heddle_join(&tree[i].task, 0, su_in_ms(30000)))
			bail("a tree hangs");
		count += tree[i].count;
	}
	is_u64(count, TREES * full, "%s, %u workers, cap %u: tasks",
	       flags ? "ELASTIC" : "STATIC", workers, cap);
	is_u64(too_deep, 0, "tasks deeper on the stack than in the tree");
	is_u64(foreign, 0, "neither joined nor below what is joined");
	ok(atomic_load(&deepest) < LEVELS, "at most %lu below a task",
	   (unsigned long)atomic_load(&deepest));
	su_check_at_rest(pool);
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(110);
	one(0, 1, 0);
	one(0, 3, 0);
	one(0, 4, 2);
	one(HEDDLE_POOL_ELASTIC, 2, 0);
	return tap_done();
}
