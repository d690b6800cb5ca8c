/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A merge sort that forks: one half may be sorted by another worker while this one
 * sorts the other half. Under a cap of 1 it is the serial program.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <heddle/forkjoin.h>
#include <heddle/heddle.h>

#define VALUES (1u << 20)
#define GRAIN  2048u

static struct heddle_group *group;

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void merge(const uint32_t *a, size_t n, const uint32_t *b, size_t m,
		  uint32_t *out)
{
	while (n && m)
		if (*b < *a) {
			*out++ = *b++;
			m--;
		} else {
			*out++ = *a++;
			n--;
		}
	memcpy(out, a, n * sizeof(*a));
	memcpy(out + n, b, m * sizeof(*b));
}

static void sort(uint32_t *value, uint32_t *spare, size_t n);
HEDDLE_FORK_VOID_3(sort, uint32_t *, uint32_t *, size_t)

static void sort(uint32_t *value, uint32_t *spare, size_t n)
{
	struct sort_fork left;
	size_t half = n / 2;

	if (n <= GRAIN) {
		qsort(value, n, sizeof(*value), compare);
		return;
	}
	sort_fork(group, &left, value, spare, half);
	sort(value + half, spare + half, n - half);
	sort_join(&left);
	merge(value, half, value + half, n - half, spare);
	memcpy(value, spare, n * sizeof(*value));
}

struct job {
	struct heddle_task task;
	uint32_t *value, *spare;
};

static void sort_all(struct heddle_task *task)
{
	struct job *job = (struct job *)task;

	sort(job->value, job->spare, VALUES);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static bool sorted(const uint32_t *value)
{
	size_t i;

	for (i = 1; i < VALUES; i++)
		if (value[i] < value[i - 1])
			return false;
	return true;
}

static int run(struct job *job, uint32_t cap)
{
	uint64_t state = 1;
	double begin;
	size_t i;
	int rc = heddle_group_set_cap(group, cap, NULL);

	for (i = 0; i < VALUES; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		job->value[i] = (uint32_t)(state >> 32);
	}
	begin = now_ms();
	rc |= heddle_submit(group, &job->task);
	rc |= heddle_join(&job->task, 0, HEDDLE_FOREVER);
	printf("cap %u: %u values in %.1f ms, %s\n", cap, VALUES,
	       now_ms() - begin, sorted(job->value) ? "sorted" : "NOT sorted");
	return rc || !sorted(job->value);
}

int main(void)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .workers_max = 4 };
	struct job job = { .task = HEDDLE_TASK_INIT(sort_all) };
	struct heddle_pool *pool;
	int rc;

	job.value = malloc(VALUES * sizeof(*job.value));
	job.spare = malloc(VALUES * sizeof(*job.spare));
	rc = !job.value || !job.spare || heddle_pool_create(&options, &pool);
	if (rc)
		return 1;
	group = heddle_pool_group(pool);
	rc |= heddle_pool_start(pool, 4, NULL, HEDDLE_FOREVER);
	rc |= run(&job, 1);
	rc |= run(&job, 2);
	rc |= run(&job, 4);
	rc |= heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER);
	free(job.value);
	free(job.spare);
	return rc != 0;
}
