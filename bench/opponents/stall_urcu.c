/* SPDX-License-Identifier: BSD-2-Clause */
/* The wait-free queue and the two stacks of liburcu, as packaged. */
#include <urcu/lfstack.h>
#include <urcu/wfcqueue.h>
#include <urcu/wfstack.h>

#include "bench/stall.h"

#define OWNERS (1 + HS_PEERS)

/* What the victim, [0], and the peers have out of each; one more is inside. */

static struct cds_wfcq_head queue_head;
static struct cds_wfcq_tail queue_tail;
static struct cds_wfcq_node queued[OWNERS + 1], *queue_own[OWNERS];

static void queue_put(unsigned int who)
{
	if (!queue_own[who])
		return;
	cds_wfcq_node_init(queue_own[who]);
	cds_wfcq_enqueue(&queue_head, &queue_tail, queue_own[who]);
	queue_own[who] = NULL;
}

static void queue_get(unsigned int who)
{
	if (!queue_own[who])
		queue_own[who] =
			cds_wfcq_dequeue_blocking(&queue_head, &queue_tail);
}

static struct cds_lfs_stack lfs;
static struct cds_lfs_node lfs_node[OWNERS + 1], *lfs_own[OWNERS];

static void lfs_put(unsigned int who)
{
	if (!lfs_own[who])
		return;
	cds_lfs_node_init(lfs_own[who]);
	cds_lfs_push(&lfs, lfs_own[who]);
	lfs_own[who] = NULL;
}

static void lfs_get(unsigned int who)
{
	if (!lfs_own[who])
		lfs_own[who] = cds_lfs_pop_blocking(&lfs);
}

static struct cds_wfs_stack wfs;
static struct cds_wfs_node wfs_node[OWNERS + 1], *wfs_own[OWNERS];

static void wfs_put(unsigned int who)
{
	if (!wfs_own[who])
		return;
	cds_wfs_node_init(wfs_own[who]);
	cds_wfs_push(&wfs, wfs_own[who]);
	wfs_own[who] = NULL;
}

static void wfs_get(unsigned int who)
{
	if (!wfs_own[who])
		wfs_own[who] = cds_wfs_pop_blocking(&wfs);
}

static void setup(void)
{
	unsigned int i;

	cds_wfcq_init(&queue_head, &queue_tail);
	cds_lfs_init(&lfs);
	cds_wfs_init(&wfs);
	cds_wfcq_node_init(&queued[OWNERS]);
	cds_wfcq_enqueue(&queue_head, &queue_tail, &queued[OWNERS]);
	cds_lfs_node_init(&lfs_node[OWNERS]);
	cds_lfs_push(&lfs, &lfs_node[OWNERS]);
	cds_wfs_node_init(&wfs_node[OWNERS]);
	cds_wfs_push(&wfs, &wfs_node[OWNERS]);
	for (i = 0; i < OWNERS; i++) {
		queue_own[i] = &queued[i];
		lfs_own[i] = &lfs_node[i];
		wfs_own[i] = &wfs_node[i];
	}
}

/* For each: what a repetition begins with, the victim, a peer. */
#define PAIR(id) \
 static void id##_level(void) \
 { \
  unsigned int i; \
\
  for (i = 0; i < OWNERS; i++) \
   id##_get(i); \
 } \
 static void id##_without(void) \
 { \
  id##_level(); \
  id##_put(0); \
 } \
 static void id##_in(void) \
 { \
  id##_put(0); \
 } \
 static void id##_out(void) \
 { \
  id##_get(0); \
 } \
 static bool id##_peer(unsigned int who) \
 { \
  id##_put(1 + who); \
  id##_get(1 + who); \
  return true; \
 }

PAIR(queue)
PAIR(lfs)
PAIR(wfs)

/* clang-format off */
#define IN(id)  .claim = HS_OPPONENT, .setup = setup, .peer = id##_peer, \
	.prepare = id##_level, .victim = id##_in, .settle = id##_level
#define OUT(id) .claim = HS_OPPONENT, .setup = setup, .peer = id##_peer, \
	.prepare = id##_without, .victim = id##_out, .settle = id##_level

const struct hs_operation hs_opponents_urcu[] = {
	{ .name = "cds-wfcq-enqueue", .where = "urcu/wfcqueue.h", IN(queue) },
	{ .name = "cds-wfcq-dequeue", .where = "urcu/wfcqueue.h", OUT(queue) },
	{ .name = "cds-lfs-push", .where = "urcu/lfstack.h", IN(lfs) },
	{ .name = "cds-lfs-pop", .where = "urcu/lfstack.h", OUT(lfs) },
	{ .name = "cds-wfs-push", .where = "urcu/wfstack.h", IN(wfs) },
	{ .name = "cds-wfs-pop", .where = "urcu/wfstack.h", OUT(wfs) },
	{ .name = NULL },
};
/* clang-format on */
