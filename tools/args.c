/* SPDX-License-Identifier: BSD-2-Clause */
/* Options from a table; see args.h. */
#include "tools/args.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/out.h"
#include "tools/say.h"

static void print_option(const char *name, const char *operand,
			 const char *help)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", name, operand ? " " : "",
		 operand ? operand : "");
	printf("  %-24s  %s\n", left, help);
}

static int print_help(const struct ht_usage *usage)
{
	const struct ht_option *option;

	printf("usage: %s [OPTION...]%s%s\n", usage->command,
	       usage->operands ? " " : "",
	       usage->operands ? usage->operands : "");
	if (usage->about)
		printf("\n%s\n", usage->about);
	printf("\noptions:\n");
	for (option = usage->options; option && option->name; option++)
		print_option(option->name, option->operand, option->help);
	print_option("help", NULL, "print this text");
	return ht_out_check();
}

static bool is_choice(const char *choices, const char *value)
{
	size_t length = strlen(value);
	const char *at;

	for (at = choices; *at; at += strcspn(at, " "), at += *at == ' ')
		if (strcspn(at, " ") == length && !memcmp(at, value, length))
			return true;
	return false;
}

/* What is below every range, and a number nevertheless: "-1", "-.5". */
static bool is_below_zero(const char *value)
{
	char *end;

	if (value[0] != '-' ||
	    (!isdigit((unsigned char)value[1]) && value[1] != '.'))
		return false;
	strtod(value, &end);
	return !*end;
}

static bool set_number(const struct ht_option *option, const char *value)
{
	bool is_hex = value[0] == '0' && (value[1] == 'x' || value[1] == 'X');
	unsigned long long number;
	char *end;

	/* strtoull() would take blanks and a sign. */
	errno = isdigit((unsigned char)value[0]) ? 0
		: is_below_zero(value)           ? ERANGE
						 : EINVAL;
	number = errno ? 0 : strtoull(value, &end, is_hex ? 16 : 10);
	if (errno == EINVAL || (!errno && *end)) {
		ht_say("--%s %s: not a number", option->name, value);
		return false;
	}
	if (errno || number < option->min || number > option->max) {
		ht_say("--%s %s: not in %" PRIu64 "..%" PRIu64, option->name,
		       value, option->min, option->max);
		return false;
	}
	*(uint64_t *)option->value = number;
	return true;
}

static bool set_real(const struct ht_option *option, const char *value)
{
	double number = NAN;
	char *end = NULL;

	if (isdigit((unsigned char)value[0]) || value[0] == '.')
		number = strtod(value, &end);
	if (is_below_zero(value))
		number = -1; /* no range has it */
	else if (!end || end == value || *end || !isfinite(number)) {
		ht_say("--%s %s: not a number", option->name, value);
		return false;
	}
	if (number < (double)option->min || number > (double)option->max) {
		ht_say("--%s %s: not in %" PRIu64 "..%" PRIu64, option->name,
		       value, option->min, option->max);
		return false;
	}
	*(double *)option->value = number;
	return true;
}

static bool set_value(const struct ht_option *option, const char *value)
{
	switch (option->type) {
	case HT_OPTION_FLAG:
		*(bool *)option->value = true;
		return true;
	case HT_OPTION_NUMBER:
		return set_number(option, value);
	case HT_OPTION_REAL:
		return set_real(option, value);
	case HT_OPTION_STRING:
		if (!*value) {
			ht_say("--%s: empty", option->name);
			return false;
		}
		break;
	case HT_OPTION_CHOICE:
		if (!is_choice(option->choices, value)) {
			ht_say("--%s %s: not one of: %s", option->name, value,
			       option->choices);
			return false;
		}
		break;
	}
	*(const char **)option->value = value;
	return true;
}

/* One option at argv[*at], which moves to the last argument it used. */
static bool read_option(const struct ht_usage *usage, int argc, char **argv,
			int *at)
{
	const struct ht_option *option;
	const char *name = argv[*at] + 2;
	const char *value = strchr(name, '=');
	size_t length = value ? (size_t)(value - name) : strlen(name);

	for (option = usage->options; option && option->name; option++)
		if (strlen(option->name) == length &&
		    !memcmp(option->name, name, length))
			break;
	if (argv[*at][1] != '-' || !option || !option->name) {
		ht_say("unknown option '%s' (%s --help lists them)", argv[*at],
		       usage->command);
		return false;
	}
	if (option->type == HT_OPTION_FLAG) {
		if (value) {
			ht_say("--%s takes no value: '%s'", option->name,
			       argv[*at]);
			return false;
		}
		return set_value(option, "");
	}
	if (value)
		return set_value(option, value + 1);
	if (*at + 1 >= argc) {
		ht_say("--%s needs a value", option->name);
		return false;
	}
	return set_value(option, argv[++*at]);
}

int ht_args(const struct ht_usage *usage, int argc, char **argv, int *status)
{
	bool only_operands = false;
	int operands = 0;
	int at;

	for (at = 1; at < argc; at++) {
		if (only_operands || argv[at][0] != '-' || !argv[at][1]) {
			if (operands == usage->operands_max) {
				ht_say("unexpected argument '%s' (%s --help "
				       "says what is taken)",
				       argv[at], usage->command);
				goto bad_usage;
			}
			argv[++operands] = argv[at];
		} else if (!strcmp(argv[at], "--")) {
			only_operands = true;
		} else if (!strcmp(argv[at], "--help")) {
			*status = print_help(usage);
			return -1;
		} else if (!read_option(usage, argc, argv, &at)) {
			goto bad_usage;
		}
	}
	return operands;

bad_usage:
	*status = HT_USAGE;
	return -1;
}
