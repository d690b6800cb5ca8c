/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libuv's thread pool, uv_queue_work(), as a program of its own, so that the command
 * needs no libuv; it speaks as all opponents do. The pool belongs to the process: its
 * size is an environment variable, it starts at the first request and can be ended once.
 * Each submitting thread has a loop; a request is malloc'ed and freed by the loop.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "bench/done.h"
#include "bench/side.h"

enum {
	REAP_EVERY = 1024 /* submits; the loop is no part of a latency */
};

struct request {
	uv_work_t work;
	void (*fn)(void *arg);
	void *arg;
};

static unsigned int since_reaped; /* of the default loop */

static void run(uv_work_t *work)
{
	struct request *request = work->data;

	request->fn(request->arg);
}

static void reap(uv_work_t *work, int status)
{
	(void)status;
	free(work->data);
}

static void bump(void *arg)
{
	(void)arg;
	hb_done_add();
}

static int queue(uv_loop_t *loop, void (*fn)(void *arg), void *arg)
{
	struct request *request = malloc(sizeof(*request));
	int rc;

	if (!request)
		return -ENOMEM;
	request->work.data = request;
	request->fn = fn;
	request->arg = arg;
	rc = uv_queue_work(loop, &request->work, run, reap);
	if (rc)
		free(request);
	return rc;
}

static int pool_open(uint32_t workers, uint64_t tasks, void **out)
{
	char text[16];

	(void)tasks;
	snprintf(text, sizeof(text), "%u", workers);
	setenv("UV_THREADPOOL_SIZE", text, 1);
	*out = uv_default_loop();
	return *out ? 0 : -ENOMEM;
}

static int pool_put(void *loop, void (*fn)(void *arg), void *arg)
{
	if (++since_reaped == REAP_EVERY) {
		since_reaped = 0;
		uv_run(loop, UV_RUN_NOWAIT);
	}
	return queue(loop, fn, arg);
}

/* A thread has a loop of its own, and stays until it has reaped all. */
static int pool_submit(void *pool, uint64_t first, uint64_t n, uint64_t *again)
{
	uv_loop_t loop;
	int rc = uv_loop_init(&loop);

	(void)pool;
	(void)first;
	(void)again;
	if (rc)
		return rc;
	while (n-- && !rc)
		rc = queue(&loop, bump, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	return rc;
}

static void pool_close(void *loop)
{
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	uv_library_shutdown();
}

static void version(char *text, size_t size)
{
	snprintf(text, size, "%s", uv_version_string());
}

static const struct hb_peer libuv = {
	.name = "libuv",
	.about = "uv_queue_work, a malloc'ed request a task",
	.only = "W1,W4,W4j,W5,W7,W7t,W10,",
	.is_outside = true,
	.version = version,
	.open = pool_open,
	.submit = pool_submit,
	.put = pool_put,
	.close = pool_close,
};

bool hb_has_monitor;

const struct hb_peer *const hb_peers[] = { &libuv, NULL };

const struct hb_peer *hb_peer_find(const char *name)
{
	return strcmp(name, libuv.name) ? NULL : &libuv;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "bench-list")) {
		printf("peer %s version=%s workloads=%.*s\n", libuv.name,
		       uv_version_string(), (int)strlen(libuv.only) - 1,
		       libuv.only);
		return HT_OK;
	}
	if (argc > 1 && !strcmp(argv[1], "bench-peer"))
		return hb_side_main(argc - 1, argv + 1);
	ht_say("uv-opponent: bench-list or bench-peer is wanted");
	return HT_USAGE;
}
