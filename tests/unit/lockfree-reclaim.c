/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Retired memory: freed once, by a flush, and not while a reader that began
 * before may hold it.
 *
 * Method: readers follow a pointer that is replaced all the time and look at
 * the block several times within one read section; a block that is freed is
 * overwritten first, so a reader that meets one sees it. Two threads retire
 * and flush beside each other.
 */
#include "lockfree/reclaim.h"
#include "platform/memory.h"
#include "platform/rcu.h"
#include "tests/unit/lockfree-team.h"

#define ALIVE   UINT64_C(0x600d600d600d600d)
#define FREED   UINT64_C(0xdeaddeaddeaddead)
#define READERS 2u

struct block {
	struct hd_retired retired;
	_Atomic uint64_t word; /* read by who may hold it too long */
};

static struct hd_reclaim reclaim;
static _Atomic(struct block *) current;
static _Atomic uint64_t made, freed, flushed, read_times;

static void free_block(struct hd_retired *retired)
{
	struct block *block = (struct block *)retired;

	if (atomic_exchange_explicit(&block->word, FREED,
				     memory_order_relaxed) != ALIVE)
		bail("a block was freed twice");
	atomic_fetch_add_explicit(&freed, 1, memory_order_relaxed);
	hd_free(block);
}

static struct block *make_block(void)
{
	struct block *block = hd_alloc(sizeof(*block));

	if (!block)
		bail("no memory");
	block->retired.free_fn = free_block;
	atomic_store_explicit(&block->word, ALIVE, memory_order_relaxed);
	atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
	return block;
}

static void alone(void)
{
	unsigned int i;

	ok(hd_reclaim_flush(&reclaim) == 0, "nothing to free");
	for (i = 0; i < 3; i++)
		hd_reclaim_retire_any(&reclaim, &make_block()->retired);
	ok(freed == 0, "retiring frees nothing");
	ok(hd_reclaim_flush(&reclaim) == 3 && freed == 3, "a flush frees all");
	ok(hd_reclaim_flush(&reclaim) == 0, "once");
}

static void read_blocks(struct team *team)
{
	uint64_t n = 0;
	unsigned int i;

	hd_rcu_register();
	while (n % 64 || !team_time_is_over(team)) {
		struct block *block;

		hd_rcu_read_lock();
		block = atomic_load_explicit(&current, memory_order_acquire);
		for (i = 0; i < 50; i++)
			if (atomic_load_explicit(&block->word,
						 memory_order_relaxed) != ALIVE)
				team_error(team);
		hd_rcu_read_unlock();
		n++;
	}
	hd_rcu_unregister();
	atomic_fetch_add_explicit(&read_times, n, memory_order_relaxed);
}

static void replace_blocks(struct team *team, uint32_t me)
{
	uint64_t stream = tap_stream(me), n = 0;

	while (n % 64 || !team_time_is_over(team)) {
		struct block *old = atomic_exchange_explicit(
			&current, make_block(), memory_order_acq_rel);

		hd_reclaim_retire_any(&reclaim, &old->retired);
		n++;
		if (tap_next(&stream) % 4 == 0)
			atomic_fetch_add_explicit(&flushed,
						  hd_reclaim_flush(&reclaim),
						  memory_order_relaxed);
	}
}

static void read_or_replace(struct team *team, uint32_t me)
{
	if (me < READERS)
		read_blocks(team);
	else
		replace_blocks(team, me);
}

int main(void)
{
	static struct team team;

	tap_deadline(60);
	alone();
	current = make_block();
	is_u64(team_run(&team, READERS + 2, tap_seconds(1.0), read_or_replace),
	       0, "no reader met a block that was freed");
	ok(flushed > 10 && read_times > 1000,
	   "%llu blocks were freed under %llu reads",
	   (unsigned long long)flushed, (unsigned long long)read_times);
	hd_reclaim_retire_any(&reclaim, &current->retired);
	hd_reclaim_flush(&reclaim);
	is_u64(freed, made, "every block was freed once");
	return tap_done();
}
