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

#include "lab/count.h"
#include "lab/fiber.h"
#include "lab/memory.h"
#include "lab/platform.h"
#include "lab/race.h"
#include "lab/shadow.h"
#include "lab/trace.h"
#include "lab/value.h"
#include "lab/view.h"

#define N         LAB_FIBERS_MAX
#define STALE_MAX 2 /* old values in a row that a location gives a thread */

struct thread {
	struct lab_view now;      /* what it knows */
	struct lab_view acquired; /* what an acquire fence adds */
	struct lab_view released; /* what a relaxed store hands on */
};

static struct thread thread[N];
static struct lab_view ended[N];
static uint32_t sc_seen[N] __attribute__((
	aligned(16)));    /* what sequentially consistent fences ordered */
static uint32_t sc_count; /* numbers sequentially consistent operations */
static size_t mark;       /* of the undo log */

static struct thread *me(void)
{
	return &thread[lab_at.current];
}

const uint32_t *lab_known(unsigned int fiber)
{
	return thread[fiber].now.hb;
}

/* What follows is not part of what was just published. */
static void tick(unsigned int fiber)
{
	thread[fiber].now.hb[fiber]++;
	thread[fiber].now.seen[fiber]++;
}

/* -- real memory -- */

/* What an execution writes is put back behind it. */
void lab_will_write(uintptr_t at, size_t size)
{
	if (!lab_arena_is_old(at) || lab_fiber_owns(at))
		return;
	for (uintptr_t a = at; a < at + size;
	     a += LAB_GRANULE - a % LAB_GRANULE)
		lab_shadow_save(a);
}

static void check_address(uintptr_t at, size_t size, bool write, const void *pc)
{
	const char *wrong = lab_arena_owns(at) ? lab_arena_check(at, size)
					       : NULL;

	if (wrong) {
		lab_trace(pc, "%s %s", write ? "write" : "read", wrong);
		lab_fail_as("use after free", "%s of %zu bytes %s at %s",
			    write ? "write" : "read", size, wrong,
			    lab_name_of(at, pc));
	}
	if (write)
		lab_will_write(at, size);
}

/* -- volatile accesses that were announced -- */

static struct {
	enum {
		NOTHING,
		VALUE_TO_COME, /* of a store */
		OLD_IN_MEMORY, /* for a load */
	} kind;
	unsigned int size;
	uintptr_t at;
	uint64_t newest;
	uint32_t message;
} pending;

static void settle_pending(void)
{
	if (pending.kind == VALUE_TO_COME)
		lab_message_at(pending.message)->value =
			lab_peek(pending.at, pending.size);
	else
		lab_poke(pending.at, pending.size, pending.newest);
	pending.kind = NOTHING;
}

static inline void settle(void)
{
	if (pending.kind)
		settle_pending();
}

void lab_memory_settle(void)
{
	settle();
}

/* -- plain accesses -- */

void lab_plain(uintptr_t at, size_t size, bool write, const void *pc)
{
	if (lab_at.exploring && lab_at.scenario->plain_atomic &&
	    size <= LAB_GRANULE && at % size == 0 && !lab_fiber_owns(at)) {
		lab_volatile(at, (unsigned int)size, write, pc);
		return;
	}
	/* Words of a block, one by one; the last one's value is still to come. */
	if (lab_at.exploring && lab_at.scenario->plain_atomic &&
	    size % LAB_GRANULE == 0 && at % LAB_GRANULE == 0 &&
	    !lab_fiber_owns(at)) {
		for (uintptr_t a = at; a < at + size; a += LAB_GRANULE)
			lab_volatile(a, LAB_GRANULE, write, pc);
		return;
	}
	settle();
	if (lab_at.counting)
		lab_count_plain(at, size, write);
	if (!lab_at.exploring) {
		check_address(at, size, write, pc);
		return;
	}
	if (size <= LAB_GRANULE && lab_race_known(at, size, write))
		return;
	check_address(at, size, write, pc);
	lab_plain_unchecked(at, size, write, pc);
}

/* -- locations and messages -- */

static uint32_t first_message(uintptr_t at, unsigned int size)
{
	uint32_t i = lab_pool_new(&lab_messages);
	struct lab_message *m = lab_message_at(i);

	lab_clocks_zero(m->read);
	m->older = m->clock = m->sc = m->event = 0;
	m->value = lab_peek(at, size);
	m->writer = N; /* it releases nothing */
	return i;
}

static struct lab_location *location_in(struct lab_granule *g, uintptr_t at,
					unsigned int size)
{
	struct lab_location *l = NULL;
	uint32_t i;

	for (i = g->location; i; i = l->next) {
		l = lab_location_at(i);
		if (l->at == at && l->size == size)
			break;
		if (l->at < at + size && at < l->at + l->size)
			lab_fail("atomic accesses of %u and %u bytes overlap "
				 "at %#lx",
				 size, l->size, (unsigned long)at);
	}
	if (!i) {
		i = lab_pool_new(&lab_locations);
		l = lab_location_at(i);
		lab_clocks_zero(l->read);
		lab_clocks_zero(l->written);
		memset(l->stale, 0, sizeof(l->stale));
		l->newest = 0;
		l->at = at;
		l->size = size;
		l->next = g->location;
		g->location = i;
	}
	if (!l->newest ||
	    lab_message_at(l->newest)->value != lab_peek(at, size)) {
		l->newest = first_message(at, size);
		memset(l->stale, 0, sizeof(l->stale));
	}
	return l;
}

/* The scheduling point and the checks that all atomic accesses share. */
static struct lab_location *access_atomic(uintptr_t at, unsigned int size,
					  bool write, int order, const void *pc)
{
	struct lab_granule *g;
	struct lab_location *l;
	uint32_t clock;

	lab_step((struct lab_op){ at, size, write ? LAB_OP_WRITE : LAB_OP_READ,
				  order == LAB_SEQ_CST ? LAB_OP_SC_ACCESS
						       : LAB_OP_NOT_SC });
	check_address(at, size, write, pc);
	g = lab_granule(at);
	if (g->access)
		lab_race_atomic(g, at, size, write, pc);
	l = location_in(g, at, size);
	clock = me()->now.hb[lab_at.current];
	if (write)
		l->written[lab_at.current] = clock;
	else
		l->read[lab_at.current] = clock;
	l->pc = pc;
	return l;
}

static int effective(int order)
{
	return lab_at.scenario->ordered ? LAB_SEQ_CST : order;
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
	unsigned int self = lab_at.current;

	if (!m->read[self])
		m->read[self] = t->now.hb[self];
	if (order == LAB_SEQ_CST && !m->sc)
		m->sc = ++sc_count;
	if (m->writer == N)
		return; /* it releases nothing */
	lab_view_join(&t->acquired, &m->release);
	if (lab_is_acquire(order))
		lab_view_join(&t->now, &m->release);
}

/* Appends to the modification order; continued: an RMW of that message. */
static void add_message(struct lab_location *l, uint64_t value, int order,
			uint32_t continued)
{
	unsigned int self = lab_at.current;
	struct thread *t = me();
	uint32_t i = lab_pool_new(&lab_messages);
	struct lab_message *m = lab_message_at(i);

	lab_clocks_zero(m->read);
	m->sc = 0;
	m->value = value;
	m->older = l->newest;
	m->writer = self;
	m->clock = t->now.hb[self];
	m->event = lab_trace_next();
	m->release = lab_is_release(order) ? t->now : t->released;
	if (continued && lab_message_at(continued)->writer != N)
		lab_view_join(&m->release, &lab_message_at(continued)->release);
	if (order == LAB_SEQ_CST)
		m->sc = ++sc_count;
	l->newest = i;
	l->stale[self] = 0;
	lab_poke(l->at, l->size, value);
	tick(self);
}

/* How many values a load may give, and the one that is chosen. */
static struct lab_message *choose_message(struct lab_location *l, int order,
					  unsigned int *old)
{
	unsigned int self = lab_at.current, n = 1;
	struct lab_message *m = lab_message_at(l->newest);

	*old = 0;
	if (l->stale[self] < STALE_MAX)
		while (m->older && !knows(&me()->now, m, order)) {
			m = lab_message_at(m->older);
			n++;
		}
	if (n > 1)
		*old = lab_choose_value(n);
	m = lab_message_at(l->newest);
	for (unsigned int i = 0; i < *old; i++)
		m = lab_message_at(m->older);
	l->stale[self] = *old ? (uint8_t)(l->stale[self] + 1) : 0;
	return m;
}

uint64_t lab_load(uintptr_t at, unsigned int size, int order, const void *pc)
{
	struct lab_location *l;
	struct lab_message *m;
	unsigned int old;

	settle();
	order = effective(order);
	if (lab_at.counting)
		lab_count_load(at, size, order);
	if (!lab_at.exploring) {
		lab_step_any();
		check_address(at, size, false, pc);
		return lab_peek(at, size);
	}
	l = access_atomic(at, size, false, order, pc);
	m = choose_message(l, order, &old);
	take_message(m, order);
	if (lab_at.tracing)
		lab_trace_load(pc, at, order, m, old);
	return m->value;
}

void lab_store(uintptr_t at, unsigned int size, uint64_t value, int order,
	       const void *pc)
{
	struct lab_location *l;

	settle();
	order = effective(order);
	value = lab_truncate(value, size);
	if (lab_at.counting)
		lab_count_store(at, size, order);
	if (!lab_at.exploring) {
		lab_step_any();
		check_address(at, size, true, pc);
		lab_poke(at, size, value);
		return;
	}
	l = access_atomic(at, size, true, order, pc);
	add_message(l, value, order, 0);
	if (lab_at.tracing)
		lab_trace(pc, "%s = %#llx%s", lab_name_of(at, pc),
			  (unsigned long long)value, lab_order_name(order));
}

uint64_t lab_rmw(uintptr_t at, unsigned int size, uint64_t operand, int order,
		 enum lab_rmw op, const void *pc)
{
	struct lab_location *l;
	uint64_t old, value;

	settle();
	order = effective(order);
	if (lab_at.counting)
		lab_count_rmw(at, size, order, true);
	if (!lab_at.exploring) {
		lab_step_any();
		check_address(at, size, true, pc);
		old = lab_peek(at, size);
		lab_poke(at, size,
			 lab_truncate(lab_combine(old, operand, op), size));
		return old;
	}
	l = access_atomic(at, size, true, order, pc);
	old = lab_message_at(l->newest)->value;
	value = lab_truncate(lab_combine(old, operand, op), size);
	take_message(lab_message_at(l->newest), order);
	add_message(l, value, order, l->newest);
	if (lab_at.tracing)
		lab_trace(pc, "%s from %#llx to %#llx%s", lab_name_of(at, pc),
			  (unsigned long long)old, (unsigned long long)value,
			  lab_order_name(order));
	return old;
}

/* What a compare-and-swap finds: the chosen message, and whether it exchanges. */
static uint32_t choose_cas(struct lab_location *l, uint64_t wanted, int failure,
			   bool weak, bool *done)
{
	bool fresh = l->stale[lab_at.current] >= STALE_MAX;
	bool matches = lab_message_at(l->newest)->value == wanted;
	unsigned int n = matches, chosen;
	uint32_t i;

	/* Options: to succeed; the messages that differ; a failure for nothing. */
	for (i = l->newest; i; i = lab_message_at(i)->older) {
		n += lab_message_at(i)->value != wanted;
		if (fresh || knows(&me()->now, lab_message_at(i), failure))
			break;
	}
	chosen = lab_choose_value(
		n + (weak && matches && !fresh && !lab_at.scenario->ordered));
	*done = matches && chosen == 0;
	i = l->newest;
	if (!*done && chosen < n) {
		chosen -= matches;
		for (;; i = lab_message_at(i)->older)
			if (lab_message_at(i)->value != wanted && !chosen--)
				break;
	}
	return i;
}

/*
 * It succeeds on the newest message only. It may fail on any message that a
 * load could take and that holds another value; a weak one also for nothing.
 */
bool lab_cas(uintptr_t at, unsigned int size, uint64_t *expected,
	     uint64_t desired, int order, int failure, bool weak,
	     const void *pc)
{
	uint64_t wanted = lab_truncate(*expected, size);
	struct lab_location *l;
	bool done;
	uint32_t i;

	settle();
	order = effective(order);
	failure = effective(failure);
	desired = lab_truncate(desired, size);
	if (!lab_at.exploring) {
		lab_step_any();
		check_address(at, size, true, pc);
		*expected = lab_peek(at, size);
		if (*expected == wanted)
			lab_poke(at, size, desired);
		if (lab_at.counting)
			lab_count_rmw(at, size, order, *expected == wanted);
		return *expected == wanted;
	}
	l = access_atomic(at, size, true, order, pc);
	i = choose_cas(l, wanted, failure, weak, &done);
	if (lab_at.counting)
		lab_count_rmw(at, size, order, done);
	*expected = lab_message_at(i)->value;
	take_message(lab_message_at(i), done ? order : failure);
	if (done)
		add_message(l, desired, order, i);
	else if (i != l->newest || *expected == wanted)
		l->stale[lab_at.current]++;
	else
		l->stale[lab_at.current] = 0;
	if (lab_at.tracing)
		lab_trace(pc, "%s from %#llx to %#llx: %s %#llx%s",
			  lab_name_of(at, pc), (unsigned long long)wanted,
			  (unsigned long long)desired,
			  done ? "done, was" : "failed, found",
			  (unsigned long long)*expected,
			  lab_order_name(done ? order : failure));
	return done;
}

/* Two neighbouring words at once, of the newest values. */
bool lab_cas_pair(void *target, const void *expected, const void *desired)
{
	uintptr_t at = (uintptr_t)target;
	const uint64_t *from = expected, *to = desired;
	const void *pc = __builtin_return_address(0);
	struct lab_location *l[2];
	bool done;

	settle();
	lab_step((struct lab_op){ at, 16, LAB_OP_WRITE, LAB_OP_SC_ACCESS });
	check_address(at, 16, true, pc);
	done = lab_peek(at, 8) == from[0] && lab_peek(at + 8, 8) == from[1];
	if (!lab_at.exploring) {
		if (done)
			memcpy(target, to, 16);
		return done;
	}
	for (int i = 0; i < 2; i++) {
		struct lab_granule *g = lab_granule(at + 8 * (size_t)i);

		lab_race_atomic(g, at + 8 * (size_t)i, 8, true, pc);
		/* Twice, for the second may move the first. */
		location_in(lab_granule(at + 8), at + 8, 8);
		l[i] = location_in(g, at + 8 * (size_t)i, 8);
		l[i]->written[lab_at.current] = me()->now.hb[lab_at.current];
		take_message(lab_message_at(l[i]->newest), LAB_SEQ_CST);
	}
	for (int i = 0; i < 2 && done; i++)
		add_message(l[i], to[i], LAB_SEQ_CST, l[i]->newest);
	lab_trace(pc, "%s and the next word: %s", lab_name_of(at, pc),
		  done ? "exchanged" : "not exchanged");
	return done;
}

void lab_volatile(uintptr_t at, unsigned int size, bool write, const void *pc)
{
	struct lab_location *l;
	unsigned int old;

	settle();
	if (lab_at.counting) {
		if (write)
			lab_count_store(at, size, LAB_RELAXED);
		else
			lab_count_load(at, size, LAB_RELAXED);
	}
	if (!lab_at.exploring) {
		check_address(at, size, write, pc);
		return;
	}
	l = access_atomic(at, size, write, effective(LAB_RELAXED), pc);
	pending.at = at;
	pending.size = size;
	if (write) {
		add_message(l, lab_peek(at, size), effective(LAB_RELAXED), 0);
		pending.kind = VALUE_TO_COME;
		pending.message = l->newest;
		if (lab_at.tracing)
			lab_trace(pc, "%s is set, volatile",
				  lab_name_of(at, pc));
		return;
	}
	struct lab_message *m = choose_message(l, effective(LAB_RELAXED), &old);

	take_message(m, effective(LAB_RELAXED));
	if (lab_at.tracing)
		lab_trace_load(pc, at, LAB_RELAXED, m, old);
	if (!old)
		return;
	pending.kind = OLD_IN_MEMORY;
	pending.newest = lab_peek(at, size);
	lab_will_write(at, size);
	lab_poke(at, size, m->value);
}

/* -- fences and views -- */

static void fence_of(unsigned int fiber, int order)
{
	struct thread *t = &thread[fiber];

	if (lab_is_acquire(order))
		lab_view_join(&t->now, &t->acquired);
	if (order == LAB_SEQ_CST) {
		t->now.fence = ++sc_count;
		lab_clocks_join(t->now.seen, sc_seen);
		lab_clocks_join(sc_seen, t->now.seen);
	}
	if (lab_is_release(order)) {
		t->released = t->now;
		tick(fiber);
	}
}

/* Only a sequentially consistent fence concerns other threads at once. */
void lab_fence(int order, const void *pc)
{
	settle();
	order = effective(order);
	if (lab_at.counting)
		lab_count_fence(order);
	if (!lab_at.exploring)
		return;
	if (order == LAB_SEQ_CST)
		lab_step(
			(struct lab_op){ 0, 0, LAB_OP_LOCAL, LAB_OP_SC_FENCE });
	fence_of(lab_at.current, order);
	if (lab_at.tracing)
		lab_trace(pc, "fence%s", lab_order_name(order));
}

void lab_fence_of(unsigned int fiber)
{
	settle();
	if (lab_at.exploring)
		fence_of(fiber, LAB_SEQ_CST);
}

uint64_t lab_newest(uintptr_t at, unsigned int size)
{
	settle();
	if (lab_at.exploring) {
		struct lab_location *l = location_in(lab_granule(at), at, size);

		take_message(lab_message_at(l->newest), LAB_RELAXED);
	}
	return lab_peek(at, size);
}

void lab_view_send(struct lab_view *to)
{
	settle();
	lab_view_join(to, &me()->now);
	tick(lab_at.current);
}

void lab_view_receive(const struct lab_view *from)
{
	settle();
	lab_view_join(&me()->now, from);
}

/* -- executions and threads -- */

void lab_memory_open(void)
{
	lab_shadow_reset();
	mark = lab_shadow_saved();
}

void lab_memory_reset(void)
{
	for (unsigned int i = 0; i < N; i++) {
		lab_view_zero(&thread[i].now);
		lab_view_zero(&thread[i].acquired);
		lab_view_zero(&thread[i].released);
		lab_view_zero(&ended[i]);
		tick(i);
	}
	lab_clocks_zero(sc_seen);
	sc_count = 0;
	pending.kind = NOTHING;
}

void lab_memory_mark(void)
{
	mark = lab_shadow_saved();
	lab_shadow_reset();
}

/* Nobody has a history yet, so everything is known to everybody. */
void lab_memory_explore(void)
{
	lab_race_forget();
	lab_shadow_reset();
	lab_memory_reset();
}

void lab_memory_thread_begins(unsigned int fiber, unsigned int creator)
{
	struct thread *t = &thread[fiber];
	uint32_t own = t->now.hb[fiber];

	lab_view_join(&t->now, &thread[creator].now);
	t->now.hb[fiber] = t->now.seen[fiber] = own;
	t->acquired = t->now;
	lab_view_zero(&t->released);
	tick(creator);
}

void lab_memory_thread_ends(unsigned int fiber)
{
	settle();
	ended[fiber] = thread[fiber].now;
}

struct lab_moment lab_moment_now(void)
{
	settle();
	return (struct lab_moment){ lab_at.current,
				    me()->now.hb[lab_at.current] };
}

bool lab_moment_known(const struct lab_moment *moment)
{
	settle();
	return me()->now.hb[moment->fiber] >= moment->clock;
}

void lab_memory_joined(unsigned int fiber)
{
	lab_view_receive(&ended[fiber]);
}

void lab_memory_undo(void)
{
	lab_shadow_undo(mark);
}

void lab_memory_close(void)
{
	lab_shadow_undo(0);
	lab_shadow_reset();
	mark = lab_shadow_saved();
}
