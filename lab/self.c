/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one thread-local variable of the library, for fibers to have their own
 * copies of. Linked with programs that link the library.
 */
#include "lab/fiber.h"
#include "lab/memory.h"
#include "sched/worker.h"

void **lab_thread_local(void)
{
	return (void **)(void *)&hd_self;
}

/* All fibers use one address, so that their accesses would look like races. */
__attribute__((constructor)) static void make_private(void)
{
	lab_memory_private((uintptr_t)&hd_self, sizeof(hd_self));
}
