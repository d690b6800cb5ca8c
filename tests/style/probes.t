#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The probes that doc/design/eyes.md promises are in the library with as many arguments
# as it says, those on the way of a task cost nothing but a nop, and the
# scripts in tools/bpftrace/ name probes that exist.
#
# Method: the notes that readelf -n prints; bpftrace -d, which compiles a script and
# resolves its probes without loading anything.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

library=$build/.libs/libheddle.so
[ -e "$library" ] || skip_all "no $library: it is not built shared"
command -v readelf >/dev/null || skip_all "readelf is missing (binutils)"
grep -q '^#define HAVE_SYS_SDT_H 1' "$build/config.h" ||
	skip_all "built without sys/sdt.h (Debian: systemtap-sdt-dev)"

readelf -n "$library" | awk '
	$1 == "Provider:" { provider = $2 }
	$1 == "Name:" { name = $2 }
	$1 == "Arguments:" {
		n = NF - 1
		print provider, name, n
		# size@register, not size@offset(register): a load
		for (i = 2; i <= NF; i++)
			if ($i ~ /\(/) print provider, name, "memory" > memory
	}' memory="$scratch/memory" | LC_ALL=C sort -u >"$scratch/notes"
touch "$scratch/memory"

cat >"$scratch/wanted" <<'TABLE'
heddle block_begin 2
heddle block_end 1
heddle cap_change 3
heddle group_new 3
heddle guest_end 2
heddle guest_spawn 3
heddle permit_refused 2
heddle spare_created 2
heddle spare_failed 1
heddle task_begin 2
heddle task_end 1
heddle worker_park 1
heddle worker_start 3
heddle worker_stop 2
heddle worker_unpark 2
heddle worker_wake 2
TABLE
must "each probe is there, with its arguments, and no other" \
	diff "$scratch/wanted" "$scratch/notes"

bad=
while read -r provider name n; do
	grep -q "\`$name\`" "$top/doc/design/eyes.md" || bad="$bad $name"
done <"$scratch/wanted"
must "each is documented" test -z "$bad"
[ -z "$bad" ] || echo "$bad" | remark

# The task's own: values that are in registers.
grep -E ' task_(begin|end) ' "$scratch/memory" >"$scratch/loads" || :
# An optimiser that keeps such a pointer on its stack may name that place; -O0 does.
if grep -q -- '-O[23s]' "$build/tools/buildinfo.c"; then
	must "those of a task load nothing" test ! -s "$scratch/loads"
else
	skip "those of a task load nothing" "built without optimisation"
fi

if ! command -v bpftrace >/dev/null; then
	for script in wake-to-start refusals blocked; do
		skip "$script.bt compiles" "bpftrace is missing"
	done
	skip "a probe that is not there is seen" "bpftrace is missing"
elif [ "$(id -u)" -ne 0 ]; then
	for script in wake-to-start refusals blocked; do
		skip "$script.bt compiles" "bpftrace wants root even for that"
	done
	skip "a probe that is not there is seen" "bpftrace wants root even for that"
else
	for script in wake-to-start refusals blocked; do
		sed "s|@LIBRARY@|$library|" \
			"$top/tools/bpftrace/$script.bt.in" >"$scratch/$script.bt"
		must "$script.bt compiles" bpftrace -d "$scratch/$script.bt"
	done
	sed 's/block_end/blocked_end/' "$scratch/blocked.bt" >"$scratch/twin.bt"
	rc=0
	bpftrace -d "$scratch/twin.bt" >/dev/null 2>&1 || rc=$?
	must "a probe that is not there is seen" test $rc -ne 0
fi
finish
