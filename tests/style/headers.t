#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Each public header stands alone, in C11 and in C++11, 17 and 20, with gcc and
# with clang, without a warning and without a header of liburcu, CK or our own
# insides.
#
# Method: a file that includes just the one header, twice, is compiled with
# the strict dialects by the compiler of the build and by those that are here; the
# list of what it pulled in is read.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

[ -r "$build/tests/style/machines.env" ] ||
	skip_all "no $build/tests/style/machines.env: make check writes it"
# shellcheck disable=SC1091
. "$build/tests/style/machines.env"

# Not -Wshadow: C++ calls a function with the name of a struct a shadow, which
# is how stat(2) and its struct are named.
strict="-Wall -Wextra -Wundef -pedantic -Werror"
flags="$strict -I$top/include -I$build/include -fsyntax-only"
# Those of the build first, each once.
here() {
	for compiler; do
		! command -v "$compiler" >/dev/null || echo "$compiler"
	done | awk '!seen[$0]++'
}
# shellcheck disable=SC2086,SC2154
c_compilers=$(here ${cc%% *} gcc clang)
# shellcheck disable=SC2086,SC2154
cxx_compilers=$(here $cxx g++ clang++)
for compiler in gcc clang g++ clang++; do
	case " $(echo $c_compilers $cxx_compilers) " in
	*" $compiler "*) ;;
	*) skip "each header alone, $compiler" "$compiler is missing" ;;
	esac
done

names=$(cd "$top/include" && find heddle -name '*.h' ! -name version.h | LC_ALL=C sort)
for name in heddle/version.h $names; do
	printf '#include <%s>\n#include <%s>\nint alone(void);\n' "$name" "$name" \
		>"$scratch/alone.c"
	cp "$scratch/alone.c" "$scratch/alone.cc"
	for compiler in $c_compilers; do
		# shellcheck disable=SC2086
		must "$name alone in C11, $compiler" "$compiler" -std=c11 $flags \
			"$scratch/alone.c"
	done
	for compiler in $cxx_compilers; do
		for dialect in c++11 c++17 c++20; do
			# shellcheck disable=SC2086
			must "$name alone in $dialect, $compiler" "$compiler" \
				-std=$dialect $flags "$scratch/alone.cc"
		done
	done
	# shellcheck disable=SC2086
	$cc -std=c11 -I"$top/include" -I"$build/include" -M "$scratch/alone.c" |
		tr ' ' '\n' |
		grep -E '(^|/)(urcu|ck_|platform/|lockfree/|sched/|tls/)' \
		>"$scratch/foreign" || :
	if [ -s "$scratch/foreign" ]; then
		fail "$name pulls in nothing foreign"
		remark <"$scratch/foreign"
	else
		pass "$name pulls in nothing foreign"
	fi
done

listed=$(printf '%s\n' $headers | sed 's|.*include/||' | LC_ALL=C sort)
if [ "$listed" = "$names" ]; then
	pass "include/local.mk installs every header"
else
	fail "include/local.mk installs every header"
	printf 'listed:\n%s\nthere:\n%s\n' "$listed" "$names" | remark
fi
finish
