/* SPDX-License-Identifier: BSD-2-Clause */
/* Calibrated work: CPU work of a stated length, not time on a clock. */
#include <stddef.h>

#include "bench/side.h"
#include "tools/stats.h"

enum {
	TRIES = 9,
	TRY_STEPS = 400000 /* about 0.3 ms */
};

/* Nobody reads it; that it is stored keeps the chain. */
static _Thread_local uint64_t sink;

void hb_work(uint64_t steps)
{
	uint64_t x = sink | 1;

	/* That each step has its number in it keeps them apart. */
	while (steps--)
		x = (x ^ steps) * UINT64_C(0x9e3779b97f4a7c15);
	sink = x;
}

uint64_t hb_work_steps(uint64_t us)
{
	static double steps_per_us;
	double samples[TRIES];
	size_t i;

	for (i = 0; i < TRIES && steps_per_us == 0; i++) {
		uint64_t start = ht_now();

		hb_work(TRY_STEPS);
		samples[i] = (double)(ht_now() - start);
	}
	if (steps_per_us == 0)
		steps_per_us =
			TRY_STEPS * 1000.0 / ht_stats_of(samples, TRIES).median;
	return (uint64_t)(steps_per_us * (double)us);
}
