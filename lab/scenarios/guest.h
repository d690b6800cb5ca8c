/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process over a pool as a scenario: ghost counters of its guests and tids.
 */
#ifndef HEDDLE_LAB_SCENARIOS_GUEST_H
#define HEDDLE_LAB_SCENARIOS_GUEST_H

#include "lab/scenarios/pool.h"

static struct heddle_process *process;

static struct {
	unsigned int live, most; /* guests in user code */
	unsigned int ran;
	uint32_t tid[4];
	unsigned int destroyed; /* values of the slot */
} guests;

LAB_GHOST static void guest_reset(void)
{
	pool_reset();
	__builtin_memset(&guests, 0, sizeof(guests));
}

LAB_GHOST static void guest_enters(void)
{
	guests.live++;
	if (guests.live > guests.most)
		guests.most = guests.live;
}

LAB_GHOST static void guest_leaves(void)
{
	guests.live--;
	guests.ran++;
}

LAB_GHOST static void note_tid(unsigned int i, uint32_t tid)
{
	guests.tid[i] = tid;
}

LAB_GHOST static void note_destroyed(void)
{
	guests.destroyed++;
}

static inline int32_t guest_body(void *arg)
{
	lab_touch(&guests);
	guest_enters();
	(void)arg;
	lab_touch(&guests);
	guest_leaves();
	return 3;
}

static inline void spawn_join(int32_t (*fn)(void *arg), unsigned int i,
			      int flags)
{
	int32_t code = 0;
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.flags = (uint32_t)flags,
		.fn = fn,
		.exit_code = &code,
	};
	struct heddle_guest *guest;

	LAB_ASSERT(heddle_guest_spawn(process, &options, &guest,
				      HEDDLE_FOREVER) == 0);
	note_tid(i, heddle_guest_tid(guest));
	LAB_ASSERT(heddle_guest_join(guest, HEDDLE_R0_QUIET, HEDDLE_FOREVER) ==
		   0);
	LAB_ASSERT(code == 3);
}

static inline void make_process(const struct rules *what, uint32_t threads_max)
{
	struct heddle_process_options options = {
		.struct_size = sizeof(options),
		.threads_max = threads_max,
	};

	pool_make(what);
	LAB_ASSERT(heddle_process_create(pool, &options, &process) == 0);
}

/* -- one after the other: the shell of the first is used by the second -- */

static const struct rules elastic =
	RULES(.workers_max = 2, .flags = HEDDLE_POOL_ELASTIC, .threads = 1);
static const struct rules elastic_two =
	RULES(.workers_max = 2, .flags = HEDDLE_POOL_ELASTIC, .threads = 2);

static inline void setup_one(void)
{
	make_process(&elastic, 1);
}

static inline void setup_two(void)
{
	make_process(&elastic_two, 1);
}

static inline void setup_two_berths(void)
{
	make_process(&elastic_two, 2);
}

static inline const char *recycled_twice(void)
{
	if (guests.ran != 3)
		return "lost: a guest did not run";
	if (guests.tid[0] == guests.tid[2] || guests.tid[0] == guests.tid[1])
		return "tid: a later guest has the same";
	return pool_at_rest();
}

static inline const char *recycled(void)
{
	if (guests.ran != 2)
		return "lost: a guest did not run";
	if (guests.tid[0] == guests.tid[1])
		return "tid: the next guest has the same";
	return pool_at_rest();
}

#endif /* HEDDLE_LAB_SCENARIOS_GUEST_H */
