/* SPDX-License-Identifier: BSD-2-Clause */
/* Who takes part: the peers of this command, and programs that are asked for theirs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/core.h"
#include "bench/opponents/rust.h"
#include "bench/peer.h"
#include "tools/say.h"
#include "tools/where.h"

/* Programs below bench/; the Rust one may lie elsewhere. */
#define CXX    "opponents/cxx/heddle-cxx-opponent"
#define LIBOMP "opponents/libomp-build/heddle-libomp-opponent"
#define JAVA   "opponents/java-build/heddle-java-opponent"
#define GO     "opponents/go-build/heddle-go-opponent"
#define UV     "opponents/uv-opponent"
#define PTP    "opponents/pthreadpool-opponent"

/* Who is in a complete build, by the program that they are in. */
static const struct {
	const char *name;
	const char *program;   /* NULL: the Rust one */
	const char *workloads; /* NULL: it has a list */
	const char *package;   /* Debian's, for a program that was not built */
} known[] = {
	{ "asio", CXX, NULL, "g++ libasio-dev" },
	{ "tbb", CXX, NULL, "g++ libtbb-dev" },
	{ "openmp", CXX, NULL, "g++" },
	{ "std-thread", CXX, NULL, "g++" },
	{ "std-async", CXX, NULL, "g++" },
	{ "libomp", LIBOMP, NULL, "clang libomp-dev" },
	{ "java-fjp", JAVA, NULL, "default-jdk-headless" },
	{ "java-tpe", JAVA, NULL, "default-jdk-headless" },
	{ "go", GO, NULL, "golang-go" },
	{ "libuv", UV, NULL, "libuv1-dev" },
	{ "pthreadpool", PTP, NULL, "libpthreadpool-dev" },
	{ "heddle-typed", "w3", ",W3,", NULL },
	{ "heddle-fn", "w3", ",W3,", NULL },
	{ "serial", "w3", ",W3,", NULL },
	{ "rusty_pool", NULL, NULL, NULL },
	{ "rayon", NULL, NULL, NULL },
	{ "tokio", NULL, NULL, NULL },
	{ "tokio-blocking", NULL, NULL, NULL },
};

size_t hb_entry_named(const struct hb_bench *bench, const char *name)
{
	size_t i;

	for (i = 0; i < bench->n_entries; i++)
		if (!strcmp(bench->entries[i].name, name))
			return i;
	return SIZE_MAX;
}

/* The entry of a name; a new one is empty. */
static struct hb_entry *entry_of(struct hb_bench *bench, const char *name)
{
	size_t at = hb_entry_named(bench, name);

	if (at != SIZE_MAX)
		return &bench->entries[at];
	bench->entries = ht_grow(bench->entries, bench->n_entries,
				 sizeof(*bench->entries));
	memset(&bench->entries[bench->n_entries], 0, sizeof(*bench->entries));
	bench->entries[bench->n_entries].name = ht_text("%s", name);
	return &bench->entries[bench->n_entries++];
}

static void add_own(struct hb_bench *bench)
{
	size_t i;

	for (i = 0; hb_peers[i]; i++) {
		const struct hb_peer *peer = hb_peers[i];
		struct hb_entry *entry = entry_of(bench, peer->name);

		entry->is_ours = peer->is_ours;
		entry->is_packaged = !peer->is_ours &&
				     strcmp(peer->name, "mutex") != 0;
		if (peer->only)
			entry->workloads = ht_text(",%s", peer->only);
		if (peer->absent)
			entry->absent = ht_text("%s", peer->absent);
	}
}

/* Whose a program's peer is, by its name. */
static void classify(struct hb_entry *entry)
{
	entry->is_ours = !strncmp(entry->name, "heddle", strlen("heddle"));
	entry->is_packaged = !entry->is_ours &&
			     strcmp(entry->name, "serial") != 0 &&
			     strcmp(entry->name, "mutex") != 0;
}

/* "absent NAME: REASON"; another program may have it, which then counts. */
static bool add_unlisted(struct hb_bench *bench, char *line)
{
	char *name = line + strlen("absent ");
	char *reason = strstr(name, ": ");
	struct hb_entry *entry;

	if (!reason)
		return false;
	*reason = '\0';
	entry = entry_of(bench, name);
	if (!entry->program && !entry->absent)
		entry->absent = ht_text("%s", reason + strlen(": "));
	return true;
}

/* "peer NAME version=V workloads=W1,W2" */
static bool add_listed(struct hb_bench *bench, const char *program, char *line)
{
	char *name, *workloads, *save = NULL;
	struct hb_entry *entry;

	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(line, "absent ", strlen("absent ")))
		return add_unlisted(bench, line);
	workloads = strstr(line, "workloads=");
	if (strncmp(line, "peer ", 5) != 0 || !workloads)
		return false;
	workloads = ht_text(",%s,", workloads + strlen("workloads="));
	name = strtok_r(line + 5, " ", &save);
	entry = entry_of(bench, name);
	if (entry->program || hb_peer_find(name)) {
		free(workloads);
		return true;
	}
	free(entry->absent);
	entry->absent = NULL;
	entry->program = ht_text("%s", program);
	entry->workloads = workloads;
	classify(entry);
	return true;
}

/* Whether it is a program that has a list. */
static bool add_program(struct hb_bench *bench, const char *program)
{
	char word[] = "bench-list";
	char *path = ht_text("%s", program);
	char *words[] = { path, word, NULL };
	struct hb_child child;
	bool has_list = false;
	char line[HB_LINE_MAX];
	FILE *in;

	if (hb_child_start(&child, words)) {
		in = fdopen(child.from, "r");
		while (in && fgets(line, sizeof(line), in))
			has_list |= add_listed(bench, program, line);
		if (in)
			fclose(in);
		close(child.to);
		waitpid(child.pid, NULL, 0);
	}
	free(path);
	return has_list;
}

/* "rusty_pool 0.7.0"; lines of others are about compiler and packages. */
static void keep_versions(struct hb_bench *bench, struct hb_rust *rust)
{
	size_t i;

	for (i = 0; i < rust->n_versions; i++) {
		const char *line = rust->versions[i];
		char *name = ht_text("%.*s", (int)strcspn(line, " "), line);
		size_t at = hb_entry_named(bench, name);

		if (at != SIZE_MAX && line[strlen(name)] &&
		    !bench->entries[at].version)
			bench->entries[at].version =
				ht_text("%s", line + strlen(name) + 1);
		free(name);
	}
	bench->rust_lines = rust->versions;
	bench->n_rust_lines = rust->n_versions;
}

/* A program that does not list its peers has this one. */
static void add_known(struct hb_bench *bench, size_t at, const char *path)
{
	struct hb_entry *entry = entry_of(bench, known[at].name);

	entry->program = ht_text("%s", path);
	classify(entry);
}

static void add_built(struct hb_bench *bench)
{
	char *folder = ht_program_folder();
	struct hb_rust rust = { 0 };
	const char *before = "";
	size_t i;

	hb_rust_find(&rust);
	if (rust.program)
		add_program(bench, rust.program);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct hb_entry *entry;
		char *path;

		if (known[i].program && strcmp(before, known[i].program) != 0) {
			path = ht_text("%s/bench/%s", folder, known[i].program);
			if (!access(path, X_OK) && known[i].workloads)
				add_known(bench, i, path);
			else if (!access(path, X_OK))
				add_program(bench, path);
			free(path);
			if (!known[i].workloads)
				before = known[i].program;
		}
		entry = entry_of(bench, known[i].name);
		if (known[i].workloads && !entry->workloads)
			entry->workloads = ht_text("%s", known[i].workloads);
		if (entry->program || entry->absent)
			continue;
		if (!known[i].program && rust.reason)
			entry->absent = ht_text("%s", rust.reason);
		else if (known[i].package)
			entry->absent = ht_text("its program was not built "
						"(Debian: %s)",
						known[i].package);
		else
			entry->absent = ht_text("its program was not built");
	}
	keep_versions(bench, &rust);
	free(rust.program);
	free(rust.reason);
	free(folder);
}

/* "NAME=PATH,NAME=PATH" */
static bool add_given(struct hb_bench *bench, const char *opponents)
{
	char *list = ht_text("%s", opponents), *save = NULL, *word;
	bool is_right = true;

	for (word = strtok_r(list, ",", &save); word && is_right;
	     word = strtok_r(NULL, ",", &save)) {
		char *path = strchr(word, '=');
		struct hb_entry *entry;

		if (!path || path == word || access(path + 1, X_OK)) {
			ht_say("--opponent %s: NAME=PATH of a program is wanted",
			       word);
			is_right = false;
			break;
		}
		*path++ = '\0';
		entry = entry_of(bench, word);
		free(entry->absent);
		free(entry->program);
		free(entry->workloads);
		entry->absent = entry->workloads = NULL;
		entry->program = ht_text("%s", path);
		classify(entry);
	}
	free(list);
	return is_right;
}

static void free_entry(struct hb_entry *entry)
{
	free(entry->name);
	free(entry->program);
	free(entry->workloads);
	free(entry->absent);
	free(entry->version);
}

static bool is_listed(const char *names, const char *name)
{
	size_t length = strlen(name);
	const char *at = names;

	while (*at) {
		size_t n = strcspn(at, ",");

		if (n == length && !strncmp(at, name, n))
			return true;
		at += n + (at[n] == ',');
	}
	return false;
}

/* Only these stay, and each of them must be somebody's. */
static bool keep_named(struct hb_bench *bench, const char *names)
{
	char *list = ht_text("%s", names), *save = NULL, *word;
	bool is_right = true;
	size_t i, n = 0;

	for (word = strtok_r(list, ",", &save); word;
	     word = strtok_r(NULL, ",", &save))
		if (hb_entry_named(bench, word) == SIZE_MAX && is_right) {
			ht_say("--peers: '%s' is no peer", word);
			is_right = false;
		}
	free(list);
	for (i = 0; i < bench->n_entries; i++) {
		if (is_listed(names, bench->entries[i].name))
			bench->entries[n++] = bench->entries[i];
		else
			free_entry(&bench->entries[i]);
	}
	bench->n_entries = n;
	return is_right;
}

/* Whether a name asks for something that this command has not in itself. */
static bool has_foreign(const char *names)
{
	char *list = ht_text("%s", names), *save = NULL, *word;
	bool is_foreign = false;

	for (word = strtok_r(list, ",", &save); word;
	     word = strtok_r(NULL, ",", &save))
		is_foreign |= !hb_peer_find(word);
	free(list);
	return is_foreign;
}

bool hb_find(struct hb_bench *bench, const char *names, const char *opponents)
{
	add_own(bench);
	/* To ask programs, or even to build one, takes a while. */
	if (!names || has_foreign(names))
		add_built(bench);
	if (opponents && !add_given(bench, opponents))
		return false;
	return !names || keep_named(bench, names);
}

void hb_bench_free(struct hb_bench *bench)
{
	size_t i;

	for (i = 0; i < bench->n_entries; i++)
		free_entry(&bench->entries[i]);
	for (i = 0; i < bench->n_done; i++) {
		free(bench->done[i].samples.value[0]);
		free(bench->done[i].samples.value[1]);
	}
	for (i = 0; i < bench->n_missing; i++)
		free(bench->missing[i].reason);
	for (i = 0; i < bench->n_rust_lines; i++)
		free(bench->rust_lines[i]);
	free(bench->rust_lines);
	free(bench->entries);
	free(bench->done);
	free(bench->missing);
	free(bench->is_chosen);
}
