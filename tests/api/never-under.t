#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Each configuration of caps, supplies and workers settles at the largest number of tasks
# that may run, also when tasks begin regions that last: then nobody looks for work
# but who gave the permits back.
#
# clause: C2
# clause: B1
# property: P5
#
# Method: never-under of the torture tool, for a fixed number of configurations; a pool
# with a fixed number of workers first, then an elastic one.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"

[ -x "$build/heddle" ] || skip_all "no $build/heddle"
seed=${HEDDLE_TEST_SEED:-$(date +%s)}
echo "# seed $seed"
must "1500 configurations settle" "$build/heddle" stress --seed "$seed" \
	--configurations 1500 never-under
finish
