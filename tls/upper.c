/* SPDX-License-Identifier: BSD-2-Clause */
/* The table through which the scheduler calls this layer. */
#include "sched/upper.h"

#include "tls/guest.h"
#include "tls/slot.h"

static uint32_t guest_tid(const void *guest)
{
	return heddle_guest_tid(guest);
}

const struct hd_upper hd_upper = {
	.pool_create = hd_slots_pool_create,
	.pool_destroy = hd_slots_pool_destroy,
	.worker_begin = hd_slots_worker_begin,
	.worker_end = hd_slots_worker_end,
	.guest_run = hd_guest_run,
	.guest_left = hd_guest_left,
	.guest_done = hd_guest_done,
	.guest_block = hd_guest_block,
	.guest_tid = guest_tid,
};
