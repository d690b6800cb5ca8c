#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Each request is reported once, as what it came to; no wake-up of the loop is lost; after
# the close nobody touches the binding, and each job is freed once.
#
# clause: U1 U2 U5
#
# Method: binding.pml is explored completely in small configurations; then once with each
# rule broken, where the named violation must be found. A lost wake-up is an end of all
# steps with something out.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../../../tests/style/sh-tap.sh"
model=$top/integrations/libuv/tests/binding.pml
# shellcheck source=tests/model/spin.sh
. "$(dirname "$0")/../../../tests/model/spin.sh"

holds "closed when nothing is out" ""
holds "closed at any time" "-DEARLY"
holds "one look" "-DEARLY -DLOOKS=1"
holds "three jobs" "-DJOBS=3"

lost='invalid end state'
wrong='reported\['
gone='is_closed'
twice='freed\['
broken NO_CLAIM "$wrong" ""
broken PLAIN_CANCEL "$wrong" ""
broken PLAIN_END "$twice" "-DEARLY"
broken BLIND_PUSH "$twice" ""
broken STAY "$lost" ""
broken PLAIN_LEAVE "$lost" ""
broken NO_COUNT "$gone" ""
broken ORPHAN_ENDED "$twice" "-DEARLY"

finish
