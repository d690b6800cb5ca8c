/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pthreadpool_parallelize_1d() as a program of its own, so that the command needs no
 * pthreadpool; it speaks as all opponents do. Nothing can be submitted: a call has all
 * its items and returns when they have run, the caller is one of the workers. So there
 * is a burst and a round trip, and no more. A call of one item would be run by its
 * caller without a look at the pool: the round trip has an item for each worker.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthreadpool.h>

#include "bench/done.h"
#include "bench/side.h"

/* As in the library's default: workers spin a while before they sleep. */
#define FLAGS 0

struct pool {
	pthreadpool_t threads;
	uint64_t workers;
	uint64_t expected; /* of items of calls, which is compared in the end */
};

struct burst {
	void (*fn)(void *arg);
	uint64_t *words;
};

static int pool_open(uint32_t workers, uint64_t tasks, void **out)
{
	struct pool *pool = malloc(sizeof(*pool));

	(void)tasks;
	if (!pool)
		return -ENOMEM;
	*pool = (struct pool){ .threads = pthreadpool_create(workers),
			       .workers = workers };
	if (!pool->threads ||
	    pthreadpool_get_threads_count(pool->threads) != workers) {
		if (pool->threads)
			pthreadpool_destroy(pool->threads);
		free(pool);
		return -EAGAIN;
	}
	*out = pool;
	return 0;
}

static void run_word(void *arg, size_t i)
{
	const struct burst *burst = arg;

	burst->fn(&burst->words[i]);
}

static int pool_each(void *arg, void (*fn)(void *arg), uint64_t *words,
		     uint64_t n)
{
	struct pool *pool = arg;
	struct burst burst = { fn, words };

	pthreadpool_parallelize_1d(pool->threads, run_word, &burst, n, FLAGS);
	pool->expected += n;
	return 0;
}

static void run_guest(void *arg, size_t i)
{
	struct hb_guest *guest = arg;

	(void)i;
	guest->fn(guest->arg);
	hb_done_add();
}

static int pool_call(void *arg, struct hb_guest *guest)
{
	struct pool *pool = arg;

	pthreadpool_parallelize_1d(pool->threads, run_guest, guest,
				   pool->workers, FLAGS);
	pool->expected += pool->workers;
	return 0;
}

static void pool_close(void *arg)
{
	struct pool *pool = arg;

	if (hb_done_sum() != pool->expected) {
		ht_say("pthreadpool: %llu items ran of %llu",
		       (unsigned long long)hb_done_sum(),
		       (unsigned long long)pool->expected);
		exit(HT_MISSED);
	}
	pthreadpool_destroy(pool->threads);
	free(pool);
}

/* The library does not tell it, and its package is a snapshot. */
static void version(char *text, size_t size)
{
	snprintf(text, size, "%s", PTHREADPOOL_VERSION);
}

static const struct hb_peer pthreadpool = {
	.name = "pthreadpool",
	.about = "pthreadpool_parallelize_1d, whose caller is a worker",
	.only = "W4j,W5,",
	.is_outside = true,
	.version = version,
	.open = pool_open,
	.each = pool_each,
	.call = pool_call,
	.close = pool_close,
};

bool hb_has_monitor;

const struct hb_peer *const hb_peers[] = { &pthreadpool, NULL };

const struct hb_peer *hb_peer_find(const char *name)
{
	return strcmp(name, pthreadpool.name) ? NULL : &pthreadpool;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "bench-list")) {
		printf("peer %s version=%s workloads=%.*s\n", pthreadpool.name,
		       PTHREADPOOL_VERSION, (int)strlen(pthreadpool.only) - 1,
		       pthreadpool.only);
		return HT_OK;
	}
	if (argc > 1 && !strcmp(argv[1], "bench-peer"))
		return hb_side_main(argc - 1, argv + 1);
	ht_say("pthreadpool-opponent: bench-list or bench-peer is wanted");
	return HT_USAGE;
}
