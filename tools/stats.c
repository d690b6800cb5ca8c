/* SPDX-License-Identifier: BSD-2-Clause */
/* Order statistics; see stats.h. */
#include "tools/stats.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left;
	double b = *(const double *)right;

	return (a > b) - (a < b);
}

void ht_sort(double *samples, size_t n)
{
	if (n)
		qsort(samples, n, sizeof(*samples), compare);
}

double ht_percentile(const double *sorted, size_t n, double percent)
{
	double rank, part;
	size_t below;

	if (!n)
		return NAN;
	if (percent <= 0)
		return sorted[0];
	if (percent >= 100)
		return sorted[n - 1];
	rank = percent / 100 * (double)(n - 1);
	below = (size_t)rank;
	part = rank - (double)below;
	if (below + 1 >= n)
		return sorted[n - 1];
	return sorted[below] + part * (sorted[below + 1] - sorted[below]);
}

struct ht_stats ht_stats_of(double *samples, size_t n)
{
	struct ht_stats stats = { n, NAN, NAN, NAN, NAN, NAN, NAN };
	double sum = 0;
	size_t i;

	if (!n)
		return stats;
	ht_sort(samples, n);
	for (i = 0; i < n; i++)
		sum += samples[i];
	stats.min = samples[0];
	stats.q1 = ht_percentile(samples, n, 25);
	stats.median = ht_percentile(samples, n, 50);
	stats.q3 = ht_percentile(samples, n, 75);
	stats.max = samples[n - 1];
	stats.mean = sum / (double)n;
	return stats;
}
