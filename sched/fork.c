/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stack of a worker: its sessions, who is told of forks, and its ends.
 *
 * forks-8: a stack is filled, then found through its worker. Forbidden: a thief finds one
 * without its slots.
 */
#include "sched/forkown.h"

#include "platform/membarrier.h"
#include "sched/group.h"
#include "sched/look.h"
#include "sched/order.h"
#include "sched/queue.h"
#include "sched/ready.h"

#define SLOTS_OF_RING 4u /* so many times the slots of a deque */

_Static_assert(sizeof(struct heddle_fork_slot) == sizeof(struct hd_forks_slot),
	       "the header's slot is the library's");
#define SAME_SLOT(field) \
 _Static_assert(offsetof(struct heddle_fork_slot, field) == \
			offsetof(struct hd_forks_slot, field), \
		"the header's slot is the library's")
SAME_SLOT(what);
SAME_SLOT(state);
SAME_SLOT(waits);
SAME_SLOT(arg);
SAME_SLOT(result);
#define SAME_STACK(field) \
 _Static_assert(offsetof(struct heddle_forks, field) == \
			offsetof(struct hd_forks, field), \
		"the header's stack is the library's")
SAME_STACK(limit);
SAME_STACK(slot);
SAME_STACK(end);
SAME_STACK(next);
SAME_STACK(group);

struct heddle_forks hd_forks_none;
__thread struct heddle_forks *heddle_forks_ = &hd_forks_none;

struct hd_forks_slot *hd_fork_above(struct hd_forks *forks,
				    struct hd_forks_slot *least)
{
	struct hd_forks_slot *slot = forks->next > least ? forks->next : least;

	while (slot != forks->end && (hd_fork_what(slot) || slot->waits))
		slot++;
	return slot;
}

/* ---- the session ---- */

static struct hd_forks *make(struct hd_worker *worker)
{
	uint64_t slots = (uint64_t)SLOTS_OF_RING * worker->pool->deque_slots;
	struct hd_forks *forks;

	if (slots > HD_FORKS_SLOTS_MAX)
		slots = HD_FORKS_SLOTS_MAX;
	if (hd_forks_new(&forks, (uint32_t)slots) < 0)
		return NULL;
	hd_forks_retag_owner(forks, HD_FORKS_NO_TAG);
	return forks;
}

/* The forks below top that were taken are over. */
static void reset(struct hd_forks *forks, struct hd_forks_slot *top)
{
	while (top-- > forks->slot)
		if (top->waits)
			hd_forks_reset_owner(forks, top);
}

/* Where a thread was left: are those forks over that were taken from it? */
static bool free_again(struct hd_forks *forks)
{
	struct hd_forks_slot *top = forks->slot;

	for (; top != forks->end && top->waits; top++)
		if (top->waits == HD_FORK_TAKEN &&
		    !(hd_forks_state_owner(top) & HD_FORKS_DONE))
			return false;
	reset(forks, top);
	return true;
}

/* forks-8: and those that look for forks find this one from now on. */
static void publish(struct hd_worker *worker, struct hd_forks *forks)
{
	atomic_store_explicit(&worker->forks, forks,
			      memory_order_release); /* forks-8 */
	atomic_store_explicit(
		&worker->pool->forks, 1,
		memory_order_relaxed); /* ready-1: hd_fork_told() has a fence */
}

/* One of the entry's stacks that nobody writes to, or a new one. */
static struct hd_forks *stack_for(struct hd_worker *worker)
{
	struct hd_forks *first = hd_fork_stack(worker), *forks, **link;

	if (first && !first->slot->waits)
		return first;
	for (link = &first; (forks = *link); link = &forks->older)
		if (free_again(forks))
			break;
	if (forks)
		*link = forks->older;
	else if (!(forks = make(worker)))
		return NULL;
	forks->older = first;
	publish(worker, forks);
	return forks;
}

static bool may_share(struct hd_worker *worker, struct heddle_group *group)
{
	return worker->frame && !worker->helper && !worker->guest &&
	       !worker->block_depth && worker->near[0].group == group &&
	       !hd_order_of(group) && !group->queue_slots &&
	       !hd_pool_forked(worker->pool);
}

struct hd_forks *hd_fork_session(struct hd_worker *worker,
				 struct heddle_group *group)
{
	struct hd_forks *forks;

	if (!may_share(worker, group))
		return NULL;
	if (worker->forking)
		return hd_fork_stack(worker);
	if (!hd_membarrier_available())
		return NULL;
	forks = stack_for(worker);
	if (!forks)
		return NULL;
	forks->next = forks->slot;
	forks->group = group;
	hd_forks_retag_owner(forks, group->index);
	/* The first push is slow: it tells of itself. */
	forks->asked = false;
	hd_forks_ask_owner(forks);
	worker->forks_typed = 0;
	worker->forking = true;
	return forks;
}

void hd_fork_told(struct hd_worker *worker, struct hd_forks *forks,
		  struct hd_forks_slot *next)
{
	if (!forks->asked)
		return;
	forks->asked = false;
	if (hd_pool_forked(worker->pool))
		return;
	if (!hd_forks_any_owner(forks, next)) {
		hd_forks_ask_owner(forks);
		return;
	}
	atomic_thread_fence(memory_order_seq_cst); /* ready-1 */
	hd_ready_mark(forks->group);
	/* Else who opens the gate looks (close-1), and nobody is woken for each fork. */
	if (hd_queue_startable(forks->group))
		hd_kick(forks->group);
}

void heddle_fork_answer_(struct heddle_forks *given,
			 struct heddle_fork_slot *at)
{
	struct hd_forks *forks = hd_fork_stack_of(given);
	struct hd_forks_slot *next = hd_fork_slot_of(at) + 1;

	hd_forks_answer_owner(forks, next);
	hd_fork_told(hd_self, forks, next);
}

/* ---- ends ---- */

/* What nobody has taken is taken back, uncalled; returns the first slot above all. */
static struct hd_forks_slot *take_back(struct hd_forks *forks)
{
	struct hd_forks_slot *top = forks->slot, *slot;

	while (top != forks->end && (hd_fork_what(top) || top->waits))
		top++;
	for (slot = top; slot-- > forks->slot;)
		if (!slot->waits && !hd_forks_pop_owner(forks, slot))
			slot->waits = HD_FORK_TAKEN;
	return top;
}

/* Who took the others writes to their slots. */
static void await(struct hd_forks *forks, struct hd_forks_slot *top)
{
	struct hd_forks_slot *slot;

	for (slot = top; slot-- > forks->slot;)
		if (slot->waits == HD_FORK_TAKEN)
			hd_fork_sleep(slot);
	reset(forks, top);
}

static void end_session(struct hd_worker *worker, struct hd_forks *forks)
{
	heddle_forks_ = &hd_forks_none;
	worker->forking = false;
	forks->next = forks->slot;
	forks->group = NULL;
	hd_forks_retag_owner(forks, HD_FORKS_NO_TAG);
	forks->asked = false;
}

void hd_fork_close(struct hd_worker *worker)
{
	struct hd_forks *forks = hd_fork_stack(worker);

	heddle_forks_ = &hd_forks_none;
	if (hd_fork_what(forks->slot) || forks->slot->waits)
		await(forks, take_back(forks));
	end_session(worker, forks);
}

void hd_fork_left(struct hd_worker *worker)
{
	heddle_forks_ = &hd_forks_none;
	worker->forks_hidden = false;
	worker->forks_typed++; /* what the ends of frames fork is submitted */
	if (worker->forking)
		take_back(hd_fork_stack(worker));
}

void hd_fork_left_end(struct hd_worker *worker)
{
	/* Those that were taken go on; their slots are marked (stack_for). */
	if (worker->forking)
		end_session(worker, hd_fork_stack(worker));
	hd_fork_free_alone(worker, NULL);
	worker->forks_typed = 0;
}

void hd_fork_free(struct hd_worker *worker)
{
	struct hd_forks *forks = hd_fork_stack(worker), *older;

	for (; forks; forks = older) {
		older = forks->older;
		hd_fork_free_segments(forks);
	}
	hd_fork_free_alone(worker, NULL); /* of calls that were jumped over */
}
