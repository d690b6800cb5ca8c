#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The program of W3: each of its peers computes each tree, tells what the driver
# reads, and names what is wrong with its options. How fast it is, is not looked at.
#
# Method: small sizes, two rounds each, as the driver would ask for them.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

w3=$build/bench/w3
[ -x "$w3" ] || skip_all "no $w3"

# rounds ANSWER OPTION...: two rounds with that answer.
rounds() {
	answer=$1
	shift
	printf 'go\ngo\n' | "$w3" bench-peer --workload W3 "$@" >"$scratch/output" &&
		sed 's/ns=[0-9.]* /ns=N /' "$scratch/output" >"$scratch/told" &&
		{ sed -n 1p "$scratch/told" | grep -q '^ready'; } &&
		[ "$(sed 1d "$scratch/told" | tr '\n' ';')" = \
			"round ns=N answer=$answer;round ns=N answer=$answer;end;" ]
}

for peer in serial heddle-typed heddle-fn; do
	must "$peer: fib" rounds 377 --peer $peer --program fib --n 14
	must "$peer: nq" rounds 4 --peer $peer --program nq --n 6
done
must "two workers: fib" rounds 6765 --peer heddle-typed --workers 2 --n 20
must "two workers: uts" rounds "$("$w3" bench-peer --workload W3 --peer serial \
	--program uts --n 4 <<-X | sed -n 's/.*answer=//p'
	go
	X
)" --peer heddle-fn --workers 2 --program uts --n 4

# refused STATUS OPTION...: that exit status.
refused() {
	wanted=$1
	shift
	rc=0
	"$w3" "$@" >"$scratch/output" 2>&1 </dev/null || rc=$?
	[ $rc -eq "$wanted" ]
}

must "no peer" refused 2 bench-peer --workload W3
must "an unknown peer" refused 2 bench-peer --workload W3 --peer other
must "an unknown program" refused 2 bench-peer --peer serial --program other
must "no workers" refused 2 bench-peer --peer heddle-fn --workers 0
must "a key without a value" refused 2 bench-peer --peer
must "a size without a known answer" refused 77 bench-peer --peer serial \
	--program nq --n 7
must "more threads than plain calls have" refused 77 bench-peer \
	--peer serial --workers 2
finish
