/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mark that a forked child does not have. No atfork handler: one that was
 * registered by a library which is then unloaded would be called no more.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "platform/cacheline.h"
#include "platform/fault.h"
#include "platform/fork.h"
#include "platform/memory.h"
#include "platform/rcu.h"

/* The process that made the last mark; negative while another one takes over. */
static _Atomic int32_t process;

/*
 * fork-1: the first mark of a child gives up what liburcu knows of the parent's threads;
 * who makes another one at the same time waits for that. Forbidden: a thread of the
 * child's pool registers before and unregisters behind it.
 */
static void take_over(void)
{
	int32_t self = (int32_t)getpid();

	for (;;) {
		int32_t seen = atomic_load_explicit(
			&process, memory_order_acquire); /* fork-1 */

		if (seen == self)
			return;
		if (seen == -self) {
			hd_relax(); /* ended by the thread that took over */
			continue;
		}
		if (!atomic_compare_exchange_strong_explicit(
			    &process, &seen, -self,
			    memory_order_relaxed,  /* read again */
			    memory_order_relaxed)) /* read again */
			continue;
		if (seen)
			hd_rcu_forget();
		atomic_store_explicit(&process, self,
				      memory_order_release); /* fork-1 */
		return;
	}
}

bool hd_fork_is_child(void)
{
	return atomic_load_explicit(&process, memory_order_relaxed) !=
	       (int32_t)getpid(); /* a process sees its own number */
}

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
	take_over();
	return mark;
}

void hd_fork_mark_destroy(const uint32_t *mark)
{
	if (mark)
		hd_unmap((void *)(uintptr_t)mark, hd_page_size());
}
