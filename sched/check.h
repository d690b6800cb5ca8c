/* SPDX-License-Identifier: BSD-2-Clause */
/* The invariants that heddle_check() knows; each is found where it is planted. */
#ifndef HEDDLE_SCHED_CHECK_H
#define HEDDLE_SCHED_CHECK_H

enum hd_invariant {
	HD_COUNT_AT_REST,   /* no permit is out but those that are prepaid */
	HD_ACCOUNT_AT_REST, /* and none of these is used */
	HD_STRANDED_TASK,   /* work, headroom and a sleeper */
	HD_UNWANTED,        /* the same where donated threads sleep elsewhere */
	HD_READY_BIT,       /* work in a group that no search finds */
	HD_SEARCHING_AT_REST, /* the flag of a search that nobody makes */
	HD_IDLE_BIT,          /* an entry without a thread can be woken */
	HD_REGISTRY,          /* a live worker is seen as another one */
	HD_LIVE_WORKERS,      /* the count is that of the entries */
	HD_WORKERS_BOUND,     /* more than are allowed */
	HD_FRAMES_LOST,       /* tasks that were jumped over too deep */
	HD_STALE_BYTES,       /* a guest left something */
	HD_INVARIANTS,
};

extern const char *const hd_invariant_name[HD_INVARIANTS];

#endif /* HEDDLE_SCHED_CHECK_H */
