/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raw memory of a stack: calling a function a known distance below the frame
 * that will clean up after it, and the cleaning, so that the next function
 * called there finds what a fresh thread finds: zeros. Also clearing of small
 * records in a way that no compiler leaves out.
 *
 * The libraries' own frames leave their return addresses and locals below the
 * cleaner as they do on a fresh thread; nothing of the cleaned frames stays.
 */
#ifndef HEDDLE_PLATFORM_STACK_H
#define HEDDLE_PLATFORM_STACK_H

#include <stddef.h>
#include <stdint.h>

/*
 * Calls fn(arg) with all its frames below *top, at least a moat away from the
 * caller's. *top is valid also when fn leaves by longjmp.
 */
int32_t hd_stack_call(int32_t (*fn)(void *arg), void *arg, uintptr_t *top);

/*
 * Clears the calling thread's stack, which is the mapping given, from below
 * this call's own frame down to its lowest byte, and reads it back: all of the
 * part that is cleared by stores, and at one turn in 16 a word of a page that
 * the kernel took back, another page each time. top is what hd_stack_call()
 * said when called from the same function, 0 before the first call. Returns how
 * many bytes were not zero afterwards.
 */
uint64_t hd_stack_clear(void *stack, size_t size, uintptr_t top, uint32_t turn);

/* Clears a record and reads it back: how many bytes were not zero. */
uint64_t hd_bytes_clear(void *start, size_t size);

#endif /* HEDDLE_PLATFORM_STACK_H */
