/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest threads as a WebAssembly host runs them: a process with four berths,
 * threads that cost a wake-up and not a pthread_create, thread-local values
 * with a destructor, and an error in place of a hang when all berths are taken.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <heddle/heddle.h>

static struct heddle_slot *slot;

static int32_t guest(void *arg)
{
	/* A fresh thread: nothing of an earlier guest is here. */
	if (heddle_slot_get(slot))
		return 1;
	heddle_slot_set(slot, malloc(100));
	printf("guest %u\n", heddle_guest_tid(heddle_guest_self()));
	heddle_guest_exit(*(int *)arg);
	return 1; /* not reached */
}

int main(void)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .flags = HEDDLE_POOL_ELASTIC,
					       .workers_max = 4 };
	struct heddle_process_options program = {
		.struct_size = sizeof(program), .threads_max = 4
	};
	struct heddle_slot_options values = { .struct_size = sizeof(values),
					      .destructor = free };
	struct heddle_process *process;
	struct heddle_pool *pool;
	int i, want = 7, rc = 0;

	if (heddle_pool_create(&options, &pool) ||
	    heddle_slot_create(pool, &values, &slot) ||
	    heddle_process_create(pool, &program, &process))
		return 1;
	for (i = 0; i < 8; i++) {
		int32_t code = 0;
		struct heddle_guest_options thread = {
			.struct_size = sizeof(thread),
			.fn = guest,
			.arg = &want,
			.exit_code = &code,
		};
		struct heddle_guest *handle;

		if (heddle_guest_spawn(process, &thread, &handle, HEDDLE_NOW))
			return 1;
		rc |= heddle_guest_join(handle, HEDDLE_R0_QUIET,
					HEDDLE_FOREVER);
		rc |= code != want;
	}
	rc |= heddle_process_destroy(process, HEDDLE_R4_CLEAN, HEDDLE_FOREVER);
	rc |= heddle_slot_destroy(slot, HEDDLE_FOREVER);
	return heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
				   HEDDLE_FOREVER) ||
	       rc;
}
