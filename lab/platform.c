/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * platform/ as the laboratory has it: threads are fibers, the futex, mutexes,
 * membarrier and grace periods are models, time is a count of steps. Memory is
 * in lab/arena.c; fault points are platform/fault.c itself.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/count.h"
#include "lab/engine.h"
#include "lab/memory.h"
#include "lab/platform.h"
#include "lab/trace.h"
#include "platform/event.h"
#include "platform/fault.h"
#include "platform/cacheline.h"
#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/fork.h"
#include "platform/futex.h"
#include "platform/guard.h"
#include "platform/limits.h"
#include "platform/membarrier.h"
#include "platform/memory.h"
#include "platform/mutex.h"
#include "platform/procfs.h"
#include "platform/random.h"
#include "platform/rcu.h"
#include "platform/stack.h"
#include "platform/thread.h"
#include "platform/topology.h"

#define FOREVER    LAB_FOREVER
#define LOCKS_MAX  64
#define PC         __builtin_return_address(0)
#define TID_OFFSET 100 /* so that no tid is an index */

/* -- state: what an execution changes -- */

struct lock {
	const struct hd_mutex *mutex;
	bool held;
	unsigned int holder;
	struct lab_view view; /* of who unlocked it last */
};

struct reader {
	bool registered;
	unsigned int depth;
	uint64_t sections;    /* that have ended */
	struct lab_view view; /* at the end of the last one */
};

struct body {
	struct hd_thread *thread;
	unsigned int fiber;
};

struct event {
	bool open;
	uint64_t count;
	struct lab_view view; /* of the signals */
};

#define EVENTS_MAX   2
#define EVENT_OFFSET 1000 /* so that no descriptor is an index */

static struct platform {
	uint64_t random;
	unsigned int spurious_left;
	unsigned int creations; /* of threads */
	unsigned int locks_used;
	struct lock lock[LOCKS_MAX];
	struct reader reader[LAB_FIBERS_MAX];
	struct body body[LAB_FIBERS_MAX];
	struct event event[EVENTS_MAX];
} p, at_begin;

/* Of an execution: without a limit a waiter could be woken for ever. */
#define SPURIOUS_MAX 2

void lab_platform_reset(void)
{
	lab_arena_reset();
	memset(&p, 0, sizeof(p));
	p.spurious_left = SPURIOUS_MAX;
}

/* Only what is in use: an execution should cost what it does. */
static void copy(struct platform *to, const struct platform *from)
{
	to->random = from->random;
	to->spurious_left = from->spurious_left;
	to->creations = from->creations;
	to->locks_used = from->locks_used;
	for (unsigned int i = 0; i < from->locks_used; i++)
		to->lock[i] = from->lock[i];
	for (unsigned int i = 0; i < LAB_FIBERS_MAX; i++) {
		to->reader[i] = from->reader[i];
		to->body[i] = from->body[i];
	}
	for (unsigned int i = 0; i < EVENTS_MAX; i++)
		to->event[i] = from->event[i];
}

/* What was known before the exploration is known to all. */
void lab_platform_save(void)
{
	for (unsigned int i = 0; i < p.locks_used; i++)
		memset(&p.lock[i].view, 0, sizeof(p.lock[i].view));
	for (unsigned int i = 0; i < LAB_FIBERS_MAX; i++)
		memset(&p.reader[i].view, 0, sizeof(p.reader[i].view));
	for (unsigned int i = 0; i < EVENTS_MAX; i++)
		memset(&p.event[i].view, 0, sizeof(p.event[i].view));
	lab_arena_save();
	copy(&at_begin, &p);
}

void lab_platform_restore(void)
{
	lab_arena_restore();
	copy(&p, &at_begin);
}

static struct lab_op on(const volatile void *at, uint32_t size,
			enum lab_op_kind kind)
{
	return (struct lab_op){ (uintptr_t)at, size, (uint8_t)kind,
				LAB_OP_SC_FENCE };
}

/* -- the small ones -- */

_Noreturn void hd_assert_failed(const char *expression, const char *file,
				int line)
{
	lab_fail("%s:%d: assertion failed: %s", file, line, expression);
}

void hd_relax(void)
{
	lab_yield();
}

/* It passes by the asking, so who asks first matters. */
uint64_t hd_now_ns(void)
{
	lab_step(on(&p, 1, LAB_OP_WRITE));
	return lab_time_asked();
}

uint64_t hd_random_u64(void)
{
	p.random += UINT64_C(0x9e3779b97f4a7c15);
	return p.random * UINT64_C(0xbf58476d1ce4e5b9);
}

uint32_t hd_cpu_possible(void)
{
	unsigned int cpus = lab_at.scenario->cpus;

	return cpus ? cpus : 1;
}

uint32_t hd_cpu_current(void)
{
	return lab_pick(hd_cpu_possible());
}

const char *hd_cpu_source(void)
{
	return "lab";
}

uint32_t hd_cpu_usable(void)
{
	return hd_cpu_possible();
}

size_t hd_cpu_set_size(void)
{
	return sizeof(unsigned long);
}

int hd_cpu_set_get(void *set, size_t size)
{
	memset(set, 0, size);
	*(unsigned char *)set = 1;
	return 0;
}

/* Nobody is placed here. */
const char *hd_topology_root(void)
{
	return "";
}

uint32_t hd_topology_possible(const char *root)
{
	(void)root;
	return 0;
}

uint32_t hd_topology_order(const char *root, const void *set, size_t size,
			   bool spread, uint32_t *order, uint32_t max)
{
	(void)root;
	(void)set;
	(void)size;
	(void)spread;
	(void)order;
	(void)max;
	return 0;
}

/* A machine without limits, on which nobody sleeps. */
int hd_limits_read(struct hd_limits *out)
{
	memset(out, 0, sizeof(*out));
	out->cpus = hd_cpu_possible();
	return 0;
}

int hd_procfs_state(int32_t tid, char *state)
{
	(void)tid;
	*state = 'R';
	return 0;
}

int hd_thread_cpu_ns(int32_t tid, uint64_t *ns)
{
	(void)tid;
	*ns = hd_now_ns();
	return 0;
}

const uint32_t *hd_fork_mark_create(void)
{
	uint32_t *mark = hd_alloc(sizeof(*mark));

	*mark = 1;
	return mark;
}

void hd_fork_mark_destroy(const uint32_t *mark)
{
	hd_free((void *)(uintptr_t)mark);
}

bool hd_fork_is_child(void)
{
	return false;
}

/* -- futex -- */

int hd_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline)
{
	uintptr_t at = (uintptr_t)word;
	const char *wrong;

	lab_count_call();
	lab_step(on(word, 4, LAB_OP_WRITE));
	wrong = lab_arena_owns(at) ? lab_arena_check(at, 4) : NULL;
	if (wrong)
		lab_fail_as("use after free", "futex wait on a word %s", wrong);
	/* The kernel's bucket lock orders it with every wake. */
	lab_fence_of(lab_at.current);
	if (lab_newest(at, 4) != expected)
		return -EAGAIN;
	if (deadline == 0 || (deadline != FOREVER && deadline <= lab_time()))
		return -ETIMEDOUT;
	if (lab_at.exploring && lab_at.scenario->spurious && p.spurious_left &&
	    lab_choose(2)) {
		p.spurious_left--;
		return 0;
	}
	lab_trace(PC, "sleeps on %s", lab_name_of(at, PC));
	return lab_block(word, deadline) ? 0 : -ETIMEDOUT;
}

int hd_futex_wake(const void *word, int n)
{
	unsigned int woken;

	lab_count_call();
	lab_step(on(word, 4, LAB_OP_WRITE));
	lab_fence_of(lab_at.current);
	woken = lab_wake(word, (unsigned int)n);
	lab_trace(PC, "wakes %u on %s", woken,
		  lab_name_of((uintptr_t)word, PC));
	return (int)woken;
}

/* -- events: the kernel's lock orders calls, and nothing beside them -- */

static struct event *event_of(int fd)
{
	unsigned int i = (unsigned int)(fd - EVENT_OFFSET);

	if (i >= EVENTS_MAX || !p.event[i].open)
		lab_fail("a descriptor is used that is not open: %d", fd);
	return &p.event[i];
}

int hd_event_create(void)
{
	lab_count_call();
	lab_step(on(p.event, 1, LAB_OP_WRITE));
	for (int i = 0; i < EVENTS_MAX; i++) {
		if (p.event[i].open)
			continue;
		memset(&p.event[i], 0, sizeof(p.event[i]));
		p.event[i].open = true;
		return EVENT_OFFSET + i;
	}
	return -EMFILE;
}

void hd_event_signal(int fd)
{
	struct event *event;

	lab_count_call();
	lab_step(on(p.event, 1, LAB_OP_WRITE));
	event = event_of(fd);
	lab_view_send(&event->view);
	event->count++;
	lab_wake(event, UINT32_MAX);
	lab_trace(PC, "signals the event");
}

void hd_event_drain(int fd)
{
	struct event *event;

	lab_count_call();
	lab_step(on(p.event, 1, LAB_OP_WRITE));
	event = event_of(fd);
	lab_view_receive(&event->view);
	lab_trace(PC, "drains the event of %llu",
		  (unsigned long long)event->count);
	event->count = 0;
}

void hd_event_close(int fd)
{
	lab_count_call();
	lab_step(on(p.event, 1, LAB_OP_WRITE));
	event_of(fd)->open = false;
}

/* What a poll loop does. */
void lab_event_wait(int fd)
{
	struct event *event;

	lab_step(on(p.event, 1, LAB_OP_WRITE));
	event = event_of(fd);
	while (!event->count)
		lab_block(event, FOREVER);
	lab_view_receive(&event->view);
}

bool lab_event_readable(int fd)
{
	return event_of(fd)->count != 0;
}

/* -- membarrier -- */

bool hd_membarrier_available(void)
{
	return true;
}

/* Each other thread has its barrier at a moment of its own. */
int hd_membarrier(void)
{
	lab_count_call();
	lab_fence_of(lab_at.current);
	for (unsigned int i = 0; i < lab_at.count; i++) {
		if (i == lab_at.current)
			continue;
		lab_step_any();
		lab_fence_of(i);
	}
	lab_fence_of(lab_at.current);
	return 0;
}

/* -- mutex -- */

static struct lock *lock_of(const struct hd_mutex *mutex)
{
	for (unsigned int i = 0; i < p.locks_used; i++)
		if (p.lock[i].mutex == mutex)
			return &p.lock[i];
	if (p.locks_used == LOCKS_MAX)
		lab_fail("more than %d mutexes", LOCKS_MAX);
	memset(&p.lock[p.locks_used], 0, sizeof(p.lock[0]));
	p.lock[p.locks_used].mutex = mutex;
	return &p.lock[p.locks_used++];
}

void hd_mutex_init(struct hd_mutex *mutex)
{
	lock_of(mutex)->held = false;
}

void hd_mutex_destroy(struct hd_mutex *mutex)
{
	struct lock *l = lock_of(mutex);

	if (l->held)
		lab_fail("a mutex is destroyed while thread %u holds it",
			 l->holder);
}

void hd_mutex_lock(struct hd_mutex *mutex)
{
	struct lock *l = lock_of(mutex);

	lab_step(on(mutex, 1, LAB_OP_WRITE));
	while (l->held) {
		if (l->holder == lab_at.current)
			lab_fail("a mutex is locked twice");
		lab_block(l, FOREVER);
	}
	l->held = true;
	l->holder = lab_at.current;
	lab_view_receive(&l->view);
	lab_trace(PC, "locks %s", lab_name_of((uintptr_t)mutex, PC));
}

void hd_mutex_unlock(struct hd_mutex *mutex)
{
	struct lock *l = lock_of(mutex);

	if (!l->held || l->holder != lab_at.current)
		lab_fail("a mutex is unlocked that was not locked");
	lab_step(on(mutex, 1, LAB_OP_WRITE));
	lab_view_send(&l->view);
	l->held = false;
	lab_wake(l, UINT32_MAX);
	lab_trace(PC, "unlocks %s", lab_name_of((uintptr_t)mutex, PC));
}

/* -- grace periods -- */

void hd_rcu_register(void)
{
	struct reader *r = &p.reader[lab_at.current];

	if (r->registered)
		lab_fail("registered with RCU twice");
	r->registered = true;
}

void hd_rcu_unregister(void)
{
	struct reader *r = &p.reader[lab_at.current];

	if (!r->registered || r->depth)
		lab_fail("unregistered from RCU %s",
			 r->depth ? "inside a read section"
				  : "without a registration");
	r->registered = false;
}

void hd_rcu_read_lock(void)
{
	struct reader *r = &p.reader[lab_at.current];

	lab_step_any();
	if (!r->registered)
		lab_fail("a read section of a thread that is not registered");
	r->depth++;
}

void hd_rcu_read_unlock(void)
{
	struct reader *r = &p.reader[lab_at.current];

	lab_step_any();
	if (!r->depth)
		lab_fail("the end of a read section that did not begin");
	if (--r->depth)
		return;
	lab_view_send(&r->view);
	r->sections++;
	lab_wake(r, UINT32_MAX);
}

void hd_rcu_synchronize(void)
{
	uint64_t sections[LAB_FIBERS_MAX];
	bool waits[LAB_FIBERS_MAX];
	unsigned int n;

	if (p.reader[lab_at.current].depth)
		lab_fail("a grace period inside a read section");
	/* Who begins a section later has seen all that came before. */
	hd_membarrier();
	n = lab_at.count;
	for (unsigned int i = 0; i < n; i++) {
		sections[i] = p.reader[i].sections;
		waits[i] = p.reader[i].depth > 0;
	}
	for (unsigned int i = 0; i < n; i++) {
		while (waits[i] && p.reader[i].sections == sections[i])
			lab_block(&p.reader[i], FOREVER);
		lab_view_receive(&p.reader[i].view);
	}
	hd_membarrier();
}

/* -- threads -- */

int32_t hd_thread_id(void)
{
	return (int32_t)lab_at.current + TID_OFFSET;
}

/*
 * The innermost guard of each fiber; there is one at most where a scenario's task leaves.
 * It is not cleared: a fiber that is put back to where it stood inside has the same one,
 * at the same place.
 */
static struct guard {
	void *to[5]; /* of __builtin_setjmp() */
} * guards[LAB_FIBERS_MAX];

void hd_guarded(void (*fn)(void *arg), void *arg, void (*left)(void *arg))
{
	struct guard guard;

	guards[lab_at.current] = &guard;
	if (__builtin_setjmp(guard.to)) {
		left(arg);
		lab_step_any();
		lab_end_thread();
	}
	fn(arg);
}

void hd_thread_end(void)
{
	lab_leave();
}

void lab_leave(void)
{
	__builtin_longjmp(guards[lab_at.current]->to, 1);
}

static void thread_body(void *arg)
{
	struct hd_thread *thread = ((struct body *)arg)->thread;

	lab_store((uintptr_t)&thread->tid, sizeof(thread->tid),
		  (uint64_t)hd_thread_id(), LAB_RELEASE, PC);
	thread->fn(thread->arg);
	lab_step_any(); /* it has said its last word, and is not joined yet */
}

int hd_thread_create(struct hd_thread *thread,
		     const struct hd_thread_options *options,
		     void (*fn)(void *arg), void *arg)
{
	unsigned int fiber;

	lab_count_call();
	(void)options;
	lab_step_any();
	fiber = lab_at.count; /* another one may have been made meanwhile */
	if (lab_at.exploring && p.creations < 32 &&
	    lab_at.scenario->create_fails >> p.creations++ & 1) {
		lab_trace(PC, "no thread can be made");
		return -EAGAIN;
	}
	if (fiber == LAB_FIBERS_MAX)
		return -EAGAIN;
	/* As platform/thread.c writes them: plain, before the thread is. */
	lab_plain((uintptr_t)thread, sizeof(*thread), true, PC);
	memset(thread, 0, sizeof(*thread));
	thread->born = fiber;
	thread->fn = fn;
	thread->arg = arg;
	p.body[fiber] = (struct body){ thread, fiber };
	memcpy(&thread->handle, &fiber, sizeof(fiber));
	lab_spawn(thread_body, &p.body[fiber]);
	return 0;
}

int hd_thread_join(struct hd_thread *thread, uint64_t deadline)
{
	unsigned int fiber;

	memcpy(&fiber, &thread->handle, sizeof(fiber));
	lab_step_any();
	while (!lab_has_ended(fiber))
		if (deadline == 0 || !lab_block(lab_end_key(fiber), deadline))
			return -ETIMEDOUT;
	lab_memory_joined(fiber);
	return 0;
}

/* The kernel of the laboratory forgets at once. */
int hd_thread_gone(struct hd_thread *thread, uint64_t deadline)
{
	unsigned int fiber;

	lab_count_call();
	(void)deadline;
	memcpy(&fiber, &thread->handle, sizeof(fiber));
	if (!lab_has_ended(fiber))
		lab_fail("asked whether a thread is gone that was not joined");
	return 0;
}

void hd_thread_class_get(struct hd_thread_class *scheduling)
{
	(void)scheduling;
}

bool hd_thread_class_valid(const struct hd_thread_class *scheduling)
{
	(void)scheduling;
	return true;
}

int hd_thread_apply(const struct hd_thread_options *options)
{
	(void)options;
	return 0;
}

/* A fiber has no state of its own that a task could change. */
unsigned int hd_thread_restore(const struct hd_thread_options *options)
{
	(void)options;
	return 0;
}

/* -- stacks: a fiber's own is not the mapping that its worker was given -- */

int32_t hd_stack_call(int32_t (*fn)(void *arg), void *arg, uintptr_t *top)
{
	*top = (uintptr_t)__builtin_frame_address(0);
	return fn(arg);
}

uint64_t hd_stack_clear(void *stack, size_t size, uintptr_t top, uint32_t turn)
{
	(void)stack;
	(void)size;
	(void)top;
	(void)turn;
	return 0;
}

uint64_t hd_bytes_clear(void *start, size_t size)
{
	lab_plain((uintptr_t)start, size, true, PC);
	memset(start, 0, size);
	return 0;
}

/* Delay points widen windows of real time; here every schedule is tried. */
void hd_delay(int site)
{
	(void)site;
}
