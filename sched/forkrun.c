/* SPDX-License-Identifier: BSD-2-Clause */
/* Forks in the typed form, and runs: the next slot is in a register. */
#include "sched/forkown.h"

#include <errno.h>

#include "sched/outside.h"
#include "sched/task.h"

int heddle_fork_sync_(struct heddle_forks *given, struct heddle_fork_slot *at,
		      struct heddle_fork_place *place)
{
	struct hd_forks *forks = hd_fork_stack_of(given);
	struct hd_forks_slot *slot = hd_fork_slot_of(at);
	struct hd_worker *worker = hd_self;
	bool mine;

	if (slot == forks->slot && forks->below) {
		forks = forks->below;
		slot = forks->end - 1;
		mine = hd_forks_pop_owner(forks, slot);
	} else {
		mine = hd_forks_pop_slow_owner(forks, slot);
	}
	*place = hd_fork_place_at(forks, slot);
	if (mine) {
		if (forks->asked)
			hd_fork_told(worker, forks, slot);
		return 1;
	}
	hd_fork_told(worker, forks, slot + 1);
	mine = hd_fork_join_taken(worker, forks, slot);
	hd_fork_give_up(worker, forks, slot);
	return mine;
}

void hd_fork_call_at(struct hd_worker *worker, struct hd_forks *forks,
		     struct hd_forks_slot *slot, heddle_fork_fn fn,
		     const uint64_t *arg, uint64_t *result)
{
	struct heddle_forks *visible = heddle_forks_;
	struct hd_forks_slot *next = forks->next;

	forks->next = slot;
	heddle_forks_ = &hd_forks_none;
	worker->forks_typed++;
	fn(hd_fork_place_at(forks, slot), arg, result);
	worker->forks_typed--;
	heddle_forks_ = visible;
	forks->next = next;
}

/* Forks in the old form that lie below are submitted: they could be joined above. */
static bool run_shared(struct hd_worker *worker, struct heddle_group *group,
		       heddle_fork_fn fn, const uint64_t *arg, uint64_t *result)
{
	struct hd_forks *forks = hd_fork_session(worker, group);
	struct hd_forks_slot *slot;

	if (!forks)
		return false;
	if (heddle_forks_ != &hd_forks_none)
		hd_fork_spill(worker, forks, forks->slot);
	slot = hd_fork_above(forks, forks->slot);
	if (slot == forks->end)
		return false;
	hd_fork_call_at(worker, forks, slot, fn, arg, result);
	if (heddle_forks_ != &hd_forks_none)
		hd_fork_drop_holes(worker, forks);
	return true;
}

/* The root of a run, as a task. */
struct root {
	struct heddle_task task;
	struct heddle_group *group;
	heddle_fork_fn fn;
	const uint64_t *arg;
	uint64_t *result;
};

static void run_root(struct heddle_task *task)
{
	struct root *root = (struct root *)(void *)task;

	if (!hd_self || !run_shared(hd_self, root->group, root->fn, root->arg,
				    root->result))
		hd_fork_call_alone(root->fn, root->arg, root->result);
}

static bool holds(struct hd_worker *worker, struct heddle_group *group)
{
	struct hd_frame *frame;

	if (!worker || worker->block_depth)
		return false;
	for (frame = worker->frame; frame; frame = frame->below)
		if (frame->group == group)
			return true;
	return false;
}

bool hd_fork_join_submitted(struct heddle_task *task)
{
	int rc = hd_join_sure(task);

	if (rc != -EDEADLK)
		return rc != 0;
	/* Behind the caller in a SERIAL group: it is taken back, or has started. */
	return heddle_cancel(task, HEDDLE_NOW) == 0 || hd_join_sure(task) != 0;
}

void heddle_fork_run_(struct heddle_group *group, heddle_fork_fn fn,
		      const uint64_t *arg, uint64_t *result)
{
	struct root root = { HEDDLE_TASK_INIT(run_root), group, fn, arg,
			     result };

	if (holds(hd_self, group))
		run_root(&root.task);
	else if (heddle_submit(group, &root.task) < 0 ||
		 hd_fork_join_submitted(&root.task)) {
		struct hd_outside region;
		bool inside = hd_outside_begin(&region);

		hd_fork_call_alone(fn, arg, result);
		if (inside)
			hd_outside_end(&region);
	}
}
