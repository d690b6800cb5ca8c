/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes give their memory back: a trim drops every page of a stock whose nodes are all
 * free, and none while one is in use; what was broken off is ended by the next trim; a
 * claim that names a task of before the trim fails. Then threads take and give nodes
 * while another one trims.
 *
 * Method: pages are counted by mincore(). In the last part each of n threads holds at
 * most one of n nodes, so "none" is wrong by arithmetic, and the owners write their
 * number into the node, so that one which is handed out twice, or dropped while it is
 * used, is seen.
 *
 * property: P38
 */
#include <stdatomic.h>
#include <sys/mman.h>

#include "lockfree/trim.h"
#include "platform/memory.h"
#include "tests/unit/lockfree-team.h"

#define MANY    (1u << 17)
#define HOLDERS 3u

static struct hd_nodes nodes;
static unsigned int asked, refuse_from;

static bool until_refused(void *arg)
{
	(void)arg;
	return ++asked < refuse_from;
}

static enum hd_trim trim_until(uint32_t least, unsigned int from)
{
	struct hd_trim_call call = { until_refused, NULL };

	asked = 0;
	refuse_from = from;
	return hd_nodes_trim_any(&nodes, least, &call);
}

static enum hd_trim trim(uint32_t least)
{
	return trim_until(least, UINT32_MAX);
}

/* Pages of both halves that have memory. */
static size_t pages(void)
{
	static unsigned char page[(size_t)2 * MANY * 32 / 4096 + 16];
	size_t bytes = 2 * (size_t)nodes.half * sizeof(struct hd_node);
	size_t n = bytes / hd_page_size(), there = 0, i;

	if (n > sizeof(page) || mincore(nodes.node, bytes, page))
		bail("mincore");
	for (i = 0; i < n; i++)
		there += page[i] & 1;
	return there;
}

static void take_all(uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (!hd_node_alloc_any(&nodes, i & 1))
			bail("node %u is not there", i);
}

static void give(uint32_t index)
{
	hd_node_free_any(&nodes, index & 1, index, index, 1);
}

static void give_all(uint32_t first, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		give(first + i);
}

static void pages_go_back(void)
{
	uint32_t high;
	size_t full;

	if (hd_nodes_init(&nodes, MANY, 2))
		bail("no memory");
	high = nodes.half;
	take_all(MANY);
	full = pages();
	ok(full >= MANY / 128, "%u nodes take %zu pages", MANY, full);
	give_all(1, MANY - 1);
	ok(trim(1) == HD_TRIM_IN_USE && pages() == full,
	   "one of them is in use: all keep their memory");
	give(MANY);
	ok(trim(MANY + 1) == HD_TRIM_DONE && pages() == full,
	   "too few for a trim");
	ok(trim_until(1, 5) == HD_TRIM_BROKEN && pages() == full,
	   "broken off while it counts");
	ok(hd_node_alloc_any(&nodes, 0) == MANY, "the newest is on top still");
	give(MANY);
	ok(trim(1) == HD_TRIM_DONE, "all are free");
	ok(pages() == 0 && hd_nodes_touched_any(&nodes) == 0,
	   "no page of %zu is left", full);
	/* A transparent huge page is 512. */
	ok(hd_node_alloc_any(&nodes, 0) == high + 1 && pages() <= 512,
	   "the next node takes %zu", pages());
	give(high + 1);
	take_all(MANY);
	ok(!hd_node_alloc_any(&nodes, 0), "there are %u, and no more", MANY);
	give_all(high + 1, MANY);
	/* Asked once for each 256 nodes, then before each MiB. */
	ok(trim_until(1, MANY / 256 + 3) == HD_TRIM_BROKEN,
	   "broken off while it drops");
	ok(pages() < full && hd_nodes_touched_any(&nodes) > 0,
	   "%zu pages are left", pages());
	ok(trim(1) == HD_TRIM_DONE && pages() == 0, "the next trim has them");
	ok(hd_node_alloc_any(&nodes, 1) == 1, "the first half is back");
	give(1);
	hd_nodes_fini(&nodes);
}

static void remembered(void)
{
	uint64_t old, now;
	uint32_t i;

	if (hd_nodes_init(&nodes, 4, 1))
		bail("no memory");
	for (i = 0; i < 3; i++) {
		hd_node_alloc_any(&nodes, 0);
		old = hd_node_publish_owner(hd_node_at(&nodes, 1));
		hd_node_claim_any(hd_node_at(&nodes, 1), old, HD_NODE_TAKEN);
		give(1);
	}
	trim(1);
	hd_node_free_any(&nodes, 0, hd_node_alloc_any(&nodes, 0),
			 nodes.half + 1, 1);
	trim(1);
	ok(hd_node_alloc_any(&nodes, 0) == 1, "a node in its second memory");
	now = hd_node_publish_owner(hd_node_at(&nodes, 1));
	ok(now > old, "is told from what it was: %llu, before %llu",
	   (unsigned long long)now, (unsigned long long)old);
	ok(!hd_node_claim_any(hd_node_at(&nodes, 1), 1, HD_NODE_DEAD) &&
		   !hd_node_claim_any(hd_node_at(&nodes, 1), old, HD_NODE_DEAD),
	   "and whoever remembers one of those does not get it");
	hd_nodes_fini(&nodes);
}

/* -- taking and giving beside trims -- */

static _Atomic uint64_t trims, rounds;

/* A round of one that holds; false: it heard "none", or another one was there. */
static bool hold(uint32_t me)
{
	void *mark = (void *)(uintptr_t)(me + 1);
	uint32_t index = hd_node_alloc_any(&nodes, me);
	struct hd_node *node = hd_node_at(&nodes, index);
	bool is_right;

	if (!index)
		return false;
	node->arg = mark;
	is_right = hd_node_claim_any(node, hd_node_publish_owner(node),
				     HD_NODE_TAKEN) &&
		   node->arg == mark;
	hd_node_free_any(&nodes, me + 1, index, index, 1);
	return is_right;
}

static void hold_or_trim(struct team *team, uint32_t me)
{
	uint64_t n = 0, done = 0;

	for (; n % 64 || !team_time_is_over(team); n++)
		if (me == HOLDERS)
			done += trim(1) == HD_TRIM_DONE;
		else if (!hold(me))
			team_error(team);
	atomic_fetch_add_explicit(me == HOLDERS ? &trims : &rounds,
				  me == HOLDERS ? done : n,
				  memory_order_relaxed);
}

static void stress(void)
{
	static struct team team;

	if (hd_nodes_init(&nodes, HOLDERS, 2))
		bail("no memory");
	is_u64(team_run(&team, HOLDERS + 1, tap_seconds(0.8), hold_or_trim), 0,
	       "%u threads with one node of %u each, while one trims", HOLDERS,
	       HOLDERS);
	diag("%llu rounds, %llu trims", (unsigned long long)rounds,
	     (unsigned long long)trims);
	take_all(HOLDERS);
	ok(!hd_node_alloc_any(&nodes, 0), "in the end there are %u", HOLDERS);
	hd_nodes_fini(&nodes);
}

int main(void)
{
	tap_deadline(60);
	pages_go_back();
	remembered();
	stress();
	return tap_done();
}
