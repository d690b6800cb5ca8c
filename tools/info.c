/* SPDX-License-Identifier: BSD-2-Clause */
/* `heddle info`: the machine and the build, each fact with its source. */
#include <stdbool.h>
#include <stdio.h>

#include "tools/args.h"
#include "tools/buildinfo.h"
#include "tools/commands.h"
#include "tools/json.h"
#include "tools/machine.h"
#include "tools/out.h"
#include "tools/say.h"

static void print_json(const struct ht_machine *machine)
{
	struct ht_json json;

	ht_json_start(&json, stdout);
	ht_json_string(&json, "build", buildinfo_summary);
	ht_machine_json(machine, &json, "machine");
	ht_json_finish(&json);
}

int ht_info_main(int argc, char **argv)
{
	bool is_json = false;
	bool is_csv = false;
	const struct ht_option options[] = {
		{ .name = "json",
		  .value = &is_json,
		  .help = "print one JSON document" },
		{ .name = "csv",
		  .value = &is_csv,
		  .help = "print comma-separated values" },
		{ .name = NULL },
	};
	const struct ht_usage usage = {
		.command = "heddle info",
		.about = "Prints what limits this process and what the library "
			 "found out, each\nwith the file or the call it came "
			 "from.",
		.options = options,
	};
	struct ht_machine *machine;
	struct ht_table *table;
	int status;

	if (ht_args(&usage, argc, argv, &status) < 0)
		return status;
	if (is_json && is_csv) {
		ht_say("--csv: --json is given too");
		return HT_USAGE;
	}
	machine = ht_machine_capture();
	if (is_json) {
		print_json(machine);
	} else {
		table = ht_machine_table(machine);
		ht_table_print(table, is_csv ? HT_CSV : HT_TEXT, stdout);
		ht_table_free(table);
	}
	ht_machine_free(machine);
	return ht_out_check();
}
