/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mark that a forked child does not have. No atfork handler: one that was
 * registered by a library which is then unloaded would be called no more.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include <heddle/testing.h>

#include "platform/fault.h"
#include "platform/fork.h"
#include "platform/memory.h"

const uint32_t *hd_fork_mark_create(void)
{
	int saved_errno = errno;
	uint32_t *mark = hd_map(hd_page_size());

	if (!mark)
		return NULL;
	if (hd_fault(HEDDLE_FAULT_FORK_MARK) ||
	    madvise(mark, hd_page_size(), MADV_WIPEONFORK) < 0) {
		hd_unmap(mark, hd_page_size());
		errno = saved_errno;
		return NULL;
	}
	*mark = 1;
	return mark;
}

void hd_fork_mark_destroy(const uint32_t *mark)
{
	if (mark)
		hd_unmap((void *)(uintptr_t)mark, hd_page_size());
}
