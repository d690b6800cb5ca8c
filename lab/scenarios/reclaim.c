/* SPDX-License-Identifier: BSD-2-Clause */
/* What is retired is freed once, and not under a reader. */
#include "lab/scenario.h"
#include "lockfree/reclaim.h"
#include "platform/memory.h"
#include "platform/rcu.h"

struct thing {
	struct hd_retired retired;
	int value;
};

static struct hd_reclaim reclaim;
static _Atomic(struct thing *) current;
static struct thing *other;
static unsigned int flushed; /* ghost */

LAB_GHOST static void reset(void)
{
	flushed = 0;
}

LAB_GHOST static void note_flushed(unsigned int n)
{
	flushed += n;
}

static void free_thing(struct hd_retired *retired)
{
	hd_free(retired);
}

static struct thing *make(int value)
{
	struct thing *thing = hd_alloc(sizeof(*thing));

	LAB_ASSERT(thing);
	thing->retired.free_fn = free_thing;
	thing->value = value;
	return thing;
}

static void setup(void)
{
	atomic_store_explicit(&current, make(1), memory_order_relaxed);
	other = make(2);
}

static void reader(void)
{
	struct thing *thing;

	hd_rcu_register();
	hd_rcu_read_lock();
	thing = atomic_load_explicit(&current, memory_order_acquire);
	if (thing)
		LAB_ASSERT(thing->value == 1);
	hd_rcu_read_unlock();
	hd_rcu_unregister();
}

static void unlink_and_retire(void)
{
	struct thing *thing =
		atomic_exchange_explicit(&current, NULL, memory_order_acq_rel);

	hd_reclaim_retire_any(&reclaim, &thing->retired);
	note_flushed(hd_reclaim_flush(&reclaim));
}

static void retire_other(void)
{
	hd_reclaim_retire_any(&reclaim, &other->retired);
	note_flushed(hd_reclaim_flush(&reclaim));
}

static void flush(void)
{
	note_flushed(hd_reclaim_flush(&reclaim));
}

static const char *one_freed(void)
{
	return flushed == 1 && lab_live_blocks() == 1
		       ? NULL
		       : "leak: not exactly the retired block was freed";
}

static const char *two_freed(void)
{
	return flushed == 2 && !lab_live_blocks()
		       ? NULL
		       : "leak: not both blocks were freed";
}

LAB_SCENARIO(read, .name = "reclaim-reader",
	     .claim = "nothing is freed under a reader", .setup = setup,
	     .reset = reset, .thread = { unlink_and_retire, reader },
	     .at_rest = one_freed);
LAB_SCENARIO(read_two, .name = "reclaim-readers", .claim = "nor under two",
	     .setup = setup, .reset = reset,
	     .thread = { unlink_and_retire, reader, reader },
	     .at_rest = one_freed, .bound_plus_1 = 2);
LAB_SCENARIO(race, .name = "reclaim-two",
	     .claim = "two that retire and flush free each block once",
	     .setup = setup, .reset = reset,
	     .thread = { unlink_and_retire, retire_other },
	     .at_rest = two_freed);
LAB_SCENARIO(flushers, .name = "reclaim-flushers",
	     .claim = "a third that flushes frees nothing twice",
	     .setup = setup, .reset = reset,
	     .thread = { unlink_and_retire, flush }, .at_rest = one_freed);
