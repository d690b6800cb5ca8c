#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The protocol of permits holds in its model, and each rule of it is needed.
#
# clause: C1
# clause: C2
# clause: C3
# clause: C6
# clause: C7
# fault: F22
# fault: F25
# fault: F28
# fault: F29
# fault: F37
#
# Method: tests/model/permits.pml is explored completely in small configurations;
# then once with each rule broken, where the named violation must be found.
# Assertions: no take above a target, no running above a cap; no task that was
# submitted after set_cap(0) had returned is called; when nobody can move, no
# group has work, headroom and a sleeper at once, counts are true, ready bits
# cover the work. Loops: no schedule goes on for ever without an end.
# doc/design/permits-model.md has the larger configurations.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"

model=$top/tests/model/permits.pml
# shellcheck source=tests/model/spin.sh
. "$(dirname "$0")/spin.sh"

# What the explorer says of each property; g stands for the number of a group.
stranded='violated.*work\[g\]>0.*idle!=0'
unmarked='violated.*here\[g\]'
banned='violated.*hand==2'
above='violated.*count\[g\]<=target\[g\]'
below='violated.*count\[held\]>=target\[held\]'
untrue='violated.*count\[g\]==running\[g\]'
endless='non-progress cycle'

# finds BUG PROPERTY DEFINITIONS: with that rule broken, the violation of that property.
finds() {
	broken "$1" "$(eval "echo \"\$$2\"" | sed 's/\\\[g\\\]/\\[[g0-9]*\\]/g')" "$3"
}

# One group.
holds "1 group, cap 1, returning" "-DLEVELS=1"
holds "1 group, cap 1, 2+1 tasks that return or not" \
	"-DLEVELS=1 -DNEVER -DMAYBE -DTASKS0=2"
holds "1 group, cap 2, 3 tasks, lingering" \
	"-DLEVELS=1 -DCAP0=2 -DNEVER -DMAYBE -DLINGER -DTASKS0=3 -DTASKS1=0"
holds "1 group, cap 1 to 2, never returning" \
	"-DLEVELS=1 -DCHANGED=0 -DCHANGE1=2 -DNEVER -DTASKS0=2 -DTASKS1=0"
holds "1 group, cap 2 to 1, returning or not" \
	"-DLEVELS=1 -DCAP0=2 -DCHANGED=0 -DCHANGE1=1 -DNEVER -DMAYBE -DTASKS0=2 -DTASKS1=0"
holds "1 group, cap 1 to 0 to 1, never returning" \
	"-DLEVELS=1 -DCHANGED=0 -DCHANGE1=0 -DCHANGE2=1 -DNEVER -DTASKS0=2 -DTASKS1=0"

# Two siblings with caps 1 and 1.
holds "siblings, root 1, never returning" "-DCAPR=1 -DNEVER"
holds_long "siblings, root 2, never returning" "-DCAPR=2 -DNEVER"
holds "siblings, root 1, returning, both asleep at first" \
	"-DCAPR=1 -DPARKED=3"
holds "siblings, root 2, 2 tasks of one, returning" \
	"-DCAPR=2 -DTASKS0=2 -DTASKS1=0"
holds "siblings, root 1 to 2, never returning, both asleep at first" \
	"-DCAPR=1 -DCHANGED=2 -DCHANGE1=2 -DNEVER -DPARKED=3"
holds "siblings, root 2 to 1, never returning, both asleep at first" \
	"-DCAPR=2 -DCHANGED=2 -DCHANGE1=1 -DNEVER -DPARKED=3"

# Three workers, four tasks.
three="-DW=3 -DPARKED=7 -DTASKS0=2 -DTASKS1=2"
holds "3 workers, 2+2 tasks, 1 group, cap 3, never returning, all asleep at first" \
	"$three -DLEVELS=1 -DCAP0=3 -DNEVER"
holds "3 workers, 2+2 tasks, siblings of 2, root 2, never returning, all asleep at first" \
	"$three -DCAP0=2 -DCAP1=2 -DCAPR=2 -DNEVER"
holds "3 workers, 4 tasks, 1 group, cap 1, returning, all asleep at first" \
	"-DW=3 -DPARKED=7 -DTASKS0=4 -DTASKS1=0 -DLEVELS=1"

holds "1 group, cap 1: every schedule ends" "-l -DLEVELS=1"
holds "siblings, root 1: every schedule ends" "-l -DCAPR=1 -DNEVER"

# The three facts and who looks.
two="-DCAPR=2 -DNEVER"
finds SLEEP stranded "$two"
finds IDLE_FIRST stranded "$two"
finds SUBMIT_MARK stranded "$two"
finds TRANSIENT stranded "$two"
finds TRANSIENT stranded "-DCAPR=1"
finds ROLL_BACK stranded "-DCAPR=1"
finds OWN_GROUP stranded "$two"
finds OWN_GROUP stranded "-DCAPR=1"
finds CHAIN stranded "$two"
finds CHAIN_ONCE stranded "$three -DLEVELS=1 -DCAP0=3 -DNEVER"
holds "CHAIN_ONCE: two workers do not show it" \
	"-DBUG_CHAIN_ONCE -DLEVELS=1 -DCAP0=2 -DNEVER -DPARKED=3 -DTASKS0=2 -DTASKS1=2"
holds "CHAIN_ONCE: nor when a cap rises" \
	"-DBUG_CHAIN_ONCE -DLEVELS=1 -DCHANGED=0 -DCHANGE1=2 -DNEVER -DTASKS0=2 -DTASKS1=0"
finds SEARCHING stranded "-DLEVELS=1 -DCAP0=2 -DNEVER"
finds RAISE stranded \
	"-DLEVELS=1 -DCHANGED=0 -DCHANGE1=2 -DNEVER -DTASKS0=2 -DTASKS1=0"
finds LINGER stranded \
	"-DLEVELS=1 -DCAP0=2 -DNEVER -DMAYBE -DLINGER -DTASKS0=3 -DTASKS1=0"
finds BLIND_LOOK endless "-l -DLEVELS=1"
finds CLAIM untrue "$two"

# The ready bits.
finds WORK stranded "-DLEVELS=1 -DTASKS0=2"
finds EMPTY stranded "$two -DCAP0=2 -DSECOND=0"
finds SET_ONE stranded "$two -DCAP0=2 -DSECOND=0"
finds FULL stranded "$two"
finds GIVER_MARK stranded "$two"
finds RETRY stranded "-DCAPR=1"
holds "MARK_STOPS: a mark may stop at a set bit" "-DBUG_MARK_STOPS $two"

# The words and attention.
finds BLIND_TAKE above "-DLEVELS=1"
finds ATTENTION banned "-DLEVELS=1 -DCHANGED=0 -DCHANGE1=0"
finds HANDED banned "-DLEVELS=1 -DCAP0=2 -DCHANGED=0 -DCHANGE1=0 -DTASKS0=2"
finds BUMP_FIRST banned "-DLEVELS=1 -DCHANGED=0 -DCHANGE1=0"
finds UNDER below "-DLEVELS=1 -DCAP0=2 -DCHANGED=0 -DCHANGE1=1 -DNEVER"
finds PUT_BACK unmarked \
	"-DLEVELS=1 -DCAP0=2 -DCHANGED=0 -DCHANGE1=1 -DNEVER"

finish
