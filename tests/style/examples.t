#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Every example builds, runs and ends with status 0.
#
# Method: the programs that make check built are run; that a status is seen at
# all is shown with a program that fails.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

for example in buildgraph container first guests loop server sort tenants; do
	must "examples/$example" "${abs_top_builddir:?}/examples/$example"
done
must_fail "an example that fails is seen" "no" sh -c 'echo no; exit 1'
finish
