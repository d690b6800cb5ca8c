/* SPDX-License-Identifier: BSD-2-Clause */
/* What the platform read, as users see it. */
#ifndef HEDDLE_SCHED_LIMITS_H
#define HEDDLE_SCHED_LIMITS_H

struct hd_limits;
struct heddle_limits;

/* Fills all but struct_size, of a struct of this library's size. */
void hd_limits_show(const struct hd_limits *limits, struct heddle_limits *out);

#endif /* HEDDLE_SCHED_LIMITS_H */
