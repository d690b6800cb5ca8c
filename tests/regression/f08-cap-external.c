/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: a cap of one never runs two tasks, and a pool never has more threads
 * than it was told, however often pools come and go. Method: the tasks count
 * themselves; the kernel counts the threads.
 *
 * fault: F08
 * clause: C1 S2
 */
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define CYCLES  60
#define TASKS   200
#define WORKERS 4

static _Atomic uint32_t running[2];
static _Atomic uint64_t over, done;

static void body(void *arg)
{
	uint32_t cap = (uint32_t)(uintptr_t)arg;
	_Atomic uint32_t *mine = &running[cap - 1];
	uint64_t end = su_now_ns() + 500;

	/* Relaxed: the count adds no order that the library should have. */
	if (atomic_fetch_add_explicit(mine, 1, memory_order_relaxed) >= cap)
		atomic_fetch_add_explicit(&over, 1, memory_order_relaxed);
	while (su_now_ns() < end)
		;
	atomic_fetch_sub_explicit(mine, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&done, 1, memory_order_release);
}

static uint32_t cycle(uint64_t number)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .workers_max = WORKERS };
	struct heddle_group_options cap = { .struct_size = sizeof(cap) };
	struct heddle_pool *pool = su_pool_with(&options, WORKERS);
	struct heddle_group *group[2];
	uint32_t i, threads;

	for (i = 0; i < 2; i++) {
		cap.cap = i + 1;
		if (heddle_group_create(heddle_pool_group(pool), &cap,
					&group[i]))
			bail("group");
	}
	for (i = 0; i < TASKS; i++)
		if (heddle_submit_call(group[i % 2], body,
				       (void *)(uintptr_t)(i % 2 + 1)))
			bail("submit");
	threads = tap_threads();
	if (!su_wait_at_least(&done, (number + 1) * TASKS, 10000))
		bail("cycle %llu hangs", (unsigned long long)number);
	tap_on_deadline(NULL, NULL);
	if (heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, su_in_ms(10000)))
		bail("destroy");
	return threads;
}

int main(void)
{
	uint32_t most = 0, threads;
	uint64_t i;

	plan(3);
	tap_deadline(100);
	for (i = 0; i < CYCLES; i++) {
		threads = cycle(i);
		most = threads > most ? threads : most;
	}
	is_u64(over, 0, "tasks that met one too many");
	ok(most <= 1 + WORKERS, "at most %u threads, one of them ours", most);
	is_u64(done, CYCLES * TASKS, "all ran");
	return tap_done();
}
