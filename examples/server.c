/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server with tenants. Clients send requests over sockets; a dispatcher submits
 * each to the group of its tenant, whose cap bounds what runs and whose queue
 * bounds what waits. A full queue is an answer, not a wait. One tenant is paused
 * at first: it fills its queue, is refused the rest, and runs when it is resumed. A
 * client that does not send more than fits is never refused. The clients are the
 * workers of a pool of their own.
 */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <heddle/heddle.h>

#define TENANTS  3
#define PER      2 /* clients of each tenant */
#define CLIENTS  (TENANTS * PER)
#define REQUESTS 60 /* of each client */
#define QUEUE    16 /* most requests of a tenant that wait */
#define PAUSED   2  /* this tenant is paused at first */

struct tenant {
	const char *name;
	uint32_t cap, window; /* most requests a client has under way */
	struct heddle_group *group;
	_Atomic uint32_t running, most;
	uint32_t accepted, refused; /* the dispatcher's */
};

struct client {
	struct heddle_task task;
	struct tenant *tenant;
	int fd, server_fd; /* the two ends */
	uint32_t served, refused, wrong;
};

/* On the wire, each way. */
struct message {
	int32_t status; /* 0, or -errno of the submit */
	uint32_t number, answer;
};

struct request {
	struct heddle_task task;
	struct client *client;
	struct message message;
};

static struct tenant tenant[TENANTS] = {
	{ .name = "gold", .cap = 3, .window = 8 },
	{ .name = "silver", .cap = 2, .window = 12 },
	{ .name = "paused", .cap = 1, .window = REQUESTS }
};
static struct client client[CLIENTS];
static _Atomic uint32_t broken;

static void reply(const struct client *to, const struct message *message)
{
	if (send(to->server_fd, message, sizeof(*message), MSG_NOSIGNAL) < 0)
		atomic_fetch_add(&broken, 1);
}

/* ---- a request ---- */

static uint32_t compute(uint32_t number)
{
	uint32_t i, value = number;

	for (i = 0; i < 200000; i++)
		value = value * 1664525u + 1013904223u;
	return value;
}

static void serve(struct heddle_task *task)
{
	struct request *request = (struct request *)(void *)task;
	struct tenant *own = request->client->tenant;
	uint32_t now = atomic_fetch_add(&own->running, 1) + 1;
	uint32_t most = atomic_load(&own->most);

	while (now > most &&
	       !atomic_compare_exchange_weak(&own->most, &most, now))
		;
	request->message.answer = compute(request->message.number);
	atomic_fetch_sub(&own->running, 1);
	/* A client that is slow to read does not occupy the tenant's cap. */
	heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);
	reply(request->client, &request->message);
	heddle_block_end();
}

/* The library's last touch, also of a request that is cancelled. */
static void forget(struct heddle_task *task, int status)
{
	(void)status;
	free(task);
}

/* ---- the dispatcher ---- */

static void dispatch(struct client *from, const struct message *message)
{
	struct request *request = malloc(sizeof(*request));
	struct message answer = *message;

	answer.status = -ENOMEM;
	if (request) {
		*request = (struct request){ .task = HEDDLE_TASK_INIT(serve),
					     .client = from,
					     .message = *message };
		request->task.flags = HEDDLE_TASK_DETACHED;
		request->task.after = forget;
		answer.status =
			heddle_submit(from->tenant->group, &request->task);
	}
	if (answer.status == 0) {
		from->tenant->accepted++;
		return;
	}
	from->tenant->refused++;
	free(request);
	reply(from, &answer);
}

/* Returns the number of clients that are still there. */
static int poll_once(struct pollfd *fds)
{
	int i, open = 0;

	for (i = 0; i < CLIENTS; i++)
		open += fds[i].fd >= 0;
	if (!open || poll(fds, CLIENTS, -1) < 0)
		return open;
	for (i = 0; i < CLIENTS; i++) {
		struct message message;

		if (fds[i].fd < 0 || !fds[i].revents)
			continue;
		if (recv(fds[i].fd, &message, sizeof(message), 0) ==
		    (ssize_t)sizeof(message))
			dispatch(&client[i], &message);
		else
			fds[i].fd = -1; /* it has got all its answers */
	}
	return open;
}

static int dispatch_all(void)
{
	struct tenant *held = &tenant[PAUSED];
	struct pollfd fds[CLIENTS];
	int i, is_paused = 1, rc = 0;

	for (i = 0; i < CLIENTS; i++)
		fds[i] = (struct pollfd){ client[i].server_fd, POLLIN, 0 };
	while (poll_once(fds)) {
		if (!is_paused ||
		    held->accepted + held->refused < PER * REQUESTS)
			continue;
		printf("%s: %u queued, %u refused, %u ran; resumed\n",
		       held->name, held->accepted, held->refused,
		       atomic_load(&held->most));
		rc |= held->accepted != QUEUE || atomic_load(&held->most);
		rc |= heddle_group_set_cap(held->group, held->cap, NULL);
		is_paused = 0;
	}
	return rc || is_paused;
}

/* ---- clients ---- */

static void read_answer(struct client *own)
{
	struct message message;

	if (recv(own->fd, &message, sizeof(message), 0) !=
	    (ssize_t)sizeof(message))
		own->wrong++;
	else if (message.status == -EAGAIN)
		own->refused++;
	else if (message.status || message.answer != compute(message.number))
		own->wrong++;
	else
		own->served++;
}

static void run_client(struct heddle_task *task)
{
	struct client *own = (struct client *)(void *)task;
	struct message message = { 0, 0, 0 };
	uint32_t sent, window = own->tenant->window;

	for (sent = 0; sent < REQUESTS; sent++) {
		if (sent >= window)
			read_answer(own);
		message.number = sent;
		if (send(own->fd, &message, sizeof(message), MSG_NOSIGNAL) < 0)
			own->wrong++;
	}
	for (sent = 0; sent < window; sent++)
		read_answer(own);
	close(own->fd);
}

static int print_and_check(void)
{
	int i, k, bad = 0;

	printf("%-8s %8s %8s %8s %5s %5s\n", "tenant", "sent", "served",
	       "refused", "cap", "most");
	for (i = 0; i < TENANTS; i++) {
		const struct tenant *t = &tenant[i];
		uint32_t served = 0, refused = 0, wrong = 0;

		for (k = 0; k < PER; k++) {
			const struct client *c = &client[i * PER + k];

			served += c->served;
			refused += c->refused;
			wrong += c->wrong;
		}
		printf("%-8s %8d %8u %8u %5u %5u\n", t->name, PER * REQUESTS,
		       served, refused, t->cap, atomic_load(&t->most));
		bad += wrong || served != t->accepted ||
		       refused != t->refused ||
		       served + refused != PER * REQUESTS ||
		       atomic_load(&t->most) > t->cap ||
		       (PER * t->window <= QUEUE && refused);
	}
	return bad || atomic_load(&broken);
}

static int make_tenants(struct heddle_pool *pool)
{
	int i, rc = 0;

	for (i = 0; i < TENANTS; i++) {
		struct heddle_group_options options = {
			.struct_size = sizeof(options),
			.flags = i == PAUSED ? HEDDLE_GROUP_PAUSED : 0,
			.cap = i == PAUSED ? 0 : tenant[i].cap,
			.queue_slots = QUEUE,
			.name = tenant[i].name
		};

		rc |= heddle_group_create(heddle_pool_group(pool), &options,
					  &tenant[i].group);
	}
	return rc;
}

static int make_clients(struct heddle_pool *pool)
{
	int i, ends[2];

	for (i = 0; i < CLIENTS; i++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
			return -errno;
		client[i] =
			(struct client){ .task = HEDDLE_TASK_INIT(run_client),
					 .tenant = &tenant[i / PER],
					 .fd = ends[0],
					 .server_fd = ends[1] };
	}
	for (i = 0; i < CLIENTS; i++)
		if (heddle_submit(heddle_pool_group(pool), &client[i].task))
			return -EAGAIN;
	return heddle_pool_start(pool, CLIENTS, NULL, HEDDLE_FOREVER);
}

int main(void)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .flags = HEDDLE_POOL_ELASTIC,
					       .workers_max = 4,
					       .blocked_max = CLIENTS };
	struct heddle_pool_options outside = { .struct_size = sizeof(outside),
					       .workers_max = CLIENTS,
					       .name = "client" };
	struct heddle_pool *pool, *clients;
	int i, rc;

	if (heddle_pool_create(&options, &pool) || make_tenants(pool) ||
	    heddle_pool_start(pool, 2, NULL, HEDDLE_FOREVER) ||
	    heddle_pool_create(&outside, &clients) || make_clients(clients))
		return 1;
	rc = dispatch_all();
	for (i = 0; i < CLIENTS; i++)
		rc |= heddle_join(&client[i].task, 0, HEDDLE_FOREVER);
	rc |= heddle_pool_destroy(clients, HEDDLE_R4_CLEAN, NULL,
				  HEDDLE_FOREVER);
	rc |= heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER);
	for (i = 0; i < CLIENTS; i++)
		close(client[i].server_fd);
	return print_and_check() || rc;
}
