/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program of one thread with a loop of its own, and a pool that has none. The loop
 * watches a timer, which brings work, and the pool's descriptor, which says when work can
 * start; then it lends itself to the pool for at most a millisecond, and goes on. The
 * pool's rules hold all the same: the log is written in order, one line at a time.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <heddle/heddle.h>

#define TICKS 10
#define PER   20 /* requests of each tick */

struct request {
	struct heddle_task task, line;
	unsigned int number;
	unsigned long result;
};

static struct request request[TICKS * PER];
static struct heddle_group *log_group; /* SERIAL */
static unsigned int served, lines, out_of_order, turns;

static void write_line(struct heddle_task *task)
{
	struct request *r =
		(struct request *)(void *)((char *)task -
					   offsetof(struct request, line));

	out_of_order += r->number != lines++;
}

/* Requests are served in any order; the log asks for theirs. */
static void serve(struct heddle_task *task)
{
	struct request *r = (struct request *)(void *)task;
	unsigned long a = 0, b = 1, next;
	unsigned int i;

	for (i = 0; i < r->number % 90; i++) {
		next = a + b;
		a = b;
		b = next;
	}
	r->result = a;
	served++;
}

static int bring(struct heddle_group *group, unsigned int first)
{
	unsigned int i;
	int rc = 0;

	for (i = first; i < first + PER; i++) {
		request[i].number = i;
		request[i].task.fn = serve;
		request[i].line.fn = write_line;
		rc |= heddle_submit(group, &request[i].task);
		rc |= heddle_submit(log_group, &request[i].line);
	}
	return rc;
}

static uint64_t in_a_millisecond(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec +
	       1000000u;
}

static int watch(int poll_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* One event of the loop: 0, or it cannot go on. */
static int turn(struct heddle_pool *pool, int fd, int timer, unsigned int *tick)
{
	uint64_t expired;
	int rc;

	turns++;
	if (fd == timer) {
		if (read(timer, &expired, sizeof(expired)) != sizeof(expired))
			return -1;
		return *tick < TICKS
			       ? bring(heddle_pool_group(pool), (*tick)++ * PER)
			       : 0;
	}
	/* At the deadline the descriptor is readable again if there is more. */
	rc = heddle_pool_run(pool, HEDDLE_RUN_UNTIL_IDLE, in_a_millisecond());
	return rc == -ETIMEDOUT ? 0 : rc;
}

int main(void)
{
	struct heddle_group_options serial = { .struct_size = sizeof(serial),
					       .order = HEDDLE_ORDER_SERIAL };
	struct itimerspec every = { .it_interval.tv_nsec = 1000000,
				    .it_value.tv_nsec = 1000000 };
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	int poll_fd = epoll_create1(EPOLL_CLOEXEC), fd;
	struct heddle_pool *pool;
	struct epoll_event event;
	unsigned int tick = 0;

	if (heddle_pool_create(NULL, &pool) ||
	    heddle_group_create(heddle_pool_group(pool), &serial, &log_group))
		return 1;
	fd = heddle_pool_eventfd(pool);
	if (fd < 0 || timer < 0 || poll_fd < 0 || watch(poll_fd, fd) ||
	    watch(poll_fd, timer) || timerfd_settime(timer, 0, &every, NULL))
		return 1;
	while (lines < TICKS * PER || served < TICKS * PER)
		if (epoll_wait(poll_fd, &event, 1, -1) != 1 ||
		    turn(pool, event.data.fd, timer, &tick))
			return 1;
	printf("%u requests and %u lines of a log in %u turns of the loop, "
	       "%u out of order, no thread\n",
	       served, lines, turns, out_of_order);
	close(timer);
	close(poll_fd);
	return out_of_order ||
	       heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER);
}
