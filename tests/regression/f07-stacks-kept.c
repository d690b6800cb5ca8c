/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: starts and stops leave nothing behind, whatever the level of the stop: threads
 * that are created joinable and never joined leave a stack each. Method: ten thousand
 * starts and stops of two workers, at R1 to R4 in turn; the address space is compared.
 *
 * fault: F07
 * clause: D1 D4
 */
#include <malloc.h>

#include "tests/support/sanitizer.h"
#include "tests/support/support.h"
#include "tests/support/usage.h"
#include "tests/tap/tap.h"

#define WORKERS 2
#define CYCLES  (SU_SANITIZED ? 1000 : 10000)
#define WARM    100

static uint32_t cycle(struct heddle_pool *pool, int i)
{
	enum heddle_level level = HEDDLE_R1_LEFT + i % HEDDLE_R4_CLEAN;
	uint32_t failed = 0;

	failed += heddle_pool_start(pool, WORKERS, NULL, su_in_ms(20000)) != 0;
	failed += heddle_pool_stop(pool, 0, level, NULL, su_in_ms(20000)) != 0;
	/* Above R1 it has been joined, above R2 the kernel has forgotten it. */
	if (level >= HEDDLE_R3_GONE)
		failed += tap_threads() != 1;
	return failed;
}

int main(void)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .workers_max = WORKERS };
	uint64_t mapped = 0, size = 0, descriptors = 0;
	struct heddle_pool *pool;
	uint32_t failed = 0;
	int i;

	tap_deadline(110);
#if defined(__GLIBC__)
	/* A thread that allocates beside another one gets 64 MiB for an arena. */
	mallopt(M_ARENA_MAX, 1);
#endif
	if (heddle_pool_create(&options, &pool))
		bail("create");
	for (i = 0; i < CYCLES; i++) {
		/* Both times just behind a stop at R4. */
		if (i == WARM) {
			mapped = su_mapped();
			size = su_status(0, "VmSize");
			descriptors = su_descriptors();
		}
		failed += cycle(pool, i);
	}
	is_u64(failed, 0, "%d starts and stops, failed", CYCLES);
	is_u64(su_descriptors(), descriptors, "descriptors are as many");
#if SU_SANITIZED
	skip(1, "a sanitizer maps memory of its own");
#else
	ok(su_mapped() == mapped && su_status(0, "VmSize") == size,
	   "the address space is flat: %llu KiB, then %llu",
	   (unsigned long long)size,
	   (unsigned long long)su_status(0, "VmSize"));
#endif
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
