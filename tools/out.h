/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One model of a table behind every output: columns with a header, a type and
 * a unit, and rows of cells; printed for people, as CSV or as JSON. A command
 * fills the table once and never formats a number itself.
 */
#ifndef HEDDLE_TOOLS_OUT_H
#define HEDDLE_TOOLS_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct ht_json;
struct ht_table;

enum ht_type {
	HT_STRING,   /* left-aligned */
	HT_INTEGER,  /* int64_t */
	HT_UNSIGNED, /* uint64_t */
	HT_REAL,     /* double, with the column's digits in the text table */
	HT_BOOL,     /* yes or no; true or false in JSON and CSV */
};

enum ht_format {
	HT_TEXT,
	HT_CSV,
	HT_JSON,
};

/**
 * struct ht_column - one column
 * @header: short, lower case; also the key in JSON
 * @type:   of every cell that is not missing
 * @unit:   NULL for none; stands beside the header, "time (ns)"
 * @digits: of a real after the point, in the text table only
 */
struct ht_column {
	const char *header;
	enum ht_type type;
	const char *unit;
	int digits;
};

/* ht_table_new() - copies the columns; their strings must live as long */
struct ht_table *ht_table_new(const char *name, const struct ht_column *columns,
			      size_t n_columns);
void ht_table_free(struct ht_table *table);

/*
 * Rows are filled from left to right. A row may be left short, its other cells
 * are then missing; a missing cell is "-" in text, empty in CSV, null in JSON.
 */
void ht_table_row(struct ht_table *table);
void ht_table_string(struct ht_table *table, const char *text); /* copied */
void ht_table_integer(struct ht_table *table, int64_t value);
void ht_table_unsigned(struct ht_table *table, uint64_t value);
void ht_table_real(struct ht_table *table, double value);
void ht_table_bool(struct ht_table *table, bool value);
void ht_table_missing(struct ht_table *table);

/* ht_table_print() - the whole table in one format */
void ht_table_print(const struct ht_table *table, enum ht_format format,
		    FILE *out);

/* ht_table_json() - the table as one member of a larger document */
void ht_table_json(const struct ht_table *table, struct ht_json *json,
		   const char *key);

/*
 * ht_out_check() - end of a command's output on standard output
 *
 * Return: HT_OK, or HT_MISSED after one line when it could not be written.
 */
int ht_out_check(void);

#endif /* HEDDLE_TOOLS_OUT_H */
