/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: work that blocks runs side by side also where the CPUs allow one worker, up to
 * blocked_max; at that bound nothing throws, and when the blockers have ended all of it
 * is there again. Elsewhere a quota of one CPU made the parallelism of blocking work one,
 * and after 256 blockers a pool had one thread for ever. Method: rounds on a pool of one
 * worker: blockers up to the bound, tasks that must wait there, the end of all; each
 * round must reach the bound as the first did.
 *
 * fault: F17
 * clause: B2 C2
 */
#include <errno.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define ROUNDS 3
#define PROBES 8

static _Atomic uint64_t blocked, refused, release, ended, probes;

static void blocker(void *arg)
{
	uint64_t round = (uintptr_t)arg;
	int rc = heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);

	if (rc && rc != -EAGAIN)
		bail("a region: %d", rc);
	atomic_fetch_add(rc ? &refused : &blocked, 1);
	su_wait_at_least(&release, round, 100000);
	if (!rc && heddle_block_end())
		bail("the end of a region");
	atomic_fetch_add(&ended, 1);
}

static void probe(void *arg)
{
	(void)arg;
	atomic_fetch_add(&probes, 1);
}

static void submit(struct heddle_pool *pool, heddle_call_fn fn, uint64_t arg,
		   uint32_t n)
{
	while (n--)
		if (heddle_submit_call(heddle_pool_group(pool), fn,
				       (void *)(uintptr_t)arg))
			bail("submit");
}

static uint64_t hits(struct heddle_pool *pool)
{
	struct heddle_check check = { .struct_size = sizeof(check) };

	heddle_check(pool, &check);
	return check.blocked_bound_hits;
}

/* As many in regions as are replaced, and the one that comes last. */
static void round_of(struct heddle_pool *pool, uint64_t round, uint32_t bound)
{
	uint64_t before = hits(pool), most = bound + 1;

	atomic_store(&blocked, 0);
	atomic_store(&refused, 0);
	atomic_store(&ended, 0);
	atomic_store(&probes, 0);
	submit(pool, blocker, round, bound);
	submit(pool, probe, 0, PROBES);
	if (!ok(su_wait_at_least(&blocked, bound, 45000) &&
			su_wait_at_least(&probes, PROBES, 45000),
		"round %u: %u block, and others run beside them",
		(unsigned)round, bound))
		bail("%u block", (unsigned)blocked);
	submit(pool, blocker, round, 1);
	while (atomic_load(&blocked) + atomic_load(&refused) < most)
		if (!su_wait_at_least(&blocked, most, 1) &&
		    tap_threads() > most + 1)
			bail("more threads than the bound allows");
	is_u64(hits(pool) - before, 1, "round %u: the bound is reached",
	       (unsigned)round);
	submit(pool, probe, 0, PROBES);
	is_u64(tap_threads() - 1, most, "round %u: threads at the bound",
	       (unsigned)round);
	atomic_store(&release, round);
	ok(su_wait_at_least(&ended, most, 30000) &&
		   su_wait_at_least(&probes, 2 * PROBES, 30000),
	   "round %u: all of them come to their end", (unsigned)round);
}

static void recovers(uint32_t bound, uint32_t policy, unsigned int rounds)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.flags = HEDDLE_POOL_ELASTIC,
		.workers_max = 1, /* what a quota of one CPU allows */
		.blocked_max = bound == 256 ? 0 : bound,
		.blocked_policy = policy,
	};
	struct heddle_pool *pool = su_pool_with(&options, 1);
	unsigned int i;

	diag("a bound of %u, policy %u", bound, policy);
	atomic_store(&release, 0);
	for (i = 1; i <= rounds; i++)
		round_of(pool, i, bound);
	su_check_at_rest(pool);
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(110);
	recovers(4, HEDDLE_BLOCKED_FEWER, ROUNDS);
	recovers(4, HEDDLE_BLOCKED_REFUSE, ROUNDS);
	recovers(256, HEDDLE_BLOCKED_FEWER, 2);
	return tap_done();
}
