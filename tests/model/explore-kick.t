#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Submit, kick and sleep on the real scheduler: no wake is lost and no cap is
# exceeded, with one group and with two siblings that share permits, with tasks
# that return and with tasks that never do.
#
# Method: each scenario is explored with a bound on preemptions, by PCT and at
# random; how far is printed. Then twins of the library, each broken by one edit
# of the source, are explored in the same way and must be found. The string of
# each failure must replay it.
#
# clause: C1
# clause: C2
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"
# shellcheck source=tests/model/lab.sh
. "$(dirname "$0")/lab.sh"
needs kick

for scenario in kick kick-two kick-stuck siblings siblings-stuck \
		siblings-moment; do
	for strategy in --dfs=2 --pct=3 --random; do
		passes "$scenario $strategy" "^passed" "$scenarios/kick" \
			"$scenario" "$strategy" --seconds=2
	done
done

# caught TWIN SCENARIO STRATEGY
caught() {
	if ! program=$(abs_top_srcdir=$top abs_top_builddir=$build \
			"$top/lab/make-twin" "$1" kick 2>"$scratch/errors"); then
		fail "the twin $1 is made"
		remark <"$scratch/errors"
		return
	fi
	finds "$2 catches $1" "at rest" "$program" "$2" "$3" \
		--executions=200000 --seconds=20
}

caught kick-none kick --pct=3
caught flag-stuck kick-two --pct=3
caught flag-stuck siblings --pct=3
caught wake-no-chain siblings-stuck --pct=4
caught give-unseen siblings-moment --pct=4
finish
