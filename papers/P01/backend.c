/* SPDX-License-Identifier: BSD-2-Clause */
/* The back ends of this build by name. */
#include "papers/P01/backend.h"

#include <string.h>

static const struct hp_backend *const backends[] = {
	&hp_heddle_static, &hp_heddle_elastic, &hp_heddle_guest, &hp_pthread,
#ifdef HAVE_GLIB
	&hp_glib,
#endif
	&hp_policy_rayon,  &hp_policy_rusty,
};

const struct hp_backend *hp_backend_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (!strcmp(name, backends[i]->name))
			return backends[i];
	return NULL;
}
