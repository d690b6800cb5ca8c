/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * W3: three trees of calls without a sequential cut-off, each written three times: with
 * plain calls, with the typed forks of heddle/forkjoin.h, and with scopes, which call
 * by function pointer. The answers are known beforehand.
 */
#ifndef HEDDLE_BENCH_W3_H
#define HEDDLE_BENCH_W3_H

#include <stdint.h>

struct heddle_group;

/* Where the forks of this process run. */
extern struct heddle_group *hb_w3_group;

enum hb_w3_peer {
	HB_W3_SERIAL,
	HB_W3_TYPED,
	HB_W3_FN,
	HB_W3_PEERS,
};

/* The known answer and nodes of a size, and what computes it; by the program's name. */
struct hb_w3_program {
	const char *name;
	uint64_t size; /* the usual one */
	uint64_t (*run[HB_W3_PEERS])(uint64_t size);
	/* False: the answer of this size is not known. */
	int (*known)(uint64_t size, uint64_t *answer, uint64_t *nodes);
};

extern const struct hb_w3_program hb_w3_programs[];
extern const unsigned int hb_w3_programs_count;

#endif /* HEDDLE_BENCH_W3_H */
