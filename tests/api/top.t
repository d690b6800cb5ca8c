#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# heddle top and heddle trace as commands: what they print is what they say it
# is, and whatever they are given they end with a line and status 2.
#
# clause: E1
#
# Method: the demo, whose groups are known; files that are none, belong to somebody
# else, are cut, are random, or have random bytes in a real one; a process that died.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"

heddle=$build/heddle
export XDG_RUNTIME_DIR="$scratch"
chmod 700 "$scratch"

# is_refused NAME PATTERN COMMAND...: one line, status 2, no crash.
is_refused() {
	name=$1
	pattern=$2
	shift 2
	rc=0
	"$@" >"$scratch/out" 2>"$scratch/err" || rc=$?
	if [ $rc -eq 2 ] && [ "$(wc -l <"$scratch/err")" -eq 1 ] &&
		grep -q -e "$pattern" "$scratch/err"; then
		pass "$name"
	else
		fail "$name"
		echo "# exit status $rc, wanted 2 and: $pattern"
		remark <"$scratch/err"
	fi
}

## what it prints --------------------------------------------------------------

must "top --demo --once" "$heddle" top --demo --once
cp "$scratch/output" "$scratch/text"
must "it names the pool" grep -q '^pool demo of process' "$scratch/text"
must "the paused group says why nothing starts" \
	grep -qE '^ *later .* 4 .* paused +later' "$scratch/text"
must "a worker is shown by its group" \
	grep -qE ' (running|blocked|returning) .* (web|batch|log) ' "$scratch/text"
must "the file is gone" sh -c '! ls "$1"/heddle.* 2>/dev/null' sh "$scratch"

"$heddle" top --demo --once --json >"$scratch/top.json"
"$heddle" trace --demo --seconds 0.3 >"$scratch/trace.json"
if command -v python3 >/dev/null; then
	must "top --json is JSON with the groups" python3 -c '
import json, sys
top = json.load(open(sys.argv[1]))
rows = {row["group"]: row for row in top["groups"]["rows"]}
assert rows["later"]["queued"] == 4 and rows["later"]["cap"] == 0, rows
assert rows["web"]["cap"] == 2 and rows["batch"]["count"] <= 1, rows
assert top["owner_lives"] is True and top["pool"] == "demo", top
assert len(top["workers"]["rows"]) >= 3, top
' "$scratch/top.json"
	must "a trace is JSON that viewers know" python3 -c '
import json, sys
events = json.load(open(sys.argv[1]))["traceEvents"]
known = {"M", "X", "C"}
assert len(events) > 20, len(events)
end = {}
for e in events:
    assert e["ph"] in known and isinstance(e["pid"], int) and isinstance(e["tid"], int), e
    assert e["ts"] >= 0 and isinstance(e["name"], str), e
    if e["ph"] == "X":
        assert e["dur"] > 0, e
        # bars of one worker follow each other
        assert e["ts"] >= end.get(e["tid"], 0) - 0.002, e
        end[e["tid"]] = e["ts"] + e["dur"]
names = {e["name"] for e in events}
assert "running" in names and "blocked" in names, names
assert any(n.startswith("batch #") for n in names), names
' "$scratch/trace.json"
else
	skip "top --json is JSON with the groups" "python3 is missing"
	skip "a trace is JSON that viewers know" "python3 is missing"
fi

## a process that lives, and its end --------------------------------------------

"$heddle" top --demo --interval-ms 20 >/dev/null &
owner=$!
file=$scratch/heddle.$owner.0
tries=0
while [ $tries -lt 200 ] && ! "$heddle" top --once $owner >/dev/null 2>&1; do
	sleep 0.05
	tries=$((tries + 1))
done
must "a pool of another process is found by its number" \
	"$heddle" top --once $owner
must "and by its name" "$heddle" top --once --pool demo $owner
must "and by its file" "$heddle" top --once "$file"
is_refused "another name is refused" 'has published no pool other' \
	"$heddle" top --once --pool other $owner
"$heddle" top >"$scratch/list"
must "the list has it" grep -qE "^ *$owner +demo +yes .*$file" "$scratch/list"
kill -KILL $owner
wait $owner 2>/dev/null || :
must "the last picture of one that was killed" "$heddle" top --once $owner
cp "$scratch/output" "$scratch/text"
must "it says that its owner has ended" \
	grep -q 'ITS OWNER HAS ENDED' "$scratch/text"
must "watching it ends by itself" timeout 20 "$heddle" top $owner

## what is none ------------------------------------------------------------------

is_refused "a process without a pool" 'process 1 has published no pool' \
	"$heddle" top 1
is_refused "a word" "neither the number" "$heddle" top nonsense
is_refused "a number with a letter" "neither the number" "$heddle" top 12x
is_refused "no such file" 'No such file' "$heddle" top "$scratch/none"
is_refused "a folder" 'not a file' "$heddle" top "$scratch/"
is_refused "a device" 'not a file' "$heddle" top /dev/null
mkfifo "$scratch/pipe"
is_refused "a pipe, without waiting for a writer" 'not a file' \
	timeout 20 "$heddle" top "$scratch/pipe"
ln -s "$file" "$scratch/link"
is_refused "a symbolic link" 'a symbolic link' "$heddle" top "$scratch/link"
(umask 077 && : >"$scratch/empty" && echo hello >"$scratch/text-file")
is_refused "an empty file" 'it ends too early' "$heddle" top "$scratch/empty"
is_refused "a text" 'it is not a snapshot of a pool' "$heddle" top "$scratch/text-file"
chmod 644 "$scratch/text-file"
is_refused "a text, whoever may read it" 'it is not a snapshot of a pool' \
	"$heddle" top "$scratch/text-file"
cp "$file" "$scratch/open" && chmod 644 "$scratch/open"
is_refused "one that others may write" 'others may use it' \
	"$heddle" top "$scratch/open"
if [ "$(id -u)" -eq 0 ]; then
	cp -p "$file" "$scratch/foreign" && chown 12345 "$scratch/foreign"
	is_refused "one of another user" 'belongs to user 12345' \
		"$heddle" top "$scratch/foreign"
else
	skip "one of another user" "only root can make a file of another user"
fi
is_refused "a trace of nothing" 'is missing' "$heddle" trace
for command in top trace; do
	is_refused "$command: the demo and a process" "'1' is given too" \
		"$heddle" $command --demo 1
	is_refused "$command: the demo and a name" '--pool nosuch is given too' \
		"$heddle" $command --demo --pool nosuch
	is_refused "$command: a file and a name" 'is a file and not a process' \
		"$heddle" $command --pool demo "$file"
done
is_refused "a name without a process" 'the process is missing' \
	"$heddle" top --pool demo
is_refused "a trace into a folder that is not there" 'cannot be written' \
	"$heddle" trace --demo --output "$scratch/no/where"
is_refused "an interval of 0" 'not in' "$heddle" top --demo --interval-ms 0
is_refused "an interval below 0" 'not in 10..' "$heddle" top --demo --interval-ms -1

## bytes at random ---------------------------------------------------------------

size=$(wc -c <"$file")
bad=0
n=0
while [ $n -lt 60 ]; do
	(umask 077 && cp "$file" "$scratch/fuzz")
	case $((n % 3)) in
	0) dd if=/dev/urandom of="$scratch/fuzz" bs=1 count=$((1 + n / 12)) \
		seek=$((n * 41 % size)) conv=notrunc 2>/dev/null ;;
	1) dd if="$file" of="$scratch/fuzz" bs=1 count=$((n * 53 % size)) \
		2>/dev/null ;;
	2) head -c $((n * 97)) /dev/urandom >"$scratch/fuzz" ;;
	esac
	rc=0
	timeout 20 "$heddle" top --once "$scratch/fuzz" >/dev/null \
		2>"$scratch/err" || rc=$?
	# Bytes that were the same before leave it as it was.
	[ $rc -eq 2 ] || { [ $rc -eq 0 ] && cmp -s "$file" "$scratch/fuzz"; } || {
		bad=$((bad + 1))
		cp "$scratch/fuzz" "$scratch/bad-$n"
		echo "# file $n: status $rc: $(cat "$scratch/err")"
	}
	n=$((n + 1))
done
must "60 spoilt files: status 2 each" test $bad -eq 0
finish
