/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stack of a worker's calls: its sessions, the rows in which they are run, and who
 * takes them out when a group is refused. doc/design/calls.md has the protocol; the
 * thieves are those of forks (forksteal.c).
 */
#include "sched/calls.h"

#include "platform/membarrier.h"
#include "platform/probe.h"
#include "sched/fork.h"
#include "sched/frame.h"
#include "sched/look.h"
#include "sched/order.h"
#include "sched/pool.h"
#include "sched/ready.h"
#include "sched/start.h"
#include "sched/task.h"

#define SLOTS 1025u /* the first one is for none */
/* Calls in a row, then a task of the deque has its turn. */
#define ROW 256u

/* ---- the session ---- */

/* All that was in it has been taken: the next call lies in the first slot. */
static void begin_again(struct hd_forks *calls)
{
	struct hd_forks_slot *first = hd_calls_first(calls), *slot;

	for (slot = calls->next; slot-- > first;)
		atomic_store_explicit(&slot->what, 0,
				      memory_order_relaxed); /* forks-1 */
	calls->next = first;
	hd_forks_reset_owner(calls, first);
}

static struct hd_forks *make(struct hd_worker *worker)
{
	struct hd_forks *calls;

	if (!hd_membarrier_available() || hd_forks_new(&calls, SLOTS) < 0)
		return NULL;
	calls->unjoined = true;
	calls->next = hd_calls_first(calls);
	begin_again(calls);
	hd_forks_retag_owner(calls, HD_FORKS_NO_TAG);
	atomic_store_explicit(&worker->calls, calls,
			      memory_order_release); /* forks-8 */
	atomic_store_explicit(
		&worker->pool->forks, 1,
		memory_order_relaxed); /* ready-1: told() has a fence */
	return calls;
}

/*
 * A question was taken back: for want of what is left somebody may be about to sleep.
 * ready-1: the call, a fence, the bit; who clears the bit asks and reads.
 */
static void told(struct hd_worker *worker, struct hd_forks *calls)
{
	if (!calls->asked)
		return;
	calls->asked = false;
	if (hd_pool_forked(worker->pool))
		return;
	if (!hd_forks_any_owner(calls, calls->next)) {
		hd_forks_ask_owner(calls);
		return;
	}
	atomic_thread_fence(memory_order_seq_cst); /* ready-1 */
	hd_ready_mark(calls->group);
	/* Else who opens the gate looks (close-1). */
	if (!hd_group_shut(calls->group))
		hd_kick(calls->group);
}

int hd_calls_answer(struct hd_worker *worker, struct hd_forks *calls)
{
	hd_forks_answer_owner(calls, calls->next);
	told(worker, calls);
	return 0;
}

/* No call is in it. Whoever asked, it is not for what is not there. */
static void give_to(struct hd_forks *calls, struct heddle_group *group,
		    uint32_t tag)
{
	if (calls->next != hd_calls_first(calls))
		begin_again(calls);
	calls->group = group;
	hd_forks_retag_owner(calls, tag);
	calls->asked = false;
}

static bool may_lie(struct hd_worker *worker, struct heddle_group *group)
{
	return worker->frame && !worker->helper && !worker->guest &&
	       !worker->block_depth && !worker->unwinds &&
	       worker->near[0].group == group && !hd_order_of(group) &&
	       !group->queue_slots;
}

/* The stack has the tag of the group, and the next push will be slow. */
static struct hd_forks *begin_session(struct hd_worker *worker,
				      struct heddle_group *group)
{
	struct hd_forks *calls = hd_calls_owner(worker);

	if (!may_lie(worker, group) || (!calls && !(calls = make(worker))))
		return NULL;
	if (!hd_forks_any_owner(calls, calls->next)) {
		give_to(calls, group, group->index);
		/* It tells of itself. */
		hd_forks_ask_owner(calls);
	} else if (calls->group != group) {
		return NULL;
	}
	worker->calling = true;
	return calls;
}

bool hd_calls_submit_slow(struct hd_worker *worker, struct heddle_group *group,
			  void (*fn)(void *), void *arg)
{
	struct hd_forks *calls = hd_calls_owner(worker);

	if (atomic_load_explicit(&group->gate,
				 memory_order_relaxed) /* as in the other */
	    != HD_GATE_OPEN)
		return false;
	if (!worker->calling || calls->group != group)
		calls = begin_session(worker, group);
	if (!calls)
		return false;
	if (calls->next == calls->end) {
		if (hd_forks_any_owner(calls, calls->next))
			return false;
		begin_again(calls);
		told(worker, calls);
	}
	if (hd_calls_put(calls, fn, arg))
		hd_calls_answer(worker, calls);
	return true;
}

void hd_calls_end_session(struct hd_worker *worker)
{
	struct hd_forks *calls = hd_calls_owner(worker);

	worker->calling = false;
	if (hd_forks_any_owner(calls, calls->next)) {
		hd_forks_open_owner(calls);
		return;
	}
	give_to(calls, NULL, HD_FORKS_NO_TAG);
}

/* ---- rows ---- */

bool hd_calls_wait(struct hd_worker *worker)
{
	if (worker->calls_row < ROW)
		return false;
	if (hd_deque_length_any(&worker->deque))
		return true;
	worker->calls_row = 0;
	return false;
}

struct row {
	struct hd_worker *worker;
	struct hd_forks *calls;
	uint32_t attention;
	void (*fn)(void *); /* the first one */
	void *arg;
};

/* A pop that was not private. */
static bool pop_slow(struct hd_worker *worker, struct hd_forks *calls,
		     struct hd_forks_slot *slot)
{
	bool mine;

	if (slot == calls->slot)
		return false;
	mine = hd_forks_pop_slow_owner(calls, slot);
	if (mine)
		calls->next = slot;
	else
		begin_again(calls); /* all below were taken as well */
	told(worker, calls);
	return mine;
}

static inline bool pop(struct row *row)
{
	struct hd_forks *calls = row->calls;
	struct hd_forks_slot *slot = calls->next - 1;

	row->fn = (void (*)(void *))atomic_load_explicit(
		&slot->what, memory_order_relaxed); /* own store */
	row->arg = (void *)(uintptr_t)hd_forks_arg_owner(slot, 0);
	if (!hd_forks_pop_fast_owner(calls, slot))
		return pop_slow(row->worker, calls, slot);
	calls->next = slot;
	return true;
}

/* How many may run until somebody else's turn is to be looked at? */
static uint32_t row_of(const struct hd_worker *worker, uint32_t attention)
{
	uint32_t n = worker->calls_row < ROW ? ROW - worker->calls_row : 1;

	if (worker->donor)
		return 1;
	if (attention & HD_ATTENTION_COMPETE && n > worker->turn_unread)
		n = worker->turn_unread + 1;
	return n;
}

/* For all but one, which its caller counts. */
static void count_turns(struct hd_worker *worker, uint32_t n)
{
	worker->calls_row += n;
	worker->turn_unread -=
		n - 1 < worker->turn_unread ? n - 1 : worker->turn_unread;
}

/*
 * User code of one frame. Between two calls there is nothing to do but the next one, if
 * no frame was jumped over, no region has begun and ended the session, no fork has begun
 * one of its own; looks are owed only behind regions.
 */
static void run_row(void *given)
{
	struct row row = *(struct row *)given;
	struct hd_worker *worker = row.worker;
	struct heddle_group *group = worker->held; /* in a register: a probe */
	uint32_t most = row_of(worker, row.attention), left = most;

	for (;;) {
		row.fn(row.arg);
		if (hd_pool_forked(group->pool))
			return;
		if (!--left || worker->frame != hd_frame_at(worker, 0) ||
		    !worker->calling || worker->forking ||
		    atomic_load_explicit(&group->pool->attention,
					 memory_order_seq_cst) /* attention-1 */
			    != row.attention ||
		    !pop(&row))
			break;
		HD_PROBE1(task_end, worker);
		if (atomic_load_explicit(&worker->spare_asked,
					 memory_order_relaxed)) /* spare-2 */
			hd_worker_settle(worker);
		HD_PROBE2(task_begin, worker, group);
	}
	count_turns(worker, most - left);
}

bool hd_calls_run(struct hd_worker *worker, struct heddle_group *group,
		  uint32_t attention)
{
	struct row row = { .worker = worker,
			   .calls = hd_calls_owner(worker),
			   .attention = attention };

	worker->calling = true;
	if (!pop(&row))
		return false;
	hd_worker_enter(worker, group);
	hd_task_run(worker, group, NULL, NULL, run_row, &row);
	return true;
}

/* ---- others ---- */

void hd_calls_run_taken(struct hd_worker *worker, struct heddle_group *group,
			const struct hd_fork_loot *loot)
{
	hd_task_run(worker, group, NULL, NULL,
		    (void (*)(void *))loot->seen.what,
		    (void *)(uintptr_t)loot->seen.arg[0]);
}

static uint64_t cancel(struct hd_forks *calls, uint32_t tag)
{
	uint64_t n = 0, note;

	for (;;) {
		struct hd_forks_loot loot;
		enum hd_forks_seen seen = hd_forks_look_any(calls, tag, &loot);

		if (seen == HD_FORKS_PRIVATE) {
			note = hd_forks_ask_any(calls);
			if (hd_membarrier())
				return n; /* its owner will rest */
			seen = hd_forks_force_any(calls, tag, note, &loot);
		}
		if (seen == HD_FORKS_NONE)
			return n;
		if (seen == HD_FORKS_THERE && hd_forks_take_any(calls, &loot))
			n++;
	}
}

uint64_t hd_calls_cancel(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;
	uint64_t n = 0;
	uint32_t i;

	if (!hd_fork_made(pool))
		return 0;
	for (i = 0; i < hd_pool_entries_used(pool); i++) {
		struct hd_forks *calls = hd_calls_stack(&pool->worker[i]);

		if (calls)
			n += cancel(calls, group->index);
	}
	return n;
}

void hd_calls_free(struct hd_worker *worker)
{
	struct hd_forks *calls = hd_calls_stack(worker);

	if (calls)
		hd_forks_free(calls);
}
