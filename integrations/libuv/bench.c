/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a request costs that does nothing: heddle_uv_queue_work() against
 * uv_queue_work(), on one loop, with the same number of threads and of requests out.
 *
 *   bench [--jobs N] [--in-flight N] [--rounds N] [--threads N] [--check]
 *
 * The rounds are interleaved, ours and libuv's in turn, so that a machine that is busy
 * for a moment disturbs both. The ratio is taken round by round. Beside the time stand
 * the CPU time and the context switches of the process, which others disturb less.
 * --check exits 1 when the median ratio of the times is above 0.5; 2 is bad usage, 77
 * cannot run here.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <heddle_uv.h>

#define ROUNDS_MAX 101
#define OUT_MAX    4096
#define TARGET     0.5

struct request {
	struct heddle_uv_work ours;
	uv_work_t theirs;
};

static unsigned long jobs = 1000000, in_flight = 64, rounds = 7, threads;
static uv_loop_t loop;
static struct heddle_uv *uv;
static struct request request[OUT_MAX];
static unsigned long queued, reported;

static void fail(const char *what, int rc)
{
	fprintf(stderr, "bench: %s: %s\n", what, uv_strerror(rc));
	exit(77);
}

static void our_work(struct heddle_uv_work *req)
{
	(void)req;
}

static void our_after(struct heddle_uv_work *req, int status)
{
	int rc = status;

	reported++;
	if (!rc && queued < jobs) {
		queued++;
		rc = heddle_uv_queue_work(uv, req, NULL, our_work, our_after);
	}
	if (rc)
		fail("heddle_uv_queue_work", rc);
}

static void their_work(uv_work_t *req)
{
	(void)req;
}

static void their_after(uv_work_t *req, int status)
{
	int rc = status;

	reported++;
	if (!rc && queued < jobs) {
		queued++;
		rc = uv_queue_work(&loop, req, their_work, their_after);
	}
	if (rc)
		fail("uv_queue_work", rc);
}

/* Of one round, for each job; CPU time and switches of all threads of the process. */
struct cost {
	double ns, cpu_ns, switches;
};

static double us_of(uv_timeval_t time)
{
	return (double)time.tv_sec * 1e6 + (double)time.tv_usec;
}

static struct cost run_round(int ours)
{
	uv_rusage_t before, after;
	uint64_t from, to;
	unsigned long i;
	int rc = 0;

	uv_getrusage(&before);
	from = uv_hrtime();
	queued = reported = 0;
	for (i = 0; i < in_flight && queued < jobs && !rc; i++, queued++)
		rc = ours ? heddle_uv_queue_work(uv, &request[i].ours, NULL,
						 our_work, our_after)
			  : uv_queue_work(&loop, &request[i].theirs, their_work,
					  their_after);
	if (rc)
		fail("queue", rc);
	uv_run(&loop, UV_RUN_DEFAULT);
	if (reported != jobs)
		fail("requests were lost", UV_EIO);
	to = uv_hrtime();
	uv_getrusage(&after);
	return (struct cost){
		.ns = (double)(to - from) / (double)jobs,
		.cpu_ns = (us_of(after.ru_utime) + us_of(after.ru_stime) -
			   us_of(before.ru_utime) - us_of(before.ru_stime)) *
			  1e3 / (double)jobs,
		.switches = (double)(after.ru_nvcsw + after.ru_nivcsw -
				     before.ru_nvcsw - before.ru_nivcsw) /
			    (double)jobs
	};
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts; returns the median. */
static double print_values(double *value, const char *text)
{
	qsort(value, rounds, sizeof(*value), by_value);
	printf("%10.3f %10.3f %10.3f  %s\n", value[rounds / 2],
	       value[rounds / 4], value[rounds * 3 / 4], text);
	return value[rounds / 2];
}

/* Ours, libuv's, and the ratio round by round, whose median is returned. */
static double print_rows(const double *ours, const double *theirs, size_t step,
			 const char *unit)
{
	double value[3][ROUNDS_MAX];
	unsigned long i;
	char text[64];

	for (i = 0; i < rounds; i++) {
		value[0][i] = ours[i * step];
		value[1][i] = theirs[i * step];
		value[2][i] = value[1][i] > 0 ? value[0][i] / value[1][i] : 0;
	}
	snprintf(text, sizeof(text), "%s a job, heddle_uv_queue_work", unit);
	print_values(value[0], text);
	snprintf(text, sizeof(text), "%s a job, uv_queue_work", unit);
	print_values(value[1], text);
	snprintf(text, sizeof(text), "ratio of %s", unit);
	return print_values(value[2], text);
}

static unsigned long number(const char *text, unsigned long most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || !value || value > most) {
		fprintf(stderr, "bench: %s is no number from 1 to %lu\n", text,
			most);
		exit(2);
	}
	return value;
}

static int read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "jobs", required_argument, NULL, 'j' },
		{ "in-flight", required_argument, NULL, 'f' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "threads", required_argument, NULL, 't' },
		{ "check", no_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 }
	};
	int option, is_check = 0;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'j')
			jobs = number(optarg, 1000000000);
		else if (option == 'f')
			in_flight = number(optarg, OUT_MAX);
		else if (option == 'r')
			rounds = number(optarg, ROUNDS_MAX);
		else if (option == 't')
			threads = number(optarg, 1024);
		else if (option == 'c')
			is_check = 1;
		else
			exit(2);
	}
	if (optind < argc) {
		fprintf(stderr, "bench: no argument is expected: %s\n",
			argv[optind]);
		exit(2);
	}
	return is_check;
}

int main(int argc, char **argv)
{
	static struct cost ours[ROUNDS_MAX], theirs[ROUNDS_MAX];
	const size_t step = sizeof(struct cost) / sizeof(double);
	struct heddle_pool_options options = { .struct_size = sizeof(options) };
	int is_check = read_options(argc, argv), rc;
	struct heddle_pool *pool;
	char text[32];
	unsigned long i;
	double median;

	if (!threads)
		threads = (unsigned long)uv_available_parallelism();
	options.workers_max = (uint32_t)threads;
	/* Read by libuv when it makes its pool, in the first round. */
	snprintf(text, sizeof(text), "%lu", threads);
	setenv("UV_THREADPOOL_SIZE", text, 1);
	rc = uv_loop_init(&loop);
	if (!rc)
		rc = heddle_pool_create(&options, &pool);
	if (!rc)
		rc = heddle_pool_start(pool, options.workers_max, NULL,
				       HEDDLE_FOREVER);
	if (!rc)
		rc = heddle_uv_open(&loop, heddle_pool_group(pool), &uv);
	if (rc)
		fail("start", rc);
	printf("%lu empty jobs, %lu in flight, %lu threads, %lu rounds\n", jobs,
	       in_flight, threads, rounds);
	for (i = 0; i < rounds; i++) {
		/* Who goes first has the other's threads asleep. */
		if (i & 1)
			theirs[i] = run_round(0);
		ours[i] = run_round(1);
		if (!(i & 1))
			theirs[i] = run_round(0);
	}
	printf("%10s %10s %10s\n", "median", "quartile", "quartile");
	print_rows(&ours[0].switches, &theirs[0].switches, step, "switches");
	print_rows(&ours[0].cpu_ns, &theirs[0].cpu_ns, step, "CPU ns");
	median = print_rows(&ours[0].ns, &theirs[0].ns, step, "ns");
	heddle_uv_close(uv, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	rc = heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER);
	if (is_check && median > TARGET) {
		printf("missed: the ratio is %.3f\n", median);
		return 1;
	}
	return rc != 0;
}
