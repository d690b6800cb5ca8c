/* SPDX-License-Identifier: BSD-2-Clause */
/* An owner that waits for forks that were taken. */
#include "sched/forkown.h"

#include <heddle/block.h>

#include "platform/futex.h"
#include "sched/block.h"

#define ROUNDS 16 /* looks for a descendant before the barrier */

void hd_fork_sleep(struct hd_forks_slot *slot)
{
	uint32_t state = hd_forks_wait_owner(slot);

	while (!(state & HD_FORKS_DONE)) {
		hd_futex_wait(&slot->state, state, HEDDLE_FOREVER);
		state = hd_forks_wait_owner(slot);
	}
}

static void sleep_in_region(struct hd_worker *worker,
			    struct hd_forks_slot *slot)
{
	hd_block_begin(HEDDLE_BLOCK_JOIN);
	hd_join_fork_begin(worker, slot);
	hd_fork_sleep(slot);
	hd_join_fork_end(worker);
	heddle_block_end();
}

/* Descendants of it run here meanwhile (N1); nobody else wakes us for one. */
static uint32_t until_over(struct hd_worker *worker, struct hd_forks *forks,
			   struct hd_forks_slot *slot)
{
	int round = 0;

	for (;;) {
		uint32_t state = hd_forks_state_owner(slot);

		if (state & HD_FORKS_DONE)
			return state;
		if (hd_pool_forked(worker->pool))
			return HD_FORKS_LEFT; /* its thief is not here */
		if (worker->block_depth || round > ROUNDS) {
			sleep_in_region(worker, slot);
			continue;
		}
		if (hd_fork_descend(worker, forks, slot, state,
				    round++ == ROUNDS))
			round = 0;
		else
			hd_relax();
	}
}

bool hd_fork_join_taken(struct hd_worker *worker, struct hd_forks *forks,
			struct hd_forks_slot *slot)
{
	struct hd_forks_slot *next = forks->next;
	uint32_t state;

	slot->waits = HD_FORK_TAKEN;
	if (next <= slot)
		forks->next = slot + 1;
	state = until_over(worker, forks, slot);
	forks->next = next;
	return state & HD_FORKS_LEFT;
}

void hd_fork_give_up(struct hd_worker *worker, struct hd_forks *forks,
		     struct hd_forks_slot *slot)
{
	hd_forks_reset_owner(forks, slot);
	hd_fork_told(worker, forks, slot);
}

void hd_fork_drop_holes(struct hd_worker *worker, struct hd_forks *forks)
{
	while (forks->next > forks->slot &&
	       forks->next[-1].waits == HD_FORK_HOLE)
		hd_fork_give_up(worker, forks, --forks->next);
}
