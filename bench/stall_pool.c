/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/stall.h"

const struct hs_operation hs_pool[] = {
	{ .name = NULL },
};
