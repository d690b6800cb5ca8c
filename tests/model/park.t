#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# No wake-up is lost between a submit, a look, an order to leave and a worker that goes
# to sleep, and no permit is lost or made on the way.
#
# clause: C1
# clause: C2
# clause: C3
# fault: F22
# fault: F25
#
# Method: tests/model/park.pml is explored completely in small configurations; then
# once with each rule broken, where the named violation must be found. Assertions: no
# count and no number of running tasks above the cap, one token at a time; when nobody
# can move, no token lies unread, no work waits beside headroom and a sleeper, counts
# are those of running tasks, who was told to leave has left. Loops: every schedule
# ends.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"
model=$top/tests/model/park.pml
# shellcheck source=tests/model/spin.sh
. "$(dirname "$0")/spin.sh"

holds_long "cap 1, two submitters" ""
holds_long "cap 1, tasks that return or not" "-DNEVER -DMAYBE"
holds "cap 2, never returning" "-DCAP=2 -DNEVER"
holds_long "cap 2, three tasks of one submitter" "-DCAP=2 -DTASKS0=3 -DTASKS1=0"
holds_long "cap 2, all about to park, tasks that return or not" \
	"-DCAP=2 -DNEVER -DMAYBE -DPARKED=3"
holds "cap 1, all about to park, three waits that end for no reason" \
	"-DPARKED=3 -DSPURIOUS=3"
holds "cap 1, an order to leave" "-DLEAVE -DTASKS1=0"
holds_long "cap 2, an order to leave, all about to park" \
	"-DCAP=2 -DLEAVE -DPARKED=3 -DSPURIOUS=0"
holds "cap 1, submits from inside a task" "-DINSIDE -DTASKS1=0 -DTASKS0=2"
holds "cap 2, submits from inside a task, never returning" \
	"-DCAP=2 -DNEVER -DINSIDE -DTASKS0=2 -DPARKED=3"
holds "cap 2, a submit from inside a task, an order to leave" \
	"-DCAP=2 -DINSIDE -DLEAVE -DTASKS1=0 -DPARKED=3"
holds "3 workers, 4 tasks of one submitter, cap 3, never returning, all about to park" \
	"-DW=3 -DPARKED=7 -DCAP=3 -DNEVER -DTASKS0=4 -DTASKS1=0 -DSPURIOUS=0"
holds "3 workers, 4 tasks of one submitter, cap 2, a wait that ends for no reason" \
	"-DW=3 -DPARKED=7 -DCAP=2 -DNEVER -DTASKS0=4 -DTASKS1=0"
holds "every schedule ends" "-l -DTASKS1=0"
holds "every schedule ends, a submit from inside a task" "-l -DTASKS1=0 -DINSIDE"
holds "every schedule ends, with an order to leave" "-l -DTASKS1=0 -DLEAVE"

stranded='work>0.*idle!=0'
unread='(parker\[0\]<2)'
second='\((before<2)\|(parker\[0\]<2)\)'
untrue='count==running'
under='count>0'
stays='leave\[i\]'
never="-DCAP=2 -DNEVER"
# The parker.
broken TOKEN_LATE "$unread" "-DTASKS0=2"
broken STORE_ASLEEP "$untrue" "-DTASKS0=2"
broken NO_COMPARE "$unread" "-DTASKS0=2"
broken UNANNOUNCED "$unread" "-DTASKS0=2"
broken TRUST_FUTEX "$under" "-DTASKS0=2"
# Who goes to sleep.
broken NO_RECHECK "$stranded" "-DTASKS0=2"
broken BIT_LATE "$stranded" "-DTASKS0=2"
broken KEEP_BIT "$second" "$never"
broken OWN_BIT "$second" "$never"
broken KEEP_UNIT "$untrue" "$never"
broken PARK_HELD "$untrue" "-DTASKS0=2"
broken LEAVE_FIRST "$stays" "-DLEAVE -DTASKS1=0"
broken LEAVE_SILENT "$stays" "-DLEAVE -DTASKS1=0"
# Who wakes.
broken CLAIM "$second" "$never"
broken NO_PERMIT "$under" "-DTASKS0=2"
broken KEEP "$untrue" "-DTASKS0=2"
broken TRANSIENT "$stranded" "$never"
broken IDLE_FIRST "$stranded" "-DTASKS0=2"
broken CHAIN "$stranded" "$never"
broken SEARCHING "$stranded" "$never"
# Who wakes without a permit.
broken SEARCH_CHAIN "$stranded" "$never -DINSIDE -DTASKS1=0 -DTASKS0=2"
broken SEARCH_SLEEPS "searching" "-DINSIDE -DTASKS1=0 -DTASKS0=2"
broken SEARCH_LEFT "$stranded" "-DCAP=2 -DINSIDE -DLEAVE -DTASKS1=0 -DPARKED=3"

finish
