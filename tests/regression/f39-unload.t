#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# A plugin that uses the library can be loaded, used and unloaded again and again.
#
# clause: D4
# fault: F39
#
# Method: two plugins, one linked with the shared library, which stays mapped
# (nodelete), one with the objects of the library, which are unmapped with it; each reaches
# R4 before it is unloaded. A program loads, runs and unloads each 60 times: threads and
# mappings are those after the tenth time, and of the second plugin nothing is mapped.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../style/sh-tap.sh"
# shellcheck disable=SC1091
. "$build/tests/style/machines.env"

[ -e "$build/.libs/libheddle.so" ] ||
	skip_all "no $build/.libs/libheddle.so: it is not built shared"
# shellcheck disable=SC2154
[ -z "$sanitizer" ] || skip_all "built with $sanitizer"

cat >"$scratch/plugin.c" <<'C'
#include <heddle/heddle.h>

static void count(void *arg)
{
	__atomic_fetch_add((int *)arg, 1, __ATOMIC_SEQ_CST);
}

int plugin_run(void);
int plugin_run(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o), .workers_max = 3 };
	struct heddle_pool *pool;
	int ran = 0, i, rc;

	rc = heddle_pool_create(&o, &pool);
	rc |= heddle_pool_start(pool, 3, NULL, HEDDLE_FOREVER);
	for (i = 0; i < 50; i++)
		rc |= heddle_submit_call(heddle_pool_group(pool), count, &ran);
	rc |= heddle_group_close(heddle_pool_group(pool), HEDDLE_CLOSE_DRAIN, HEDDLE_FOREVER);
	rc |= heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER);
	return rc ? rc : ran == 50 ? 0 : 1;
}
C
cat >"$scratch/host.c" <<'C'
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static unsigned int threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	unsigned int n = 0;

	while (readdir(folder))
		n++;
	closedir(folder);
	return n - 2;
}

static unsigned int mappings(const char *of)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[4096];
	unsigned int n = 0;

	while (fgets(line, sizeof(line), maps))
		n += !of || strstr(line, of);
	fclose(maps);
	return n;
}

int main(int argc, char **argv)
{
	unsigned int before = 0, i;

	for (i = 0; i < 60; i++) {
		void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
		int (*run)(void), rc;

		if (!plugin) {
			printf("%s\n", dlerror());
			return 1;
		}
		*(void **)&run = dlsym(plugin, "plugin_run");
		rc = run();
		if (rc || dlclose(plugin) || threads() != 1) {
			printf("time %u: %d, %u threads\n", i, rc, threads());
			return 1;
		}
		if (i == 10)
			before = mappings(NULL);
	}
	printf("%u mappings, %u before, %u of the plugin\n", mappings(NULL), before,
	       mappings(argv[1]));
	return mappings(NULL) > before + 2 || mappings(argv[1]) || argc != 2;
}
C
include="-I$top/include -I$build/include"
# The objects of which the shared library is made: for code that is unmapped again.
objects=$(find "$build/platform/.libs" "$build/lockfree/.libs" "$build/sched/.libs" \
	"$build/tls/.libs" -name 'lib*.o')
# shellcheck disable=SC2154,SC2086
must "the host compiles" $cc -O1 "$scratch/host.c" -o "$scratch/host" -ldl
# shellcheck disable=SC2086
must "a plugin with the shared library" $cc -O1 -fPIC -shared $include \
	"$scratch/plugin.c" -o "$scratch/shared.so" -L"$build/.libs" -lheddle \
	-Wl,-rpath,"$build/.libs"
# shellcheck disable=SC2086
must "a plugin with its objects" $cc -O1 -fPIC -shared $include \
	"$scratch/plugin.c" $objects -o "$scratch/static.so" -lurcu-memb \
	-lm -lpthread -Wl,--exclude-libs,ALL
must "loaded and unloaded 60 times, shared" "$scratch/host" "$scratch/shared.so"
must "loaded and unloaded 60 times, with its objects" "$scratch/host" "$scratch/static.so"
must "the library itself stays mapped" sh -c \
	"readelf -dW '$build/.libs/libheddle.so' | grep -q NODELETE"
finish
