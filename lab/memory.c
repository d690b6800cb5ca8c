/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads, stores and fences by the rules in lab/memory.h. Real memory always
 * holds the newest value, so that uninstrumented code (ghost state, verdicts)
 * reads it directly; a value found there that no message has was written by
 * such code, and begins the location's history anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/fiber.h"
#include "lab/memory.h"
#include "lab/platform.h"
#include "lab/shadow.h"

#define N LAB_FIBERS_MAX

struct thread {
	struct lab_view now;      /* what it knows */
	struct lab_view acquired; /* what an acquire fence adds */
	struct lab_view released; /* what a relaxed store hands on */
};

static struct thread thread[N];
static struct lab_view ended[N];
static uint32_t sc_seen[N]; /* what sequentially consistent fences ordered */
static uint32_t sc_count;   /* numbers sequentially consistent operations */
static uintptr_t private_at;
static size_t private_size;

static struct thread *me(void)
{
	return &thread[lab_current()];
}

static bool is_acquire(int order)
{
	return order == LAB_ACQUIRE || order == LAB_CONSUME ||
	       order == LAB_ACQ_REL || order == LAB_SEQ_CST;
}

static bool is_release(int order)
{
	return order == LAB_RELEASE || order == LAB_ACQ_REL ||
	       order == LAB_SEQ_CST;
}

static void clocks_join(uint32_t *to, const uint32_t *from)
{
	for (int i = 0; i < N; i++)
		if (from[i] > to[i])
			to[i] = from[i];
}

static void view_join(struct lab_view *to, const struct lab_view *from)
{
	clocks_join(to->hb, from->hb);
	clocks_join(to->seen, from->seen);
	if (from->fence > to->fence)
		to->fence = from->fence;
}

/* What follows is not part of what was just published. */
static void tick(unsigned int fiber)
{
	thread[fiber].now.hb[fiber]++;
	thread[fiber].now.seen[fiber]++;
}

/* -- real memory -- */

static uint64_t peek(uintptr_t at, unsigned int size)
{
	uint64_t value = 0;

	memcpy(&value, (const void *)at, size);
	return value;
}

static void poke(uintptr_t at, unsigned int size, uint64_t value)
{
	memcpy((void *)at, &value, size);
}

static uint64_t truncate_to(uint64_t value, unsigned int size)
{
	return size == 8 ? value : value & ((UINT64_C(1) << 8 * size) - 1);
}

/* Fails for freed memory; globals are saved before they are written. */
static void check_address(uintptr_t at, size_t size, bool write, const void *pc)
{
	if (lab_arena_owns(at)) {
		const char *wrong = lab_arena_check(at, size);

		if (wrong) {
			lab_trace(pc, "%s %s", write ? "write" : "read", wrong);
			lab_fail("%s of %zu bytes %s at %#lx",
				 write ? "write" : "read", size, wrong,
				 (unsigned long)at);
		}
		return;
	}
	if (!write || lab_fiber_owns(at))
		return;
	for (uintptr_t a = at; a < at + size;
	     a += LAB_GRANULE - a % LAB_GRANULE)
		lab_shadow_save(a);
}

/* -- races -- */

static bool is_private(uintptr_t at)
{
	return at - private_at < private_size;
}

static _Noreturn void race(const struct lab_access *other, uintptr_t at,
			   bool write, bool atomic, const void *pc)
{
	extern const char __executable_start;

	lab_fail(
		"data race on %#lx: %s%s at +%#lx, %s%s by thread %u at "
		"+%#lx",
		(unsigned long)at, atomic ? "atomic " : "",
		write ? "write" : "read",
		(unsigned long)((const char *)pc - &__executable_start),
		other->atomic ? "atomic " : "", other->write ? "write" : "read",
		other->fiber,
		(unsigned long)((const char *)other->pc - &__executable_start));
}

/* Notes an access to some bytes of a granule and compares with all others. */
static void note_access(struct lab_granule *g, uintptr_t at, uint8_t mask,
			bool write, bool atomic, const void *pc)
{
	unsigned int self = lab_current();
	const uint32_t *hb = me()->now.hb;
	struct lab_access *mine = NULL;

	for (uint32_t i = g->access; i; i = lab_access_at(i)->next) {
		struct lab_access *a = lab_access_at(i);

		if (a->fiber == self) {
			if (a->mask == mask && a->write == write &&
			    a->atomic == atomic)
				mine = a;
			continue;
		}
		if (!(a->mask & mask) || (!a->write && !write) ||
		    (a->atomic && atomic))
			continue;
		if (a->clock > hb[a->fiber])
			race(a, at, write, atomic, pc);
	}
	if (!mine) {
		uint32_t i = lab_access_new();

		mine = lab_access_at(i);
		mine->next = g->access;
		mine->fiber = (uint8_t)self;
		mine->mask = mask;
		mine->write = write;
		mine->atomic = atomic;
		g->access = i;
	}
	mine->clock = hb[self];
	mine->pc = pc;
}

static uint8_t byte_mask(uintptr_t at, size_t size)
{
	return (uint8_t)(((1u << size) - 1) << at % LAB_GRANULE);
}

/* A plain write ends the history of the atomic locations it covers. */
static void forget_history(struct lab_granule *g, uintptr_t at, size_t size)
{
	for (uint32_t i = g->location; i; i = lab_location_at(i)->next) {
		struct lab_location *l = lab_location_at(i);

		if (l->at < at + size && at < l->at + l->size)
			l->newest = 0;
	}
}

void lab_plain(uintptr_t at, size_t size, bool write, const void *pc)
{
	uintptr_t end = at + size;

	if (is_private(at))
		return;
	check_address(at, size, write, pc);
	if (!lab_is_exploring())
		return;
	while (at < end) {
		size_t part = LAB_GRANULE - at % LAB_GRANULE;
		struct lab_granule *g = lab_granule(at);

		if (part > end - at)
			part = end - at;
		note_access(g, at, byte_mask(at, part), write, false, pc);
		if (write && g->location)
			forget_history(g, at, part);
		at += part;
	}
}

/* -- locations and messages -- */

static uint32_t first_message(uintptr_t at, unsigned int size)
{
	uint32_t i = lab_message_new();
	struct lab_message *m = lab_message_at(i);

	m->value = peek(at, size);
	m->writer = N;
	return i;
}

static struct lab_location *location(uintptr_t at, unsigned int size)
{
	struct lab_granule *g = lab_granule(at);
	struct lab_location *l;
	uint32_t i;

	for (i = g->location; i; i = lab_location_at(i)->next) {
		l = lab_location_at(i);
		if (l->at == at && l->size == size)
			break;
		if (l->at < at + size && at < l->at + l->size)
			lab_fail("atomic accesses of %u and %u bytes overlap "
				 "at %#lx",
				 size, l->size, (unsigned long)at);
	}
	if (!i) {
		i = lab_location_new();
		l = lab_location_at(i);
		l->at = at;
		l->size = size;
		l->next = g->location;
		g->location = i;
	}
	l = lab_location_at(i);
	if (!l->newest || lab_message_at(l->newest)->value != peek(at, size)) {
		uint32_t first = first_message(at, size);

		l->newest = first;
		memset(l->stale, 0, sizeof(l->stale));
	}
	return l;
}

/* The scheduling point and the checks that all atomic accesses share. */
static struct lab_location *access_atomic(uintptr_t at, unsigned int size,
					  bool write, const void *pc)
{
	lab_step();
	check_address(at, size, write, pc);
	note_access(lab_granule(at), at, byte_mask(at, size), write, true, pc);
	return location(at, size);
}

/* May this thread no longer take anything older? */
static bool knows(const struct lab_view *view, const struct lab_message *m,
		  int order)
{
	if (m->writer == N || view->seen[m->writer] >= m->clock)
		return true;
	if (m->sc && (order == LAB_SEQ_CST || m->sc <= view->fence))
		return true;
	if (order == LAB_SEQ_CST && sc_seen[m->writer] >= m->clock)
		return true;
	for (int i = 0; i < N; i++) {
		uint32_t clock = m->read[i];

		if (clock && (view->seen[i] >= clock ||
			      (order == LAB_SEQ_CST && sc_seen[i] >= clock)))
			return true;
	}
	return false;
}

/* What happens to the reader of a message. */
static void take_message(struct lab_message *m, int order)
{
	struct thread *t = me();
	unsigned int self = lab_current();

	if (!m->read[self])
		m->read[self] = t->now.hb[self];
	if (order == LAB_SEQ_CST && !m->sc)
		m->sc = ++sc_count;
	view_join(&t->acquired, &m->release);
	if (is_acquire(order))
		view_join(&t->now, &m->release);
}

/* Appends to the modification order; continued: an RMW of that message. */
static void add_message(struct lab_location *l, uint64_t value, int order,
			uint32_t continued)
{
	unsigned int self = lab_current();
	struct thread *t = me();
	uint32_t i = lab_message_new();
	struct lab_message *m = lab_message_at(i);

	m->value = value;
	m->older = l->newest;
	m->writer = (uint8_t)self;
	m->clock = t->now.hb[self];
	m->release = is_release(order) ? t->now : t->released;
	if (continued)
		view_join(&m->release, &lab_message_at(continued)->release);
	if (order == LAB_SEQ_CST)
		m->sc = ++sc_count;
	l->newest = i;
	l->stale[self] = 0;
	poke(l->at, l->size, value);
	tick(self);
}

uint64_t lab_load(uintptr_t at, unsigned int size, int order, const void *pc)
{
	struct lab_location *l;
	struct lab_message *m;
	unsigned int self, n = 1, chosen;

	if (!lab_is_exploring()) {
		lab_step();
		check_address(at, size, false, pc);
		return peek(at, size);
	}
	l = access_atomic(at, size, false, pc);
	self = lab_current();
	m = lab_message_at(l->newest);
	if (l->stale[self] < lab_options_now()->stale_max)
		while (!knows(&me()->now, m, order) && m->older) {
			m = lab_message_at(m->older);
			n++;
		}
	chosen = lab_choose(n);
	m = lab_message_at(l->newest);
	for (unsigned int i = 0; i < chosen; i++)
		m = lab_message_at(m->older);
	l->stale[self] = chosen ? (uint8_t)(l->stale[self] + 1) : 0;
	take_message(m, order);
	lab_trace(pc, "load%u %#lx gives %#llx, %u old, order %d", 8 * size,
		  (unsigned long)at, (unsigned long long)m->value, chosen,
		  order);
	return m->value;
}

void lab_store(uintptr_t at, unsigned int size, uint64_t value, int order,
	       const void *pc)
{
	value = truncate_to(value, size);
	if (!lab_is_exploring()) {
		lab_step();
		check_address(at, size, true, pc);
		poke(at, size, value);
		return;
	}
	add_message(access_atomic(at, size, true, pc), value, order, 0);
	lab_trace(pc, "store%u %#lx = %#llx, order %d", 8 * size,
		  (unsigned long)at, (unsigned long long)value, order);
}

static uint64_t combine(uint64_t old, uint64_t operand, enum lab_rmw op)
{
	switch (op) {
	case LAB_XCHG:
		return operand;
	case LAB_ADD:
		return old + operand;
	case LAB_SUB:
		return old - operand;
	case LAB_AND:
		return old & operand;
	case LAB_OR:
		return old | operand;
	case LAB_XOR:
		return old ^ operand;
	case LAB_NAND:
		return ~(old & operand);
	}
	abort();
}

uint64_t lab_rmw(uintptr_t at, unsigned int size, uint64_t operand, int order,
		 enum lab_rmw op, const void *pc)
{
	struct lab_location *l;
	uint64_t old, value;

	if (!lab_is_exploring()) {
		lab_step();
		check_address(at, size, true, pc);
		old = peek(at, size);
		poke(at, size, truncate_to(combine(old, operand, op), size));
		return old;
	}
	l = access_atomic(at, size, true, pc);
	old = lab_message_at(l->newest)->value;
	value = truncate_to(combine(old, operand, op), size);
	take_message(lab_message_at(l->newest), order);
	add_message(l, value, order, l->newest);
	lab_trace(pc, "rmw%u %#lx from %#llx to %#llx, order %d", 8 * size,
		  (unsigned long)at, (unsigned long long)old,
		  (unsigned long long)value, order);
	return old;
}

/*
 * It succeeds on the newest message only. It may fail on any message that a
 * load could take and that holds another value; a weak one also for nothing.
 */
bool lab_cas(uintptr_t at, unsigned int size, uint64_t *expected,
	     uint64_t desired, int order, int failure, bool weak,
	     const void *pc)
{
	uint64_t wanted = truncate_to(*expected, size);
	struct lab_location *l;
	unsigned int self, n = 0, chosen;
	bool fresh, matches, done;
	uint32_t i;

	desired = truncate_to(desired, size);
	if (!lab_is_exploring()) {
		lab_step();
		check_address(at, size, true, pc);
		*expected = peek(at, size);
		if (*expected == wanted)
			poke(at, size, desired);
		return *expected == wanted;
	}
	l = access_atomic(at, size, true, pc);
	self = lab_current();
	fresh = l->stale[self] >= lab_options_now()->stale_max;
	matches = lab_message_at(l->newest)->value == wanted;
	/* Options: to succeed; the messages that differ; a failure for nothing. */
	n = matches;
	for (i = l->newest; i; i = lab_message_at(i)->older) {
		n += lab_message_at(i)->value != wanted;
		if (fresh || knows(&me()->now, lab_message_at(i), failure))
			break;
	}
	chosen = lab_choose(n + (weak && matches && !fresh));
	done = matches && chosen == 0;
	i = l->newest;
	if (!done && chosen < n) {
		chosen -= matches;
		for (;; i = lab_message_at(i)->older)
			if (lab_message_at(i)->value != wanted && !chosen--)
				break;
	}
	*expected = lab_message_at(i)->value;
	take_message(lab_message_at(i), done ? order : failure);
	if (done)
		add_message(l, desired, order, i);
	else if (i != l->newest || matches)
		l->stale[self]++;
	else
		l->stale[self] = 0;
	lab_trace(pc, "cas%u %#lx from %#llx to %#llx %s%#llx, order %d",
		  8 * size, (unsigned long)at, (unsigned long long)wanted,
		  (unsigned long long)desired, done ? "was " : "failed on ",
		  (unsigned long long)*expected, order);
	return done;
}

void lab_volatile(uintptr_t at, unsigned int size, bool write, const void *pc)
{
	if (is_private(at))
		return;
	if (!lab_is_exploring()) {
		check_address(at, size, write, pc);
		return;
	}
	lab_step();
	check_address(at, size, write, pc);
	note_access(lab_granule(at), at, byte_mask(at, size), write, true, pc);
	/* The new value is not known here; who loads it next begins anew. */
	if (write)
		forget_history(lab_granule(at), at, size);
}

/* -- fences and views -- */

static void fence_of(unsigned int fiber, int order)
{
	struct thread *t = &thread[fiber];

	if (is_acquire(order))
		view_join(&t->now, &t->acquired);
	if (order == LAB_SEQ_CST) {
		t->now.fence = ++sc_count;
		clocks_join(t->now.seen, sc_seen);
		clocks_join(sc_seen, t->now.seen);
	}
	if (is_release(order)) {
		t->released = t->now;
		tick(fiber);
	}
}

void lab_fence(int order, const void *pc)
{
	lab_step();
	if (!lab_is_exploring())
		return;
	fence_of(lab_current(), order);
	lab_trace(pc, "fence, order %d", order);
}

void lab_fence_of(unsigned int fiber)
{
	if (lab_is_exploring())
		fence_of(fiber, LAB_SEQ_CST);
}

uint64_t lab_newest(uintptr_t at, unsigned int size)
{
	if (lab_is_exploring())
		take_message(lab_message_at(location(at, size)->newest),
			     LAB_RELAXED);
	return peek(at, size);
}

void lab_view_send(struct lab_view *to)
{
	view_join(to, &me()->now);
	tick(lab_current());
}

void lab_view_receive(const struct lab_view *from)
{
	view_join(&me()->now, from);
}

void lab_memory_private(uintptr_t at, size_t size)
{
	private_at = at;
	private_size = size;
}

/* -- executions and threads -- */

void lab_memory_reset(void)
{
	lab_shadow_reset();
	memset(thread, 0, sizeof(thread));
	memset(ended, 0, sizeof(ended));
	memset(sc_seen, 0, sizeof(sc_seen));
	sc_count = 0;
	for (unsigned int i = 0; i < N; i++)
		tick(i);
}

void lab_memory_explore(void)
{
	/* Nobody has a history yet, so everything is known to everybody. */
	for (unsigned int i = 0; i < N; i++) {
		memset(&thread[i], 0, sizeof(thread[i]));
		tick(i);
	}
}

void lab_memory_thread_begins(unsigned int fiber, unsigned int creator)
{
	struct thread *t = &thread[fiber];
	uint32_t own = t->now.hb[fiber];

	view_join(&t->now, &thread[creator].now);
	t->now.hb[fiber] = t->now.seen[fiber] = own;
	t->acquired = t->now;
	memset(&t->released, 0, sizeof(t->released));
	tick(creator);
}

void lab_memory_thread_ends(unsigned int fiber)
{
	ended[fiber] = thread[fiber].now;
}

void lab_memory_joined(unsigned int fiber)
{
	lab_view_receive(&ended[fiber]);
}

void lab_memory_undo(void)
{
	lab_shadow_undo();
}
