/* SPDX-License-Identifier: BSD-2-Clause */
/* What the calling thread has pushed last. See lockfree/ahead.h. */
#include "lockfree/ahead.h"

__thread struct hd_ahead hd_ahead;
