/* SPDX-License-Identifier: BSD-2-Clause */
/* Checking and copying the bytes of a published pool; see snapshot.h. */
#include "tools/snapshot.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/say.h"

#define MAGIC_SIZE (sizeof(HEDDLE_SNAPSHOT_MAGIC) - 1)

static uint64_t checksum(const unsigned char *bytes, size_t size)
{
	const size_t field = offsetof(struct heddle_snapshot_head, checksum);
	uint64_t sum = UINT64_C(0xcbf29ce484222325), word;
	size_t at;

	for (at = 0; at < size; at += sizeof(word)) {
		memcpy(&word, bytes + at, sizeof(word));
		if (at == field)
			word = 0;
		sum = (sum ^ word) * UINT64_C(0x100000001b3);
	}
	return sum;
}

/* A name ends within its bytes and does nothing to a terminal. */
static void clean_name(char *name, size_t size)
{
	size_t i;

	name[size - 1] = '\0';
	for (i = 0; name[i]; i++)
		if (name[i] < 0x20 || name[i] > 0x7e)
			name[i] = '?';
}

/* Are the sizes such that nothing outside the bytes is read? */
static const char *check_sizes(const struct heddle_snapshot_head *head,
			       size_t size)
{
	uint64_t need;

	if (head->head_size != sizeof(*head) ||
	    head->worker_size != sizeof(struct heddle_worker_info) ||
	    head->group_size != sizeof(struct heddle_snapshot_group))
		return "its records have other sizes than this version's";
	/* Counts of 32 bits and sizes below 256: no overflow in 64. */
	need = sizeof(*head) + (uint64_t)head->n_workers * head->worker_size +
	       (uint64_t)head->n_groups * head->group_size;
	if (head->size != need)
		return "its counts contradict its size";
	if (need > size)
		return "it ends too early";
	return NULL;
}

static int by_index(const void *a, const void *b)
{
	uint32_t one = ((const struct heddle_snapshot_group *)a)->index;
	uint32_t other = ((const struct heddle_snapshot_group *)b)->index;

	return (one > other) - (one < other);
}

/* free() it */
static void *copy(const void *from, size_t n, size_t size)
{
	void *to = ht_alloc(n, size);

	if (n)
		memcpy(to, from, n * size);
	return to;
}

const char *ht_snapshot_parse(const void *bytes, size_t size,
			      struct ht_snapshot *out, bool *torn)
{
	const unsigned char *at = bytes;
	const char *wrong;
	uint32_t i;

	memset(out, 0, sizeof(*out));
	/* Also an empty one: its owner may be about to write. */
	*torn = size < sizeof(out->head);
	if (size < MAGIC_SIZE
		    ? size
		    : memcmp(at, HEDDLE_SNAPSHOT_MAGIC, MAGIC_SIZE) != 0)
		return "it is not a snapshot of a pool";
	if (*torn)
		return "it ends too early";
	memcpy(&out->head, at, sizeof(out->head));
	if (out->head.version != HEDDLE_SNAPSHOT_VERSION)
		return "it has the layout of another version";
	*torn = true;
	wrong = check_sizes(&out->head, size);
	if (!wrong &&
	    checksum(at, (size_t)out->head.size) != out->head.checksum)
		wrong = "its checksum is wrong";
	if (wrong)
		return wrong;
	at += sizeof(out->head);
	out->worker = copy(at, out->head.n_workers, sizeof(*out->worker));
	at += out->head.n_workers * sizeof(*out->worker);
	out->group = copy(at, out->head.n_groups, sizeof(*out->group));
	/* As the library writes them; lookups must not depend on that. */
	qsort(out->group, out->head.n_groups, sizeof(*out->group), by_index);
	clean_name(out->head.name, sizeof(out->head.name));
	for (i = 0; i < out->head.n_groups; i++)
		clean_name(out->group[i].name, sizeof(out->group[i].name));
	return NULL;
}

void ht_snapshot_free(struct ht_snapshot *snapshot)
{
	free(snapshot->worker);
	free(snapshot->group);
	memset(snapshot, 0, sizeof(*snapshot));
}

const struct heddle_snapshot_group *
ht_snapshot_group(const struct ht_snapshot *snapshot, uint32_t index)
{
	const struct heddle_snapshot_group key = { .index = index };

	return bsearch(&key, snapshot->group, snapshot->head.n_groups,
		       sizeof(key), by_index);
}
