/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Concurrency Kit's queues and stack, as packaged: for once with its own atomics,
 * which are what a user of it gets.
 */
#undef CK_USE_CC_BUILTINS
#include <ck_fifo.h>
#include <ck_ring.h>
#include <ck_stack.h>

#include "bench/stall.h"

#define RING_SIZE 1024

/* What the victim, [0], and the peers have out of a structure. */
#define OWNERS (1 + HS_PEERS)

static ck_ring_t ring;
static ck_ring_buffer_t ring_buffer[RING_SIZE];
static int item;

static void ring_setup(void)
{
	ck_ring_init(&ring, RING_SIZE);
}

static void ring_enqueue(void)
{
	ck_ring_enqueue_mpmc(&ring, ring_buffer, &item);
}

static void ring_dequeue(void)
{
	ck_ring_dequeue_mpmc(&ring, ring_buffer, &hs_kept_pointer);
}

static void ring_some(void)
{
	void *got;

	while (ck_ring_dequeue_mpmc(&ring, ring_buffer, &got))
		;
	ring_enqueue();
}

/*
 * One in and one out. A full or empty ring is an answer, of which the one that is
 * left behind by a stopped enqueue must not become the only one.
 */
static bool ring_peer(unsigned int who)
{
	void *got;

	(void)who;
	while (!ck_ring_enqueue_mpmc(&ring, ring_buffer, &item))
		;
	return ck_ring_dequeue_mpmc(&ring, ring_buffer, &got);
}

/* ---- fifo ---- */

static ck_fifo_mpmc_t fifo;
static ck_fifo_mpmc_entry_t entries[OWNERS + 2];
static ck_fifo_mpmc_entry_t *entry[OWNERS];

static void fifo_put(unsigned int who)
{
	if (!entry[who])
		return;
	ck_fifo_mpmc_enqueue(&fifo, entry[who], &item);
	entry[who] = NULL;
}

static bool fifo_get(unsigned int who)
{
	ck_fifo_mpmc_entry_t *garbage;
	void *got;

	if (entry[who])
		return true;
	if (!ck_fifo_mpmc_dequeue(&fifo, &got, &garbage))
		return false;
	entry[who] = garbage;
	return true;
}

static void fifo_setup(void)
{
	unsigned int i;

	ck_fifo_mpmc_init(&fifo, &entries[OWNERS]);
	ck_fifo_mpmc_enqueue(&fifo, &entries[OWNERS + 1], &item);
	for (i = 0; i < OWNERS; i++)
		entry[i] = &entries[i];
}

/* Everybody has one, one is in the queue. */
static void fifo_level(void)
{
	unsigned int i;

	for (i = 0; i < OWNERS; i++)
		fifo_get(i);
}

static void fifo_without(void)
{
	fifo_level();
	fifo_put(0);
}

static void fifo_enqueue(void)
{
	fifo_put(0);
}

static void fifo_dequeue(void)
{
	fifo_get(0);
}

static bool fifo_peer(unsigned int who)
{
	fifo_put(1 + who);
	fifo_get(1 + who);
	return true;
}

/* ---- stack ---- */

static ck_stack_t stack;
static ck_stack_entry_t stacked[OWNERS + 1];
static ck_stack_entry_t *own[OWNERS];

static void stack_setup(void)
{
	unsigned int i;

	ck_stack_init(&stack);
	ck_stack_push_mpmc(&stack, &stacked[OWNERS]);
	for (i = 0; i < OWNERS; i++)
		own[i] = &stacked[i];
}

static void stack_put(unsigned int who)
{
	if (own[who])
		ck_stack_push_mpmc(&stack, own[who]);
	own[who] = NULL;
}

static void stack_get(unsigned int who)
{
	if (!own[who])
		own[who] = ck_stack_pop_mpmc(&stack);
}

static void stack_level(void)
{
	unsigned int i;

	for (i = 0; i < OWNERS; i++)
		stack_get(i);
}

static void stack_without(void)
{
	stack_level();
	stack_put(0);
}

static void stack_push(void)
{
	stack_put(0);
}

static void stack_pop(void)
{
	stack_get(0);
}

static bool stack_peer(unsigned int who)
{
	stack_put(1 + who);
	stack_get(1 + who);
	return true;
}

/* clang-format off */
#define RING  .where = "ck_ring.h", .claim = HS_OPPONENT, \
	.setup = ring_setup, .prepare = ring_some, .peer = ring_peer
#define FIFO  .where = "ck_fifo.h", .claim = HS_OPPONENT, \
	.setup = fifo_setup, .peer = fifo_peer, .settle = fifo_level
#define STACK .where = "ck_stack.h", .claim = HS_OPPONENT, \
	.setup = stack_setup, .peer = stack_peer, .settle = stack_level

const struct hs_operation hs_opponents_ck[] = {
	{ .name = "ck-ring-enqueue", RING, .victim = ring_enqueue },
	{ .name = "ck-ring-dequeue", RING, .victim = ring_dequeue },
	{ .name = "ck-fifo-enqueue", FIFO, .prepare = fifo_level,
	  .victim = fifo_enqueue },
	{ .name = "ck-fifo-dequeue", FIFO, .prepare = fifo_without,
	  .victim = fifo_dequeue },
	{ .name = "ck-stack-push", STACK, .prepare = stack_level,
	  .victim = stack_push },
	{ .name = "ck-stack-pop", STACK, .prepare = stack_without,
	  .victim = stack_pop },
	{ .name = NULL },
};
/* clang-format on */
