#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The wrapper of every test: its limit, its cleaning up, its refusal of skips.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"
unset HEDDLE_TEST_TIMEOUT HEDDLE_TEST_NO_SKIP

run_one=$top/tests/run-one.sh
program() {
	{
		echo '#!/bin/sh'
		cat
	} >"$scratch/program"
	chmod +x "$scratch/program"
}

# gives NAME STATUS PATTERN [VARIABLE=VALUE...]
gives() {
	name=$1
	status=$2
	pattern=$3
	shift 3
	rc=0
	env "$@" "$run_one" "$scratch/program" >"$scratch/output" 2>&1 || rc=$?
	if [ $rc -eq "$status" ] && grep -q -e "$pattern" "$scratch/output"; then
		pass "$name"
	else
		fail "$name"
		echo "# exit status $rc, wanted $status and: $pattern"
		remark <"$scratch/output"
	fi
}

program <<'P'
echo 1..1
echo ok 1
P
gives "a pass is passed on" 0 '^ok 1$'

program <<'P'
echo not ok 1
exit 3
P
gives "a status is passed on" 3 '^not ok 1$'

program <<'P'
echo ok 1
trap '' TERM
while :; do sleep 1; done
P
gives "the time limit aborts" 124 'Bail out! .*time limit of 1 s' HEDDLE_TEST_TIMEOUT=1
gives "also with skips refused" 124 'Bail out! .*time limit of 1 s' \
	HEDDLE_TEST_TIMEOUT=1 HEDDLE_TEST_NO_SKIP=1
gives "a limit that is no number" 99 'Bail out! HEDDLE_TEST_TIMEOUT' \
	HEDDLE_TEST_TIMEOUT=soon

# What stays behind would keep the pipe of the driver open for an hour.
program <<P
sleep 3600 &
echo \$! >"$scratch/left"
echo ok 1
P
gives "what a test leaves behind does not hold us up" 0 '^ok 1$'
i=0
while kill -0 "$(cat "$scratch/left")" 2>/dev/null && [ $i -lt 50 ]; do
	i=$((i + 1))
	sleep 0.1
done
state=$(sed 's/.*) //; s/ .*//' "/proc/$(cat "$scratch/left")/stat" 2>/dev/null || echo gone)
case $state in
gone | Z | X) pass "and is killed" ;;
*) fail "and is killed"; echo "# state $state" ;;
esac

program <<'P'
echo 1..2
echo 'ok 1 - fine'
echo 'ok 2 - # SKIP no unicorn'
P
gives "a skip is a skip" 0 '^ok 2 - # SKIP no unicorn$'
gives "a refused skip fails" 0 '^not ok 2 - (must not be skipped) SKIP no unicorn$' \
	HEDDLE_TEST_NO_SKIP=1
gives "other points stay" 0 '^ok 1 - fine$' HEDDLE_TEST_NO_SKIP=1

program <<'P'
echo '1..0 # SKIP no unicorn'
P
gives "a refused skip of everything fails" 0 \
	'^not ok 1 - must not be skipped: SKIP no unicorn$' HEDDLE_TEST_NO_SKIP=1
finish
