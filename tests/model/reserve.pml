/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reserves: the protocol of doc/design/reserves.md on top of permits.pml,
 * sequentially consistent. Groups 0 and 1 below ROOT; group 1 has an account. A
 * statement, or an atomic block, is one load, one store or one
 * read-modify-write of shared memory with the local work around it; a
 * compare-and-swap loop is one step. Lowered caps, frames above frames, closing,
 * the searching flag and weak memory are not here.
 *
 * TASKS0, TASKS1   tasks of a submitter of each group
 * CAP0, CAP1, CAPR caps
 * N        units that are prepaid at the start
 * RAISE    a control thread prepays so many in the end, if it can be done
 * LOWER    and afterwards none
 * NEVER    a task never returns; with MAYBE, it returns or not
 * PARKED   the workers that sleep at the start, a bit each
 */
#ifndef TASKS0
#define TASKS0 1
#endif
#ifndef TASKS1
#define TASKS1 1
#endif
#ifndef CAP0
#define CAP0 2
#endif
#ifndef CAP1
#define CAP1 2
#endif
#ifndef CAPR
#define CAPR 2
#endif
#ifndef N
#define N 1
#endif
#ifndef PARKED
#define PARKED 0
#endif

#define W      2
#define ROOT   2
#define NONE   3
#define ALL    3
#define BIT(i) (1 << (i))

byte count[3];
byte target[3];
byte n; /* the account of group 1: prepaid */
byte q; /* and whole paths through it */
byte work[2];
bool here[2];  /* bit 0 of a group */
bool below[2]; /* the group's bit in ROOT */
bool top;      /* the bit of the account */
byte idle;
byte token[W] = NONE;

/* Only the properties read these. */
byte running[2];

#define FULL(g)  (count[g] >= target[g])
#define FREES(g) (FULL(g) && count[g] - 1 < target[g])
/* What group 1 owns of ROOT. */
#define MOST(a, b) ((a) > (b) -> (a) : (b))

inline mark(g)
{
	here[g] = true;
	below[g] = true;
#ifndef BUG_MARK
	if
	:: g == 1 -> top = true
	:: else
	fi
#endif
}

/* After headroom at g, or in its account. */
inline mark_above(g)
{
	if
	:: here[g] ->
		below[g] = true;
		if
		:: g == 1 -> top = true
		:: else
		fi
	:: !here[g]
	fi
}

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

/* A path that is paid joins the account; the second says what the giver does. */
#ifdef BUG_FILL /* only who is prepaid is counted, and a giver fills first */
#define JOIN_ABOVE  skip
#define JOIN_KICK   skip
#define LEAVE_ABOVE (q == 0)
#define LEAVE       if :: q > 0 -> q-- :: else fi
#else
#define LEAVE_ABOVE (q > n)
#define LEAVE       q--
#define JOIN_KICK   q++
#ifdef BUG_KEEP
#define JOIN_ABOVE  q++
#else
#define JOIN_ABOVE  extra = q < n; q++
#endif
#endif

#define PREPAID(g) ((g) == 1 && q < n)

/* A whole path of g, or nothing; got says which. */
#ifdef BUG_EARLY
inline take_path(g)
{
	if
	:: FULL(g) -> goto_end = true
	:: atomic { !FULL(g) -> count[g]++ }
	fi;
	if
	:: goto_end
	:: else ->
		atomic {
			if
			:: PREPAID(g) -> q++; got = true
			:: g == 1 && q >= n -> q++
			:: else
			fi
		};
		if
		:: got
		:: else ->
			if
			:: FULL(ROOT) ->
				atomic {
					if
					:: g == 1 -> q--
					:: else
					fi
				};
				give_leaf(g)
			:: atomic { !FULL(ROOT) -> count[ROOT]++; got = true }
			fi
		fi
	fi;
	goto_end = false
}
#else
inline take_path(g)
{
	if
	:: FULL(g) -> goto_end = true
	:: atomic { !FULL(g) -> count[g]++ }
	fi;
	if
	:: goto_end
	:: else ->
		if
		:: atomic { PREPAID(g) -> q++; got = true }
		:: !PREPAID(g)
		fi;
		if
		:: got
		:: else ->
			if
			:: FULL(ROOT) -> give_leaf(g)
			:: atomic { !FULL(ROOT) -> count[ROOT]++; got = true };
				if
				:: atomic { g == 1 -> JOIN_ABOVE };
					if
					:: extra -> extra = false; give_root()
					:: else
					fi
				:: g != 1
				fi
			fi
		fi
	fi;
	goto_end = false
}
#endif

#ifdef BUG_ACCOUNT_LOOK
#define ROOM_IS_OWED room
#else
#define ROOM_IS_OWED owe = true; room
#endif

inline give_path(g)
{
	if
	:: atomic { g == 1 -> up = LEAVE_ABOVE; room = !up && q == n; LEAVE };
		if
		:: atomic { room -> ROOM_IS_OWED = false };
#ifndef BUG_ACCOUNT_MARK
			mark_above(1)
#endif
		:: !room
		fi
	:: atomic { g != 1 -> up = true }
	fi;
	give_leaf(g);
	if
	:: up -> up = false; give_root()
	:: else
	fi
}

#define CLAIM(none) \
	if \
	:: atomic { (idle & BIT(0)) -> sleeper = 0; idle = idle & ~BIT(0) } \
	:: atomic { (idle & BIT(1)) -> sleeper = 1; idle = idle & ~BIT(1) } \
	:: idle == 0 -> goto none \
	fi

inline hand_over(g)
{
	atomic {
		assert(token[sleeper] == NONE);
		token[sleeper] = g;
		sleeper = 0
	}
}

#define LOCALS \
	byte g = NONE, sleeper; \
	bool owe, got, up, room, extra, goto_end

/* One look pays all that is owed. Used once in each process. */
inline look()
{
	skip;
look_again:
	owe = false;
	if
	:: idle == 0 -> goto look_end
	:: idle != 0
	fi;
	if
	:: FULL(ROOT) -> goto look_top
	:: !FULL(ROOT)
	fi;
	if
	:: atomic { below[0] -> g = 0 }
	:: atomic { below[1] -> g = 1 }
	:: !below[0] && !below[1] -> goto look_top
	fi;
	if
	:: !here[g] -> goto look_empty
	:: here[g]
	fi;
	if
	:: work[g] == 0 -> goto look_workless
	:: work[g] != 0
	fi;
	if
	:: FULL(g) -> goto look_full
	:: !FULL(g)
	fi;
look_take:
	take_path(g);
	if
	:: !got -> goto look_failed
	:: else -> got = false
	fi;
	CLAIM(look_transient);
	hand_over(g);
	goto look_end;

look_top:
#ifdef BUG_ROOT_ONLY
	goto look_end;
#endif
	if
	:: !top -> goto look_end
	:: atomic { top -> g = 1 }
	fi;
	if
	:: !here[1] ->
		top = false;
#ifndef BUG_TOP_EMPTY
		mark_above(1);
#endif
		goto look_again
	:: here[1]
	fi;
	if
	:: FULL(1) || q >= n ->
		top = false;
#ifdef BUG_TOP_FULL
		goto look_end
#else
		if
		:: !FULL(1) && q < n && here[1] ->
			mark_above(1);
			goto look_again
		:: else -> goto look_end
		fi
#endif
	:: !FULL(1) && q < n
	fi;
	if
	:: work[1] == 0 -> goto look_workless
	:: work[1] != 0 -> goto look_take
	fi;

look_workless:
	here[g] = false;
	if
	:: work[g] != 0 -> mark(g)
	:: work[g] == 0
	fi;
	goto look_again;
look_empty:
	below[g] = false;
	mark_above(g);
	goto look_again;
look_full:
	below[g] = false;
	if
	:: !FULL(g) -> mark_above(g)
	:: FULL(g)
	fi;
	goto look_again;
	/* Somebody was faster; the bits stay. */
look_failed:
	if
	:: owe -> goto look_again
	:: else -> goto look_end
	fi;
look_transient:
	give_path(g);
	if
	:: owe -> goto look_again
	:: else
	fi;
look_end:
	g = NONE
}

mtype = { TO_PARK, TO_RUN };

proctype worker(byte me)
{
	LOCALS;
	mtype next = TO_PARK;
	byte held = NONE;
	bool hand;

	if
	:: PARKED & BIT(me) -> goto park
	:: else
	fi;
sleep:
	atomic { idle = idle | BIT(me); next = TO_PARK };
	goto do_look;
park:
end_park:
	atomic { token[me] != NONE; held = token[me]; token[me] = NONE };
	owe = true;
take_task:
	if
	:: atomic { work[held] > 0 -> hand = true; work[held]-- }
	:: work[held] == 0 -> goto release
	fi;
	if
	:: owe -> next = TO_RUN; goto do_look
	:: else
	fi;
call:
	atomic {
		running[held]++;
		hand = false;
		assert(running[held] <= target[held]);
		assert(running[0] + running[1] <= target[ROOT]);
		assert(count[ROOT] >= running[0] + running[1])
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
	give_path(held);
	held = NONE;
	goto sleep;
do_look:
	look();
	if
	:: next == TO_RUN -> goto call
	:: next == TO_PARK -> goto park
	fi
}

/* The kick is one step; what a kick may meet on its way is in permits.pml. */
proctype submitter(byte group; byte tasks)
{
	byte sleeper;

submit:
	if
	:: tasks == 0 -> goto done
	:: else -> tasks--
	fi;
	work[group]++;
	mark(group);
	if
	:: atomic {
			idle != 0 && !FULL(group) &&
				(PREPAID(group) || !FULL(ROOT)) ->
			count[group]++;
			if
			:: group != 1 -> count[ROOT]++
			:: PREPAID(group) -> q++
			:: else -> count[ROOT]++; JOIN_KICK
			fi;
			sleeper = (idle & BIT(0) -> 0 : 1);
			idle = idle & ~BIT(sleeper);
			assert(token[sleeper] == NONE);
			token[sleeper] = group;
			sleeper = 0
		};
		goto submit
	:: idle == 0 || FULL(group) || (!PREPAID(group) && FULL(ROOT)) ->
		goto submit
	fi;
done:
	skip
}

#ifdef RAISE
proctype control()
{
	LOCALS;
	byte before = n, surplus;

raise:
	if
	:: n == RAISE -> goto raised
	:: else
	fi;
	if
	:: atomic { q > n -> n++ }; goto raise
	:: q <= n
	fi;
	if
	:: FULL(ROOT) -> goto busy
	:: atomic { !FULL(ROOT) -> count[ROOT]++ }
	fi;
#ifdef BUG_RAISE_KEEP
	n++;
#else
	atomic { extra = q > n; n++ };
	if
	:: extra -> extra = false; give_root()
	:: else
	fi;
#endif
	goto raise;
raised:
	mark_above(1);
#ifndef BUG_RAISE_LOOK
	owe = true;
#endif
#ifndef LOWER
	goto look_if_owed;
#else
	before = 0;
#endif
busy: /* or lowered on purpose */
	atomic { surplus = MOST(n, q) - MOST(before, q); n = before };
give:
	if
	:: surplus > 0 -> surplus--; give_root(); goto give
	:: else
	fi;
#ifdef BUG_LOWER_LOOK
	owe = false;
#endif
look_if_owed:
	if
	:: owe -> look()
	:: else
	fi
}
#endif

/* When nobody else can move. */
proctype at_rest()
{
	byte owned;

	timeout;
	owned = MOST(n, running[1]);
	/* C3, and the invariant of the account. */
	assert(count[0] == running[0]);
	assert(count[1] == running[1]);
	assert(count[ROOT] == running[0] + owned);
#ifndef BUG_FILL
	assert(q == running[1]);
#endif
	/* C2: no work, headroom and sleeper at once. */
	assert(!(work[0] > 0 && !FULL(0) && idle != 0 &&
		 running[0] + owned < CAPR));
	assert(!(work[1] > 0 && !FULL(1) && idle != 0 &&
		 (running[1] < n || running[0] + owned < CAPR)));
	/* The invariant of the bits. */
	assert(!(work[0] > 0 && !here[0]));
	assert(!(work[1] > 0 && !here[1]));
	assert(!(here[0] && !FULL(0) && !below[0]));
	assert(!(here[1] && !FULL(1) && !below[1]));
	assert(!(here[1] && !FULL(1) && q < n && !top));
#ifndef NEVER
	assert(work[1] == 0 || (n == 0 && CAPR == 0));
	assert(running[0] == 0 && running[1] == 0);
	assert(work[0] == 0 || n == CAPR);
	assert(idle == ALL);
#endif
}

init
{
	atomic {
		idle = PARKED;
		target[0] = CAP0;
		target[1] = CAP1;
		target[ROOT] = CAPR;
		n = N;
		count[ROOT] = N;
		run at_rest();
		run worker(0);
		run worker(1);
		run submitter(0, TASKS0);
		run submitter(1, TASKS1);
#ifdef RAISE
		run control();
#endif
	}
}
