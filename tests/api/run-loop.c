/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The descriptor that says when a donated thread is wanted: when it becomes readable,
 * when not, and how often it is written; then a loop of epoll that runs whole pools.
 * Method: the test reads the counter of writes itself where it counts them.
 *
 * clause: S2 C2 C8 D4 E1 E4
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define IDLE    HEDDLE_RUN_UNTIL_IDLE
#define LONG_MS 20000

static struct heddle_pool *pool;
static struct heddle_group *root;
static _Atomic uint64_t calls;

static void call(void *arg)
{
	(void)arg;
	atomic_fetch_add(&calls, 1);
}

static void submit(struct heddle_group *group)
{
	if (heddle_submit_call(group, call, NULL))
		bail("submit");
}

static void make(uint32_t workers_max)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = workers_max };

	if (heddle_pool_create(&o, &pool))
		bail("pool");
	root = heddle_pool_group(pool);
	atomic_store(&calls, 0);
	tap_on_deadline(su_dump, pool);
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && p.revents == POLLIN;
}

static int run(void)
{
	return heddle_pool_run(pool, IDLE, HEDDLE_NOW);
}

static int run_all(void)
{
	return heddle_pool_run(pool, IDLE, HEDDLE_FOREVER);
}

/* ---- when ---- */

static void the_descriptor(void)
{
	int fd, again;

	make(2);
	submit(root);
	fd = heddle_pool_eventfd(pool);
	again = heddle_pool_eventfd(pool);
	ok(fd >= 0 && again == fd, "a descriptor, and the same again");
	ok((fcntl(fd, F_GETFD) & FD_CLOEXEC) &&
		   (fcntl(fd, F_GETFL) & O_NONBLOCK),
	   "non-blocking, closed by exec");
	ok(readable(fd), "readable for what was queued before it was made");
	ok(run_all() == 0 && atomic_load(&calls) == 1 && !readable(fd),
	   "a run reads it empty");
	su_destroy(pool);
	ok(fcntl(fd, F_GETFD) == -1 && errno == EBADF, "the destroy closes it");
}

/* Reads it in the library's place: what it holds is the number of writes. */
static uint64_t writes(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void when(void)
{
	struct heddle_group *group;
	uint64_t n;
	int fd, i;

	make(2);
	fd = heddle_pool_eventfd(pool);
	group = su_group(root, (struct heddle_group_options){
				       .flags = HEDDLE_GROUP_PAUSED });
	ok(run_all() == 0 && !readable(fd), "not by a run of nothing");
	submit(group);
	ok(!readable(fd), "not by a submit to a group that is paused");
	heddle_group_set_cap(group, 1, NULL);
	ok(readable(fd), "by a cap that is raised");
	run_all();
	for (i = 0; i < 1000; i++)
		submit(root);
	n = writes(fd);
	is_u64(n, 1, "writes for 1000 submits");
	ok(run_all() == 0 && atomic_load(&calls) == 1001, "all have run");
	submit(root);
	submit(group);
	heddle_pool_run(pool, HEDDLE_RUN_ONE, HEDDLE_NOW);
	ok(readable(fd), "by who leaves another group's work behind");
	ok(run() == -ETIMEDOUT && atomic_load(&calls) == 1003,
	   "the deadline is looked at behind a task");
	run_all();
	heddle_group_close(group, HEDDLE_CLOSE_QUIESCE, HEDDLE_FOREVER);
	submit(group);
	ok(!readable(fd), "not behind a gate that is shut");
	heddle_group_close(group, HEDDLE_CLOSE_RESUME, HEDDLE_FOREVER);
	ok(readable(fd), "by the gate that is opened");
	run_all();
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* ---- beside workers ---- */

static _Atomic uint64_t here, go;

static void waits(void *arg)
{
	(void)arg;
	atomic_fetch_add(&here, 1);
	su_wait_at_least(&go, 1, LONG_MS);
}

static void settle(void)
{
	struct heddle_worker_info info;
	uint64_t until = su_in_ms(LONG_MS);

	while (heddle_workers(pool, &info, 1) == 1 &&
	       info.state != HEDDLE_WORKER_PARKED && su_now_ns() < until)
		sched_yield();
}

static void beside_a_worker(void)
{
	struct heddle_group *group;
	int fd, i;

	make(2);
	group = su_group(root, (struct heddle_group_options){ .cap = 1 });
	fd = heddle_pool_eventfd(pool);
	if (heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER))
		bail("start");
	settle();
	submit(root);
	su_wait_at_least(&calls, 1, LONG_MS);
	settle();
	ok(!readable(fd), "not while a worker sleeps that can be woken");
	heddle_submit_call(group, waits, NULL);
	su_wait_at_least(&here, 1, LONG_MS);
	run_all();
	for (i = 0; i < 100; i++)
		submit(group);
	ok(!readable(fd), "not by a group at its cap");
	submit(root);
	ok(readable(fd), "by a task that a busy worker cannot start");
	ok(run_all() == 0 && atomic_load(&calls) == 2, "a run starts it");
	atomic_store(&go, 1);
	ok(su_wait_at_least(&calls, 102, LONG_MS), "the worker does the rest");
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* ---- loops ---- */

struct loop {
	pthread_t thread;
	uint64_t wanted;
	uint64_t turns;
	int rc;
};

/* As a host does it: level-triggered, and never but when it is readable. */
static void *turns(void *arg)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct loop *loop = arg;
	int fd = heddle_pool_eventfd(pool);
	int poll_fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0 || poll_fd < 0 ||
	    epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event))
		bail("epoll");
	while (atomic_load(&calls) < loop->wanted) {
		/* Two loops may share it: the other one may end the last task. */
		if (epoll_wait(poll_fd, &event, 1, 100) != 1)
			continue;
		loop->turns++;
		loop->rc |= heddle_pool_run(pool, IDLE, HEDDLE_FOREVER);
	}
	close(poll_fd);
	return NULL;
}

struct submitter {
	pthread_t thread;
	struct heddle_group *group;
	uint64_t n, seed;
};

static void *submits(void *arg)
{
	struct submitter *s = arg;
	uint64_t i;

	for (i = 0; i < s->n; i++) {
		while (heddle_submit_call(s->group, call, NULL) == -EAGAIN)
			sched_yield();
		s->seed = s->seed * UINT64_C(6364136223846793005) + 1;
		if (s->seed >> 60 == 0)
			usleep(50);
	}
	return NULL;
}

static void loops(uint32_t n, uint32_t workers)
{
	struct submitter submitter[2];
	struct loop loop[2];
	struct heddle_group *group[2];
	uint64_t each = 5000, turned = 0;
	uint32_t i;
	int rc = 0;

	make(2);
	group[0] = su_group(root, (struct heddle_group_options){ .cap = 1 });
	group[1] = su_group(root, (struct heddle_group_options){
					  .order = HEDDLE_ORDER_SERIAL });
	heddle_pool_eventfd(pool);
	if (workers && heddle_pool_start(pool, workers, NULL, HEDDLE_FOREVER))
		bail("start");
	for (i = 0; i < n; i++) {
		loop[i] = (struct loop){ .wanted = 2 * each };
		if (pthread_create(&loop[i].thread, NULL, turns, &loop[i]))
			bail("thread");
	}
	for (i = 0; i < 2; i++) {
		submitter[i] = (struct submitter){ .group = group[i],
						   .n = each,
						   .seed = tap_random() };
		if (pthread_create(&submitter[i].thread, NULL, submits,
				   &submitter[i]))
			bail("thread");
	}
	for (i = 0; i < 2; i++)
		pthread_join(submitter[i].thread, NULL);
	ok(su_wait_at_least(&calls, 2 * each, LONG_MS),
	   "%u loops, %u workers: %lu of %lu tasks", n, workers,
	   (unsigned long)atomic_load(&calls), (unsigned long)(2 * each));
	for (i = 0; i < n; i++) {
		pthread_join(loop[i].thread, NULL);
		rc |= loop[i].rc;
		turned += loop[i].turns;
	}
	ok(rc == 0 && turned <= 2 * each + n, "each turn returned 0: %lu turns",
	   (unsigned long)turned);
	su_check_at_rest(pool);
	su_destroy(pool);
}

int main(void)
{
	the_descriptor();
	when();
	beside_a_worker();
	loops(1, 0);
	loops(2, 0);
	loops(1, 1);
	return tap_done();
}
