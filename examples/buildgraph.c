/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A build: jobs with dependencies, and a cap for each kind of job. A job is
 * submitted by the one that ends as the last of those it needs. Nobody waits in
 * between, so a chain of jobs occupies nothing while its turn has not come.
 */
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <heddle/heddle.h>

#define LIBRARIES 6
#define SOURCES   4  /* of each library */
#define NEEDS     24 /* most dependencies and dependants of a job */
#define JOBS      (1 + LIBRARIES * (SOURCES + 2) + 1)

/* What a machine has of each: CPUs, memory for the linker, test databases. */
struct kind {
	const char *name;
	uint32_t cap;
	long work_ns;
	struct heddle_group *group;
	_Atomic uint32_t running, most;
};

static struct kind configure = { .name = "configure",
				 .cap = 1,
				 .work_ns = 2000000 };
static struct kind compile = { .name = "compile",
			       .cap = 3,
			       .work_ns = 2000000 };
static struct kind link_it = { .name = "link", .cap = 1, .work_ns = 1000000 };
static struct kind test = { .name = "test", .cap = 2, .work_ns = 8000000 };
static struct kind package = { .name = "package",
			       .cap = 1,
			       .work_ns = 1000000 };
static struct kind *const kinds[] = { &configure, &compile, &link_it, &test,
				      &package };
#define KINDS (sizeof(kinds) / sizeof(*kinds))

struct job {
	struct heddle_task task;
	struct kind *kind;
	int level; /* longest way from the first job */
	int needs, needed;
	struct job *need[NEEDS], *needed_by[NEEDS];
	_Atomic int missing;     /* of those it needs */
	uint32_t started, ended; /* on the one clock of the build */
};

static struct job job[JOBS];
static int jobs;
static _Atomic uint32_t ticks;
static _Atomic int refused;
static sem_t all_done;

static void submit(struct job *one)
{
	/* Only a bound or a close refuses; here there is neither. */
	if (heddle_submit(one->kind->group, &one->task)) {
		atomic_store(&refused, 1);
		sem_post(&all_done);
	}
}

static void work(struct kind *kind)
{
	struct timespec pause = { 0, kind->work_ns };
	uint32_t now = atomic_fetch_add(&kind->running, 1) + 1;
	uint32_t most = atomic_load(&kind->most);

	while (now > most &&
	       !atomic_compare_exchange_weak(&kind->most, &most, now))
		;
	nanosleep(&pause, NULL);
	atomic_fetch_sub(&kind->running, 1);
}

static void run_job(struct heddle_task *task)
{
	struct job *one = (struct job *)(void *)task;
	int i;

	one->started = atomic_fetch_add(&ticks, 1);
	work(one->kind);
	one->ended = atomic_fetch_add(&ticks, 1);
	for (i = 0; i < one->needed; i++)
		if (atomic_fetch_sub(&one->needed_by[i]->missing, 1) == 1)
			submit(one->needed_by[i]);
	if (one->kind == &package)
		sem_post(&all_done);
}

static struct job *add(struct kind *kind)
{
	struct job *one = &job[jobs++];

	one->task = (struct heddle_task)HEDDLE_TASK_INIT(run_job);
	one->kind = kind;
	return one;
}

static void needs(struct job *one, struct job *other)
{
	one->need[one->needs++] = other;
	other->needed_by[other->needed++] = one;
	if (one->level <= other->level)
		one->level = other->level + 1;
}

/* Each library is linked from its sources and from the library before it. */
static void make_graph(void)
{
	struct job *first = add(&configure), *before = NULL, *last;
	struct job *tests[LIBRARIES];
	int i, k;

	for (i = 0; i < LIBRARIES; i++) {
		struct job *library = add(&link_it);

		for (k = 0; k < SOURCES; k++) {
			struct job *source = add(&compile);

			needs(source, first);
			needs(library, source);
		}
		if (before)
			needs(library, before);
		before = library;
		tests[i] = add(&test);
		needs(tests[i], library);
	}
	last = add(&package);
	for (i = 0; i < LIBRARIES; i++)
		needs(last, tests[i]);
	for (i = 0; i < jobs; i++)
		atomic_init(&job[i].missing, job[i].needs);
}

static int make_groups(struct heddle_pool *pool)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < KINDS; i++) {
		struct heddle_group_options options = {
			.struct_size = sizeof(options),
			.cap = kinds[i]->cap,
			.name = kinds[i]->name
		};

		rc |= heddle_group_create(heddle_pool_group(pool), &options,
					  &kinds[i]->group);
	}
	return rc;
}

static int by_start(const void *a, const void *b)
{
	const struct job *x = *(struct job *const *)a;
	const struct job *y = *(struct job *const *)b;

	return (x->started > y->started) - (x->started < y->started);
}

static int print_and_check(void)
{
	struct job *order[JOBS];
	int i, k, early = 0, over = 0;

	for (i = 0; i < jobs; i++)
		order[i] = &job[i];
	qsort(order, (size_t)jobs, sizeof(*order), by_start);
	printf("order of the starts, as kind/level:\n");
	for (i = 0; i < jobs; i++) {
		printf(" %s/%d%s", order[i]->kind->name, order[i]->level,
		       i % 6 == 5 || i == jobs - 1 ? "\n" : "");
		for (k = 0; k < order[i]->needs; k++)
			early += order[i]->need[k]->ended > order[i]->started;
	}
	for (i = 0; i < (int)KINDS; i++) {
		uint32_t most = atomic_load(&kinds[i]->most);

		printf("%-9s  cap %u, at most %u at once\n", kinds[i]->name,
		       kinds[i]->cap, most);
		over += most > kinds[i]->cap || most == 0;
	}
	printf("%d jobs, %d began before one that they need\n", jobs, early);
	return early || over;
}

int main(void)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .workers_max = 4 };
	struct heddle_pool *pool;
	int rc;

	if (sem_init(&all_done, 0, 0) || heddle_pool_create(&options, &pool))
		return 1;
	make_graph();
	rc = make_groups(pool);
	rc |= heddle_pool_start(pool, 4, NULL, HEDDLE_FOREVER);
	if (rc == 0) {
		submit(&job[0]);
		while (sem_wait(&all_done))
			;
		/* The last job has posted, but may not have returned yet. */
		rc |= heddle_group_close(heddle_pool_group(pool),
					 HEDDLE_CLOSE_DRAIN, HEDDLE_FOREVER);
		rc |= atomic_load(&refused) || print_and_check();
	}
	rc |= heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER);
	sem_destroy(&all_done);
	return rc != 0;
}
