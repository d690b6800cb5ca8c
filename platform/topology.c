/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packages, nodes, cores and siblings, from Documentation/admin-guide/cputopology.rst
 * of Linux. Numbers of cores are unique only within a die, and those of dies only within
 * a package, so a core is known by all three.
 */
#include "platform/topology.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heddle/testing.h>

#include "platform/cancel.h"
#include "platform/memory.h"

#define CPUS      "/sys/devices/system/cpu"
#define NODES     "/sys/devices/system/node"
#define CPU_LIMIT (1u << 16) /* numbers beyond are not believed */
#define TEXT_SIZE 4096       /* of a list; what is longer is cut */
#define UNKNOWN   (-1L)

struct seat {
	uint32_t cpu;
	bool offline;
	long package, node, die, core;
	uint32_t core_rank; /* of its core within package and node */
	uint32_t sibling;   /* which of its core's CPUs it is */
};

static char *_Atomic test_root;

const char *hd_topology_root(void)
{
	const char *root = atomic_load_explicit(
		&test_root, memory_order_acquire); /* topology-1 */

	return root ? root : "";
}

int heddle_topology_root(const char *root)
{
	char *copy = root && *root ? strdup(root) : NULL;

	if (root && *root && !copy)
		return -ENOMEM;
	/* topology-1: who reads the pointer sees the text. */
	free(atomic_exchange_explicit(&test_root, copy,
				      memory_order_acq_rel)); /* topology-1 */
	return 0;
}

/* At most size - 1 bytes of a file's first line; false when there is none. */
static bool read_line(const char *root, const char *path, char *text,
		      size_t size)
{
	char full[PATH_MAX];
	int length = snprintf(full, sizeof(full), "%s%s", root, path);
	FILE *file;
	bool read = false;
	int before;

	if (length < 0 || (size_t)length >= sizeof(full))
		return false;
	before = hd_cancel_off();
	file = fopen(full, "re");
	if (file) {
		read = fgets(text, (int)size, file) != NULL;
		fclose(file);
	}
	hd_cancel_restore(before);
	return read;
}

/* A number of a topology file; some machines say -1 for what they do not know. */
static long read_number(const char *root, uint32_t cpu, const char *name)
{
	char path[128], text[32], *end;
	long value;

	snprintf(path, sizeof(path), CPUS "/cpu%u/topology/%s", cpu, name);
	if (!read_line(root, path, text, sizeof(text)) || *text < '0' ||
	    *text > '9')
		return UNKNOWN;
	value = strtol(text, &end, 10);
	return *end && *end != '\n' ? UNKNOWN : value;
}

/* The next range of a list such as "0-3,8", up to the limit; false at its end. */
static bool next_range(const char **list, uint32_t *first, uint32_t *last)
{
	unsigned long from, to;
	char *end;

	if (**list < '0' || **list > '9')
		return false;
	from = to = strtoul(*list, &end, 10);
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		to = strtoul(end + 1, &end, 10);
	*list = end + (*end == ',');
	if (from >= CPU_LIMIT || to < from)
		return false;
	*first = (uint32_t)from;
	*last = to < CPU_LIMIT ? (uint32_t)to : CPU_LIMIT - 1;
	return true;
}

static bool list_has(const char *list, uint32_t cpu)
{
	uint32_t first, last;

	while (next_range(&list, &first, &last))
		if (cpu >= first && cpu <= last)
			return true;
	return false;
}

uint32_t hd_topology_possible(const char *root)
{
	char text[TEXT_SIZE];
	const char *list = text;
	uint32_t first, last, n = 0;

	if (!read_line(root, CPUS "/possible", text, sizeof(text)))
		return 0;
	while (next_range(&list, &first, &last))
		if (last + 1 > n)
			n = last + 1;
	return n;
}

static void read_seat(const char *root, struct seat *seat)
{
	seat->package = read_number(root, seat->cpu, "physical_package_id");
	seat->die = read_number(root, seat->cpu, "die_id");
	seat->core = read_number(root, seat->cpu, "core_id");
	if (seat->package == UNKNOWN)
		seat->package = 0;
	/* Behind all that are known, and each for itself. */
	if (seat->core == UNKNOWN)
		seat->core = LONG_MAX - (long)CPU_LIMIT + (long)seat->cpu;
}

static void mark_offline(const char *root, struct seat *seat, uint32_t n)
{
	char text[TEXT_SIZE];
	uint32_t i;

	/* Without the list all are taken to be there: the kernel decides. */
	if (!read_line(root, CPUS "/online", text, sizeof(text)))
		return;
	for (i = 0; i < n; i++)
		seat[i].offline = !list_has(text, seat[i].cpu);
}

static void read_node(const char *root, const char *name, struct seat *seat,
		      uint32_t n)
{
	char path[NAME_MAX + 64], text[TEXT_SIZE];
	char *end;
	long node;
	uint32_t i;

	if (strncmp(name, "node", 4) || name[4] < '0' || name[4] > '9')
		return;
	node = strtol(name + 4, &end, 10);
	snprintf(path, sizeof(path), NODES "/%s/cpulist", name);
	if (*end || !read_line(root, path, text, sizeof(text)))
		return;
	for (i = 0; i < n; i++)
		if (list_has(text, seat[i].cpu))
			seat[i].node = node;
}

static void read_nodes(const char *root, struct seat *seat, uint32_t n)
{
	char full[PATH_MAX];
	int length = snprintf(full, sizeof(full), "%s" NODES, root);
	struct dirent *entry;
	DIR *directory;
	int before;

	if (length < 0 || (size_t)length >= sizeof(full))
		return;
	before = hd_cancel_off();
	directory = opendir(full);
	while (directory && (entry = readdir(directory)))
		read_node(root, entry->d_name, seat, n);
	if (directory)
		closedir(directory);
	hd_cancel_restore(before);
}

static int order_of(long a, long b)
{
	return (a > b) - (a < b);
}

static int by_domain(const struct seat *a, const struct seat *b)
{
	int order = order_of(a->package, b->package);

	return order ? order : order_of(a->node, b->node);
}

static int by_core(const struct seat *a, const struct seat *b)
{
	int order = by_domain(a, b);

	if (!order)
		order = order_of(a->die, b->die);
	return order ? order : order_of(a->core, b->core);
}

static int compact_order(const void *left, const void *right)
{
	const struct seat *a = left, *b = right;
	int order = order_of(a->offline, b->offline);

	if (!order)
		order = by_core(a, b);
	return order ? order : order_of(a->cpu, b->cpu);
}

static int spread_order(const void *left, const void *right)
{
	const struct seat *a = left, *b = right;
	int order = order_of(a->offline, b->offline);

	if (!order)
		order = order_of(a->sibling, b->sibling);
	if (!order)
		order = order_of(a->core_rank, b->core_rank);
	return order ? order : compact_order(a, b);
}

/* In compact order: which core of its domain, which CPU of its core. */
static void rank(struct seat *seat, uint32_t n)
{
	uint32_t i;

	for (i = 1; i < n; i++) {
		const struct seat *before = &seat[i - 1];

		if (seat[i].offline != before->offline ||
		    by_domain(&seat[i], before))
			continue;
		seat[i].core_rank = before->core_rank;
		if (by_core(&seat[i], before))
			seat[i].core_rank++;
		else
			seat[i].sibling = before->sibling + 1;
	}
}

static uint32_t collect(const void *set, size_t size, struct seat *seat,
			uint32_t max)
{
	uint32_t bits = size < CPU_LIMIT / 8 ? (uint32_t)size * 8 : CPU_LIMIT;
	uint32_t cpu, n = 0;

	for (cpu = 0; cpu < bits && n < max; cpu++)
		if (CPU_ISSET_S(cpu, size, (const cpu_set_t *)set))
			seat[n++].cpu = cpu;
	return n;
}

uint32_t hd_topology_order(const char *root, const void *set, size_t size,
			   bool spread, uint32_t *order, uint32_t max)
{
	int saved_errno = errno;
	struct seat *seat = hd_alloc((size_t)(max ? max : 1) * sizeof(*seat));
	uint32_t n = 0, i;

	if (seat)
		n = collect(set, size, seat, max);
	for (i = 0; i < n; i++)
		read_seat(root, &seat[i]);
	if (n) {
		mark_offline(root, seat, n);
		read_nodes(root, seat, n);
		qsort(seat, n, sizeof(*seat), compact_order);
		rank(seat, n);
		if (spread)
			qsort(seat, n, sizeof(*seat), spread_order);
	}
	for (i = 0; i < n; i++)
		order[i] = seat[i].cpu;
	hd_free(seat);
	errno = saved_errno;
	return n;
}
