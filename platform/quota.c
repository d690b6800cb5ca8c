/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The quota of a group is CPU time in each period, cpu.max in version 2 of
 * control groups (the kernel's Documentation/admin-guide/cgroup-v2.rst), two
 * files in version 1 (Documentation/scheduler/sched-bwc.rst). "max", -1 and
 * what the kernel would not have accepted are no limit.
 */
#include "platform/quota.h"

#include <stdbool.h>
#include <string.h>

/* The kernel's bounds; a product of the two fits 64 bits. */
#define QUOTA_END  (UINT64_C(1) << 44)
#define PERIOD_END (UINT64_C(1) << 20)

/* Is a tighter than b? */
static bool is_tighter(const struct hd_quota *a, const struct hd_quota *b)
{
	return !b->quota_us ||
	       a->quota_us * b->period_us < b->quota_us * a->period_us;
}

static bool read_v2(const char *root, const char *folder, struct hd_quota *here)
{
	const char *at;
	char text[64];

	if (hd_cgroup_read(root, folder, "cpu.max", text, sizeof(text)) < 0)
		return false;
	at = text;
	hd_cgroup_file(here->file, folder, "cpu.max");
	return hd_cgroup_number(&at, &here->quota_us) &&
	       hd_cgroup_number(&at, &here->period_us);
}

static bool read_v1(const char *root, const char *folder, struct hd_quota *here)
{
	const char *at, *period_at;
	char text[64], period[64];

	if (hd_cgroup_read(root, folder, "cpu.cfs_quota_us", text,
			   sizeof(text)) < 0 ||
	    hd_cgroup_read(root, folder, "cpu.cfs_period_us", period,
			   sizeof(period)) < 0)
		return false;
	at = text;
	period_at = period;
	hd_cgroup_file(here->file, folder, "cpu.cfs_quota_us");
	return hd_cgroup_number(&at, &here->quota_us) &&
	       hd_cgroup_number(&period_at, &here->period_us);
}

static void visit(const char *root, const char *folder, bool is_v2, void *arg)
{
	struct hd_quota *tightest = arg;
	struct hd_quota here;

	if (!(is_v2 ? read_v2 : read_v1)(root, folder, &here))
		return;
	if (here.quota_us && here.quota_us < QUOTA_END && here.period_us &&
	    here.period_us < PERIOD_END && is_tighter(&here, tightest))
		*tightest = here;
}

void hd_quota_read(const char *root, struct hd_quota *out)
{
	memset(out, 0, sizeof(*out));
	hd_cgroup_walk(root, "cpu", visit, out);
}

uint32_t hd_quota_cpus(const struct hd_quota *quota)
{
	uint64_t cpus;

	if (!quota->quota_us)
		return UINT32_MAX;
	cpus = (quota->quota_us + quota->period_us - 1) / quota->period_us;
	return cpus < UINT32_MAX ? (uint32_t)cpus : UINT32_MAX;
}

uint64_t hd_quota_milli(const char *root)
{
	struct hd_quota quota;
	uint64_t milli;

	hd_quota_read(root, &quota);
	if (!quota.quota_us)
		return UINT64_MAX;
	milli = quota.quota_us * 1000 / quota.period_us;
	return milli ? milli : 1;
}
