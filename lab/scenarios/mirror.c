/* SPDX-License-Identifier: BSD-2-Clause */
/* What others read of a worker: all of one write, or nothing. */
#include "lab/scenario.h"
#include "lockfree/mirror.h"

static struct hd_mirror mirror;

static struct hd_mirror_values values(uint32_t n)
{
	return (struct hd_mirror_values){ .index = n,
					  .state = n,
					  .incarnation = n,
					  .tid = (int32_t)n,
					  .group = n,
					  .guest = n,
					  .kind = n,
					  .since_ns = n };
}

static void write_n(uint32_t n)
{
	struct hd_mirror_values v = values(n);

	hd_mirror_write_owner(&mirror, &v);
}

static void setup(void)
{
	hd_mirror_init(&mirror);
	write_n(1);
}

static void write_once(void)
{
	write_n(2);
}

static void write_twice(void)
{
	write_n(2);
	write_n(3);
}

static void read_it(void)
{
	struct hd_mirror_values v;

	if (!hd_mirror_read_any(&mirror, &v, 2))
		return;
	LAB_ASSERT(v.index > 0 && v.index <= 3);
	LAB_ASSERT(v.state == v.index);
	LAB_ASSERT(v.incarnation == v.index);
	LAB_ASSERT(v.tid == (int32_t)v.index);
	LAB_ASSERT(v.group == v.index);
	LAB_ASSERT(v.guest == v.index);
	LAB_ASSERT(v.since_ns == v.index);
}

LAB_SCENARIO(one, .name = "mirror", .claim = "a read is of one write",
	     .setup = setup, .thread = { write_once, read_it });
LAB_SCENARIO(two, .name = "mirror-twice", .claim = "and with two writes",
	     .setup = setup, .thread = { write_twice, read_it },
	     .old_plus_1 = 3);
LAB_SCENARIO(readers, .name = "mirror-readers", .claim = "and two readers",
	     .setup = setup, .thread = { write_once, read_it, read_it },
	     .bound_plus_1 = 3, .old_plus_1 = 3);
