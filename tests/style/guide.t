#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What the guide and README.md tell a reader to do works as it stands there.
#
# Method: heddle is installed into a scratch folder. Of each text, in order: a
# block "```c NAME" is written to NAME and must compile without a warning (one
# without a name is only compiled); a block "```cmake NAME" is written; a block
# "```sh" is run; what a block "```text" shows must be what the last one that ran
# printed. README.md is read as by somebody in a built clone; its commands that are
# this very test, or take minutes, are named and left out, unless
# HEDDLE_TEST_LONG=1 says that there is time.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

[ -r "$build/tests/style/machines.env" ] ||
	skip_all "no $build/tests/style/machines.env: make check writes it"
# shellcheck disable=SC1091
. "$build/tests/style/machines.env"
# shellcheck disable=SC2154
[ -z "$sanitizer" ] || skip_all "an installation with $sanitizer is nobody's"
for tool in cc pkg-config; do
	command -v $tool >/dev/null || skip_all "$tool is missing"
done

# The makefile that runs this test must not pass its own flags on.
unset MAKEFLAGS MFLAGS MAKELEVEL
root=$scratch/root
prefix=$(sed -n 's/^prefix = //p' "$build/Makefile")
must "make install" make -C "$build" install DESTDIR="$root"
PKG_CONFIG_PATH=$(dirname "$(find "$root" -name heddle.pc)")
PKG_CONFIG_SYSROOT_DIR=$root
CMAKE_PREFIX_PATH=$root$prefix
LD_LIBRARY_PATH=$(dirname "$(find "$root" -name libheddle.so)")
PATH=$root$prefix/bin:$PATH
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR CMAKE_PREFIX_PATH LD_LIBRARY_PATH PATH

# split FILE FOLDER: each fenced block as FOLDER/<number>, beside it its
# language and the rest of its first line, as <number>.how.
split() {
	mkdir -p "$2"
	awk -v folder="$2" '
		/^```/ && !inside {
			inside = 1
			number = sprintf("%s/%03d", folder, ++n)
			how = substr($0, 4)
			print (how == "" ? "none" : how) >(number ".how")
			printf "" >number
			next
		}
		/^```/ { inside = 0; close(number); next }
		inside { print >number }' "$1"
}

# The commands of a file, one after the other, with a trace in case of failure.
run_commands() { # FILE
	sh -eu "$1" >printed 2>said || {
		echo "exit status $? of:"
		cat "$1" printed said
		return 1
	}
}

strict="-Wall -Wextra -Werror"
compile() { # FILE
	# shellcheck disable=SC2046,SC2086,SC2154
	$cc -std=gnu11 $strict $(pkg-config --cflags heddle) -fsyntax-only -x c "$1"
}

# chapter FILE PROGRAMS COMMANDS: so many of both are in it, at least.
chapter() {
	blocks=$scratch/$(basename "$1" .md)
	split "$top/$1" "$blocks"
	mkdir "$blocks/here"
	cd "$blocks/here"
	programs=0
	commands=0
	for how in "$blocks"/*.how; do
		block=${how%.how}
		# shellcheck disable=SC2046
		set -- "$1" "$2" "$3" $(cat "$how")
		name="$1, block $(basename "$block")"
		case $4 in
		c)
			must "$name compiles" compile "$block"
			[ $# -lt 5 ] || cp "$block" "$5"
			! grep -q '^int main(' "$block" || programs=$((programs + 1)) ;;
		cmake) cp "$block" "$5" ;;
		sh)
			if [ $# -ge 5 ] && ! command -v "$5" >/dev/null; then
				skip "$name runs" "$5 is missing"
				continue
			fi
			commands=$((commands + 1))
			must "$name runs" run_commands "$block" ;;
		text) must "$name is what it prints" diff "$block" printed ;;
		*)
			fail "$name has a kind"
			echo "# $4: no kind of block that this test knows" ;;
		esac
	done
	must "$1 has $2 programs and $3 commands" \
		test "$programs" -ge "$2" -a "$commands" -ge "$3"
	cd "$scratch"
}

chapter doc/guide/pool.md 2 3
chapter doc/guide/tenants.md 2 2
chapter doc/guide/unload.md 2 2
chapter doc/guide/limits.md 0 0
chapter doc/guide/embedding.md 0 0

## README.md ---------------------------------------------------------------------

# As in a built clone: the tree's files, and the build folder as build/.
mkdir "$scratch/clone"
cd "$scratch/clone"
for entry in "$top"/*; do
	ln -s "$entry" .
done
rm -f build
ln -s "$build" build
DESTDIR=$root
export DESTDIR

readme=$scratch/readme
split "$top/README.md" "$readme"
ran=0
for how in "$readme"/*.how; do
	block=${how%.how}
	case $(cat "$how") in
	c*)
		must "README.md: the program compiles" compile "$block"
		cp "$block" "$scratch/hello.c" ;;
	text) must "README.md: what the program prints" diff "$block" printed ;;
	sh)
		while IFS= read -r line; do
			command=$(printf '%s\n' "$line" | sed 's/[ \t]*#.*//')
			[ -n "$command" ] || continue
			case $command in
			"./bootstrap build")
				skip "README.md: $command" "it made what this test runs"
				continue ;;
			"./bootstrap check")
				skip "README.md: $command" "this test is part of it"
				continue ;;
			"./bootstrap run")
				[ -n "${HEDDLE_TEST_LONG-}" ] || {
					skip "README.md: $command" \
						"takes minutes: HEDDLE_TEST_LONG=1 runs it"
					continue
				}
				command="build/heddle paper run P01 --quick --out $scratch/P01" ;;
			esac
			echo "$command" >"$scratch/command"
			ran=$((ran + 1))
			case $command in
			cc*) cp "$scratch/hello.c" "$scratch/run.c"
				(cd "$scratch" && run_commands command && cp printed clone/) \
					>"$scratch/output" 2>&1 && pass "README.md: $command" || {
					fail "README.md: $command"
					remark <"$scratch/output"
				} ;;
			*) must "README.md: $command" run_commands "$scratch/command" ;;
			esac
		done <"$block" ;;
	none) ;;
	*) fail "README.md: block $(basename "$block") has a kind" ;;
	esac
done
must "README.md has commands" test "$ran" -ge 5

# What it names in the tree is there.
grep -oE '`(doc|examples|lab|bench|papers|tests|include|scripts)/[A-Za-z0-9_./-]*`' \
	"$top/README.md" | tr -d '`' | while read -r path; do
	[ -e "$top/$path" ] || echo "no $path"
done >"$scratch/without"
must "README.md names what is there" diff /dev/null "$scratch/without"

## heddle(7) ---------------------------------------------------------------------

sed -n '/^\.Sh EXAMPLES/,/^\.Ed/p' "$top/doc/man/heddle.7" | grep -v '^\.' \
	>"$scratch/example.c"
cd "$scratch"
must "heddle(7): its program compiles" compile example.c
# shellcheck disable=SC2016
echo 'cc example.c $(pkg-config --cflags --libs heddle) -o example && ./example' \
	>commands
must "heddle(7): its program runs" run_commands commands
must "heddle(7): it says hello" grep -qx "hello from a worker" printed

## It can fail -------------------------------------------------------------------

cd "$scratch"
cat >"planted.c" <<'C'
int main(void) { int unused; return 0; }
C
must_fail "planted: a program with a warning" "unused" compile planted.c
echo "echo one; exit 3" >planted.sh
must_fail "planted: a command that fails" "exit status 3" run_commands planted.sh
finish
