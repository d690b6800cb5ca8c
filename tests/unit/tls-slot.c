/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots: whose value is seen, what a destroyed slot leaves, destructors.
 *
 * Method: workers are structs made here and given to threads through hd_self,
 * so that each interleaving of a destructor and a destroy can be arranged.
 *
 * clause: T2
 * clause: T6
 * clause: L3
 * property: P33
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "platform/clock.h"
#include "platform/futex.h"
#include "platform/memory.h"
#include "platform/mutex.h"
#include "sched/pool.h"
#include "sched/worker.h"
#include "tests/tap/tap.h"
#include "tls/slot.h"

#define MS      UINT64_C(1000000)
#define ENTRIES 8 /* more than threads are workers at a time */

static const uint32_t not_forked = 1;
static _Thread_local uint32_t own_entry = ENTRIES;

static struct heddle_pool *make_pool(uint32_t slots_max)
{
	struct heddle_pool *pool = hd_alloc(sizeof(*pool));

	pool->fork_mark = &not_forked;
	pool->slots_max = slots_max;
	pool->entries = ENTRIES;
	hd_mutex_init(&pool->control);
	if (hd_slots_pool_create(pool) < 0)
		bail("no table of slots");
	return pool;
}

static void free_pool(struct heddle_pool *pool)
{
	hd_slots_pool_destroy(pool);
	hd_mutex_destroy(&pool->control);
	hd_free(pool);
}

/* The calling thread is this worker until end_worker(). */
static struct hd_worker *be_worker(struct heddle_pool *pool)
{
	static _Atomic uint32_t lives_begun;
	struct hd_worker *worker = hd_alloc(sizeof(*worker));

	/* An entry has one worker at a time. */
	if (own_entry == ENTRIES)
		own_entry = atomic_fetch_add(&lives_begun, 1) % ENTRIES;
	worker->index = own_entry;
	worker->pool = pool;
	if (hd_slots_worker_begin(worker) < 0)
		bail("no values");
	hd_self = worker;
	return worker;
}

static void end_worker(struct hd_worker *worker)
{
	hd_slots_worker_end(worker);
	hd_self = NULL;
	hd_free(worker);
}

static struct heddle_slot *make_slot(struct heddle_pool *pool,
				     void (*destructor)(void *value))
{
	struct heddle_slot_options options = {
		.struct_size = sizeof(options),
		.destructor = destructor,
	};
	struct heddle_slot *slot;

	if (heddle_slot_create(pool, &options, &slot) < 0)
		bail("no slot");
	return slot;
}

/* ---- create and errors ---- */

static void test_create(void)
{
	struct heddle_pool *pool = make_pool(3);
	struct heddle_slot_options options = { .struct_size = sizeof(options) };
	struct heddle_slot *slot[4] = { NULL };
	struct {
		struct heddle_slot_options options;
		uint64_t more;
	} longer = { { .struct_size = sizeof(longer) }, 0 };
	int i;

	for (i = 0; i < 3; i++)
		ok(heddle_slot_create(pool, NULL, &slot[i]) == 0, "slot %d", i);
	slot[3] = slot[0];
	ok(heddle_slot_create(pool, NULL, &slot[3]) == -ENOSPC && !slot[3],
	   "a fourth of three is -ENOSPC");
	ok(heddle_slot_destroy(slot[1], HEDDLE_NOW) == 0, "destroy one");
	ok(heddle_slot_destroy(slot[1], HEDDLE_NOW) == -EINVAL, "not twice");
	ok(heddle_slot_create(pool, &options, &slot[1]) == 0, "room again");
	options.flags = 1;
	ok(heddle_slot_create(pool, &options, &slot[3]) == -EINVAL,
	   "an unknown flag");
	ok(heddle_slot_destroy(slot[2], HEDDLE_NOW) == 0 &&
		   heddle_slot_create(pool, &longer.options, &slot[2]) == 0,
	   "a longer struct with zeros");
	longer.more = 1;
	ok(heddle_slot_create(pool, &longer.options, &slot[3]) == -E2BIG,
	   "a longer struct without");
	ok(heddle_slot_create(NULL, NULL, &slot[3]) == -EINVAL &&
		   heddle_slot_create(pool, NULL, NULL) == -EINVAL &&
		   heddle_slot_set(NULL, NULL) == -EINVAL &&
		   heddle_slot_destroy(NULL, 0) == -EINVAL,
	   "NULL is -EINVAL");
	free_pool(pool);
}

static void test_forked(void)
{
	static const uint32_t forked = 0;
	struct heddle_pool *pool = make_pool(2);
	struct heddle_slot *slot = make_slot(pool, NULL), *other;
	struct hd_worker *worker = be_worker(pool);

	heddle_slot_set(slot, pool);
	pool->fork_mark = &forked;
	errno = 0;
	ok(!heddle_slot_get(slot) && errno == ECHILD, "get in a forked child");
	ok(heddle_slot_set(slot, NULL) == -ECHILD, "set in a forked child");
	ok(heddle_slot_create(pool, NULL, &other) == -ECHILD, "create");
	ok(heddle_slot_destroy(slot, HEDDLE_NOW) == -ECHILD, "destroy");
	pool->fork_mark = &not_forked;
	end_worker(worker);
	free_pool(pool);
}

/* ---- whose value ---- */

static void test_values(void)
{
	struct heddle_pool *pool = make_pool(4), *other = make_pool(4);
	struct heddle_slot *slot = make_slot(pool, NULL);
	struct heddle_slot *foreign = make_slot(other, NULL);
	struct hd_worker *worker;
	int x, y;

	errno = 0;
	ok(!heddle_slot_get(slot) && errno == EPERM, "no worker: NULL, EPERM");
	ok(heddle_slot_set(slot, &x) == -EPERM, "no worker: -EPERM");

	worker = be_worker(pool);
	errno = 0;
	ok(!heddle_slot_get(foreign) && errno == EPERM, "another pool's slot");
	ok(heddle_slot_set(foreign, &x) == -EPERM, "another pool's slot, set");
	errno = 0;
	ok(!heddle_slot_get(slot) && errno == 0, "a new slot is NULL");
	ok(heddle_slot_set(slot, &x) == 0 && heddle_slot_get(slot) == &x,
	   "what was set");

	hd_slots_guest_begin(worker);
	ok(!heddle_slot_get(slot), "a guest does not see the worker's value");
	heddle_slot_set(slot, &y);
	ok(heddle_slot_get(slot) == &y, "but its own");
	hd_slots_destruct(worker);
	is_u64(hd_slots_guest_end(worker), 0, "nothing of it is left");
	ok(heddle_slot_get(slot) == &x, "the worker sees its own again");
	hd_slots_guest_begin(worker);
	ok(!heddle_slot_get(slot), "the next guest sees nothing");
	hd_slots_guest_end(worker);
	end_worker(worker);

	worker = be_worker(pool);
	ok(!heddle_slot_get(slot), "nor does the next incarnation");
	end_worker(worker);
	free_pool(other);
	free_pool(pool);
}

static void test_guest_bytes(void)
{
	enum {
		SLOTS = 64
	};
	struct heddle_pool *pool = make_pool(SLOTS);
	struct hd_worker *worker = be_worker(pool);
	struct hd_values *values = worker->tls;
	struct heddle_slot *slot[SLOTS];
	static const char zero[sizeof(*values->guest) * SLOTS];
	int i;

	for (i = 0; i < SLOTS; i++)
		slot[i] = make_slot(pool, NULL);
	hd_slots_guest_begin(worker);
	for (i = 0; i < SLOTS; i++)
		heddle_slot_set(slot[i], &slot[i]);
	ok(memcmp(values->guest, zero, sizeof(zero)) != 0, "values are there");
	is_u64(hd_slots_guest_end(worker), 0, "cleared and read back");
	ok(memcmp(values->guest, zero, sizeof(zero)) == 0,
	   "every byte is that of a fresh thread");
	end_worker(worker);
	free_pool(pool);
}

static void test_destroyed(void)
{
	struct heddle_pool *pool = make_pool(1);
	struct heddle_slot *slot = make_slot(pool, NULL), *again;
	struct hd_worker *worker = be_worker(pool);
	int x;

	heddle_slot_set(slot, &x);
	ok(heddle_slot_destroy(slot, HEDDLE_NOW) == 0,
	   "destroyed with a value");
	ok(!heddle_slot_get(slot), "the value is unreachable");
	ok(heddle_slot_set(slot, &x) == -EINVAL, "no new one can be set");
	again = make_slot(pool, NULL);
	ok(again == slot, "the entry is used again");
	ok(!heddle_slot_get(again), "and does not have the old value");
	end_worker(worker);
	free_pool(pool);
}

/* ---- destructors ---- */

static struct heddle_slot *ordered[4];
static char order[64];
static int calls, reborn_max;

static void note(void *value)
{
	size_t length = strlen(order);

	order[length] = *(char *)value;
	order[length + 1] = 0;
}

static void test_order(void)
{
	static char names[] = "abcd";
	struct heddle_pool *pool = make_pool(4);
	struct hd_worker *worker = be_worker(pool);
	int i;

	for (i = 0; i < 4; i++)
		ordered[i] = make_slot(pool, note);
	for (i = 3; i >= 0; i--)
		heddle_slot_set(ordered[i], &names[i]);
	heddle_slot_set(ordered[2], NULL);
	end_worker(worker);
	ok(!strcmp(order, "abd"), "in slot order, not for NULL: %s", order);
	free_pool(pool);
}

/* Sets itself again, which is seen only if it was cleared before the call. */
static void reborn(void *value)
{
	calls++;
	if (heddle_slot_get(ordered[0]))
		calls += 1000;
	if (calls < reborn_max)
		heddle_slot_set(ordered[0], value);
}

static void test_rounds(void)
{
	struct heddle_pool *pool = make_pool(4);
	struct hd_worker *worker = be_worker(pool);
	int x;

	ordered[0] = make_slot(pool, reborn);
	hd_slots_guest_begin(worker);
	calls = 0;
	reborn_max = 100;
	heddle_slot_set(ordered[0], &x);
	hd_slots_destruct(worker);
	is_u64((uint64_t)calls, 4, "four rounds, cleared before each call");
	ok(heddle_slot_get(ordered[0]) == &x, "the fifth value is still there");
	is_u64(hd_slots_guest_end(worker), 0, "and is cleared");
	hd_slots_guest_begin(worker);
	ok(!heddle_slot_get(ordered[0]), "for the next guest");
	calls = 0;
	reborn_max = 2;
	heddle_slot_set(ordered[0], &x);
	hd_slots_destruct(worker);
	is_u64((uint64_t)calls, 2, "no more rounds than needed");
	hd_slots_guest_end(worker);
	end_worker(worker);
	free_pool(pool);
}

static int inside_rc;

static void destroy_inside(void *value)
{
	(void)value;
	inside_rc = heddle_slot_destroy(ordered[0], HEDDLE_FOREVER);
}

static void test_deadlock(void)
{
	struct heddle_pool *pool = make_pool(4);
	struct hd_worker *worker = be_worker(pool);

	ordered[0] = make_slot(pool, destroy_inside);
	heddle_slot_set(ordered[0], pool);
	end_worker(worker);
	ok(inside_rc == -EDEADLK, "destroy from its own destructor");
	ok(heddle_slot_destroy(ordered[0], HEDDLE_NOW) == 0, "afterwards");
	free_pool(pool);
}

/* ---- destroy against a running destructor ---- */

static _Atomic uint32_t inside, go;

static void slow(void *value)
{
	(void)value;
	atomic_store_explicit(&inside, 1, memory_order_seq_cst);
	hd_futex_wake(&inside, 1);
	while (!atomic_load_explicit(&go, memory_order_seq_cst))
		hd_futex_wait(&go, 0, HEDDLE_FOREVER);
	calls++;
}

static void *end_with_value(void *arg)
{
	struct heddle_slot *slot = arg;
	struct hd_worker *worker = be_worker(slot->pool);

	heddle_slot_set(slot, worker);
	end_worker(worker);
	return NULL;
}

static void *let_go(void *arg)
{
	(void)arg;
	atomic_store_explicit(&go, 1, memory_order_seq_cst);
	hd_futex_wake(&go, 1);
	return NULL;
}

static void test_wait(void)
{
	struct heddle_pool *pool = make_pool(1);
	struct heddle_slot *slot = make_slot(pool, slow), *other;
	pthread_t ending, going;

	calls = 0;
	pthread_create(&ending, NULL, end_with_value, slot);
	while (!atomic_load_explicit(&inside, memory_order_seq_cst))
		hd_futex_wait(&inside, 0, HEDDLE_FOREVER);
	ok(heddle_slot_destroy(slot, HEDDLE_NOW) == -ETIMEDOUT,
	   "destroy does not wait at NOW");
	ok(heddle_slot_destroy(slot, hd_now_ns() + 20 * MS) == -ETIMEDOUT,
	   "nor beyond its deadline");
	ok(heddle_slot_create(pool, NULL, &other) == -ENOSPC,
	   "the entry is not used meanwhile");
	pthread_create(&going, NULL, let_go, NULL);
	ok(heddle_slot_destroy(slot, HEDDLE_FOREVER) == 0,
	   "the same call goes on");
	is_u64((uint64_t)calls, 1, "the destructor has returned before it");
	pthread_join(going, NULL);
	pthread_join(ending, NULL);
	ok(heddle_slot_create(pool, NULL, &other) == 0, "the entry is free");
	free_pool(pool);
}

/* ---- many threads ---- */

static _Atomic uint64_t born, died;
static _Atomic uint32_t gone; /* the slot was destroyed */

static void count_death(void *value)
{
	if (atomic_load_explicit(&gone, memory_order_seq_cst))
		atomic_fetch_add_explicit(&died, UINT64_C(1) << 40,
					  memory_order_relaxed);
	atomic_fetch_add_explicit(&died, 1, memory_order_relaxed);
	free(value);
}

static void *lives(void *arg)
{
	struct heddle_slot *slot = arg;
	int i;

	for (i = 0; i < 2000; i++) {
		struct hd_worker *worker = be_worker(slot->pool);

		heddle_slot_set(slot, malloc(8));
		atomic_fetch_add_explicit(&born, 1, memory_order_relaxed);
		end_worker(worker);
	}
	return NULL;
}

/* Values of workers that outlive the slot are the user's; here none does. */
static void test_stress(void)
{
	struct heddle_pool *pool = make_pool(2);
	struct heddle_slot *slot = make_slot(pool, count_death);
	pthread_t thread[3];
	uint64_t deaths;
	int i;

	for (i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, lives, slot);
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	deaths = atomic_load_explicit(&died, memory_order_relaxed);
	is_u64(deaths, atomic_load_explicit(&born, memory_order_relaxed),
	       "each value was destructed once");
	heddle_slot_destroy(slot, HEDDLE_NOW);
	free_pool(pool);
}

static void *destroys(void *arg)
{
	/* From here on no destructor may be called. */
	if (heddle_slot_destroy(arg, HEDDLE_FOREVER) == 0)
		atomic_store_explicit(&gone, 1, memory_order_seq_cst);
	return NULL;
}

static void *ends_once(void *arg)
{
	struct heddle_slot *slot = arg;
	struct hd_worker *worker = be_worker(slot->pool);
	void *value = malloc(8);

	/* A value that its slot did not outlive stays the user's. */
	if (heddle_slot_set(slot, value) < 0) {
		free(value);
		value = NULL;
	}
	if (value)
		atomic_fetch_add_explicit(&born, 1, memory_order_relaxed);
	hd_slots_destruct(worker);
	if (value && ((struct hd_values *)worker->tls)->own[0].value) {
		free(value);
		atomic_fetch_add_explicit(&died, 1, memory_order_relaxed);
	}
	end_worker(worker);
	return NULL;
}

static void test_race(void)
{
	struct heddle_pool *pool = make_pool(1);
	int i;

	atomic_store_explicit(&born, 0, memory_order_relaxed);
	atomic_store_explicit(&died, 0, memory_order_relaxed);
	for (i = 0; i < 2000; i++) {
		struct heddle_slot *slot = make_slot(pool, count_death);
		pthread_t thread[2];

		atomic_store_explicit(&gone, 0, memory_order_seq_cst);
		pthread_create(&thread[0], NULL, ends_once, slot);
		pthread_create(&thread[1], NULL, destroys, slot);
		pthread_join(thread[0], NULL);
		pthread_join(thread[1], NULL);
	}
	is_u64(atomic_load_explicit(&died, memory_order_relaxed),
	       atomic_load_explicit(&born, memory_order_relaxed),
	       "2 000 races: no destructor after its slot was destroyed");
	free_pool(pool);
}

int main(void)
{
	tap_deadline(60);
	test_create();
	test_forked();
	test_values();
	test_guest_bytes();
	test_destroyed();
	test_order();
	test_rounds();
	test_deadlock();
	test_wait();
	test_stress();
	test_race();
	return tap_done();
}
