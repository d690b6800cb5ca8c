#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# An idle pool makes no system call: a STATIC one, and an ELASTIC one with its spare
# worker.
#
# clause: C8
#
# Method: strace watches each thread of a program whose workers sleep, for
# HEDDLE_TEST_IDLE_SECONDS (2 if not set; .ci/run says 10). All that may be seen is the
# call in which each thread was when the watch began, a futex without a timeout for a
# worker, and its end must not be seen. Then a task is submitted under the same watch,
# and calls must be seen.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"

seconds=${HEDDLE_TEST_IDLE_SECONDS:-2}
program=$build/tests/support/idle
[ -x "$program" ] || skip_all "no $program: make check-programs builds it"
command -v strace >/dev/null || skip_all "strace is missing"
# shellcheck disable=SC1091
[ ! -r "$build/tests/style/machines.env" ] || . "$build/tests/style/machines.env"
case ${sanitizer-} in
*thread*) skip_all "ThreadSanitizer has a thread of its own, which is not idle" ;;
esac
strace -o /dev/null true 2>"$scratch/denied" ||
	skip_all "no ptrace here: $(tail -n 1 "$scratch/denied")"

# until_line PATTERN FILE: waits until the file has such a line; 1 after 20 s.
until_line() {
	tries=0
	until grep -q -e "$1" "$2" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 400 ] || return 1
		sleep 0.05
	done
}

# What was called, the number of the thread before it, without ends and remarks.
calls() {
	grep -E '^[0-9]+ +[a-z_0-9]+\(' "$1" || :
}

watch() { # KIND
	# What the last one said is not to be taken for what this one says.
	rm -f "$scratch/says" "$scratch/strace" "$scratch/trace"
	mkfifo "$scratch/input"
	"$program" "$1" <"$scratch/input" >"$scratch/says" &
	pid=$!
	exec 9>"$scratch/input"
	if ! until_line parked "$scratch/says"; then
		fail "$1: both workers park"
		exec 9>&-
		return
	fi
	strace -f -p "$pid" -o "$scratch/trace" 2>"$scratch/strace" &
	tracer=$!
	if ! until_line 'attached' "$scratch/strace"; then
		exec 9>&-
		skip "$1: watched" "no ptrace here: $(tail -n 1 "$scratch/strace")"
		return
	fi
	sleep "$seconds"
	cp "$scratch/trace" "$scratch/idle"
	echo >&9
	until_line ran "$scratch/says" || fail "$1: the task runs"
	kill -s INT "$tracer"
	wait "$tracer" 2>/dev/null || :
	exec 9>&-
	wait "$pid"
	rm -f "$scratch/input"

	calls "$scratch/idle" | sed 's/ .*//' | sort >"$scratch/threads"
	must "$1: no thread called twice in $seconds s" \
		sh -c "uniq -d '$scratch/threads' | diff /dev/null -"
	must "$1: no call ended" sh -c \
		"grep -vE 'unfinished|detached|read\\(0, |futex\\(.*, NULL,' '$scratch/idle' |
			diff /dev/null -"
	must "$1: three threads were watched" test "$(wc -l <"$scratch/threads")" -eq 3
	must "$1: a task under the same watch is seen" test \
		"$(calls "$scratch/trace" | wc -l)" -gt "$(wc -l <"$scratch/threads")"
	awk 1 "$scratch/idle" | remark # it ends in the middle of a line
}

watch static
watch elastic
finish
