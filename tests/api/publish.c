/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: a published pool has one file, mode 0600, whose content is true at each
 * update, whoever changes groups meanwhile; nothing is published unasked, nothing
 * remains of it behind destroy, and no file is replaced or removed that is not
 * a dead owner's.
 * Method: known states (a task that runs, one that is queued, a paused group)
 * are read back from the file; files, descriptors and children are counted; threads
 * create, change and free groups while others update, and each copy that is read
 * has the right checksum.
 *
 * clause: D4
 * clause: E1
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"
#include "tools/snapshot.h"

static char folder[] = "/tmp/heddle-publish.XXXXXX";
static char path[64], other[64];

static unsigned int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	if (!dir)
		bail("/proc/self/fd: %s", strerror(errno));
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static bool exists(const char *name)
{
	struct stat stat;

	return lstat(name, &stat) == 0;
}

/* Reads it once; a torn copy is tried again. */
static bool look(const char *name, struct ht_snapshot *out)
{
	struct ht_eye eye;
	char *wrong = ht_eye_open(&eye, name);

	if (!wrong) {
		wrong = ht_eye_read(&eye, out);
		ht_eye_close(&eye);
	}
	if (!wrong)
		return true;
	diag("%s", wrong);
	free(wrong);
	return false;
}

static const struct heddle_snapshot_group *named(const struct ht_snapshot *s,
						 const char *name)
{
	uint32_t i;

	for (i = 0; i < s->head.n_groups; i++)
		if (!strcmp(s->group[i].name, name))
			return &s->group[i];
	bail("no group %s in the file", name);
}

/* ---- what the file says ---- */

static _Atomic uint64_t running, go;

static void until_told(void *arg)
{
	(void)arg;
	atomic_store(&running, 1);
	su_wait_at_least(&go, 1, 60000);
}

static void nothing(void *arg)
{
	(void)arg;
}

/* The second and the third snapshot: since when the answer is the answer. */
static void ages(struct heddle_pool *pool, struct heddle_group *off)
{
	const struct heddle_snapshot_group *g;
	struct ht_snapshot s;

	heddle_pool_publish_update(pool);
	if (!look(path, &s))
		bail("the second snapshot cannot be read");
	g = named(&s, "off");
	ok(s.head.sequence == 2 && g->since_ns < s.head.taken_ns,
	   "a reason that stays keeps the time when it was found first");
	ht_snapshot_free(&s);
	atomic_store(&go, 1);
	heddle_group_set_cap(off, 1, NULL);
	su_check_at_rest(pool);
	heddle_pool_publish_update(pool);
	if (!look(path, &s))
		bail("the third snapshot cannot be read");
	g = named(&s, "off");
	ok(g->reason == HEDDLE_REASON_NO_WORK && g->queued == 0 &&
		   g->since_ns == s.head.taken_ns,
	   "a reason that has changed counts anew");
	ht_snapshot_free(&s);
}

static void content(void)
{
	struct heddle_pool *pool = su_pool(2);
	struct heddle_group *root = heddle_pool_group(pool), *one, *off;
	const struct heddle_snapshot_group *g;
	struct ht_snapshot s;
	struct stat stat;
	char told[64];
	uint32_t i, busy = 0;

	one = su_group(root, (struct heddle_group_options){
				     .name = "one", .cap = 1, .weight = 7 });
	off = su_group(root,
		       (struct heddle_group_options){
			       .name = "off", .flags = HEDDLE_GROUP_PAUSED });
	heddle_submit_call(one, until_told, NULL);
	if (!su_wait_at_least(&running, 1, 20000))
		bail("the task does not start");
	heddle_submit_call(one, nothing, NULL);
	heddle_submit_call(off, nothing, NULL);
	heddle_submit_call(off, nothing, NULL);

	ok(heddle_pool_publish_update(pool) == -ENOENT,
	   "an update of what is not published is refused");
	ok(heddle_pool_publish(pool, path) == 0, "publish");
	ok(lstat(path, &stat) == 0 && S_ISREG(stat.st_mode) &&
		   (stat.st_mode & 07777) == 0600 && stat.st_uid == geteuid(),
	   "it is a file of this user with mode 0600");
	ok(heddle_pool_publish(pool, other) == -EALREADY,
	   "it is published once only");
	ok(heddle_pool_published(pool, told, sizeof(told)) == 0 &&
		   !strcmp(told, path),
	   "the library tells the path");
	ok(heddle_pool_published(pool, told, 3) == -ERANGE,
	   "a path that does not fit is refused");

	if (!look(path, &s))
		bail("the first snapshot cannot be read");
	is_u64(s.head.sequence, 1, "the first snapshot is written by publish");
	ok(s.owner_lives && s.head.pid == getpid(), "its owner lives: we");
	g = named(&s, "one");
	ok(g->cap == 1 && g->count == 1 && g->queued == 1 && g->weight == 7 &&
		   g->reason == HEDDLE_REASON_CAP && g->depth == 1 &&
		   g->reason_group == g->index,
	   "a group at its cap: cap, count, queue, weight and reason");
	g = named(&s, "off");
	ok(g->cap == 0 && g->count == 0 && g->queued == 2 &&
		   g->reason == HEDDLE_REASON_PAUSED,
	   "a paused group says so");
	g = named(&s, "root");
	ok(g->above == UINT32_MAX && g->count == 1, "the root counts the task");
	for (i = 0; i < s.head.n_workers; i++)
		if (s.worker[i].state == HEDDLE_WORKER_RUNNING)
			busy += s.worker[i].group == named(&s, "one")->index;
	ok(s.head.n_workers == 2 && busy == 1 && s.head.live == 2,
	   "two workers, one of them runs a task of the group");
	ht_snapshot_free(&s);

	ages(pool, off);
	ok(heddle_pool_withdraw(pool) == 0 && !exists(path),
	   "withdraw removes the file");
	ok(heddle_pool_withdraw(pool) == -ENOENT,
	   "what is not published cannot be withdrawn");
	su_destroy(pool);
}

/* ---- what is there before, and what remains ---- */

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	if (!file || fputs(text, file) < 0 || fclose(file))
		bail("%s cannot be written", name);
}

static void remains(void)
{
	unsigned int before = descriptors();
	struct heddle_pool *pool = su_pool(1);
	int status = 1;
	pid_t child;

	is_u64(descriptors(), before, "a pool opens nothing unasked");
	ok(heddle_pool_publish(pool, path) == 0, "publish again");
	/* A child has the descriptor, and frees its copy of the pool. */
	child = fork();
	if (child == 0)
		_exit(heddle_pool_publish_update(pool) != -ECHILD ||
		      heddle_pool_withdraw(pool) != -ECHILD ||
		      heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
					  HEDDLE_NOW) != 0);
	waitpid(child, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	   "in a forked child only destroy works");
	ok(exists(path) && heddle_pool_publish_update(pool) == 0,
	   "the child's destroy leaves the parent's file");
	su_destroy(pool);
	ok(!exists(path), "destroy removes the file");
	is_u64(descriptors(), before, "no descriptor remains");
}

/* Whose files are replaced or removed, and whose are not. */
static void others(void)
{
	struct heddle_pool *pool = su_pool(1);
	struct ht_snapshot s;

	/* Somebody has put his own there meanwhile. */
	heddle_pool_publish(pool, path);
	unlink(path);
	write_file(path, "mine");
	su_destroy(pool);
	ok(exists(path), "destroy does not remove another's file");

	pool = su_pool(1);
	ok(heddle_pool_publish(pool, path) == -EEXIST && exists(path),
	   "a file that is no snapshot is not replaced");
	unlink(path);
	if (symlink("/dev/null", path))
		bail("symlink: %s", strerror(errno));
	ok(heddle_pool_publish(pool, path) == -EEXIST,
	   "nor is a symbolic link followed");
	unlink(path);
	write_file(path, HEDDLE_SNAPSHOT_MAGIC " of one who died");
	ok(heddle_pool_publish(pool, path) == 0 && look(path, &s),
	   "what a dead owner has left is replaced");
	ht_snapshot_free(&s);
	{
		struct heddle_pool *second = su_pool(1);

		ok(heddle_pool_publish(second, path) == -EEXIST,
		   "what a living owner has is not");
		su_destroy(second);
	}
	ok(look(path, &s) && s.owner_lives, "and still belongs to it");
	ht_snapshot_free(&s);
	ok(heddle_pool_publish(NULL, path) == -EINVAL &&
		   heddle_pool_publish_update(NULL) == -EINVAL &&
		   heddle_pool_withdraw(NULL) == -EINVAL,
	   "no pool is refused");
	su_destroy(pool);
	pool = su_pool(1);
	ok(heddle_pool_publish(pool, "/no/such/folder/x") == -ENOENT,
	   "an error of the system is handed on");
	su_destroy(pool);
}

/* ---- while everything changes ---- */

struct many {
	struct heddle_pool *pool;
	_Atomic bool stop;
	_Atomic uint64_t updates, failed;
	uint64_t stream;
};

static void *updater(void *arg)
{
	struct many *many = arg;

	while (!atomic_load(&many->stop)) {
		if (heddle_pool_publish_update(many->pool) < 0)
			atomic_fetch_add(&many->failed, 1);
		atomic_fetch_add(&many->updates, 1);
	}
	return NULL;
}

/* Groups come and go, caps change, and tasks run. */
static void change(struct many *many)
{
	struct heddle_group *root = heddle_pool_group(many->pool);
	char name[16];
	struct heddle_group_options options = {
		.struct_size = sizeof(options),
		.cap = 1 + (uint32_t)(tap_next(&many->stream) % 4),
		.name = name,
	};
	struct heddle_group *group;

	snprintf(name, sizeof(name), "g%u",
		 (unsigned int)(tap_next(&many->stream) % 1000));
	if (heddle_group_create(root, &options, &group))
		bail("a group cannot be made");
	heddle_submit_call(group, nothing, NULL);
	heddle_group_set_cap(group, (uint32_t)(tap_next(&many->stream) % 3),
			     NULL);
	heddle_group_close(group, HEDDLE_CLOSE_REFUSE | HEDDLE_CLOSE_FREE,
			   HEDDLE_FOREVER);
}

static void meanwhile(void)
{
	struct many many = { .pool = su_pool(2), .stream = tap_stream(1) };
	uint64_t until = su_now_ns() + (uint64_t)(tap_seconds(1) * 1e9);
	uint64_t reads = 0, bad = 0, last = 0, back = 0;
	pthread_t thread[2];
	int i;

	if (heddle_pool_publish(many.pool, path) < 0)
		bail("publish fails");
	for (i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, updater, &many);
	while (su_now_ns() < until) {
		struct ht_snapshot s;

		change(&many);
		if (!look(path, &s)) {
			bad++;
			continue;
		}
		back += s.head.sequence < last;
		last = s.head.sequence;
		bad += s.head.n_groups < 1 || s.head.n_workers > 4;
		reads++;
		ht_snapshot_free(&s);
	}
	atomic_store(&many.stop, true);
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	diag("%llu updates, %llu reads", (unsigned long long)many.updates,
	     (unsigned long long)reads);
	ok(reads > 5 && many.updates > 5, "there was something to read");
	is_u64(bad, 0, "each copy that is accepted is a possible one");
	is_u64(back, 0, "snapshots do not go back");
	is_u64(many.failed, 0, "no update fails");
	su_destroy(many.pool);
}

int main(void)
{
	tap_deadline(100);
	if (!mkdtemp(folder))
		bail("mkdtemp: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s/pool", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	content();
	remains();
	others();
	meanwhile();
	ok(rmdir(folder) == 0, "nothing is left in the folder");
	return tap_done();
}
