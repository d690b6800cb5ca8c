#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The laboratory as people use it: every strategy finds a lost wake-up, with
# fibers and with real threads; a failure is shown as a table and replays; what
# is wrong on the command line is named.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"

[ -x "$build/lab/explore" ] ||
	skip_all "no $build/lab/explore: built without the laboratory"
heddle=$build/heddle

for twin in toy-park-no-fence toy-park-check-before; do
	for how in --bound=2 --depth=3 --random "--bound=any --threads"; do
		# Options are words.
		# shellcheck disable=SC2086
		must "$twin is found by $how" "$heddle" explore run $twin $how \
			--expect
	done
done
must "no toy is found without a fault, with real threads" \
	"$heddle" explore run toy-park --bound=1 --threads

# A failure that is not expected: the table, and its string.
"$heddle" explore replay toy-park-no-fence 0 >"$scratch/zero" 2>&1 || :
"$heddle" explore run toy-park-no-fence --json >"$scratch/json"
string=$(sed -n 's/.*"replay": "\([^"]*\)".*/\1/p' "$scratch/json")
must "JSON has the kind" grep -q '"kind": "lost wake-up"' "$scratch/json"
must "and a string" test -n "$string"
i=0
same=0
while [ $i -lt 100 ]; do
	i=$((i + 1))
	"$heddle" explore replay toy-park-no-fence "$string" --json \
		>"$scratch/again" && grep -q '"kind": "lost wake-up"' \
		"$scratch/again" && same=$((same + 1))
done
must "the string fails 100 times of 100" test $same -eq 100
must "two runs with one seed are the same" sh -c "
	'$heddle' explore run toy-park --random --runs=500 --seed=7 --json |
		sed 's/\"seconds\": [0-9.]*//' >'$scratch/one'
	'$heddle' explore run toy-park --random --runs=500 --seed=7 --json |
		sed 's/\"seconds\": [0-9.]*//' | cmp - '$scratch/one'"

# refuses NAME PATTERN WORD...: exit status 2, and the thing is named.
refuses() {
	point_name=$1
	pattern=$2
	shift 2
	rc=0
	"$heddle" "$@" >"$scratch/output" 2>&1 || rc=$?
	if [ $rc -eq 2 ] && grep -q -e "$pattern" "$scratch/output"; then
		pass "$point_name"
	else
		fail "$point_name"
		echo "# exit status $rc"
		remark <"$scratch/output"
	fi
}

refuses "an unknown scenario" "'no-such'" explore run no-such
refuses "an unknown option" "'--no-such'" explore run toy-park --no-such
refuses "a bound that is no number" "'x'" explore run toy-park --bound=x
refuses "no command" "command" explore
refuses "an unknown command" "'walk'" explore walk
refuses "a string that is none" "not a replay string" \
	explore replay toy-park '?'
refuses "a string of another scenario" "choice" \
	explore replay toy-park 'zzzzzzzzz'
refuses "a shard that is none" "'3/2'" explore run all --shard=3/2
refuses "an unknown operation" "'no-such'" count no-such
finish
