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

#define SETUP(name, value) \
 LAB_GHOST static void name(void) \
 { \
  variant = value; \
  taken = 0; \
 }
SETUP(setup_right, RIGHT)
SETUP(setup_no_fence, NO_FENCE)
SETUP(setup_check_before, CHECK_BEFORE)

LAB_GHOST static const char *rest(void)
{
	return taken == 1 ? NULL : "asleep with work queued";
}

#define PARK(id, title, what, setup_fn, spurious_wakes) \
 static const struct lab_scenario id = { \
	 .name = title, \
	 .claim = what, \
	 .setup = setup_fn, \
	 .thread = { submit, worker }, \
	 .at_rest = rest, \
	 .spurious = spurious_wakes, \
 };
PARK(right, "park", "no wake is lost", setup_right, false)
PARK(right_spurious, "park-spurious", "nor with spurious wakes", setup_right,
     true)
PARK(no_fence, "park-no-fence", "must be found: the submitter has no fence",
     setup_no_fence, false)
PARK(check_before, "park-check-before",
     "must be found: looks before it announces itself", setup_check_before,
     false)

const struct lab_scenario *const lab_scenarios[] = {
	&right, &right_spurious, &no_fence, &check_before, NULL,
};
