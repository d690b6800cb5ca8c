#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# A reserve is an account beside the words: what it prepaid is never eaten by others,
# nothing of it lies idle while it runs enough, and nobody who could use it sleeps.
#
# clause: C1
# clause: C2
# clause: C3
# clause: C6
# fault: F15
#
# Method: tests/model/reserve.pml is explored completely in small configurations; then
# once with each rule broken, where the named violation must be found. Assertions: no
# running above a cap; when nobody can move, the units above are those of running tasks
# and of max(prepaid, running) of the account, no group has work, headroom and a sleeper,
# and the bits cover the work. Loops: every schedule ends.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"
model=$top/tests/model/reserve.pml
# shellcheck source=tests/model/spin.sh
. "$(dirname "$0")/spin.sh"

only="-DCAPR=1 -DTASKS0=0 -DTASKS1=2"
change="-DN=0 -DRAISE=1"
holds "1 of 2 prepaid, never returning" "-DNEVER -DTASKS1=2"
holds_long "1 of 2 prepaid, returning, both asleep at first" "-DTASKS1=2 -DPARKED=3"
holds "all prepaid, returning or not" \
	"-DCAPR=1 -DTASKS1=2 -DPARKED=3 -DNEVER -DMAYBE"
holds "all prepaid, two tasks of the account" "$only"
holds "raised by 2, never returning" "-DN=0 -DRAISE=2 -DNEVER -DPARKED=3"
holds "raised and lowered, never returning, both asleep at first" \
	"$change -DLOWER -DNEVER -DPARKED=3"
holds "raised and lowered under its own task" \
	"$change -DLOWER -DPARKED=3 -DTASKS0=0"
holds "raised and lowered under a task of another" \
	"$change -DLOWER -DPARKED=3 -DTASKS1=0"
holds "every schedule ends" "-l $only"
holds "every schedule ends, with a raise" "-l $change -DLOWER -DPARKED=3 -DTASKS0=0"

count='count\[2\]=='
stranded='work\[1\]>0.*idle!=0'
unmarked='here\[1\]&&.*top'
two="-DTASKS1=2 -DPARKED=3"
# The account.
broken FILL "$count" "$two -DNEVER -DMAYBE"
broken EARLY "$count" "$two"
broken KEEP "$count" "$two"
broken RAISE_KEEP "$count" "$change -DTASKS0=0 -DPARKED=3"
# Looks and bits.
broken MARK "$stranded" "-DNEVER"
broken ROOT_ONLY "$stranded" "-DNEVER"
broken TOP_EMPTY "$unmarked" "$only"
broken TOP_FULL "$unmarked" "$only"
broken ACCOUNT_MARK "$unmarked" "$only"
broken ACCOUNT_LOOK "$stranded" "$two -DNEVER -DMAYBE"
broken RAISE_LOOK "$stranded" "$change -DNEVER"
broken LOWER_LOOK "$stranded" "$change -DLOWER -DNEVER"

finish
