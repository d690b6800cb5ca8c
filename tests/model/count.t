#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What operations cost is what was promised: read-modify-writes, fences, cache
# lines and system calls, counted access by access in the library's own code. A task that is
# taken from the own deque costs no write to a line that all share, and a search costs
# the same beside groups at their cap.
#
# clause: H4
#
# Method: heddle count; a point for each operation. Twins of the deque with one fence
# more, and of the parker with a needless wake, show that the comparison can fail.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"

[ -x "$build/lab/explore" ] ||
	skip_all "no $build/lab/explore: built without the laboratory"

"$build/heddle" count all >"$scratch/table"
remark <"$scratch/table"
"$build/heddle" count all --json >"$scratch/json"
for name in $(sed 1d "$scratch/table" | cut -d' ' -f1); do
	must "$name costs what was promised" \
		grep -q "\"operation\": \"$name\".*\"kept\": true" "$scratch/json"
done
must "there are operations" test "$points" -ge 20

twin=$("$top/lab/make-twin" count-fence lockfree/deque.h \
	'/^static inline bool hd_deque_push_owner/,/^}/s/^	return true;/	atomic_thread_fence(memory_order_seq_cst);&/')
must "one fence more is seen" sh -c \
	"'$twin' count deque-push --json | grep -q '\"kept\": false'"
rm -rf "${twin%/*}"
twin=$("$top/lab/make-twin" count-wake lockfree/parker.c \
	's/if (before != HD_PARKER_ASLEEP)/if (before == HD_PARKER_ASLEEP + 1)/')
must "one system call more is seen" sh -c \
	"'$twin' count parker-unpark --json | grep -q '\"kept\": false'"
rm -rf "${twin%/*}"
finish
