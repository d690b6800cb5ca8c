/* SPDX-License-Identifier: BSD-2-Clause */
/* Decisions packed into records of the ring, and read from there. */
#include "sched/story.h"

#include <errno.h>
#include <stddef.h>

#include "lockfree/log.h"
#include "platform/clock.h"
#include "sched/pool.h"

/* Words of a record: time, incarnation, worker with step, what and why, error. */
enum {
	TIME,
	LIFE,
	WHO,
	WHAT,
	ERROR
};

static uint64_t pair(uint32_t high, uint32_t low)
{
	return (uint64_t)high << 32 | low;
}

void hd_story(struct heddle_pool *pool, uint32_t worker, uint64_t incarnation,
	      enum heddle_decision decision, enum heddle_decision_reason reason,
	      uint32_t step, int error)
{
	const uint64_t word[HD_LOG_WORDS] = {
		[TIME] = hd_now_ns(),
		[LIFE] = incarnation,
		[WHO] = pair(step, worker),
		[WHAT] = pair((uint32_t)decision, (uint32_t)reason),
		[ERROR] = (uint32_t)error,
	};

	hd_log_write_any(&pool->log, word);
}

static bool read_entry(const struct heddle_pool *pool, uint64_t number,
		       struct heddle_log_entry *out)
{
	uint64_t word[HD_LOG_WORDS];

	if (!hd_log_read_any(&pool->log, number, word))
		return false;
	*out = (struct heddle_log_entry){
		.number = number,
		.time_ns = word[TIME],
		.incarnation = word[LIFE],
		.worker = (uint32_t)word[WHO],
		.decision = (uint32_t)(word[WHAT] >> 32),
		.reason = (uint32_t)word[WHAT],
		.step = (uint32_t)(word[WHO] >> 32),
		.error = (int32_t)word[ERROR],
	};
	return true;
}

int heddle_pool_log(const struct heddle_pool *pool, uint64_t *next,
		    struct heddle_log_entry *out, uint32_t n, uint64_t *lost)
{
	uint64_t end, at, missing = 0;
	uint32_t found = 0;

	if (!pool || !next || (n && !out))
		return -EINVAL;
	end = hd_log_next_any(&pool->log);
	at = *next < end ? *next : end;
	if (end - at > HD_STORY_ENTRIES) {
		missing = end - at - HD_STORY_ENTRIES;
		at = end - HD_STORY_ENTRIES;
	}
	for (; at < end && found < n; at++)
		if (read_entry(pool, at, &out[found]))
			found++;
		else
			missing++;
	*next = at;
	if (lost)
		*lost = missing;
	return (int)found;
}
