/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: a cap means the same on each machine: so many tasks of the group, however
 * many CPUs, nodes and packages there are, however the workers are placed, and
 * however the queues are divided. Elsewhere a re-sharding of the queues made a limit
 * per node one per CPU.
 *
 * Method: pools that see faked machines of 1, 2 and 8 nodes and 1 to 64 CPUs; in a
 * wide group, which has a queue for each CPU, and in one that is not, tasks wait
 * until as many as the cap have met, and count how many are inside.
 *
 * fault: F11
 * clause: C1 C2
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define WORKERS 6
#define CAP     4
#define TASKS   200
#define LONG_MS 20000

static char tree[PATH_MAX / 4];
static _Atomic uint64_t inside, most, met, done;

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

static void put_number(const char *path, unsigned int number)
{
	char text[32];

	snprintf(text, sizeof(text), "%u\n", number);
	put(path, text);
}

/* Two CPUs a core, the cores divided among the nodes, a package for each node. */
static void machine(unsigned int nodes, unsigned int cpus)
{
	unsigned int each = (cpus + nodes - 1) / nodes, i;
	char path[128], list[64];

	snprintf(tree, sizeof(tree), "/tmp/heddle-machine-XXXXXX");
	if (!mkdtemp(tree))
		bail("mkdtemp: %s", strerror(errno));
	snprintf(list, sizeof(list), "0-%u\n", cpus - 1);
	put("/sys/devices/system/cpu/possible", list);
	put("/sys/devices/system/cpu/online", list);
	for (i = 0; i < cpus; i++) {
		snprintf(path, sizeof(path),
			 "/sys/devices/system/cpu/cpu%u/topology/core_id", i);
		put_number(path, i / 2);
		snprintf(path, sizeof(path),
			 "/sys/devices/system/cpu/cpu%u/topology/"
			 "physical_package_id",
			 i);
		put_number(path, i / each);
	}
	for (i = 0; i < nodes && i * each < cpus; i++) {
		unsigned int last = (i + 1) * each - 1;

		snprintf(path, sizeof(path),
			 "/sys/devices/system/node/node%u/cpulist", i);
		snprintf(list, sizeof(list), "%u-%u\n", i * each,
			 last < cpus ? last : cpus - 1);
		put(path, list);
	}
}

static void drop_machine(void)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "rm -rf '%s'", tree);
	if (system(command))
		diag("%s is left", tree);
}

static void body(void *arg)
{
	uint64_t now = atomic_fetch_add(&inside, 1) + 1,
		 seen = atomic_load(&most);

	(void)arg;
	while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
		;
	/* The first ones meet: as many as the cap allows must be there. */
	atomic_fetch_add(&met, 1);
	if (!su_wait_at_least(&met, CAP, LONG_MS))
		bail("fewer than the cap run");
	atomic_fetch_sub(&inside, 1);
	atomic_fetch_add(&done, 1);
}

static uint64_t run(struct heddle_pool *pool, uint32_t flags)
{
	struct heddle_group *group = su_group(
		heddle_pool_group(pool),
		(struct heddle_group_options){ .flags = flags, .cap = CAP });
	int i;

	atomic_store(&most, 0);
	atomic_store(&met, 0);
	atomic_store(&done, 0);
	for (i = 0; i < TASKS; i++)
		if (heddle_submit_call(group, body, NULL))
			bail("submit");
	if (!su_wait_at_least(&done, TASKS, LONG_MS))
		bail("%llu of %d tasks ran", (unsigned long long)done, TASKS);
	return atomic_load(&most);
}

static void on(unsigned int nodes, unsigned int cpus, uint32_t placement)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = WORKERS,
					 .placement = placement };
	struct heddle_pool *pool;
	uint64_t plain, wide;

	pool = su_pool_with(&o, WORKERS);
	plain = run(pool, 0);
	wide = run(pool, HEDDLE_GROUP_WIDE);
	ok(plain == CAP && wide == CAP,
	   "%u nodes, %u CPUs, placement %u: a cap of %d is %llu and %llu",
	   nodes, cpus, placement, CAP, (unsigned long long)plain,
	   (unsigned long long)wide);
	tap_on_deadline(NULL, NULL);
	if (heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER))
		bail("destroy");
}

int main(void)
{
	static const unsigned int nodes[] = { 1, 2, 8 },
				  cpus[] = { 1, 2, 8, 64 };
	unsigned int n, c;
	uint32_t p;

	tap_deadline(110);
	for (n = 0; n < 3; n++)
		for (c = 0; c < 4; c++) {
			if (cpus[c] < nodes[n])
				continue;
			machine(nodes[n], cpus[c]);
			if (heddle_topology_root(tree))
				bail("heddle_topology_root");
			for (p = HEDDLE_PLACE_ANY; p <= HEDDLE_PLACE_COMPACT;
			     p++)
				on(nodes[n], cpus[c], p);
			heddle_topology_root(NULL);
			drop_machine();
		}
	return tap_done();
}
