#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# heddle bench: every workload runs with heddle and with an opponent, and what it prints
# has the metrics of that workload; bad usage is named; a must that cannot be kept gives
# status 1, and one whose peer is absent is named as not judged. How fast anything is, is
# not looked at.
#
# Method: one round of the least sizes, asked of the measured side itself; then the whole
# driver with one quick round of the workloads that take no time.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

heddle=$build/heddle
[ -x "$heddle" ] || skip_all "no $heddle"
two="--peers heddle,mutex --keep-tainted --rounds 1"

# asked WORKLOAD KEYS SAMPLES OPTION...: a round of heddle and of mutex in the words of
# the driver. SAMPLES lines "s" come before the line with the keys.
asked() {
	asked_workload=$1
	asked_keys=$2
	asked_samples=$3
	shift 3
	for peer in heddle mutex; do
		rc=0
		echo go | "$heddle" bench peer --workload "$asked_workload" \
			--peer $peer "$@" >"$scratch/said" 2>&1 || rc=$?
		if [ $rc -eq 0 ] && awk -v keys="$asked_keys" -v samples="$asked_samples" '
			NR == 1 { if (!/^ready version=/) exit 1; next }
			$1 == "s" { if (NF != 3) exit 1; n++; next }
			$1 == "round" {
				rounds++
				for (i = 2; i <= NF; i++) {
					sub(/=.*/, "", $i)
					has[$i] = 1
				}
				want = split(keys, key, " ")
				for (i = 1; i <= want; i++)
					if (!(key[i] in has)) exit 1
				next
			}
			$0 == "end" { ended = NR; next }
			{ exit 1 }
			END { exit !(rounds == 1 && ended == NR && n + 0 == samples) }' \
			"$scratch/said"
		then
			pass "$asked_workload $peer"
		else
			fail "$asked_workload $peer"
			remark <"$scratch/said"
		fi
	done
}

# bad PATTERN WORD...: exit status 2 and one line that names the argument.
bad() {
	bad_pattern=$1
	shift
	rc=0
	"$heddle" bench "$@" >"$scratch/output" 2>&1 || rc=$?
	if [ $rc -eq 2 ] && [ "$(wc -l <"$scratch/output")" -eq 1 ] &&
			grep -q -e "$bad_pattern" "$scratch/output"; then
		pass "refused: $*"
	else
		fail "refused: $*"
		remark <"$scratch/output"
	fi
}

# ends NAME STATUS PATTERN WORD...: a run's status, and a line that it says.
ends() {
	ends_name=$1
	ends_status=$2
	ends_pattern=$3
	shift 3
	rc=0
	"$heddle" bench "$@" >"$scratch/output" 2>&1 || rc=$?
	if [ $rc -eq "$ends_status" ] && grep -q -e "$ends_pattern" "$scratch/output"; then
		pass "$ends_name"
	else
		fail "$ends_name"
		echo "# exit status $rc, wanted $ends_status and: $ends_pattern"
		remark <"$scratch/output"
	fi
}

asked W1 "ns submit_ns" 0 --tasks 2000 --submitters 2
asked W2 ns 0 --depth 6
asked W11 ns 0 --depth 6 --workers 8
asked W4 n 3 --mode block --samples 3
asked W4 n 3 --mode spin --samples 3
asked W4j n 3 --samples 3
asked W5 makespan 0 --tasks 20 --work-us 10
asked W6 "start stop gone left" 0 --workers 3
asked W7 "ns p50 p99" 0 --n 70 --flight 64
asked W7 "ns p50 p99" 0 --n 70 --flight 1
asked W7t "ns p50 p99" 0 --n 70 --flight 64
asked W8 "task_bytes idle_kib drain_mib stop_mib" 0 --workers 3 --queued 20000
asked W9 "max util makespan grow_us shrink_us" 0 --workers 3 --tasks 6
asked W10 "first_ms idle_ms" 0 --tasks 20 --idle-seconds 1

must "a thread for each guest" sh -c 'echo go |
	"$1" bench peer --workload W7 --peer pthread --n 20 --flight 4 | grep -q "^round ns="' \
	- "$heddle"
rc=0
"$heddle" bench peer --workload W2 --peer pthread >"$scratch/said" </dev/null || rc=$?
must "who cannot says so and exits 77" \
	sh -c '[ "$1" -eq 77 ] && grep -q "^absent " "$2"' - $rc "$scratch/said"
must "--list names every workload" sh -c '"$1" bench all --list >"$2/list" &&
	for id in W1 W2 W3 W4 W4j W5 W6 W7 W7t W8 W9 W10 W11 W11f
	do grep -q "^$id " "$2/list" || exit 1; done' - "$heddle" "$scratch"
must "a monitor can be on" sh -c 'echo go |
	"$1" bench peer --workload W5 --peer heddle --monitor --tasks 9 | grep -q ^end' - "$heddle"

bad workload
bad "unknown workload 'W99' (heddle bench list)" W99
bad "unknown option '--nope' (the workload comes first" --nope
bad "unexpected 'more'" list more
bad 'rounds' W2 --rounds 0
bad 'rounds -1: not in 1..1000' W2 --rounds -1
bad 'wrong' W2 --wrong
bad 'nobody' W2 --peers nobody
bad 'W99' all --workloads W2,W99
bad 'opponent' W2 --opponent name
bad 'must' W2 --must W2,2w
bad 'base' W2 --peers heddle --base mutex
bad 'operand' W2 operand
bad 'nobody' peer --workload W2 --peer nobody
bad 'W99' peer --workload W99 --peer heddle

# shellcheck disable=SC2086
must "the driver runs and stores" "$heddle" bench all --workloads W2,W5,W9 --quick \
	$two --csv --out "$scratch/out"
for file in report.html results.json rounds.csv cells.csv w2.svg w5.svg w9.svg; do
	must "the folder has $file" test -s "$scratch/out/$file"
done
must "a row for each peer, point and metric" awk -F, '
	NR > 1 { n[$1 "," $3]++; if ($6 == "" && $4 !~ /_us$/) exit 1 }
	END { exit !(n["W2,heddle"] == 2 && n["W2,mutex"] == 2 &&
		n["W5,heddle"] == 1 && n["W9,heddle"] == 5) }' "$scratch/out/cells.csv"
must "nothing of the report is elsewhere" \
	sh -c '! grep -qE "(src|href)=|url\(|@import" "$1"' - "$scratch/out/report.html"
must "pictures are in it" grep -q '<svg' "$scratch/out/report.html"
if command -v python3 >/dev/null; then
	must "JSON can be read" python3 -m json.tool "$scratch/out/results.json" /dev/null
else
	skip "JSON can be read" "python3 is missing"
fi

printf '#!/bin/sh\necho it has broken\nexit 1\n' >"$scratch/broken"
chmod +x "$scratch/broken"
# shellcheck disable=SC2086
{
	ends "a must that cannot be kept" 1 'missed: W5 2w makespan heddle' \
		W5 --quick $two --must W5,2w,makespan,heddle,-,1
	ends "a must that is kept" 0 'musts: 1 kept, 0 missed, 0 not judged' \
		W5 --quick $two --must W5,2w,makespan,heddle,-,1e12
	ends "a ratio that cannot be kept" 1 'missed: W5 2w makespan heddle: .* of mutex' \
		W5 --quick $two --must W5,2w,makespan,heddle,mutex,1e-6
	ends "a peer of a must that is absent" 0 \
		'not judged: W2 2w ns heddle: tbb is absent' W2 --quick $two --check
	ends "too few samples for a percentile" 0 'not judged: W4 .*20000' \
		W4 --quick $two --must W4,block,start_p999,heddle,mutex,9
	ends "an opponent that breaks is named" 0 'W5 2w: broken: it has broken' \
		W5 --quick --rounds 1 --keep-tainted --peers heddle,broken \
		--opponent "broken=$scratch/broken"
}

# Programs that stand for opponents: one without its library, one of another kind.
printf '#!/bin/sh\necho "absent rayon: no such crate"\n' >"$scratch/lists"
cat >"$scratch/speaks" <<'END'
#!/bin/sh
echo "ready version=0"
while read -r word; do echo "round makespan=1"; done
echo end
END
chmod +x "$scratch/lists" "$scratch/speaks"
HEDDLE_RUST_OPPONENT=$scratch/lists
export HEDDLE_RUST_OPPONENT
ends "who says that it is absent is named with its reason" 0 'W5: rayon: no such crate' \
	W5 --quick --rounds 1 --keep-tainted --peers heddle,rayon
unset HEDDLE_RUST_OPPONENT
ends "a figure of another kind has a remark" 0 'W5: go: who submits is' \
	W5 --quick --rounds 1 --keep-tainted --peers heddle,go --opponent "go=$scratch/speaks"
ends "and is not the best peer's of a must" 0 '0 kept, 0 missed, 1 not judged' \
	W5 --quick --rounds 1 --keep-tainted --peers heddle,go --opponent "go=$scratch/speaks" \
	--must W5,2w,makespan,heddle,best,1
must "--print-config" sh -c '"$1" bench all --print-config | grep -q "group depth: 3"' \
	- "$heddle"
finish
