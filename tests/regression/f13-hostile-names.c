/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: the name of a thread is data, whatever it holds. The library reads
 * /proc about its own threads to know when the kernel has forgotten one; a
 * name with blanks, parentheses or a newline does not mislead it, whether it
 * is the pool's name or the task's own doing.
 *
 * fault: F13
 * clause: D1 S1
 */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define WORKERS 3

static const char *const names[] = {
	"",         " ",         "a b",        ") S 1 (",   "((((",
	"))))",     "%s%n%d",    "x\ny\n",     "\t\\\"'`$", "\xff\xfe\x80",
	"0 0 0 0 ", ") R 99999", "ten bytes!", "name: ",    "./../proc",
};

static const char *name_now;
static _Atomic uint64_t done;

static void rename_self(void *arg)
{
	(void)arg;
	prctl(PR_SET_NAME, name_now, 0, 0, 0);
	atomic_fetch_add_explicit(&done, 1, memory_order_release);
}

/* Start, run, shrink to R3, grow and destroy under one name. */
static bool cycle(const char *name)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .workers_max = WORKERS,
					       .name = name };
	struct heddle_report report = { .struct_size = sizeof(report) };
	struct heddle_pool *pool = su_pool_with(&options, WORKERS);
	uint64_t before = done;
	uint32_t i;
	bool good;

	name_now = name;
	for (i = 0; i < 8 * WORKERS; i++)
		if (heddle_submit_call(heddle_pool_group(pool), rename_self,
				       NULL))
			bail("submit");
	good = su_wait_at_least(&done, before + 8 * WORKERS, 10000);
	tap_on_deadline(NULL, NULL);
	good &= !heddle_pool_stop(pool, 1, HEDDLE_R3_GONE, &report,
				  su_in_ms(10000));
	good &= heddle_workers(pool, NULL, 0) == 1;
	good &= tap_threads() == 2;
	good &= !heddle_pool_start(pool, WORKERS, &report, su_in_ms(10000));
	good &= tap_threads() == 1 + WORKERS;
	good &= !heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, &report,
				     su_in_ms(10000));
	return good && tap_threads() == 1;
}

int main(void)
{
	char longest[] = "nine byte(";
	uint32_t i;

	tap_deadline(100);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ok(cycle(names[i]), "hostile name number %u", i);
	ok(cycle(longest), "one of ten bytes, with a parenthesis");
	return tap_done();
}
