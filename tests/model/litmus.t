#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The laboratory's memory is C11's: what must not be seen is not seen in any
# execution, what may be seen is seen, and a race is one whatever a fence says.
#
# Method: litmus tests, explored completely; the scenarios themselves say which
# must fail. Where the outcome is forbidden, and no execution is left out as equal
# to another, the number of executions is compared too: it was found with other
# tools, and a model that loses executions would still forbid everything.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"

explore=$build/lab/explore
[ -x "$explore" ] || skip_all "no $explore: built without the laboratory"

for name in $("$explore" list | sed -n 's/^\(litmus-[^ ]*\) .*/\1/p'); do
	must "$name" "$explore" run "$name"
done

counts() {
	must "litmus-$1 has $2 executions" sh -c \
		"'$explore' run litmus-$1 --no-reduction | tee /dev/stderr |
		 grep -q 'executions=$2 .*/s complete\$'"
}

counts sb-sc-fences 130
counts sb-sc 20
counts sb-sc-and-fence 49
counts mp-rel-acq 40
counts mp-fences 40
counts mp-rel-fence 40
counts corr 67
counts wrc-rel-acq 1422
counts release-sequence 1414
counts iriw-sc 25200
counts iriw-sc-fences 830354
counts r-sc-fences 100
finish
