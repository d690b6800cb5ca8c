/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making a pool visible to other processes of the same user: `heddle top` and
 * `heddle trace` read what is published here. Nothing is published unless it
 * is asked for. The file is a snapshot that the host has written when it
 * wanted; who reads it touches no memory of the pool, so however many look and
 * however often, the pool does not notice. doc/design/eyes.md has the reasons.
 */
#ifndef HEDDLE_PUBLISH_H
#define HEDDLE_PUBLISH_H

#include <heddle/api.h>

#ifdef __cplusplus
extern "C" {
#endif

struct heddle_pool;

#define HEDDLE_SNAPSHOT_MAGIC   "heddle:s"
#define HEDDLE_SNAPSHOT_VERSION 1

/**
 * struct heddle_snapshot_head - how a published file begins
 *
 * Behind it lie @n_workers records of @worker_size bytes, each beginning with
 * a struct heddle_worker_info, then @n_groups of @group_size bytes, each
 * beginning with a struct heddle_snapshot_group. All in the byte order of the
 * machine. A file may be read while it is written: a copy is good when
 * its checksum is.
 *
 * @magic:       HEDDLE_SNAPSHOT_MAGIC, 8 bytes without a terminator
 * @version:     HEDDLE_SNAPSHOT_VERSION; another one is another layout
 * @head_size:   bytes of this head
 * @size:        bytes of all; a file may be longer
 * @checksum:    FNV-1a over the 64-bit words of all, with 0 in this place
 * @sequence:    1 for the first snapshot, one more for each
 * @taken_ns:    CLOCK_MONOTONIC when it was taken
 * @pid:         of the process, as it sees itself
 * @closing:     1 when the pool is being destroyed
 * @workers_max, @blocked_max: of the pool's options, with the defaults filled in
 * @live:        workers that are there and have not been told to leave, with the
 *               threads that are donated to the pool
 * @wakes, @useless_wakes, @guests_recycled, @create_failures,
 * @blocked_bound_hits: as in struct heddle_check
 * @name:        of the pool, terminated
 */
struct heddle_snapshot_head {
	char magic[8];
	uint32_t version;
	uint32_t head_size;
	uint64_t size;
	uint64_t checksum;
	uint64_t sequence;
	uint64_t taken_ns;
	uint32_t worker_size;
	uint32_t n_workers;
	uint32_t group_size;
	uint32_t n_groups;
	int32_t pid;
	uint32_t closing;
	uint32_t workers_max;
	uint32_t blocked_max;
	uint32_t live;
	uint32_t reserved;
	uint64_t wakes;
	uint64_t useless_wakes;
	uint64_t guests_recycled;
	uint64_t create_failures;
	uint64_t blocked_bound_hits;
	char name[16];
};

/**
 * struct heddle_snapshot_group - one group
 * @index:      its number, as in heddle_worker_info.group
 * @above:      number of the group above, UINT32_MAX for the root
 * @depth:      0 for the root
 * @cap, @count, @blocked, @returners, @parallelism, @reason, @weight,
 * @reserve, @queued: as in struct heddle_group_stat
 * @reason_group: number of the group that is meant, UINT32_MAX for none
 * @since_ns:   @taken_ns of the first of the snapshots in a row that have
 *              found this @reason: how long nothing starts, as far as was looked
 * @name:       terminated
 */
struct heddle_snapshot_group {
	uint32_t index;
	uint32_t above;
	uint32_t depth;
	uint32_t cap;
	uint32_t count;
	uint32_t blocked;
	uint32_t returners;
	uint32_t parallelism;
	uint32_t reason;
	uint32_t reason_group;
	uint32_t weight;
	uint32_t reserve;
	uint64_t queued;
	uint64_t since_ns;
	char name[16];
};

/**
 * heddle_pool_publish() - let other processes of this user see a pool
 * @pool: the pool
 * @path: of the file, which must not exist; or NULL: "heddle.PID.N" in
 *        $XDG_RUNTIME_DIR if that is a folder of this user, else in /dev/shm,
 *        with the lowest free N up to 255
 *
 * Makes the file with mode 0600 and writes a first snapshot. It stays until
 * heddle_pool_withdraw() or the pool is freed. A file that a process has
 * left behind when it died is replaced; one that is in use, or is no such
 * file, is not. A published pool keeps one open descriptor, with close-on-exec,
 * and memory for a snapshot: 48 bytes for each worker there ever was at a time,
 * 80 for each group.
 *
 * Progress: blocking (allocates, writes a file).
 * Context:  any thread that is not in a signal handler.
 * Return: 0, -EINVAL, -EALREADY (it is published), -EEXIST (another file, or
 * a process that lives), -ENOMEM, -ECHILD, what opening or writing the file
 * returned.
 */
HEDDLE_API int heddle_pool_publish(struct heddle_pool *pool, const char *path);

/**
 * heddle_pool_publish_update() - write a new snapshot
 * @pool: a published pool
 *
 * Called by the host as often as it likes its readers to be up to date: by a
 * timer, an event loop, a thread of its own. Reads the workers as
 * heddle_workers() does and the groups as heddle_group_stat() does, holding the
 * pool's control lock for one group at a time; one write to the file. No start,
 * end, sleep or wake of a task does more work because of it. The groups are seen
 * one after the other, not all at one instant.
 *
 * Progress: blocking (a short lock against start, stop and changes of groups,
 * and a file). Nothing is allocated.
 * Context: any thread that is not in a signal handler, a task too.
 * Return: 0, -EINVAL, -ENOENT (not published), -ECHILD, -EFBIG (RLIMIT_FSIZE),
 * what writing the file returned; the previous snapshot may be gone then.
 */
HEDDLE_API int heddle_pool_publish_update(struct heddle_pool *pool);

/**
 * heddle_pool_published() - the path under which a pool is published
 * @pool: the pool
 * @path: receives the path, terminated
 * @size: room in @path, in bytes
 *
 * Progress: blocking (a short lock). Context: as heddle_pool_publish_update().
 * Return: 0, -EINVAL, -ENOENT (not published), -ERANGE (no room), -ECHILD.
 */
HEDDLE_API int heddle_pool_published(struct heddle_pool *pool, char *path,
				     size_t size);

/**
 * heddle_pool_withdraw() - publish no more, and remove the file
 * @pool: the pool
 *
 * Removes the file only if it is still the one that was made.
 *
 * Progress: blocking. Context: as heddle_pool_publish().
 * Return: 0, -EINVAL, -ENOENT (not published), -ECHILD.
 */
HEDDLE_API int heddle_pool_withdraw(struct heddle_pool *pool);

#ifdef __cplusplus
}
#endif

#endif /* HEDDLE_PUBLISH_H */
