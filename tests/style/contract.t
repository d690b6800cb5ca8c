#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The table from clauses to tests is true, and the check of it can fail.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

check=$top/scripts/check-contract
rc=0
"$check" "$top" >"$scratch/said" 2>&1 || rc=$?
remark <"$scratch/said"
must "every row of doc/contract.tsv is true" test $rc -eq 0

# A tree with one clause that has a row and one that has none.
tree() {
	rm -rf "$scratch/tree"
	mkdir -p "$scratch/tree/doc" "$scratch/tree/tests/unit" \
		"$scratch/tree/sched"
	printf -- '- **Q1** one\n- **Q2 two.** and **Q3** three\n' \
		>"$scratch/tree/doc/contract.md"
	printf '/* clause: Q1, Q3 */\nok(x, "runs once");\n' \
		>"$scratch/tree/tests/unit/a.c"
	echo 'x = relaxed;' >"$scratch/tree/sched/a.c"
	printf 'clause\ttest\tcase\tmutant\n' >"$scratch/tree/doc/contract.tsv"
	[ $# -eq 0 ] || printf "$1\n" >>"$scratch/tree/doc/contract.tsv"
}

tree 'Q1\ttests/unit/a\truns once\tsched/a.c:s/relaxed/none/'
must "right: a whole row" "$check" "$scratch/tree"
must "clauses without a row are named and counted" sh -c \
	'"$1" "$2" | grep -q "^not yet covered: 2 of 3: Q2 Q3\$"' sh \
	"$check" "$scratch/tree"

# planted NAME PATTERN ROW
planted() {
	tree "$3"
	must_fail "planted: $1" "$2" "$check" "$scratch/tree"
}
planted "a clause that is not there" "Q9.*no such clause" \
	'Q9\ttests/unit/a\t-\t-'
planted "a test that is not there" "tests/unit/b.*is not there" \
	'Q1\ttests/unit/b\t-\t-'
planted "a test without the tag" "Q2.*does not say" \
	'Q2\ttests/unit/a\t-\t-'
planted "a case that is not in the test" "no case" \
	'Q1\ttests/unit/a\truns twice\t-'
planted "a mutant of a file that is not there" "sched/b.c.*is not there" \
	'Q1\ttests/unit/a\t-\tsched/b.c:s/a/b/'
planted "a mutant that changes nothing" "changes nothing" \
	'Q1\ttests/unit/a\t-\tsched/a.c:s/acquire/relaxed/'
planted "too few columns" "4 columns" 'Q1\ttests/unit/a'
finish
