#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What a command is given by mistake is refused with exit status 2 and a line that
# says what is wrong with it, and every script that people call has a --help.
#
# Method: numbers below, above and beside their range, for the commands that read
# them by one table; the scripts are only asked, and make nothing. The commands with
# a test of their own have their mistakes there: top, trace, bench, explore, stall.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

heddle=$build/heddle
[ -x "$heddle" ] || skip_all "no $heddle"

# refused PATTERN COMMAND...: status 2, nothing on standard output, and one line.
refused() {
	pattern=$1
	shift
	rc=0
	"$@" >"$scratch/out" 2>"$scratch/err" || rc=$?
	name=$(echo "$*" | sed "s|$build/||; s|$top/||")
	if [ $rc -eq 2 ] && [ ! -s "$scratch/out" ] &&
		[ "$(wc -l <"$scratch/err")" -eq 1 ] &&
		grep -q -e "$pattern" "$scratch/err"; then
		pass "refused: $name"
	else
		fail "refused: $name"
		echo "# exit status $rc, wanted 2 and: $pattern"
		remark <"$scratch/err"
	fi
}

## heddle ------------------------------------------------------------------------

refused 'unknown command .nosuch.' "$heddle" nosuch
refused 'unknown option .--nosuch.' "$heddle" --nosuch
refused 'a command is missing' "$heddle"

refused '--seconds -1: not in 0..1000000$' "$heddle" stress --seconds -1
refused '--seconds -.5: not in' "$heddle" stress --seconds=-.5
refused '--seconds 1e7: not in' "$heddle" stress --seconds 1e7
refused '--seconds 0: it must be above 0' "$heddle" stress --seconds 0
refused '--seconds 1s: not a number' "$heddle" stress --seconds 1s
refused '--seconds -x: not a number' "$heddle" stress --seconds -x
refused '--seconds -1x: not a number' "$heddle" stress --seconds -1x
refused '--seconds -inf: not a number' "$heddle" stress --seconds -inf
refused '--seconds needs a value' "$heddle" stress --seconds
refused '--stall-seconds 0: not in 1..' "$heddle" stress --stall-seconds 0
refused '--seed -1: not in 0..' "$heddle" stress --seed -1
refused '--seed 1.5: not a number' "$heddle" stress --seed 1.5
refused 'unknown scenario .nosuch.' "$heddle" stress nosuch
refused '--count -1: not in 0..' "$heddle" top --demo --count -1
refused '--events -1: not in 1..' "$heddle" trace --demo --events -1
refused '--seed -1: not in 0..' "$heddle" paper run P01 --seed -1
refused 'unknown option .--nosuch.' "$heddle" paper run P01 --nosuch

## scripts -----------------------------------------------------------------------

# helps PATTERN COMMAND...: status 0, and the text on standard output.
helps() {
	pattern=$1
	shift
	name=$(echo "$*" | sed "s|$top/||")
	must "helps: $name" sh -c '
		pattern=$1; shift
		"$@" 2>/dev/null | tee /dev/stderr | grep -q -e "$pattern"' \
		sh "$pattern" "$@"
}

helps '--jobs N' "$top/bootstrap" help
helps '--replays N' "$top/lab/run-twins" --help
helps '--settled' "$top/lab/run-mutants" --help
helps '--shard' "$top/scripts/run-mutants" --help
refused "'--nosuch' (lab/run-twins --help)" "$top/lab/run-twins" --nosuch
refused "'--nosuch' (lab/run-mutants --help)" "$top/lab/run-mutants" --nosuch
refused 'unknown option --nosuch' "$top/scripts/run-mutants" --nosuch

refused 'unknown command: nosuch' "$top/bootstrap" nosuch
refused 'check does not take: nosuch' "$top/bootstrap" check nosuch
refused 'check does not take: nosuch' "$top/bootstrap" check --jobs 2 nosuch
for number in '' 0 x -1 2x 100000; do
	refused '--jobs needs a number' "$top/bootstrap" build --jobs "$number"
	refused '--jobs needs a number' "$top/bootstrap" check "--jobs=$number"
done
refused '--jobs needs a number' "$top/bootstrap" run --jobs
refused '--jobs needs a number' "$top/bootstrap" build --prefix=/nowhere --jobs
finish
