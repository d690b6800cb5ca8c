/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What operations cost, access by access; doc/lab.md has the table. The promised
 * figures are upper bounds that tests/model/count.t compares with: a change that
 * makes an operation touch one line more turns it red.
 */
#include <heddle/forkjoin.h>

#include "lab/count.h"
#include "lab/scenarios/pool.h"
#include "lockfree/bitset.h"
#include "lockfree/deque.h"
#include "lockfree/forks.h"
#include "lockfree/inject.h"
#include "lockfree/mirror.h"
#include "lockfree/nodes.h"
#include "lockfree/parker.h"
#include "lockfree/split.h"
#include "lockfree/waitq.h"
#include "sched/permit.h"
#include "sched/ready.h"

/* -- lockfree/ -- */

static struct hd_deque deque;
static struct hd_split *split_made;
static struct hd_forks *forks_made;
static struct hd_nodes nodes;
static struct hd_inject list;
static struct hd_bitset set;
static struct hd_parker parker;
static struct hd_waitq_arena arena;
static struct hd_waitq queue;
static struct hd_mirror mirror;
static _Atomic uint64_t word;

/* Where it is costs the deque nothing. */
LAB_GHOST static struct hd_split *the_split(void)
{
	return split_made;
}

LAB_GHOST static struct hd_forks *the_forks(void)
{
	return forks_made;
}

static void fork_at(unsigned int slot)
{
	struct hd_forks *forks = the_forks();

	hd_forks_set_owner(forks->slot + slot, 0, slot);
	hd_forks_push_owner(forks, forks->slot + slot, 1);
}

static void setup_parts(void)
{
	LAB_ASSERT(hd_deque_init(&deque, 16) == 0);
	LAB_ASSERT(hd_split_new(&split_made, 16) == 0);
	LAB_ASSERT(hd_nodes_init(&nodes, 16, 1) == 0);
	LAB_ASSERT(hd_bitset_init(&set, 130) == 0);
	LAB_ASSERT(hd_waitq_arena_init(&arena, 8) == 0);
	hd_waitq_init(&queue, &arena, 1);
	hd_mirror_init(&mirror);
	hd_deque_push_owner(&deque, 1);
	hd_deque_push_owner(&deque, 2);
	hd_deque_push_owner(&deque, 3);
	/* One is public, two are the owner's. */
	hd_split_ask_any(the_split());
	hd_split_push_owner(the_split(), 1);
	hd_split_push_owner(the_split(), 2);
	hd_split_push_owner(the_split(), 3);
	LAB_ASSERT(hd_forks_new(&forks_made, 16) == 0);
	hd_forks_ask_any(the_forks());
	fork_at(0);
	fork_at(1);
	fork_at(2);
	hd_bitset_set_any(&set, 3);
	hd_bitset_set_any(&set, 70);
	hd_bitset_set_any(&set, 71);
	hd_waitq_push_any(&queue, &arena, 2, 7);
	atomic_store_explicit(&word, hd_word_make(0, 4, 1),
			      memory_order_relaxed);
	/* One node that was used before, and one in the list. */
	hd_node_free_any(&nodes, 0, hd_node_alloc_any(&nodes, 0), 1, 1);
	LAB_ASSERT(hd_inject_push_any(&list, &nodes, 2, 8));
}

static void push(void)
{
	hd_deque_push_owner(&deque, 4);
}

static void pop(void)
{
	hd_deque_pop_owner(&deque);
}

static void steal(void)
{
	hd_deque_steal_any(&deque, 0);
}

static void split_push(void)
{
	hd_split_push_owner(the_split(), 4);
}

static void split_pop(void)
{
	hd_split_pop_owner(the_split());
}

static void split_steal(void)
{
	hd_split_steal_any(the_split(), 0);
}

static void forks_push(void)
{
	fork_at(3);
}

static void forks_pop(void)
{
	hd_forks_pop_owner(the_forks(), the_forks()->slot + 2);
}

static void forks_take(void)
{
	struct hd_forks_loot loot;

	if (hd_forks_look_any(the_forks(), 0, &loot) == HD_FORKS_THERE)
		hd_forks_take_any(the_forks(), &loot);
}

static void inject(void)
{
	hd_inject_push_any(&list, &nodes, 3, 8);
}

static void take(void)
{
	uint32_t length;

	hd_inject_take_any(&list, &length);
}

static void alloc(void)
{
	hd_node_alloc_any(&nodes, 0);
}

static void give_node(void)
{
	hd_node_free_any(&nodes, 0, 2, 2, 1);
}

static void set_bit(void)
{
	hd_bitset_set_any(&set, 72);
}

static void clear_bit(void)
{
	hd_bitset_clear_any(&set, 71);
}

static void claim_bit(void)
{
	hd_bitset_claim_lowest_any(&set);
}

static void take_permit(void)
{
	hd_word_take_any(&word);
}

static void give_permit(void)
{
	hd_word_give_any(&word);
}

static void unpark(void)
{
	hd_parker_unpark_any(&parker, 5);
}

static void wait_push(void)
{
	hd_waitq_push_any(&queue, &arena, 3, 7);
}

static void wait_pop(void)
{
	uint32_t value, node;

	hd_waitq_pop_any(&queue, &arena, &value, &node);
}

static void mirror_write(void)
{
	struct hd_mirror_values values = { .index = 1 };

	hd_mirror_write_owner(&mirror, &values);
}

#define PART(id, title, about, r, l) \
 LAB_COUNTED(part_##id, .name = title, .what = about, .setup = setup_parts, \
	     .run = id, .promised = { .rmws = r, .lines = l })

PART(push, "deque-push", "the owner pushes", 1, 2);
PART(pop, "deque-pop", "the owner pops one of several", 1, 3);
PART(steal, "deque-steal", "a thief steals", 1, 3);
PART(split_push, "split-push", "the owner pushes, biased", 0, 2);
PART(split_pop, "split-pop", "the owner pops one that is its own", 0, 2);
PART(split_steal, "split-steal", "a thief steals what is public", 1, 3);
PART(forks_push, "forks-push", "a fork of one argument, biased", 0, 2);
PART(forks_pop, "forks-pop", "the join of one that is its own", 0, 2);
PART(forks_take, "forks-take", "a thief takes what is public", 1, 3);
/* The fourth is the thread's own. */
PART(inject, "inject-push", "a push to an injection list", 1, 4);
PART(take, "inject-take", "all of an injection list is taken", 1, 1);
PART(alloc, "node-alloc", "a node from the own stack", 1, 3);
PART(give_node, "node-free", "a node back to the own stack", 1, 3);
PART(set_bit, "bitset-set", "a bit whose word has others", 1, 2);
PART(clear_bit, "bitset-clear", "a bit whose word keeps others", 1, 2);
PART(claim_bit, "bitset-claim", "the lowest bit, the only one of its word", 4,
     2);
PART(take_permit, "word-take", "a permit is taken", 1, 1);
PART(give_permit, "word-give", "a permit is given back", 1, 1);
PART(unpark, "parker-unpark", "a token for one that is awake", 1, 1);
PART(wait_push, "waitq-push", "a returner queues", 2, 3);
PART(wait_pop, "waitq-pop", "a returner is taken", 1, 4);
PART(mirror_write, "mirror-write", "a worker shows what it does", 0, 1);

/* -- the pool: what a task costs -- */

#define TASKS 4

static const struct rules one_worker = RULES(.workers = 1, .cap = { 1 });

static void setup_pool(void)
{
	pool_make(&one_worker);
}

/* One is on its way: the others find the bit set and the flag up, or nobody. */
static void nothing(void *arg)
{
	(void)arg;
}

static void submit_first(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], nothing, NULL) == 0);
}

static void submit_more(void)
{
	for (int i = 0; i < TASKS; i++)
		submit_first();
}

LAB_COUNTED(submit, .name = "submit",
	    .what = "a submit from outside while the workers are busy",
	    .setup = setup_pool, .warm = submit_first, .run = submit_more,
	    .divide = TASKS, .promised = { .rmws = 2, .lines = 4 });
LAB_COUNTED(submit_wake, .name = "submit-wake",
	    .what = "a submit that wakes a worker", .setup = setup_pool,
	    .run = submit_first,
	    .promised = { .rmws = 9, .lines = 17, .calls = 1 });

/* Inside a task: the deque, and what follows is run by the same worker. */
static void nothing_of(struct heddle_task *task)
{
	(void)task;
}

static void submit_detached(struct heddle_task *task, heddle_task_fn fn)
{
	*task = (struct heddle_task){ .fn = fn, .flags = HEDDLE_TASK_DETACHED };
	LAB_ASSERT(heddle_submit(groups[0], task) == 0);
}

static struct heddle_task detached[TASKS + 1];

static void submit_inside(void)
{
	for (int i = 0; i < TASKS; i++)
		submit_detached(&detached[i], nothing_of);
}

static void count_inside(void *arg)
{
	(void)arg;
	lab_count_begin();
	submit_inside();
	lab_count_pause();
}

static void submit_counting(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], count_inside, NULL) == 0);
	lab_count_wait();
}

LAB_COUNTED(submit_own, .name = "submit-inside",
	    .what = "a submit from inside a task", .setup = setup_pool,
	    .run = submit_counting, .own = true, .divide = TASKS,
	    .promised = { .rmws = 2, .lines = 5 });

/* Nobody joins a call, so it lies in a stack; the first one of a task is slow. */
static void call_inside(void)
{
	for (int i = 0; i < TASKS; i++)
		LAB_ASSERT(heddle_submit_call(groups[0], nothing, NULL) == 0);
}

static void count_calls(void *arg)
{
	(void)arg;
	submit_first();
	submit_first();
	lab_count_begin();
	call_inside();
	lab_count_pause();
}

static void calls_counting(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], count_calls, NULL) == 0);
	lab_count_wait();
}

LAB_COUNTED(call_own, .name = "call-inside",
	    .what = "a call that a task submits to its own group",
	    .setup = setup_pool, .run = calls_counting, .own = true,
	    .divide = TASKS, .promised = { .rmws = 0, .lines = 3 });

static void joined(struct heddle_task *task)
{
	(void)task;
}

static void fork_and_join(void)
{
	struct heddle_task task = { .fn = joined };

	LAB_ASSERT(heddle_submit(groups[0], &task) == 0);
	LAB_ASSERT(heddle_join(&task, 0, HEDDLE_FOREVER) == 0);
}

static void count_forks(void *arg)
{
	(void)arg;
	fork_and_join();
	lab_count_begin();
	for (int i = 0; i < TASKS; i++)
		fork_and_join();
	lab_count_pause();
}

static void forks_counting(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], count_forks, NULL) == 0);
	lab_count_wait();
}

LAB_COUNTED(fork_own, .name = "fork-join",
	    .what = "a submit inside a task, and the join that takes it back",
	    .setup = setup_pool, .run = forks_counting, .own = true,
	    .divide = TASKS, .promised = { .rmws = 5, .lines = 5 });

static const struct rules room_for_two =
	RULES(.workers = 1, .workers_max = 2, .cap = { 2 }, .helpers = 1);

static void setup_room(void)
{
	pool_make(&room_for_two);
}

/* The worker may have the other permit. */
static void submit_and_join(void)
{
	struct heddle_task task = { .fn = joined };

	LAB_ASSERT(heddle_submit_join(groups[0], &task, HEDDLE_FOREVER) == 0);
}

LAB_COUNTED(submit_join, .name = "submit-join",
	    .what = "a submit from outside and its join, called by who joins",
	    .setup = setup_room, .warm = submit_and_join,
	    .run = submit_and_join, .promised = { .rmws = 18, .lines = 30 });

static void count_region(void *arg)
{
	(void)arg;
	lab_count_begin();
	heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);
	heddle_block_end();
	lab_count_pause();
}

static void region_counting(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], count_region, NULL) == 0);
	lab_count_wait();
}

LAB_COUNTED(region, .name = "region",
	    .what = "a blocking region that nobody profits from",
	    .setup = setup_pool, .run = region_counting, .own = true,
	    .promised = { .rmws = 8, .lines = 18 });

/* In the stack: the first fork of a task is a slow one. */
static void idle(int n);
HEDDLE_FORK_VOID_1(idle, int)

static void idle(int n)
{
	(void)n;
}

static void fork_idle(void)
{
	struct idle_fork fork;

	idle_fork(groups[0], &fork, 1);
	idle_join(&fork);
}

static void count_stack(void *arg)
{
	(void)arg;
	fork_idle();
	fork_idle();
	lab_count_begin();
	for (int i = 0; i < TASKS; i++)
		fork_idle();
	lab_count_pause();
}

static void stack_counting(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], count_stack, NULL) == 0);
	lab_count_wait();
}

LAB_COUNTED(fork_stack, .name = "fork",
	    .what = "a fork of a task that nobody wants, and its join",
	    .setup = setup_pool, .run = stack_counting, .own = true,
	    .divide = TASKS, .promised = { .rmws = 0, .lines = 3 });

HEDDLE_TASK_VOID_1(idle_typed, int, n)
{
	if (!n)
		return;
	/* The first one is slow; from then on they are counted. */
	HEDDLE_SPAWN(idle_typed, 0);
	HEDDLE_SYNC(idle_typed);
	HEDDLE_SPAWN(idle_typed, 0);
	HEDDLE_SYNC(idle_typed);
	lab_count_begin();
	while (n--) {
		HEDDLE_SPAWN(idle_typed, 0);
		HEDDLE_SYNC(idle_typed);
	}
	lab_count_pause();
}

static void count_typed(void *arg)
{
	(void)arg;
	HEDDLE_RUN(idle_typed, groups[0], TASKS);
}

static void typed_counting(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], count_typed, NULL) == 0);
	lab_count_wait();
}

LAB_COUNTED(fork_typed, .name = "fork-typed",
	    .what = "the same of a typed function", .setup = setup_pool,
	    .run = typed_counting, .own = true, .divide = TASKS,
	    .promised = { .rmws = 0, .lines = 2 });

static void end_counting(struct heddle_task *task)
{
	(void)task;
	lab_count_end_task(NULL);
}

/* From the end of one task to the end of the last: fetch, call, finish. */
static void count_from_here(void *arg)
{
	(void)arg;
	/* The owner takes the newest first, so this one runs last. */
	submit_detached(&detached[TASKS], end_counting);
	submit_inside();
	lab_count_begin();
}

static void run_counting(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], count_from_here, NULL) == 0);
	lab_count_wait();
}

LAB_COUNTED(run, .name = "run-task",
	    .what = "a task is taken from the own deque, run and forgotten",
	    .setup = setup_pool, .run = run_counting, .own = true,
	    .divide = TASKS + 1, .promised = { .rmws = 3, .lines = 4 });

/* The same of calls, between the first one in a row and the last. */
static void row_begins(void *arg)
{
	(void)arg;
	lab_count_begin();
}

static void count_row(void *arg)
{
	(void)arg;
	submit_first(); /* the oldest is for others: it is asked for */
	LAB_ASSERT(heddle_submit_call(groups[0], lab_count_end_task, NULL) ==
		   0);
	call_inside();
	LAB_ASSERT(heddle_submit_call(groups[0], row_begins, NULL) == 0);
}

static void row_counting(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], count_row, NULL) == 0);
	lab_count_wait();
}

LAB_COUNTED(run_call, .name = "run-call",
	    .what = "a call is taken from the own stack and made",
	    .setup = setup_pool, .run = row_counting, .own = true,
	    .divide = TASKS + 1, .promised = { .rmws = 0, .lines = 3 });

/* -- H4: groups at their cap cost the search of others nothing -- */

#define CAPPED 40

static struct heddle_group *group_with_work(uint32_t cap)
{
	struct heddle_group_options o = { .struct_size = sizeof(o),
					  .cap = cap };
	struct heddle_group *group;

	LAB_ASSERT(heddle_group_create(groups[0], &o, &group) == 0);
	LAB_ASSERT(heddle_submit_call(group, nothing, NULL) == 0);
	return group;
}

/* Nobody takes the tasks: the pool is not started. */
static void setup_search(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 2,
					 .tasks_max = 64,
					 .groups_max = CAPPED + 3 };

	LAB_ASSERT(heddle_pool_create(&o, &pool) == 0);
	groups[0] = heddle_pool_group(pool);
	group_with_work(2);
	group_with_work(2);
}

static void setup_capped(void)
{
	setup_search();
	for (int i = 0; i < CAPPED; i++)
		LAB_ASSERT(heddle_group_set_cap(group_with_work(1), 0, NULL) ==
			   0);
}

static void search(void)
{
	uint32_t owe = 0;
	struct heddle_group *found = hd_ready_take(pool, true, &owe);

	LAB_ASSERT(found);
	hd_permit_give(found);
}

#define SEARCH_COSTS .promised = { .rmws = 4, .lines = 17 }

LAB_COUNTED(search, .name = "search",
	    .what = "a group with work is found, taken and given back",
	    .setup = setup_search, .warm = search, .run = search, SEARCH_COSTS);
LAB_COUNTED(search_capped, .name = "search-capped",
	    .what = "the same beside 40 that have work and are at their cap",
	    .setup = setup_capped, .warm = search, .run = search, SEARCH_COSTS);
