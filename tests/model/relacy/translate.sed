# SPDX-License-Identifier: BSD-2-Clause
#
# One file of lockfree/ as C++ over Relacy. Each line stays one line, so that what
# Relacy prints names the line of the library. Only types and names change; no
# statement, no order, no comment is added or lost.

# What the machine gives.
s|#include "platform/[a-z]*\.h"|#include "machine.hh"|
s|#include <stdatomic\.h>|#include "machine.hh"|

# A plain field that the owner writes (O) or that is set before publication (I): every
# access is looked at for a race. Structs have fields of their own.
/^	struct /!s|^	\(.*[ *]\)\([a-z_]*\);\( */\* [IO]\)|	plain<\1> \2;\3|

# Where the next lines of a list lie, perhaps.
s/_Atomic \(uint32_t\) \(chain;\)/guess<\1> \2/

# An array at the end, whose length the compiler does not know.
s/_Atomic \([a-z0-9_]*\) \([a-z]*\)\[\];/tail<zeroed<\1>> \2;/
s/_Atomic(\([^()]*\))/zeroed<\1>/g
s/_Atomic \([a-z0-9_]*\)/zeroed<\1>/g

# A word of C++.
s/\bpublic\b/public_/g

# Sizes are those of the real machine: tests/style/same-source.t and the compiler look.
s/_Static_assert(/static_assert(true || /
