# SPDX-License-Identifier: BSD-2-Clause
#
# TAP for shell scripts, to be sourced. A script finds its tree through
# $top (sources) and $build (build folder) and its own folder for scratch
# files, removed at the end, in $scratch.
set -eu

top=${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${abs_top_builddir:-$top/build}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/heddle-test.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

points=0
failures=0

# pass/fail NAME
pass() {
	points=$((points + 1))
	echo "ok $points - $1"
}

fail() {
	points=$((points + 1))
	failures=$((failures + 1))
	echo "not ok $points - $1"
}

# skip NAME REASON
skip() {
	points=$((points + 1))
	echo "ok $points - $1 # SKIP $2"
}

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# For what explores and takes minutes: .ci/run checks the same sources twice, in the
# tree and from the tarball, and says so. What is explored does not depend on that.
not_again() {
	[ -z "${HEDDLE_TEST_AGAIN-}" ] ||
		skip_all "HEDDLE_TEST_AGAIN: ran on the same sources before"
}

# Print standard input as remarks.
remark() {
	sed 's/^/# /'
}

# must NAME COMMAND...: a point that passes if the command does. Its output is
# shown when it does not.
must() {
	point_name=$1
	shift
	if "$@" >"$scratch/output" 2>&1; then
		pass "$point_name"
	else
		fail "$point_name"
		remark <"$scratch/output"
	fi
}

# must_fail NAME PATTERN COMMAND...: the command exits 1 and says PATTERN.
must_fail() {
	point_name=$1
	point_pattern=$2
	shift 2
	rc=0
	"$@" >"$scratch/output" 2>&1 || rc=$?
	if [ $rc -eq 1 ] && grep -q -e "$point_pattern" "$scratch/output"; then
		pass "$point_name"
	else
		fail "$point_name"
		echo "# exit status $rc, wanted 1 and: $point_pattern"
		remark <"$scratch/output"
	fi
}

finish() {
	echo "1..$points"
	[ $failures -eq 0 ]
	exit
}
