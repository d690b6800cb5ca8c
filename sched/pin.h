/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pin keeps a group from coming to rest, and from being freed, while somebody
 * without a permit of it moves its tasks or settles its counts.
 *
 * pin-1: the holder pins, takes tasks from one queue, puts them into another one,
 * unpins. The closer reads the pins, the queues, and the pins again; the word counts
 * the pins ever taken beside those that are out. Forbidden: the closer finds every queue
 * empty and both words equal with none out, while the tasks were in the hand:
 * who finds the first queue emptied reads the pin afterwards, and the take that emptied
 * it releases.
 *
 * The holder unpins, then reads the gate; the closer set the gate, then reads
 * the pins. Forbidden: an open gate and a pin.
 */
#ifndef HEDDLE_SCHED_PIN_H
#define HEDDLE_SCHED_PIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sched/group.h"
#include "sched/permit.h"

#define HD_PIN (UINT64_C(1) << 32)

/* Wait-free. Also on a group that was freed: its memory is type-stable. */
static inline void hd_pin(struct heddle_group *group)
{
	atomic_fetch_add_explicit(&group->pins, HD_PIN + 1,
				  memory_order_seq_cst); /* pin-1 */
}

static inline void hd_unpin(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;

	atomic_fetch_sub_explicit(&group->pins, 1,
				  memory_order_seq_cst);             /* pin-1 */
	if (atomic_load_explicit(&group->gate, memory_order_seq_cst) /* pin-1 */
	    != HD_GATE_OPEN)
		hd_effect_signal(pool);
}

static inline uint64_t hd_pins(struct heddle_group *group)
{
	return atomic_load_explicit(&group->pins,
				    memory_order_seq_cst); /* pin-1 */
}

static inline bool hd_pins_out(uint64_t pins)
{
	return (uint32_t)pins != 0;
}

#endif /* HEDDLE_SCHED_PIN_H */
