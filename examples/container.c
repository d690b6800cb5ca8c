/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server in a container. Its pool could use every CPU of the machine; its cap
 * follows what the container may use, now and when that is changed. The loop that
 * hands out requests drives the monitor as well: no thread is made for it. A handler
 * that sleeps without saying so is reported, with the thread to look at.
 *
 * To see the cap move, run it for a minute and change the quota from outside:
 *
 *     examples/container 60 &
 *     echo "50000 100000" > /sys/fs/cgroup/.../cpu.max
 */
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <heddle/heddle.h>

#define MS        UINT64_C(1000000)
#define PER_LOOP  50 /* requests of each turn of the loop */
#define STALL_MS  100
#define SLEEPS_MS 400 /* of the one handler that blocks unannounced */

struct server {
	struct heddle_pool *pool;
	_Atomic uint32_t running, most, served;
	uint32_t accepted, refused, reported, changes;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 * MS + (uint64_t)now.tv_nsec;
}

static void enter(struct server *server)
{
	uint32_t now = atomic_fetch_add(&server->running, 1) + 1;
	uint32_t most = atomic_load(&server->most);

	while (now > most &&
	       !atomic_compare_exchange_weak(&server->most, &most, now))
		;
}

static void leave(struct server *server)
{
	atomic_fetch_sub(&server->running, 1);
	atomic_fetch_add(&server->served, 1);
}

static void serve(void *arg)
{
	volatile uint32_t i;

	enter(arg);
	for (i = 0; i < 50000; i++)
		;
	leave(arg);
}

/* What should stand between heddle_block_begin() and heddle_block_end(). */
static void serve_badly(void *arg)
{
	const struct timespec sleep = { 0, SLEEPS_MS * (long)MS };

	enter(arg);
	nanosleep(&sleep, NULL);
	leave(arg);
}

/* ---- what the monitor tells; called by heddle_monitor_poll() ---- */

static void changed(struct heddle_pool *pool, uint32_t from, uint32_t to,
		    const struct heddle_limits *reason, void *arg)
{
	struct server *server = arg;

	(void)pool;
	server->changes++;
	printf("cap %u -> %u, because of %s\n", from, to, reason->source);
}

static void stalled(struct heddle_pool *pool,
		    const struct heddle_worker_info *worker, uint64_t age_ns,
		    void *arg)
{
	struct server *server = arg;

	(void)pool;
	printf("worker %u (thread %d) sleeps unannounced for %.0f ms\n",
	       worker->index, (int)worker->tid, (double)age_ns / 1e6);
	server->reported++;
}

/* ---- the loop ---- */

static void hand_out(struct server *server, void (*handler)(void *))
{
	if (heddle_submit_call(heddle_pool_group(server->pool), handler,
			       server))
		server->refused++;
	else
		server->accepted++;
}

static int run(struct server *server, uint64_t until)
{
	struct pollfd timer = { .fd = heddle_monitor_fd(server->pool),
				.events = POLLIN };
	int i;

	hand_out(server, serve_badly);
	while (now_ns() < until) {
		for (i = 0; i < PER_LOOP; i++)
			hand_out(server, serve);
		/* A server would wait for its sockets here too. */
		if (poll(&timer, 1, 10) < 0)
			return 1;
		if (timer.revents && heddle_monitor_poll(server->pool) < 0)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .workers_max = 64,
					       .name = "server" };
	struct heddle_monitor_options watch = {
		.struct_size = sizeof(watch),
		.flags = HEDDLE_MONITOR_LIMITS | HEDDLE_MONITOR_HOST,
		.interval_ns = 20 * MS,
		.stall_ns = STALL_MS * MS,
		.stalled = stalled,
		.changed = changed,
	};
	struct heddle_limits limits = { .struct_size = sizeof(limits) };
	uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	struct server server = { 0 };
	int rc, cap;

	watch.arg = &server;
	if (heddle_limits_get(&limits) ||
	    heddle_pool_create(&options, &server.pool))
		return 1;
	printf("%u of %u CPUs by %s\n", limits.cpus, limits.affinity,
	       limits.source);
	/* Before the first request, not at the monitor's first look. */
	cap = heddle_limits_apply(server.pool);
	if (cap < 1 ||
	    heddle_pool_start(server.pool, options.workers_max, NULL,
			      HEDDLE_FOREVER) ||
	    heddle_monitor_start(server.pool, &watch))
		return 1;
	rc = run(&server, now_ns() + seconds * 1000 * MS);
	rc |= heddle_group_close(heddle_pool_group(server.pool),
				 HEDDLE_CLOSE_DRAIN, HEDDLE_FOREVER);
	rc |= heddle_pool_destroy(server.pool, HEDDLE_R4_CLEAN, NULL,
				  HEDDLE_FOREVER);
	printf("%u served, %u refused, at most %u at once\n",
	       atomic_load(&server.served), server.refused,
	       atomic_load(&server.most));
	/* The cap was there from the start, so never more ran than it said. */
	if (!server.changes && atomic_load(&server.most) > (uint32_t)cap)
		rc = 1;
	return rc || atomic_load(&server.served) != server.accepted ||
	       !server.reported;
}
