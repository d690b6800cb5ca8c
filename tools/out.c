/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables and their three formats; see out.h. */
#include "tools/out.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/json.h"
#include "tools/say.h"

struct cell {
	bool is_present;
	char *text;
	int64_t integer;
	uint64_t number;
	double real;
};

struct ht_table {
	char *name;
	struct ht_column *columns;
	size_t n_columns;
	struct cell **rows;
	size_t n_rows;
	size_t filled; /* cells of the last row */
};

struct ht_table *ht_table_new(const char *name, const struct ht_column *columns,
			      size_t n_columns)
{
	struct ht_table *table = ht_alloc(1, sizeof(*table));

	table->name = ht_text("%s", name);
	table->columns = ht_alloc(n_columns, sizeof(*columns));
	memcpy(table->columns, columns, n_columns * sizeof(*columns));
	table->n_columns = n_columns;
	return table;
}

void ht_table_free(struct ht_table *table)
{
	size_t row, column;

	if (!table)
		return;
	for (row = 0; row < table->n_rows; row++) {
		for (column = 0; column < table->n_columns; column++)
			free(table->rows[row][column].text);
		free(table->rows[row]);
	}
	free(table->rows);
	free(table->columns);
	free(table->name);
	free(table);
}

void ht_table_row(struct ht_table *table)
{
	table->rows = ht_grow(table->rows, table->n_rows, sizeof(*table->rows));
	table->rows[table->n_rows++] =
		ht_alloc(table->n_columns, sizeof(struct cell));
	table->filled = 0;
}

static struct cell *next_cell(struct ht_table *table)
{
	assert(table->n_rows > 0);
	assert(table->filled < table->n_columns);
	return &table->rows[table->n_rows - 1][table->filled++];
}

static struct cell *typed_cell(struct ht_table *table, enum ht_type type)
{
	struct cell *cell = next_cell(table);

	assert(table->columns[table->filled - 1].type == type);
	cell->is_present = true;
	return cell;
}

void ht_table_string(struct ht_table *table, const char *text)
{
	typed_cell(table, HT_STRING)->text = ht_text("%s", text);
}

void ht_table_integer(struct ht_table *table, int64_t value)
{
	typed_cell(table, HT_INTEGER)->integer = value;
}

void ht_table_unsigned(struct ht_table *table, uint64_t value)
{
	typed_cell(table, HT_UNSIGNED)->number = value;
}

void ht_table_real(struct ht_table *table, double value)
{
	typed_cell(table, HT_REAL)->real = value;
}

void ht_table_bool(struct ht_table *table, bool value)
{
	typed_cell(table, HT_BOOL)->number = value;
}

void ht_table_missing(struct ht_table *table)
{
	(void)next_cell(table);
}

/* The cell as text; @exact for machines, with all digits. */
static char *cell_text(const struct ht_column *column, const struct cell *cell,
		       bool exact)
{
	if (!cell->is_present ||
	    (column->type == HT_REAL && !isfinite(cell->real)))
		return ht_text("%s", exact ? "" : "-");
	switch (column->type) {
	case HT_STRING:
		return ht_text("%s", cell->text);
	case HT_INTEGER:
		return ht_text("%" PRId64, cell->integer);
	case HT_UNSIGNED:
		return ht_text("%" PRIu64, cell->number);
	case HT_BOOL:
		if (exact)
			return ht_text("%s", cell->number ? "true" : "false");
		return ht_text("%s", cell->number ? "yes" : "no");
	case HT_REAL:
		break;
	}
	if (exact)
		return ht_text("%.17g", cell->real);
	return ht_text("%.*f", column->digits, cell->real);
}

static char *header_text(const struct ht_column *column)
{
	if (!column->unit)
		return ht_text("%s", column->header);
	return ht_text("%s (%s)", column->header, column->unit);
}

/* Columns of a terminal that the text takes: bytes that begin a character. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void put_padded(FILE *out, const char *text, int width, bool is_left,
		       bool is_last)
{
	int blanks = width - width_of(text);

	if (!is_left)
		fprintf(out, "%*s", blanks, "");
	fputs(text, out);
	if (is_last)
		putc('\n', out);
	else
		fprintf(out, "%*s", is_left ? blanks + 2 : 2, "");
}

static void print_text(const struct ht_table *table, FILE *out)
{
	int *width = ht_alloc(table->n_columns, sizeof(*width));
	size_t row, i;
	char *text;

	for (i = 0; i < table->n_columns; i++) {
		text = header_text(&table->columns[i]);
		width[i] = width_of(text);
		free(text);
		for (row = 0; row < table->n_rows; row++) {
			text = cell_text(&table->columns[i],
					 &table->rows[row][i], false);
			if (width_of(text) > width[i])
				width[i] = width_of(text);
			free(text);
		}
	}
	for (i = 0; i < table->n_columns; i++) {
		text = header_text(&table->columns[i]);
		put_padded(out, text, width[i],
			   table->columns[i].type == HT_STRING,
			   i + 1 == table->n_columns);
		free(text);
	}
	for (row = 0; row < table->n_rows; row++) {
		for (i = 0; i < table->n_columns; i++) {
			text = cell_text(&table->columns[i],
					 &table->rows[row][i], false);
			put_padded(out, text, width[i],
				   table->columns[i].type == HT_STRING,
				   i + 1 == table->n_columns);
			free(text);
		}
	}
	free(width);
}

/* A field of CSV as RFC 4180 wants it, with lines that end in LF. */
static void put_field(FILE *out, char *text, bool is_last)
{
	const char *at;

	if (strpbrk(text, ",\"\r\n")) {
		putc('"', out);
		for (at = text; *at; at++) {
			if (*at == '"')
				putc('"', out);
			putc(*at, out);
		}
		putc('"', out);
	} else {
		fputs(text, out);
	}
	putc(is_last ? '\n' : ',', out);
	free(text);
}

static void print_csv(const struct ht_table *table, FILE *out)
{
	size_t row, i;

	for (i = 0; i < table->n_columns; i++)
		put_field(out, header_text(&table->columns[i]),
			  i + 1 == table->n_columns);
	for (row = 0; row < table->n_rows; row++)
		for (i = 0; i < table->n_columns; i++)
			put_field(out,
				  cell_text(&table->columns[i],
					    &table->rows[row][i], true),
				  i + 1 == table->n_columns);
}

static const char *type_name(enum ht_type type)
{
	switch (type) {
	case HT_STRING:
		return "string";
	case HT_INTEGER:
	case HT_UNSIGNED:
		return "integer";
	case HT_REAL:
		return "real";
	case HT_BOOL:
		return "boolean";
	}
	return "?";
}

static void json_cell(struct ht_json *json, const struct ht_column *column,
		      const struct cell *cell)
{
	if (!cell->is_present) {
		ht_json_null(json, column->header);
		return;
	}
	switch (column->type) {
	case HT_STRING:
		ht_json_string(json, column->header, cell->text);
		break;
	case HT_INTEGER:
		ht_json_integer(json, column->header, cell->integer);
		break;
	case HT_UNSIGNED:
		ht_json_unsigned(json, column->header, cell->number);
		break;
	case HT_REAL:
		ht_json_real(json, column->header, cell->real);
		break;
	case HT_BOOL:
		ht_json_bool(json, column->header, cell->number);
		break;
	}
}

static void json_members(const struct ht_table *table, struct ht_json *json)
{
	const struct ht_column *column;
	size_t row, i;

	ht_json_string(json, "name", table->name);
	ht_json_array(json, "columns");
	for (i = 0; i < table->n_columns; i++) {
		column = &table->columns[i];
		ht_json_object(json, NULL);
		ht_json_string(json, "header", column->header);
		ht_json_string(json, "type", type_name(column->type));
		if (column->unit)
			ht_json_string(json, "unit", column->unit);
		ht_json_end(json);
	}
	ht_json_end(json);
	ht_json_array(json, "rows");
	for (row = 0; row < table->n_rows; row++) {
		ht_json_object(json, NULL);
		for (i = 0; i < table->n_columns; i++)
			json_cell(json, &table->columns[i],
				  &table->rows[row][i]);
		ht_json_end(json);
	}
	ht_json_end(json);
}

void ht_table_json(const struct ht_table *table, struct ht_json *json,
		   const char *key)
{
	ht_json_object(json, key);
	json_members(table, json);
	ht_json_end(json);
}

void ht_table_print(const struct ht_table *table, enum ht_format format,
		    FILE *out)
{
	struct ht_json json;

	switch (format) {
	case HT_TEXT:
		print_text(table, out);
		break;
	case HT_CSV:
		print_csv(table, out);
		break;
	case HT_JSON:
		ht_json_start(&json, out);
		json_members(table, &json);
		ht_json_finish(&json);
		break;
	}
}

int ht_out_check(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return HT_OK;
	ht_say("cannot write standard output: %s", strerror(errno));
	return HT_MISSED;
}
