/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of facts, and those of the machine as a whole. Facts about this
 * process are in machine_process.c, those of control groups in
 * machine_cgroup.c.
 */
#include "tools/machine.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <heddle/heddle.h>

#include "tools/json.h"
#include "tools/out.h"

#define CPU_PATH "/sys/devices/system/cpu/"

void ht_machine_add(struct ht_machine *machine, const char *name,
		    const char *source, const char *format, ...)
{
	struct ht_fact *fact;
	va_list list;
	char *value;

	va_start(list, format);
	if (vasprintf(&value, format, list) < 0)
		value = ht_text("%s", "unavailable: out of memory");
	va_end(list);
	machine->facts = ht_grow(machine->facts, machine->n_facts,
				 sizeof(*machine->facts));
	fact = &machine->facts[machine->n_facts++];
	fact->name = ht_text("%s", name);
	fact->source = ht_text("%s", source);
	fact->value = value;
}

char *ht_machine_line(const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int error;

	if (!file)
		return NULL;
	errno = 0;
	if (getline(&line, &size, file) < 0) {
		/* The end of the file leaves errno as it is. */
		error = errno ? errno : ENODATA;
		free(line);
		line = NULL;
		fclose(file);
		errno = error;
		return NULL;
	}
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

void ht_machine_file(struct ht_machine *machine, const char *name,
		     const char *path)
{
	char *line = ht_machine_line(path);

	if (line)
		ht_machine_add(machine, name, path, "%s", line);
	else
		ht_machine_add(machine, name, path, "unavailable: %s",
			       strerror(errno));
	free(line);
}

/* The value of "key : value" in a file of such lines; free() it. */
static char *keyed_line(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	size_t length = strlen(key);
	char *line = NULL;
	char *value = NULL;
	size_t size = 0;

	if (!file)
		return NULL;
	while (!value && getline(&line, &size, file) > 0) {
		char *at = line + length;

		if (strncmp(line, key, length))
			continue;
		at += strspn(at, " \t");
		if (*at != ':')
			continue;
		at += 1 + strspn(at + 1, " \t");
		at[strcspn(at, "\n")] = '\0';
		value = ht_text("%s", at);
	}
	if (!value)
		errno = ENODATA;
	free(line);
	fclose(file);
	return value;
}

static void add_keyed(struct ht_machine *machine, const char *name,
		      const char *path, const char *key)
{
	char *value = keyed_line(path, key);
	char *source = ht_text("%s: %s", path, key);

	if (value)
		ht_machine_add(machine, name, source, "%s", value);
	else
		ht_machine_add(machine, name, source, "unavailable: %s",
			       strerror(errno));
	free(source);
	free(value);
}

static void add_kernel(struct ht_machine *machine)
{
	struct utsname name;

	if (uname(&name)) {
		ht_machine_add(machine, "kernel", "uname()", "unavailable: %s",
			       strerror(errno));
		return;
	}
	ht_machine_add(machine, "kernel", "uname()", "%s %s %s", name.sysname,
		       name.release, name.version);
	ht_machine_add(machine, "architecture", "uname()", "%s", name.machine);
}

/* "0-3,7" for a set of CPUs; free() it. */
static char *cpu_list(const cpu_set_t *set, size_t bytes, int n_cpus)
{
	char *text = ht_text("%s", "");
	int cpu, last;

	for (cpu = 0; cpu < n_cpus; cpu = last + 1) {
		char *longer;

		last = cpu;
		if (!CPU_ISSET_S(cpu, bytes, set))
			continue;
		while (last + 1 < n_cpus && CPU_ISSET_S(last + 1, bytes, set))
			last++;
		if (last > cpu)
			longer = ht_text("%s%s%d-%d", text, *text ? "," : "",
					 cpu, last);
		else
			longer = ht_text("%s%s%d", text, *text ? "," : "", cpu);
		free(text);
		text = longer;
	}
	return text;
}

static void add_affinity(struct ht_machine *machine)
{
	const char *source = "sched_getaffinity()";
	int n_cpus = 1024;
	cpu_set_t *set;
	size_t bytes;
	char *list;

	for (;;) {
		set = CPU_ALLOC((size_t)n_cpus);
		bytes = CPU_ALLOC_SIZE((size_t)n_cpus);
		if (!set || !sched_getaffinity(0, bytes, set))
			break;
		CPU_FREE(set);
		set = NULL;
		/* A larger kernel wants a larger set. */
		if (errno != EINVAL || n_cpus > 1 << 20)
			break;
		n_cpus *= 2;
	}
	if (!set) {
		ht_machine_add(machine, "affinity", source, "unavailable: %s",
			       strerror(errno));
		return;
	}
	list = cpu_list(set, bytes, n_cpus);
	ht_machine_add(machine, "affinity", source, "%d CPUs: %s",
		       CPU_COUNT_S(bytes, set), list);
	free(list);
	CPU_FREE(set);
}

static void add_cpus(struct ht_machine *machine)
{
	add_keyed(machine, "cpu model", "/proc/cpuinfo", "model name");
	ht_machine_add(machine, "cpus configured",
		       "sysconf(_SC_NPROCESSORS_CONF)", "%ld",
		       sysconf(_SC_NPROCESSORS_CONF));
	ht_machine_add(machine, "cpus online", "sysconf(_SC_NPROCESSORS_ONLN)",
		       "%ld", sysconf(_SC_NPROCESSORS_ONLN));
	ht_machine_file(machine, "cpus online list", CPU_PATH "online");
	add_affinity(machine);
	ht_machine_file(machine, "threads of core 0",
			CPU_PATH "cpu0/topology/thread_siblings_list");
	ht_machine_file(machine, "cpu governor",
			CPU_PATH "cpu0/cpufreq/scaling_governor");
}

static const char *compiler(void)
{
#if defined(__clang__)
	return "clang " __clang_version__;
#elif defined(__GNUC__)
	return "gcc " __VERSION__;
#else
	return "unknown";
#endif
}

/* One fact for each word "name=value" of the library's line. */
static void add_features(struct ht_machine *machine)
{
	char *line = ht_text("%s", heddle_features());
	char *save, *word, *value, *name;

	for (word = strtok_r(line, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		name = ht_text("feature %s", word);
		ht_machine_add(machine, name, "heddle_features()", "%s",
			       value ? value : "yes");
		free(name);
	}
	free(line);
}

struct ht_machine *ht_machine_capture(void)
{
	struct ht_machine *machine = ht_alloc(1, sizeof(*machine));

	ht_machine_add(machine, "heddle", "heddle_version()", "%s",
		       heddle_version());
	add_features(machine);
	ht_machine_add(machine, "compiler", "predefined macros", "%s",
		       compiler());
	add_kernel(machine);
	add_cpus(machine);
	ht_machine_cgroups(machine);
	add_keyed(machine, "memory total", "/proc/meminfo", "MemTotal");
	add_keyed(machine, "memory available", "/proc/meminfo", "MemAvailable");
	ht_machine_add(machine, "page size", "sysconf(_SC_PAGESIZE)",
		       "%ld bytes", sysconf(_SC_PAGESIZE));
	ht_machine_file(machine, "transparent huge pages",
			"/sys/kernel/mm/transparent_hugepage/enabled");
	ht_machine_file(machine, "clocksource",
			"/sys/devices/system/clocksource/clocksource0/"
			"current_clocksource");
	ht_machine_process(machine);
	ht_machine_file(machine, "load average", "/proc/loadavg");
	return machine;
}

void ht_machine_free(struct ht_machine *machine)
{
	size_t i;

	if (!machine)
		return;
	for (i = 0; i < machine->n_facts; i++) {
		free(machine->facts[i].name);
		free(machine->facts[i].value);
		free(machine->facts[i].source);
	}
	free(machine->facts);
	free(machine);
}

const char *ht_machine_value(const struct ht_machine *machine, const char *name)
{
	size_t i;

	for (i = 0; i < machine->n_facts; i++)
		if (!strcmp(machine->facts[i].name, name))
			return machine->facts[i].value;
	return NULL;
}

struct ht_table *ht_machine_table(const struct ht_machine *machine)
{
	static const struct ht_column columns[] = {
		{ "fact", HT_STRING, NULL, 0 },
		{ "value", HT_STRING, NULL, 0 },
		{ "source", HT_STRING, NULL, 0 },
	};
	struct ht_table *table = ht_table_new("machine", columns, 3);
	size_t i;

	for (i = 0; i < machine->n_facts; i++) {
		ht_table_row(table);
		ht_table_string(table, machine->facts[i].name);
		ht_table_string(table, machine->facts[i].value);
		ht_table_string(table, machine->facts[i].source);
	}
	return table;
}

void ht_machine_json(const struct ht_machine *machine, struct ht_json *json,
		     const char *key)
{
	size_t i;

	ht_json_object(json, key);
	for (i = 0; i < machine->n_facts; i++) {
		ht_json_object(json, machine->facts[i].name);
		ht_json_string(json, "value", machine->facts[i].value);
		ht_json_string(json, "source", machine->facts[i].source);
		ht_json_end(json);
	}
	ht_json_end(json);
}
