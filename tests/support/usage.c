/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/usage.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/tap/tap.h"

uint64_t su_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;
	uint64_t n = 0;

	if (!folder)
		bail("/proc/self/fd: %s", strerror(errno));
	while ((entry = readdir(folder)))
		n += entry->d_name[0] != '.';
	closedir(folder);
	return n - 1;
}

uint64_t su_mapped(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	uint64_t sum = 0, start, end;
	char line[512];

	if (!file)
		bail("/proc/self/maps: %s", strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (!strstr(line, "[heap]") && !strstr(line, "[stack]") &&
		    sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) == 2)
			sum += end - start;
	fclose(file);
	return sum;
}

uint64_t su_status(int32_t tid, const char *field)
{
	uint64_t value = UINT64_MAX;
	size_t length = strlen(field);
	char path[64], line[256];
	FILE *file;

	if (tid)
		snprintf(path, sizeof(path), "/proc/self/task/%d/status",
			 (int)tid);
	else
		snprintf(path, sizeof(path), "/proc/self/status");
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, field, length) && line[length] == ':')
			sscanf(line + length + 1, "%" SCNu64, &value);
	if (file)
		fclose(file);
	return value;
}
