/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell is made new after a guest: every byte of library-owned per-thread
 * state is set back and read back (T2, D6). Foreign __thread data cannot be; a
 * guest that needs that asks for FRESH.
 *
 * Measured on two virtual CPUs: 1.2 us for a guest that stayed within the hot
 * 16 KiB of its stack, 0.7 us before the next guest; most of it is system calls
 * (name, affinity, mask, alternate stack, pages).
 */
#ifndef HEDDLE_TLS_SCRUB_H
#define HEDDLE_TLS_SCRUB_H

#include <stdint.h>

struct hd_worker;
struct heddle_guest;

/*
 * Clears what the guest could have left: slot values, the record's state, the
 * host thread's state, the stack below the caller. top: of hd_stack_call().
 * What did not become clean is added to pool->stale_bytes.
 */
void hd_scrub_guest(struct hd_worker *worker, struct heddle_guest *guest,
		    uintptr_t top);

/* The same of a thread that ends: its stack and what belongs to it go with it. */
void hd_scrub_left(struct hd_worker *worker, struct heddle_guest *guest);

/* Before a guest: tasks may have used the stack since the last scrub. */
void hd_scrub_before(struct hd_worker *worker);

#endif /* HEDDLE_TLS_SCRUB_H */
