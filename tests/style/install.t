#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What `make install` gives is enough: a program of a user compiles against
# the installed headers with the flags of heddle.pc, links and runs.
#
# Method: installation into a scratch folder, with no way back to the sources.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

[ -r "$build/tests/style/machines.env" ] ||
	skip_all "no $build/tests/style/machines.env: make check writes it"
# shellcheck disable=SC1091
. "$build/tests/style/machines.env"
# shellcheck disable=SC2154
[ -z "$sanitizer" ] || skip_all "an installation with $sanitizer is nobody's"
command -v pkg-config >/dev/null || skip_all "pkg-config is missing"

# The makefile that runs this test must not pass its own flags on.
unset MAKEFLAGS MFLAGS MAKELEVEL
root=$scratch/root
must "make install" make -C "$build" install DESTDIR="$root"

prefix=$(sed -n 's/^prefix = //p' "$build/Makefile")
export PKG_CONFIG_SYSROOT_DIR="$root"
pc=$(find "$root" -name heddle.pc)
must "heddle.pc is installed" test -n "$pc"
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH

cat >"$scratch/user.c" <<'C'
#include <heddle/heddle.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	struct heddle_pool *pool = NULL;

	printf("%s %s\n", HEDDLE_VERSION, heddle_version());
	if (heddle_pool_create(NULL, &pool))
		return 1;
	if (heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER))
		return 1;
	return strcmp(HEDDLE_VERSION, heddle_version()) ? 1 : 0;
}
C
cd "$scratch"
# shellcheck disable=SC2046,SC2154
must "a user's program compiles and links" \
	$cc -Wall -Wextra -Werror user.c -o user \
	$(pkg-config --cflags --libs heddle)
must "the program runs" env LD_LIBRARY_PATH="$root$prefix/lib" ./user

helper=$(find "$root" -name 'libheddle.so.*-gdb.py')
must "gdb's helper has the name of the library" \
	test -f "$root$prefix/lib/$(basename "${helper:-none}" -gdb.py)"
must "the tracing scripts name the installed library" \
	grep -q "usdt:$prefix/lib/libheddle.so.0:heddle:task_begin" \
	"$root$prefix/share/heddle/bpftrace/wake-to-start.bt"

find "$root" -type f -name '*.h' -o -name '*.so*' -o -name '*.pc' |
	sed "s|^$root||" | LC_ALL=C sort >"$scratch/installed"
grep -E '/(platform|lockfree|sched|tls|lab|tests)/' "$scratch/installed" \
	>"$scratch/inside" || :
must "nothing of the inside is installed" test ! -s "$scratch/inside"
must "make uninstall leaves no file" sh -c '
	make -C "$1" uninstall DESTDIR="$2" && test -z "$(find "$2" -type f)"' \
	sh "$build" "$root"
finish
