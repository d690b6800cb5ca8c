/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: loading the library makes no thread, no descriptor and no signal handler, nor
 * does creating a pool make a thread. Elsewhere importing a module made a hundred.
 *
 * Method: this program is not linked with the library; it loads the one of the build
 * folder, and counts before and after.
 *
 * fault: F20
 * clause: S2
 */
#include <dirent.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tap/tap.h"

struct heddle_pool;

static unsigned int descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (directory && readdir(directory))
		n++;
	if (directory)
		closedir(directory);
	return n;
}

static unsigned int handlers(void)
{
	unsigned int n = 0;
	int i;

	for (i = 1; i < NSIG; i++) {
		struct sigaction now;

		if (sigaction(i, NULL, &now) == 0 &&
		    (now.sa_flags & SA_SIGINFO || now.sa_handler != SIG_DFL))
			n++;
	}
	return n;
}

static void *load(void)
{
	const char *build = getenv("abs_top_builddir");
	char path[4096];

	snprintf(path, sizeof(path), "%s/.libs/libheddle.so",
		 build ? build : "build");
	return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

int main(void)
{
	unsigned int threads = tap_threads(), fds = descriptors(),
		     signals = handlers();
	int (*create)(const void *, struct heddle_pool **);
	int (*destroy)(struct heddle_pool *, int, void *, uint64_t);
	struct heddle_pool *pool;
	void *library;

	tap_deadline(60);
	library = load();
	if (!library) {
		plan_skip_all("no shared library: %s", dlerror());
		return 77;
	}
	is_u64(tap_threads(), threads, "threads after the load");
	is_u64(descriptors(), fds, "descriptors after the load");
	is_u64(handlers(), signals, "signal handlers after the load");
	*(void **)&create = dlsym(library, "heddle_pool_create");
	*(void **)&destroy = dlsym(library, "heddle_pool_destroy");
	if (!create || !destroy)
		bail("no symbols: %s", dlerror());
	ok(create(NULL, &pool) == 0 && tap_threads() == threads,
	   "nor does a pool that was created make a thread: %u", tap_threads());
	ok(destroy(pool, 4, NULL, UINT64_MAX) == 0, "destroyed");
	ok(dlclose(library) == 0 && tap_threads() == threads,
	   "threads after the close: %u", tap_threads());
	return tap_done();
}
