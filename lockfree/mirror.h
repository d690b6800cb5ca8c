/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What others may read of a worker without a lock and without registration: a
 * copy behind Concurrency Kit's sequence lock. The fields are relaxed atomics,
 * so that a torn read is a retry and not a data race.
 *
 *         write  read
 * write     X     -     X one writer
 * read      -     -
 *
 * Progress: write wait-free; read wait-free, bounded by its tries, and
 * async-signal-safe: it allocates nothing and waits for nobody.
 */
#ifndef HEDDLE_LOCKFREE_MIRROR_H
#define HEDDLE_LOCKFREE_MIRROR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct hd_mirror_values {
	uint32_t index;
	uint32_t state;
	uint64_t incarnation;
	int32_t tid;
	uint32_t group;
	uint32_t guest;
	uint32_t kind;
	uint64_t since_ns;
};

/* Packed into words; the sequence is ck_sequence's one unsigned int. */
struct hd_mirror {
	unsigned int sequence;
	_Atomic uint64_t word[5];
};

void hd_mirror_init(struct hd_mirror *mirror);
void hd_mirror_write_owner(struct hd_mirror *mirror,
			   const struct hd_mirror_values *values);

/* False when the writer was at work at each of so many tries. */
bool hd_mirror_read_any(const struct hd_mirror *mirror,
			struct hd_mirror_values *values, unsigned int tries);

#endif /* HEDDLE_LOCKFREE_MIRROR_H */
