#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# A stop comes to its end whatever the workers are doing, and beside another one as
# fast as alone; the threads it has stopped are forgotten by the kernel when it returns.
#
# clause: D1
# clause: D5
# fault: F05
#
# Method: three scenarios of the torture tool, each for a fixed number of cycles: stops
# that find a worker in each state of its life, two pools stopped at once, and starts at
# exactly the limit of threads. At length: `heddle stress --cycles 1e5 stop-states`, `1e4
# two-pools`, `1e6 nproc`.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"

[ -x "$build/heddle" ] || skip_all "no $build/heddle"
seed=${HEDDLE_TEST_SEED:-$(date +%s)}
echo "# seed $seed"

stress() { # WHAT CYCLES SCENARIO
	if "$build/heddle" stress --seed "$seed" --cycles "$2" "$3" \
		>"$scratch/says" 2>&1; then
		remark <"$scratch/says"
		if grep -q "^$3 *skip " "$scratch/says"; then
			skip "$1" "$(sed -n "s/^$3 *skip //p" "$scratch/says" | head -n 1)"
		else
			pass "$1"
		fi
	else
		remark <"$scratch/says"
		fail "$1"
	fi
}

stress "stops meet each state" 450 stop-states
stress "two pools stop at once as fast as one" 400 two-pools
stress "starts at the limit of threads" 500 nproc
finish
