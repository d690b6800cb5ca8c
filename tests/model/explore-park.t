#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The explorer finds a lost wake-up: a toy that parks and unparks is right in
# every execution, and each of its two wrong forms is caught by each strategy.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"
# shellcheck source=tests/model/lab.sh
. "$(dirname "$0")/lab.sh"
needs park

program=$scenarios/park
passes "no wake is lost, in any execution" "complete" "$program" park --dfs
passes "nor with spurious wakes, up to 3 preemptions" "complete" \
	"$program" park-spurious --dfs=3
for twin in park-no-fence park-check-before; do
	for strategy in --dfs=2 --pct=3 --random; do
		finds "$twin is found by $strategy" "asleep with work" \
			"$program" "$twin" "$strategy" --executions=100000
	done
done
finish
