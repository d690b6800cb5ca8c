/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers that look random and depend on nothing but a seed. For workloads;
 * never for secrets.
 */
#ifndef HEDDLE_TOOLS_RANDOM_H
#define HEDDLE_TOOLS_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct ht_random {
	uint64_t state;
};

/* ht_mix() - a bijection of 64 bits in which every bit changes half of them */
static inline uint64_t ht_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/*
 * ht_random_seed() - the stream of one operation of one thread
 *
 * It does not depend on how many numbers the operations before it drew, so
 * that the sequence of operations of a thread is the same in every run.
 */
static inline void ht_random_seed(struct ht_random *random, uint64_t seed,
				  uint64_t thread, uint64_t operation)
{
	random->state = ht_mix(ht_mix(seed + thread) + operation);
}

/* ht_random_next() - SplitMix64: a counter, mixed */
static inline uint64_t ht_random_next(struct ht_random *random)
{
	random->state += UINT64_C(0x9e3779b97f4a7c15);
	return ht_mix(random->state);
}

/* ht_random_below() - from 0 to n - 1; n is far below 2^32 */
static inline uint32_t ht_random_below(struct ht_random *random, uint32_t n)
{
	return (uint32_t)((ht_random_next(random) >> 32) * n >> 32);
}

/* ht_random_chance() - true once in n */
static inline bool ht_random_chance(struct ht_random *random, uint32_t n)
{
	return !ht_random_below(random, n);
}

#endif /* HEDDLE_TOOLS_RANDOM_H */
