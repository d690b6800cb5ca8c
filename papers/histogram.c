/* SPDX-License-Identifier: BSD-2-Clause */
#include "papers/histogram.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

size_t hp_histogram_index(uint64_t value)
{
	unsigned int shift;

	if (value < 2 * HP_HISTOGRAM_SUB)
		return (size_t)value;
	shift = 63 - (unsigned int)__builtin_clzll(value) - 7;
	return (size_t)(shift * (uint64_t)HP_HISTOGRAM_SUB + (value >> shift));
}

uint64_t hp_histogram_low(size_t index)
{
	uint64_t shift;

	if (index < 2 * (size_t)HP_HISTOGRAM_SUB)
		return index;
	shift = index / HP_HISTOGRAM_SUB - 1;
	return (index - shift * HP_HISTOGRAM_SUB) << shift;
}

void hp_histogram_add(struct hp_histogram *histogram, uint64_t value,
		      uint64_t count)
{
	histogram->count[hp_histogram_index(value)] += count;
	histogram->total += count;
}

void hp_histogram_print(const struct hp_histogram *histogram)
{
	size_t i;

	for (i = 0; i < HP_HISTOGRAM_BUCKETS; i++)
		if (histogram->count[i])
			printf("bucket ns=%" PRIu64 " count=%" PRIu64 "\n",
			       hp_histogram_low(i), histogram->count[i]);
}

double hp_histogram_quantile(const struct hp_histogram *histogram, double part)
{
	double wanted = part * (double)histogram->total;
	uint64_t below = 0;
	size_t i;

	if (!histogram->total)
		return (double)NAN;
	for (i = 0; i < HP_HISTOGRAM_BUCKETS; i++) {
		below += histogram->count[i];
		if (histogram->count[i] && (double)below >= wanted)
			break;
	}
	return (double)hp_histogram_low(i);
}
