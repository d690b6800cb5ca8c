/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Berths: never threads_max + 1, first come first served, and what a spawn
 * that may not wait does while a guest is in its scrub.
 *
 * Method: a process without guests; the test plays those that exit, so that
 * every step of the hand-over happens when it wants it to.
 *
 * clause: C9
 * clause: T3
 * property: P9
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "platform/clock.h"
#include "platform/futex.h"
#include "platform/memory.h"
#include "platform/mutex.h"
#include "tests/tap/tap.h"
#include "tls/berth.h"
#include "tls/guest.h"
#include "tls/life.h"
#include "tls/process.h"

#define MS UINT64_C(1000000)

static struct heddle_process *make_process(uint32_t threads, uint32_t entries)
{
	struct heddle_process *process = hd_alloc(sizeof(*process));

	process->threads_max = threads;
	hd_mutex_init(&process->lock);
	if (hd_tids_init(&process->tids, entries, 1) < 0)
		bail("no ring");
	return process;
}

static void free_process(struct heddle_process *process)
{
	hd_tids_fini(&process->tids);
	hd_mutex_destroy(&process->lock);
	hd_free(process);
}

/* A guest in SCRUB is done; its tid comes back at the same time or not. */
static void end_scrub(struct heddle_process *process, uint32_t tid)
{
	void *woken;

	hd_mutex_lock(&process->lock);
	atomic_fetch_sub_explicit(&process->scrubbing, 1, memory_order_relaxed);
	process->berths_taken--;
	if (tid)
		hd_tids_give(&process->tids, tid);
	woken = hd_berth_pass(process);
	hd_mutex_unlock(&process->lock);
	if (woken)
		hd_futex_wake(woken, 1);
}

static void begin_scrub(struct heddle_process *process)
{
	atomic_fetch_add_explicit(&process->scrubbing, 1, memory_order_relaxed);
}

/* ---- a spawn on a thread of its own ---- */

struct spawn {
	struct heddle_process *process;
	uint64_t deadline;
	pthread_t thread;
	int rc;
	uint32_t tid;
	uint32_t place; /* in the order of returns */
	_Atomic uint32_t done;
};

static _Atomic uint32_t returns;

static void *spawn_main(void *arg)
{
	struct spawn *spawn = arg;

	spawn->rc = hd_berth_take(spawn->process, spawn->deadline, &spawn->tid);
	spawn->place =
		atomic_fetch_add_explicit(&returns, 1, memory_order_relaxed);
	atomic_store_explicit(&spawn->done, 1, memory_order_release);
	return NULL;
}

static uint32_t queued(struct heddle_process *process)
{
	uint32_t n;

	hd_mutex_lock(&process->lock);
	n = process->queued;
	hd_mutex_unlock(&process->lock);
	return n;
}

/* Starts it and waits until it stands in the queue. */
static void spawn_queued(struct spawn *spawn, struct heddle_process *process,
			 uint64_t deadline)
{
	uint32_t before = queued(process);

	spawn->process = process;
	spawn->deadline = deadline;
	atomic_store_explicit(&spawn->done, 0, memory_order_relaxed);
	pthread_create(&spawn->thread, NULL, spawn_main, spawn);
	while (queued(process) == before &&
	       !atomic_load_explicit(&spawn->done, memory_order_acquire))
		hd_relax();
}

/* ---- points ---- */

static void test_bound(void)
{
	struct heddle_process *process = make_process(2, 4);
	uint32_t tid[3];

	ok(hd_berth_take(process, HEDDLE_NOW, &tid[0]) == 0 &&
		   hd_berth_take(process, HEDDLE_NOW, &tid[1]) == 0,
	   "two berths");
	ok(tid[0] && tid[1] && tid[0] != tid[1], "two tids");
	ok(hd_berth_take(process, HEDDLE_NOW, &tid[2]) == -EAGAIN,
	   "a third of two is -EAGAIN");
	ok(hd_berth_take(process, hd_now_ns() + 20 * MS, &tid[2]) == -EAGAIN,
	   "also at a later deadline");
	is_u64(queued(process), 0, "and leaves no one in the queue");
	begin_scrub(process);
	end_scrub(process, tid[0]);
	ok(hd_berth_take(process, HEDDLE_NOW, &tid[2]) == 0,
	   "one is free again");
	free_process(process);
}

static void test_tids_run_out(void)
{
	struct heddle_process *process = make_process(1, 2);
	struct spawn spawn;
	uint32_t tid;

	hd_berth_take(process, HEDDLE_NOW, &tid);
	begin_scrub(process);
	end_scrub(process, 0);
	hd_berth_take(process, HEDDLE_NOW, &tid);
	begin_scrub(process);
	end_scrub(process, 0);
	ok(hd_berth_take(process, HEDDLE_NOW, &tid) == -EAGAIN,
	   "a free berth, but every tid waits for a join");
	spawn_queued(&spawn, process, HEDDLE_FOREVER);
	is_u64(queued(process), 1, "with a deadline it waits for a tid too");
	hd_mutex_lock(&process->lock);
	hd_tids_give(&process->tids, tid);
	hd_futex_wake(hd_berth_pass(process), 1);
	hd_mutex_unlock(&process->lock);
	pthread_join(spawn.thread, NULL);
	ok(spawn.rc == 0 && spawn.tid != tid,
	   "and gets the one that came back");
	free_process(process);
}

static void test_fifo(void)
{
	enum {
		SPAWNS = 5
	};
	struct heddle_process *process = make_process(1, 16);
	struct spawn spawn[SPAWNS];
	uint32_t tid, i, bad = 0;

	atomic_store_explicit(&returns, 0, memory_order_relaxed);
	hd_berth_take(process, HEDDLE_NOW, &tid);
	for (i = 0; i < SPAWNS; i++)
		spawn_queued(&spawn[i], process, HEDDLE_FOREVER);
	is_u64(queued(process), SPAWNS, "five spawns wait");
	for (i = 0; i < SPAWNS; i++) {
		begin_scrub(process);
		end_scrub(process, 0);
		pthread_join(spawn[i].thread, NULL);
		bad += spawn[i].rc != 0 || spawn[i].place != i;
	}
	is_u64(bad, 0, "each end gives its berth to the one that came first");
	free_process(process);
}

/* C9: as many as are in SCRUB, not one more. */
static void test_now(void)
{
	struct heddle_process *process = make_process(3, 16);
	struct spawn spawn[3];
	uint32_t tid, i;

	for (i = 0; i < 3; i++)
		hd_berth_take(process, HEDDLE_NOW, &tid);
	ok(hd_berth_take(process, HEDDLE_NOW, &tid) == -EAGAIN,
	   "nobody exits: NOW is -EAGAIN");
	begin_scrub(process);
	begin_scrub(process);
	spawn_queued(&spawn[0], process, HEDDLE_NOW);
	spawn_queued(&spawn[1], process, HEDDLE_FOREVER);
	is_u64(queued(process), 2, "two in SCRUB: NOW waits, and so does one");
	ok(hd_berth_take(process, HEDDLE_NOW, &tid) == -EAGAIN,
	   "a third has nobody to count on");
	end_scrub(process, 0);
	pthread_join(spawn[0].thread, NULL);
	ok(spawn[0].rc == 0, "NOW got a berth");
	end_scrub(process, 0);
	pthread_join(spawn[1].thread, NULL);
	ok(spawn[1].rc == 0, "and the other one");
	is_u64(process->berths_taken, 3, "three berths are taken");
	free_process(process);
}

static void test_close(void)
{
	struct heddle_process *process = make_process(1, 16);
	struct spawn spawn[2];
	uint32_t tid;

	hd_berth_take(process, HEDDLE_NOW, &tid);
	spawn_queued(&spawn[0], process, HEDDLE_FOREVER);
	spawn_queued(&spawn[1], process, HEDDLE_FOREVER);
	hd_mutex_lock(&process->lock);
	process->closing = true;
	hd_mutex_unlock(&process->lock);
	hd_berth_refuse(process);
	pthread_join(spawn[0].thread, NULL);
	pthread_join(spawn[1].thread, NULL);
	ok(spawn[0].rc == -ESHUTDOWN && spawn[1].rc == -ESHUTDOWN,
	   "a close refuses those who wait");
	ok(hd_berth_take(process, HEDDLE_FOREVER, &tid) == -ESHUTDOWN,
	   "and those who come");
	is_u64(process->waiting, 0, "none of them is inside any more");
	free_process(process);
}

/* ---- many threads ---- */

#define BERTHS 3
static _Atomic uint32_t live, most;
static _Atomic uint64_t served, refused;

static void *churn(void *arg)
{
	struct heddle_process *process = arg;
	uint64_t stream = tap_stream((uint64_t)(uintptr_t)&stream);
	int i;

	for (i = 0; i < 20000; i++) {
		uint64_t kind = tap_next(&stream) % 4, deadline = HEDDLE_NOW;
		uint32_t tid, now;

		if (kind == 1)
			deadline = hd_now_ns() + 20000;
		else if (kind > 1)
			deadline = HEDDLE_FOREVER;
		if (hd_berth_take(process, deadline, &tid) < 0) {
			atomic_fetch_add_explicit(&refused, 1,
						  memory_order_relaxed);
			continue;
		}
		now = 1 +
		      atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
		if (now > atomic_load_explicit(&most, memory_order_relaxed))
			atomic_store_explicit(&most, now, memory_order_relaxed);
		atomic_fetch_add_explicit(&served, 1, memory_order_relaxed);
		begin_scrub(process);
		atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
		end_scrub(process, tid);
	}
	return NULL;
}

static void test_churn(void)
{
	struct heddle_process *process = make_process(BERTHS, 2 * BERTHS);
	pthread_t thread[8];
	int i;

	for (i = 0; i < 8; i++)
		pthread_create(&thread[i], NULL, churn, process);
	for (i = 0; i < 8; i++)
		pthread_join(thread[i], NULL);
	diag("%llu served, %llu refused",
	     (unsigned long long)atomic_load_explicit(&served,
						      memory_order_relaxed),
	     (unsigned long long)atomic_load_explicit(&refused,
						      memory_order_relaxed));
	ok(atomic_load_explicit(&most, memory_order_relaxed) <= BERTHS,
	   "never more than %d live", BERTHS);
	is_u64(process->berths_taken, 0, "all berths came back");
	is_u64(hd_tids_free(&process->tids), 2 * BERTHS, "and all tids");
	free_process(process);
}

int main(void)
{
	tap_deadline(60);
	test_bound();
	test_tids_run_out();
	test_fifo();
	test_now();
	test_close();
	test_churn();
	return tap_done();
}
