/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts of durations in buckets that are at most 1/128 of their value wide.
 * A probe prints them, the driver adds up those of several probes. The Rust
 * opponent has the same buckets.
 */
#ifndef HEDDLE_PAPERS_HISTOGRAM_H
#define HEDDLE_PAPERS_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
	HP_HISTOGRAM_SUB = 128,
	HP_HISTOGRAM_BUCKETS = (64 - 7 + 1) * HP_HISTOGRAM_SUB
};

struct hp_histogram {
	uint64_t total;
	uint64_t count[HP_HISTOGRAM_BUCKETS];
};

/* The bucket of a value, and the low end of a bucket. */
size_t hp_histogram_index(uint64_t value);
uint64_t hp_histogram_low(size_t index);

void hp_histogram_add(struct hp_histogram *histogram, uint64_t value,
		      uint64_t count);

/* hp_histogram_print() - a line "bucket ns=LOW count=N" for each, to stdout */
void hp_histogram_print(const struct hp_histogram *histogram);

/*
 * hp_histogram_quantile() - the low end of the bucket that holds it
 * @part: 0 to 1
 *
 * Return: NaN for an empty histogram.
 */
double hp_histogram_quantile(const struct hp_histogram *histogram, double part);

#endif /* HEDDLE_PAPERS_HISTOGRAM_H */
