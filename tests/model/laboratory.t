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
refuses "an unknown option" "explore: unknown option '--no-such'" \
	explore run toy-park --no-such
refuses "an option without its value" "--bound needs a value" \
	explore run toy-park --bound
refuses "a value for an option that has none" "--json takes no value" \
	explore run toy-park --json=yes
refuses "a short option" "unknown option '-x'" explore run toy-park -x
refuses "an argument of list" "list takes no name: 'foo'" explore list foo
refuses "a bound that is no number" "'x'" explore run toy-park --bound=x
refuses "no command" "command" explore
refuses "an unknown command" "'walk'" explore walk
refuses "a string that is none" "not a replay string" \
	explore replay toy-park '?'
refuses "a string of another scenario" \
	"explore: 'zzzzzzzzz' is not a string of scenario toy-park: .*choice" \
	explore replay toy-park 'zzzzzzzzz'
cp "$scratch/output" "$scratch/said"
must "which reads like no failure that was found" sh -c '
	! grep -qE "FAILED|failure|unfit|executions" "$1" && test "$(wc -l <"$1")" -eq 1' \
	sh "$scratch/said"
refuses "a shard that is none" "'3/2'" explore run all --shard=3/2
refuses "an unknown operation" \
	"count: no operation is called 'no-such'; 'heddle count list'" count no-such
refuses "an unknown option of count" "count: unknown option '--no-such'" \
	count --no-such
must "the operations are listed" sh -c '
	"$1" count list | grep -q "^deque-push  *[a-z]"' sh "$heddle"

# ends NAME END WORD...: a clean line, and how it ends.
ends() {
	point_name=$1
	end=$2
	shift 2
	must "$point_name" sh -c '
		end=$1; shift
		"$@" >"$0" && cat "$0" && grep -q "^passed .*/s$end\$" "$0"' \
		"$scratch/line" "$end" "$heddle" explore run "$@"
}

ends "a proof says that it is complete" " complete" toy-park
ends "a search that its runs cut says so" " not complete: 5 runs were over" \
	toy-park --runs=5
ends "and one that its time cuts" " not complete: 0.001 s were over" \
	cap-raise --bound=any --old=any --seconds=0.001
ends "chance that had all its runs was not cut" "" toy-park --random --runs=5
ends "chance that had not was" " not complete: 0.001 s were over" \
	toy-park --random --seconds=0.001
"$heddle" explore run toy-park --runs=5 --json >"$scratch/json"
must "JSON has what cut it" \
	grep -q '"complete": false, "cut_by": "runs"' "$scratch/json"
"$heddle" explore run toy-park toy-park --runs=5 >"$scratch/two"
must "of several it is counted" \
	grep -qx "2 scenarios, 0 bad, 2 not complete" "$scratch/two"
finish
