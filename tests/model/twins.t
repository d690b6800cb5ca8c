#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The scenarios can fail: each broken twin of the library, which differs from it
# by one edit, is found by its scenario, in the way that is expected, and fails
# again from its string, each time (five here, a hundred in "heddle explore run
# all").
#
# clause: C1
# clause: C2
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"
not_again

[ -x "$build/lab/explore" ] ||
	skip_all "no $build/lab/explore: built without the laboratory"

"$top/lab/run-twins" --jobs "$(nproc)" \
	--replays 5 >"$scratch/twins" 2>&1 || :
while IFS=$(printf '\t') read -r name rest; do
	case $name in '#'*) continue ;; esac
	line=$(grep "^[A-Za-z-]*  *$name[ :]" "$scratch/twins" || :)
	case $line in
	found*"replayed 5 of 5"*) pass "$line" ;;
	*)
		fail "$name"
		echo "# ${line:-no result; $(tail -n 1 "$scratch/twins")} $rest"
		;;
	esac
done <"$top/lab/twins.tsv"
finish
