/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The record of a guest thread, and its run on a worker.
 *
 * Who may touch a field: the spawner until CREATED, then the worker until
 * EXITED, then who joins or collects; tid, process and word are for all.
 */
#ifndef HEDDLE_TLS_GUEST_H
#define HEDDLE_TLS_GUEST_H

#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <heddle/guest.h>

#include "platform/cacheline.h"
#include "tls/life.h"

struct hd_worker;
struct hd_frame;
struct heddle_group;

/* What belongs to one guest alone: all zero before and after it. */
struct hd_guest_state {
	int32_t (*fn)(void *arg);
	void *arg;
	int32_t *exit_code;
	jmp_buf *exit;          /* in the shell's frame, NULL: not running */
	struct hd_frame *frame; /* its own, the one exit may unwind to */
	int32_t code;           /* given to heddle_guest_exit() */
};

struct heddle_guest {
	HD_ALIGNED _Atomic uint32_t word; /* A  enum hd_life, futex */
	uint32_t tid;
	struct heddle_process *process;
	uint32_t flags;
	struct hd_worker *worker; /* of a FRESH one: which thread to follow */
	uint64_t life;            /* of its entry */
	struct hd_guest_state state;
};

/*
 * A guest that was spawned and has no permit yet counts as blocked on its path,
 * so that a close waits for it. change: 1 or -1.
 */
void hd_guest_count(struct heddle_group *group, int change);

/* hd_upper.guest_run, guest_left, guest_done and guest_block. */
void hd_guest_run(struct hd_worker *worker, void *bound);
void hd_guest_left(struct hd_worker *worker);
void hd_guest_done(void *bound);
void hd_guest_block(void *guest, bool blocked);

#endif /* HEDDLE_TLS_GUEST_H */
