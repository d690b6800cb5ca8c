/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options structs of callers older and newer than the library (E3).
 */
#ifndef HEDDLE_SCHED_OPTIONS_H
#define HEDDLE_SCHED_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Copies an options struct whose first field is its uint32_t struct_size. A
 * shorter one leaves the rest zero, which means defaults; a longer one must be
 * zero beyond size. A NULL source means all defaults. 0, -EINVAL when
 * struct_size is smaller than itself, -E2BIG.
 */
int hd_options_read(void *to, size_t size, const void *from);

/* The size a caller gave for an output struct: at most size, or -EINVAL. */
int hd_output_size(const void *out, size_t size, size_t *usable);

#endif /* HEDDLE_SCHED_OPTIONS_H */
