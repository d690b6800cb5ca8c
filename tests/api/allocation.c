/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: once the workers are there, nothing is allocated on the way of a submit, a
 * run, a steal, a sleep, a wake, a join, a blocking region or a change of a cap.
 * Method: this program's malloc and its kin, and mmap, take the place of the C
 * library's, also for the library under test; they count while 100 000 tasks go
 * through all of that in rounds, between which the workers sleep. That the calls are
 * seen is tried first.
 *
 * clause: L2
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/sanitizer.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define WORKERS  4
#define ROUNDS   250
#define PARENTS  40
#define CHILDREN 8
#define ORDERED  20

static _Atomic uint64_t allocations;
static _Atomic bool counts;

#if defined(__GLIBC__) && !SU_SANITIZED
# define COUNTED 1

/* Seen by the library, which must not keep to the C library's. */
# define INSTEAD __attribute__((visibility("default")))

/* The C library's own, under the names that it keeps for this. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static void allocates(void)
{
	if (atomic_load_explicit(&counts, memory_order_relaxed))
		atomic_fetch_add_explicit(&allocations, 1,
					  memory_order_relaxed);
}

INSTEAD void *malloc(size_t size)
{
	allocates();
	return __libc_malloc(size);
}

INSTEAD void *calloc(size_t n, size_t size)
{
	allocates();
	return __libc_calloc(n, size);
}

INSTEAD void *realloc(void *block, size_t size)
{
	allocates();
	return __libc_realloc(block, size);
}

INSTEAD void *memalign(size_t alignment, size_t size)
{
	allocates();
	return __libc_memalign(alignment, size);
}

INSTEAD void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

INSTEAD int posix_memalign(void **block, size_t alignment, size_t size)
{
	*block = memalign(alignment, size);
	return *block ? 0 : ENOMEM;
}

INSTEAD void *mmap(void *start, size_t size, int protection, int flags, int fd,
		   off_t offset)
{
	allocates();
	return (void *)syscall(SYS_mmap, start, size, protection, flags, fd,
			       offset);
}

INSTEAD void *mmap64(void *start, size_t size, int protection, int flags,
		     int fd, off_t offset)
{
	return mmap(start, size, protection, flags, fd, offset);
}
#else
# define COUNTED 0
#endif

struct job {
	struct heddle_task task;
	struct heddle_group *group;
	const void *worker; /* of the one that submitted it */
	struct job *child;
};

static struct job parents[PARENTS], children[PARENTS][CHILDREN];
static struct job ordered[2][ORDERED];
static _Atomic uint64_t ended, stolen, joined, regions;
static _Thread_local char place; /* its address names the worker */

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_release);
}

static void child(struct heddle_task *task)
{
	struct job *job = (struct job *)(void *)task;

	if (job->worker && job->worker != &place)
		count(&stolen);
	count(&ended);
}

/* Its children lie in the deque of its worker: some are joined, the others left. */
static void parent(struct heddle_task *task)
{
	struct job *job = (struct job *)(void *)task;
	int i;

	for (i = 0; i < CHILDREN; i++) {
		job->child[i] =
			(struct job){ .task.fn = child, .worker = &place };
		if (heddle_submit(job->group, &job->child[i].task))
			bail("submit from a task");
	}
	if (heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL) ||
	    heddle_block_end())
		bail("region");
	count(&regions);
	for (i = 0; i < CHILDREN; i += 2) {
		if (heddle_join(&job->child[i].task, 0, HEDDLE_FOREVER))
			bail("join");
		count(&joined);
	}
	count(&ended);
}

static void submit(struct heddle_group *group, struct job *job,
		   heddle_task_fn fn, struct job *its)
{
	*job = (struct job){ .task.fn = fn, .group = group, .child = its };
	if (heddle_submit(group, &job->task))
		bail("submit");
}

static void join_all(struct job *job, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (heddle_join(&job[i].task, 0, HEDDLE_FOREVER))
			bail("join from outside");
}

static void change(struct heddle_group *group, uint32_t cap)
{
	struct heddle_ticket ticket;

	if (heddle_group_set_cap(group, cap, &ticket) ||
	    heddle_group_wait(ticket, HEDDLE_FOREVER))
		bail("cap");
}

/* Groups: any order, of all CPUs, first in first out, one after the other. */
static void round_of(struct heddle_group *const *group, int number)
{
	int i;

	for (i = 0; i < PARENTS; i++) {
		submit(group[i % 2], &parents[i], parent, children[i]);
		if (i % 10 == 0)
			change(group[number % 2], 1 + (uint32_t)number % 3);
	}
	for (i = 0; i < ORDERED; i++) {
		submit(group[2], &ordered[0][i], child, NULL);
		submit(group[3], &ordered[1][i], child, NULL);
	}
	join_all(parents, PARENTS);
	for (i = 0; i < PARENTS; i++)
		join_all(children[i], CHILDREN);
	join_all(ordered[0], ORDERED);
	join_all(ordered[1], ORDERED);
}

/* Both this program's calls and those of the library are seen. */
static void calls_are_seen(struct heddle_pool *pool)
{
	void *volatile block;
	uint64_t before;

	atomic_store(&counts, true);
	block = malloc(1);
	before = atomic_load(&allocations);
	su_group(heddle_pool_group(pool), (struct heddle_group_options){ 0 });
	atomic_store(&counts, false);
	free(block);
	ok(before == 1, "a malloc is counted");
	ok(atomic_load(&allocations) > before, "and those of the library: %llu",
	   (unsigned long long)(atomic_load(&allocations) - before));
	atomic_store(&allocations, 0);
}

int main(void)
{
	struct heddle_check before = { .struct_size = sizeof(before) };
	struct heddle_check after = { .struct_size = sizeof(after) };
	struct heddle_group *group[4], *root;
	struct heddle_pool *pool;
	int i;

	if (!COUNTED)
		plan_skip_all("malloc of this C library, or with a sanitizer, "
			      "cannot be counted");
	tap_deadline(100);
	pool = su_pool(WORKERS);
	root = heddle_pool_group(pool);
	group[0] = su_group(root, (struct heddle_group_options){ .cap = 3 });
	group[1] = su_group(root, (struct heddle_group_options){
					  .flags = HEDDLE_GROUP_WIDE });
	group[2] = su_group(root, (struct heddle_group_options){
					  .order = HEDDLE_ORDER_FIFO });
	group[3] = su_group(root, (struct heddle_group_options){
					  .order = HEDDLE_ORDER_SERIAL });
	calls_are_seen(pool);
	heddle_check(pool, &before);
	atomic_store(&counts, true);
	for (i = 0; i < ROUNDS; i++)
		round_of(group, i);
	atomic_store(&counts, false);
	heddle_check(pool, &after);
	is_u64(atomic_load(&allocations), 0, "allocations over %llu tasks",
	       (unsigned long long)atomic_load(&ended));
	ok(atomic_load(&ended) >= 100000 && atomic_load(&stolen) > 0 &&
		   after.wakes > before.wakes,
	   "of which %llu were stolen, with %llu wakes of sleepers",
	   (unsigned long long)atomic_load(&stolen),
	   (unsigned long long)(after.wakes - before.wakes));
	ok(atomic_load(&joined) > 0 && atomic_load(&regions) > 0,
	   "%llu joins inside, %llu regions",
	   (unsigned long long)atomic_load(&joined),
	   (unsigned long long)atomic_load(&regions));
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
