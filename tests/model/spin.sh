# SPDX-License-Identifier: BSD-2-Clause
#
# What the tests of models in Promela share, to be sourced behind sh-tap.sh with
# $model set. A model is explored completely, or must be found broken.

not_again
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
		sed -n -e 's/^ *\([0-9.e+]*\) states, stored.*/# \1 states/p' \
			-e 's/^ *\([0-9.e+]*\) transitions .*/# \1 transitions/p' \
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

# broken BUG PATTERN DEFINITIONS: the exploration finds that violation, soon, so that
# the compiler is most of the cost. A pattern is what the explorer says of a property.
broken() {
	if explore "-DBUG_$1 $3" -O0 >"$scratch/output" 2>&1 &&
	   grep -q "^pan:1: .*$2" "$scratch/output"; then
		pass "broken: $1 is found ($3)"
	else
		fail "broken: $1 is found ($3)"
		remark <"$scratch/output"
	fi
}
