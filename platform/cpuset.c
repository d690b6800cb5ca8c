/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The effective set of a group is already cut down by those of its ancestors,
 * unless the files were read at different moments or the group's own cannot be
 * seen; so all levels are intersected. The list format is that of the kernel's
 * lib/bitmap.c, without its strides, which it never prints.
 */
#include "platform/cpuset.h"

#include <stdlib.h>
#include <string.h>

#define LIST_SIZE (48u << 10) /* every other one of 8 192 CPUs */

uint32_t hd_cpus_count(const struct hd_cpus *set)
{
	uint32_t n = 0;
	int i;

	for (i = 0; i < HD_CPU_WORDS; i++)
		n += (uint32_t)__builtin_popcountll(set->word[i]);
	return n;
}

void hd_cpus_and(struct hd_cpus *set, const struct hd_cpus *other)
{
	int i;

	for (i = 0; i < HD_CPU_WORDS; i++)
		set->word[i] &= other->word[i];
}

static bool parse_cpu(const char **at, uint32_t *cpu)
{
	const char *digit = *at;
	uint32_t n = 0;

	for (; *digit >= '0' && *digit <= '9'; digit++) {
		n = n * 10 + (uint32_t)(*digit - '0');
		if (n >= HD_CPUS_MAX)
			return false;
	}
	if (digit == *at)
		return false;
	*at = digit;
	*cpu = n;
	return true;
}

bool hd_cpus_parse(const char *text, struct hd_cpus *set)
{
	uint32_t first, last;

	memset(set, 0, sizeof(*set));
	for (;; text++) {
		if (!parse_cpu(&text, &first))
			return false;
		last = first;
		if (*text == '-') {
			text++;
			if (!parse_cpu(&text, &last) || last < first)
				return false;
		}
		for (; first <= last; first++)
			set->word[first / 64] |= UINT64_C(1) << first % 64;
		if (*text != ',')
			return *text == '\0' || *text == '\n';
	}
}

bool hd_cpus_read(const char *root, const char *folder, const char *name,
		  struct hd_cpus *set)
{
	char *text = malloc(LIST_SIZE);
	bool is_set = text &&
		      hd_cgroup_read(root, folder, name, text, LIST_SIZE) >=
			      0 &&
		      hd_cpus_parse(text, set);

	free(text);
	return is_set;
}

static void take(struct hd_cpuset *out, const struct hd_cpus *here,
		 const char *folder, const char *name)
{
	struct hd_cpus both = *here;
	uint32_t before = out->is_known ? hd_cpus_count(&out->set) : 0;

	if (out->is_known)
		hd_cpus_and(&both, &out->set);
	/* The highest level with the same set is the one that decided. */
	if (out->is_known && hd_cpus_count(&both) == before &&
	    memcmp(here, &out->set, sizeof(*here)))
		return;
	out->is_known = true;
	out->set = both;
	hd_cgroup_file(out->file, folder, name);
}

static void visit(const char *root, const char *folder, bool is_v2, void *arg)
{
	static const char *const v1[] = { "cpuset.effective_cpus",
					  "cpuset.cpus" };
	struct hd_cpus here;
	int i;

	if (is_v2) {
		if (hd_cpus_read(root, folder, "cpuset.cpus.effective", &here))
			take(arg, &here, folder, "cpuset.cpus.effective");
		return;
	}
	for (i = 0; i < 2; i++) {
		if (!hd_cpus_read(root, folder, v1[i], &here))
			continue;
		take(arg, &here, folder, v1[i]);
		return;
	}
}

void hd_cpuset_read(const char *root, struct hd_cpuset *out)
{
	memset(out, 0, sizeof(*out));
	hd_cgroup_walk(root, "cpuset", visit, out);
}
