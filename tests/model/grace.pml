/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grace periods: lockfree/reclaim.[ch] between readers that hold a pointer inside of
 * a section and those who replace, retire and free. Sequentially consistent; a
 * statement, or an atomic block, is one load, one store or one read-modify-write of
 * shared memory. tests/model/grace.t says what is explored.
 *
 *   block    FRESH -> LINKED -> UNLINKED -> FRESH, and again: memory is reused, so the
 *            push meets the same first block a second time (ABA)
 *   list     what was retired: first, next[]; pushed by a CAS, taken by an exchange
 *   reader   outside; in a section without a pointer; with one, which it reads through
 *   updater  link a new block, retire the old one, and flush, or leave that to others
 *   flusher  takes the list, one grace period, frees it
 *
 * Abstracted away: the grace period is its specification, not liburcu: it ends when all
 * sections that were open at its beginning have ended, and no later. Replacing
 * is one exchange, of one pointer. free_fn does nothing with other blocks. Weak
 * memory: the laboratory's scenarios reclaim-* have the real orders.
 *
 * READERS  readers, 1 or 2, with SECTIONS sections each
 * UPDATERS 1 or 2, with UPDATES replacements each
 * FLUSHERS threads that only flush, once: 0 or 1
 * BLOCKS   blocks there are
 */
#ifndef READERS
#define READERS 1
#endif
#ifndef SECTIONS
#define SECTIONS 2
#endif
#ifndef UPDATERS
#define UPDATERS 1
#endif
#ifndef UPDATES
#define UPDATES 2
#endif
#ifndef FLUSHERS
#define FLUSHERS 1
#endif
#ifndef BLOCKS
#define BLOCKS 3
#endif

#define NONE     BLOCKS
#define WAITERS  (UPDATERS + FLUSHERS)
#define BIT(i)   (1 << (i))

byte shared;        /* the block that readers reach */
byte list = NONE;   /* reclaim->list */
byte next[BLOCKS] = NONE;
byte open;          /* readers inside of a section, a bit each */
byte awaited[WAITERS]; /* sections that a grace period still waits for */

/* Only the properties, and malloc, read these. */
mtype = { FRESH, LINKED, UNLINKED };
mtype block[BLOCKS] = FRESH;
bool in_list[BLOCKS]; /* retired and not freed */

proctype reader(byte me)
{
	byte sections = SECTIONS, mine = NONE;

	do
	:: sections == 0 -> break
	:: else ->
		sections--;
		open = open | BIT(me);
		mine = shared;
		assert(block[mine] != FRESH);
		assert(block[mine] != FRESH); /* some time later */
		atomic {
			mine = NONE;
			open = open & ~BIT(me);
			awaited[0] = awaited[0] & ~BIT(me);
#if WAITERS > 1
			awaited[1] = awaited[1] & ~BIT(me);
#endif
#if WAITERS > 2
			awaited[2] = awaited[2] & ~BIT(me);
#endif
		}
	od
}

inline synchronize(me)
{
	awaited[me] = open;
	awaited[me] == 0
}

/* The exchange; with LOAD_TAKE a load and a store. */
inline take_list()
{
#ifdef BUG_LOAD_TAKE
	taken = list;
	list = NONE
#else
	atomic { taken = list; list = NONE }
#endif
}

inline free_taken()
{
	do
	:: taken == NONE -> break
	:: else ->
		after = next[taken];
		atomic {
			assert(block[taken] == UNLINKED && in_list[taken]);
			block[taken] = FRESH;
			in_list[taken] = false;
			next[taken] = NONE;
			taken = after;
			after = NONE
		}
	od
}

/* Used once in each process, for it has a label. */
inline flush(me)
{
#if defined(BUG_LATE_TAKE)
	if
	:: list == NONE -> goto flushed
	:: list != NONE
	fi;
	synchronize(me);
	take_list();
	free_taken();
#elif defined(BUG_FREE_FIRST)
	take_list();
	free_taken();
	synchronize(me);
#elif defined(BUG_NO_GRACE)
	take_list();
	free_taken();
#else
	take_list();
	if
	:: taken == NONE -> goto flushed
	:: else
	fi;
	synchronize(me);
	free_taken();
#endif
flushed:
	skip
}

inline retire(old)
{
	first = list;
again:
	next[old] = first;
#ifdef BUG_BLIND_PUSH
	list = old;
#else
	if
	:: atomic { list == first -> list = old; first = NONE }
	:: atomic { list != first -> first = list }; goto again
	fi
#endif
}

inline find_fresh()
{
	atomic {
		if
		:: block[0] == FRESH -> new = 0
		:: block[1] == FRESH -> new = 1
		:: block[2] == FRESH -> new = 2
#if BLOCKS > 3
		:: block[3] == FRESH -> new = 3
#endif
#if BLOCKS > 4
		:: block[4] == FRESH -> new = 4
#endif
		:: else -> goto done
		fi;
		block[new] = LINKED
	}
}

proctype updater(byte me)
{
	byte updates = UPDATES, new = NONE, old = NONE, first = NONE;
	byte taken = NONE, after = NONE;

update:
	if
	:: updates == 0 -> goto done
	:: else -> updates--
	fi;
	find_fresh();
#ifdef BUG_EARLY_RETIRE
	old = shared;
	in_list[old] = true;
	retire(old);
	atomic { shared = new; block[old] = UNLINKED; old = NONE; new = NONE };
#else
	atomic {
		old = shared;
		shared = new;
		block[old] = UNLINKED;
		in_list[old] = true;
		new = NONE
	};
	retire(old);
	old = NONE;
#endif
	if
	:: skip
	:: goto update /* somebody else may flush */
	fi;
	flush(me);
	goto update;
done:
	skip
}

#if FLUSHERS > 0
proctype flusher(byte me)
{
	byte taken = NONE, after = NONE;

	flush(me)
}
#endif

/* Nothing is lost: what was retired is in the list, or was freed, once. */
proctype at_rest()
{
	byte b, listed;

	timeout;
	d_step {
		b = list;
		do
		:: b == NONE -> break
		:: else ->
			assert(block[b] == UNLINKED && in_list[b]);
			in_list[b] = false;
			listed++;
			assert(listed <= BLOCKS);
			b = next[b]
		od;
		b = 0;
		do
		:: b == BLOCKS -> break
		:: else -> assert(!in_list[b]); b++
		od;
		assert(block[shared] == LINKED)
	}
}

init
{
	atomic {
		block[0] = LINKED;
		run at_rest();
		run reader(0);
#if READERS > 1
		run reader(1);
#endif
		run updater(0);
#if UPDATERS > 1
		run updater(1);
#endif
#if FLUSHERS > 0
		run flusher(UPDATERS);
#endif
	}
}
