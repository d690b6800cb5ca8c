/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A toy of the laboratory's own: park and unpark over a futex, right, and wrong
 * in the two classical ways. Nothing of the library is linked; it checks the
 * explorer, not heddle.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/scenario.h"
#include "platform/futex.h"

enum variant {
	RIGHT,
	NO_FENCE,
	CHECK_BEFORE
};

static _Atomic uint32_t queued, asleep, event;
static int taken; /* ghost */
static enum variant variant;

LAB_GHOST static void ghost_take(void)
{
	taken++;
}

static bool try_take(void)
{
	uint32_t n = atomic_load_explicit(&queued, memory_order_relaxed);

	while (n)
		if (atomic_compare_exchange_weak_explicit(&queued, &n, n - 1,
							  memory_order_acquire,
							  memory_order_relaxed))
			return true;
	return false;
}

static void worker(void)
{
	while (!try_take()) {
		uint32_t e = atomic_load_explicit(&event, memory_order_acquire);
		bool empty =
			!atomic_load_explicit(&queued, memory_order_relaxed);

		if (variant == CHECK_BEFORE && !empty)
			continue;
		atomic_store_explicit(&asleep, 1, memory_order_relaxed);
		atomic_thread_fence(memory_order_seq_cst);
		if (variant != CHECK_BEFORE &&
		    atomic_load_explicit(&queued, memory_order_relaxed))
			continue;
		hd_futex_wait(&event, e, UINT64_MAX);
	}
	ghost_take();
}

static void submit(void)
{
	atomic_fetch_add_explicit(&queued, 1, memory_order_release);
	if (variant != NO_FENCE)
		atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&asleep, memory_order_relaxed)) {
		atomic_store_explicit(&asleep, 0, memory_order_relaxed);
		atomic_fetch_add_explicit(&event, 1, memory_order_release);
		hd_futex_wake(&event, 1);
	}
}

#define RESET(name, value) \
 LAB_GHOST static void name(void) \
 { \
  variant = value; \
  taken = 0; \
 }
RESET(reset_right, RIGHT)
RESET(reset_no_fence, NO_FENCE)
RESET(reset_check_before, CHECK_BEFORE)

LAB_GHOST static const char *rest(void)
{
	return taken == 1 ? NULL : "lost wake-up: asleep with work queued";
}

#define PARK(id, title, what, reset_fn, spurious_wakes, must) \
 LAB_SCENARIO(id, .name = title, .claim = what, .reset = reset_fn, \
	      .thread = { submit, worker }, .at_rest = rest, \
	      .spurious = spurious_wakes, .fails = must, \
	      .bound_plus_1 = (spurious_wakes) ? 4 : LAB_ANY)

PARK(right, "toy-park", "no wake is lost", reset_right, false, NULL);
PARK(right_spurious, "toy-park-spurious", "nor with spurious wakes",
     reset_right, true, NULL);
PARK(no_fence, "toy-park-no-fence", "the submitter has no fence",
     reset_no_fence, false, "asleep with work");
PARK(check_before, "toy-park-check-before", "looks before it announces itself",
     reset_check_before, false, "asleep with work");
