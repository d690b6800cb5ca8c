/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The biased split deque: lockfree/split.[ch], an owner whose stores are delayed
 * behind its loads, and thieves that steal, ask, force, or go to sleep. A statement,
 * or an atomic block, is one access of shared memory with the local work around it.
 * tests/model/split.t says what is explored, doc/design/other-models.md what for.
 *
 *   buffer   the owner's stores, oldest first; the memory takes one at any time. The
 *            CAS of the owner empties it, and so does its exchange, unless WEAK: then
 *            it is relaxed, as it is in C
 *   barrier  membarrier empties it at one instant of the call
 *   word     tail, public, revoked, generation: read and changed together
 *
 * Abstracted away: tags (the laboratory has them), the wrap of the tail and of the
 * generation, the most that can be public; loads are not reordered among themselves.
 *
 * TASKS    pushed at most
 * OPS      pushes and pops, in any order; the owner may stop in between for good
 * SLOTS    of the ring
 * THIEVES  1 or 2, each with ROUNDS attempts, to steal or by force
 * SLEEPERS the thieves, from the last one on, that want to sleep instead
 */
#ifndef TASKS
#define TASKS 3
#endif
#ifndef OPS
#define OPS 5
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef THIEVES
#define THIEVES 1
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef SLEEPERS
#define SLEEPERS 0
#endif

#define ASKED 100
#define FIRST 1
#define DEPTH 4
#define AT(index) ((index) % SLOTS)

mtype = { SLOT, BOTTOM };
chan buffer = [DEPTH] of { mtype, byte, byte };

typedef content {
	byte tail;
	byte public;
	bool revoked;
	byte generation
};

content word;
byte bottom = FIRST;
byte limit = FIRST;
byte slot[SLOTS];
byte idle; /* of the caller: who is about to sleep */

/* Only the properties read these. */
byte pushed;
bool out[TASKS + 1];
byte hand; /* the task that a pop is about */
byte asleep, woken;

inline reach_memory()
{
	atomic {
		if
		:: buffer?SLOT(at, value) -> slot[at] = value
		:: buffer?BOTTOM(at, value) -> bottom = value
		fi;
		at = 0;
		value = 0
	}
}

/* Within an atomic block. */
inline drain()
{
	do
	:: buffer?[SLOT, _, _] -> buffer?SLOT(at, value); slot[at] = value
	:: buffer?[BOTTOM, _, _] -> buffer?BOTTOM(at, value); bottom = value
	:: empty(buffer) -> break
	od;
	at = 0;
	value = 0
}

proctype memory()
{
	byte at, value;

end_memory:
	do
	:: reach_memory()
	od
}

inline taken(task)
{
	assert(task != 0 && !out[task]);
	out[task] = true
}

#define SAME(w) \
	(word.tail == w.tail && word.public == w.public && \
	 word.revoked == w.revoked && word.generation == w.generation)

inline load_word(w)
{
	w.tail = word.tail;
	w.public = word.public;
	w.revoked = word.revoked;
	w.generation = word.generation
}

inline clear(w)
{
	w.tail = 0;
	w.public = 0;
	w.revoked = false;
	w.generation = 0
}

#if defined(BUG_SAME_GENERATION)
#define NEXT(generation) generation
#else
#define NEXT(generation) (generation) + 1
#endif
#ifdef BUG_OVERFULL
#define ROOM SLOTS + 1
#else
#define ROOM SLOTS
#endif
#ifdef BUG_DEAF_POP
#define SLOW(b) (limit > (b) && limit != ASKED)
#else
#define SLOW(b) (limit > (b))
#endif

mtype = { PUSH, POP, EMPTY };

proctype owner()
{
	byte own = FIRST;                  /* bottom, as the owner knows it */
	byte room_until = FIRST + SLOTS;
	byte mine[SLOTS];                  /* the slots, as the owner knows them */
	byte ops = OPS, task, at, value, split;
	content seen;
	mtype op;
	bool asked, question;

next:
	if
	:: ops > 0 && task < TASKS -> atomic { ops--; task++; op = PUSH }
	:: ops > 0 -> atomic { ops--; op = POP }; goto pop
	:: goto done
	fi;

	/* hd_split_push_owner(), hd_split_make_room_owner() */
	if
	:: own == room_until ->
		room_until = word.tail + ROOM
	:: else
	fi;
	if
	:: atomic { own == room_until -> task-- }; goto next
	:: else
	fi;
	atomic {
		len(buffer) <= DEPTH - 2 ->
		mine[AT(own)] = task;
		buffer!SLOT(AT(own), task);
		own++;
		buffer!BOTTOM(0, own);
		pushed = task
	}
#ifdef BUG_DEAF_PUSH
	goto next;
#else
	if
	:: limit != ASKED -> goto next
	:: limit == ASKED
	fi;
	goto divide;
#endif

pop:	/* hd_split_pop_owner() */
	atomic {
		nfull(buffer) ->
		own--;
		buffer!BOTTOM(0, own);
		if
		:: own >= FIRST && mine[AT(own)] != 0 && !out[mine[AT(own)]] ->
			hand = mine[AT(own)]
		:: else
		fi
	}
	if
	:: atomic { !SLOW(own) -> taken(mine[AT(own)]); hand = 0 };
		goto next
	:: SLOW(own)
	fi;

divide:	/* divide(), which sees the word again when its CAS has failed */
	atomic { load_word(seen) }
again:
	if
	:: own < seen.tail -> assert(op == POP); goto none
	:: else
	fi;
	split = seen.tail + (own - seen.tail + 1) / 2;
#ifdef BUG_LIMIT_LATE
	goto change;
lower:
#endif
#ifdef BUG_STORE_QUESTION
	question = limit == ASKED;
#endif
	atomic {
#ifndef BUG_STORE_QUESTION
		question = limit == ASKED;
#endif
#ifndef WEAK
		drain();
#endif
		limit = split;
#ifndef BUG_UNASKED
		asked = asked || question;
#endif
		question = false
	}
#ifdef BUG_LIMIT_LATE
	split = 0;
	goto changed;
change:
#endif
	if
	:: atomic {
		SAME(seen) ->
		drain();
		word.public = split - seen.tail;
		word.revoked = false;
		word.generation = NEXT(seen.generation);
		if
		:: op == POP -> taken(mine[AT(own)]); hand = 0
		:: else
		fi;
		clear(seen)
#ifndef BUG_LIMIT_LATE
		;
		split = 0
#endif
	   }
	:: atomic { !SAME(seen) -> load_word(seen) }; goto again
	fi;
#ifdef BUG_LIMIT_LATE
	goto lower;
changed:
#endif
	goto look;

none:	/* hd_split_pop_slow_owner(): it was stolen, or there was none */
	atomic {
		nfull(buffer) ->
		hand = 0;
		op = EMPTY;
#ifndef BUG_LOWERED
		own++;
		buffer!BOTTOM(0, own);
#endif
		value = 1;
		do
		:: value > pushed -> break
		:: else -> assert(out[value]); value++
		od;
		value = 0
	}
#ifdef BUG_LOWERED
	goto look;
#else
	goto divide;
#endif

look:	/* what a caller does behind a push or pop, split-3 */
	if
	:: asked -> asked = false
	:: else -> goto next
	fi;
	if
	:: idle == 0 -> goto next
	:: idle != 0
	fi;
	if
	:: own > word.tail -> atomic { woken++; goto next }
	:: own <= word.tail
	fi;
	limit = ASKED;
	goto next;
done:
	skip
}

/* The owner passes a full barrier while the caller is in the kernel. */
inline membarrier()
{
#ifndef BUG_NO_BARRIER
	atomic { drain(); before = pushed }
#else
	before = pushed
#endif
}

/* All that were pushed before the barrier are taken, or in the owner's hand. */
inline none_missed()
{
	value = 1;
	do
	:: value > before -> break
	:: else -> assert(out[value] || hand == value); value++
	od;
	value = 0
}

proctype thief(bool sleeps)
{
	content seen;
	byte rounds = ROUNDS, at, value, before, n, first, second;
	byte opened = ASKED; /* the generation in which we have forced it open */
	byte there;

	if
	:: sleeps -> idle++; goto force
	:: else
	fi;
attempt:
	if
	:: rounds == 0 -> goto done
	:: else -> rounds--
	fi;
	if
	:: goto force
	:: skip
	fi;

	/* hd_split_steal_any(), hd_split_steal_some_any() */
	atomic {
		load_word(seen);
		there = seen.public;
		/* What was forced open is open to all. */
		assert(!(seen.generation == opened && bottom > seen.tail &&
			 !seen.revoked && seen.public == 0))
	}
	if
	:: seen.revoked -> /* open_in(), load_bottom() */
		atomic {
			there = 0;
			if
			:: bottom > seen.tail -> there = bottom - seen.tail
			:: else
			fi
		}
	:: else
	fi;
	if
	:: there == 0 -> goto over
	:: there > 0 -> n = 1
	:: there > 2 -> n = 2
	fi;
	first = slot[AT(seen.tail)];
	if
	:: n == 2 -> second = slot[AT(seen.tail + 1)]
	:: else
	fi;
	if
	:: atomic {
		SAME(seen) ->
		word.tail = word.tail + n;
		word.public = (word.public > n -> word.public - n : 0);
		taken(first);
		if
		:: n == 2 -> taken(second)
		:: else
		fi
	   }
	:: !SAME(seen) /* RETRY */
	fi;
	goto over;

force:	/* hd_split_ask_any() */
	atomic { load_word(seen) }
#ifdef BUG_BOTTOM_FIRST
	there = (bottom > seen.tail -> bottom - seen.tail : 0);
#endif
	if
	:: limit == ASKED
	:: limit != ASKED -> limit = ASKED
	fi;
	membarrier();
	/* hd_split_force_any() */
#ifdef BUG_LATE_NOTE
	atomic { load_word(seen) }
#endif
#ifndef BUG_BOTTOM_FIRST
	there = (bottom > seen.tail -> bottom - seen.tail : 0);
#endif
	if
	:: there == 0 ->
#ifdef BUG_ANY_NONE
		atomic { none_missed() }
#else
		if
		:: atomic { SAME(seen) -> none_missed() }
		:: atomic { !SAME(seen) -> there = 1 }
		fi;
#endif
		if
		:: there == 1 && sleeps -> there = 0; goto force
		:: there == 0 && sleeps -> asleep++
		:: else
		fi;
		goto over
	:: else
	fi;
	first = slot[AT(seen.tail)];
	if
#ifdef BUG_BLIND_FORCE
	:: atomic {
		true ->
#else
	:: atomic {
		SAME(seen) ->
#endif
		word.tail = seen.tail + 1;
		word.public = (seen.public > 1 -> seen.public - 1 : 0);
		word.generation = seen.generation;
#ifdef BUG_NOT_REVOKED
		word.revoked = false;
#else
		word.revoked = true;
#endif
		opened = seen.generation;
		taken(first)
	   }
#ifndef BUG_BLIND_FORCE
	:: !SAME(seen) -> /* RETRY */
		if
		:: sleeps -> atomic { first = 0; there = 0 }; goto force
		:: else
		fi
#endif
	fi;
over:
	atomic {
		clear(seen);
		before = 0;
		n = 0;
		first = 0;
		second = 0;
		there = 0
	}
	if
	:: sleeps -> goto done
	:: else -> goto attempt
	fi;
done:
	skip
}

/* Nothing is lost: what was pushed and is not out lies in the deque, once. */
proctype at_rest()
{
	byte i, left;

	timeout;
	d_step {
		assert(bottom >= word.tail);
		i = word.tail;
		do
		:: i == bottom -> break
		:: else ->
			assert(slot[AT(i)] != 0 && !out[slot[AT(i)]]);
			out[slot[AT(i)]] = true;
			left++;
			i++
		od;
		i = 1;
		do
		:: i > pushed -> break
		:: else -> assert(out[i]); i++
		od;
		/* split-3 */
		assert(!(left > 0 && asleep > 0 && woken == 0))
	}
}

init
{
	atomic {
		word.tail = FIRST;
		run at_rest();
		run memory();
		run owner();
		run thief(SLEEPERS >= THIEVES);
#if THIEVES > 1
		run thief(SLEEPERS >= 1);
#endif
	}
}
