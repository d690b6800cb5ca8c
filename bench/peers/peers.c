/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of all peers, and those that are programs of their own. */
#include <string.h>

#include "bench/peer.h"

const struct hb_peer hb_rusty = {
	.name = "rusty_pool",
	.about = "ThreadPool::execute of a closure",
	.rust = "rusty",
};

const struct hb_peer hb_rayon = {
	.name = "rayon",
	.about = "ThreadPool::spawn of a closure",
	.rust = "rayon",
};

const struct hb_peer *const hb_peers[] = {
	&hb_heddle_task, &hb_heddle_call, &hb_heddle_tree, &hb_rusty,
	&hb_rayon,       &hb_glib,        &hb_mutex,       NULL,
};

const struct hb_peer *hb_peer_find(const char *name)
{
	size_t i;

	for (i = 0; hb_peers[i]; i++)
		if (!strcmp(hb_peers[i]->name, name))
			return hb_peers[i];
	return NULL;
}
