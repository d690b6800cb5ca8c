#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The man pages: every exported call has one, the pages are those of today's
# headers, what the overview says of bounds and errors is what the sources say,
# and the tool that formats them has nothing to object.
#
# clause: Q3 (the formula is in the man page)
# clause: S1 (what is inherited for good is listed in the man page)
#
# Method: the exported names are read from the library, the pages are made once
# more and compared with those of the build, numbers are read from the sources.
# Planted headers show that a call without a comment is noticed.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

library=$build/.libs/libheddle.so
[ -e "$library" ] || skip_all "no $library: it is not built shared"
command -v nm >/dev/null || skip_all "nm is missing (binutils)"
# shellcheck disable=SC1091
. "$build/tests/style/machines.env"
overview=$top/doc/man/heddle.7

# The pages of the build, or those that came with a tarball.
pages=$build/doc/man/man3
[ -d "$pages" ] || pages=$top/doc/man/man3
# Names that end in an underscore are for macros in headers.
nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | grep -v -e '^_' -e '_$' |
	LC_ALL=C sort >"$scratch/exported"
must "the library exports calls" test "$(wc -l <"$scratch/exported")" -ge 30
while read -r name; do
	[ -s "$pages/$name.3" ] || echo "no page $name.3"
done <"$scratch/exported" >"$scratch/without"
must "every exported call has a page" diff /dev/null "$scratch/without"

listed=
for header in $headers; do
	case $header in
	*/heddle.h) ;;
	*) listed="$listed $top/$header" ;;
	esac
done
date=$(sed -n 's/^\.Dd //p' "$overview")
version=$(sed -n 's/^PACKAGE_VERSION = //p' "$build/Makefile")
# shellcheck disable=SC2086
"$top/scripts/make-man" "$scratch/man3" "$version" "$date" $listed 2>"$scratch/said"
must "the headers leave nothing out" diff /dev/null "$scratch/said"
must "the pages are those of the headers" diff -r "$scratch/man3" "$pages"

for awk in mawk "gawk --posix" original-awk "busybox awk"; do
	# shellcheck disable=SC2086
	if $awk 'BEGIN { exit 0 }' </dev/null 2>/dev/null; then
		AWK=$awk "$top/scripts/make-man" "$scratch/other" "$version" "$date" \
			$listed 2>"$scratch/said"
		must "the same pages with $awk" diff -r "$scratch/other" "$pages"
	fi
done

# Every enumeration stands in a page.
# shellcheck disable=SC2086
sed -n 's/^enum \(heddle_[a-z_]*\) {.*/\1/p' $listed | while read -r name; do
	grep -q "^enum $name {" "$pages"/*.3 || echo "$name is in no page"
done >"$scratch/without"
must "every enumeration is in a page" diff /dev/null "$scratch/without"

## The overview ----------------------------------------------------------------

# shellcheck disable=SC2086
cat $listed | grep -ohE -- '-E[A-Z0-9]+' | sort -u | while read -r name; do
	grep -qE "^\.It Er .*\\\\$name( |\$)" "$overview" || echo "$name is not explained"
done >"$scratch/without"
must "heddle(7) explains every error" diff /dev/null "$scratch/without"

for page in "$pages"/heddle_*.h.3; do
	page=$(basename "$page" .3)
	sed -n '/^\.Sh DESCRIPTION/,/^\.Ss/p' "$overview" | grep -q "^\.Xr $page 3" ||
		echo "$page(3) is not among the headers"
done >"$scratch/without"
must "heddle(7) lists every header" diff /dev/null "$scratch/without"

grep -rhoE 'getenv\("[A-Z_]*"\)' "$top/platform" "$top/lockfree" "$top/sched" "$top/tls" |
	sed 's/.*"\(.*\)".*/\1/' | sort -u >"$scratch/variables"
must "the library reads a variable" test -s "$scratch/variables"
while read -r name; do
	grep -q "^\.Ev $name" "$overview" || echo "\$$name is not in heddle(7)"
	grep -q "\$$name" "$top/README.md" || echo "\$$name is not in README.md"
done <"$scratch/variables" >"$scratch/without"
must "which is named where it is said what is read" diff /dev/null "$scratch/without"

number() { # NAME FILE: of a #define
	sed -n "s/^#define $1[ \t]*\([0-9]*\)u*\$/\1/p" "$top/$2"
}
must "the formula of the queues is there" grep -q \
	'^sum of Q(g) over all groups + D + H <= tasks_max$' "$overview"
batch=$(number FREE_BATCH sched/recycle.c)
must "what a worker keeps back is $((batch - 1))" \
	grep -q "at most $((batch - 1)) for each" "$overview"
must "dead entries are swept from $(number SWEEP_MIN sched/queue.c) on" \
	grep -q "fewer than $(number SWEEP_MIN sched/queue.c) entries" "$overview"
must "the default of tasks_max" sh -c '
	grep -q "tasks_max, 65536)" "$1" && grep -q "65. 536 if none is given" "$2"' \
	sh "$top/sched/pool.c" "$overview"
must "an entry has 32 bytes" sh -c '
	grep -q "sizeof(struct hd_node) == 32" "$1" && grep -q "^2 \* 32 \* tasks_max" "$2"' \
	sh "$top/lockfree/node.h" "$overview"
least=$(number HD_TRIM_LEAST sched/trim.h)
must "memory goes back from $least tasks on" \
	grep -q "^When $least tasks or more were queued" "$overview"
for word in seccomp capability namespaces cgroup; do
	must "inherited for good: $word" sh -c '
		sed -n "/^\.Sh THREADS AND/,/^\.Sh SIGNALS/p" "$1" | grep -q "$2"' \
		sh "$overview" "$word"
done

## What formats them -------------------------------------------------------------

if command -v mandoc >/dev/null; then
	set -- "$overview" "$pages"/*.3
	page=$build/doc/man/heddle.1
	[ -e "$page" ] || page=$top/doc/man/heddle.1
	if [ -e "$page" ]; then
		set -- "$@" "$page"
	else
		skip "heddle(1) is formatted" "this build does not make it"
	fi
	must "mandoc has no warning" mandoc -T lint -W warning "$@"
	# A reference that leads nowhere: to a page that is neither ours nor known.
	sed -n 's/^\.\(It \)\{0,1\}Xr \((\{0,1\} *\)\(heddle_[a-z_.]*\|HEDDLE_[A-Z_0-9]*\) 3.*/\3/p' \
		"$@" | sort -u | while read -r name; do
		[ -e "$pages/$name.3" ] || echo "$name(3) is referred to and not there"
	done >"$scratch/without"
	must "every reference leads somewhere" diff /dev/null "$scratch/without"
else
	skip "mandoc has no warning" "mandoc is missing"
	skip "every reference leads somewhere" "mandoc is missing"
fi

## It can fail -------------------------------------------------------------------

# plant NAME PATTERN, a header on standard input
plant() {
	mkdir -p "$scratch/planted/heddle"
	{ echo '#ifndef HEDDLE_P_H'; cat; } >"$scratch/planted/heddle/p.h"
	"$top/scripts/make-man" "$scratch/planted/man" 0 "January 1, 2026" \
		"$scratch/planted/heddle/p.h" >"$scratch/said" 2>&1
	must "planted: $1" grep -q -e "$2" "$scratch/said"
}

plant "a call without a comment" "p.h:3: heddle_p() has no comment" <<'H'
/* Nothing. */
HEDDLE_API int heddle_p(void);
H
plant "a parameter without a line" "does not say what deadline is" <<'H'
/**
 * heddle_p() - what it does
 * @pool: a pool
 *
 * Return: 0.
 */
HEDDLE_API int heddle_p(struct heddle_pool *pool, uint64_t deadline);
H
plant "a line without its parameter" "heddle_p() has no parameter pol" <<'H'
/**
 * heddle_p() - what it does
 * @pol: a pool
 */
HEDDLE_API int heddle_p(struct heddle_pool *pool);
H
finish
