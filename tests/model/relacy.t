#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# A second opinion of the laboratory: the deques, the parker and the injection list under
# Relacy, which has another memory, other schedules and another author.
#
# clause: Q1
# property: P1
# property: P12
# property: P37
#
# Method: tests/model/relacy/translate.sed turns the sources of the library, line by
# line, into C++ with Relacy's words; machine.hh is the rest of the machine. Each runs at
# random for HEDDLE_TEST_SECONDS (0.2), those that are small enough also in every order;
# then the library with one edit, each of which must be found. doc/lab.md says where
# Relacy sees less than the laboratory.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"
not_again

# CXX may be a command with flags. Nothing has to be silenced: to the compiler Relacy is
# a header of the system.
cxx="${CXX:-c++} -std=c++17 -Wall -Wextra"
models=$top/tests/model/relacy
seconds=${HEDDLE_TEST_SECONDS:-0.2}
structures="deque inject parker split"
tab=$(printf '\t')

echo 'int main() { return 0; }' >"$scratch/probe.cc"
# shellcheck disable=SC2086
$cxx -o "$scratch/probe" "$scratch/probe.cc" >/dev/null 2>&1 ||
	skip_all "no C++ compiler: ${CXX:-c++}"
echo '#include <relacy/relacy.hpp>' >"$scratch/probe.cc"
# shellcheck disable=SC2086
$cxx -fsyntax-only "$scratch/probe.cc" >"$scratch/output" 2>&1 ||
	case $(cat "$scratch/output") in
	*relacy/relacy.hpp*) skip_all "relacy-dev is not installed" ;;
	*) skip_all "$cxx does not compile <relacy/relacy.hpp>" ;;
	esac

# translate FOLDER [FILE EDIT]: the library in C++, in that folder; with an edit of one
# file before. 1: the edit changes nothing.
translate() {
	mkdir -p "$1/lockfree"
	for part in ahead.h deque.c deque.h inject.h node.h parker.c parker.h reclaim.c \
		reclaim.h split.c split.h; do
		part=lockfree/$part
		if [ "$part" = "${2-}" ]; then
			sed "$3" "$top/$part" >"$scratch/edited"
			! cmp -s "$top/$part" "$scratch/edited" || return 1
		else
			cp "$top/$part" "$scratch/edited"
		fi
		sed -f "$models/translate.sed" "$scratch/edited" >"$1/$part"
	done
}

# compile FOLDER STRUCTURE: the program FOLDER/STRUCTURE, of the library in that folder.
# The first explore.hh that the compiler meets is the one that it has read before.
compile() {
	# shellcheck disable=SC2086
	$cxx -O0 -I"$scratch/read" -include explore.hh -I"$1" -I"$models" \
		-o "$1/$2" "$models/$2.cc" "$scratch/explore.o"
}

# What all programs share: it does not see the library.
mkdir "$scratch/read"
# shellcheck disable=SC2086
must "Relacy compiles" $cxx -O2 -c -o "$scratch/explore.o" "$models/explore.cc"
# shellcheck disable=SC2086
must "Relacy can be read ahead" $cxx -O0 -x c++-header -I"$models" \
	-o "$scratch/read/explore.hh.gch" "$models/explore.hh"
[ $failures -eq 0 ] || { finish; exit; }
must "the sources are translated" translate "$scratch/real"

# explored STRUCTURE METHOD SECONDS: a point for each line of the program.
explored() {
	"$scratch/real/$1" "$2" "$3" >"$scratch/output" 2>&1 || :
	grep -E '^(holds|FAILED) ' "$scratch/output" >"$scratch/lines" ||
		fail "$1 says nothing ($2)"
	while read -r word line; do
		case $word in
		holds) pass "holds: $line" ;;
		*)
			fail "holds: $line"
			sed -n "/^FAILED ${line%%:*}:/,/^holds /p" "$scratch/output" |
				sed 200q | remark
			;;
		esac
	done <"$scratch/lines"
}

for structure in $structures; do
	must "$structure compiles" compile "$scratch/real" "$structure"
	[ -x "$scratch/real/$structure" ] || continue
	explored "$structure" random "$seconds"
	explored "$structure" complete 60
done

# twin NAME STRUCTURE METHOD SCENARIO MESSAGE FILE EDIT
twin() {
	rm -rf "$scratch/twin"
	if ! translate "$scratch/twin" "$6" "$7"; then
		fail "twin $1 does not differ: $6 has changed"
	elif ! compile "$scratch/twin" "$2" >"$scratch/output" 2>&1; then
		fail "twin $1 compiles"
		remark <"$scratch/output"
	elif "$scratch/twin/$2" "$3" 20 "$4" >"$scratch/output" 2>&1 ||
		! grep -E -q "^FAILED $4: .*($5)" "$scratch/output"; then
		fail "NOT-FOUND $1 by $4, wanted $5: $(sed -n 1p "$scratch/output")"
	else
		pass "found $1 by $(sed -n 's/^FAILED //p' "$scratch/output")"
	fi
}

# Those of the laboratory have their edit there.
while IFS=$tab read -r name structure method scenario message file edit; do
	case $name in '#'*) continue ;; esac
	if [ "$file" = laboratory ]; then
		row=$(grep "^$name$tab" "$top/lab/twins.tsv" || :)
		file=$(printf '%s\n' "$row" | cut -f4)
		edit=$(printf '%s\n' "$row" | cut -f5)
	fi
	twin "$name" "$structure" "$method" "$scenario" "$message" \
		"$file" "$edit"
done <"$models/twins.tsv"

finish
