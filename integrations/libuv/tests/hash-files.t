#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The example hashes what sha256sum hashes, within each tenant's cap and queue, and the
# benchmark comes to its end.
#
# Method: folders of files of the lengths around a block; the two lists compared; the table.
#
# clause: U4
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../../../tests/style/sh-tap.sh"

program=$build/integrations/libuv/examples/hash-files
[ -x "$program" ] || skip_all "libuv is missing (Debian: libuv1-dev), or --without-libuv"
cd "$scratch"

for folder in one two/below three; do
	mkdir -p "$folder"
	for length in 0 1 55 56 63 64 65 119 120 128 5000 200000; do
		head -c "$length" /dev/urandom >"$folder/$length"
	done
done
find one two three -type f | xargs sha256sum | sort >expected
must "it comes to its end" sh -c \
	'"$1" --cap 1 --queue 2 --workers 2 one two three >hashes 2>table' sh "$program"
sort hashes >sorted
must "the hashes are those of sha256sum" cmp expected sorted
remark <table
must "every tenant met its bound, none passed its cap" awk '
	NR > 1 { n++; if ($1 != 12 || $2 != 12 || $3 < 1 || $5 != 1) bad = 1 }
	END { exit bad || n != 3 }' table
must_fail "a folder that is not there" "absent" "$program" absent
must_fail "a cap that is no number" "is no number" sh -c \
	'"$1" --cap 0 one || [ $? -ne 2 ]' sh "$program"
must "the benchmark comes to its end" \
	"$build/integrations/libuv/bench" --jobs 2000 --rounds 1
finish
