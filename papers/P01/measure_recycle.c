/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a thread's next user can see of the one before it. Each user looks for
 * the mark of its predecessors in its thread-local values and on the stack
 * below its own frame, then leaves its own mark in both. Thread ids are checked
 * against those of all live threads of the process.
 *
 * The same is done to back ends that recycle threads without scrubbing them:
 * there the marks must be found, else this test could not find any.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "papers/P01/backend_heddle.h"
#include "papers/P01/measure.h"
#include "papers/P01/threads.h"
#include "tools/say.h"

enum {
	VALUES = 16,          /* thread-local values of each thread */
	DESTROYED_VALUES = 8, /* of these, with a destructor */
	LIVE = 4,             /* threads at once */
	MARKED_WORDS = 1024,  /* of the stack */
	SKIPPED_BYTES = 512,  /* next to the frame, where our own calls write */
	TID_BITS = 29
};

#define MARK UINT64_C(0xc5a1da7e)

struct counts {
	_Atomic(uint64_t) users;
	_Atomic(uint64_t) stale_stack; /* words with a mark */
	_Atomic(uint64_t) stale_values;
	_Atomic(uint64_t) destroyed;
	_Atomic(uint64_t) tid_twice;
	_Atomic(uint64_t) tid_range;
	_Atomic(uint64_t) *live_tids; /* one bit each, 2^TID_BITS */
	struct heddle_slot *slot[VALUES];
	pthread_key_t key[VALUES];
	bool has_guests;
};

static struct counts counts;

/* Every count is read after the users were joined. */
static void count(_Atomic(uint64_t) *counter, uint64_t n)
{
	if (n)
		atomic_fetch_add_explicit(counter, n,
					  memory_order_relaxed); /* joined */
}

static uint64_t value_of(_Atomic(uint64_t) *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed); /* joined */
}

static void destroy_value(void *value)
{
	(void)value;
	count(&counts.destroyed, 1);
}

/* How many words below the caller's frame carry a mark. */
static inline __attribute__((always_inline)) uint64_t marks_below(char *frame)
{
	volatile const uint64_t *word =
		(volatile const uint64_t *)(void *)(frame - SKIPPED_BYTES);
	uint64_t n = 0;
	uint32_t i;

	for (i = 1; i <= MARKED_WORDS; i++)
		n += word[-(int32_t)i] >> 32 == MARK;
	return n;
}

static __attribute__((noinline)) uint64_t mark_stack(uint64_t number)
{
	volatile uint64_t room[MARKED_WORDS + SKIPPED_BYTES / 8];
	uint32_t i;

	for (i = 0; i < MARKED_WORDS + SKIPPED_BYTES / 8; i++)
		room[i] = MARK << 32 | (number & UINT32_MAX);
	return room[number % MARKED_WORDS];
}

static void *get_value(uint32_t i)
{
	return counts.has_guests ? heddle_slot_get(counts.slot[i])
				 : pthread_getspecific(counts.key[i]);
}

static void set_value(uint32_t i, void *value)
{
	if (counts.has_guests)
		hp_heddle_must(heddle_slot_set(counts.slot[i], value),
			       "heddle_slot_set");
	else if (pthread_setspecific(counts.key[i], value))
		hp_die("pthread_setspecific failed");
}

static void look_at_values(uint64_t number)
{
	uint64_t stale = 0;
	uint32_t i;

	for (i = 0; i < VALUES; i++)
		stale += get_value(i) != NULL;
	count(&counts.stale_values, stale);
	for (i = 0; i < VALUES; i++)
		set_value(i, (void *)(uintptr_t)(number * VALUES + i + 1));
}

static void enter_tid(uint32_t tid)
{
	uint64_t bit = UINT64_C(1) << tid % 64;

	if (!tid || tid >> TID_BITS) {
		count(&counts.tid_range, 1);
		return;
	}
	if (atomic_fetch_or_explicit(&counts.live_tids[tid / 64], bit,
				     memory_order_relaxed) & /* one word */
	    bit)
		count(&counts.tid_twice, 1);
}

static void leave_tid(uint32_t tid)
{
	if (tid && !(tid >> TID_BITS))
		atomic_fetch_and_explicit(&counts.live_tids[tid / 64],
					  ~(UINT64_C(1) << tid % 64),
					  memory_order_relaxed); /* one word */
}

/* The user of a thread. What lies below its frame is its predecessor's. */
static __attribute__((noinline, no_sanitize("address"))) void
use_thread(struct hp_unit *unit)
{
	uint32_t tid = heddle_guest_tid(heddle_guest_self());

	count(&counts.stale_stack, marks_below(__builtin_frame_address(0)));
	count(&counts.users, 1);
	if (counts.has_guests)
		enter_tid(tid);
	look_at_values(unit->number);
	if (mark_stack(unit->number) >> 32 != MARK)
		hp_die("the stack does not keep what is written");
	if (counts.has_guests)
		leave_tid(tid);
}

static void make_values(struct heddle_pool *pool)
{
	struct heddle_slot_options options = {
		.struct_size = sizeof(options),
	};
	uint32_t i;

	for (i = 0; i < VALUES; i++) {
		options.destructor = i < DESTROYED_VALUES ? destroy_value
							  : NULL;
		if (counts.has_guests)
			hp_heddle_must(heddle_slot_create(pool, &options,
							  &counts.slot[i]),
				       "heddle_slot_create");
		else if (pthread_key_create(&counts.key[i], options.destructor))
			hp_die("pthread_key_create failed");
	}
}

static void print_check(struct heddle_pool *pool)
{
	struct heddle_check check = { .struct_size = sizeof(check) };
	int rc = heddle_check(pool, &check);

	printf("check rc=%d violations=%u first=%s recycled=%" PRIu64
	       " stale_bytes=%" PRIu64 "\n",
	       rc, check.violations,
	       check.violations ? check.violation[0].name : "none",
	       check.guests_recycled, check.stale_bytes);
}

void hp_measure_recycle(const struct hp_request *request)
{
	const struct hp_backend *backend = request->backend;
	struct hp_request own = *request;
	struct hp_unit units[LIVE] = { 0 };
	uint64_t i;
	void *pool;

	counts.has_guests = backend == &hp_heddle_guest;
	counts.live_tids =
		mmap(NULL, (size_t)1 << (TID_BITS - 3), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (counts.live_tids == MAP_FAILED)
		hp_die("no memory for the table of thread ids");
	own.size = LIVE;
	pool = hp_pool_open(&own, 0, 1);
	make_values(counts.has_guests ? hp_heddle_of(pool) : NULL);
	for (i = 0; i < request->count + LIVE; i++) {
		struct hp_unit *unit = &units[i % LIVE];

		if (i >= LIVE)
			backend->wait(pool, unit);
		if (i >= request->count)
			continue;
		unit->fn = use_thread;
		unit->number = i;
		hp_run(&own, pool, unit);
	}
	printf("recycle count=%" PRIu64 " users=%" PRIu64
	       " stale_stack=%" PRIu64 " stale_values=%" PRIu64
	       " destroyed=%" PRIu64 " wanted=%" PRIu64 " tid_twice=%" PRIu64
	       " tid_range=%" PRIu64 "\n",
	       request->count, value_of(&counts.users),
	       value_of(&counts.stale_stack), value_of(&counts.stale_values),
	       value_of(&counts.destroyed), request->count * DESTROYED_VALUES,
	       value_of(&counts.tid_twice), value_of(&counts.tid_range));
	if (counts.has_guests)
		print_check(hp_heddle_of(pool));
	backend->shutdown(pool);
}
