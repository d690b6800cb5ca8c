#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The look of the text, and the check that says so can fail.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

check=$top/scripts/check-style
must "the text of the tree" "$check" "$top"

rc=0
"$check" --format "$top" >"$scratch/output" 2>&1 || rc=$?
case $rc in
0) pass "the layout of the C files" ;;
77) skip "the layout of the C files" "$(cat "$scratch/output")" ;;
*) fail "the layout of the C files"; remark <"$scratch/output" ;;
esac

# plant NAME PATTERN FILE, the file on standard input
plant() {
	rm -rf "$scratch/tree"
	mkdir -p "$scratch/tree/$(dirname "$3")"
	cat >"$scratch/tree/$3"
	must_fail "planted: $1" "$2" "$check" "$scratch/tree"
}

plant "no licence" "a.c: no licence" sched/a.c <<'C'
int x;
C
plant "a wide line" "a.c:2: wider" sched/a.c <<'C'
/* SPDX-License-Identifier: BSD-2-Clause */
/*						  123456789 123456789 123456789 123456789 123456789 123456789 */
C
plant "a volatile" "a.c:2: volatile" sched/a.c <<'C'
/* SPDX-License-Identifier: BSD-2-Clause */
static volatile int x;
C
plant "a library that prints" "a.c:3: the library" tls/a.c <<'C'
/* SPDX-License-Identifier: BSD-2-Clause */
static void f(void)
{	printf("x");
}
C
plant "a long function" "a function of 71 lines" tools/a.c <<C
/* SPDX-License-Identifier: BSD-2-Clause */
static void f(void)
{
$(awk 'BEGIN { for (i = 0; i < 71; i++) print "\tx++;" }')
}
C
plant "a header without a guard" "not the guard HEDDLE_SCHED_A_H" sched/a.h <<C
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef A_H
#define A_H
#endif
C
finish
