/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: the order of CPUs for placing workers is that of the header, on machines of 1, 2
 * and 8 nodes and 1 to 64 CPUs, with CPUs offline, and whatever the files contain.
 * Method: faked trees; each order has each CPU of the set once, and the first ones are
 * those that the machine's shape asks for.
 *
 * fault: F11 F42
 * clause: S1
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/topology.h"
#include "tests/tap/tap.h"

#define CPU  "/sys/devices/system/cpu"
#define NODE "/sys/devices/system/node"
#define MOST 64

static char tree[PATH_MAX / 4];

static void put(const char *path, const char *text)
{
	char full[PATH_MAX];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", tree, path);
	for (char *at = full + strlen(tree) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		if (mkdir(full, 0700) < 0 && errno != EEXIST)
			bail("mkdir %s: %s", full, strerror(errno));
		*at = '/';
	}
	file = fopen(full, "w");
	if (!file || fputs(text, file) < 0 || fclose(file))
		bail("write %s: %s", full, strerror(errno));
}

static void put_cpu(unsigned int cpu, const char *name, long value)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), CPU "/cpu%u/topology/%s", cpu, name);
	snprintf(text, sizeof(text), "%ld\n", value);
	put(path, text);
}

static void new_tree(void)
{
	snprintf(tree, sizeof(tree), "/tmp/heddle-topology-XXXXXX");
	if (!mkdtemp(tree))
		bail("mkdtemp: %s", strerror(errno));
}

static void drop_tree(void)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "rm -rf '%s'", tree);
	if (system(command))
		diag("%s is left", tree);
}

/* As Linux numbers them: first one CPU of each core, then the siblings. */
struct shape {
	unsigned int nodes, cores, threads; /* cores of a node */
};

static unsigned int cpus_of(const struct shape *s)
{
	return s->nodes * s->cores * s->threads;
}

static unsigned int core_of(const struct shape *s, unsigned int cpu)
{
	return cpu % (s->nodes * s->cores);
}

static unsigned int node_of(const struct shape *s, unsigned int cpu)
{
	return core_of(s, cpu) / s->cores;
}

static void machine(const struct shape *s)
{
	unsigned int cpu, node, n = cpus_of(s);
	char path[128], text[1024];

	new_tree();
	snprintf(text, sizeof(text), "0-%u\n", n - 1);
	put(CPU "/online", text);
	put(CPU "/possible", text);
	for (cpu = 0; cpu < n; cpu++) {
		put_cpu(cpu, "physical_package_id", node_of(s, cpu));
		/* Numbers of cores begin again in each package. */
		put_cpu(cpu, "core_id", core_of(s, cpu) % s->cores);
	}
	for (node = 0; node < s->nodes; node++) {
		size_t at = 0;

		for (cpu = 0; cpu < n; cpu++)
			if (node_of(s, cpu) == node)
				at += (size_t)snprintf(text + at,
						       sizeof(text) - at,
						       "%s%u", at ? "," : "",
						       cpu);
		snprintf(path, sizeof(path), NODE "/node%u/cpulist", node);
		put(path, text);
	}
}

static uint32_t order[MOST];

static uint32_t order_all(unsigned int n, bool spread)
{
	cpu_set_t set;
	unsigned int i;

	CPU_ZERO(&set);
	for (i = 0; i < n; i++)
		CPU_SET(i, &set);
	return hd_topology_order(tree, &set, sizeof(set), spread, order, MOST);
}

static bool each_once(unsigned int n, uint32_t length)
{
	uint64_t seen = 0;
	uint32_t i;

	for (i = 0; i < length; i++)
		seen |= UINT64_C(1) << order[i];
	return length == n && seen == UINT64_MAX >> (64 - n);
}

/* Places at which what two neighbours share is not what it should be. */
static unsigned int wrong_spread(const struct shape *s)
{
	unsigned int i, wrong = 0, n = cpus_of(s);

	for (i = 0; i < n; i++) {
		/* Nodes in turn; all cores before any sibling. */
		wrong += node_of(s, order[i]) != i % s->nodes;
		wrong += order[i] / (s->nodes * s->cores) !=
			 i / (s->nodes * s->cores);
	}
	return wrong;
}

static unsigned int wrong_compact(const struct shape *s)
{
	unsigned int i, wrong = 0, n = cpus_of(s);

	for (i = 0; i < n; i++) {
		wrong += core_of(s, order[i]) != i / s->threads;
		wrong += node_of(s, order[i]) != i / (s->threads * s->cores);
	}
	return wrong;
}

static void shapes(void)
{
	static const struct shape shape[] = {
		{ 1, 1, 1 }, { 1, 1, 2 }, { 1, 4, 1 },  { 1, 4, 2 },
		{ 2, 1, 1 }, { 2, 2, 2 }, { 2, 16, 2 }, { 8, 1, 1 },
		{ 8, 2, 2 }, { 8, 4, 2 }, { 1, 64, 1 }, { 2, 8, 4 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(shape) / sizeof(shape[0]); i++) {
		const struct shape *s = &shape[i];
		unsigned int n = cpus_of(s);

		machine(s);
		ok(each_once(n, order_all(n, true)) && !wrong_spread(s),
		   "%u nodes of %u cores with %u CPUs: spread", s->nodes,
		   s->cores, s->threads);
		ok(each_once(n, order_all(n, false)) && !wrong_compact(s),
		   "%u nodes of %u cores with %u CPUs: compact", s->nodes,
		   s->cores, s->threads);
		is_u64(hd_topology_possible(tree), n, "possible");
		drop_tree();
	}
}

static void offline(void)
{
	static const struct shape s = { 2, 2, 2 };

	machine(&s);
	put(CPU "/online", "0,2-3,6-7\n");
	ok(each_once(8, order_all(8, true)), "offline CPUs stay in the order");
	ok(order[5] == 1 || order[5] == 4 || order[5] == 5,
	   "behind those that are there: %u", order[5]);
	ok(order[0] == 0 && order[1] == 2 && order[2] == 3,
	   "spread over what is there: %u %u %u", order[0], order[1], order[2]);
	drop_tree();
}

/* A long line of what is given; the last byte is no end of line. */
static void put_long(const char *path, const char *unit, size_t n)
{
	char *text = calloc(n, strlen(unit) + 1);

	while (text && n--)
		strcat(text, unit);
	put(path, text ? text : "");
	free(text);
}

static void hostile(void)
{
	static const char *const nonsense[] = {
		"",
		"\n",
		"-1\n",
		"x\n",
		"99999999999999999999999999\n",
		"18446744073709551615",
		"0x10\n",
		"1 2 3\n",
		"\xff\xfe\n",
	};
	static const char *const lists[] = {
		"",
		"\n",
		"-",
		"3-1\n",
		"0-\n",
		"0-99999999999999999999\n",
		"99999999999999999999-1\n",
		",,,,\n",
		"0,,1\n",
		"a-b\n",
		"4294967295-4294967297\n",
	};
	static const struct shape s = { 2, 2, 1 };
	unsigned int i, k, right = 0;

	machine(&s);
	for (i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		put(CPU "/cpu1/topology/core_id", nonsense[i]);
		put(CPU "/cpu2/topology/physical_package_id", nonsense[i]);
		put(CPU "/cpu3/topology/die_id", nonsense[i]);
		for (k = 0; k <= 1; k++)
			right += each_once(4, order_all(4, k));
	}
	is_u64(right, 2 * i, "numbers that are none");
	for (i = right = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		put(CPU "/online", lists[i]);
		put(NODE "/node1/cpulist", lists[i]);
		put(CPU "/possible", lists[i]);
		for (k = 0; k <= 1; k++)
			right += each_once(4, order_all(4, k));
		right += hd_topology_possible(tree) <= 1u << 16;
	}
	is_u64(right, 3 * i, "lists that are none");
	put_long(CPU "/online", "0,1,2,3,", 20000);
	ok(each_once(4, order_all(4, true)), "a list of 160 000 bytes");
	put(NODE "/nodeX/cpulist", "0-3\n");
	put(NODE "/node/cpulist", "0-3\n");
	put(NODE "/node99999999999999999999/cpulist", "0-3\n");
	put(NODE "/node3/cpulist/deeper", "a folder where a file should be\n");
	ok(each_once(4, order_all(4, false)), "folders with odd names");
	drop_tree();
	ok(each_once(4, order_all(4, true)), "no tree at all");
	ok(order[0] == 0 && order[3] == 3, "then in their own order");
	is_u64(hd_topology_possible(tree), 0, "nor is it known how many");
}

static void real(void)
{
	cpu_set_t set;
	uint32_t n;

	sched_getaffinity(0, sizeof(set), &set);
	n = hd_topology_order("", &set, sizeof(set), true, order, MOST);
	ok(n == (uint32_t)CPU_COUNT(&set) || n == MOST,
	   "this machine: %u CPUs, possible %u", n, hd_topology_possible(""));
	is_u64(hd_topology_order("", &set, 0, true, order, MOST), 0,
	       "an empty set");
}

int main(void)
{
	tap_deadline(60);
	shapes();
	offline();
	hostile();
	real();
	return tap_done();
}
