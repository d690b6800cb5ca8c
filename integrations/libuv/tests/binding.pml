/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A binding of libheddle-uv: integrations/libuv/heddle_uv.c between the loop, which takes
 * requests back and closes, and the workers that run, end and report jobs. Sequentially
 * consistent; a statement, or an atomic block, is one load, one store or one
 * read-modify-write of shared memory. binding.t says what is explored.
 *
 *   job      QUEUED -> RUNNING -> ENDED; QUEUED -> CANCELLED -> ENDED; -> ORPHANED -> freed
 *   list     head, next[]: pushed by a CAS, taken by an exchange; NIL or DRAINING below
 *   worker   one for each job: claims it, or finds its group refused; ends it, pushes it, and
 *            sends if it pushed on NIL
 *   loop     a wake-up and its LOOKS looks; cancels; one close, at any time with EARLY, else
 *            when nothing is out
 *
 * Abstracted away: uv_async_send() sets a flag that the loop clears before it looks, which is
 * what libuv promises. Jobs are used once. What callbacks do is what the loop does between
 * two wake-ups; that a report queues or cancels is left out.
 *
 * JOBS   2 or 3
 * LOOKS  at least 1
 */
#ifndef JOBS
#define JOBS 2
#endif
#ifndef LOOKS
#define LOOKS 2
#endif

#define NIL      JOBS
#define DRAINING (JOBS + 1)

mtype = { QUEUED, RUNNING, CANCELLED, ORPHANED, ENDED };

byte head = NIL;
byte next[JOBS];
mtype state[JOBS] = QUEUED;
bool is_done[JOBS];     /* job->status, as the worker leaves it */
bool wake;              /* the loop's callback is due */
byte wakes_sent;

/* The loop's. */
bool has_request[JOBS]; /* job->req */
bool is_away[JOBS];     /* on the list of jobs that have not returned */
bool is_taken[JOBS];    /* on the list of cancelled requests */
byte out = JOBS;
byte wakes_owed;
bool is_closing;

/* Only the properties read these. */
bool ran[JOBS];
bool reported[JOBS];
byte freed[JOBS];       /* how often the job's memory went */
bool is_closed;         /* the handle and the binding's memory are gone */

proctype worker(byte j)
{
	mtype before;
	byte seen;

	if
	:: atomic {
		if
		:: state[j] == QUEUED ->
#ifndef BUG_NO_CLAIM
			state[j] = RUNNING;
#endif
			before = RUNNING
		:: else ->
			before = CANCELLED
		fi
	   }
	   if
	   :: before == RUNNING ->
		atomic {
			assert(!reported[j]);
			ran[j] = true
		}
	   :: else
	   fi
	:: skip /* its group is refused */
	fi;
#ifdef BUG_PLAIN_END
	before = state[j];
	state[j] = ENDED;
#else
	atomic {
		before = state[j];
		state[j] = ENDED
	}
#endif
	if
	:: before == ORPHANED ->
		freed[j]++;
		goto left
	:: else
	fi;
	is_done[j] = (before == RUNNING);
	seen = head;
	do
	:: next[j] = seen;
#ifdef BUG_BLIND_PUSH
	   head = j;
	   break
#else
	   atomic {
		assert(!is_closed);
		if
		:: head == seen ->
			head = j;
			break
		:: else ->
			seen = head
		fi
	   }
#endif
	od;
	if
	:: seen == NIL ->
		atomic {
			assert(!is_closed);
			wake = true
		}
		atomic {
			assert(!is_closed);
			wakes_sent++
		}
	:: else
	fi;
left:	skip
}

inline report(r, done)
{
	assert(!reported[r] && done == ran[r]);
	reported[r] = true;
	out--
}

inline cancel(c)
{
#ifdef BUG_PLAIN_CANCEL
	is_queued = (state[c] == QUEUED);
	if
	:: is_queued -> state[c] = CANCELLED
	:: else
	fi;
#else
	atomic {
		is_queued = (state[c] == QUEUED);
		if
		:: is_queued -> state[c] = CANCELLED
		:: else
		fi
	}
#endif
	if
	:: is_queued ->
		has_request[c] = false;
		is_taken[c] = true;
		wake = true
	:: else
	fi
}

inline orphan(c)
{
	atomic {
		is_queued = (state[c] == QUEUED && has_request[c]);
		is_orphan = (is_queued || state[c] == CANCELLED);
#ifdef BUG_ORPHAN_ENDED
		is_orphan = (is_orphan || state[c] == ENDED && !has_request[c]);
#endif
		if
		:: is_orphan -> state[c] = ORPHANED
		:: else
		fi
	}
	if
	:: is_orphan -> is_away[c] = false
	:: else
	fi;
	if
	:: is_queued -> is_taken[c] = true
	:: else
	fi
}

/* What lies on the list is the loop's, so only its bottom matters to the order. */
inline take()
{
	atomic {
		list = head;
		head = DRAINING
	}
	was_empty = (list >= JOBS);
	do
	:: list < JOBS ->
		atomic {
			assert(freed[list] == 0);
			is_away[list] = false;
			freed[list]++;
			if
			:: has_request[list] ->
				has_request[list] = false;
				report(list, is_done[list])
			:: else
			fi;
			list = next[list]
		}
	:: else -> break
	od;
	if
	:: !was_empty && list == NIL -> wakes_owed++
	:: else
	fi
}

active proctype loop()
{
	byte list, looks, j;
	bool is_queued, is_orphan, was_empty, is_empty;

	atomic {
		for (j : 0 .. JOBS - 1) {
			has_request[j] = true;
			is_away[j] = true;
			run worker(j)
		}
	}
	do
	:: is_closed -> break
	:: !is_closing && has_request[0] -> cancel(0)
	:: !is_closing && has_request[1] -> cancel(1)
#ifdef EARLY
	:: !is_closing ->
#else
	:: !is_closing && out == 0 ->
#endif
		is_closing = true;
		for (j : 0 .. JOBS - 1) {
			if
			:: is_away[j] -> orphan(j)
			:: else
			fi
		}
		wake = true
	:: wake ->
		wake = false;
		for (j : 0 .. JOBS - 1) {
			atomic {
				if
				:: is_taken[j] ->
					is_taken[j] = false;
					report(j, false)
				:: else
				fi
			}
		}
		looks = LOOKS;
		do
		:: looks == 0 -> break
		:: else ->
			take();
#ifdef BUG_PLAIN_LEAVE
			is_empty = (head == DRAINING);
			if
			:: is_empty -> head = NIL
			:: else
			fi;
#else
			atomic {
				is_empty = (head == DRAINING);
				if
				:: is_empty -> head = NIL
				:: else
				fi
			}
#endif
			if
			:: is_empty -> break
			:: else -> looks--
			fi
		od;
#ifndef BUG_STAY
		/* The list is still the loop's: it comes back by itself. */
		if
		:: looks == 0 -> wake = true
		:: else
		fi;
#endif
		is_empty = true;
		for (j : 0 .. JOBS - 1) {
			is_empty = is_empty && !is_away[j]
		}
		if
		:: is_closing && out == 0 && is_empty ->
#ifdef BUG_NO_COUNT
			is_closed = true
#else
			if
			:: wakes_sent == wakes_owed -> is_closed = true
			:: else -> wake = true
			fi
#endif
		:: else
		fi
	od;
	/* The workers, too, come to their end. */
	(_nr_pr == 1);
	for (j : 0 .. JOBS - 1) {
		assert(reported[j] && freed[j] == 1)
	}
}
