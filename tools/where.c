/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/where.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/say.h"

/* Without libtool's .libs. */
char *ht_program_folder(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;
	int i;

	if (n < 0)
		return ht_text(".");
	path[n] = '\0';
	for (i = 0; i < 2; i++) {
		slash = strrchr(path, '/');
		if (!slash || (i && strcmp(slash, "/.libs")))
			break;
		*slash = '\0';
	}
	return ht_text("%s", path);
}

/* The value of a line "key=value" of the file tools/paths. */
char *ht_build_path(const char *folder, const char *key)
{
	char *path = ht_text("%s/tools/paths", folder);
	FILE *in = fopen(path, "r");
	char line[PATH_MAX + 64];
	size_t length = strlen(key);
	char *value = NULL;

	free(path);
	if (!in)
		return NULL;
	while (!value && fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, key, length) && line[length] == '=')
			value = ht_text("%s", line + length + 1);
	}
	fclose(in);
	return value;
}
