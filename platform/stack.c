/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stack seen as memory. From the top of a worker's stack down:
 *
 *   the frames of the library, the caller's the lowest
 *   the moat: cleaning runs here, so it never clears the frame it stands on
 *   top: the frames of what hd_stack_call() called, and what they called
 *
 * The hot part, HOT bytes below top and up to the next page boundary, is
 * cleared by stores, because it will be used again at once. Whatever lies
 * below goes back to the kernel, however much of it was used: nothing here
 * guesses how deep the calls went, and pages that were never touched cost
 * nothing.
 *
 * Measured on two virtual CPUs, 1 MiB stack: 0.7 us when only the hot part
 * was used, about half of it the system call. A page used below costs what the
 * kernel takes to free it, and a fault when it is used again.
 */
#include "platform/stack.h"

#include "platform/cacheline.h"
#include "platform/memory.h"

#define MOAT    2048 /* bytes between the caller and top */
#define KEEP    1024 /* of them, for the frames of the cleaning */
#define HOT     ((size_t)16 * 1024)
#define SAMPLES 16 /* calls for one sample below the hot part */

/*
 * Memory that other functions called their stack: the sanitizers have marks
 * for it that no longer mean anything. The stores are volatile because a
 * compiler may otherwise leave out what nobody reads.
 */
#define RAW \
 __attribute__((noinline, no_sanitize("address", "thread", "undefined")))

#define UNIT 16
typedef unsigned long long unit __attribute__((vector_size(UNIT), may_alias));
typedef unsigned long long word __attribute__((may_alias));

static RAW uint64_t clear_bytes(volatile unsigned char *at, size_t size)
{
	uint64_t stale = 0;
	size_t i;

	for (i = 0; i < size; i++)
		at[i] = 0;
	for (i = 0; i < size; i++)
		stale += at[i] != 0;
	return stale;
}

/* Whole units; calls nothing, so that its own frame is all it needs. */
static RAW uint64_t clear_units(unsigned char *start, size_t size)
{
	volatile unit *at = (volatile unit *)(void *)start;
	size_t i, n = size / UNIT;
	unit zero = { 0, 0 }, seen = { 0, 0 };

	for (i = 0; i < n; i++)
		at[i] = zero;
	for (i = 0; i < n; i++)
		seen |= at[i];
	return (seen[0] | seen[1]) != 0;
}

/* How many: asked only when there is something. */
static RAW uint64_t count_bytes(volatile const unsigned char *at, size_t size)
{
	uint64_t stale = 0;
	size_t i;

	for (i = 0; i < size; i++)
		stale += at[i] != 0;
	return stale;
}

static RAW uint64_t clear_checked(unsigned char *start, size_t size)
{
	if (!clear_units(start, size))
		return 0;
	return count_bytes(start, size);
}

uint64_t hd_bytes_clear(void *start, size_t size)
{
	unsigned char *at = start;
	size_t head = (size_t)(-(uintptr_t)at % UNIT), middle;

	if (head > size)
		head = size;
	middle = (size - head) / UNIT * UNIT;
	return clear_bytes(at, head) + clear_checked(at + head, middle) +
	       clear_bytes(at + head + middle, size - head - middle);
}

RAW int32_t hd_stack_call(int32_t (*fn)(void *arg), void *arg, uintptr_t *top)
{
	volatile unsigned char moat[MOAT];
	int32_t rc;

	/* Both ends are used, so the array is there in full. */
	moat[0] = 0;
	moat[MOAT - 1] = 0;
	*top = (uintptr_t)moat;
	rc = fn(arg);
	/* Not a tail call: the moat lives until fn has returned. */
	moat[0] = 1;
	return rc;
}

/* One word of a page that was given back, another page each time. */
static RAW uint64_t sample(unsigned char *start, size_t size, uint32_t turn)
{
	size_t page = hd_page_size();
	volatile const word *seen;

	/* A page that is read is a fault, so not every time. */
	if (size < page || turn % SAMPLES)
		return 0;
	seen = (volatile const word *)(void *)(start + turn / SAMPLES %
							       (size / page) *
							       page);
	return *seen ? sizeof(*seen) : 0;
}

RAW uint64_t hd_stack_clear(void *stack, size_t size, uintptr_t top,
			    uint32_t turn)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t bottom = (uintptr_t)stack;
	uintptr_t high = (here - KEEP) & ~(uintptr_t)(HD_CACHELINE - 1);
	size_t page = hd_page_size();
	uintptr_t hot = (high - HOT) & ~(uintptr_t)(page - 1);
	uint64_t stale;

	hd_assert(here > bottom && here < bottom + size);
	hd_assert(high > bottom + HOT && top <= high);
	if (hot < bottom)
		hot = bottom;
	/* First what makes calls, at last what clears their frames too. */
	hd_memory_drop(stack, hot - bottom);
	stale = sample(stack, hot - bottom, turn);
	return stale + clear_checked((unsigned char *)hot, high - hot);
}
