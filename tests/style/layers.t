#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The architecture holds, and the check that says so can fail.
#
# Method: the check runs on the tree, then on a small tree with one planted
# violation of each kind.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

check=$top/scripts/check-layers
must "no violation in the tree" "$check" "$top"

# plant NAME FILE PATTERN TEXT
plant() {
	rm -rf "$scratch/tree"
	mkdir -p "$scratch/tree/$(dirname "$2")"
	printf '%s\n' "$4" >"$scratch/tree/$2"
	must_fail "planted: $1" "^$2:[0-9]*: .*$3" "$check" "$scratch/tree"
}

# allow NAME FILE TEXT
allow() {
	rm -rf "$scratch/tree"
	mkdir -p "$scratch/tree/$(dirname "$2")"
	printf '%s\n' "$3" >"$scratch/tree/$2"
	must "right: $1" "$check" "$scratch/tree"
}

plant "lockfree includes sched" lockfree/a.c "may not include" \
	'#include "sched/pool.h"'
plant "platform includes lockfree" platform/a.h "may not include" \
	'#  include "lockfree/deque.h"'
plant "lockfree includes a public header" lockfree/a.c "lies below" \
	'#include <heddle/task.h>'
plant "a tool includes internals" tools/a.c "may not include" \
	'#include "sched/pool.h"'
plant "an example includes internals" examples/a.c "may not include" \
	'#include "platform/futex.h"'
plant "an include without a folder" sched/a.c "name their folder" \
	'#include "pool.h"'
plant "liburcu outside platform/rcu.c" sched/a.c "liburcu" \
	'#include <urcu/list.h>'
plant "ck in sched" sched/a.c "ck is included only" '#include <ck_ring.h>'
plant "a thread in sched" sched/a.c "threads are created" \
	'	rc = pthread_create(&t, NULL, f, NULL);'
plant "a thread in another file of platform" platform/a.c "threads are created" \
	'	rc = pthread_create (&t, NULL, f, NULL);'
plant "a system call in lockfree" lockfree/a.c "system calls" \
	'	syscall(SYS_futex, &w);'
plant "a mapping in tls" tls/a.c "call to the system" \
	'	p = mmap(NULL, n, 0, 0, -1, 0);'
plant "assembly in lockfree" lockfree/a.h "inline assembly" \
	'	__asm__ volatile("pause");'
plant "behind a comment that ended" sched/a.c "system calls" \
	'/* a */ syscall(1); /* b'

allow "words in comments and strings" sched/a.c \
	'/* syscall(SYS_futex) and
   pthread_create() and "sched/x.h" */ s = "asm (\"pthread_create(\")";'
allow "a call of the platform's own" lockfree/a.c \
	'	hd_futex_wait(&w, 0); h->mmap(1); hd_mmap(2);'
allow "downward" tls/a.c '#include "platform/futex.h"
#include "sched/pool.h"
#include <heddle/guest.h>'
allow "liburcu in its one place" platform/rcu.c '#include <urcu/urcu-memb.h>'
finish
