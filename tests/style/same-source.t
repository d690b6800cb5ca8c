#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What the laboratory explores is what runs natively: the preprocessed text of
# every library file above platform/ is the same for both machines.
#
# Method: each file is preprocessed with the exact flags of either rule of the
# makefile and the texts are compared; a file that asks which machine it is
# shows that the comparison can tell them apart.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

[ -r "$build/tests/style/machines.env" ] ||
	skip_all "no $build/tests/style/machines.env: make check writes it"
# shellcheck disable=SC1091
. "$build/tests/style/machines.env"
# shellcheck disable=SC2154
[ -z "$sanitizer" ] || skip_all "the laboratory is not built with $sanitizer"

# The flags name files relative to the build folder.
cd "$build"

compare() {
	# shellcheck disable=SC2086,SC2154
	$cc $native -E -P "$1" >"$scratch/native" &&
		$cc $lab -E -P "$1" >"$scratch/lab" &&
		cmp "$scratch/native" "$scratch/lab"
}

# shellcheck disable=SC2154
[ -n "$sources" ] || skip_all "there are no sources yet"
for file in $sources; do
	case $file in
	*.c) must "$file is the same text" compare "$srcdir/$file" ;;
	esac
done

cat >"$scratch/asks.c" <<'C'
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
int explored;
#endif
#endif
#ifdef __SANITIZE_THREAD__
int explored;
#endif
int native;
C
must_fail "a file that asks for the machine differs" "differ\|EOF" \
	compare "$scratch/asks.c"
finish
