/* SPDX-License-Identifier: BSD-2-Clause */
/* No pool at all: a thread for each task, detached or joined. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/done.h"
#include "bench/peer.h"

struct call {
	void (*fn)(void *arg);
	void *arg;
};

static void *run_call(void *arg)
{
	struct call call = *(struct call *)arg;

	free(arg);
	call.fn(call.arg);
	return NULL;
}

static void *run_guest(void *arg)
{
	struct hb_guest *guest = arg;

	guest->fn(guest->arg);
	return NULL;
}

static void bump(void *arg)
{
	(void)arg;
	hb_done_add_shared();
}

static int pool_open(uint32_t workers, uint64_t tasks, void **out)
{
	pthread_attr_t *attr = malloc(sizeof(*attr));

	(void)workers;
	(void)tasks;
	if (!attr)
		return -ENOMEM;
	pthread_attr_init(attr);
	pthread_attr_setdetachstate(attr, PTHREAD_CREATE_DETACHED);
	*out = attr;
	return 0;
}

/* Refused by the kernel's limits: those that run have to end first. */
static int pool_put(void *attr, void (*fn)(void *arg), void *arg)
{
	struct call *call = malloc(sizeof(*call));
	pthread_t thread;
	int rc;

	if (!call)
		return -ENOMEM;
	*call = (struct call){ fn, arg };
	while ((rc = pthread_create(&thread, attr, run_call, call)) == EAGAIN)
		sched_yield();
	if (rc)
		free(call);
	return -rc;
}

static int pool_submit(void *attr, uint64_t first, uint64_t n, uint64_t *again)
{
	int rc = 0;

	(void)first;
	(void)again;
	while (n-- && !rc)
		rc = pool_put(attr, bump, NULL);
	return rc;
}

static int pool_spawn(void *attr, struct hb_guest *guest)
{
	pthread_t thread;
	int rc;

	(void)attr;
	while ((rc = pthread_create(&thread, NULL, run_guest, guest)) == EAGAIN)
		sched_yield();
	if (!rc)
		memcpy(guest->space, &thread, sizeof(thread));
	return -rc;
}

static int pool_join(void *attr, struct hb_guest *guest)
{
	pthread_t thread;

	(void)attr;
	memcpy(&thread, guest->space, sizeof(thread));
	return -pthread_join(thread, NULL);
}

static void pool_close(void *attr)
{
	pthread_attr_destroy(attr);
	free(attr);
}

static void version(char *text, size_t size)
{
	snprintf(text, size, "bench/peers/thread.c");
}

const struct hb_peer hb_pthread = {
	.name = "pthread",
	.about = "pthread_create for each task",
	.is_threads = true,
	.version = version,
	.open = pool_open,
	.submit = pool_submit,
	.put = pool_put,
	.spawn = pool_spawn,
	.join = pool_join,
	.close = pool_close,
};
