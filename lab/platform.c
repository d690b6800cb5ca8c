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

#include "lab/engine.h"
#include "lab/memory.h"
#include "lab/platform.h"

#include "platform/fault.h"
#include "platform/cacheline.h"
#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/fork.h"
#include "platform/futex.h"
#include "platform/membarrier.h"
#include "platform/memory.h"
#include "platform/mutex.h"
#include "platform/random.h"
#include "platform/rcu.h"
#include "platform/stack.h"
#include "platform/thread.h"

#define FOREVER    UINT64_MAX
#define LOCKS_MAX  64
#define TID_OFFSET 100 /* so that no tid is an index */

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

uint64_t hd_now_ns(void)
{
	return lab_now();
}

static uint64_t random_state;

uint64_t hd_random_u64(void)
{
	random_state += UINT64_C(0x9e3779b97f4a7c15);
	return random_state * UINT64_C(0xbf58476d1ce4e5b9);
}

uint32_t hd_cpu_possible(void)
{
	unsigned int cpus = lab_scenario_now()->cpus;

	return cpus ? cpus : 1;
}

uint32_t hd_cpu_current(void)
{
	return lab_is_exploring() ? lab_choose(hd_cpu_possible()) : 0;
}

const char *hd_cpu_source(void)
{
	return "lab";
}

uint32_t hd_cpu_usable(void)
{
	return hd_cpu_possible();
}

uint64_t hd_cpu_quota_milli(void)
{
	return UINT64_MAX;
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

/* -- futex -- */

/* Of an execution: without a limit a waiter could be woken for ever. */
#define SPURIOUS_MAX 2

static unsigned int spurious_left;

int hd_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline)
{
	uintptr_t at = (uintptr_t)word;
	const char *wrong;

	lab_step();
	wrong = lab_arena_owns(at) ? lab_arena_check(at, 4) : NULL;
	if (wrong)
		lab_fail("futex wait on a word %s", wrong);
	/* The kernel's bucket lock orders it with every wake. */
	lab_fence_of(lab_current());
	if (lab_newest(at, 4) != expected)
		return -EAGAIN;
	if (deadline == 0 || (deadline != FOREVER && deadline <= lab_now()))
		return -ETIMEDOUT;
	if (lab_is_exploring() && lab_scenario_now()->spurious &&
	    spurious_left && lab_choose(2)) {
		spurious_left--;
		return 0;
	}
	lab_trace(__builtin_return_address(0), "sleeps on %#lx",
		  (unsigned long)at);
	return lab_block(word, deadline) ? 0 : -ETIMEDOUT;
}

int hd_futex_wake(const void *word, int n)
{
	unsigned int woken;

	lab_step();
	lab_fence_of(lab_current());
	woken = lab_wake(word, (unsigned int)n);
	lab_trace(__builtin_return_address(0), "wakes %u on %#lx", woken,
		  (unsigned long)(uintptr_t)word);
	return (int)woken;
}

/* -- membarrier -- */

bool hd_membarrier_available(void)
{
	return true;
}

/* Each other thread has its barrier at a moment of its own. */
int hd_membarrier(void)
{
	lab_fence_of(lab_current());
	for (unsigned int i = 0; i < lab_fibers(); i++) {
		if (i == lab_current())
			continue;
		lab_step();
		lab_fence_of(i);
	}
	lab_fence_of(lab_current());
	return 0;
}

/* -- mutex -- */

struct lock {
	const struct hd_mutex *mutex;
	bool held;
	unsigned int holder;
	struct lab_view view; /* of who unlocked it last */
};

static struct lock locks[LOCKS_MAX];
static unsigned int locks_used;

static struct lock *lock_of(const struct hd_mutex *mutex)
{
	for (unsigned int i = 0; i < locks_used; i++)
		if (locks[i].mutex == mutex)
			return &locks[i];
	if (locks_used == LOCKS_MAX)
		lab_fail("more than %d mutexes", LOCKS_MAX);
	memset(&locks[locks_used], 0, sizeof(locks[0]));
	locks[locks_used].mutex = mutex;
	return &locks[locks_used++];
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

	lab_step();
	while (l->held) {
		if (l->holder == lab_current())
			lab_fail("a mutex is locked twice");
		lab_block(l, FOREVER);
	}
	l->held = true;
	l->holder = lab_current();
	lab_view_receive(&l->view);
}

void hd_mutex_unlock(struct hd_mutex *mutex)
{
	struct lock *l = lock_of(mutex);

	if (!l->held || l->holder != lab_current())
		lab_fail("a mutex is unlocked that was not locked");
	lab_view_send(&l->view);
	l->held = false;
	lab_wake(l, UINT32_MAX);
	lab_step();
}

/* -- grace periods -- */

struct reader {
	bool registered;
	unsigned int depth;
	uint64_t sections;    /* that have ended */
	struct lab_view view; /* at the end of the last one */
};

static struct reader readers[LAB_FIBERS_MAX];

void hd_rcu_register(void)
{
	struct reader *r = &readers[lab_current()];

	if (r->registered)
		lab_fail("registered with RCU twice");
	r->registered = true;
}

void hd_rcu_unregister(void)
{
	struct reader *r = &readers[lab_current()];

	if (!r->registered || r->depth)
		lab_fail("unregistered from RCU %s",
			 r->depth ? "inside a read section"
				  : "without a registration");
	r->registered = false;
}

void hd_rcu_read_lock(void)
{
	struct reader *r = &readers[lab_current()];

	lab_step();
	if (!r->registered)
		lab_fail("a read section of a thread that is not registered");
	r->depth++;
}

void hd_rcu_read_unlock(void)
{
	struct reader *r = &readers[lab_current()];

	lab_step();
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

	if (readers[lab_current()].depth)
		lab_fail("a grace period inside a read section");
	/* Who begins a section later has seen all that came before. */
	hd_membarrier();
	n = lab_fibers();
	for (unsigned int i = 0; i < n; i++) {
		sections[i] = readers[i].sections;
		waits[i] = readers[i].depth > 0;
	}
	for (unsigned int i = 0; i < n; i++) {
		while (waits[i] && readers[i].sections == sections[i])
			lab_block(&readers[i], FOREVER);
		lab_view_receive(&readers[i].view);
	}
	hd_membarrier();
}

/* -- threads -- */

struct body {
	struct hd_thread *thread;
	unsigned int fiber;
};

static struct body bodies[LAB_FIBERS_MAX];

int32_t hd_thread_id(void)
{
	return (int32_t)lab_current() + TID_OFFSET;
}

static void thread_body(void *arg)
{
	struct hd_thread *thread = ((struct body *)arg)->thread;

	lab_store((uintptr_t)&thread->tid, sizeof(thread->tid),
		  (uint64_t)hd_thread_id(), LAB_RELEASE,
		  __builtin_return_address(0));
	thread->fn(thread->arg);
}

int hd_thread_create(struct hd_thread *thread,
		     const struct hd_thread_options *options,
		     void (*fn)(void *arg), void *arg)
{
	unsigned int fiber = lab_fibers();

	(void)options;
	lab_step();
	if (fiber == LAB_FIBERS_MAX)
		return -EAGAIN;
	/* As platform/thread.c writes them: plain, before the thread is. */
	lab_plain((uintptr_t)thread, sizeof(*thread), true,
		  __builtin_return_address(0));
	memset(thread, 0, sizeof(*thread));
	thread->start_time = fiber;
	thread->fn = fn;
	thread->arg = arg;
	bodies[fiber] = (struct body){ thread, fiber };
	memcpy(&thread->handle, &fiber, sizeof(fiber));
	lab_spawn(thread_body, &bodies[fiber]);
	return 0;
}

int hd_thread_join(struct hd_thread *thread, uint64_t deadline)
{
	unsigned int fiber;

	memcpy(&fiber, &thread->handle, sizeof(fiber));
	lab_step();
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

	(void)deadline;
	memcpy(&fiber, &thread->handle, sizeof(fiber));
	if (!lab_has_ended(fiber))
		lab_fail("asked whether a thread is gone that was not joined");
	return 0;
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
	lab_plain((uintptr_t)start, size, true, __builtin_return_address(0));
	memset(start, 0, size);
	return 0;
}

void lab_platform_reset(void)
{
	lab_arena_reset();
	memset(readers, 0, sizeof(readers));
	locks_used = 0;
	random_state = 0;
	spurious_left = SPURIOUS_MAX;
}

/* Delay points widen windows of real time; here every schedule is tried. */
void hd_delay(int site)
{
	(void)site;
}
