/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Order statistics of samples. Medians and quartiles, never a mean alone:
 * times on a shared machine have no normal distribution.
 */
#ifndef HEDDLE_TOOLS_STATS_H
#define HEDDLE_TOOLS_STATS_H

#include <stddef.h>

struct ht_stats {
	size_t n;
	double min;
	double q1;
	double median;
	double q3;
	double max;
	double mean;
};

/*
 * ht_stats_of() - summary of n samples, which are sorted in place
 *
 * All NaN for n = 0.
 */
struct ht_stats ht_stats_of(double *samples, size_t n);

/* ht_sort() - ascending */
void ht_sort(double *samples, size_t n);

/*
 * ht_percentile() - of sorted samples, with linear interpolation
 * @percent: 0 the smallest, 50 the median, 100 the largest
 */
double ht_percentile(const double *sorted, size_t n, double percent);

#endif /* HEDDLE_TOOLS_STATS_H */
