#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# A thread that is stopped before any instruction of an operation that says it is
# lock-free blocks nobody, and holds back one permit at most.
#
# Method: heddle stall, on a few operations of each kind. The control, a mutex, is
# found blocking; a queue under a spin lock that says it is lock-free makes the command
# fail, and so does nothing that says itself that it blocks.
#
# property: P6
# property: P26
# clause: L1
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"
not_again

[ -x "$build/bench/stall" ] ||
	skip_all "no $build/bench/stall: built with a sanitizer"
heddle=$build/heddle

rc=0
"$heddle" stall groupword-give >"$scratch/first" 2>&1 || rc=$?
[ $rc -ne 77 ] || skip_all "$(tail -n 1 "$scratch/first")"

# wrong NAME PATTERN ARGUMENT...: bad usage that names the argument
wrong() {
	point_name=$1
	point_pattern=$2
	shift 2
	rc=0
	"$heddle" stall "$@" >"$scratch/said" 2>&1 || rc=$?
	must "$point_name" sh -c \
		"[ $rc -eq 2 ] && grep -q -e '$point_pattern' '$scratch/said'"
}

wrong "an unknown option is named" "--nosuch" --nosuch
wrong "an unknown operation is named" "no-such-thing" --list no-such-thing
wrong "two formats are too many" "--csv" --json --csv
must "the operations are listed" sh -c \
	"'$heddle' stall --list | grep -q '^deque-steal  *wait-free'"

must "structures block nowhere" "$heddle" stall \
	groupword-take bitset-claim inject-push tagstack-pop waitq-pop \
	deque-pop-last deque-steal split-pop split-force
must "a whole pool does not, tried here and there" "$heddle" stall --quick \
	submit slot-set
must "what says that it blocks is no failure" "$heddle" stall --quick \
	group-update parker-park

"$heddle" stall control-mutex ck-fifo-enqueue --csv >"$scratch/csv"
remark <"$scratch/csv"
must "a mutex is found blocking" sh -c \
	"grep '^control-mutex,' '$scratch/csv' | cut -d, -f6 | grep -q '^[1-9]'"
must "a queue without a lock is not" sh -c \
	"grep '^ck-fifo-enqueue,' '$scratch/csv' | cut -d, -f6 | grep -q '^0$'"
must_fail "a broken twin makes it fail, and is named" \
	"twin-spinlock says that it is lock-free and blocks at" \
	"$heddle" stall twin-spinlock
finish
