/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fibers in plain C: a stack is entered once with makecontext, and from then
 * on left and resumed with setjmp and longjmp, which make no system call. The
 * bottom frame of each fiber is never left, so that an abandoned fiber begins
 * anew by a jump to it.
 */
/* The checked longjmp refuses to go to another stack. */
#undef _FORTIFY_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "lab/engine.h"
#include "lab/fiber.h"

#if defined(__x86_64__)
# include <immintrin.h>
# define HWCAP2_BIT 2ul /* AT_HWCAP2: the kernel allows FSGSBASE */
# define SETS_FS    __attribute__((target("fsgsbase")))
#endif

/* Below the frame of a switch: what setjmp's caller may still use there. */
#define MARGIN ((size_t)1024)

struct fiber {
	jmp_buf base; /* at the bottom of the stack */
	jmp_buf here; /* where it stopped */
	bool has_base;
	bool begins; /* goes to its base when it runs next */
	void (*fn)(void *arg);
	void *arg;
	uintptr_t low; /* the stack is in use from here */
	uint64_t fs;   /* its thread-local variables */
};

/* One fiber as it stood. */
struct saved {
	struct fiber fiber;
	char *stack;
	size_t size;
};

static struct fiber fibers[LAB_FIBERS_MAX];
static struct saved saved[LAB_FIBERS_MAX];
static uint32_t saved_mask;
static char *stacks;
static jmp_buf engine;
static uint64_t engine_fs;
static unsigned int entering;

/* With real threads: whose turn it is. */
static bool by_threads;
static sem_t turn[LAB_FIBERS_MAX], engine_turn;

bool lab_fiber_owns(uintptr_t address)
{
	return address - (uintptr_t)stacks < LAB_FIBERS_MAX * LAB_STACK_SIZE;
}

bool lab_fiber_possible(void)
{
#if defined(__x86_64__)
	return getauxval(AT_HWCAP2) & HWCAP2_BIT;
#else
	return false;
#endif
}

static void give_up(const char *what)
{
	perror(what);
	exit(77);
}

static char *stack_of(unsigned int i)
{
	return stacks + i * LAB_STACK_SIZE;
}

/* -- thread-local variables -- */

#if defined(__x86_64__)
static sem_t told;

SETS_FS static void *lend(void *arg)
{
	((struct fiber *)arg)->fs = _readfsbase_u64();
	sem_post(&told);
	for (;;)
		pause();
	return NULL;
}

SETS_FS static void make_lenders(void)
{
	engine_fs = _readfsbase_u64();
	sem_init(&told, 0, 0);
	for (unsigned int i = 0; i < LAB_FIBERS_MAX; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, lend, &fibers[i]))
			give_up("threads of the laboratory");
		while (sem_wait(&told))
			;
	}
}

SETS_FS static inline void set_fs(uint64_t fs)
{
	_writefsbase_u64(fs);
}
#else
static void make_lenders(void)
{
}

static inline void set_fs(uint64_t fs)
{
	(void)fs;
}
#endif

/* -- beginning -- */

static _Noreturn void begin(unsigned int i)
{
	struct fiber *f = &fibers[i];

	f->has_base = true;
	/* A jump to here begins the next life of this fiber. */
	_setjmp(f->base);
	f = &fibers[lab_at.current];
	f->begins = false;
	f->fn(f->arg);
	abort();
}

static void fiber_main(void)
{
	begin(entering);
}

static void await(sem_t *own)
{
	while (sem_wait(own))
		;
}

static void *thread_main(void *arg)
{
	unsigned int i = (unsigned int)(uintptr_t)arg;

	await(&turn[i]);
	begin(i);
	return NULL;
}

static void make_threads(void)
{
	sem_init(&engine_turn, 0, 0);
	for (uintptr_t i = 0; i < LAB_FIBERS_MAX; i++) {
		pthread_t thread;
		pthread_attr_t attr;

		sem_init(&turn[i], 0, 0);
		pthread_attr_init(&attr);
		if (pthread_attr_setstack(&attr, stack_of((unsigned int)i),
					  LAB_STACK_SIZE) ||
		    pthread_create(&thread, &attr, thread_main, (void *)i))
			give_up("threads of the laboratory");
		pthread_attr_destroy(&attr);
	}
}

void lab_fiber_init(bool real_threads)
{
	if (stacks)
		return;
	stacks = mmap(NULL, LAB_FIBERS_MAX * LAB_STACK_SIZE,
		      PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (stacks == MAP_FAILED)
		give_up("stacks of the laboratory");
	by_threads = real_threads;
	if (by_threads)
		make_threads();
	else
		make_lenders();
}

void lab_fiber_prepare(unsigned int fiber, void (*fn)(void *arg), void *arg)
{
	struct fiber *f = &fibers[fiber];

	f->fn = fn;
	f->arg = arg;
	f->begins = true;
}

/* -- switching -- */

static _Noreturn void resume(unsigned int to)
{
	struct fiber *f = &fibers[to];
	ucontext_t first;

	if (!f->begins || f->has_base) {
		set_fs(f->fs);
		_longjmp(f->begins ? f->base : f->here, 1);
	}
	entering = to;
	getcontext(&first);
	first.uc_stack.ss_sp = stack_of(to);
	first.uc_stack.ss_size = LAB_STACK_SIZE;
	first.uc_link = NULL;
	makecontext(&first, fiber_main, 0);
	set_fs(f->fs);
	setcontext(&first);
	abort();
}

static void take_turn(unsigned int i)
{
	await(&turn[i]);
	if (fibers[i].begins)
		_longjmp(fibers[i].base, 1);
}

void lab_fiber_switch(unsigned int from, unsigned int to)
{
	struct fiber *f = &fibers[from];

	if (by_threads) {
		sem_post(&turn[to]);
		take_turn(from);
		return;
	}
	f->low = (uintptr_t)__builtin_frame_address(0) - MARGIN;
	if (!_setjmp(f->here))
		resume(to);
}

void lab_fiber_enter(unsigned int to)
{
	if (by_threads) {
		sem_post(&turn[to]);
		await(&engine_turn);
		return;
	}
	if (!_setjmp(engine))
		resume(to);
}

_Noreturn void lab_fiber_leave(unsigned int from)
{
	if (by_threads) {
		sem_post(&engine_turn);
		for (;;)
			take_turn(from);
	}
	set_fs(engine_fs);
	_longjmp(engine, 1);
}

/* -- as they stood -- */

void lab_fiber_save(uint32_t mask)
{
	saved_mask = mask;
	for (unsigned int i = 0; i < LAB_FIBERS_MAX; i++) {
		struct saved *s = &saved[i];
		uintptr_t top = (uintptr_t)stack_of(i) + LAB_STACK_SIZE;

		if (!(mask & 1u << i))
			continue;
		s->fiber = fibers[i];
		s->size = s->fiber.begins ? 0 : top - s->fiber.low;
		free(s->stack);
		s->stack = malloc(s->size + 1);
		if (!s->stack)
			abort();
		memcpy(s->stack, (char *)top - s->size, s->size);
	}
}

void lab_fiber_restore(void)
{
	for (unsigned int i = 0; i < LAB_FIBERS_MAX; i++) {
		struct saved *s = &saved[i];
		char *top = stack_of(i) + LAB_STACK_SIZE;
		bool has_base = fibers[i].has_base;

		if (!(saved_mask & 1u << i))
			continue;
		memcpy(top - s->size, s->stack, s->size);
		if (s->size) {
			fibers[i] = s->fiber;
			continue;
		}
		/* Not begun: its base, once made, stays. */
		fibers[i].fn = s->fiber.fn;
		fibers[i].arg = s->fiber.arg;
		fibers[i].has_base = has_base;
		fibers[i].begins = true;
	}
}
