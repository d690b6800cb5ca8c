/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring of the last records. See the header. */
#include "lockfree/log.h"

#include <errno.h>

#include "platform/cacheline.h"
#include "platform/memory.h"

static uint64_t being_written(uint64_t number)
{
	return 2 * number + 1;
}

static uint64_t whole(uint64_t number)
{
	return 2 * number + 2;
}

int hd_log_init(struct hd_log *log, uint64_t slots)
{
	hd_assert(slots && !(slots & (slots - 1)));
	log->slots = slots;
	atomic_store_explicit(&log->next, 0,
			      memory_order_relaxed); /* not shared yet */
	log->slot = hd_alloc(slots * sizeof(*log->slot));
	return log->slot ? 0 : -ENOMEM;
}

void hd_log_fini(struct hd_log *log)
{
	hd_free(log->slot);
	log->slot = NULL;
}

static struct hd_log_slot *slot_of(const struct hd_log *log, uint64_t number)
{
	return &log->slot[number & (log->slots - 1)];
}

/* The slot is the caller's until it says that the record is whole. */
static bool take(struct hd_log_slot *slot, uint64_t number)
{
	uint64_t now = atomic_load_explicit(
		&slot->sequence, memory_order_relaxed); /* exchanged below */

	do
		if ((now & 1) || now > whole(number))
			return false;
	while (!atomic_compare_exchange_weak_explicit(
		&slot->sequence, &now, being_written(number),
		memory_order_acquire,   /* log-2 */
		memory_order_relaxed)); /* exchanged again */
	return true;
}

bool hd_log_write_any(struct hd_log *log, const uint64_t word[HD_LOG_WORDS])
{
	uint64_t number = atomic_fetch_add_explicit(
		&log->next, 1, memory_order_relaxed); /* only a number */
	struct hd_log_slot *slot = slot_of(log, number);
	int i;

	if (!take(slot, number))
		return false;
	for (i = 0; i < HD_LOG_WORDS; i++)
		atomic_store_explicit(&slot->word[i], word[i],
				      memory_order_release); /* log-1 */
	/* log-2: who writes here next, or reads, has our words behind it. */
	atomic_store_explicit(&slot->sequence, whole(number),
			      memory_order_release); /* log-2 */
	return true;
}

bool hd_log_read_any(const struct hd_log *log, uint64_t number,
		     uint64_t word[HD_LOG_WORDS])
{
	const struct hd_log_slot *slot = slot_of(log, number);
	int i;

	if (atomic_load_explicit(&slot->sequence, memory_order_acquire) !=
	    whole(number)) /* log-2 */
		return false;
	for (i = 0; i < HD_LOG_WORDS; i++)
		word[i] = atomic_load_explicit(
			&slot->word[i], memory_order_acquire); /* log-1 */
	return atomic_load_explicit(&slot->sequence,
				    memory_order_relaxed) /* behind log-1 */
	       == whole(number);
}
