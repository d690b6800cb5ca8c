/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: there is one limit of threads, for whatever needs them. Tasks, tasks in
 * regions, guests, guests in regions and FRESH guests together make no more than
 * workers_max + blocked_max threads, and at the bound a spawn says so. Elsewhere the
 * limit was set for one class of work, and the other silently took RLIMIT_NPROC.
 *
 * Method: each class alone, then all at once, asks for many times as many; the
 * kernel's list of threads is counted. What is not set has its own documented
 * default.
 *
 * fault: F10
 * clause: B2 S2
 */
#include <errno.h>

#include "tests/support/guests.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define WORKERS 2
#define BLOCKED 3
#define MOST    (WORKERS + BLOCKED)
#define MANY    40
#define LONG_MS 20000

static _Atomic uint64_t go, done, running;
static unsigned int most;

static void stay(void)
{
	atomic_fetch_add(&running, 1);
	su_wait_at_least(&go, 1, LONG_MS);
}

static void stay_blocked(void)
{
	int rc = heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);

	stay();
	if (rc == 0)
		heddle_block_end();
}

static void task(void *arg)
{
	(void)arg;
	stay();
	atomic_fetch_add(&done, 1);
}

static void task_blocked(void *arg)
{
	(void)arg;
	stay_blocked();
	atomic_fetch_add(&done, 1);
}

static int32_t guest(void *arg)
{
	(void)arg;
	stay();
	return 0;
}

static int32_t guest_blocked(void *arg)
{
	(void)arg;
	stay_blocked();
	return 0;
}

static void look(void)
{
	unsigned int now = tap_threads() - 1;

	if (now > most)
		most = now;
}

static void tasks(struct heddle_pool *pool, void (*fn)(void *))
{
	int i;

	for (i = 0; i < MANY; i++) {
		if (heddle_submit_call(heddle_pool_group(pool), fn, NULL))
			bail("submit");
		look();
	}
}

/* Spawns until it is refused; how often it was. */
static unsigned int guests(struct heddle_process *process,
			   int32_t (*fn)(void *), uint32_t flags)
{
	unsigned int refused = 0;
	int i;

	for (i = 0; i < MANY; i++) {
		int rc = su_spawn(process, fn, NULL,
				  flags | HEDDLE_GUEST_DETACHED, NULL, NULL,
				  HEDDLE_NOW);

		if (rc != 0 && rc != -EAGAIN)
			bail("spawn: %d", rc);
		refused += rc == -EAGAIN;
		look();
	}
	return refused;
}

static void settle(const char *what)
{
	uint64_t end = su_in_ms(200);

	while (su_now_ns() < end) {
		look();
		su_wait_at_least(&go, UINT64_MAX, 1);
	}
	ok(most >= WORKERS && most <= MOST, "%s: at most %u threads", what,
	   most);
}

static void class_of_work(const char *what, void (*fn)(void *),
			  int32_t (*entry)(void *), uint32_t flags)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = WORKERS,
					 .blocked_max = BLOCKED };
	struct heddle_pool *pool = su_pool_with(&o, 1);
	struct heddle_process *process = su_process(pool, MANY, 0);
	unsigned int refused;

	atomic_store(&go, 0);
	atomic_store(&done, 0);
	most = 0;
	if (fn)
		tasks(pool, fn);
	if (entry) {
		refused = guests(process, entry, flags);
		ok(refused > 0, "%s: %u spawns are refused", what, refused);
	}
	settle(what);
	atomic_store(&go, 1);
	if (fn && !su_wait_at_least(&done, MANY, LONG_MS))
		bail("%s: the tasks do not end", what);
	su_process_end(process);
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(110);
	class_of_work("tasks", task, NULL, 0);
	class_of_work("tasks in regions", task_blocked, NULL, 0);
	class_of_work("guests", NULL, guest, 0);
	class_of_work("guests in regions", NULL, guest_blocked, 0);
	class_of_work("FRESH guests", NULL, guest_blocked, HEDDLE_GUEST_FRESH);
	class_of_work("all of them", task_blocked, guest_blocked, 0);
	return tap_done();
}
