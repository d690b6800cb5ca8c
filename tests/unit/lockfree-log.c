/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: the ring keeps the newest records, each as it was written or not at all, while
 * threads write and read. Method: records whose words follow from the first; a ring
 * that is overwritten all the time. Every order of the accesses is explored in
 * lab/scenarios/log.c.
 *
 * clause: S2
 */
#include <pthread.h>

#include "lockfree/log.h"
#include "tests/tap/tap.h"

#define WRITERS 3

static struct hd_log records;
static _Atomic int stop;
static _Atomic uint64_t written, dropped;

static bool write_one(uint64_t value)
{
	uint64_t word[HD_LOG_WORDS];
	int i;

	for (i = 0; i < HD_LOG_WORDS; i++)
		word[i] = value * (uint64_t)(i + 1);
	return hd_log_write_any(&records, word);
}

/* 1: whole, 0: not there, -1: torn. */
static int read_one(uint64_t number, uint64_t *value)
{
	uint64_t word[HD_LOG_WORDS];
	int i;

	if (!hd_log_read_any(&records, number, word))
		return 0;
	for (i = 1; i < HD_LOG_WORDS; i++)
		if (word[i] != word[0] * (uint64_t)(i + 1))
			return -1;
	*value = word[0];
	return 1;
}

static void alone(void)
{
	uint64_t i, value, right = 0;

	if (hd_log_init(&records, 8))
		bail("init");
	is_u64(hd_log_next_any(&records), 0, "empty");
	is_u64(read_one(0, &value), 0, "nothing to read");
	for (i = 0; i < 20; i++)
		if (!write_one(100 + i))
			bail("write %llu", (unsigned long long)i);
	for (i = 12; i < 20; i++)
		right += read_one(i, &value) == 1 && value == 100 + i;
	is_u64(right, 8, "the newest eight are there");
	is_u64(read_one(11, &value) | read_one(20, &value), 0,
	       "an older one and a later one are not");
	hd_log_fini(&records);
}

static void *writer(void *arg)
{
	uint64_t value = (uint64_t)(uintptr_t)arg;

	while (!stop) {
		if (!write_one(value += WRITERS))
			dropped++;
		written++;
	}
	return NULL;
}

static void together(void)
{
	pthread_t thread[WRITERS];
	uint64_t whole = 0, torn = 0, value;
	uint64_t i;
	double seconds = tap_seconds(1);

	if (hd_log_init(&records, 4))
		bail("init");
	for (i = 0; i < WRITERS; i++)
		if (pthread_create(&thread[i], NULL, writer,
				   (void *)(uintptr_t)(i + 1)))
			bail("pthread_create");
	while (whole < (uint64_t)(seconds * 100000) || written < 100000) {
		uint64_t next = hd_log_next_any(&records);

		for (i = next > 4 ? next - 4 : 0; i < next; i++) {
			int rc = read_one(i, &value);

			whole += rc == 1;
			torn += rc < 0;
		}
		if (torn)
			break;
	}
	stop = 1;
	for (i = 0; i < WRITERS; i++)
		pthread_join(thread[i], NULL);
	is_u64(torn, 0, "torn among %llu that were read of %llu, %llu dropped",
	       (unsigned long long)whole, (unsigned long long)written,
	       (unsigned long long)dropped);
	is_u64(hd_log_next_any(&records), written, "each has its number");
	hd_log_fini(&records);
}

int main(void)
{
	tap_deadline(60);
	alone();
	together();
	return tap_done();
}
