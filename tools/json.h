/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A writer of JSON: nested objects and arrays, indented, always well-formed.
 * A key is NULL inside an array. What is not a finite number becomes null and
 * what is not UTF-8 becomes U+FFFD. Errors of the stream stay in the stream.
 */
#ifndef HEDDLE_TOOLS_JSON_H
#define HEDDLE_TOOLS_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
	HT_JSON_DEPTH = 16
};

struct ht_json {
	FILE *out;
	int depth;
	bool is_array[HT_JSON_DEPTH];
	bool has_member[HT_JSON_DEPTH];
};

/* ht_json_start() - begin the document, whose top is one object */
void ht_json_start(struct ht_json *json, FILE *out);
/* ht_json_finish() - close everything that is open, the top included */
void ht_json_finish(struct ht_json *json);

void ht_json_object(struct ht_json *json, const char *key);
void ht_json_array(struct ht_json *json, const char *key);
void ht_json_end(struct ht_json *json);

void ht_json_string(struct ht_json *json, const char *key, const char *text);
void ht_json_integer(struct ht_json *json, const char *key, int64_t value);
void ht_json_unsigned(struct ht_json *json, const char *key, uint64_t value);
void ht_json_real(struct ht_json *json, const char *key, double value);
void ht_json_bool(struct ht_json *json, const char *key, bool value);
void ht_json_null(struct ht_json *json, const char *key);

#endif /* HEDDLE_TOOLS_JSON_H */
