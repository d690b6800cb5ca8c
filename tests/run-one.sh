#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs one test program within a time limit and leaves nothing of it behind:
# it gets a session and a process group of its own, and whatever is left of
# the group afterwards is killed. A program that passes the limit is aborted
# (so that it dumps core where that is allowed) and the output ends with
# "Bail out!".
#
#   HEDDLE_TEST_TIMEOUT   the limit in seconds, 120 if not set, and 600 for models,
#                         which work all the time and wait for nothing
#   HEDDLE_TEST_NO_SKIP   1: a skipped point counts as failed, for machines
#                         that are meant to have everything
#
# Usage: tests/run-one.sh program [argument...]   (also: prove --exec ...)
set -eu

case $* in
*/model/*) usual=600 ;;
*) usual=120 ;;
esac
limit=${HEDDLE_TEST_TIMEOUT:-$usual}
case $limit in
'' | *[!0-9]*) echo "Bail out! HEDDLE_TEST_TIMEOUT=$limit is no number"; exit 99 ;;
esac
[ $# -gt 0 ] || { echo "run-one.sh: no program named" >&2; exit 2; }

# The shell's trap runs while it waits, so the group dies with us.
group=
kill_group() {
	[ -z "$group" ] || kill -s KILL -- "-$group" 2>/dev/null || :
}
trap 'kill_group; exit 130' HUP INT TERM

run() {
	# Not a group leader, so setsid does not fork: $! is the new group.
	setsid timeout -s ABRT -k 10 "$limit" "$@" </dev/null &
	group=$!
	rc=0
	wait "$group" || rc=$?
	kill_group
	case $rc in
	124 | 137) echo "Bail out! $1: time limit of $limit s has passed" ;;
	esac
	return $rc
}

if [ "${HEDDLE_TEST_NO_SKIP-}" != 1 ]; then
	rc=0
	run "$@" || rc=$?
	exit "$rc"
fi

# The status goes round the filter through descriptor 3.
rc=$({
	{
		rc=0
		run "$@" 3>&- || rc=$?
		echo "$rc" >&3
	} | ${AWK:-awk} '
		/^1\.\.0[ \t]*#[ \t]*[Ss][Kk][Ii][Pp]/ {
			sub(/^1\.\.0[ \t]*#[ \t]*/, "")
			print "1..1"
			print "not ok 1 - must not be skipped: " $0
			next
		}
		/^ok .*#[ \t]*[Ss][Kk][Ii][Pp]/ {
			sub(/^ok/, "not ok")
			sub(/#[ \t]*/, "(must not be skipped) ")
		}
		{ print }' >&4
} 3>&1) 4>&1
exit "$rc"
