/* SPDX-License-Identifier: BSD-2-Clause */
/* Options structs of callers older and newer than the library (E3). */
#include "sched/options.h"

#include <errno.h>
#include <string.h>

int hd_options_read(void *to, size_t size, const void *from)
{
	const unsigned char *bytes = from;
	uint32_t given, i;

	memset(to, 0, size);
	if (!from)
		return 0;
	memcpy(&given, from, sizeof(given));
	if (given < sizeof(given))
		return -EINVAL;
	for (i = (uint32_t)size; i < given; i++)
		if (bytes[i])
			return -E2BIG;
	memcpy(to, from, given < size ? given : size);
	return 0;
}

int hd_output_size(const void *out, size_t size, size_t *usable)
{
	uint32_t given;

	if (!out)
		return -EINVAL;
	memcpy(&given, out, sizeof(given));
	if (given < sizeof(given))
		return -EINVAL;
	*usable = given < size ? given : size;
	return 0;
}
