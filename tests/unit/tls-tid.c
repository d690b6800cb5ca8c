/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Thread ids: range, uniqueness among the drawn, first in first out, wrap of
 * the generation.
 *
 * Method: a bitmap of live ids next to the ring, random draws and returns, and
 * rings that start just before their generations wrap. The longest way to a
 * reused number is checked by counting, not by probability.
 *
 * clause: T4
 * property: P9
 * wasi: W4
 * wasi: W5
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <heddle/testing.h>

#include "tests/tap/tap.h"
#include "tls/tid.h"

#define LIMIT (UINT32_C(1) << HD_TID_BITS)

static unsigned char *live; /* one bit for each possible tid */

static bool is_live(uint32_t tid)
{
	return live[tid / 8] >> tid % 8 & 1;
}

static void flip(uint32_t tid)
{
	live[tid / 8] ^= (unsigned char)(1u << tid % 8);
}

/* Draws one; false when it is out of range or live already. */
static bool draw(struct hd_tids *tids, uint32_t *tid)
{
	*tid = hd_tids_draw(tids);
	if (*tid < 1 || *tid >= LIMIT || is_live(*tid))
		return false;
	flip(*tid);
	return true;
}

static void give(struct hd_tids *tids, uint32_t tid)
{
	flip(tid);
	hd_tids_give(tids, tid);
}

static void test_limits(void)
{
	struct hd_tids tids;
	uint32_t tid, i, bad = 0;

	ok(hd_tids_init(&tids, 100, 1) == 0, "a ring of 100 entries");
	is_u64(hd_tids_free(&tids), 100, "all of them are free");
	for (i = 0; i < 100; i++)
		bad += !draw(&tids, &tid) || hd_tids_entry(&tids, tid) >= 100;
	is_u64(bad, 0, "100 draws: all different, in range, in the table");
	is_u64(hd_tids_draw(&tids), 0, "the 101st draw finds nothing");
	is_u64(hd_tids_free(&tids), 0, "and none is free");
	memset(live, 0, LIMIT / 8);
	hd_tids_fini(&tids);
}

static void test_fifo(void)
{
	struct hd_tids tids;
	uint32_t first, tid, i, bad = 0, distance = 0;

	hd_tids_init(&tids, 8, 1);
	first = hd_tids_draw(&tids);
	hd_tids_give(&tids, first);
	do {
		tid = hd_tids_draw(&tids);
		hd_tids_give(&tids, tid);
		distance++;
	} while (hd_tids_entry(&tids, tid) != hd_tids_entry(&tids, first));
	is_u64(distance, 8, "an entry comes back after all others");
	ok(tid != first, "and then has another number");
	for (i = 0; i < 100000; i++) {
		tid = hd_tids_draw(&tids);
		bad += tid == first;
		hd_tids_give(&tids, tid);
	}
	is_u64(bad, 0, "a number is not reused for 100 000 draws");
	hd_tids_fini(&tids);
}

/* Near the wrap: 2^20 entries have 512 generations. */
static void test_wrap(void)
{
	struct hd_tids tids;
	uint32_t generations, last, first, tid, i, bad = 0;

	hd_tids_init(&tids, 2, 1);
	generations = hd_tids_generations(&tids);
	hd_tids_fini(&tids);
	is_u64(generations, UINT32_C(1) << 28, "2 entries, 2^28 generations");

	hd_tids_init(&tids, 2, generations - 1);
	ok(draw(&tids, &last), "an id of the last generation");
	ok(last >= LIMIT / 2 && last < LIMIT, "0x%x is near the end", last);
	give(&tids, last);
	ok(draw(&tids, &tid), "the other entry");
	ok(draw(&tids, &first), "the first entry again");
	ok(first >= 1 && first < 4, "begins with generation 1: 0x%x", first);
	give(&tids, tid);
	give(&tids, first);
	for (i = 0; i < 1000; i++) {
		if (draw(&tids, &tid))
			give(&tids, tid);
		else
			bad++;
	}
	is_u64(bad, 0, "1 000 more draws across the wrap: all in range");
	hd_tids_fini(&tids);
	memset(live, 0, LIMIT / 8);
}

/* Random lives, in a ring that wraps every 511 lives of an entry. */
static void test_random(void)
{
	enum {
		ENTRIES = 1 << 20,
		HELD = 4096,
		STEPS = 4000000
	};
	static uint32_t held[HELD];
	struct hd_tids tids;
	uint32_t i, bad = 0;

	hd_tids_init(&tids, ENTRIES, 511);
	is_u64(hd_tids_generations(&tids), 512,
	       "2^20 entries, 512 generations");
	for (i = 0; i < STEPS; i++) {
		uint32_t *at = &held[tap_random() % HELD];

		if (*at)
			give(&tids, *at);
		bad += !draw(&tids, at);
	}
	is_u64(bad, 0, "%d draws among %d live: unique and in range", STEPS,
	       HELD);
	hd_tids_fini(&tids);
	memset(live, 0, LIMIT / 8);
}

static void test_memory(void)
{
	struct hd_tids tids;

	heddle_fault_set(HEDDLE_FAULT_MAP, 0, 1, ENOMEM);
	ok(hd_tids_init(&tids, 8, 1) == -ENOMEM, "no memory is -ENOMEM");
	heddle_fault_set(HEDDLE_FAULT_MAP, 0, 0, 0);
}

int main(void)
{
	tap_deadline(60);
	live = calloc(LIMIT / 8, 1);
	if (!live)
		plan_skip_all("64 MiB of memory");
	test_limits();
	test_fifo();
	test_wrap();
	test_random();
	test_memory();
	free(live);
	return tap_done();
}
