#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# heddle bench lockfree runs every cell, prints what its options ask for, and
# names what is wrong with them. How fast anything is, is not looked at.
#
# Method: one round of a millisecond for each cell, in every format.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

heddle=$build/heddle
[ -x "$heddle" ] || skip_all "no $heddle"
if [ -r "$build/tests/style/machines.env" ]; then
	# shellcheck disable=SC1091
	. "$build/tests/style/machines.env"
	# shellcheck disable=SC2154
	[ -z "$sanitizer" ] ||
		skip_all "$sanitizer does not see the opponents' assembly"
fi
brief="--quick --rounds 1 --round-ms 1 --trials 2"

# bad PATTERN OPTION...: exit status 2 and one line that names the argument.
bad() {
	bad_pattern=$1
	shift
	rc=0
	"$heddle" bench lockfree "$@" >"$scratch/output" 2>&1 || rc=$?
	if [ $rc -eq 2 ] && [ "$(wc -l <"$scratch/output")" -eq 1 ] &&
			grep -q -e "$bad_pattern" "$scratch/output"; then
		pass "refused: $*"
	else
		fail "refused: $*"
		remark <"$scratch/output"
	fi
}

bad 'rounds' --rounds 0
bad 'round-ms' --round-ms x
bad 'trials' --trials
bad 'wrong' --wrong
bad 'operand' operand
must "the list names it" sh -c '"$1" bench list | grep -q lockfree' - "$heddle"
must "--help names every option" sh -c '
	"$1" bench lockfree --help >"$2/help" &&
	for option in rounds round-ms limit-ms trials quick seed out json csv check
	do grep -q -e "--$option" "$2/help" || exit 1; done' - "$heddle" "$scratch"

# shellcheck disable=SC2086
must "it runs and stores" "$heddle" bench lockfree $brief --csv --out "$scratch/out"
"$heddle" bench lockfree $brief --csv >"$scratch/csv" 2>/dev/null || :
# The cells of a build with CK's inline assembly; the two lists of ours in it.
must "CSV has a row for each cell" awk -F, '
	NR == 1 { if ($1 != "shape") exit 1 }
	/^(pair|1p1c|4p1c),inject,/ { queues++ }
	/^(pair|owner|steal idle|steal pushing|busy owner),split,/ { deques++ }
	END { exit !(NR > 40 && queues == 3 && deques == 5) }' "$scratch/csv"
must "each target is in it" awk -F, '
	NR == 1 { for (i = 1; i <= NF; i++) if ($i ~ /^target/) column = i }
	NR > 1 && $column != "" { n++ }
	END { exit n != 6 }' "$scratch/csv"
for file in rounds.csv lockfree.svg results.json; do
	must "the folder has $file" test -s "$scratch/out/$file"
done
if command -v python3 >/dev/null; then
	# shellcheck disable=SC2086
	"$heddle" bench lockfree $brief --json >"$scratch/json" 2>/dev/null || :
	must "JSON can be read" python3 -m json.tool "$scratch/json" /dev/null
	must "so can results.json" python3 -m json.tool "$scratch/out/results.json" /dev/null
	must "the picture is XML" python3 -c '
import sys, xml.dom.minidom
xml.dom.minidom.parse(sys.argv[1])' "$scratch/out/lockfree.svg"
else
	skip "JSON and SVG can be read" "python3 is missing"
fi
# On one CPU a round that ends nowhere is none: the limit alone ends it.
# shellcheck disable=SC2086
rc=0
"$heddle" bench lockfree $brief --check >"$scratch/table" 2>"$scratch/said" || rc=$?
case $rc in
0) pass "--check: all targets are met" ;;
1) must "--check: the last line names what was missed" \
	sh -c 'tail -n 1 "$1" | grep -q "missed: "' - "$scratch/said" ;;
77) must "--check: what was not measured is named" \
	grep -q 'not measured: ' "$scratch/said" ;;
*) fail "--check: exit status $rc" ;;
esac
if command -v taskset >/dev/null; then
	cpu=$(awk '/^Cpus_allowed_list/ { sub(/[-,].*/, "", $2); print $2 }' /proc/self/status)
	# shellcheck disable=SC2086
	must "on one CPU it says what it skips" sh -c '
		taskset -c "$1" "$2" bench lockfree '"$brief"' --csv |
			grep -q "^1p1c,inject,.*one CPU"' - "$cpu" "$heddle"
else
	skip "on one CPU it says what it skips" "taskset is missing (util-linux)"
fi
finish
