#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What `make install` gives is enough: a program of a user compiles against
# the installed headers with the flags of heddle.pc, and through CMake, links and
# runs; and everything is taken away again.
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
version=$(sed -n 's/^PACKAGE_VERSION = //p' "$build/Makefile")
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
if [ -e "$root$prefix/lib/libheddle.a" ]; then
	# shellcheck disable=SC2046
	must "with the archive, by the flags of --static" sh -c '
		cc=$1; shift
		"$cc" user.c -o static "$@"' sh "$cc" $(pkg-config --cflags heddle) \
		-Wl,-Bstatic $(pkg-config --static --libs heddle) -Wl,-Bdynamic
	must "which needs no library of ours" sh -c '! ldd static | grep heddle && ./static'
else
	skip "with the archive" "this build makes no static library"
fi
must "pkg-config --static names what the archive needs" sh -c '
	for word in -lheddle -lurcu-memb -lpthread; do
		pkg-config --static --libs heddle | tr " " "\n" | grep -qx -e "$word" || exit 1
	done'
must "without --static it names the library alone" sh -c '
	! pkg-config --libs heddle | grep urcu'

if command -v cmake >/dev/null; then
	cat >CMakeLists.txt <<'C'
cmake_minimum_required(VERSION 3.13)
project(user C)
find_package(heddle ${WANTED} REQUIRED CONFIG)
add_executable(by-cmake user.c)
target_link_libraries(by-cmake heddle::heddle)
C
	by_cmake() { # VERSION
		cmake -S . -B "cmake-$1" -DWANTED="$1" -DCMAKE_C_COMPILER="$cc" \
			-DCMAKE_PREFIX_PATH="$root$prefix"
	}
	must "find_package" by_cmake "$version"
	must "a program built by CMake runs" sh -c 'cmake --build "$1" && "$1/by-cmake"' \
		sh "cmake-$version"
	must_fail "a version that is not there is not found" \
		'requested version "9.0"' by_cmake 9.0
else
	skip "find_package" "cmake is missing"
fi

for file in man/man3/heddle_pool_start.3 man/man3/heddle_pool_options.3 \
	man/man7/heddle.7; do
	must "$file is installed" test -s "$root$prefix/share/$file"
done
for file in man/man1/heddle.1 bash-completion/completions/heddle \
	zsh/site-functions/_heddle; do
	must "$file is installed" test -s "$root$prefix/share/$file"
done

find "$root" -type f -name '*.h' -o -name '*.so*' -o -name '*.pc' |
	sed "s|^$root||" | LC_ALL=C sort >"$scratch/installed"
grep -E '/(platform|lockfree|sched|tls|lab|tests)/' "$scratch/installed" \
	>"$scratch/inside" || :
must "nothing of the inside is installed" test ! -s "$scratch/inside"
must "make uninstall leaves no file" sh -c '
	make -C "$1" uninstall DESTDIR="$2" && test -z "$(find "$2" -type f)"' \
	sh "$build" "$root"
finish
