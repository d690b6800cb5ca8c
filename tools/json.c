/* SPDX-License-Identifier: BSD-2-Clause */
/* The writer of JSON; see json.h. */
#include "tools/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Length of the well-formed UTF-8 sequence at @at, 0 if there is none. */
static int utf8_length(const unsigned char *at)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t code;
	int length;
	int i;

	if (at[0] < 0x80)
		return 1;
	if ((at[0] & 0xe0) == 0xc0)
		length = 2;
	else if ((at[0] & 0xf0) == 0xe0)
		length = 3;
	else if ((at[0] & 0xf8) == 0xf0)
		length = 4;
	else
		return 0;
	code = at[0] & (0x7fu >> length);
	for (i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	if (code < smallest[length] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return length;
}

static void put_string(FILE *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	int length;

	putc('"', out);
	for (; *at; at += length) {
		length = utf8_length(at);
		if (!length) {
			fputs("\\ufffd", out);
			length = 1;
		} else if (*at == '"' || *at == '\\') {
			fprintf(out, "\\%c", *at);
		} else if (*at == '\n') {
			fputs("\\n", out);
		} else if (*at == '\t') {
			fputs("\\t", out);
		} else if (*at < 0x20 || *at == 0x7f) {
			fprintf(out, "\\u%04x", *at);
		} else {
			fwrite(at, 1, (size_t)length, out);
		}
	}
	putc('"', out);
}

static void indent(struct ht_json *json)
{
	fprintf(json->out, "\n%*s", 2 * json->depth, "");
}

/* What stands before a value: comma, line break, key. */
static void before(struct ht_json *json, const char *key)
{
	int top = json->depth - 1;

	assert(json->depth > 0);
	assert(json->is_array[top] == !key);
	if (json->has_member[top])
		putc(',', json->out);
	json->has_member[top] = true;
	indent(json);
	if (key) {
		put_string(json->out, key);
		fputs(": ", json->out);
	}
}

static void open_level(struct ht_json *json, bool is_array)
{
	assert(json->depth < HT_JSON_DEPTH);
	putc(is_array ? '[' : '{', json->out);
	json->is_array[json->depth] = is_array;
	json->has_member[json->depth] = false;
	json->depth++;
}

void ht_json_start(struct ht_json *json, FILE *out)
{
	memset(json, 0, sizeof(*json));
	json->out = out;
	open_level(json, false);
}

void ht_json_finish(struct ht_json *json)
{
	while (json->depth)
		ht_json_end(json);
	putc('\n', json->out);
}

void ht_json_object(struct ht_json *json, const char *key)
{
	before(json, key);
	open_level(json, false);
}

void ht_json_array(struct ht_json *json, const char *key)
{
	before(json, key);
	open_level(json, true);
}

void ht_json_end(struct ht_json *json)
{
	assert(json->depth > 0);
	json->depth--;
	if (json->has_member[json->depth])
		indent(json);
	putc(json->is_array[json->depth] ? ']' : '}', json->out);
}

void ht_json_string(struct ht_json *json, const char *key, const char *text)
{
	before(json, key);
	put_string(json->out, text);
}

void ht_json_integer(struct ht_json *json, const char *key, int64_t value)
{
	before(json, key);
	fprintf(json->out, "%" PRId64, value);
}

void ht_json_unsigned(struct ht_json *json, const char *key, uint64_t value)
{
	before(json, key);
	fprintf(json->out, "%" PRIu64, value);
}

void ht_json_real(struct ht_json *json, const char *key, double value)
{
	char text[32];

	before(json, key);
	if (!isfinite(value)) {
		fputs("null", json->out);
		return;
	}
	/* The shortest form that reads back as the same number. */
	snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) < value || strtod(text, NULL) > value)
		snprintf(text, sizeof(text), "%.17g", value);
	fputs(text, json->out);
}

void ht_json_bool(struct ht_json *json, const char *key, bool value)
{
	before(json, key);
	fputs(value ? "true" : "false", json->out);
}

void ht_json_null(struct ht_json *json, const char *key)
{
	before(json, key);
	fputs("null", json->out);
}
