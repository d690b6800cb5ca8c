#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The opponents of `heddle bench` that are programs of their own answer in its
# protocol: every peer that was built, every workload it says it has, with the
# keys of that workload and with right answers. How fast anything is, is not
# looked at, but for work that a compiler has thrown away.
#
# Method: tiny sizes, one round; W10, which sleeps, beside the others.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

folder=$build/bench/opponents
said=$scratch/said
export said
if [ -r "$build/tests/style/machines.env" ]; then
	# shellcheck disable=SC1091
	. "$build/tests/style/machines.env"
	# shellcheck disable=SC2154
	[ -z "$sanitizer" ] || skip_all "$sanitizer: opponents are not built with it"
fi

# ask PROGRAM PEER WORKLOAD OPTION...: one round; what it said goes to a file
# that is named by the three, its exit status to the end of it.
ask() {
	ask_out=$scratch/$2.$3$point_more
	ask_program=$1
	ask_peer=$2
	ask_workload=$3
	shift 3
	rc=0
	echo go | "$ask_program" bench-peer --workload "$ask_workload" \
		--peer "$ask_peer" --not-known 1 "$@" >"$ask_out" 2>"$ask_out.err" ||
		rc=$?
	echo "status $rc" >>"$ask_out"
}

# answered NAME FILE KEYS SAMPLES TEST: lines as the protocol has them; TEST is
# an expression over v["key"].
answered() {
	if awk -v keys="$3" -v samples="$4" '
		function number(text) { return text ~ /^-?[0-9]+(\.[0-9]+)?$/ }
		NR == 1 { if (!/^ready( version=[^ ]+)?$/) exit 1; next }
		$1 == "s" { if (NF != 3 || !number($2) || !number($3)) exit 1; n++; next }
		$1 == "round" {
			if (rounds++ || NF - 1 != split(keys, want, " ")) exit 1
			for (i = 2; i <= NF; i++) {
				split($i, pair, "=")
				if (pair[1] != want[i - 1]) exit 1
				if (!number(pair[2]) && $i !~ /^(grow_us|shrink_us|gone)=nan$/)
					exit 1
				v[pair[1]] = pair[2] + 0
			}
			next
		}
		$0 == "end" { ended = NR; next }
		$0 == "status 0" { if (ended == NR - 1) right = 1; next }
		{ exit 1 }
		END { exit !(right && rounds == 1 && n + 0 == samples && ('"$5"')) }' "$2"
	then
		pass "$1"
	else
		fail "$1"
		cat "$2" "$2.err" | remark
	fi
}

# each PROGRAM PEER WORKLOAD: ask, and look at the answer.
each() {
	each_name="$2 $3"
	each_out=$scratch/$2.$3
	point_more=
	case $3 in
	W1)
		ask "$@" --tasks 2000 --submitters 2 --workers 2
		answered "$each_name" "$each_out" "ns submit_ns" 0 'v["ns"] >= v["submit_ns"]'
		;;
	W2 | W11)
		ask "$@" --depth 7 --workers 8
		answered "$each_name" "$each_out" ns 0 'v["ns"] > 0'
		;;
	W3)
		point_more=.fib
		ask "$@" --program fib --n 15
		answered "$each_name fib" "$each_out.fib" "ns answer" 0 'v["answer"] == 610'
		point_more=.nq
		ask "$@" --program nq --n 7
		answered "$each_name nq" "$each_out.nq" "ns answer" 0 'v["answer"] == 40'
		point_more=.uts
		ask "$@" --program uts --n 4
		answered "$each_name uts" "$each_out.uts" "ns answer" 0 'v["answer"] == '"$uts_4"
		;;
	W4)
		point_more=.block
		ask "$@" --mode block --samples 3
		answered "$each_name block" "$each_out.block" n 3 'v["n"] == 3'
		point_more=.spin
		ask "$@" --mode spin --samples 3
		answered "$each_name spin" "$each_out.spin" n 3 'v["n"] == 3'
		;;
	W4j)
		ask "$@" --samples 3
		answered "$each_name" "$each_out" n 3 'v["n"] == 3'
		;;
	W5)
		# 20 tasks of 1 ms on 2 workers: 10 ms, where work is not thrown
		# away. A fifth of it leaves room for a calibration that was disturbed.
		ask "$@" --tasks 20 --work-us 1000 --workers 2
		answered "$each_name" "$each_out" makespan 0 'v["makespan"] > 2000000'
		;;
	W6)
		ask "$@" --workers 3
		# A pool's threads go; "nan", which counts as 0, is said by who has none.
		each_test='v["left"] == 0 && v["gone"] >= v["stop"]'
		[ "$2" != go ] || each_test='v["left"] >= 0'
		answered "$each_name" "$each_out" "start stop gone left" 0 "$each_test"
		;;
	W7)
		ask "$@" --n 70 --flight 64 --work-us 1
		answered "$each_name" "$each_out" "ns p50 p99" 0 'v["p99"] >= v["p50"]'
		;;
	W8)
		ask "$@" --workers 3 --queued 20000
		answered "$each_name" "$each_out" "idle_kib task_bytes drain_mib stop_mib" 0 \
			'v["task_bytes"] > 0'
		;;
	W9)
		ask "$@" --workers 3 --tasks 6
		answered "$each_name" "$each_out" "max util makespan grow_us shrink_us" 0 \
			'v["max"] >= 1 && v["max"] <= 3 && v["util"] > 0 && v["util"] <= 1'
		;;
	*) fail "$each_name: a workload that this test does not know" ;;
	esac
}

# usage NAME STATUS PATTERN INPUT WORD...: how the program refuses.
usage() {
	usage_name=$1
	usage_status=$2
	usage_pattern=$3
	usage_input=$4
	shift 4
	rc=0
	echo "$usage_input" | "$@" >"$scratch/said" 2>&1 || rc=$?
	if [ $rc -eq "$usage_status" ] && grep -q -e "$usage_pattern" "$scratch/said"; then
		pass "$usage_name"
	else
		fail "$usage_name"
		echo "# exit status $rc, wanted $usage_status and: $usage_pattern"
		remark <"$scratch/said"
	fi
}

# Of the tree of doc/workloads.md, cut at this depth.
uts_4=922
slept=
for program in cxx/heddle-cxx-opponent libomp-build/heddle-libomp-opponent \
	java-build/heddle-java-opponent go-build/heddle-go-opponent \
	rust-build/heddle-rust-opponent; do
	name=${program#*/heddle-}
	if [ ! -x "$folder/$program" ]; then
		skip "$name" "$program was not built: compiler or packages are missing"
		continue
	fi
	program=$folder/$program
	"$program" bench-list >"$scratch/list" || fail "$name bench-list"
	while read -r word peer rest; do
		case $word in
		absent) skip "$peer" "$rest"; continue ;;
		peer) ;;
		*) fail "$name bench-list: $word"; continue ;;
		esac
		workloads=${rest#*workloads=}
		case ,$workloads, in
		*,W10,*)
			point_more=
			ask "$program" "$peer" W10 --tasks 20 --idle-seconds 1 &
			slept="$slept $peer" ;;
		esac
		for workload in $(echo "$workloads" | tr , ' '); do
			[ "$workload" = W10 ] || each "$program" "$peer" "$workload" </dev/null
		done
	done <"$scratch/list"

	last=$(awk '$1 == "peer" { peer = $2 } END { print peer }' "$scratch/list")
	[ -n "$last" ] || continue
	set -- W4j samples
	[ "$last" != libomp ] || set -- W2 depth
	usage "$name: a peer that is none" 2 'nobody' go \
		"$program" bench-peer --workload W1 --peer nobody
	usage "$name: a workload that the peer has not" 77 '^absent W99' go \
		"$program" bench-peer --workload W99 --peer "$last"
	usage "$name: no number" 2 "$2" go \
		"$program" bench-peer --workload "$1" --peer "$last" "--$2" 0
	usage "$name: no value" 2 "$2" go \
		"$program" bench-peer --workload "$1" --peer "$last" "--$2"
	usage "$name: another word than go" 2 'stop' stop \
		"$program" bench-peer --workload "$1" --peer "$last" "--$2" 1
done

# The side that is measured, with a peer in it: it takes the options that it knows.
program=$folder/pthreadpool-opponent
if [ -x "$program" ]; then
	for point in "W5 round.makespan= --tasks 50 --work-us 100" "W4j round.n=3 --samples 3"; do
		# shellcheck disable=SC2086
		set -- $point
		workload=$1
		line=$2
		shift 2
		must "pthreadpool $workload" sh -c 'line=$2 program=$1 workload=$3
			shift 3
			echo go | "$program" bench-peer --workload "$workload" \
				--peer pthreadpool "$@" >"$said" && grep -q "^$line" "$said" &&
				[ "$(tail -n 1 "$said")" = end ]' - "$program" "$line" "$workload" "$@"
	done
	usage "pthreadpool: nothing can be submitted" 77 '^absent' go \
		"$program" bench-peer --workload W1 --peer pthreadpool
else
	skip pthreadpool "its program was not built: libpthreadpool-dev is missing"
fi
wait
for peer in $slept; do
	answered "$peer W10" "$scratch/$peer.W10" "first_ms idle_ms" 0 'v["first_ms"] >= 0'
done
finish
