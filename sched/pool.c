/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pool as an object: its options, its memory, its root group. It makes no
 * thread (sched/lifecycle.c does).
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lockfree/groupword.h"
#include "platform/cpu.h"
#include "platform/event.h"
#include "platform/fork.h"
#include "platform/memory.h"
#include "platform/topology.h"
#include "sched/fork.h"
#include "sched/group.h"
#include "sched/monitor.h"
#include "sched/options.h"
#include "sched/pool.h"
#include "sched/publish.h"
#include "sched/story.h"
#include "sched/thief.h"
#include "sched/tree.h"
#include "sched/trim.h"
#include "sched/upper.h"
#include "sched/worker.h"

#define WORKERS_LIMIT 2048u /* idle bits, with as many blocked ones */
#define GROUPS_LIMIT  (1u << 20)
#define DEQUE_MIN     64u /* a batch must fit */
#define STACK_MIN     (64u << 10)
#define STACK_MAX     (UINT64_C(1) << 32)
#define KEEP_ALIVE_NS UINT64_C(10000000000)
#define MASK_MIN      8u /* the kernel's */

static uint32_t or_default(uint32_t value, uint32_t def)
{
	return value ? value : def;
}

static uint32_t power_of_two(uint32_t value)
{
	uint32_t n = DEQUE_MIN;

	while (n < value)
		n <<= 1;
	return n;
}

static struct hd_thread_class class_of(const struct heddle_pool_options *o)
{
	return (struct hd_thread_class){ o->sched_policy, o->sched_priority,
					 o->nice, true };
}

/* What each worker's thread is like. */
static int check_template(const struct heddle_pool_options *o)
{
	struct hd_thread_class scheduling = class_of(o);

	if (o->flags & HEDDLE_POOL_TEMPLATE
		    ? !hd_thread_class_valid(&scheduling)
		    : o->sched_policy || o->sched_priority || o->nice)
		return -EINVAL;
	if ((o->cpu_set != NULL) != (o->cpu_set_size != 0) ||
	    (o->sig_mask != NULL) != (o->sig_mask_size != 0))
		return -EINVAL;
	if (o->sig_mask && (o->sig_mask_size < MASK_MIN ||
			    o->sig_mask_size > sizeof(sigset_t)))
		return -EINVAL;
	if (o->placement > HEDDLE_PLACE_COMPACT)
		return -EINVAL;
	if (o->name && strlen(o->name) > 10)
		return -EINVAL;
	return 0;
}

static int check_options(const struct heddle_pool_options *o)
{
	if (o->flags & ~(uint32_t)(HEDDLE_POOL_ELASTIC | HEDDLE_POOL_TEMPLATE))
		return -EINVAL;
	if (o->blocked_policy > HEDDLE_BLOCKED_REFUSE ||
	    (o->blocked_policy && !(o->flags & HEDDLE_POOL_ELASTIC)))
		return -EINVAL;
	if (o->workers_max > WORKERS_LIMIT / 2 ||
	    o->blocked_max > WORKERS_LIMIT / 2 || o->cap > HEDDLE_CAP_MAX ||
	    o->deque_slots > 1u << 20 || o->groups_max > GROUPS_LIMIT ||
	    o->slots_max > 4096 || o->tasks_max > 1u << 28)
		return -EINVAL;
	if (o->stack_size && o->stack_size < STACK_MIN)
		return -EINVAL;
	if (o->stack_size > STACK_MAX || o->guard_size > STACK_MAX)
		return -EINVAL;
	if (o->helpers_max > WORKERS_LIMIT / 2 &&
	    o->helpers_max != HEDDLE_HELPERS_NONE)
		return -EINVAL;
	if (o->reserved)
		return -EINVAL;
	if (o->keep_alive_ns && !(o->flags & HEDDLE_POOL_ELASTIC))
		return -EINVAL;
	return check_template(o);
}

static int copy_cpu_set(struct heddle_pool *pool,
			const struct heddle_pool_options *o)
{
	pool->cpu_set_size = o->cpu_set ? o->cpu_set_size : hd_cpu_set_size();
	pool->cpu_set = hd_alloc(pool->cpu_set_size);
	if (!pool->cpu_set)
		return -ENOMEM;
	if (o->cpu_set) {
		memcpy(pool->cpu_set, o->cpu_set, o->cpu_set_size);
		return 0;
	}
	return hd_cpu_set_get(pool->cpu_set, pool->cpu_set_size);
}

static uint32_t cpus_of_machine(void)
{
	const char *root = hd_topology_root();
	uint32_t cpus = *root ? hd_topology_possible(root) : 0;

	return cpus ? cpus : hd_cpu_possible();
}

/* Where each worker is placed: one of these, by its index. */
static int order_cpus(struct heddle_pool *pool, uint32_t placement)
{
	uint32_t n = (uint32_t)CPU_COUNT_S(pool->cpu_set_size,
					   (const cpu_set_t *)pool->cpu_set);

	/* An empty set is for the kernel to refuse, when a worker asks. */
	if (placement == HEDDLE_PLACE_ANY || !n)
		return 0;
	pool->cpu_order = hd_alloc(n * sizeof(*pool->cpu_order));
	if (!pool->cpu_order)
		return -ENOMEM;
	pool->cpu_order_length = hd_topology_order(
		hd_topology_root(), pool->cpu_set, pool->cpu_set_size,
		placement == HEDDLE_PLACE_SPREAD, pool->cpu_order, n);
	return pool->cpu_order_length ? 0 : -ENOMEM;
}

static void take_template(struct heddle_pool *pool,
			  const struct heddle_pool_options *o)
{
	if (o->flags & HEDDLE_POOL_TEMPLATE)
		pool->scheduling = class_of(o);
	else
		hd_thread_class_get(&pool->scheduling);
}

static int copy_mask(struct heddle_pool *pool,
		     const struct heddle_pool_options *o)
{
	if (!o->sig_mask)
		return 0;
	pool->mask = hd_alloc(sizeof(sigset_t));
	if (!pool->mask)
		return -ENOMEM;
	memcpy(pool->mask, o->sig_mask, o->sig_mask_size);
	return 0;
}

static void take_options(struct heddle_pool *pool,
			 const struct heddle_pool_options *o)
{
	size_t page = hd_page_size();

	pool->elastic = o->flags & HEDDLE_POOL_ELASTIC;
	pool->workers_max = o->workers_max ? o->workers_max : hd_cpu_usable();
	if (pool->workers_max > WORKERS_LIMIT / 2)
		pool->workers_max = WORKERS_LIMIT / 2;
	pool->blocked_max = pool->elastic ? or_default(o->blocked_max, 256) : 0;
	pool->blocked_policy = o->blocked_policy;
	pool->helpers_max = o->helpers_max == HEDDLE_HELPERS_NONE
				    ? 0
				    : or_default(o->helpers_max, 64);
	/* Twice as many entries as lives: ended ones may not be joined yet. */
	pool->entries =
		2 * (pool->workers_max + pool->blocked_max) + pool->helpers_max;
	if (pool->entries > HD_BITSET_MAX)
		pool->entries = HD_BITSET_MAX;
	pool->cpus = cpus_of_machine();
	pool->deque_slots = power_of_two(or_default(o->deque_slots, 1024));
	pool->groups_max = or_default(o->groups_max, 1024);
	pool->slots_max = or_default(o->slots_max, 64);
	pool->lanes_length_max = or_default(o->tasks_max, 65536);
	pool->stack_size = o->stack_size ? o->stack_size : UINT64_C(1) << 20;
	pool->stack_size = (pool->stack_size + page - 1) / page * page;
	pool->guard_size = o->guard_size;
	pool->keep_alive_ns = o->keep_alive_ns ? o->keep_alive_ns
					       : KEEP_ALIVE_NS;
	pool->trim_least = HD_TRIM_LEAST;
	pool->trim_after_ns = HD_TRIM_AFTER_NS;
	pool->quantum_ns = o->quantum_ns ? o->quantum_ns : 100000;
	snprintf(pool->name, sizeof(pool->name), "%s",
		 o->name ? o->name : "heddle");
	pool->cap_asked = or_default(o->cap, HEDDLE_CAP_MAX);
	pool->cap_limit = HEDDLE_CAP_MAX;
	pool->worker_init = o->worker_init;
	pool->worker_exit = o->worker_exit;
	pool->worker_recycle = o->worker_recycle;
	pool->create_failed = o->create_failed;
	pool->hook_arg = o->hook_arg;
	take_template(pool, o);
}

static void free_group_memory(struct heddle_pool *pool)
{
	uint32_t i;

	for (i = 0; pool->group && i < pool->groups_max; i++) {
		if (!pool->group[i].pool)
			break; /* entries are used in order */
		hd_tree_free_memory(&pool->group[i]);
	}
}

static size_t frames_bytes(const struct heddle_pool *pool)
{
	return (size_t)pool->entries * HD_FRAMES_FAR * sizeof(*pool->frames);
}

void hd_pool_free(struct heddle_pool *pool)
{
	bool forked = pool->fork_mark && hd_pool_forked(pool);
	uint32_t i;

	hd_publish_end(pool, forked);
	if (pool->tls)
		hd_upper.pool_destroy(pool);
	for (i = 0; pool->worker && i < hd_pool_entries_used(pool); i++) {
		struct hd_worker *worker = &pool->worker[i];

		/* A child may stand on one, and in those of the threads that it
		 * does not have lie records that liburcu has linked.
		 */
		if (worker->stack && !forked)
			hd_stack_unmap(worker->stack, worker->stack_size,
				       pool->guard_size);
		if (worker->past_stack && !forked)
			hd_stack_unmap(worker->past_stack, worker->stack_size,
				       pool->guard_size);
		hd_deque_fini(&worker->deque);
		if (!forked)
			hd_fork_free(worker);
	}
	hd_monitor_free(pool, forked);
	hd_unmap(pool->worker, pool->entries * sizeof(*pool->worker));
	hd_unmap(pool->frames, frames_bytes(pool));
	free_group_memory(pool);
	hd_unmap(pool->group, pool->groups_max * sizeof(*pool->group));
	hd_waitq_arena_fini(&pool->waitq_arena);
	hd_nodes_fini(&pool->nodes);
	hd_bitset_fini(&pool->idle);
	hd_log_fini(&pool->log);
	hd_free(pool->cpu_order);
	hd_free(pool->mask);
	hd_bitset_fini(&pool->reserve_ready);
	hd_free(pool->reserved);
	hd_free(pool->cpu_set);
	if (pool->event >= 0)
		hd_event_close(pool->event);
	if (pool->fork_mark)
		hd_fork_mark_destroy(pool->fork_mark);
	if (!forked) {
		hd_mutex_destroy(&pool->control);
		hd_mutex_destroy(&pool->joins);
		hd_mutex_destroy(&pool->publishing);
	}
	hd_free(pool);
}

static int make_tables(struct heddle_pool *pool)
{
	pool->fork_mark = hd_fork_mark_create();
	pool->worker = hd_map(pool->entries * sizeof(*pool->worker));
	pool->frames = hd_map(frames_bytes(pool));
	pool->group = hd_map(pool->groups_max * sizeof(*pool->group));
	if (!pool->fork_mark || !pool->worker || !pool->frames || !pool->group)
		return -ENOMEM;
	pool->reserved = hd_alloc(HD_RESERVES * sizeof(*pool->reserved));
	if (!pool->reserved || hd_log_init(&pool->log, HD_STORY_ENTRIES) < 0 ||
	    hd_bitset_init(&pool->reserve_ready, HD_RESERVES) < 0 ||
	    hd_bitset_init(&pool->idle, pool->entries) < 0 ||
	    hd_nodes_init(&pool->nodes, pool->lanes_length_max, pool->cpus) <
		    0 ||
	    hd_waitq_arena_init(&pool->waitq_arena,
				pool->groups_max + pool->entries + 1) < 0)
		return -ENOMEM;
	return 0;
}

int heddle_pool_create(const struct heddle_pool_options *opts,
		       struct heddle_pool **out)
{
	struct heddle_pool_options o;
	struct heddle_group_options root = {
		.struct_size = sizeof(root),
		.flags = HEDDLE_GROUP_WIDE,
		.name = "root",
	};
	struct heddle_pool *pool;
	int rc;

	if (!out)
		return -EINVAL;
	*out = NULL;
	rc = hd_options_read(&o, sizeof(o), opts);
	if (rc == 0)
		rc = check_options(&o);
	if (rc < 0)
		return rc;
	pool = hd_alloc(sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->event = -1;
	pool->reclaim.wait_for_others = hd_thief_wait;
	hd_mutex_init(&pool->control);
	hd_mutex_init(&pool->joins);
	hd_mutex_init(&pool->publishing);
	take_options(pool, &o);
	rc = copy_mask(pool, &o);
	if (rc == 0)
		rc = copy_cpu_set(pool, &o);
	if (rc == 0)
		rc = order_cpus(pool, o.placement);
	if (rc == 0)
		rc = make_tables(pool);
	root.cap = o.cap;
	root.children_max = pool->groups_max - 1 < HD_BITSET_MAX - 1
				    ? pool->groups_max - 1
				    : HD_BITSET_MAX - 1;
	if (rc == 0)
		rc = hd_tree_add(pool, NULL, &root, &pool->root);
	if (rc == 0)
		rc = hd_upper.pool_create(pool);
	if (rc < 0) {
		hd_pool_free(pool);
		return rc;
	}
	*out = pool;
	return 0;
}

struct heddle_group *heddle_pool_group(struct heddle_pool *pool)
{
	return pool ? pool->root : NULL;
}
