/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control groups: what limits CPU time and the number of threads, in this
 * process's group and in every group above it, because the tightest one
 * counts. Both hierarchies are walked; on many machines both are mounted.
 */
#include "tools/machine.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One mounted hierarchy. */
struct hierarchy {
	char *root;        /* the group that is seen at the mount point */
	char *point;       /* where it is mounted */
	char *controllers; /* v1: its options, "rw,cpu"; v2: empty */
	bool is_v2;
};

/* The file writes blanks and the like in paths as \040. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; to++) {
		if (text[0] == '\\' && strspn(text + 1, "01234567") >= 3) {
			*to = (char)((text[1] - '0') * 64 +
				     (text[2] - '0') * 8 + text[3] - '0');
			text += 4;
		} else {
			*to = *text++;
		}
	}
	*to = '\0';
}

static bool has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (strcspn(list, ",") == length && !memcmp(list, word, length))
			return true;
	return false;
}

/* Split one line of mountinfo in place; false when it is no control group. */
static bool read_mount(char *line, struct hierarchy *found)
{
	char *dash = strstr(line, " - ");
	char *save;
	char *type, *options;
	int i;

	if (!dash)
		return false;
	*dash = '\0';
	line[strcspn(line, "\n")] = '\0';
	found->root = strtok_r(line, " ", &save);
	for (i = 0; i < 3 && found->root; i++)
		found->root = strtok_r(NULL, " ", &save);
	found->point = strtok_r(NULL, " ", &save);
	type = strtok_r(dash + 3, " ", &save);
	(void)strtok_r(NULL, " ", &save);
	options = strtok_r(NULL, " \n", &save);
	if (!found->root || !found->point || !type || !options)
		return false;
	unescape(found->root);
	unescape(found->point);
	found->is_v2 = !strcmp(type, "cgroup2");
	found->controllers = options;
	return found->is_v2 || !strcmp(type, "cgroup");
}

/* This process's group in the hierarchy with that controller; free() it. */
static char *own_group(bool is_v2, const char *controller)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char *line = NULL;
	char *group = NULL;
	size_t size = 0;

	if (!file)
		return NULL;
	while (!group && getline(&line, &size, file) > 0) {
		char *list = strchr(line, ':');
		char *path = list ? strchr(list + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		list++;
		path[strcspn(path, "\n")] = '\0';
		if (is_v2 ? !*list : has_word(list, controller))
			group = ht_text("%s", path);
	}
	free(line);
	fclose(file);
	return group;
}

/* The CPU limit of one folder of v1, which is made of two files. */
static void add_v1_cpu(struct ht_machine *machine, const char *folder,
		       const char *name)
{
	char *quota_path = ht_text("%s/cpu.cfs_quota_us", folder);
	char *period_path = ht_text("%s/cpu.cfs_period_us", folder);
	char *quota = ht_machine_line(quota_path);
	char *period = quota ? ht_machine_line(period_path) : NULL;
	char *source = ht_text("%s, cpu.cfs_period_us", quota_path);

	if (!quota || !period)
		ht_machine_add(machine, name, source, "unavailable: %s",
			       strerror(errno));
	else if (quota[0] == '-')
		ht_machine_add(machine, name, source, "unlimited");
	else
		ht_machine_add(machine, name, source,
			       "%s us each %s us = %.2f CPUs", quota, period,
			       strtod(quota, NULL) / strtod(period, NULL));
	free(source);
	free(period);
	free(quota);
	free(period_path);
	free(quota_path);
}

static void add_v2_cpu(struct ht_machine *machine, const char *folder,
		       const char *name)
{
	char *path = ht_text("%s/cpu.max", folder);
	char *line = ht_machine_line(path);
	double quota, period;

	if (!line && errno == ENOENT)
		ht_machine_add(machine, name, path,
			       "none here (no such file: the root, or the "
			       "controller is not enabled)");
	else if (!line)
		ht_machine_add(machine, name, path, "unavailable: %s",
			       strerror(errno));
	else if (sscanf(line, "%lf %lf", &quota, &period) == 2 && period > 0)
		ht_machine_add(machine, name, path,
			       "%.0f us each %.0f us = %.2f CPUs", quota,
			       period, quota / period);
	else
		ht_machine_add(machine, name, path, "unlimited (%s)", line);
	free(line);
	free(path);
}

static void add_pids(struct ht_machine *machine, const char *folder,
		     const char *name)
{
	char *path = ht_text("%s/pids.max", folder);
	char *line = ht_machine_line(path);

	if (line)
		ht_machine_add(machine, name, path, "%s", line);
	else if (errno == ENOENT)
		ht_machine_add(machine, name, path,
			       "none here (no such file: the root, or the "
			       "controller is not enabled)");
	else
		ht_machine_add(machine, name, path, "unavailable: %s",
			       strerror(errno));
	free(line);
	free(path);
}

/*
 * From the process's group up to the mount's root. A group that lies outside
 * of what the mount shows is not visible; then the mount's root is looked at.
 */
static void walk(struct ht_machine *machine, const struct hierarchy *hierarchy,
		 const char *controller)
{
	const char *version = hierarchy->is_v2 ? "v2" : "v1";
	char *group = own_group(hierarchy->is_v2, controller);
	size_t skip = strcmp(hierarchy->root, "/") ? strlen(hierarchy->root)
						   : 0;
	char *below, *folder, *name;

	if (!group)
		return;
	if (strncmp(group, hierarchy->root, skip) || strstr(group, "/..") ||
	    (skip && group[skip] && group[skip] != '/'))
		below = ht_text("%s", "");
	else
		below = ht_text("%s", group + skip);
	while (*below && below[strlen(below) - 1] == '/')
		below[strlen(below) - 1] = '\0';
	for (;;) {
		folder = ht_text("%s%s", hierarchy->point, below);
		name = ht_text("cgroup %s %s %s", version, controller,
			       *below ? below : "/");
		if (!strcmp(controller, "pids"))
			add_pids(machine, folder, name);
		else if (hierarchy->is_v2)
			add_v2_cpu(machine, folder, name);
		else
			add_v1_cpu(machine, folder, name);
		free(name);
		free(folder);
		if (!*below)
			break;
		*strrchr(below, '/') = '\0';
	}
	free(below);
	free(group);
}

void ht_machine_cgroups(struct ht_machine *machine)
{
	static const char *const controllers[] = { "cpu", "pids" };
	const char *path = "/proc/self/mountinfo";
	FILE *file = fopen(path, "re");
	struct hierarchy hierarchy;
	bool is_any = false;
	char *line = NULL;
	size_t size = 0;
	size_t i;

	if (!file) {
		ht_machine_add(machine, "cgroup", path, "unavailable: %s",
			       strerror(errno));
		return;
	}
	while (getline(&line, &size, file) > 0) {
		if (!read_mount(line, &hierarchy))
			continue;
		for (i = 0; i < 2; i++) {
			if (!hierarchy.is_v2 &&
			    !has_word(hierarchy.controllers, controllers[i]))
				continue;
			walk(machine, &hierarchy, controllers[i]);
			is_any = true;
		}
	}
	if (!is_any)
		ht_machine_add(machine, "cgroup", path,
			       "no cpu or pids hierarchy is mounted");
	free(line);
	fclose(file);
}
