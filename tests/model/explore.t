#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Every scenario of the laboratory is clean, as far as it says itself: within its
# bounds of preemptions and old values, or 2 seconds of them here; a few also by PCT
# (20000 executions here, a million in "heddle explore run all").
#
# clause: C1
# clause: C2
# fault: F43
#
# Method: the program explores all of them on every processor; a point for each.
# What was explored, and what is complete, stands in the remarks. The ring of a deque that
# is replaced under its thieves: deque-again, deque-retire; a deque that does it wrong must
# be found: known-deque-resize.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"
not_again

explore=$build/lab/explore
[ -x "$explore" ] || skip_all "no $explore: built without the laboratory"

"$explore" run all --quick --jobs "$(nproc)" >"$scratch/all" 2>&1 || :
for name in $("$explore" list | sed 's/ .*//'); do
	if grep -q "^\\(passed\\|found\\)  *$name " "$scratch/all"; then
		pass "$name"
	else
		fail "$name"
		sed -n "/^[A-Za-z-]*  *$name /,/heddle explore replay/p" \
			"$scratch/all" | cut -c1-300 | remark
	fi
	grep "^[A-Za-z-]*  *$name " "$scratch/all" | remark
done
finish
