#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The laboratory's memory is C11's: what must not be seen is not seen in any
# execution, what may be seen is seen, and a race is one whatever a fence says.
#
# Method: litmus tests, explored completely. Where the outcome is forbidden the
# number of executions is compared too: it was found with other tools, and a
# model that loses executions would still forbid everything.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"
# shellcheck source=tests/model/lab.sh
. "$(dirname "$0")/lab.sh"
needs litmus

forbidden() {
	passes "$1: forbidden, in $2 executions" "executions=$2 .*complete" \
		"$scenarios/litmus" "$1" --dfs
}

allowed() {
	finds "$1: allowed" "seen: " "$scenarios/litmus" "$1" --dfs
}

allowed sb
allowed sb-acq-rel-fences
forbidden sb-sc-fences 130
forbidden sb-sc 20
forbidden sb-sc-and-fence 49
allowed mp
allowed mp-rel
allowed mp-acq
forbidden mp-rel-acq 40
forbidden mp-fences 140
forbidden mp-rel-fence 71
forbidden corr 67
allowed wrc
forbidden wrc-rel-acq 1422
forbidden release-sequence 1414
allowed release-sequence-store
allowed iriw-rel-acq
forbidden iriw-sc 25200
forbidden iriw-sc-fences 830354
forbidden r-sc-fences 100
allowed r-sc-stores

passes "a message behind a release is no race" complete \
	"$scenarios/litmus" mp-plain --dfs
finds "a message behind a relaxed flag is a race" "data race" \
	"$scenarios/litmus" mp-plain-relaxed --dfs
finds "seq_cst fences alone order no plain access" "data race" \
	"$scenarios/litmus" plain-sc-fences --dfs

rc=0
"$scenarios/litmus" no-such-scenario >"$scratch/output" 2>&1 || rc=$?
must "an unknown scenario is bad usage" test $rc -eq 2
rc=0
"$scenarios/litmus" sb --dfs=x >"$scratch/output" 2>&1 || rc=$?
must "an option without a number is bad usage" test $rc -eq 2
finish
