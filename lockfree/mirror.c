/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sequence lock. ck_sequence_read_begin() waits while the writer is at
 * work, so only its halves that do not wait are used here.
 */
#include "lockfree/mirror.h"

#include <ck_sequence.h>

static uint64_t pair(uint32_t high, uint32_t low)
{
	return (uint64_t)high << 32 | low;
}

static void store(struct hd_mirror *mirror, int i, uint64_t value)
{
	atomic_store_explicit(&mirror->word[i], value,
			      memory_order_release); /* mirror-1 */
}

static uint64_t load(const struct hd_mirror *mirror, int i)
{
	return atomic_load_explicit(&mirror->word[i],
				    memory_order_acquire); /* mirror-1 */
}

static struct ck_sequence *sequence_of(const struct hd_mirror *mirror)
{
	_Static_assert(sizeof(struct ck_sequence) == sizeof(unsigned int),
		       "the sequence is one unsigned int");
	return (struct ck_sequence *)(uintptr_t)&mirror->sequence;
}

void hd_mirror_init(struct hd_mirror *mirror)
{
	ck_sequence_init(sequence_of(mirror));
}

void hd_mirror_write_owner(struct hd_mirror *mirror,
			   const struct hd_mirror_values *v)
{
	struct ck_sequence *sequence = sequence_of(mirror);

	ck_sequence_write_begin(sequence);
	store(mirror, 0, pair(v->index, v->state));
	store(mirror, 1, v->incarnation);
	store(mirror, 2, pair((uint32_t)v->tid, v->group));
	store(mirror, 3, pair(v->guest, v->kind));
	store(mirror, 4, v->since_ns);
	atomic_thread_fence(memory_order_release); /* mirror-2 */
	ck_sequence_write_end(sequence);
}

bool hd_mirror_read_any(const struct hd_mirror *mirror,
			struct hd_mirror_values *v, unsigned int tries)
{
	struct ck_sequence *sequence = sequence_of(mirror);
	uint64_t word[5];
	int i;

	while (tries--) {
		unsigned int begin = ck_pr_load_uint(&sequence->sequence);

		atomic_thread_fence(memory_order_acquire); /* mirror-2 */
		for (i = 0; i < 5; i++)
			word[i] = load(mirror, i);
		if ((begin & 1) || ck_sequence_read_retry(sequence, begin))
			continue;
		v->index = (uint32_t)(word[0] >> 32);
		v->state = (uint32_t)word[0];
		v->incarnation = word[1];
		v->tid = (int32_t)(word[2] >> 32);
		v->group = (uint32_t)word[2];
		v->guest = (uint32_t)(word[3] >> 32);
		v->kind = (uint32_t)word[3];
		v->since_ns = word[4];
		return true;
	}
	return false;
}
