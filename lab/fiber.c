/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fibers in plain C: a stack is entered once with makecontext, and from then
 * on left and resumed with setjmp and longjmp, which make no system call. The
 * bottom frame of each fiber is never left, so that an abandoned fiber begins
 * anew by a jump to it.
 */
/* The checked longjmp refuses to go to another stack. */
#undef _FORTIFY_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "lab/engine.h"
#include "lab/fiber.h"

struct fiber {
	jmp_buf base; /* at the bottom of the stack */
	jmp_buf here; /* where it stopped */
	bool has_base;
	bool begins; /* goes to its base when it runs next */
	void (*fn)(void *arg);
	void *arg;
	void *self; /* its copy of the thread-local variable */
	int error;  /* and of errno */
};

static struct fiber fibers[LAB_FIBERS_MAX];
static char *stacks;
static jmp_buf engine;
static unsigned int entering;

bool lab_fiber_owns(uintptr_t address)
{
	return address - (uintptr_t)stacks < LAB_FIBERS_MAX * LAB_STACK_SIZE;
}

static char *stack_of(unsigned int i)
{
	if (!stacks) {
		stacks = mmap(NULL, LAB_FIBERS_MAX * LAB_STACK_SIZE,
			      PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			      0);
		if (stacks == MAP_FAILED) {
			perror("mmap of the stacks");
			exit(77);
		}
	}
	return stacks + i * LAB_STACK_SIZE;
}

/* The bottom of every fiber. */
static void fiber_main(void)
{
	struct fiber *f = &fibers[entering];

	f->has_base = true;
	/* A jump to here begins the next life of this fiber. */
	_setjmp(f->base);
	f = &fibers[entering];
	f->fn(f->arg);
	abort();
}

void lab_fiber_prepare(unsigned int fiber, void (*fn)(void *arg), void *arg)
{
	struct fiber *f = &fibers[fiber];

	f->fn = fn;
	f->arg = arg;
	f->begins = true;
	f->self = NULL;
	f->error = 0;
}

static _Noreturn void resume(unsigned int to)
{
	struct fiber *f = &fibers[to];
	ucontext_t first;

	if (lab_thread_local)
		*lab_thread_local() = f->self;
	errno = f->error;
	if (!f->begins)
		_longjmp(f->here, 1);
	f->begins = false;
	entering = to;
	if (f->has_base)
		_longjmp(f->base, 1);
	getcontext(&first);
	first.uc_stack.ss_sp = stack_of(to);
	first.uc_stack.ss_size = LAB_STACK_SIZE;
	first.uc_link = NULL;
	makecontext(&first, fiber_main, 0);
	setcontext(&first);
	abort();
}

void lab_fiber_switch(unsigned int from, unsigned int to)
{
	struct fiber *f = &fibers[from];

	if (lab_thread_local)
		f->self = *lab_thread_local();
	f->error = errno;
	if (!_setjmp(f->here))
		resume(to);
}

void lab_fiber_enter(unsigned int to)
{
	if (!_setjmp(engine))
		resume(to);
}

_Noreturn void lab_fiber_leave(void)
{
	_longjmp(engine, 1);
}
