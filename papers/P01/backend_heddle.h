/* SPDX-License-Identifier: BSD-2-Clause */
/* The heddle back end, for measurements that only heddle can be asked for. */
#ifndef HEDDLE_PAPERS_P01_BACKEND_HEDDLE_H
#define HEDDLE_PAPERS_P01_BACKEND_HEDDLE_H

#include <heddle/heddle.h>

#include "papers/P01/backend.h"

/* hp_heddle_must() - the call succeeded, or the measurement ends here */
void hp_heddle_must(int rc, const char *call);

/* hp_heddle_pool() - a pool of at most n workers, not started */
struct heddle_pool *hp_heddle_pool(uint32_t n, size_t stack, uint32_t flags);

/* hp_heddle_of() - the library's pool behind one of a heddle back end */
struct heddle_pool *hp_heddle_of(void *pool);

/* hp_heddle_end() - drain and destroy to R4 */
void hp_heddle_end(struct heddle_pool *pool);

#endif /* HEDDLE_PAPERS_P01_BACKEND_HEDDLE_H */
