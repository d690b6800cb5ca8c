/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * membarrier(PRIVATE_EXPEDITED). The registration belongs to the address space
 * and is made once; a refusal is remembered, a refusal by a fault point is not.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "platform/fault.h"
#include "platform/membarrier.h"

enum {
	UNKNOWN,
	GRANTED,
	REFUSED
};

static _Atomic int state;

static int call(int command)
{
	int saved_errno = errno;
	int rc = 0;

	if (syscall(SYS_membarrier, command, 0, 0) < 0)
		rc = -errno;
	errno = saved_errno;
	return rc;
}

bool hd_membarrier_available(void)
{
	/* Relaxed: the value is the message, and asking twice is harmless. */
	int known = atomic_load_explicit(&state, memory_order_relaxed);

	if (hd_fault(HEDDLE_FAULT_MEMBARRIER))
		return false;
	if (known == UNKNOWN) {
		int rc = call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);

		known = rc == 0 ? GRANTED : REFUSED;
		/* Relaxed: as above. */
		atomic_store_explicit(&state, known, memory_order_relaxed);
	}
	return known == GRANTED;
}

int hd_membarrier(void)
{
	int error = hd_fault(HEDDLE_FAULT_MEMBARRIER);

	if (error)
		return -error;
	return call(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}
