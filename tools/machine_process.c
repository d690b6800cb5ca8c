/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts about this process: its limits, and what its kernel and libc offer. */
#include "tools/machine.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void add_limit(struct ht_machine *machine, const char *name,
		      const char *source, int which)
{
	struct rlimit limit;
	char text[2][32];
	rlim_t value;
	int i;

	if (getrlimit((__rlimit_resource_t)which, &limit)) {
		ht_machine_add(machine, name, source, "unavailable: %s",
			       strerror(errno));
		return;
	}
	for (i = 0; i < 2; i++) {
		value = i ? limit.rlim_max : limit.rlim_cur;
		if (value == RLIM_INFINITY)
			strcpy(text[i], "unlimited");
		else
			snprintf(text[i], sizeof(text[i]), "%" PRIuMAX,
				 (uintmax_t)value);
	}
	ht_machine_add(machine, name, source, "%s (hard %s)", text[0], text[1]);
}

/* Bits of the answer to a query, as the kernel's ABI has them. */
enum {
	BARRIER_QUERY = 0,
	BARRIER_GLOBAL = 1 << 0,
	BARRIER_PRIVATE = 1 << 3,
	BARRIER_SYNC_CORE = 1 << 5,
	BARRIER_RSEQ = 1 << 7,
};

static void add_membarrier(struct ht_machine *machine)
{
	const char *source = "membarrier(MEMBARRIER_CMD_QUERY)";
	long mask = syscall(SYS_membarrier, BARRIER_QUERY, 0, 0);

	if (mask < 0) {
		ht_machine_add(machine, "membarrier", source, "unavailable: %s",
			       strerror(errno));
		return;
	}
	ht_machine_add(machine, "membarrier", source,
		       "0x%lx: global %s, private expedited %s, "
		       "sync core %s, rseq %s",
		       (unsigned long)mask,
		       mask & BARRIER_GLOBAL ? "yes" : "no",
		       mask & BARRIER_PRIVATE ? "yes" : "no",
		       mask & BARRIER_SYNC_CORE ? "yes" : "no",
		       mask & BARRIER_RSEQ ? "yes" : "no");
}

/* glibc registers the area for every thread since 2.35 and exports where. */
static void add_rseq(struct ht_machine *machine)
{
	const char *source = "dlsym(__rseq_size, __rseq_offset)";
	const unsigned int *size = dlsym(RTLD_DEFAULT, "__rseq_size");
	const ptrdiff_t *offset = dlsym(RTLD_DEFAULT, "__rseq_offset");

	if (!size || !offset) {
		ht_machine_add(machine, "rseq", source,
			       "unavailable: this libc does not export it");
		return;
	}
	if (!*size) {
		ht_machine_add(machine, "rseq", source,
			       "not registered (kernel or glibc tunable)");
		return;
	}
	ht_machine_add(machine, "rseq", source,
		       "registered by libc: %u bytes at thread pointer %+td",
		       *size, *offset);
}

void ht_machine_process(struct ht_machine *machine)
{
	add_limit(machine, "limit processes", "getrlimit(RLIMIT_NPROC)",
		  RLIMIT_NPROC);
	add_limit(machine, "limit stack", "getrlimit(RLIMIT_STACK)",
		  RLIMIT_STACK);
	add_limit(machine, "limit locked memory", "getrlimit(RLIMIT_MEMLOCK)",
		  RLIMIT_MEMLOCK);
	add_limit(machine, "limit address space", "getrlimit(RLIMIT_AS)",
		  RLIMIT_AS);
	ht_machine_file(machine, "kernel threads max",
			"/proc/sys/kernel/threads-max");
	ht_machine_file(machine, "kernel pid max", "/proc/sys/kernel/pid_max");
	ht_machine_file(machine, "map count max", "/proc/sys/vm/max_map_count");
	add_membarrier(machine);
	add_rseq(machine);
}
