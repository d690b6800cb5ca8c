/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the process costs in memory while it runs one task at a time, and what
 * it gets back: "shutdown" is the instant of its return, "gone" when no thread
 * is listed any more, "trimmed" after malloc_trim.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "papers/P01/measure.h"
#include "papers/P01/threads.h"

/* Without stdio: the measurement must not allocate. */
static void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;
	size_t used = 0;

	if (fd < 0)
		hp_die("%s: %s", path, strerror(errno));
	while (n > 0 && used + 1 < size) {
		n = read(fd, text + used, size - 1 - used);
		if (n < 0 && errno != EINTR)
			hp_die("%s: %s", path, strerror(errno));
		if (n > 0)
			used += (size_t)n;
	}
	text[used] = '\0';
	close(fd);
}

static unsigned long kib_after(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	if (!at)
		hp_die("no line %s", name);
	return strtoul(at + strlen(name), NULL, 10);
}

static void print(const struct hp_request *request, const char *stage)
{
	static char rollup[4096];
	static char status[4096];

	read_text("/proc/self/smaps_rollup", rollup, sizeof(rollup));
	read_text("/proc/self/status", status, sizeof(status));
	printf("memory size=%u stage=%s rss_kib=%lu dirty_kib=%lu vsz_kib=%lu "
	       "threads=%u\n",
	       request->size, stage, kib_after(rollup, "\nRss:"),
	       kib_after(rollup, "\nPrivate_Dirty:"),
	       kib_after(status, "\nVmSize:"), hp_threads_alive());
}

static void do_nothing(struct hp_unit *unit)
{
	(void)unit;
}

static void pass_gate(struct hp_unit *unit)
{
	hp_gate_enter(unit->arg);
}

void hp_measure_memory(const struct hp_request *request)
{
	const struct hp_backend *backend = request->backend;
	struct hp_unit in_flight = { .fn = pass_gate };
	struct hp_gate gate;
	uint64_t took, i;
	void *pool;

	print(request, "empty");
	pool = hp_pool_open(request, 0, 1);
	print(request, "created");
	for (i = 0; i < request->count; i++)
		hp_call(request, pool, do_nothing, NULL);
	hp_gate_init(&gate);
	in_flight.arg = &gate;
	hp_run(request, pool, &in_flight);
	if (!hp_gate_wait(&gate, 1, 5000000000))
		hp_die("the task never ran");
	print(request, "flight");
	hp_gate_open(&gate);
	backend->wait(pool, &in_flight);
	backend->shutdown(pool);
	print(request, "shutdown");
	if (backend->settle)
		backend->settle();
	if (!hp_threads_wait_gone(backend->settle ? 2 : 1, 5000000000, &took))
		printf("missed what=gone\n");
	print(request, "gone");
	malloc_trim(0);
	print(request, "trimmed");
	hp_gate_destroy(&gate);
}
