/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: after a decrease has been waited for nothing starts above the new cap,
 * and a burst that meets a pool asleep reaches the cap: no task queues beside
 * an idle worker. Method: tasks that stay until they are let go.
 *
 * fault: F37
 * clause: C1 C2
 */
#include <semaphore.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define WORKERS 4
#define ROUNDS  200

static sem_t gate;
/* allowed : running; one word, so that both are of one instant */
static _Atomic uint64_t gauge;
static _Atomic uint64_t started, done, over;
static uint32_t allowed;

static void quick(void *arg)
{
	uint64_t end = su_now_ns() + 5000, seen;

	(void)arg;
	seen = atomic_fetch_add_explicit(&gauge, 1, memory_order_relaxed);
	if ((uint32_t)seen >= (uint32_t)(seen >> 32))
		atomic_fetch_add_explicit(&over, 1, memory_order_relaxed);
	while (su_now_ns() < end)
		;
	atomic_fetch_sub_explicit(&gauge, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&done, 1, memory_order_release);
}

static void stay(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&started, 1, memory_order_release);
	while (sem_wait(&gate))
		;
	atomic_fetch_add_explicit(&done, 1, memory_order_release);
}

static void allow(uint32_t cap)
{
	uint64_t seen = atomic_fetch_add_explicit(
		&gauge, ((uint64_t)cap - allowed) << 32,
		memory_order_relaxed); /* one word */

	if ((uint32_t)seen > cap)
		atomic_fetch_add_explicit(&over, 1, memory_order_relaxed);
	allowed = cap;
}

static void change(struct heddle_group *group, uint32_t cap)
{
	struct heddle_ticket ticket;

	/* The larger of the two holds while the change is on its way. */
	if (cap > allowed)
		allow(cap);
	if (heddle_group_set_cap(group, cap, &ticket) ||
	    heddle_group_wait(ticket, su_in_ms(10000)))
		bail("change to %u", cap);
	allow(cap);
}

static void submit(struct heddle_group *group, heddle_call_fn fn, uint32_t n)
{
	while (n--)
		if (heddle_submit_call(group, fn, NULL))
			bail("submit");
}

int main(void)
{
	struct heddle_pool *pool;
	struct heddle_group *root;
	uint64_t sum = 0;
	uint32_t i, k, short_of = 0;

	plan(5);
	tap_deadline(100);
	tap_seed();
	sem_init(&gate, 0, 0);
	pool = su_pool(WORKERS);
	root = heddle_pool_group(pool);
	for (i = 0; i < ROUNDS; i++) {
		change(root, WORKERS);
		submit(root, quick, 50);
		/* A worker that leaves its turn may not take one task more. */
		change(root, 1 + (uint32_t)(tap_random() % 2));
		submit(root, quick, 50);
		sum += 100;
		if (!su_wait_at_least(&done, sum, 10000))
			bail("round %u hangs", i);
	}
	is_u64(over, 0, "starts above the cap");
	su_check_at_rest(pool);
	for (i = 0; i < ROUNDS; i++) {
		k = 1 + i % WORKERS;
		change(root, k);
		submit(root, stay, 2 * WORKERS);
		if (!su_wait_at_least(&started, i * 2 * WORKERS + k, 5000))
			short_of++;
		for (k = 0; k < 2 * WORKERS; k++)
			sem_post(&gate);
		sum += 2 * WORKERS;
		if (!su_wait_at_least(&done, sum, 10000))
			bail("burst %u hangs", i);
	}
	is_u64(short_of, 0, "bursts that did not reach the cap");
	is_u64(done, sum, "all ran");
	su_destroy(pool);
	return tap_done();
}
