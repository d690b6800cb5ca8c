#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Retired memory is freed behind a grace period that began after its retire, once.
#
# fault: F43
#
# Method: tests/model/grace.pml is explored completely in small configurations; then
# once with each rule broken, where the named violation must be found. Assertions: no
# reader has a block that was freed, each block is freed once, none is lost. Loops:
# every schedule ends.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"
model=$top/tests/model/grace.pml
# shellcheck source=tests/model/spin.sh
. "$(dirname "$0")/spin.sh"

holds "an updater and a flusher" ""
holds "two updaters" "-DUPDATERS=2 -DUPDATES=1"
holds "two readers, three replacements" "-DREADERS=2 -DUPDATES=3"
holds "every schedule ends" "-l"

used='block\[mine\]'
lost='in_list\[b\]'
twice='in_list\[taken\]'
broken NO_GRACE "$used" ""
broken FREE_FIRST "$used" ""
broken LATE_TAKE "$used" ""
broken LOAD_TAKE "$lost" ""
broken BLIND_PUSH "$twice" ""
broken EARLY_RETIRE "$twice" ""

finish
