/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts of a group, for who has counted the workers already. */
#ifndef HEDDLE_SCHED_SEE_H
#define HEDDLE_SCHED_SEE_H

#include <stdint.h>

struct heddle_pool;
struct heddle_group;
struct heddle_group_stat;

/* Workers there are, donated ones too, or may be created, less those in regions. */
uint32_t hd_see_workers(struct heddle_pool *pool);

/* Everything but struct_size. The group is in use, or under the control lock. */
void hd_see_group(struct heddle_group *group, uint32_t workers,
		  struct heddle_group_stat *stat);

#endif /* HEDDLE_SCHED_SEE_H */
