/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters, and the set of lines that were touched. */
#include <string.h>

#include "lab/count.h"
#include "lab/engine.h"
#include "lab/fiber.h"
#include "lab/memory.h"
#include "platform/cacheline.h"

#define LINES_MAX 1024

static struct lab_count now;
static struct {
	uintptr_t line;
	bool written;
} lines[LINES_MAX];

static void touch_line(uintptr_t line, bool write)
{
	for (unsigned int i = 0; i < now.lines; i++) {
		if (lines[i].line != line)
			continue;
		now.written += write && !lines[i].written;
		lines[i].written |= write;
		return;
	}
	if (now.lines == LINES_MAX)
		lab_fail("more than %d lines in one operation", LINES_MAX);
	lines[now.lines].line = line;
	lines[now.lines].written = write;
	now.lines++;
	now.written += write;
}

/* The stack is the caller's, and warm. */
static void touch(uintptr_t at, size_t size, bool write)
{
	uintptr_t line = at / HD_CACHELINE;

	if (lab_fiber_owns(at))
		return;
	for (; line <= (at + size - 1) / HD_CACHELINE; line++)
		touch_line(line, write);
}

void lab_count_load(uintptr_t at, unsigned int size, int order)
{
	(void)order;
	now.loads++;
	touch(at, size, false);
}

/* A sequentially consistent store is an exchange on most machines. */
void lab_count_store(uintptr_t at, unsigned int size, int order)
{
	if (order == LAB_SEQ_CST)
		now.rmws++;
	else
		now.stores++;
	touch(at, size, true);
}

void lab_count_rmw(uintptr_t at, unsigned int size, int order, bool done)
{
	(void)order;
	if (done)
		now.rmws++;
	else
		now.failed++;
	touch(at, size, true);
}

void lab_count_fence(int order)
{
	now.fences += order == LAB_SEQ_CST;
}

void lab_count_call(void)
{
	now.calls += lab_at.counting;
}

void lab_count_plain(uintptr_t at, size_t size, bool write)
{
	if (lab_fiber_owns(at) || !size)
		return;
	now.plain++;
	touch(at, size, write);
}

static bool waited;

void lab_count_reset(void)
{
	memset(&now, 0, sizeof(now));
	waited = false;
}

void lab_count_begin(void)
{
	lab_count_reset();
	lab_at.counting = true;
}

void lab_count_pause(void)
{
	lab_at.counting = false;
	waited = true;
	lab_wake(&now, 1);
}

void lab_count_end_task(void *unused)
{
	(void)unused;
	lab_count_pause();
}

void lab_count_wait(void)
{
	if (!waited)
		lab_block(&now, LAB_FOREVER);
}

void lab_count_end(struct lab_count *count)
{
	lab_at.counting = false;
	*count = now;
}
