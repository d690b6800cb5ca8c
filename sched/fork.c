/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The owner of a stack of forks, and the slow halves of heddle/forkjoin.h.
 *
 * forks-8: a stack is filled, then found through its worker. Forbidden: a thief finds one
 * without its slots.
 */
#include "sched/fork.h"

#include <errno.h>
#include <limits.h>

#include <heddle/block.h>

#include "platform/futex.h"
#include "platform/membarrier.h"
#include "sched/block.h"
#include "sched/group.h"
#include "sched/interrupt.h"
#include "sched/look.h"
#include "sched/order.h"
#include "sched/queue.h"
#include "sched/ready.h"
#include "sched/task.h"

#define SLOTS_OF_RING 4u    /* so many times the slots of a deque */
#define SEGMENT       4096u /* slots that only their thread knows */
#define ROUNDS        16    /* looks for a descendant before the barrier */

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

static struct heddle_forks *seen_outside(struct hd_forks *forks)
{
	return (struct heddle_forks *)(void *)forks;
}

static struct hd_forks *stack_of(struct heddle_forks *forks)
{
	return (struct hd_forks *)(void *)forks;
}

static struct hd_forks_slot *slot_of(struct heddle_fork_slot *slot)
{
	return (struct hd_forks_slot *)(void *)slot;
}

static struct heddle_fork_place place_at(struct hd_forks *forks,
					 struct hd_forks_slot *slot)
{
	return (struct heddle_fork_place){
		seen_outside(forks), (struct heddle_fork_slot *)(void *)slot
	};
}

static uintptr_t what_of(const struct hd_forks_slot *slot)
{
	return atomic_load_explicit(&slot->what,
				    memory_order_relaxed); /* own store */
}

struct hd_forks_slot *hd_fork_above(struct hd_forks *forks,
				    struct hd_forks_slot *least)
{
	struct hd_forks_slot *slot = forks->next > least ? forks->next : least;

	while (slot != forks->end && (what_of(slot) || slot->waits))
		slot++;
	return slot;
}

/* ---- the session ---- */

static struct hd_forks *make(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;
	uint64_t slots = (uint64_t)SLOTS_OF_RING * pool->deque_slots;
	struct hd_forks *forks;

	if (slots > HD_FORKS_SLOTS_MAX)
		slots = HD_FORKS_SLOTS_MAX;
	if (hd_forks_new(&forks, (uint32_t)slots) < 0)
		return NULL;
	hd_forks_retag_owner(forks, HD_FORKS_NO_TAG);
	atomic_store_explicit(&worker->forks, forks,
			      memory_order_release); /* forks-8 */
	atomic_store_explicit(
		&pool->forks, 1,
		memory_order_release); /* ready-1: told() has a fence */
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
	forks = hd_fork_stack(worker);
	if (worker->forking)
		return forks;
	if (!hd_membarrier_available())
		return NULL;
	if (!forks && !(forks = make(worker)))
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

/*
 * A question was taken back: of what is left below next, somebody may be about to sleep
 * for want. ready-1: the fork, a fence, the bit; who clears the bit asks and reads.
 */
static __attribute__((noinline)) void told(struct hd_worker *worker,
					   struct hd_forks *forks,
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
	struct hd_forks *forks = stack_of(given);
	struct hd_forks_slot *next = slot_of(at) + 1;

	hd_forks_answer_owner(forks, next);
	told(hd_self, forks, next);
}

/* ---- slots that only this thread knows ---- */

static struct hd_forks *make_segment(struct hd_forks *below)
{
	struct hd_forks *forks;

	if (hd_forks_new(&forks, SEGMENT) < 0)
		hd_assert_failed("memory for a fork", __FILE__, __LINE__);
	atomic_store_explicit(
		&forks->limit, (uintptr_t)(forks->slot + 1),
		memory_order_relaxed); /* a pop of the first goes below */
	forks->below = below;
	return forks;
}

static void free_segments(struct hd_forks *forks)
{
	while (forks) {
		struct hd_forks *more = forks->more;

		hd_forks_free(forks);
		forks = more;
	}
}

/* Those of calls alone, down to that one. A segment has no group, so its word links. */
static void free_alone(struct hd_worker *worker, struct hd_forks *stop)
{
	while (worker->forks_alone != stop) {
		struct hd_forks *first = worker->forks_alone;

		worker->forks_alone = first->group;
		free_segments(first);
	}
}

void heddle_fork_more_(struct heddle_forks *given,
		       struct heddle_fork_place *place)
{
	struct hd_forks *forks = stack_of(given);

	if (!forks->more) {
		forks->more = make_segment(forks->slot ? forks : NULL);
		if (!forks->slot && hd_self) { /* its caller may be left */
			forks->more->group = hd_self->forks_alone;
			hd_self->forks_alone = forks->more;
		}
	}
	*place = place_at(forks->more, forks->more->slot + 1);
}

void hd_fork_call_alone(heddle_fork_fn fn, const uint64_t *arg,
			uint64_t *result)
{
	struct hd_forks none = { .slot = NULL }; /* memory is for who forks */
	struct hd_forks *before = hd_self ? hd_self->forks_alone : NULL;

	fn(place_at(&none, NULL), arg, result);
	if (hd_self)
		free_alone(hd_self, before);
	else
		free_segments(none.more);
}

void hd_fork_free(struct hd_worker *worker)
{
	free_segments(hd_fork_stack(worker));
}

/* ---- joins of what was taken ---- */

static void sleep_until_over(struct hd_forks_slot *slot)
{
	uint32_t state = hd_forks_wait_owner(slot);

	while (!(state & HD_FORKS_DONE)) {
		hd_futex_wait(&slot->state, state, HEDDLE_FOREVER);
		state = hd_forks_wait_owner(slot);
	}
}

static void sleep_in_region(struct hd_worker *worker,
			    struct hd_forks_slot *slot)
{
	hd_block_begin(HEDDLE_BLOCK_JOIN);
	hd_join_fork_begin(worker, slot);
	sleep_until_over(slot);
	hd_join_fork_end(worker);
	heddle_block_end();
}

/* Descendants of it run here meanwhile (N1); nobody else wakes us for one. */
static uint32_t until_over(struct hd_worker *worker, struct hd_forks *forks,
			   struct hd_forks_slot *slot)
{
	int round = 0;

	for (;;) {
		uint32_t state = hd_forks_state_owner(slot);

		if (state & HD_FORKS_DONE)
			return state;
		if (hd_pool_forked(worker->pool))
			return HD_FORKS_LEFT; /* its thief is not here */
		if (worker->block_depth || round > ROUNDS) {
			sleep_in_region(worker, slot);
			continue;
		}
		if (hd_fork_descend(worker, forks, slot, state,
				    round++ == ROUNDS))
			round = 0;
		else
			hd_relax();
	}
}

/* Above a slot that is waited for others may be used. True: the call is the owner's. */
static bool join_taken(struct hd_worker *worker, struct hd_forks *forks,
		       struct hd_forks_slot *slot)
{
	struct hd_forks_slot *next = forks->next;
	uint32_t state;

	slot->waits = HD_FORK_TAKEN;
	if (next <= slot)
		forks->next = slot + 1;
	state = until_over(worker, forks, slot);
	forks->next = next;
	return state & HD_FORKS_LEFT;
}

/* The fork of the newest slot, which was taken, is over. */
static void give_up(struct hd_worker *worker, struct hd_forks *forks,
		    struct hd_forks_slot *slot)
{
	hd_forks_reset_owner(forks, slot);
	told(worker, forks, slot);
}

/* Those that were joined in another order, and are the newest now. */
static void drop_holes(struct hd_worker *worker, struct hd_forks *forks)
{
	while (forks->next > forks->slot &&
	       forks->next[-1].waits == HD_FORK_HOLE)
		give_up(worker, forks, --forks->next);
}

/* ---- typed ---- */

int heddle_fork_sync_(struct heddle_forks *given, struct heddle_fork_slot *at,
		      struct heddle_fork_place *place)
{
	struct hd_forks *forks = stack_of(given);
	struct hd_forks_slot *slot = slot_of(at);
	struct hd_worker *worker = hd_self;
	bool mine;

	if (slot == forks->slot && forks->below) {
		forks = forks->below;
		slot = forks->end - 1;
		mine = hd_forks_pop_owner(forks, slot);
	} else {
		mine = hd_forks_pop_slow_owner(forks, slot);
	}
	*place = place_at(forks, slot);
	if (mine) {
		if (forks->asked)
			told(worker, forks, slot);
		return 1;
	}
	told(worker, forks, slot + 1);
	mine = join_taken(worker, forks, slot);
	give_up(worker, forks, slot);
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
	fn(place_at(forks, slot), arg, result);
	worker->forks_typed--;
	heddle_forks_ = visible;
	forks->next = next;
}

static void spill(struct hd_worker *worker, struct hd_forks *forks,
		  struct hd_forks_slot *stop);

/* Forks in the old form that lie below are submitted: they could be joined above. */
static bool run_shared(struct hd_worker *worker, struct heddle_group *group,
		       heddle_fork_fn fn, const uint64_t *arg, uint64_t *result)
{
	struct hd_forks *forks = hd_fork_session(worker, group);
	struct hd_forks_slot *slot;

	if (!forks)
		return false;
	if (heddle_forks_ != &hd_forks_none)
		spill(worker, forks, forks->slot);
	slot = hd_fork_above(forks, forks->slot);
	if (slot == forks->end)
		return false;
	hd_fork_call_at(worker, forks, slot, fn, arg, result);
	if (heddle_forks_ != &hd_forks_none)
		drop_holes(worker, forks);
	return true;
}

/* A region that is left for a call. */
struct outside {
	struct hd_worker *worker;
	uint32_t depth;
	int kind;
	void (*interrupt)(void *arg);
	void *arg;
};

static bool leave_region(struct outside *region)
{
	struct hd_worker *worker = hd_self;

	if (!worker || !worker->block_depth || hd_pool_forked(worker->pool))
		return false;
	region->worker = worker;
	region->depth = worker->block_depth;
	region->kind = (int)worker->seen.kind;
	region->interrupt = atomic_load_explicit(
				    &worker->interrupt,
				    memory_order_relaxed) /* own store: armed */
				    ? worker->interrupt_fn
				    : NULL;
	region->arg = worker->interrupt_arg;
	if (hd_interrupt_disarm(worker))
		region->interrupt = NULL; /* it was called */
	hd_block_end_all(worker);
	return true;
}

static void enter_region(const struct outside *region)
{
	struct hd_worker *worker = region->worker;

	if (hd_pool_forked(worker->pool))
		return;
	hd_block_begin(region->kind);
	worker->block_depth = region->depth;
	if (region->interrupt &&
	    !hd_interrupt_arm(worker, region->interrupt, region->arg))
		region->interrupt(region->arg); /* stopped meanwhile */
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

/* Until the call was made: false; or true, and the caller makes it. */
static bool join_submitted(struct heddle_task *task)
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
		 join_submitted(&root.task)) {
		struct outside region;
		bool inside = leave_region(&region);

		hd_fork_call_alone(fn, arg, result);
		if (inside)
			enter_region(&region);
	}
}

/* ---- the old form ---- */

/* What a thief calls. Forks in the stack are possible below it if that is its own. */
void heddle_fork_task_(struct heddle_fork_place place, const uint64_t *arg,
		       uint64_t *result)
{
	struct heddle_task *task = (struct heddle_task *)(uintptr_t)arg[0];
	struct hd_worker *worker = hd_self;
	uint32_t typed = worker->forks_typed;

	(void)result;
	worker->forks_typed = 0;
	if (place.forks == seen_outside(hd_fork_stack(worker)))
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
			heddle_forks_ = seen_outside(forks);
			heddle_fork_(group, task, fn);
			return;
		}
	}
	begin_task(task, fn);
	heddle_submit(group, task); /* refused, its join makes the call */
}

int heddle_fork_join_(struct heddle_forks *given, struct heddle_fork_slot *at)
{
	struct hd_forks *forks = stack_of(given);
	struct hd_forks_slot *slot = slot_of(at);
	struct hd_worker *worker = hd_self;
	bool mine;

	if (slot->waits != HD_FORK_TAKEN &&
	    hd_forks_pop_slow_owner(forks, slot)) {
		told(worker, forks, slot);
		return 1;
	}
	told(worker, forks, slot + 1);
	mine = join_taken(worker, forks, slot);
	give_up(worker, forks, slot);
	drop_holes(worker, forks);
	return mine;
}

/*
 * Takes forks in the old form out of the stack, newest first, down to stop, and submits
 * them. One that was taken stays the newest, for all below it were taken, too. Typed ones
 * that are open lie only below one that is waited for: above them old forms are submits.
 */
static void spill(struct hd_worker *worker, struct hd_forks *forks,
		  struct hd_forks_slot *stop)
{
	while (forks->next > stop) {
		struct hd_forks_slot *top = forks->next - 1;
		struct heddle_task *task;

		if (!what_of(top) || top->waits)
			return;
		if (!hd_forks_pop_owner(forks, top)) {
			top->waits = HD_FORK_TAKEN;
			told(worker, forks, forks->next);
			return;
		}
		forks->next = top;
		told(worker, forks, top);
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
	bool here = heddle_forks_ == seen_outside(forks), mine;

	if (!slot)
		return join_submitted(task);
	spill(worker, forks, here ? slot + 1 : slot);
	if (!slot_in(forks, task))
		return join_submitted(task);
	if (here && forks->next == slot + 1)
		return heddle_unfork_(task);
	/* It was taken, for one above it was. Its slot will be the lowest one later. */
	atomic_store_explicit(&slot->what, 0,
			      memory_order_relaxed); /* below the tail */
	mine = join_taken(worker, forks, slot);
	slot->waits = HD_FORK_HOLE;
	if (!worker->forks_typed)
		drop_holes(worker, forks);
	return mine;
}

/* In a region there is no permit: the call is made here, where one is taken for it. */
int heddle_unfork_slow_(struct heddle_task *task)
{
	struct outside region;
	int mine = unfork(task);

	if (!mine || !leave_region(&region))
		return mine;
	task->fn(task);
	enter_region(&region);
	return 0;
}

/* ---- ends ---- */

/* What nobody has taken is taken back, uncalled; returns the first slot above all. */
static struct hd_forks_slot *take_back(struct hd_forks *forks)
{
	struct hd_forks_slot *top = forks->slot, *slot;

	while (top != forks->end && (what_of(top) || top->waits))
		top++;
	for (slot = top; slot-- > forks->slot;)
		if (!slot->waits && !hd_forks_pop_owner(forks, slot))
			slot->waits = HD_FORK_TAKEN;
	return top;
}

/* Who took the others writes to their slots. */
static void await(struct hd_forks *forks, struct hd_forks_slot *top)
{
	while (top-- > forks->slot) {
		if (top->waits == HD_FORK_TAKEN)
			sleep_until_over(top);
		if (top->waits)
			hd_forks_reset_owner(forks, top);
	}
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
	if (what_of(forks->slot) || forks->slot->waits)
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
	if (worker->forking)
		hd_fork_close(worker);
	free_alone(worker, NULL);
	worker->forks_typed = 0;
}
