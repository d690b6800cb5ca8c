/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Permits: the protocol of doc/design/permits.md, sequentially consistent,
 * with every interleaving of its atomic steps. A statement, or an atomic
 * block, is one load, one store or one read-modify-write of shared memory
 * with the local work around it; a compare-and-swap loop is one step, for a
 * failed round changes nothing. Weak memory, blocking, leaving, deeper trees
 * and the queues' insides are not here. doc/design/permits-model.md says what
 * was explored and what each BUG_ proves.
 *
 * LEVELS   1: one group; 2: groups 0 and 1 below ROOT
 * W        workers, 2 or 3
 * TASKS0   tasks of the submitter of group 0
 * TASKS1   tasks of a second submitter, for group SECOND
 * CAP0, CAP1, CAPR   caps; with one level CAP0 only
 * NEVER    a task never returns; with MAYBE, it returns or not
 * PARKED   the workers that sleep at the start, a bit each
 * LINGER   a worker keeps its permits for a while
 * PAY_FIRST  owed looks are paid before the idle bit is set, not after
 * CHANGED  the group whose cap changes to CHANGE1 and then to CHANGE2
 */
#ifndef LEVELS
#define LEVELS 2
#endif
#ifndef W
#define W 2
#endif
#ifndef TASKS0
#define TASKS0 1
#endif
#ifndef TASKS1
#define TASKS1 1
#endif
#ifndef SECOND
#define SECOND (LEVELS - 1)
#endif
#ifndef CAP0
#define CAP0 1
#endif
#ifndef CAP1
#define CAP1 1
#endif
#ifndef CAPR
#define CAPR 1
#endif
#ifndef PARKED
#define PARKED 0
#endif

#define ROOT   2
#define NONE   3
#define ALL    ((1 << W) - 1)
#define BIT(i) (1 << (i))

/* The word of a group; its generation is implied, words change in one step. */
byte count[3];
byte target[3];
byte work[2];   /* queued tasks */
bool here[2];   /* bit 0 of a group */
bool below[2];  /* the group's bit in ROOT */
byte idle;      /* a bit of each worker */
bool searching;
byte attention;
byte token[W] = NONE; /* the permit in the parker */
#ifdef BUG_CHAIN_ONCE
bool chained[W]; /* woken by the look of one that was about to run */
#endif

/* Only the properties read these. */
byte running[2];
byte young[2]; /* queued tasks whose submit began under ... */
bool paused;   /* ... a set_cap(0) that had returned */

#define FULL(g) (count[g] >= target[g])
#define OVER(g) (count[g] > target[g])
#if LEVELS == 2
#define PATH_FULL(g) (FULL(g) || FULL(ROOT))
#else
#define PATH_FULL(g) FULL(g)
#endif
#ifdef CHANGED
#define UNDER_CHANGE(g) (CHANGED == ROOT || CHANGED == (g))
#else
#define UNDER_CHANGE(g) false
#endif

inline mark(g)
{
#ifdef BUG_MARK_STOPS
	atomic { is_set = here[g]; here[g] = true };
	if
	:: is_set
	:: else -> below[g] = true
	fi;
	is_set = false;
#else
	here[g] = true;
#if LEVELS == 2
	below[g] = true;
#endif
#endif
}

/* One unit back. Full to not full is an event: mark, and owe a look. */
#define FREES(g) (FULL(g) && count[g] - 1 < target[g])

inline give_leaf(g)
{
	if
	:: atomic { FREES(g) -> count[g]--; owe = true };
		mark_above(g)
	:: atomic { !FREES(g) -> assert(count[g] > 0); count[g]-- }
	fi
}

inline give_root()
{
	atomic {
		assert(count[ROOT] > 0);
		owe = owe || FREES(ROOT);
		count[ROOT]--
	}
}

/* After headroom at g: its bit, if there is a bit in it. */
inline mark_above(g)
{
#if LEVELS == 2 && !defined(BUG_GIVER_MARK)
	if
	:: here[g] -> below[g] = true
	:: !here[g]
	fi
#else
	skip
#endif
}

inline give_path(g)
{
	give_leaf(g);
#if LEVELS == 2
	give_root();
#endif
}

/* One unit if there is headroom, else to the label. */
#ifdef BUG_BLIND_TAKE
#define IF_ROOM(g, act) !FULL(g) -> atomic { act }
#else
#define IF_ROOM(g, act) atomic { !FULL(g) -> act }
#endif
#define TAKE(g, full) \
	if \
	:: FULL(g) -> goto full \
	:: IF_ROOM(g, count[g]++; assert(count[g] <= target[g])) \
	fi

/* Clears one idle bit, any, or goes to the label if there is none. */
#ifdef BUG_CLAIM
#define WITHOUT(bit) idle
#else
#define WITHOUT(bit) idle & ~(bit)
#endif
#if W > 2
#define CLAIM_THIRD \
	:: atomic { (idle & BIT(2)) -> sleeper = 2; idle = WITHOUT(BIT(2)) }
#else
#define CLAIM_THIRD
#endif
#define CLAIM(none) \
	if \
	:: atomic { (idle & BIT(0)) -> sleeper = 0; idle = WITHOUT(BIT(0)) } \
	:: atomic { (idle & BIT(1)) -> sleeper = 1; idle = WITHOUT(BIT(1)) } \
	CLAIM_THIRD \
	:: idle == 0 -> goto none \
	fi

/*
 * The two stores of a waker are one step: nobody but the sleeper reads its
 * token, and it cannot pass its park without one, so an earlier token changes
 * nothing that another could see.
 */
inline hand_over(g)
{
	atomic {
		searching = true;
		assert(token[sleeper] == NONE);
		token[sleeper] = g;
		sleeper = 0
	}
}

mtype = { TO_SLEEP, TO_PARK, TO_RUN };

/* What a broken look remembers; the right one remembers nothing. */
#ifdef BUG_RETRY
#define PASSED(g)  (passed & BIT(g))
#define SET_AGAIN  d_step { passed = passed | BIT(g); g = NONE }; goto look_on
#define LOOK_RESET passed = 0
#else
#define PASSED(g)  false
#define SET_AGAIN  goto look_again
#define LOOK_RESET skip
#endif
#ifdef BUG_OWN_GROUP
#define MAY_SEE(g) (below[g] && mine != 1 - (g))
#define MINE(g)    mine = g
#else
#define MAY_SEE(g) (below[g] && !PASSED(g))
#define MINE(g)    skip
#endif

/* The second of each pair of lines is for broken looks only. */
#define LOOK_LOCALS \
	byte g = NONE, sleeper; \
	byte passed, mine = NONE; \
	bool owe; \
	bool is_set

/*
 * One look pays everything owed: it finds one group that can start something
 * and hands its permits to a sleeper. A pass begins again at the root after
 * each bit that was cleared. Used once in each process, for it has labels.
 */
inline look()
{
	skip;
look_again:
	owe = false;
#ifndef BUG_BLIND_LOOK
	if
	:: idle == 0 -> goto look_end
	:: idle != 0
	fi;
#endif
#if LEVELS == 2
	if
	:: FULL(ROOT) -> goto look_end
	:: !FULL(ROOT)
	fi;
look_on:
	if
	:: atomic { MAY_SEE(0) -> g = 0 }
	:: atomic { MAY_SEE(1) -> g = 1 }
	:: !MAY_SEE(0) && !MAY_SEE(1) -> goto look_end
	fi;
	if
	:: !here[g] -> goto look_empty
	:: here[g]
	fi;
#else
	if
	:: FULL(0) -> goto look_end
	:: !FULL(0)
	fi;
look_on:
	if
	:: !here[0] || PASSED(0) -> goto look_end
	:: atomic { here[0] && !PASSED(0) -> g = 0 }
	fi;
#endif
	if
	:: work[g] == 0 -> goto look_workless
	:: work[g] != 0
	fi;
#if LEVELS == 2
	TAKE(g, look_full);
	TAKE(ROOT, look_roll_back);
#else
	TAKE(g, look_end);
#endif
	CLAIM(look_transient);
#ifdef BUG_CHAIN_ONCE
	chained[sleeper] = next == TO_RUN;
#endif
	hand_over(g);
	goto look_end;

look_workless:
	here[g] = false;
#ifdef BUG_WORK
	goto look_again;
#else
	if
	:: work[g] == 0 -> goto look_again
	:: work[g] != 0
	fi;
#ifdef BUG_SET_ONE
	here[g] = true;
#else
	mark(g);
#endif
	SET_AGAIN;
#endif

#if LEVELS == 2
look_empty:
	below[g] = false;
#ifdef BUG_EMPTY
	goto look_again;
#else
	if
	:: !here[g] -> goto look_again
	:: here[g]
	fi;
	below[g] = true;
	SET_AGAIN;
#endif

look_full:
	below[g] = false;
#ifdef BUG_FULL
	goto look_again;
#else
	if
	:: FULL(g) -> goto look_again
	:: !FULL(g)
	fi;
	below[g] = true;
	SET_AGAIN;
#endif

look_roll_back:
	give_leaf(g);
#ifdef BUG_ROLL_BACK
	owe = false;
#endif
	goto look_if_owed;
#endif

look_transient:
	give_path(g);
#ifdef BUG_TRANSIENT
	owe = false;
#endif
look_if_owed:
	if
	:: owe -> goto look_again
	:: else
	fi;
look_end:
	atomic { g = NONE; LOOK_RESET }
}

#ifdef BUG_UNDER
#define GIVE_IF_OVER(g) \
	OVER(g) -> \
		atomic { \
			owe = owe || FREES(g); \
			count[g]--; \
			assert(count[g] >= target[g]) \
		}
#else
#define GIVE_IF_OVER(g) \
	atomic { \
		OVER(g) -> count[g]--; assert(count[g] >= target[g]) \
	}
#endif

proctype worker(byte me)
{
	LOOK_LOCALS;
	mtype next = TO_SLEEP;
	byte held = NONE;
	byte hand; /* 0: empty, 1: a task, 2: a young one */
	byte seen;
	bool handed;

	if
	:: PARKED & BIT(me) -> goto park
	:: else
	fi;
sleep:
	atomic { idle = idle | BIT(me); next = TO_PARK };
	MINE(NONE);
#ifdef BUG_SLEEP
	goto park;
#else
	goto do_look;
#endif
park:
end_park:
	atomic {
		token[me] != NONE;
		held = token[me];
		token[me] = NONE;
#if defined(CHANGED) && !defined(BUG_HANDED)
		handed = true
#endif
	};
	MINE(held);
#ifndef BUG_SEARCHING
	searching = false;
#endif
#ifdef BUG_CHAIN_ONCE
	owe = !chained[me];
	chained[me] = false;
#elif !defined(BUG_CHAIN)
	owe = true;
#endif
take_task:
	if
	:: atomic { work[held] > young[held] -> hand = 1; work[held]-- }
	:: atomic { young[held] > 0 ->
		hand = 2; young[held]--; work[held]-- }
	:: work[held] == 0 -> goto release
	fi;
#if defined(CHANGED) && !defined(BUG_ATTENTION)
	if
	:: atomic { attention != seen -> seen = attention; handed = false }
	:: atomic { attention == seen && handed -> handed = false };
		goto look_at_words
	:: attention == seen && !handed -> goto settle
	fi;
put_back:
	atomic {
		work[held]++;
		if
		:: hand == 2 && paused -> young[held]++
		:: else
		fi;
		hand = 0
	};
#ifndef BUG_PUT_BACK
	mark(held);
	owe = true;
#endif
	/* One step while over, so that no more give back than must. */
	if
	:: GIVE_IF_OVER(held);
#if LEVELS == 2
		give_root();
#endif
		goto released
	:: !OVER(held)
	fi;
#if LEVELS == 2
	if
	:: GIVE_IF_OVER(ROOT);
		give_leaf(held);
		goto released
	:: !OVER(ROOT)
	fi;
#endif
	goto take_task;
look_at_words: /* another took this permit: perhaps before a lowering */
	if
	:: OVER(held) -> goto put_back
	:: !OVER(held)
	fi;
#if LEVELS == 2
	if
	:: OVER(ROOT) -> goto put_back
	:: !OVER(ROOT)
	fi;
#endif
#endif
settle:
	if
	:: owe -> next = TO_RUN; goto do_look
	:: else
	fi;
call:
#ifdef BUG_SEARCHING
	searching = false;
#endif
	atomic {
		assert(!(hand == 2 && paused && UNDER_CHANGE(held)));
		running[held]++;
#ifndef CHANGED
		assert(running[held] <= target[held]);
#if LEVELS == 2
		assert(running[0] + running[1] <= target[ROOT]);
#endif
#endif
		hand = 0
	};
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
	running[held]--;
	goto take_task;

release:
#ifdef BUG_SEARCHING
	searching = false;
#endif
#ifdef LINGER
	if
	:: searching -> goto give_up
	:: atomic { !searching -> searching = true }
	fi;
	if
	:: work[held] > 0
	:: true /* enough pauses, or attention changed */
	fi;
	searching = false;
#ifndef BUG_LINGER
	owe = true;
#endif
	if
	:: work[held] > 0 -> goto take_task
	:: work[held] == 0
	fi;
give_up:
#endif
	give_path(held);
released:
	atomic { held = NONE; handed = false };
#ifdef PAY_FIRST
	if
	:: owe -> next = TO_SLEEP; goto do_look
	:: else -> goto sleep
	fi;
#else
	goto sleep; /* the look there pays */
#endif
do_look:
	look();
	if
	:: next == TO_RUN -> goto call
	:: next == TO_PARK -> goto park
	:: next == TO_SLEEP -> goto sleep
	fi
}

proctype submitter(byte group; byte tasks)
{
	LOOK_LOCALS;
#ifdef BUG_CHAIN_ONCE
	mtype next;
#endif

	MINE(group);
submit:
	if
	:: tasks == 0 -> goto done
	:: else -> tasks--
	fi;
#ifdef BUG_IDLE_FIRST
	sleeper = idle;
#endif
	atomic {
		work[group]++;
		if
		:: paused && UNDER_CHANGE(group) -> young[group]++
		:: else
		fi
	};
#ifndef BUG_SUBMIT_MARK
	mark(group);
#endif
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
	TAKE(group, submit);
#if LEVELS == 2
	TAKE(ROOT, roll_back);
#endif
	CLAIM(transient);
	hand_over(group);
	goto submit;
#if LEVELS == 2
roll_back:
	give_leaf(group);
#ifdef BUG_ROLL_BACK
	owe = false;
#endif
	goto pay;
#endif
transient:
	give_path(group);
#ifdef BUG_TRANSIENT
	owe = false;
#endif
pay:
	if
	:: !owe -> goto submit
	:: else
	fi;
	look();
	goto submit;
done:
	skip
}

#ifdef CHANGED
#define RAISE_FREES (FULL(CHANGED) && count[CHANGED] < cap)

proctype changer()
{
	LOOK_LOCALS;
	byte cap = CHANGE1;
	bool last;
#ifdef BUG_CHAIN_ONCE
	mtype next;
#endif

change:
	if
	:: cap < target[CHANGED] ->
#ifdef BUG_BUMP_FIRST
		attention++;
		atomic { target[CHANGED] = cap; paused = cap == 0 }
#else
		target[CHANGED] = cap;
		atomic { attention++; paused = cap == 0 }
#endif
		goto changed
	:: cap >= target[CHANGED]
	fi;
	atomic {
		owe = RAISE_FREES;
		target[CHANGED] = cap;
		paused = false;
		young[0] = 0;
		young[1] = 0
	};
	if
	:: !owe -> goto changed
	:: else
	fi;
#if LEVELS == 2 && CHANGED != ROOT
	mark_above(CHANGED);
#endif
#ifndef BUG_RAISE
	look();
#endif
changed:
	skip;
#ifdef CHANGE2
	if
	:: !last -> last = true; cap = CHANGE2; goto change
	:: else
	fi
#endif
}
#endif

inline check_group(group)
{
	/* C2: no work, headroom and sleeper at once. */
	assert(!(work[group] > 0 && !PATH_FULL(group) && idle != 0));
	/* C3: nothing in a hand. */
	assert(count[group] == running[group]);
	/* The invariant of the ready bits. */
	assert(!(work[group] > 0 && !here[group]));
#if LEVELS == 2
	assert(!(here[group] && !FULL(group) && !below[group]));
#endif
#ifndef NEVER
	/* Q1: nothing is stranded unless it is paused. */
	assert(work[group] == 0 || paused);
	assert(running[group] == 0);
#endif
}

/* When nobody else can move. */
proctype at_rest()
{
	timeout;
	check_group(0);
#if LEVELS == 2
	check_group(1);
	assert(count[ROOT] == running[0] + running[1]);
#endif
	assert(!searching);
#ifndef NEVER
	assert(idle == ALL);
#endif
}

init
{
	atomic {
		idle = PARKED;
		target[0] = CAP0;
#if LEVELS == 2
		target[1] = CAP1;
		target[ROOT] = CAPR;
#endif
		run at_rest();
		run worker(0);
		run worker(1);
#if W > 2
		run worker(2);
#endif
		run submitter(0, TASKS0);
#if TASKS1 > 0
		run submitter(SECOND, TASKS1);
#endif
#ifdef CHANGED
		run changer();
#endif
	}
}
