/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring of the last records: what is read was written, as one piece. */
#include "lab/scenario.h"
#include "lockfree/log.h"

static struct hd_log records;
static unsigned int dropped; /* ghost */

LAB_GHOST static void reset(void)
{
	dropped = 0;
}

LAB_GHOST static void note_dropped(void)
{
	dropped++;
}

static void setup_one(void)
{
	LAB_ASSERT(hd_log_init(&records, 1) == 0);
}

static void setup_two(void)
{
	LAB_ASSERT(hd_log_init(&records, 2) == 0);
}

static void write_record(uint64_t value)
{
	uint64_t word[HD_LOG_WORDS];

	for (int i = 0; i < HD_LOG_WORDS; i++)
		word[i] = value;
	if (!hd_log_write_any(&records, word))
		note_dropped();
}

static void write_a(void)
{
	write_record(1);
}

static void write_b(void)
{
	write_record(2);
}

static void write_twice(void)
{
	write_record(3);
	write_record(4);
}

static bool read_record(uint64_t number)
{
	uint64_t word[HD_LOG_WORDS];

	if (!hd_log_read_any(&records, number, word))
		return false;
	for (int i = 0; i < HD_LOG_WORDS; i++)
		LAB_ASSERT(word[i] && word[i] == word[0]);
	return true;
}

static void read_all(void)
{
	uint64_t next = hd_log_next_any(&records);

	for (uint64_t n = 0; n < next; n++)
		read_record(n);
}

/* The newest that were not dropped are there. */
static const char *newest(void)
{
	uint64_t next = hd_log_next_any(&records), n, found = 0;

	for (n = 0; n < next; n++)
		found += read_record(n);
	if (found + dropped < records.slots)
		return "lost: a record that nobody dropped";
	return found ? NULL : "lost: every record";
}

#define LOG(id, title, what, make, threads, ...) \
 LAB_SCENARIO(id, .name = title, .claim = what, .setup = make, .reset = reset, \
	      .thread = threads, .at_rest = newest, __VA_ARGS__)
#define THREADS(...) \
 { \
  __VA_ARGS__ \
 }

LOG(log_two, "log", "a reader sees whole records, or none", setup_two,
    THREADS(write_a, write_twice, read_all), .bound_plus_1 = 3,
    .old_plus_1 = 1);
LOG(log_one, "log-one", "two writers of one slot never mix", setup_one,
    THREADS(write_a, write_b, read_all), .bound_plus_1 = 4, .old_plus_1 = 1);
LOG(log_old, "log-old", "and loads may give old values", setup_one,
    THREADS(write_twice, read_all), .bound_plus_1 = 3, .old_plus_1 = 3);
LOG(log_old_two, "log-old-two", "and so with two writers", setup_one,
    THREADS(write_a, write_b, read_all), .bound_plus_1 = 3, .old_plus_1 = 2);
