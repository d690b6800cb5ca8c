/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lives of a group's entry: closing, sealing, freeing and making again
 * (sched/close.c, sched/tree.c), against a worker that takes and gives its units
 * (sched/permit.c, sched/ready.c), one that moves tasks under a pin (sched/queue.c,
 * sched/pin.h), and submits (sched/submit.c). Sequentially consistent; a statement, or
 * an atomic block, is one load, one store or one read-modify-write of shared memory
 * with the local work around it. tests/model/entry.t says what is explored,
 * doc/design/other-models.md what for.
 *
 * The entry is a child of parent 0. It is closed by a drain, freed, and made again as
 * a child of parent 1 with one queued task. A worker may have found it in the table of
 * parent 0 long ago. The parents have no level above them and are not closed.
 *
 * Abstracted away: the control lock, since one thread closes and makes; blocking and
 * moves; deeper subtrees; what a queue is inside: the list, or the deque of a worker.
 *
 * WORKERS  0 to 2, that follow the table, each with ROUNDS searches
 * TASKS    queued in the list of the first life
 * KEPT     1: a task lies in the deque of one who works elsewhere now, and moves it
 * ONE_LOOK the closer reads the queues once, not three times
 * SUBMITS  of one submitter, that may begin before the close
 * PUT_BACK how often a worker may put a task back and give its unit, for another
 *          reason than the gate; the drain is all there is then
 */
#ifndef WORKERS
#define WORKERS 1
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef TASKS
#define TASKS 1
#endif
#ifndef KEPT
#define KEPT 0
#endif
#ifndef SUBMITS
#define SUBMITS 0
#endif

#define CAP  9 /* only a sealed entry refuses */
#define NONE 2

/* The gate: DRAIN; and with nothing left to start. */
#define OPEN    0
#define SHUT    1
#define DRAINED 2

/* The entry. */
byte count;
byte target = CAP;
byte above;       /* which parent */
byte gate = OPEN;
byte pins;        /* that are out */
byte ever;        /* the other half of the word: pins ever taken */
byte list = TASKS;
byte deque = KEPT;
byte dead;        /* of the list: taken back by their submitter */
bool ready[2];    /* the entry's ready bit in each parent */
bool child[2];    /* is the entry in the table of that parent? */
byte root[2];     /* units of each parent */
bool news;        /* pool->effect is not what the closer has read */

/* Only the properties read these. */
byte life = 1;
byte running;
#ifdef PUT_BACK
byte puts = PUT_BACK;
#endif
byte hand;         /* tasks on their way between two queues */
bool freed;       /* between a removal and the next life */
byte accepted = TASKS + KEPT;
byte called;
bool drained;     /* the drain has returned, nothing is freed yet */

inline signal()
{
	news = true
}

/* hd_ready_mark() of the entry: the bit in the table that is above now. */
inline mark()
{
	ready[above] = true
}

/* give_one(), with give_event(): quiet is told to who waits. */
inline give_entry()
{
	atomic {
		assert(count > 0);
		assert(life == mine);
		count--;
		quiet = count == 0
	}
	if
	:: quiet && gate != OPEN -> signal()
	:: else
	fi;
	quiet = false
}

/* A parent gets back what was taken from it. */
inline give_above(parent)
{
	atomic {
		assert(parent == way);
		assert(root[parent] > 0);
		root[parent]--
	}
}

/* A search that follows the bit of one of the parents, then run_held(). */
proctype worker()
{
	byte rounds = ROUNDS, from, way = NONE, up, mine;
	bool quiet;

search:	/* find(), child_at() */
	if
	:: rounds == 0 -> goto done
	:: else -> rounds--
	fi;
	if
	:: atomic { child[0] -> from = 0 }
	:: atomic { child[1] -> from = 1 }
	:: !child[0] && !child[1] -> goto done
	fi;
	if /* own_work(), hd_queue_startable() */
	:: gate == DRAINED -> goto search
	:: else
	fi;
	if
	:: list == 0 && deque == 0 -> goto search
	:: list > 0 || deque > 0
	fi;
	/* It may be another's by now. hd_permit_take(): its unit, then its way up. */
	if
	:: count >= target -> goto search /* sealed */
	:: atomic { count < target ->
		count++;
		assert(!freed);
		mine = life }
	fi;
	up = above;
	atomic {
		assert(life == mine);
		root[up]++;
		way = up
	}
#if defined(PUT_BACK) && !defined(BUG_TAKE_AT_ONCE)
	if /* run_held() attends before its first take */
	:: gate == DRAINED -> goto give
	:: else
	fi;
#endif
take:	/* hd_queue_take(), which steals as well */
	if
	:: list == 0 && deque == 0 -> goto give
	:: atomic { deque > 0 -> deque--; hand++; assert(!freed && life == mine) }
	:: atomic { list > 0 -> list--; hand++; assert(!freed && life == mine) }
	fi;
#ifdef PUT_BACK
	if /* a change of a cap, or an order to leave: attend() */
	:: atomic { puts > 0 -> puts--; hand--; list++ };
		mark();
		run worker(); /* its look */
		goto give
	:: true
	fi;
#endif
#ifndef BUG_CALL_ANYWAY
	/* close-4: see the task, load attention, and with it the gate; call it. */
	if
	:: gate == DRAINED ->
		atomic { hand--; list++ }; /* hd_queue_put_back() */
		mark();
		if /* attend() */
		:: gate == DRAINED -> goto give
		:: else -> goto take
		fi
	:: else
	fi;
#endif
	if /* run_one(): was it taken back? */
	:: atomic { dead > 0 -> dead--; hand-- }; goto take
	:: atomic { list + hand + deque > dead ->
		hand--;
		assert(!freed && life == mine);
		assert(!(drained && life == 1));
		called++;
		running++ }
	fi;
	running--;
	goto take;
give:	/* hd_permit_give(), permit-2 */
#ifdef BUG_GIVE_THEN_UP
	give_entry();
	up = above;
#else
	up = above;
	give_entry();
#endif
	give_above(up);
	atomic { way = NONE; up = 0; from = 0; mine = 0 };
	goto search;
done:
	skip
}

#if KEPT > 0
/* hd_queue_drain(): who has taken up another group moves what is left of this one. */
proctype mover()
{
	byte mine;

	if
	:: deque == 0 -> goto done
	:: else
	fi;
#ifndef BUG_UNPINNED
	atomic { pins++; ever++ }
#endif
	if
	:: atomic { deque > 0 -> deque--; hand++; mine = life }
	:: deque == 0 -> goto unpin
	fi;
	/* In the hand it is in no queue. */
	atomic { assert(!freed && life == mine); hand--; list++ }
	mark();
unpin:
#ifdef BUG_GATE_THEN_UNPIN
	if
	:: gate != OPEN -> signal()
	:: gate == OPEN
	fi;
	pins--;
#else
#ifndef BUG_UNPINNED
	pins--;
#endif
	if
	:: gate != OPEN -> signal()
	:: gate == OPEN
	fi;
#endif
	/* hd_look(): the task is behind a mark, any worker may find it. */
	run worker();
done:
	skip
}
#endif

bool submitting;

#if SUBMITS > 0

/* publish(), take_back(); the handle is used only while nobody frees the group. */
proctype submitter()
{
	byte tasks = SUBMITS;

submit:
	if
	:: tasks == 0 -> goto done
	:: else -> tasks--
	fi;
	if
	:: gate != OPEN -> goto submit
	:: gate == OPEN
	fi;
	atomic { list++; accepted++ }
#ifndef BUG_GATE_ONCE
	if
	:: gate != OPEN -> goto take_back
	:: gate == OPEN
	fi;
#endif
	mark();
	run worker();
	goto submit;
take_back:
	atomic { pins++; ever++ }
	if
	:: atomic { list + hand > dead -> dead++; accepted-- };
		mark();
#ifndef BUG_DEAD_SILENT
		run worker();
#endif
		signal()
	:: list + hand <= dead /* somebody has it, and runs it */
	fi;
	pins--;
	if
	:: gate != OPEN -> signal()
	:: gate == OPEN
	fi;
	goto submit;
done:
	/* close-1: a task that nobody need start is one that was taken back. */
	assert(!(drained && life == 1 && list > dead));
	submitting = false
}
#endif

/* Each further look hides what is wrong with the first from all but more movers. */
#if defined(BUG_PINS_AFTER) || defined(BUG_PINS_BEFORE)
#define ONE_LOOK
#endif

/* tasks_in(): the pins, the queues, the pins again. */
inline tasks_left()
{
	left = false;
	/* To free what was drained is a refusal: it clears away what was taken back. */
	if
	:: drained ->
		do
		:: atomic { dead > 0 && list > 0 -> dead--; list-- }
		:: else -> break
		od
	:: else
	fi;
#ifdef BUG_PINS_AFTER
	if
	:: list > 0 || deque > 0 -> left = true
	:: else
	fi;
	if
	:: pins > 0 -> left = true
	:: else
	fi
#elif defined(BUG_PINS_BEFORE)
	if
	:: pins > 0 -> left = true
	:: else
	fi;
	if
	:: list > 0 -> left = true
	:: else
	fi;
	if
	:: deque > 0 -> left = true
	:: else
	fi
#else
	atomic { before = ever; left = pins > 0 }
	if
	:: list > 0 -> left = true
	:: else
	fi;
	if
	:: deque > 0 -> left = true
	:: else
	fi;
	atomic {
		left = left || pins > 0 || ever != before;
		before = 0
	}
#endif
}

/* hd_tree_unused() */
inline unused()
{
	if
	:: count > 0 -> used = true
	:: else
	fi;
	if
	:: pins > 0 -> used = true
	:: else
	fi
}

proctype closer()
{
	byte before, kept;
	bool left, used;

	gate = SHUT; /* set_gate() */
wait:	/* hd_effect_wait(), at_rest(), rest_locked() */
	news = false;
	tasks_left();
	if
	:: left || count > 0 -> goto not_yet /* quiet_now() */
	:: else
	fi;
#ifndef ONE_LOOK
	tasks_left();
	if
	:: left -> goto not_yet
	:: else
	fi;
#endif
	/* The drain alone has ended here; to free it nobody may use the handle. */
#if SUBMITS > 0 || defined(PUT_BACK)
	if
	:: !drained ->
#ifndef BUG_OPEN_TO_STARTS
		gate = DRAINED; /* drained_now(), close-4 */
#ifdef BUG_QUEUES_FIRST
		tasks_left();
		if
		:: count > 0 -> left = true
		:: count == 0
		fi;
#else
		if /* quiet_now(), then the queues */
		:: count > 0 -> left = true
		:: count == 0 -> tasks_left()
		fi;
#endif
		if
		:: left ->
			gate = SHUT;
#ifndef BUG_OPENED_SILENT
			mark();
			if
			:: list > 0 -> run worker() /* hd_look() */
			:: list == 0
			fi;
#endif
			signal();
			goto wait
		:: else
		fi;
#endif
		drained = true;
		!submitting;
#ifdef PUT_BACK
		/* It does not go on to free, which would be too much to explore. */
		assert(list <= dead && hand == 0);
		goto done
#else
		goto wait
#endif
	:: else
	fi;
#endif
	/* free_now() */
	used = false;
	unused();
	if
	:: used -> goto not_yet
	:: else
	fi;
#ifdef BUG_NO_SEAL
	kept = target;
#else
	atomic { kept = target; target = 0 } /* hd_tree_seal() */
#endif
#ifdef BUG_COUNT_BEFORE
	goto remove;
#endif
	unused();
	if
	:: used -> goto unseal
	:: else
	fi;
#if !defined(BUG_TASKS_BEFORE) && !defined(ONE_LOOK)
	tasks_left();
	if
	:: left -> goto unseal
	:: else
	fi;
#endif
remove:	/* hd_tree_remove() */
	child[0] = false;
	ready[0] = false;
	atomic {
		target = 0;
		freed = true;
		assert(count == 0 && running == 0);
		assert(hand == 0);
		assert(list == 0 && deque == 0);
		assert(called == accepted)
	}
	/* hd_tree_add(), set_up() */
	atomic { above = 1; life++ }
	gate = OPEN;
	atomic { target = CAP; freed = false }
	child[1] = true;
	atomic { list++; accepted++ }
	mark();
	run worker();
	goto done;
unseal:	/* hd_tree_unseal(), which publishes the headroom again */
#ifndef BUG_NO_UNSEAL
	target = kept;
#endif
	mark();
#ifndef BUG_UNSEAL_SILENT
	signal();
	run worker(); /* hd_look() */
#endif
not_yet:
	assert(target == CAP);
	if
	:: news -> goto wait
	fi;
done:
	skip
}

/* When nobody else can move. */
proctype at_rest()
{
	timeout;
	assert(count == 0 && root[0] == 0 && root[1] == 0);
	assert(pins == 0 && deque == 0);
#ifndef PUT_BACK
	assert(life == 2)
#endif
}

init
{
	atomic {
		child[0] = true;
		ready[0] = true;
#if SUBMITS > 0
		submitting = true;
		run submitter();
#endif
		run at_rest();
		run closer();
#if WORKERS > 0
		run worker();
#endif
#if WORKERS > 1
		run worker();
#endif
#if KEPT > 0
		run mover();
#endif
	}
}
