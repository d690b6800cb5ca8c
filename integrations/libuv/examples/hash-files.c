/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hashes files for several tenants on one pool behind a libuv loop:
 *
 *   hash-files [--cap N] [--queue N] [--workers N] FOLDER...
 *
 * Each folder is a tenant: at most --cap of its files are hashed at once, and at most
 * --queue wait; a large one does not keep the others from their share. A full queue is
 * met where it is seen: the tenant offers the next file when one of its own was reported.
 * Standard output is that of sha256sum, in the order in which the hashes end; the
 * table of tenants goes to standard error. Links and what is not a file are left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <heddle_uv.h>

#include "integrations/libuv/examples/sha256.h"

#define CHUNK 65536

struct tenant {
	const char *folder;
	struct heddle_group *group;
	struct file *files, *next; /* all, and those not yet accepted */
	struct file **end;
	unsigned int found, hashed, failed, refused;
	_Atomic unsigned int running, most;
};

struct file {
	struct heddle_uv_work work;
	struct tenant *tenant;
	struct file *next;
	int error;
	char hash[65];
	char path[];
};

static uv_loop_t loop;
static struct heddle_uv *uv;

/* ---- on a worker ---- */

static int hash_path(struct file *file)
{
	struct sha256 hash;
	uint8_t chunk[CHUNK];
	ssize_t got;
	int fd = open(file->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno;
	sha256_begin(&hash);
	while ((got = read(fd, chunk, sizeof(chunk))) > 0)
		sha256_add(&hash, chunk, (size_t)got);
	sha256_end(&hash, file->hash);
	file->error = got < 0 ? errno : 0;
	close(fd);
	return file->error;
}

static void hash_file(struct heddle_uv_work *work)
{
	struct file *file = (struct file *)work;
	struct tenant *tenant = file->tenant;
	unsigned int now = atomic_fetch_add(&tenant->running, 1) + 1;
	unsigned int most = atomic_load(&tenant->most);

	while (now > most &&
	       !atomic_compare_exchange_weak(&tenant->most, &most, now))
		;
	file->error = hash_path(file);
	atomic_fetch_sub(&tenant->running, 1);
}

/* ---- on the loop ---- */

static void offer(struct tenant *tenant);

static void print_hash(struct heddle_uv_work *work, int status)
{
	struct file *file = (struct file *)work;
	struct tenant *tenant = file->tenant;

	if (status == 0 && file->error == 0) {
		printf("%s  %s\n", file->hash, file->path);
		tenant->hashed++;
	} else {
		fprintf(stderr, "hash-files: %s: %s\n", file->path,
			status ? uv_strerror(status) : strerror(file->error));
		tenant->failed++;
	}
	offer(tenant);
}

static void offer(struct tenant *tenant)
{
	while (tenant->next) {
		int rc = heddle_uv_queue_work(uv, &tenant->next->work,
					      tenant->group, hash_file,
					      print_hash);

		if (rc == UV_EAGAIN) {
			tenant->refused++;
			return; /* our own reports bring us back */
		}
		if (rc) {
			fprintf(stderr, "hash-files: %s: %s\n",
				tenant->next->path, uv_strerror(rc));
			tenant->failed++;
		}
		tenant->next = tenant->next->next;
	}
}

static int add_file(struct tenant *tenant, const char *path)
{
	struct file *file = malloc(sizeof(*file) + strlen(path) + 1);

	if (!file)
		return UV_ENOMEM;
	*file = (struct file){ .tenant = tenant };
	strcpy(file->path, path);
	*tenant->end = file;
	tenant->end = &file->next;
	tenant->found++;
	return 0;
}

/* Depth first; the folder that cannot be read is named. */
static int find_files(struct tenant *tenant, const char *folder)
{
	uv_dirent_t entry;
	uv_fs_t scan;
	int rc = uv_fs_scandir(&loop, &scan, folder, 0, NULL);

	if (rc < 0)
		fprintf(stderr, "hash-files: %s: %s\n", folder,
			uv_strerror(rc));
	while (rc >= 0 && uv_fs_scandir_next(&scan, &entry) != UV_EOF) {
		size_t size = strlen(folder) + strlen(entry.name) + 2;
		char *path = malloc(size);

		if (!path) {
			rc = UV_ENOMEM;
			break;
		}
		snprintf(path, size, "%s/%s", folder, entry.name);
		if (entry.type == UV_DIRENT_DIR)
			rc = find_files(tenant, path);
		else if (entry.type == UV_DIRENT_FILE)
			rc = add_file(tenant, path);
		free(path);
	}
	uv_fs_req_cleanup(&scan);
	return rc < 0 ? rc : 0;
}

static void forget_files(struct tenant *tenant)
{
	while (tenant->files) {
		struct file *file = tenant->files;

		tenant->files = file->next;
		free(file);
	}
}

/* ---- start and end ---- */

static uint32_t number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || !value || value > 4096) {
		fprintf(stderr, "hash-files: %s is no number from 1 to 4096\n",
			text);
		exit(2);
	}
	return (uint32_t)value;
}

static void read_options(int argc, char **argv,
			 struct heddle_group_options *group,
			 struct heddle_pool_options *pool)
{
	static const struct option options[] = {
		{ "cap", required_argument, NULL, 'c' },
		{ "queue", required_argument, NULL, 'q' },
		{ "workers", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'c')
			group->cap = number(optarg);
		else if (option == 'q')
			group->queue_slots = number(optarg);
		else if (option == 'w')
			pool->workers_max = number(optarg);
		else
			exit(2);
	}
	if (optind == argc) {
		fprintf(stderr, "usage: hash-files [--cap N] [--queue N] "
				"[--workers N] FOLDER...\n");
		exit(2);
	}
}

static int hash_all(struct heddle_pool *pool, struct tenant *tenant, int n,
		    const struct heddle_group_options *options)
{
	int i, rc = 0;

	for (i = 0; i < n && !rc; i++) {
		rc = heddle_group_create(heddle_pool_group(pool), options,
					 &tenant[i].group);
		tenant[i].end = &tenant[i].files;
		if (!rc)
			rc = find_files(&tenant[i], tenant[i].folder);
		tenant[i].next = tenant[i].files;
	}
	for (i = 0; i < n && !rc; i++)
		offer(&tenant[i]);
	uv_run(&loop, UV_RUN_DEFAULT);
	fprintf(stderr, "%8s %8s %8s %5s %5s  %s\n", "files", "hashed",
		"refused", "cap", "most", "folder");
	for (i = 0; i < n; i++) {
		fprintf(stderr, "%8u %8u %8u %5u %5u  %s\n", tenant[i].found,
			tenant[i].hashed, tenant[i].refused, options->cap,
			atomic_load(&tenant[i].most), tenant[i].folder);
		rc |= tenant[i].failed != 0 ||
		      atomic_load(&tenant[i].most) > options->cap;
	}
	return rc;
}

int main(int argc, char **argv)
{
	struct heddle_group_options group = { .struct_size = sizeof(group),
					      .cap = 2,
					      .queue_slots = 16,
					      .name = "tenant" };
	struct heddle_pool_options options = { .struct_size = sizeof(options) };
	struct heddle_pool *pool;
	struct tenant *tenant;
	int i, n, rc;

	read_options(argc, argv, &group, &options);
	n = argc - optind;
	options.groups_max = (uint32_t)n + 1;
	if (!options.workers_max)
		options.workers_max = (uint32_t)uv_available_parallelism();
	tenant = calloc((size_t)n, sizeof(*tenant));
	if (!tenant || uv_loop_init(&loop) ||
	    heddle_pool_create(&options, &pool))
		return 1;
	for (i = 0; i < n; i++)
		tenant[i].folder = argv[optind + i];
	rc = heddle_pool_start(pool, options.workers_max, NULL, HEDDLE_FOREVER);
	if (!rc)
		rc = heddle_uv_open(&loop, heddle_pool_group(pool), &uv);
	if (rc) {
		fprintf(stderr, "hash-files: %s\n", uv_strerror(rc));
		return 1;
	}
	rc = hash_all(pool, tenant, n, &group);
	heddle_uv_close(uv, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	rc |= heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER);
	for (i = 0; i < n; i++)
		forget_files(&tenant[i]);
	free(tenant);
	return rc != 0;
}
