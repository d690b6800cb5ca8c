#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# A group is freed when nothing of it is anywhere, and nobody acts on its entry in the
# name of an earlier life.
#
# clause: C6
# clause: D5
#
# Method: tests/model/entry.pml is explored completely in small configurations; then
# once with each rule broken, where the named violation must be found. Assertions: a
# unit goes back to the group and the life that it was taken from; a removed group has
# no count, no task in a queue or in a hand, and each accepted task was called once;
# who waits leaves the cap as it was; every close comes to its end. Loops: every
# schedule ends.
#
# OPEN_TO_STARTS is the code as it was until this model found it: a task may be called
# after a drain has returned. doc/design/other-models.md has the schedule.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"
model=$top/tests/model/entry.pml
# shellcheck source=tests/model/spin.sh
. "$(dirname "$0")/spin.sh"

moves="-DKEPT=1 -DTASKS=0 -DROUNDS=1"
submits="-DSUBMITS=1 -DTASKS=0 -DROUNDS=1"
holds "a search" "-DROUNDS=3"
holds "two searches" "-DWORKERS=2"
holds "two searches, two tasks" "-DWORKERS=2 -DTASKS=2 -DROUNDS=1"
holds "a task that moves" "$moves"
holds "a task that moves, and one in the list" "-DKEPT=1 -DROUNDS=1"
holds "a task that moves, and one look at the queues" "-DONE_LOOK $moves"
holds_long "a submit" "$submits"
holds "a drain, and a task that is put back" \
	"-DROUNDS=2 -DPUT_BACK=1"
holds "every schedule ends" "-l -DROUNDS=3"
holds "every schedule ends, with a task that moves" "-l $moves"
holds "every schedule ends, with a submit" "-l -DWORKERS=0 $submits"

way='up==way'
tasks='list==0'
units='count==0)&&(running==0'
stays='life==2'
cap='target==9'
left='list>dead'
late='drained&&(life==1'
broken GIVE_THEN_UP "$way" ""
broken NO_SEAL "$units" "-DWORKERS=2"
broken COUNT_BEFORE "$units" "-DWORKERS=2"
broken NO_UNSEAL "$cap" "-DWORKERS=2"
broken UNPINNED "$tasks" "$moves"
broken GATE_THEN_UNPIN "$stays" "$moves"
broken PINS_AFTER "$tasks" "$moves"
broken PINS_BEFORE "$tasks" "$moves"
broken GATE_ONCE "$left" "$submits"
broken DEAD_SILENT "$stays" "$submits"
broken OPEN_TO_STARTS "$late" "$submits"
broken TAKE_AT_ONCE "list<=dead" "-DROUNDS=2 -DPUT_BACK=1"
broken QUEUES_FIRST "list<=dead" "-DROUNDS=2 -DPUT_BACK=1"
broken CALL_ANYWAY "$late" "$submits"
broken OPENED_SILENT "$stays" "-DSUBMITS=2 -DTASKS=0 -DROUNDS=1"
holds "TASKS_BEFORE: under the seal the counts are what must be read" \
	"-DBUG_TASKS_BEFORE $moves"
holds "UNSEAL_SILENT: whoever had a unit signals" "-DBUG_UNSEAL_SILENT $moves"

finish
