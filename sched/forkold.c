/* SPDX-License-Identifier: BSD-2-Clause */
/* Forks with a struct of the caller's: the next slot is in memory. */
#include "sched/forkown.h"

#include "sched/outside.h"

/* What a thief calls. Forks in the stack are possible below it if that is its own. */
void heddle_fork_task_(struct heddle_fork_place place, const uint64_t *arg,
		       uint64_t *result)
{
	struct heddle_task *task = (struct heddle_task *)(uintptr_t)arg[0];
	struct hd_worker *worker = hd_self;
	uint32_t typed = worker->forks_typed;

	(void)result;
	worker->forks_typed = 0;
	if (place.forks == hd_fork_outside(hd_fork_stack(worker)))
		heddle_forks_ = place.forks;
	task->fn(task);
	heddle_forks_ = &hd_forks_none;
	worker->forks_typed = typed;
}

/* A fork in the stack has its slot where a task that was submitted has its group. */
static struct hd_forks_slot *slot_in(struct hd_forks *forks,
				     const struct heddle_task *task)
{
	uintptr_t slot = (uintptr_t)task->reserved[1];

	if (!forks || slot - (uintptr_t)forks->slot >=
			      (uintptr_t)forks->end - (uintptr_t)forks->slot)
		return NULL;
	return (struct hd_forks_slot *)slot;
}

static void begin_task(struct heddle_task *task, heddle_task_fn fn)
{
	*task = (struct heddle_task)HEDDLE_TASK_INIT(fn);
}

void heddle_fork_slow_(struct heddle_group *group, struct heddle_task *task,
		       heddle_task_fn fn)
{
	struct hd_worker *worker = hd_self;
	struct hd_forks *forks;

	if (worker && !worker->forks_typed) {
		forks = hd_fork_session(worker, group);
		if (forks && forks->next != forks->end) {
			heddle_forks_ = hd_fork_outside(forks);
			heddle_fork_(group, task, fn);
			return;
		}
	}
	begin_task(task, fn);
	heddle_submit(group, task); /* refused, its join makes the call */
}

int heddle_fork_join_(struct heddle_forks *given, struct heddle_fork_slot *at)
{
	struct hd_forks *forks = hd_fork_stack_of(given);
	struct hd_forks_slot *slot = hd_fork_slot_of(at);
	struct hd_worker *worker = hd_self;
	bool mine;

	if (slot->waits != HD_FORK_TAKEN &&
	    hd_forks_pop_slow_owner(forks, slot)) {
		hd_fork_told(worker, forks, slot);
		return 1;
	}
	hd_fork_told(worker, forks, slot + 1);
	mine = hd_fork_join_taken(worker, forks, slot);
	hd_fork_give_up(worker, forks, slot);
	hd_fork_drop_holes(worker, forks);
	return mine;
}

void hd_fork_spill(struct hd_worker *worker, struct hd_forks *forks,
		   struct hd_forks_slot *stop)
{
	while (forks->next > stop) {
		struct hd_forks_slot *top = forks->next - 1;
		struct heddle_task *task;

		if (!hd_fork_what(top) || top->waits)
			return;
		if (!hd_forks_pop_owner(forks, top)) {
			top->waits = HD_FORK_TAKEN;
			hd_fork_told(worker, forks, forks->next);
			return;
		}
		forks->next = top;
		hd_fork_told(worker, forks, top);
		task = (struct heddle_task *)(uintptr_t)hd_forks_arg_owner(top,
									   0);
		begin_task(task, task->fn);
		heddle_submit(forks->group, task); /* refused: as above */
	}
}

/* In another order, or in a region. */
static int unfork(struct heddle_task *task)
{
	struct hd_worker *worker = hd_self;
	struct hd_forks *forks = worker ? hd_fork_stack(worker) : NULL;
	struct hd_forks_slot *slot = slot_in(forks, task);
	bool here = heddle_forks_ == hd_fork_outside(forks), mine;

	if (!slot)
		return hd_fork_join_submitted(task);
	hd_fork_spill(worker, forks, here ? slot + 1 : slot);
	if (!slot_in(forks, task))
		return hd_fork_join_submitted(task);
	if (here && forks->next == slot + 1)
		return heddle_unfork_(task);
	/* It was taken, for one above it was. Its slot will be the lowest one later. */
	atomic_store_explicit(&slot->what, 0,
			      memory_order_relaxed); /* below the tail */
	mine = hd_fork_join_taken(worker, forks, slot);
	slot->waits = HD_FORK_HOLE;
	if (!worker->forks_typed)
		hd_fork_drop_holes(worker, forks);
	return mine;
}

/* In a region there is no permit: the call is made here, where one is taken for it. */
int heddle_unfork_slow_(struct heddle_task *task)
{
	struct hd_outside region;
	int mine = unfork(task);

	if (!mine || !hd_outside_begin(&region))
		return mine;
	task->fn(task);
	hd_outside_end(&region);
	return 0;
}
