/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/guests.h"

#include "tests/support/support.h"
#include "tests/tap/tap.h"

struct heddle_pool *su_guest_pool(uint32_t workers, uint32_t flags)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.flags = flags,
		.workers_max = workers,
		/* The sanitizers need much of a stack for themselves. */
		.stack_size = (uint64_t)4 << 20,
	};
	struct heddle_pool *pool;

	if (heddle_pool_create(&options, &pool) < 0)
		bail("no pool");
	if (!(flags & HEDDLE_POOL_ELASTIC) &&
	    heddle_pool_start(pool, workers, NULL, HEDDLE_FOREVER) < 0)
		bail("the pool does not start");
	return pool;
}

struct heddle_process *su_process(struct heddle_pool *pool, uint32_t threads,
				  uint32_t cap)
{
	struct heddle_process_options options = {
		.struct_size = sizeof(options),
		.threads_max = threads,
		.cap = cap,
	};
	struct heddle_process *process;
	int rc = heddle_process_create(pool, &options, &process);

	if (rc < 0)
		bail("no process: %d", rc);
	return process;
}

void su_process_end(struct heddle_process *process)
{
	int rc = heddle_process_destroy(process, HEDDLE_R4_CLEAN,
					su_in_ms(20000));

	if (rc < 0)
		bail("the process does not end: %d", rc);
}

/* Every invariant holds, nothing was stale; then the pool goes. */
void su_guest_pool_end(struct heddle_pool *pool)
{
	struct heddle_check check = { .struct_size = sizeof(check) };
	int rc = heddle_check(pool, &check);

	ok(rc == 0 && check.violations == 0, "no invariant is violated: %d, %s",
	   rc, check.violation[0].name);
	is_u64(check.stale_bytes, 0, "no stale byte in %llu recycled guests",
	       (unsigned long long)check.guests_recycled);
	rc = heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, su_in_ms(20000));
	if (rc < 0)
		bail("the pool does not end: %d", rc);
}

int su_spawn(struct heddle_process *process, int32_t (*fn)(void *arg),
	     void *arg, uint32_t flags, struct heddle_guest **guest,
	     int32_t *exit_code, uint64_t deadline)
{
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.flags = flags,
		.fn = fn,
		.arg = arg,
		.exit_code = exit_code,
	};

	return heddle_guest_spawn(process, &options, guest, deadline);
}

/* Spawns and joins; the exit code. */
int32_t su_call(struct heddle_process *process, int32_t (*fn)(void *arg),
		void *arg)
{
	struct heddle_guest *guest;
	int32_t code = -1;
	int rc = su_spawn(process, fn, arg, 0, &guest, &code, su_in_ms(20000));

	if (rc == 0)
		rc = heddle_guest_join(guest, HEDDLE_R0_QUIET, su_in_ms(20000));
	if (rc < 0)
		bail("a guest does not come or go: %d", rc);
	return code;
}

int32_t su_wait_at_gate(void *arg)
{
	struct su_gate *gate = arg;

	heddle_block_begin(HEDDLE_BLOCK_LOCK, NULL, NULL);
	pthread_mutex_lock(&gate->lock);
	gate->arrived++;
	pthread_cond_broadcast(&gate->changed);
	while (!gate->open)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
	heddle_block_end();
	return 0;
}

void su_gate_wait(struct su_gate *gate, unsigned int n)
{
	pthread_mutex_lock(&gate->lock);
	while (gate->arrived < n)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

void su_gate_open(struct su_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}
