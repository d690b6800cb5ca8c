/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots that only this thread knows: behind the end of a stack, and where forks may not
 * be shared at all. They are always private, and joined in place.
 */
#include "sched/forkown.h"

#include "platform/cacheline.h"

#define SEGMENT 4096u /* slots */

static struct hd_forks *make_segment(struct hd_forks *below)
{
	struct hd_forks *forks;

	if (hd_forks_new(&forks, SEGMENT) < 0)
		hd_assert_failed("memory for a fork", __FILE__, __LINE__);
	atomic_store_explicit(
		&forks->limit, (uintptr_t)(forks->slot + 1),
		memory_order_relaxed); /* a pop of the first goes below */
	forks->below = below;
	return forks;
}

void hd_fork_free_segments(struct hd_forks *forks)
{
	while (forks) {
		struct hd_forks *more = forks->more;

		hd_forks_free(forks);
		forks = more;
	}
}

void hd_fork_free_alone(struct hd_worker *worker, struct hd_forks *stop)
{
	while (worker->forks_alone != stop) {
		struct hd_forks *first = worker->forks_alone;

		worker->forks_alone = first->group;
		hd_fork_free_segments(first);
	}
}

void heddle_fork_more_(struct heddle_forks *given,
		       struct heddle_fork_place *place)
{
	struct hd_forks *forks = hd_fork_stack_of(given);

	if (!forks->more) {
		forks->more = make_segment(forks->slot ? forks : NULL);
		if (!forks->slot && hd_self) { /* its caller may be left */
			forks->more->group = hd_self->forks_alone;
			hd_self->forks_alone = forks->more;
		}
	}
	*place = hd_fork_place_at(forks->more, forks->more->slot + 1);
}

void hd_fork_call_alone(heddle_fork_fn fn, const uint64_t *arg,
			uint64_t *result)
{
	struct hd_forks none = { .slot = NULL }; /* memory is for who forks */
	struct hd_forks *before = hd_self ? hd_self->forks_alone : NULL;

	fn(hd_fork_place_at(&none, NULL), arg, result);
	if (hd_self)
		hd_fork_free_alone(hd_self, before);
	else
		hd_fork_free_segments(none.more);
}
