/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of the peers that are written in C. */
#include <string.h>

#include "bench/peer.h"

const struct hb_peer *const hb_peers[] = {
	&hb_heddle, &hb_heddle_4096, &hb_heddle_task, &hb_heddle_flat,
	&hb_glib,   &hb_mutex,       &hb_pthread,     NULL,
};

const struct hb_peer *hb_peer_find(const char *name)
{
	size_t i;

	for (i = 0; hb_peers[i]; i++)
		if (!strcmp(hb_peers[i]->name, name))
			return hb_peers[i];
	return NULL;
}
