#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The shared library as a linker and a loader see it.
#
# clause: D4 (the text stays mapped)
#
# Method: readelf and nm on the file that would be installed, compared with
# the calls that the public headers declare.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

library=$build/.libs/libheddle.so
[ -e "$library" ] || skip_all "no $library: it is not built shared"
command -v readelf >/dev/null || skip_all "readelf is missing (binutils)"
# shellcheck disable=SC1091
. "$build/tests/style/machines.env"

nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' |
	LC_ALL=C sort >"$scratch/exported"
# The start of a declaration up to its opening parenthesis, over line ends.
cat "$top"/include/heddle/*.h | sed 's|/\*.*\*/||' | tr '\n\t' '  ' |
	grep -oE 'HEDDLE_API [^;(]*\(' | grep -oE 'heddle_[a-z0-9_]+ *\($' |
	tr -d ' (' | LC_ALL=C sort -u >"$scratch/calls"
# Of data there is what macros in a header touch.
cat "$top"/include/heddle/*.h | tr '\n\t' '  ' |
	grep -oE 'extern __thread [^;(]*' | grep -oE 'heddle_[a-z0-9_]+_ ' |
	tr -d ' ' | LC_ALL=C sort -u - "$scratch/calls" >"$scratch/declared"

if [ "$(wc -l <"$scratch/declared")" -ge 20 ]; then
	pass "the headers declare calls"
else
	fail "the headers declare calls"
	remark <"$scratch/declared"
fi
must "exported are exactly the declared calls" \
	diff "$scratch/declared" "$scratch/exported"

# The package's record: a call that went away is a break, a new one is added by
# whoever releases.
sed -n 's/^ \(heddle_[a-z0-9_]*\)@Base .*/\1/p' "$top/debian/libheddle0.symbols" |
	LC_ALL=C sort | LC_ALL=C comm -23 - "$scratch/exported" >"$scratch/gone"
must "debian/libheddle0.symbols has no call that is gone" \
	diff /dev/null "$scratch/gone"
version=$(sed -n 's/^PACKAGE_VERSION = //p' "$build/Makefile")
must "debian/changelog is of this version" sh -c '
	head -n 1 "$1" | grep -qF "($2-"' sh "$top/debian/changelog" "$version"

readelf -dW "$library" >"$scratch/dynamic"
must "it stays mapped: NODELETE" grep -q 'Flags:.*NODELETE' "$scratch/dynamic"
must "thread-local storage is static: STATIC_TLS" \
	grep -q 'STATIC_TLS' "$scratch/dynamic"
tls=$(readelf -lW "$library" | awk '$1 == "TLS" { print $6 }')
must "which is of at most 64 bytes" test $((${tls:-0})) -le 64 -a -n "$tls"
must "its name is libheddle.so.0" grep -q 'soname: \[libheddle.so.0\]' "$scratch/dynamic"

# shellcheck disable=SC2154
if [ -n "$sanitizer" ]; then
	skip "nothing is left unresolved" "built with $sanitizer"
	skip "no sanitizer is linked" "built with $sanitizer"
else
	ldd -r "$library" 2>&1 | grep 'undefined symbol' >"$scratch/missing" || :
	if [ -s "$scratch/missing" ]; then
		fail "nothing is left unresolved"
		remark <"$scratch/missing"
	else
		pass "nothing is left unresolved"
	fi
	bad=
	for file in "$library" $(find "$build" -type f -perm -100 ! -name '*.so*' \
			! -name '*.sh' ! -name config.status ! -name libtool \
			! -path '*/cargo-home/*' ! -path "$build/ci/*"); do
		readelf -dW "$file" 2>/dev/null | grep -qE 'NEEDED.*lib[atu]+b?san' &&
			bad="$bad $file"
	done
	must "no program is linked with a sanitizer" test -z "$bad"
	[ -z "$bad" ] || echo "$bad" | remark
fi
finish
