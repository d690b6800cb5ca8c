/* SPDX-License-Identifier: BSD-2-Clause */
/* The limits of the process, and a pool's cap that is bounded by them. */
#include "sched/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <heddle/limits.h>

#include "platform/limits.h"
#include "sched/cap.h"
#include "sched/options.h"
#include "sched/pool.h"

_Static_assert((int)HEDDLE_LIMIT_QUOTA == (int)HD_LIMIT_QUOTA &&
		       (int)HEDDLE_LIMIT_CPUSET == (int)HD_LIMIT_CPUSET &&
		       (int)HEDDLE_LIMIT_AFFINITY == (int)HD_LIMIT_AFFINITY,
	       "what decided is told as it was found");

void hd_limits_show(const struct hd_limits *limits, struct heddle_limits *out)
{
	out->cpus = limits->cpus;
	out->affinity = limits->affinity;
	out->cpuset = limits->cpuset;
	out->decided = limits->decided;
	out->reserved = 0;
	out->quota_us = limits->quota_us;
	out->period_us = limits->period_us;
	snprintf(out->source, sizeof(out->source), "%s", limits->source);
}

int heddle_limits_get(struct heddle_limits *out)
{
	struct heddle_limits shown;
	struct hd_limits limits;
	size_t size;
	int rc = hd_output_size(out, sizeof(*out), &size);

	if (rc == 0)
		rc = hd_limits_read(&limits);
	if (rc < 0)
		return rc;
	memset(&shown, 0, sizeof(shown));
	hd_limits_show(&limits, &shown);
	shown.struct_size = (uint32_t)size;
	memcpy(out, &shown, size);
	return 0;
}

int heddle_limits_apply(struct heddle_pool *pool)
{
	struct hd_limits limits;
	uint32_t before;
	int rc;

	if (!pool)
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	rc = hd_limits_read(&limits);
	if (rc < 0)
		return rc;
	return (int)hd_cap_limit(pool, limits.cpus, &before);
}
