/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Publishing a pool: a snapshot is put together in memory of its own and written
 * to a file. Not for who runs tasks: nothing on their way knows of it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <heddle/group.h>
#include <heddle/publish.h>
#include <heddle/see.h>

#include "platform/clock.h"
#include "platform/memory.h"
#include "platform/pubfile.h"
#include "sched/group.h"
#include "sched/pool.h"
#include "sched/publish.h"
#include "sched/see.h"
#include "sched/worker.h"

#define MAGIC_SIZE (sizeof(HEDDLE_SNAPSHOT_MAGIC) - 1)

_Static_assert(sizeof(struct heddle_snapshot_head) % 8 == 0 &&
		       sizeof(struct heddle_worker_info) % 8 == 0 &&
		       sizeof(struct heddle_snapshot_group) % 8 == 0,
	       "the checksum goes by words of 64 bits");

/* Why nothing starts in a group, and since when that is the answer. */
struct reason {
	uint64_t since_ns;
	uint32_t reason; /* and one; 0: not looked at yet */
};

struct hd_publication {
	struct hd_pubfile file;
	uint64_t sequence;
	size_t room; /* bytes of image */
	char *image;
	struct reason *reason; /* of each group, by its index */
};

static uint64_t checksum(const char *image, size_t size)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325), word;
	size_t at;

	for (at = 0; at < size; at += sizeof(word)) {
		memcpy(&word, image + at, sizeof(word));
		sum = (sum ^ word) * UINT64_C(0x100000001b3);
	}
	return sum;
}

static void fill_head(struct heddle_pool *pool, struct hd_publication *pub,
		      struct heddle_snapshot_head *head)
{
	memset(head, 0, sizeof(*head));
	memcpy(head->magic, HEDDLE_SNAPSHOT_MAGIC, MAGIC_SIZE);
	head->version = HEDDLE_SNAPSHOT_VERSION;
	head->head_size = sizeof(*head);
	head->sequence = ++pub->sequence;
	head->taken_ns = hd_now_ns();
	head->worker_size = sizeof(struct heddle_worker_info);
	head->group_size = sizeof(struct heddle_snapshot_group);
	head->pid = hd_process_id();
	head->workers_max = pool->workers_max;
	head->blocked_max = pool->blocked_max;
	hd_mutex_lock(&pool->control);
	head->live = pool->live + pool->runners;
	head->closing = pool->closing;
	hd_mutex_unlock(&pool->control);
	head->wakes = atomic_load_explicit(
		&pool->wakes, memory_order_relaxed); /* statistics */
	head->useless_wakes = atomic_load_explicit(
		&pool->useless_wakes, memory_order_relaxed); /* statistics */
	head->guests_recycled = atomic_load_explicit(
		&pool->guests_recycled, memory_order_relaxed); /* statistics */
	head->create_failures = atomic_load_explicit(
		&pool->create_failures, memory_order_relaxed); /* statistics */
	head->blocked_bound_hits =
		atomic_load_explicit(&pool->blocked_bound_hits,
				     memory_order_relaxed); /* statistics */
	snprintf(head->name, sizeof(head->name), "%s", pool->name);
}

/* Since when this is the answer; a group of another life starts anew with its reason. */
static uint64_t since(struct reason *known, uint32_t reason, uint64_t now)
{
	if (known->reason != reason + 1) {
		known->reason = reason + 1;
		known->since_ns = now;
	}
	return known->since_ns;
}

static void fill_group(struct heddle_group *group, uint32_t workers,
		       struct heddle_snapshot_group *out)
{
	struct heddle_group *above = hd_group_above(group);
	struct heddle_group_stat stat;

	memset(&stat, 0, sizeof(stat));
	hd_see_group(group, workers, &stat);
	memset(out, 0, sizeof(*out));
	out->index = group->index;
	out->above = above ? above->index : UINT32_MAX;
	out->depth = hd_group_depth(group);
	out->cap = stat.cap;
	out->count = stat.count;
	out->blocked = stat.blocked;
	out->returners = stat.returners;
	out->parallelism = stat.parallelism;
	out->reason = stat.reason;
	out->reason_group = stat.reason_group ? stat.reason_group->index
					      : UINT32_MAX;
	out->weight = stat.weight;
	out->reserve = stat.reserve;
	out->queued = stat.queued;
	snprintf(out->name, sizeof(out->name), "%s", group->name);
}

/* One group at a time under the lock: starts and stops wait for no more. */
static uint32_t fill_groups(struct heddle_pool *pool,
			    struct hd_publication *pub, uint64_t now,
			    struct heddle_snapshot_group *out)
{
	uint32_t workers = hd_see_workers(pool);
	uint32_t i, n = 0;

	for (i = 0; i < pool->groups_max; i++) {
		struct heddle_group *group = &pool->group[i];
		bool used;

		if (i >= atomic_load_explicit(&pool->groups_used,
					      memory_order_relaxed)) /* bound */
			break;
		hd_mutex_lock(&pool->control);
		used = group->in_use;
		if (used)
			fill_group(group, workers, &out[n]);
		hd_mutex_unlock(&pool->control);
		if (!used) {
			pub->reason[i].reason = 0;
			continue;
		}
		out[n].since_ns = since(&pub->reason[i], out[n].reason, now);
		n++;
	}
	return n;
}

/* Under pool->publishing. */
static int update(struct heddle_pool *pool, struct hd_publication *pub)
{
	struct heddle_snapshot_head *head = (void *)pub->image;
	struct heddle_worker_info *worker = (void *)(head + 1);
	int found;

	fill_head(pool, pub, head);
	found = heddle_workers(pool, worker, pool->entries);
	head->n_workers = found < 0 ? 0 : (uint32_t)found;
	head->n_groups = fill_groups(pool, pub, head->taken_ns,
				     (void *)(worker + head->n_workers));
	head->size = sizeof(*head) + head->n_workers * sizeof(*worker) +
		     head->n_groups * sizeof(struct heddle_snapshot_group);
	head->checksum = checksum(pub->image, head->size);
	return hd_pubfile_write(&pub->file, pub->image, head->size);
}

static void free_publication(struct heddle_pool *pool,
			     struct hd_publication *pub)
{
	hd_unmap(pub->image, pub->room);
	hd_unmap(pub->reason, pool->groups_max * sizeof(*pub->reason));
	hd_free(pub);
}

/* Mappings: what was never written costs nothing. */
static struct hd_publication *new_publication(struct heddle_pool *pool)
{
	struct hd_publication *pub = hd_alloc(sizeof(*pub));

	if (!pub)
		return NULL;
	pub->room = sizeof(struct heddle_snapshot_head) +
		    pool->entries * sizeof(struct heddle_worker_info) +
		    pool->groups_max * sizeof(struct heddle_snapshot_group);
	pub->image = hd_map(pub->room);
	pub->reason = hd_map(pool->groups_max * sizeof(*pub->reason));
	if (pub->image && pub->reason)
		return pub;
	if (pub->image)
		hd_unmap(pub->image, pub->room);
	if (pub->reason)
		hd_unmap(pub->reason, pool->groups_max * sizeof(*pub->reason));
	hd_free(pub);
	return NULL;
}

/* Under pool->publishing. */
static int publish(struct heddle_pool *pool, const char *path)
{
	struct hd_publication *pub;
	int rc;

	if (pool->publication)
		return -EALREADY;
	pub = new_publication(pool);
	if (!pub)
		return -ENOMEM;
	rc = hd_pubfile_create(&pub->file, path, HEDDLE_SNAPSHOT_MAGIC,
			       MAGIC_SIZE);
	if (rc < 0)
		goto release;
	rc = update(pool, pub);
	if (rc < 0)
		goto remove;
	pool->publication = pub;
	return 0;

remove:
	hd_pubfile_remove(&pub->file);
release:
	free_publication(pool, pub);
	return rc;
}

static void withdraw(struct heddle_pool *pool)
{
	struct hd_publication *pub = pool->publication;

	pool->publication = NULL;
	hd_pubfile_remove(&pub->file);
	free_publication(pool, pub);
}

int heddle_pool_publish(struct heddle_pool *pool, const char *path)
{
	int rc;

	if (!pool || (path && !path[0]))
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	hd_mutex_lock(&pool->publishing);
	rc = publish(pool, path);
	hd_mutex_unlock(&pool->publishing);
	return rc;
}

int heddle_pool_publish_update(struct heddle_pool *pool)
{
	int rc;

	if (!pool)
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	hd_mutex_lock(&pool->publishing);
	rc = pool->publication ? update(pool, pool->publication) : -ENOENT;
	hd_mutex_unlock(&pool->publishing);
	return rc;
}

int heddle_pool_published(struct heddle_pool *pool, char *path, size_t size)
{
	int rc = -ENOENT;

	if (!pool || !path)
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	hd_mutex_lock(&pool->publishing);
	if (pool->publication) {
		const char *from = pool->publication->file.path;

		rc = strlen(from) < size ? 0 : -ERANGE;
		if (rc == 0)
			memcpy(path, from, strlen(from) + 1);
	}
	hd_mutex_unlock(&pool->publishing);
	return rc;
}

int heddle_pool_withdraw(struct heddle_pool *pool)
{
	int rc = -ENOENT;

	if (!pool)
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	hd_mutex_lock(&pool->publishing);
	if (pool->publication) {
		withdraw(pool);
		rc = 0;
	}
	hd_mutex_unlock(&pool->publishing);
	return rc;
}

void hd_publish_end(struct heddle_pool *pool, bool forked)
{
	struct hd_publication *pub = pool->publication;

	if (!pub)
		return;
	if (!forked) {
		withdraw(pool);
		return;
	}
	hd_pubfile_drop(&pub->file);
	free_publication(pool, pub);
}
