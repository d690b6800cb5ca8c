#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The helper for gdb shows the pools of a live process and of a core file, finds
# them without being told, and answers wrong arguments with a line.
#
# The arguments of probes are what doc/design/eyes.md says.
#
# Method: the demo of heddle top, whose groups are known, asleep between two
# looks; gdb attaches, lists, writes a core, and lists from that.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"

helper=$top/tools/gdb/heddle-gdb.py
command -v gdb >/dev/null || skip_all "gdb is missing"
[ "$(gdb -batch -nx -ex 'python print(6 * 7)' 2>/dev/null)" = 42 ] ||
	skip_all "this gdb has no Python"
heddle=$build/.libs/heddle
[ -x "$heddle" ] || heddle=$build/heddle
readelf -S "$build/.libs/libheddle.so" 2>/dev/null | grep -q '\.debug_info' ||
	skip_all "the library was built without debug information"
readelf -S "$build/.libs/libheddle.so" | grep -q 'asan\|tsan' &&
	skip_all "built with a sanitizer"

export XDG_RUNTIME_DIR="$scratch"
chmod 700 "$scratch"
LD_LIBRARY_PATH=$build/.libs "$heddle" top --demo --interval-ms 600000 \
	>/dev/null &
demo=$!
trap 'kill -KILL $demo 2>/dev/null; rm -rf "$scratch"' EXIT
tries=0
while [ $tries -lt 200 ] && ! "$build/heddle" top --once $demo >/dev/null 2>&1; do
	sleep 0.05
	tries=$((tries + 1))
done

commands() {
	for what in 'source '"$helper" 'heddle pools' 'heddle workers' \
		'heddle groups' 'heddle queues' 'heddle groups 0' \
		'heddle groups no_such_symbol' 'heddle workers 8'; do
		printf '%s\n' "$what"
	done
}
commands >"$scratch/commands"
# What is wrong ends a script but not a session: each by itself.
set --
while IFS= read -r line; do
	set -- "$@" -ex "$line"
done <"$scratch/commands"

if ! gdb -batch -nx -p $demo -ex 'set pagination off' "$@" \
	-ex "generate-core-file $scratch/core" >"$scratch/live" 2>&1 ||
	grep -q 'ptrace: Operation not permitted' "$scratch/live"; then
	grep -q 'not permitted' "$scratch/live" &&
		skip_all "attaching is not permitted here (ptrace)"
fi
gdb -batch -nx "$heddle" "$scratch/core" -ex 'set pagination off' "$@" \
	>"$scratch/dead" 2>&1 || :

for what in live dead; do
	case $what in
	live) of="a live process" ;;
	*) of="a core" ;;
	esac
	must "$of: the pool is found by its threads" \
		grep -qE '^0x[0-9a-f]+ +demo +[0-9]+ +3 +[0-9]+ +5 .* open$' \
		"$scratch/$what"
	must "$of: workers with state, group and thread" \
		grep -qE "^[0-9]+ +0x[0-9a-f]+ +[0-9]+ +(blocked|running|returning) +(web|batch|log) " \
		"$scratch/$what"
	must "$of: groups with cap and count" \
		grep -qE '^4 +0x[0-9a-f]+ +later +0 +0 +0 +0 +0 +open' \
		"$scratch/$what"
	must "$of: the queue of the paused group has its 4 tasks" \
		grep -qE '^4 +later +4 +0 +no +0 +0$' "$scratch/$what"
	must "$of: NULL is refused" grep -q '^0 is NULL' "$scratch/$what"
	must "$of: an unknown name is refused" \
		grep -q 'No symbol "no_such_symbol"' "$scratch/$what"
	must "$of: an address without memory is refused" \
		grep -q '8 points to no memory' "$scratch/$what"
	grep -q Traceback "$scratch/$what" && rc=1 || rc=0
	must "$of: nothing ends in a Python traceback" test $rc -eq 0
done

## The probes, whose arguments gdb can read too ---------------------------------

if grep -q '^#define HAVE_SYS_SDT_H 1' "$build/config.h"; then
	cat >"$scratch/probes.gdb" <<'GDB'
set pagination off
break -probe-stap heddle:task_begin
continue
printf "task of %s, %d workers\n", ((struct heddle_group *)$_probe_arg1)->name, ((struct hd_worker *)$_probe_arg0)->pool->workers_max
delete
break -probe-stap heddle:permit_refused
continue
printf "refused %s at %s\n", ((struct heddle_group *)$_probe_arg0)->name, ((struct heddle_group *)$_probe_arg1)->name
delete
break -probe-stap heddle:block_begin
continue
printf "worker of %d entries blocks, kind %d\n", ((struct hd_worker *)$_probe_arg0)->pool->workers_max, (int)$_probe_arg1
GDB
	timeout 60 gdb -batch -nx -p $demo -x "$scratch/probes.gdb" \
		>"$scratch/probes" 2>&1 || :
	must "task_begin has the worker and the group" \
		grep -qE '^task of (web|batch|log), 3 workers' "$scratch/probes"
	must "permit_refused has the group that asked and the one that is full" \
		grep -qE '^refused (web|batch|log|root) at (web|batch|log|root)' \
		"$scratch/probes"
	must "block_begin has the worker and the kind" \
		grep -qE '^worker of 3 entries blocks, kind 1' "$scratch/probes"
else
	for name in task_begin permit_refused block_begin; do
		skip "$name has its arguments" "built without sys/sdt.h"
	done
fi
[ $failures -eq 0 ] || remark <"$scratch/dead"
finish
