#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Each task of a split deque is taken once, by its owner without a fence or by a thief,
# and what an owner has can be taken whatever it is doing.
#
# Method: tests/model/split.pml is explored completely in small configurations; then
# once with each rule broken, where the named violation must be found. Assertions: a
# task is taken once, none is lost; who gets none by force, or from a pop, has missed
# none; what was forced open is open to all; nobody sleeps while there is a task and
# nobody was woken. Loops: every schedule ends.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"
model=$top/tests/model/split.pml
# shellcheck source=tests/model/spin.sh
. "$(dirname "$0")/spin.sh"

holds "a thief" ""
holds "a thief, and an exchange that is no fence" "-DWEAK -DROUNDS=3 -DOPS=6"
holds "a thief that takes half" "-DSLOTS=4 -DTASKS=4 -DOPS=6"
holds "two thieves" "-DTHIEVES=2 -DROUNDS=1"
holds "one that goes to sleep" "-DSLEEPERS=1"
holds "one that goes to sleep, and an exchange that is no fence" \
	"-DSLEEPERS=1 -DWEAK -DOPS=6"
holds "two that go to sleep" "-DTHIEVES=2 -DSLEEPERS=2 -DTASKS=2 -DOPS=4"
holds "every schedule ends" "-l"
holds "every schedule ends, with one that goes to sleep" "-l -DSLEEPERS=1"

twice='!(out\[\(first\|mine\[(own%2)\]\)\])'
missed='(out\[value\]||(hand==value))'
shut='seen.generation==opened'
lost='slot\[(i%2)\]'
below='bottom>=word.tail'
asleep='asleep>0'
broken NO_BARRIER "$missed" ""
broken DEAF_POP "$twice" ""
broken LATE_NOTE "$twice" ""
broken BOTTOM_FIRST "$missed" ""
broken BLIND_FORCE "$twice" ""
broken SAME_GENERATION "$twice" ""
broken LIMIT_LATE "$twice" ""
broken NOT_REVOKED "$shut" ""
broken OVERFULL "$lost" ""
broken LOWERED "$below" ""
broken DEAF_PUSH "$asleep" "-DSLEEPERS=1"
broken STORE_QUESTION "$asleep" "-DSLEEPERS=1"
broken UNASKED "$asleep" "-DSLEEPERS=1"
holds "ANY_NONE: a note need not be read again where loads are in order" \
	"-DBUG_ANY_NONE -DSLEEPERS=1"

finish
