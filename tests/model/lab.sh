# SPDX-License-Identifier: BSD-2-Clause
#
# For tests that explore, to be sourced after sh-tap.sh: one point for each
# scenario and what must come out of it.

scenarios=$build/lab/scenarios

# needs PROGRAM...: skips the whole test where the laboratory is not built.
needs() {
	for needed; do
		[ -x "$scenarios/$needed" ] ||
			skip_all "no $scenarios/$needed: built without the laboratory"
	done
}

# passes NAME PATTERN COMMAND...: it finds nothing, and says PATTERN.
passes() {
	point_name=$1
	point_pattern=$2
	shift 2
	rc=0
	"$@" >"$scratch/output" 2>&1 || rc=$?
	if [ $rc -eq 0 ] && grep -q -e "$point_pattern" "$scratch/output"; then
		pass "$point_name"
	else
		fail "$point_name"
		echo "# exit status $rc, wanted 0 and: $point_pattern"
		cut -c1-400 "$scratch/output" | remark
	fi
	sed -n 's/^passed /# /p' "$scratch/output"
}

# finds NAME PATTERN COMMAND...: it fails, says PATTERN, and the string that it
# prints makes it fail again in one execution. The first word of COMMAND is the
# program, the second the scenario.
finds() {
	point_name=$1
	point_pattern=$2
	shift 2
	rc=0
	"$@" >"$scratch/output" 2>&1 || rc=$?
	replay=$(sed -n 's/^ *\(--replay=.*\)/\1/p' "$scratch/output")
	again=0
	"$1" "$2" "$replay" >"$scratch/again" 2>&1 || again=$?
	# Where the program was loaded is no part of the message.
	sed -n '2s/0x[0-9a-f]*/ADDRESS/gp' "$scratch/output" >"$scratch/message"
	sed -n '2s/0x[0-9a-f]*/ADDRESS/gp' "$scratch/again" >"$scratch/message2"
	[ -s "$scratch/message" ] || {
		sed -n 2p "$scratch/output" >"$scratch/message"
		sed -n 2p "$scratch/again" >"$scratch/message2"
	}
	if [ $rc -eq 1 ] && grep -q -e "$point_pattern" "$scratch/output" &&
		[ $again -eq 1 ] &&
		cmp -s "$scratch/message" "$scratch/message2"; then
		pass "$point_name, and it replays"
	else
		fail "$point_name, and it replays"
		echo "# exit status $rc, replayed $again, wanted: $point_pattern"
		cut -c1-400 "$scratch/output" "$scratch/again" | remark
	fi
	sed -n 's/^FAILED /# found: /p' "$scratch/output"
}
