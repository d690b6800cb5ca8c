/* SPDX-License-Identifier: BSD-2-Clause */
/* Who takes forks, and who asks for them: thieves, searches, owners that wait. */
#include "sched/fork.h"

#include "platform/futex.h"
#include "platform/membarrier.h"
#include "sched/calls.h"
#include "sched/group.h"
#include "sched/task.h"

/* A thief that has asked looks so often, about 2 us, before it takes by force. */
#define LOOKS        5
#define LOOKS_PAUSES 8
/* So often others may come first. */
#define FORCES 4

static uint32_t entries(struct heddle_pool *pool)
{
	return atomic_load_explicit(&pool->entries_used,
				    memory_order_acquire); /* registry-1 */
}

/* An entry has two stacks: of what is joined, and of what nobody joins. */
#define KINDS 2

static struct hd_forks *stack_at(struct heddle_pool *pool, uint32_t i)
{
	struct hd_worker *worker = &pool->worker[i / KINDS];

	return i % KINDS ? hd_calls_stack(worker) : hd_fork_stack(worker);
}

static uint32_t stacks(struct heddle_pool *pool)
{
	return KINDS * entries(pool);
}

/* ---- of a group ---- */

bool hd_fork_any(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;
	uint32_t i;

	if (!hd_fork_made(pool))
		return false;
	for (i = 0; i < stacks(pool); i++) {
		struct hd_forks *forks = stack_at(pool, i);

		if (forks && hd_forks_any(forks, group->index))
			return true;
	}
	return false;
}

uint64_t hd_fork_length(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;
	uint64_t sum = 0;
	uint32_t i;

	if (!hd_fork_made(pool))
		return 0;
	for (i = 0; i < stacks(pool); i++) {
		struct hd_forks *forks = stack_at(pool, i);

		if (forks)
			sum += hd_forks_length_any(forks, group->index);
	}
	return sum;
}

void hd_fork_settle(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;
	bool asked = false;
	uint32_t i;

	if (!hd_fork_made(pool))
		return;
	/* Who begins a session retags, pushes, and marks behind a fence. */
	atomic_thread_fence(memory_order_seq_cst); /* ready-1 */
	for (i = 0; i < stacks(pool); i++) {
		struct hd_forks *forks = stack_at(pool, i);

		if (!forks || hd_forks_tag_any(forks) != group->index)
			continue;
		hd_forks_ask_any(forks);
		asked = true;
	}
	/* Where it is refused all at once, the next push is seen, but perhaps late. */
	if (asked)
		hd_membarrier();
}

/* ---- thieves ---- */

bool hd_fork_take(struct hd_fork_loot *loot)
{
	return hd_forks_take_any(loot->victim, &loot->seen);
}

/* One round; *owner is one whose forks are private, and was asked. */
static bool look(struct hd_worker *worker, struct heddle_group *group,
		 struct hd_fork_loot *loot, struct hd_forks **owner)
{
	struct heddle_pool *pool = worker->pool;
	uint32_t n = stacks(pool), own = KINDS * worker->index, i;

	*owner = NULL;
	for (i = KINDS; i < n; i++) {
		struct hd_forks *forks = stack_at(pool, (own + i) % n);
		enum hd_forks_seen seen;

		if (!forks)
			continue;
		seen = hd_forks_look_any(forks, group->index, &loot->seen);
		if (seen == HD_FORKS_THERE) {
			loot->victim = forks;
			return true;
		}
		if (seen != HD_FORKS_PRIVATE)
			continue;
		hd_forks_ask_any(forks);
		*owner = forks;
	}
	return false;
}

static enum hd_forks_seen force(struct hd_forks *forks, uint32_t tag,
				struct hd_fork_loot *loot)
{
	uint64_t note = hd_forks_ask_any(forks);

	loot->victim = forks;
	if (hd_membarrier())
		return HD_FORKS_NONE;
	return hd_forks_force_any(forks, tag, note, &loot->seen);
}

bool hd_fork_find(struct hd_worker *worker, struct heddle_group *group,
		  struct hd_fork_loot *loot)
{
	struct hd_forks *owner;
	int i, k;

	if (!hd_fork_made(worker->pool))
		return false;
	loot->forks = NULL;
	for (i = 0; i < LOOKS; i++) {
		if (look(worker, group, loot, &owner))
			return true;
		if (!owner)
			return false;
		for (k = 0; k < LOOKS_PAUSES; k++)
			hd_relax();
	}
	for (i = 0; i < FORCES && owner; i++) {
		if (force(owner, group->index, loot) == HD_FORKS_THERE ||
		    look(worker, group, loot, &owner))
			return true;
	}
	return false;
}

struct call {
	struct hd_fork_loot *loot;
	struct heddle_group *group;
};

/* User code of a frame. */
static void call(void *given)
{
	struct call *call = given;
	struct hd_forks_slot *slot = call->loot->seen.slot;
	struct hd_forks *forks = call->loot->forks;
	struct hd_forks_slot *next = call->loot->next;
	heddle_fork_fn fn = (heddle_fork_fn)call->loot->seen.what;
	struct hd_worker *worker = hd_self;

	/* What is on this stack may be gone when the frame ends. */
	worker->frame->fork = slot;
	worker->frame->is_fork = true;
	hd_forks_begin_thief(slot, worker->index);
	if (!forks) {
		forks = hd_fork_session(worker, call->group);
		next = forks ? forks->slot : NULL;
	}
	if (forks)
		hd_fork_call_at(worker, forks, next, fn, call->loot->seen.arg,
				&slot->result);
	else
		hd_fork_call_alone(fn, call->loot->seen.arg, &slot->result);
}

bool hd_fork_call(struct hd_worker *worker, struct heddle_group *group,
		  struct heddle_group *upto, struct hd_fork_loot *loot)
{
	struct call what = { loot, group };
	bool whole = false;

	if (loot->victim->unjoined)
		hd_calls_run_taken(worker, group, loot);
	else
		hd_task_run(worker, group, upto, upto ? &whole : NULL, call,
			    &what);
	return !hd_pool_forked(worker->pool);
}

void hd_fork_finish(struct hd_forks_slot *slot, bool left)
{
	if (left ? hd_forks_leave_thief(slot) : hd_forks_finish_thief(slot))
		hd_futex_wake(&slot->state, 1);
}

/* ---- owners that wait ---- */

/* forks-7: of the stack of who runs it, read that it is not over, take. */
bool hd_fork_descend(struct hd_worker *worker, struct hd_forks *forks,
		     struct hd_forks_slot *slot, uint32_t state, bool by_force)
{
	uint32_t runner = state >> HD_FORKS_RUNNER_SHIFT;
	uint32_t tag = hd_forks_tag_owner(forks);
	struct hd_fork_loot loot = { .forks = forks,
				     .next = hd_fork_above(forks, slot + 1) };
	enum hd_forks_seen seen;
	struct heddle_group *group = forks->group;

	if (!runner)
		return false;
	loot.victim = hd_fork_stack(&worker->pool->worker[runner - 1]);
	if (!loot.victim)
		return false;
	seen = by_force ? force(loot.victim, tag, &loot)
			: hd_forks_look_any(loot.victim, tag, &loot.seen);
	if (seen == HD_FORKS_PRIVATE)
		hd_forks_ask_any(loot.victim);
	if (seen != HD_FORKS_THERE ||
	    hd_forks_state_owner(slot) & HD_FORKS_DONE || !hd_fork_take(&loot))
		return false;
	if (hd_fork_call(worker, group, group, &loot))
		hd_fork_finish(loot.seen.slot, false);
	return true;
}
