/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library's own changes of caps; the rule for the root's cap is in
 * doc/design/monitor.md.
 */
#ifndef HEDDLE_SCHED_CAP_H
#define HEDDLE_SCHED_CAP_H

#include <stdint.h>

struct heddle_pool;

/*
 * Bounds the root's cap from now on by what was read of the machine, at least 1;
 * one change, if the cap in force changes. With prepaid units it falls only as far as
 * what is out allows. Returns that cap, and in *before the
 * one that it replaces.
 */
uint32_t hd_cap_limit(struct heddle_pool *pool, uint32_t limit,
		      uint32_t *before);

#endif /* HEDDLE_SCHED_CAP_H */
