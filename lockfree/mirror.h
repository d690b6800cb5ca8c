/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What others may read of a worker without a lock and without registration: a
 * copy behind Concurrency Kit's sequence lock (C. Lameter, "Effective
 * Synchronization on Linux/NUMA Systems", 2005, describes the idea). Not for
 * decisions: what was read is past.
 *
 *                write_owner  read_any
 * write_owner         X           -
 * read_any            -           -
 *
 * -  safe together      X  caller must exclude (here: one writer)
 *
 * Progress: both are wait-free; a read gives up after its tries, because the
 * writer may be the thread whose signal handler is reading. Context: read from
 * anywhere, async-signal-safe.
 *
 * Order: the fields are atomics, so a torn read is a retry and not undefined. A
 * field is stored with release and loaded with acquire (mirror-1): who reads
 * a field of a write also reads, afterwards, a sequence that this write has
 * begun, and discards the copy. An even sequence shows the fields of its write
 * by a release fence before the end of the write and an acquire fence behind
 * the first look (mirror-2). ck_sequence has fences there too, but on machines
 * with total store order they are empty, and a compiler is then told nothing.
 *
 * Wrap: the sequence has 32 bits. A read is wrong only if exactly a multiple of
 * 2^31 writes fall between its two looks: 40 s of nothing but writes.
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
