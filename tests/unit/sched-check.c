/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heddle_check() finds what is wrong, names it, and nothing else.
 *
 * Method: a pool at rest, of which one field at a time is made wrong from inside, too
 * high and too low where that can be; exactly the one invariant must be named, and
 * none any more when the field is put back. In the end each invariant that the check
 * knows must have been planted.
 *
 * clause: C3 C2
 * property: P4
 */
#include <string.h>

#include "lockfree/account.h"
#include "lockfree/groupword.h"
#include "sched/check.h"
#include "sched/group.h"
#include "sched/pool.h"
#include "sched/start.h"
#include "sched/want.h"
#include "sched/worker.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

static struct heddle_pool *pool;
static struct heddle_group *group, *paused;
static bool planted[HD_INVARIANTS];

static void look(struct heddle_check *check)
{
	*check = (struct heddle_check){ .struct_size = sizeof(*check) };
	heddle_check(pool, check);
}

static void finds(enum hd_invariant which, const char *how)
{
	struct heddle_check check;

	look(&check);
	ok(check.violations == 1 &&
		   !strcmp(check.violation[0].name, hd_invariant_name[which]),
	   "%s: %s is found: %u, %s %s", hd_invariant_name[which], how,
	   check.violations, check.violation[0].name,
	   check.violation[0].detail);
	planted[which] = true;
}

static void is_clean(void)
{
	struct heddle_check check;

	look(&check);
	ok(check.at_rest && !check.violations, "and put back: %u, %s",
	   check.violations, check.violation[0].name);
}

/* A field, one higher and one lower. */
#define PLANT(which, field, value, how) \
 do { \
  __typeof__(field) before_ = (field); \
  (field) = (value); \
  finds((which), (how)); \
  (field) = before_; \
  is_clean(); \
 } while (0)

static void counts(void)
{
	uint64_t word = atomic_load(&group->word);

	PLANT(HD_COUNT_AT_REST, group->word,
	      hd_word_make(hd_word_generation(word), hd_word_target(word), 1),
	      "a permit that was not given back");
	PLANT(HD_COUNT_AT_REST, group->prepaid, 1, "one that is not there");
	PLANT(HD_COUNT_AT_REST, pool->root->word, hd_word_make(0, 4, 1),
	      "one of the root");
	PLANT(HD_ACCOUNT_AT_REST, group->account, hd_account_make(0, 1),
	      "a prepaid one in use");
}

static _Atomic uint64_t ran;

static void count(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static void work(void)
{
	if (heddle_submit_call(paused, count, NULL))
		bail("submit");
	is_clean();
	PLANT(HD_STRANDED_TASK, paused->word, hd_word_make(0, 1, 0),
	      "headroom that nobody told of");
	hd_bitset_clear_any(&paused->ready, 0);
	finds(HD_READY_BIT, "work without its bit");
	hd_bitset_set_any(&paused->ready, 0);
	is_clean();
	if (heddle_group_set_cap(paused, 1, NULL) ||
	    !su_wait_at_least(&ran, 1, 20000))
		bail("the task does not run");
	su_check_at_rest(pool);
}

static void workers(void)
{
	struct hd_worker *worker = &pool->worker[0];
	uint64_t life = worker->seen.incarnation;
	uint32_t at_most = pool->workers_max;

	PLANT(HD_LIVE_WORKERS, pool->live, pool->live + 1, "one too many");
	PLANT(HD_LIVE_WORKERS, pool->live, pool->live - 1, "one too few");
	pool->blocked_max = 0;
	PLANT(HD_WORKERS_BOUND, pool->workers_max, 1, "a bound below them");
	pool->workers_max = at_most;
	hd_bitset_set_any(&pool->idle, 3);
	finds(HD_IDLE_BIT, "the bit of a free entry");
	hd_bitset_clear_any(&pool->idle, 3);
	is_clean();
	PLANT(HD_SEARCHING_AT_REST, pool->searching, 1, "a flag left set");

	/* The worker sleeps: its mirror is nobody's at present. */
	worker->seen.incarnation = life + 1;
	hd_mirror_write_owner(&worker->mirror, &worker->seen);
	finds(HD_REGISTRY, "another incarnation");
	worker->seen.incarnation = life;
	worker->seen.index = 1;
	hd_mirror_write_owner(&worker->mirror, &worker->seen);
	finds(HD_REGISTRY, "another index");
	worker->seen.index = 0;
	hd_mirror_write_owner(&worker->mirror, &worker->seen);
	is_clean();
}

/* Without workers a donated thread has to be asked for. */
static void donated(void)
{
	struct heddle_pool *with_workers = pool;

	if (heddle_pool_create(NULL, &pool) ||
	    heddle_submit_call(pool->root, count, NULL))
		bail("a pool without workers");
	is_clean();
	PLANT(HD_UNWANTED, pool->want, HD_WANT_QUIET, "nobody is asked");
	su_destroy(pool);
	pool = with_workers;
}

int main(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 4,
					 .blocked_max = 4 };
	struct heddle_group_options two = { .cap = 2 };
	int i;

	tap_deadline(110);
	pool = su_pool_with(&o, 2);
	group = su_group(heddle_pool_group(pool), two);
	paused = su_group(heddle_pool_group(pool), two);
	if (heddle_group_set_cap(paused, 0, NULL))
		bail("pause");
	su_check_at_rest(pool);
	counts();
	work();
	workers();
	donated();
	PLANT(HD_FRAMES_LOST, pool->frames_lost, 1, "a jump too deep");
	PLANT(HD_STALE_BYTES, pool->stale_bytes, 1, "a byte after a scrub");
	for (i = 0; i < HD_INVARIANTS; i++)
		ok(planted[i], "%s was planted", hd_invariant_name[i]);
	su_destroy(pool);
	return tap_done();
}
