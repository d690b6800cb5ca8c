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
cc=${CC:-cc}

command -v spin >/dev/null 2>&1 || skip_all "spin is not installed"
echo 'int main(void) { return 0; }' >"$scratch/probe.c"
# CC may be a command with flags.
# shellcheck disable=SC2086
$cc -o "$scratch/probe" "$scratch/probe.c" >/dev/null 2>&1 ||
	skip_all "no C compiler: $cc"

# explore DEFINITIONS [CC FLAG]: prints what the explorer said. With -l among them the
# explorer looks for schedules that never end instead of bad states.
explore() {
	kind="-DSAFETY"
	optimise=${2--O1}
	run=
	defs=
	for def in $1; do
		case $def in
		-l)
			kind="-DNP"
			run=-l
			;;
		*) defs="$defs $def" ;;
		esac
	done
	rm -rf "$scratch/pan"
	mkdir "$scratch/pan"
	(
		cd "$scratch/pan"
		# shellcheck disable=SC2086
		spin $defs -a "$model"
		# shellcheck disable=SC2086
		$cc $optimise -w $kind -DNOFAIR -DCOLLAPSE -DMEMLIM=1500 \
			-o pan pan.c
		# shellcheck disable=SC2086
		./pan $run -m100000 -w22
	)
}

# holds NAME DEFINITIONS: the exploration is complete and finds nothing.
holds() {
	if explore "$2" >"$scratch/output" 2>&1 &&
	   grep -q 'errors: 0$' "$scratch/output" &&
	   ! grep -q -e 'Search not completed' -e 'too small' -e 'out of memory' \
		"$scratch/output"; then
		pass "holds: $1"
		sed -n 's/^ *\([0-9.e+]*\) states, stored.*/# \1 states/p' \
			"$scratch/output"
	else
		fail "holds: $1"
		remark <"$scratch/output"
	fi
}

# holds_long NAME DEFINITIONS: the same where it takes many millions of states.
holds_long() {
	if [ -n "${HEDDLE_TEST_LONG-}" ]; then
		holds "$1" "$2"
	else
		skip "holds: $1" "more than 4 million states: HEDDLE_TEST_LONG=1"
	fi
}

# What the explorer says of each property; g stands for the number of a group.
stranded='violated.*work\[g\]>0.*idle!=0'
unmarked='violated.*here\[g\]'
banned='violated.*hand==2'
above='violated.*count\[g\]<=target\[g\]'
below='violated.*count\[held\]>=target\[held\]'
untrue='violated.*count\[g\]==running\[g\]'
endless='non-progress cycle'

# broken BUG PROPERTY DEFINITIONS: the exploration finds that violation, soon,
# so that the compiler is most of the cost.
broken() {
	pattern=$(eval "echo \"\$$2\"" | sed 's/\\\[g\\\]/\\[[g0-9]*\\]/g')
	if explore "-DBUG_$1 $3" -O0 >"$scratch/output" 2>&1 &&
	   grep -q "^pan:1: .*$pattern" "$scratch/output"; then
		pass "broken: $1 is found, $2 ($3)"
	else
		fail "broken: $1 is found, $2 ($3)"
		remark <"$scratch/output"
	fi
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
broken SLEEP stranded "$two"
broken IDLE_FIRST stranded "$two"
broken SUBMIT_MARK stranded "$two"
broken TRANSIENT stranded "$two"
broken TRANSIENT stranded "-DCAPR=1"
broken ROLL_BACK stranded "-DCAPR=1"
broken OWN_GROUP stranded "$two"
broken OWN_GROUP stranded "-DCAPR=1"
broken CHAIN stranded "$two"
broken CHAIN_ONCE stranded "$three -DLEVELS=1 -DCAP0=3 -DNEVER"
holds "CHAIN_ONCE: two workers do not show it" \
	"-DBUG_CHAIN_ONCE -DLEVELS=1 -DCAP0=2 -DNEVER -DPARKED=3 -DTASKS0=2 -DTASKS1=2"
holds "CHAIN_ONCE: nor when a cap rises" \
	"-DBUG_CHAIN_ONCE -DLEVELS=1 -DCHANGED=0 -DCHANGE1=2 -DNEVER -DTASKS0=2 -DTASKS1=0"
broken SEARCHING stranded "-DLEVELS=1 -DCAP0=2 -DNEVER"
broken RAISE stranded \
	"-DLEVELS=1 -DCHANGED=0 -DCHANGE1=2 -DNEVER -DTASKS0=2 -DTASKS1=0"
broken LINGER stranded \
	"-DLEVELS=1 -DCAP0=2 -DNEVER -DMAYBE -DLINGER -DTASKS0=3 -DTASKS1=0"
broken BLIND_LOOK endless "-l -DLEVELS=1"
broken CLAIM untrue "$two"

# The ready bits.
broken WORK stranded "-DLEVELS=1 -DTASKS0=2"
broken EMPTY stranded "$two -DCAP0=2 -DSECOND=0"
broken SET_ONE stranded "$two -DCAP0=2 -DSECOND=0"
broken FULL stranded "$two"
broken GIVER_MARK stranded "$two"
broken RETRY stranded "-DCAPR=1"
holds "MARK_STOPS: a mark may stop at a set bit" "-DBUG_MARK_STOPS $two"

# The words and attention.
broken BLIND_TAKE above "-DLEVELS=1"
broken ATTENTION banned "-DLEVELS=1 -DCHANGED=0 -DCHANGE1=0"
broken HANDED banned "-DLEVELS=1 -DCAP0=2 -DCHANGED=0 -DCHANGE1=0 -DTASKS0=2"
broken BUMP_FIRST banned "-DLEVELS=1 -DCHANGED=0 -DCHANGE1=0"
broken UNDER below "-DLEVELS=1 -DCAP0=2 -DCHANGED=0 -DCHANGE1=1 -DNEVER"
broken PUT_BACK unmarked \
	"-DLEVELS=1 -DCAP0=2 -DCHANGED=0 -DCHANGE1=1 -DNEVER"

finish
