/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleep and wake: how a worker goes to sleep (sched/worker.c), how a submit or a look
 * wakes one with a permit (sched/look.c), how one is told to leave (sched/lifecycle.c),
 * and the parker and its futex below (lockfree/parker.c). Sequentially consistent; a
 * statement, or an atomic block, is one load, one store or one read-modify-write of
 * shared memory with the local work around it. tests/model/park.t says what is
 * explored, doc/design/other-models.md what for.
 *
 * Abstracted away: trees and ready bits (tests/model/permits.pml has them), a push and
 * its mark are one step, and what a search reads before its take; lingering, attention,
 * guests; the order of memory (the laboratory's scenarios park-* and parker-*).
 *
 * W        workers, 2 or 3
 * CAP      of the one group, 1 to W
 * TASKS0   tasks of the first submitter, TASKS1 of the second
 * NEVER    a task never returns; with MAYBE, it returns or not
 * PARKED   the workers that are about to park at the start, a bit each
 * SPURIOUS returns of futex waits for no reason, at most
 * LEAVE    worker 0 is told to leave
 * INSIDE   the first submitter is a task of another group: it wakes without a permit
 */
#ifndef W
#define W 2
#endif
#ifndef CAP
#define CAP 1
#endif
#ifndef TASKS0
#define TASKS0 1
#endif
#ifndef TASKS1
#define TASKS1 1
#endif
#ifndef PARKED
#define PARKED 0
#endif
#ifndef SPURIOUS
#define SPURIOUS 1
#endif

#define BIT(i) (1 << (i))
#define ALL    ((1 << W) - 1)

/* A parker's word. */
#define EMPTY  0
#define ASLEEP 1
#define PERMIT 2 /* the first token */
#define LEFT   3
#define SEARCH 4 /* HD_TOKEN_LOOK */

byte parker[W] = EMPTY;
bool waits[W];   /* in the kernel, on the parker's word */
byte count;      /* of the group's word */
byte work;
byte idle;
bool searching;
bool leave[W];

/* Only the properties read these. */
byte running;
bool gone[W];

/* hd_futex_wake(): one that waits. */
inline futex_wake(who)
{
	waits[who] = false
}

/* hd_parker_unpark_any() */
inline unpark(who, token)
{
#ifdef BUG_TOKEN_LATE
	before = parker[who];
	if
	:: before == ASLEEP -> futex_wake(who)
	:: else
	fi;
	atomic {
		assert(parker[who] < PERMIT);
		parker[who] = token;
		before = EMPTY
	}
#else
	atomic {
		before = parker[who];
		assert(before < PERMIT);
		parker[who] = token
	}
	if
	:: before == ASLEEP -> before = EMPTY; futex_wake(who)
	:: else
	fi
#endif
}

/* hd_permit_take(): one unit if there is room, else to the label. */
#define TAKE(full) \
	if \
	:: count >= CAP -> goto full \
	:: atomic { count < CAP -> count++; assert(count <= CAP) } \
	fi

/* hd_permit_give(): full to not full is an event. */
inline give()
{
	atomic {
		assert(count > 0);
		owe = owe + (count == CAP -> 1 : 0);
		count--
	}
}

/* hd_bitset_claim_lowest_any(): any of them, or to the label. */
#ifdef BUG_CLAIM
#define WITHOUT(i) idle
#else
#define WITHOUT(i) idle & ~BIT(i)
#endif
#if W > 2
#define CLAIM_THIRD \
	:: atomic { (idle & BIT(2)) -> sleeper = 2; idle = WITHOUT(2) }
#else
#define CLAIM_THIRD
#endif
#define CLAIM(none) \
	if \
	:: atomic { (idle & BIT(0)) -> sleeper = 0; idle = WITHOUT(0) } \
	:: atomic { (idle & BIT(1)) -> sleeper = 1; idle = WITHOUT(1) } \
	CLAIM_THIRD \
	:: idle == 0 -> goto none \
	fi

/* The second half of wake(). */
inline hand_over(token)
{
	searching = true;
	unpark(sleeper, token);
	sleeper = 0
}

/* stop_searching() */
inline stop_searching()
{
	if
	:: searches ->
		searches = false;
		searching = false;
#ifndef BUG_SEARCH_CHAIN
		owe++
#endif
	:: else
	fi
}

#define LOOK_LOCALS \
	byte owe, sleeper, before = EMPTY

/* hd_look(), used once in each process, for it has labels. */
inline look()
{
	skip;
look_again:
	if
	:: owe == 0 -> goto look_end
	:: else
	fi;
	if
	:: idle == 0 -> owe = 0; goto look_end
	:: idle != 0 -> owe--
	fi;
	if
	:: work == 0 -> goto look_again
	:: work != 0
	fi;
	TAKE(look_again);
	CLAIM(look_transient);
	hand_over(PERMIT);
	goto look_again;
look_transient:
	give();
	goto look_again;
look_end:
	skip
}

/* hd_look_inside(), before a task is called: with the own permit in the hand. */
inline look_inside()
{
	if
	:: owe == 0 -> goto inside_end
	:: else -> owe = 0
	fi;
	if
	:: idle == 0 -> goto inside_end
	:: idle != 0
	fi;
	if
	:: work == 0 -> goto inside_end
	:: work != 0
	fi;
	if
	:: count >= CAP -> goto inside_end
	:: count < CAP
	fi;
	CLAIM(inside_end);
	hand_over(SEARCH);
inside_end:
	skip
}

mtype = { TO_PARK, TO_LEAVE };

proctype worker(byte me)
{
	LOOK_LOCALS;
	mtype next = TO_PARK;
	byte token;
	bool held, searches;

	if
	:: PARKED & BIT(me) -> goto park
	:: else
	fi;

live:
	if
	:: leave[me] -> goto leaves
	:: !leave[me]
	fi;
	if /* search() */
	:: work == 0 -> goto sleep
	:: work != 0
	fi;
	TAKE(sleep);
	held = true;
	goto run_held;

sleep:	/* sleep_once() */
#ifdef BUG_LEAVE_FIRST
	if
	:: leave[me] -> goto leaves
	:: !leave[me]
	fi;
#endif
#ifdef BUG_BIT_LATE
	if
	:: work == 0 -> idle = idle | BIT(me); goto park
	:: work != 0
	fi;
#endif
	idle = idle | BIT(me);
	stop_searching();
#ifdef BUG_NO_RECHECK
	goto park;
#endif
	/* search_from_sleep() */
	if
	:: work == 0 -> goto pay
	:: work != 0
	fi;
	TAKE(pay);
	if
	:: atomic { (idle & BIT(me)) ->
#ifndef BUG_KEEP_BIT
		idle = idle & ~BIT(me);
#endif
		held = true };
		goto run_held
	:: !(idle & BIT(me)) /* claimed: a token is on its way */
	fi;
#ifdef BUG_OWN_BIT
	held = true;
	goto run_held;
#endif
#ifndef BUG_KEEP_UNIT
	give();
#endif
pay:
	next = TO_PARK;
	goto do_look;

park:
#ifndef BUG_LEAVE_FIRST
	if
	:: !leave[me] -> goto try
	:: leave[me]
	fi;
	if
	:: atomic { (idle & BIT(me)) -> idle = idle & ~BIT(me) };
		goto leaves
	:: !(idle & BIT(me))
	fi;
#endif
try:	/* hd_parker_park_owner(), hd_parker_try_owner() */
	token = parker[me];
	if
	:: token >= PERMIT -> parker[me] = EMPTY; goto has_token
	:: else -> token = 0
	fi;
#ifdef BUG_STORE_ASLEEP
	parker[me] = ASLEEP;
#elif !defined(BUG_UNANNOUNCED)
	if
	:: atomic { parker[me] == EMPTY -> parker[me] = ASLEEP }
	:: parker[me] != EMPTY
	fi;
#endif
	/* hd_futex_wait(): compares and sleeps in one step */
	if
#if defined(BUG_NO_COMPARE)
	:: waits[me] = true
#elif defined(BUG_UNANNOUNCED)
	:: atomic { parker[me] == EMPTY -> waits[me] = true }
	:: parker[me] != EMPTY -> goto try
#else
	:: atomic { parker[me] == ASLEEP -> waits[me] = true }
	:: parker[me] != ASLEEP -> goto try
#endif
	fi;
end_wait:
	!waits[me];
#ifdef BUG_TRUST_FUTEX
	token = PERMIT;
	parker[me] = EMPTY;
	goto has_token;
#else
	goto try;
#endif

has_token:
	if
	:: token == LEFT -> goto leaves
	:: token == SEARCH -> token = 0; searches = true;
#ifdef BUG_SEARCH_SLEEPS
		goto pay
#else
		goto live
#endif
	:: else -> token = 0
	fi;
	/* take_token() */
	held = true;
#ifndef BUG_SEARCHING
	searching = false;
#endif
#ifndef BUG_CHAIN
	owe++;
#endif

run_held:
	if /* attend() */
	:: leave[me] -> goto release
	:: !leave[me]
	fi;
take_task: /* hd_queue_take() */
	if
	:: work == 0 -> goto release
	:: atomic { work > 0 -> work-- }
	fi;
	stop_searching();
	look_inside();
	/* hd_task_run() */
#ifdef BUG_SEARCHING
	searching = false;
#endif
	atomic {
		running++;
		assert(running <= CAP)
	}
#if defined(NEVER) && !defined(MAYBE)
end_task:
	false;
#elif defined(NEVER)
	if
	:: true ->
end_task:
		false
	:: true
	fi;
#endif
	running--;
	goto take_task;
release: /* give_back() */
#ifdef BUG_SEARCHING
	searching = false;
#endif
#ifndef BUG_PARK_HELD
	give();
	held = false;
#endif
	goto live;

do_look:
	look();
	if
	:: next == TO_PARK -> goto park
	:: next == TO_LEAVE -> goto left
	fi;

leaves:
#ifdef BUG_SEARCH_LEFT
	searches = false;
#endif
	stop_searching();
	assert(!held);
	next = TO_LEAVE; /* hd_worker_main() pays at its end */
	goto do_look;
left:
	gone[me] = true
}

proctype submitter(byte tasks; bool inside)
{
	LOOK_LOCALS;

submit:
	if
	:: tasks == 0 -> goto done
	:: else -> tasks--
	fi;
#ifdef BUG_IDLE_FIRST
	sleeper = idle;
#endif
	work++; /* publish() */
	/* hd_kick() */
#ifdef BUG_IDLE_FIRST
	if
	:: sleeper == 0 -> goto submit
	:: else -> sleeper = 0
	fi;
#else
	if
	:: idle == 0 -> goto submit
	:: idle != 0
	fi;
#endif
	if
	:: searching -> goto submit
	:: !searching
	fi;
	if
	:: inside ->
		if
		:: count >= CAP -> goto submit
		:: count < CAP
		fi;
		CLAIM(submit);
		hand_over(SEARCH);
		goto submit
	:: else
	fi;
#ifndef BUG_NO_PERMIT
	TAKE(submit);
#endif
	CLAIM(transient);
	hand_over(PERMIT);
	goto submit;
transient:
#if !defined(BUG_KEEP) && !defined(BUG_NO_PERMIT)
	give();
#endif
#ifdef BUG_TRANSIENT
	owe = 0;
#endif
	look();
	goto submit;
done:
	skip
}

#ifdef LEAVE
/* tell_to_leave() */
proctype stopper()
{
	byte before = EMPTY;

	leave[0] = true;
	if
	:: atomic { (idle & BIT(0)) -> idle = idle & ~BIT(0) };
#ifndef BUG_LEAVE_SILENT
		unpark(0, LEFT)
#endif
	:: !(idle & BIT(0))
	fi
}
#endif

#if SPURIOUS > 0
/* Signals, and wakes meant for others: they come, or they do not. */
proctype disturber()
{
	byte left = SPURIOUS;

	do
	:: left == 0 -> break
	:: left > 0 -> break
	:: atomic { left > 0 && waits[0] -> left--; futex_wake(0) }
	:: atomic { left > 0 && waits[1] -> left--; futex_wake(1) }
#if W > 2
	:: atomic { left > 0 && waits[2] -> left--; futex_wake(2) }
#endif
	od
}
#endif

/* When nobody else can move. */
proctype at_rest()
{
	byte i;

	timeout;
	d_step {
		/* No lost wake-up. */
		assert(parker[0] < PERMIT && parker[1] < PERMIT);
#if W > 2
		assert(parker[2] < PERMIT);
#endif
		assert(!(work > 0 && count < CAP && idle != 0));
		/* No permit in a hand that sleeps. */
		assert(count == running);
		assert(!searching);
		do
		:: i == W -> break
		:: else ->
			assert(!(leave[i] && running == 0) || gone[i]);
#ifndef NEVER
			assert(gone[i] || (waits[i] && (idle & BIT(i))));
#endif
			i++
		od;
#ifndef NEVER
		assert(work == 0 && running == 0)
#endif
	}
}

init
{
	atomic {
		idle = PARKED;
		run at_rest();
		run worker(0);
		run worker(1);
#if W > 2
		run worker(2);
#endif
#ifdef INSIDE
		run submitter(TASKS0, true);
#else
		run submitter(TASKS0, false);
#endif
#if TASKS1 > 0
		run submitter(TASKS1, false);
#endif
#ifdef LEAVE
		run stopper();
#endif
#if SPURIOUS > 0
		run disturber();
#endif
	}
}
