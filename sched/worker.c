/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a worker between its start and its leave: search, run on a kept
 * permit, linger, sleep. The protocol is doc/design/permits.md.
 *
 * attention-1: a lowered cap, a returner, a closing gate or an order to leave
 * bumps attention after it has become visible; the worker takes a task, then
 * loads attention, then calls it. Forbidden: the task was submitted after the
 * change had returned, and the load misses the bump.
 */
#include "sched/worker.h"

#include <stddef.h>

#include <heddle/pool.h>
#include <heddle/testing.h>

#include "platform/cpu.h"
#include "platform/fault.h"
#include "platform/guard.h"
#include "platform/probe.h"
#include "sched/donate.h"
#include "sched/frame.h"
#include "sched/group.h"
#include "sched/keep.h"
#include "sched/look.h"
#include "sched/order.h"
#include "sched/permit.h"
#include "sched/pool.h"
#include "sched/ready.h"
#include "sched/reap.h"
#include "sched/recycle.h"
#include "sched/room.h"
#include "sched/share.h"
#include "sched/start.h"
#include "sched/task.h"
#include "sched/trim.h"
#include "sched/upper.h"
#include "sched/work.h"

_Thread_local struct hd_worker *hd_self;

/* Polls of about 0.2 us each before a worker with a permit gives up. */
#define LINGER_POLLS  10
#define LINGER_PAUSES 8

static uint32_t attention_of(struct heddle_pool *pool)
{
	return atomic_load_explicit(&pool->attention,
				    memory_order_seq_cst); /* attention-1 */
}

static bool told_to_leave(struct hd_worker *worker)
{
	return atomic_load_explicit(&worker->leave, memory_order_seq_cst) !=
	       0; /* leave-1 */
}

static void pay(struct hd_worker *worker)
{
	uint32_t owed = worker->owe;

	worker->owe = 0;
	if (!owed)
		return;
	if (worker->held)
		hd_look_inside(worker->pool, owed);
	else
		hd_look(worker->pool, owed);
}

static void give_back(struct hd_worker *worker)
{
	hd_share_end(worker);
	worker->owe += hd_permit_give(worker->held);
	worker->held = NULL;
}

/* Runs no user code and looks for some, or does not any more. */
static void set_available(struct hd_worker *worker, bool available)
{
	/* A donated thread may leave at any time: no spare is left out for it. */
	if (worker->available == available || worker->donated)
		return;
	worker->available = available;
	if (available)
		atomic_fetch_add_explicit(&worker->pool->available, 1,
					  memory_order_seq_cst); /* spare-1 */
	else
		atomic_fetch_sub_explicit(&worker->pool->available, 1,
					  memory_order_seq_cst); /* spare-1 */
}

void hd_worker_settle(struct hd_worker *worker)
{
	pay(worker);
	atomic_store_explicit(&worker->inside, 1,
			      memory_order_relaxed); /* spare-2 */
	atomic_signal_fence(memory_order_seq_cst);   /* spare-2 */
	if (worker->check_spare ||
	    atomic_load_explicit(&worker->spare_asked,
				 memory_order_relaxed)) { /* spare-2 */
		worker->check_spare = false;
		atomic_store_explicit(&worker->spare_asked, 0,
				      memory_order_relaxed); /* spare-2 */
		hd_spare_check(worker->pool);
	}
}

/* Who is told of the end of user code, afterwards, finds us outside. */
static void leave_user_code(struct hd_worker *worker)
{
	atomic_store_explicit(&worker->inside, 0,
			      memory_order_relaxed); /* told of behind it */
}

/* One worker at a time is committed to look after what is submitted now. */
static bool start_searching(struct hd_worker *worker)
{
	if (!worker->searching)
		worker->searching = !atomic_exchange_explicit(
			&worker->pool->searching, 1,
			memory_order_relaxed); /* look-1 is at the clear */
	return worker->searching;
}

/* look-1: clear the flag, then look for those who relied on it. */
static void stop_searching(struct hd_worker *worker)
{
	if (!worker->searching)
		return;
	worker->searching = false;
	atomic_store_explicit(&worker->pool->searching, 0,
			      memory_order_seq_cst); /* look-1 */
	worker->owe++;
	worker->check_spare = true;
}

/*
 * Whoever is told of a task's end may submit the next one at once. This worker
 * is about to look for it, and says so first: work that comes one after the
 * other stays on one worker.
 */
static void finish(struct hd_worker *worker, struct hd_task *task)
{
	if (!task)
		return;
	start_searching(worker);
	hd_task_finish(worker->pool, task, HD_TASK_DONE);
}

void hd_worker_enter(struct hd_worker *worker, struct heddle_group *group)
{
	hd_worker_settle(worker);
	hd_hand_row_ends(group);
	worker->may_linger = true;
	worker->woken = false;
	hd_worker_show(worker, HEDDLE_WORKER_RUNNING);
}

/* Calls one task. False when it had been cancelled or joined before. */
static bool run_one(struct hd_worker *worker, struct heddle_group *group,
		    uint32_t index)
{
	struct hd_node *node = hd_node_at(&worker->pool->nodes, index);
	void (*fn)(void *) = node->fn;
	void *arg = node->arg;
	struct hd_task *task;
	bool mine = hd_node_claim_any(node, hd_node_generation_any(node),
				      HD_NODE_TAKEN);

	if (hd_order_of(group)) {
		hd_order_let_go(group, &worker->owe);
		hd_order_moved(group);
	}
	hd_recycle_free(worker, index);
	if (!mine) {
		atomic_fetch_sub_explicit(
			&group->dead, 1, memory_order_relaxed); /* statistics */
		return false;
	}
	hd_room_give(group);
	hd_delay(HEDDLE_DELAY_CLAIM);
	hd_worker_enter(worker, group);
	task = hd_task_run(worker, group, NULL, NULL, fn, arg);
	leave_user_code(worker);
	finish(worker, task);
	return true;
}

/* The kept path goes to a returner of the group, if it is one's turn. */
static bool yield_to_returner(struct hd_worker *worker,
			      struct heddle_group *group)
{
	if (!hd_hand_in_turn(group))
		return false;
	hd_share_end(worker);
	worker->held = NULL;
	return true;
}

/* What has changed? True when the permits were given away. */
static bool attend(struct hd_worker *worker, struct heddle_group *group,
		   uint32_t attention)
{
	worker->attention = attention;
	if (hd_permit_give_over(group, &worker->owe)) {
		hd_share_end(worker);
		worker->held = NULL;
		return true;
	}
	if (yield_to_returner(worker, group))
		return true;
	if (atomic_load_explicit(&group->gate,
				 memory_order_relaxed) /* set before it */
		    > HD_GATE_DRAIN ||
	    told_to_leave(worker)) {
		give_back(worker);
		return true;
	}
	return false;
}

/*
 * Waits a bounded moment, with the permit, for more work; one worker at a time.
 * Submitters do not wake another one meanwhile. The flag is kept until a task is
 * in the hand or the own idle bit is set, so that there is no moment between in
 * which a submit would wake a second worker for want of this one.
 */
static bool linger(struct hd_worker *worker, struct heddle_group *group)
{
	struct heddle_pool *pool = worker->pool;
	bool found = false;
	int i, k;

	worker->may_linger = false;
	if (!start_searching(worker))
		return false;
	pay(worker);
	for (i = 0; i < LINGER_POLLS && !found; i++) {
		for (k = 0; k < LINGER_PAUSES; k++)
			hd_relax();
		found = hd_queue_tasks(group) ||
			attention_of(pool) != worker->attention;
	}
	return found;
}

/* A fork that was seen, if nothing forbids it (forks-5) and it is there still. */
static bool run_fork(struct hd_worker *worker, struct heddle_group *group,
		     struct hd_fork_loot *loot)
{
	if (!hd_fork_take(loot))
		return false;
	worker->owe++;
	hd_worker_enter(worker, group);
	hd_fork_call(worker, group, NULL, loot);
	leave_user_code(worker);
	if (loot->victim->unjoined)
		return true;
	start_searching(worker);
	hd_fork_finish(loot->seen.slot, false);
	return true;
}

/* False: it had been cancelled, joined or taken before. */
static bool run_work(struct hd_worker *worker, struct heddle_group *group,
		     struct hd_work *work)
{
	bool ran;

	if (work->index)
		return run_one(worker, group, work->index);
	if (work->fork)
		return run_fork(worker, group, &work->loot);
	ran = hd_calls_run(worker, group, worker->attention);
	leave_user_code(worker);
	return ran;
}

/* Runs tasks of the held group until the permits are given back. */
static void run_held(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;
	struct heddle_group *group = worker->held;

	/* close-4: also for a search that read the gate before it was shut: what it
	 * took in the hand now would be in no queue when the drain looks.
	 */
	if (attend(worker, group, attention_of(pool)))
		return;
	hd_share_begin(worker);
	for (;;) {
		uint32_t attention;
		struct hd_work work;

		if (!hd_work_find(worker, group, &work)) {
			if (worker->may_linger && linger(worker, group))
				continue;
			give_back(worker);
			return;
		}
		stop_searching(worker);
		/* See the task, load attention, call it. */
		attention = attention_of(pool);
		if (attention != worker->attention) {
			if (work.index)
				hd_queue_put_back(worker, group, work.index);
			if (attend(worker, group, attention))
				return;
			continue;
		}
		if (!run_work(worker, group, &work))
			continue;
		if (worker->donor && hd_donor_has_enough(worker->donor)) {
			give_back(worker);
			return;
		}
		if ((attention & HD_ATTENTION_COMPETE) &&
		    hd_share_turn_over(worker, group)) {
			give_back(worker);
			return;
		}
	}
}

/* Finds a group that may start something, serving returners on the way. */
static struct heddle_group *find_group(struct hd_worker *worker)
{
	struct heddle_group *group;

	for (;;) {
		group = hd_ready_take(worker->pool, true, &worker->owe);
		if (!group || !hd_hand_to_returner(group))
			return group;
		worker->woken = false; /* the wake was of use */
	}
}

static void take_up(struct hd_worker *worker, struct heddle_group *group)
{
	worker->held = group;
	worker->check_spare = true;
	/* The mirror names the group whose permits it has, also of a worker that
	 * did not sleep in between: the next task stamps it again.
	 */
	if (worker->seen.group != group->index)
		worker->seen.state = HEDDLE_WORKER_SEARCHING;
}

static bool search(struct hd_worker *worker)
{
	struct heddle_group *group = find_group(worker);

	if (!group)
		return false;
	take_up(worker, group);
	return true;
}

/*
 * The look of one that has just set its idle bit. It starts nobody but itself:
 * if its bit is gone, somebody has claimed it and a token is on its way, and
 * what is owed is paid when that has come.
 */
static bool search_from_sleep(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;
	struct heddle_group *group;
	bool own;

	group = find_group(worker);
	if (!group)
		return false;
	own = hd_bitset_clear_any(&pool->idle, worker->index);
	if (own)
		take_up(worker, group);
	else
		worker->owe += hd_permit_give(group);
	return own;
}

static void tell_done(struct hd_worker *worker)
{
	void *done = worker->done;

	worker->done = NULL;
	if (done)
		hd_upper.guest_done(done);
}

static void take_token(struct hd_worker *worker, uint32_t token)
{
	struct heddle_pool *pool = worker->pool;

	worker->check_spare = true;
	if (token == HD_TOKEN_LOOK) {
		worker->searching =
			true; /* the waker has set the flag for us */
		worker->woken = true;
		return;
	}
	if (token == HD_TOKEN_KEEP) {
		hd_reap_ended(pool); /* who went before us */
		return;
	}
	set_available(worker, false);
	if (token == HD_TOKEN_GUEST) {
		void *bound = worker->bound;

		hd_keep_resign(worker);
		worker->held = worker->bound_group;
		worker->bound = NULL;
		hd_upper.guest_run(worker, bound);
		worker->done = bound;
		if (worker->fresh_for) {
			bool counted = hd_worker_retire(worker);

			tell_done(worker);
			if (counted)
				hd_worker_make_up(pool, HEDDLE_BECAUSE_FRESH);
		}
		return;
	}
	hd_assert(token >= HD_TOKEN_PERMIT);
	worker->held = &pool->group[token - HD_TOKEN_PERMIT];
	worker->woken = true;
	/* look-1: clear the flag, then look for those who relied on it. */
	atomic_store_explicit(&pool->searching, 0,
			      memory_order_seq_cst); /* look-1 */
	worker->owe++;
}

static void count_wake(struct hd_worker *worker)
{
	if (!worker->woken)
		return;
	worker->woken = false;
	atomic_fetch_add_explicit(&worker->pool->useless_wakes, 1,
				  memory_order_relaxed); /* statistics */
}

/* Sleeps for a token, with a timer if that is its role. 0: it was idle too long. */
static uint32_t sleep_for_token(struct hd_worker *worker)
{
	for (;;) {
		uint64_t keep = hd_keep_until(worker);
		uint64_t trim = hd_trim_until(worker);
		uint64_t until = keep < trim ? keep : trim;
		uint32_t token = until == HEDDLE_FOREVER
					 ? hd_parker_park_owner(&worker->parker)
					 : hd_parker_park_until_owner(
						   &worker->parker, until);

		if (token)
			return token;
		hd_trim_due(worker);
		if (keep > until)
			continue;
		switch (hd_keep_due(worker)) {
		case HD_KEEP_MINE:
			return 0;
		case HD_KEEP_TOKEN:
			return hd_parker_park_owner(&worker->parker);
		case HD_KEEP_WATCH:
			break;
		}
	}
}

/*
 * donate-1: at its deadline a donated thread takes its idle bit back; who has had the bit
 * hands over a token, which is waited for. Forbidden: it leaves, and a wake with its
 * permits is handed to nobody.
 */
static uint32_t park(struct hd_worker *worker)
{
	uint32_t token;

	if (!worker->donor) {
		token = sleep_for_token(worker);
		hd_trim_resign(worker);
		return token;
	}
	token = hd_parker_park_until_owner(&worker->parker,
					   worker->donor->deadline);
	if (token)
		return token;
	hd_donor_timed_out(worker->donor);
	if (hd_bitset_clear_any(&worker->pool->idle, worker->index))
		return HD_TOKEN_LEAVE;
	return hd_parker_park_owner(&worker->parker); /* donate-1 */
}

/* Its idle bit is its own again. True: it leaves. doc/design/elastic.md, "To leave". */
static bool retire(struct hd_worker *worker)
{
	hd_worker_show(worker, HEDDLE_WORKER_SEARCHING);
	worker->idle_since = 0; /* if it stays */
	set_available(worker, false);
	return !search(worker) && hd_keep_leave(worker);
}

/*
 * False when the worker is to leave. After a guest it comes here directly: who
 * is told of the guest's end must find the worker idle, or a spawn that follows
 * a join would need another one.
 */
static bool sleep_once(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;
	uint32_t token;
	bool found;

	hd_recycle_flush(worker);
	count_wake(worker);
	/* Who checks for rest sees us idle only when our last look is over. */
	hd_hand_begin(pool);
	hd_worker_show(worker, HEDDLE_WORKER_PARKED);
	hd_bitset_set_any(&pool->idle, worker->index);
	tell_done(worker);
	hd_bind_signal(pool);
	hd_delay(HEDDLE_DELAY_SLEEP);
	stop_searching(worker);
	found = search_from_sleep(worker);
	if (!found)
		pay(worker);
	hd_hand_end(pool);
	if (found)
		return true;
	/* leave-1: the stopper sets leave, then clears our idle bit; we set
	 * the bit, then read leave. Forbidden: it finds the bit clear and we
	 * read 0, and sleep for ever.
	 */
	if (told_to_leave(worker) &&
	    hd_bitset_clear_any(&pool->idle, worker->index))
		return false;
	hd_worker_settled(worker);
	HD_PROBE1(worker_park, worker);
	token = park(worker);
	HD_PROBE2(worker_unpark, worker, token);
	if (!token)
		return !retire(worker);
	if (token == HD_TOKEN_LEAVE)
		return false;
	hd_worker_show(worker, HEDDLE_WORKER_SEARCHING);
	take_token(worker, token);
	return true;
}

/* The run of a donated thread is over; what a wake brought is passed on. */
static bool is_over(struct hd_worker *worker)
{
	if (!worker->donor || !worker->donor->is_over)
		return false;
	if (worker->held)
		give_back(worker);
	return true;
}

/* It has found nothing. A donated thread that is not to sleep searches, or leaves. */
static bool may_sleep(struct hd_worker *worker)
{
	if (!worker->donor || worker->donor->flags != HEDDLE_RUN_UNTIL_IDLE ||
	    !worker->searching)
		return !worker->donor || hd_donor_may_sleep(worker);
	/* Submits that saw the flag are covered by the search that follows. */
	stop_searching(worker);
	return false;
}

static void live(struct hd_worker *worker)
{
	while (!is_over(worker)) {
		if (worker->held) {
			hd_worker_settled(worker);
			set_available(worker, false);
			hd_keep_resign(worker);
			run_held(worker);
			hd_calls_rest(worker);
			continue;
		}
		leave_user_code(worker);
		set_available(worker, true);
		if (!worker->done) {
			if (told_to_leave(worker))
				return;
			if (search(worker))
				continue;
		}
		if (!may_sleep(worker))
			continue;
		if (!sleep_once(worker))
			return;
	}
}

/* What is left in the deque and in the hand goes to the others. */
static void leave_rest(struct hd_worker *worker)
{
	count_wake(worker);
	stop_searching(worker);
	hd_queue_drain(worker);
	hd_recycle_flush(worker);
	pay(worker);
}

void hd_worker_lend(struct hd_worker *worker)
{
	live(worker);
	/* One less that would have come by: who looks may find that another is wanted. */
	worker->owe++;
	leave_rest(worker);
}

static void wind_up(struct hd_worker *worker)
{
	set_available(worker, false);
	hd_worker_settled(worker);
	leave_rest(worker);
	hd_keep_resign(worker);
}

static void whole_life(void *arg)
{
	struct hd_worker *worker = arg;

	if (!hd_worker_birth(worker))
		return;
	worker->stage = HD_STAGE_LIFE;
	if (worker->bound) { /* created for a guest */
		hd_worker_settled(worker);
		take_token(worker, HD_TOKEN_GUEST);
	}
	live(worker);
	wind_up(worker);
	hd_worker_death(worker);
}

/* User code has ended the thread in a task, a guest, a destructor or an action. */
static void end_life(struct hd_worker *worker)
{
	uint32_t first = !worker->deserted;

	atomic_fetch_add_explicit(&worker->pool->threads_left, first,
				  memory_order_relaxed); /* statistics */
	worker->deserted = true;
	if (worker->guest) {
		void *guest = worker->guest;

		hd_upper.guest_left(worker);
		worker->done = guest; /* its successor tells, once it is idle */
	} else {
		hd_fork_left(worker);
		hd_frames_end(worker, NULL);
	}
	if (worker->held)
		give_back(worker);
	hd_fork_left_end(worker);
	leave_user_code(worker);
	if (worker->fresh_for && hd_worker_retire(worker))
		hd_worker_make_up(worker->pool, HEDDLE_BECAUSE_FRESH);
	wind_up(worker);
}

void hd_worker_lend_left(struct hd_worker *worker)
{
	hd_fork_left(worker);
	hd_frames_end(worker, NULL);
	if (worker->held)
		give_back(worker);
	hd_fork_left_end(worker);
	leave_user_code(worker);
	worker->owe++;
	leave_rest(worker);
}

/* The thread ends in user code: perhaps not for the first time (exit.md). */
static void left(void *arg)
{
	struct hd_worker *worker = arg;

	if (hd_pool_forked(worker->pool))
		return;
	if (worker->stage == HD_STAGE_BIRTH) {
		hd_worker_birth_left(worker);
		return;
	}
	if (worker->stage == HD_STAGE_LIFE)
		end_life(worker);
	hd_worker_death(worker);
}

void hd_worker_main(void *arg)
{
	hd_self = arg;
	hd_guarded(whole_life, arg, left);
}
