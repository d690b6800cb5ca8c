/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: whatever a published file holds, the reader answers with a snapshot
 * whose counts are those of its arrays or with what is wrong, and touches
 * nothing outside the bytes it was given.
 * Method: random bytes, and good images with bytes changed, cut or lengthened,
 * half of them with the checksum made right again; the bytes end where a page that
 * may not be touched begins. Each field of the head is also set to its extremes.
 *
 * clause: E1
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/tap/tap.h"
#include "tools/snapshot.h"

#define ROOM 8192u

static char *end; /* of what may be read */
static uint64_t accepted, refused, unclean;

static uint64_t sum_of(const char *bytes, size_t size)
{
	const size_t field = offsetof(struct heddle_snapshot_head, checksum);
	uint64_t sum = UINT64_C(0xcbf29ce484222325), word;
	size_t at;

	for (at = 0; at + 8 <= size; at += 8) {
		memcpy(&word, bytes + at, 8);
		if (at == field)
			word = 0;
		sum = (sum ^ word) * UINT64_C(0x100000001b3);
	}
	return sum;
}

static void seal(char *image, size_t size)
{
	struct heddle_snapshot_head head;

	if (size < sizeof(head))
		return;
	memcpy(&head, image, sizeof(head));
	head.checksum =
		sum_of(image, head.size < size ? (size_t)head.size : size);
	memcpy(image, &head, sizeof(head));
}

/* A good one of so many workers and groups; returns its size. */
static size_t good(char *image, uint32_t workers, uint32_t groups)
{
	struct heddle_snapshot_head head = {
		.version = HEDDLE_SNAPSHOT_VERSION,
		.head_size = sizeof(head),
		.sequence = 1,
		.worker_size = sizeof(struct heddle_worker_info),
		.n_workers = workers,
		.group_size = sizeof(struct heddle_snapshot_group),
		.n_groups = groups,
		.name = "pool",
	};
	struct heddle_snapshot_group group = { .name = "group" };
	uint32_t i;

	memset(image, 0, ROOM);
	memcpy(head.magic, HEDDLE_SNAPSHOT_MAGIC, sizeof(head.magic));
	head.size = sizeof(head) + workers * sizeof(struct heddle_worker_info) +
		    groups * sizeof(group);
	memcpy(image, &head, sizeof(head));
	for (i = 0; i < groups; i++) {
		group.index = groups - i;
		memcpy(image + head.size - (i + 1) * sizeof(group), &group,
		       sizeof(group));
	}
	seal(image, head.size);
	return (size_t)head.size;
}

static bool clean(const char *name, size_t size)
{
	size_t i;

	for (i = 0; i < size && name[i]; i++)
		if (name[i] < 0x20 || name[i] > 0x7e)
			return false;
	return i < size;
}

/* Parsed where a byte too much is a crash. */
static const char *parse(const char *image, size_t size)
{
	char *bytes = end - size;
	struct ht_snapshot s;
	const char *wrong;
	uint32_t i;
	bool torn;

	memcpy(bytes, image, size);
	wrong = ht_snapshot_parse(bytes, size, &s, &torn);
	if (wrong) {
		refused++;
		return wrong;
	}
	accepted++;
	for (i = 0; i < s.head.n_groups; i++) {
		unclean += !clean(s.group[i].name, sizeof(s.group[i].name));
		/* Found again whatever order they had. */
		unclean += !ht_snapshot_group(&s, s.group[i].index);
	}
	for (i = 0; i < s.head.n_workers; i++) /* all may be read */
		unclean += s.worker[i].index == 0x5a5a5a5a &&
			   s.worker[i].tid == 1;
	unclean += !clean(s.head.name, sizeof(s.head.name));
	ht_snapshot_free(&s);
	return NULL;
}

static void extremes(void)
{
	static const uint64_t value[] = { 0,          1,          0x7fffffff,
					  0x80000000, 0xffffffff, UINT64_MAX };
	static char image[ROOM];
	size_t at, size;
	unsigned int i;

	for (at = 0; at < sizeof(struct heddle_snapshot_head); at += 4)
		for (i = 0; i < sizeof(value) / sizeof(value[0]); i++) {
			size = good(image, 3, 4);
			memcpy(image + at, &value[i], i == 5 ? 8 : 4);
			parse(image, size);
			seal(image, size);
			parse(image, size);
		}
}

static void fuzz(void)
{
	static char image[ROOM];
	unsigned int i, k;

	for (i = 0; i < 40000; i++) {
		uint64_t r = tap_random();
		size_t size = good(image, r % 5, r / 8 % 20);

		if (r & 64)
			for (k = 0; k < size; k++)
				image[k] = (char)tap_random();
		for (k = r >> 8 & 7; k > 0; k--)
			image[tap_random() % size] = (char)tap_random();
		if (r & 1 << 12)
			size = tap_random() % size;
		else if (r & 1 << 13)
			size += tap_random() % 100;
		if (r & 1 << 14)
			seal(image, size);
		parse(image, size);
	}
}

int main(void)
{
	static char image[ROOM];
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size, at;
	char *map = mmap(NULL, ROOM + page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t cut = 0;

	tap_deadline(100);
	if (map == MAP_FAILED || mprotect(map + ROOM, page, PROT_NONE))
		bail("no memory with an end");
	end = map + ROOM;
	tap_seed();

	size = good(image, 3, 4);
	ok(!parse(image, size), "a good image is accepted");
	ok(!parse(image, good(image, 0, 0)), "also one without any record");
	size = good(image, 3, 4);
	for (at = 0; at < size; at++)
		cut += parse(image, at) != NULL;
	is_u64(cut, size, "no shorter one is");
	image[size - 1] ^= 1;
	ok(parse(image, size), "nor one with a bit changed");
	size = good(image, 3, 4);
	memset(image + offsetof(struct heddle_snapshot_head, name), 0x1b, 16);
	seal(image, size);
	ok(!parse(image, size) && !unclean,
	   "a name of control characters without an end is cleaned");
	size = good(image, 3, 4);
	image[offsetof(struct heddle_snapshot_head, n_workers) + 3] = 0x7f;
	seal(image, size);
	ok(parse(image, size), "2 thousand million workers are refused");
	extremes();
	fuzz();
	diag("%llu accepted, %llu refused", (unsigned long long)accepted,
	     (unsigned long long)refused);
	ok(accepted > 100 && refused > 1000, "both answers were met");
	is_u64(unclean, 0, "what is accepted is clean");
	munmap(map, ROOM + page);
	return tap_done();
}
