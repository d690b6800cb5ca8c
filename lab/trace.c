/* SPDX-License-Identifier: BSD-2-Clause */
/* Events, and addresses as the source names them. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/fiber.h"
#include "lab/memory.h"
#include "lab/platform.h"
#include "lab/shadow.h"
#include "lab/trace.h"

#define TEXT_MAX  160
#define MARKS     8
#define WIDTH     100 /* of the table, shared by the columns */
#define WIDTH_MIN 30

extern const char __executable_start, end;

struct event {
	uint64_t step;
	unsigned int thread;
	const void *pc;
	char text[TEXT_MAX];
};

static struct event *event;
static uint32_t events, room;

uint32_t lab_trace_next(void)
{
	return events + 1;
}

void lab_trace_restart(void)
{
	events = 0;
}

static __attribute__((format(printf, 2, 0))) void
append(const void *pc, const char *fmt, va_list args)
{
	struct event *e;

	if (events == room) {
		room = room ? 2 * room : 1024;
		event = realloc(event, room * sizeof(*event));
		if (!event)
			abort();
	}
	e = &event[events++];
	e->step = lab_at.step;
	e->thread = lab_at.current;
	e->pc = pc;
	vsnprintf(e->text, sizeof(e->text), fmt, args);
}

void lab_trace_add(const void *pc, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	append(pc, fmt, args);
	va_end(args);
}

void lab_trace_load(const void *pc, uintptr_t at, int order,
		    const struct lab_message *from, unsigned int old)
{
	char source[48] = "";

	if (from->writer < LAB_FIBERS_MAX)
		snprintf(source, sizeof(source), " of thread %u (#%u)",
			 from->writer, from->event);
	if (old)
		lab_trace_add(pc, "%s gives %#" PRIx64 "%s, OLD by %u%s",
			      lab_name_of(at, pc), from->value, source, old,
			      lab_order_name(order));
	else
		lab_trace_add(pc, "%s gives %#" PRIx64 "%s%s",
			      lab_name_of(at, pc), from->value, source,
			      lab_order_name(order));
}

const char *lab_order_name(int order)
{
	switch (order) {
	case LAB_RELAXED:
		return "";
	case LAB_ACQUIRE:
	case LAB_CONSUME:
		return ", acquire";
	case LAB_RELEASE:
		return ", release";
	case LAB_ACQ_REL:
		return ", acq_rel";
	default:
		return ", seq_cst";
	}
}

/* -- marks: {+0x12ab} is a place, [+0x12ab] a name -- */

static char *next_mark(void)
{
	static char marks[MARKS][64];
	static unsigned int turn;

	return marks[turn++ % MARKS];
}

static uintptr_t offset_of(const void *address)
{
	return (uintptr_t)address - (uintptr_t)&__executable_start;
}

const char *lab_place(const void *pc)
{
	char *mark = next_mark();

	snprintf(mark, 64, "{+%#" PRIxPTR "}", offset_of(pc) - 1);
	return mark;
}

const char *lab_name_of(uintptr_t at, const void *pc)
{
	char *mark = next_mark();
	uintptr_t block, offset;

	(void)pc;
	if (at - (uintptr_t)&__executable_start < offset_of(&end)) {
		snprintf(mark, 64, "[+%#" PRIxPTR "]", offset_of((void *)at));
	} else if (lab_arena_owns(at)) {
		offset = lab_arena_offset(at, &block);
		snprintf(mark, 64, "heap(%#x)+%#" PRIxPTR,
			 lab_arena_number(block), offset);
	} else if (lab_fiber_owns(at)) {
		snprintf(mark, 64, "stack+%#" PRIxPTR, at % LAB_STACK_SIZE);
	} else {
		snprintf(mark, 64, "thread-local");
	}
	return mark;
}

/* -- what the marks stand for -- */

struct name {
	uintptr_t offset;
	char text[64];
};

static struct name *symbols, *places;
static size_t symbol_count, place_count;
static bool symbols_loaded;

/* The output of a command with the name of this program between its halves. */
static FILE *ask(const char *before, const char *after)
{
	char command[4352], self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return NULL;
	self[n] = '\0';
	if (strchr(self, '\''))
		return NULL;
	snprintf(command, sizeof(command), "%s '%s' %s 2>/dev/null", before,
		 self, after);
	return popen(command, "r");
}

static struct name *add_name(struct name **list, size_t *count)
{
	if (*count % 256 == 0) {
		*list = realloc(*list, (*count + 256) * sizeof(**list));
		if (!*list)
			abort();
	}
	return &(*list)[(*count)++];
}

/* Addresses in order, so that the last one not above is the one. */
static void load_symbols(void)
{
	char line[512];
	FILE *nm = ask("nm -n --defined-only", "");

	symbols_loaded = true;
	while (nm && fgets(line, sizeof(line), nm)) {
		uintptr_t at;
		char type, text[200];

		if (sscanf(line, "%" SCNxPTR " %c %199s", &at, &type, text) !=
			    3 ||
		    !strchr("bBdDrR", type))
			continue;
		struct name *s = add_name(&symbols, &symbol_count);

		s->offset = at;
		snprintf(s->text, sizeof(s->text), "%.60s", text);
	}
	if (nm)
		pclose(nm);
}

static void put_symbol(char *to, size_t size, uintptr_t at)
{
	const struct name *best = NULL;

	if (!symbols_loaded)
		load_symbols();
	for (size_t i = 0; i < symbol_count && symbols[i].offset <= at; i++)
		best = &symbols[i];
	if (!best)
		snprintf(to, size, "+%#" PRIxPTR, at);
	else if (best->offset == at)
		snprintf(to, size, "%s", best->text);
	else
		snprintf(to, size, "%s+%#" PRIxPTR, best->text,
			 at - best->offset);
}

/* file:line, without the folders above the project's own. */
static void load_place(struct name *place)
{
	char address[32], line[512] = "", *text;
	FILE *out;

	snprintf(address, sizeof(address), "%#" PRIxPTR, place->offset);
	out = ask("addr2line -e", address);
	if (out && fgets(line, sizeof(line), out))
		line[strcspn(line, " \n")] = '\0';
	if (out)
		pclose(out);
	text = strrchr(line, '/');
	text = text ? text + 1 : line;
	if (*text && *text != '?')
		snprintf(place->text, sizeof(place->text), "%.60s", text);
	else
		snprintf(place->text, sizeof(place->text), "+%#" PRIxPTR,
			 place->offset);
}

static const char *place_text(uintptr_t offset)
{
	struct name *p;

	for (size_t i = 0; i < place_count; i++)
		if (places[i].offset == offset)
			return places[i].text;
	p = add_name(&places, &place_count);
	p->offset = offset;
	load_place(p);
	return p->text;
}

char *lab_trace_expand(const char *text)
{
	size_t size = strlen(text) + 1, used = 0, length;
	char *out = malloc(size), name[96];

	while (out && *text) {
		uintptr_t offset;
		char close, one[2] = { *text, '\0' };
		const char *piece = one;
		int n = 0;

		if (sscanf(text, "{+%" SCNxPTR "%c%n", &offset, &close, &n) ==
			    2 &&
		    close == '}') {
			piece = place_text(offset);
		} else if (sscanf(text, "[+%" SCNxPTR "%c%n", &offset, &close,
				  &n) == 2 &&
			   close == ']') {
			put_symbol(name, sizeof(name), offset);
			piece = name;
		} else {
			n = 1;
		}
		text += n;
		length = strlen(piece);
		size += length;
		out = realloc(out, size);
		if (!out)
			break;
		memcpy(out + used, piece, length);
		used += length;
	}
	if (!out)
		abort();
	out[used] = '\0';
	return out;
}

/* -- the table -- */

/* One event in its column, continued on lines of its own where it is long. */
static void print_event(FILE *to, uint32_t number, const struct event *e,
			unsigned int width)
{
	char raw[TEXT_MAX + 80], *text;
	const char *at;
	bool first = true;

	snprintf(raw, sizeof(raw), "%s %s", e->pc ? lab_place(e->pc) : "",
		 e->text);
	text = lab_trace_expand(raw);
	for (at = text; *at; first = false) {
		size_t length = strlen(at), cut = length;

		if (length > width - 1) {
			cut = width - 1;
			while (cut > width / 2 && at[cut] != ' ')
				cut--;
			if (at[cut] != ' ')
				cut = width - 1;
		}
		if (first)
			fprintf(to, "%5u ", number);
		else
			fprintf(to, "      ");
		fprintf(to, "%*s%.*s\n", (int)((e->thread - 1) * width), "",
			(int)cut, at);
		at += cut;
		while (*at == ' ')
			at++;
	}
	free(text);
}

void lab_trace_print(FILE *to, unsigned int rows)
{
	unsigned int threads = 1, width;
	uint32_t from = rows && events > rows ? events - rows : 0;

	for (uint32_t i = from; i < events; i++)
		if (event[i].thread > threads)
			threads = event[i].thread;
	width = WIDTH / threads > WIDTH_MIN ? WIDTH / threads : WIDTH_MIN;
	fprintf(to, "%5s ", "#");
	for (unsigned int i = 1; i <= threads; i++)
		fprintf(to, "thread %-*u", (int)width - 7, i);
	fputc('\n', to);
	if (from)
		fprintf(to, "      ... %u earlier\n", from);
	for (uint32_t i = from; i < events; i++)
		print_event(to, i + 1, &event[i], width);
}
