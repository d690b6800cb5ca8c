/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: whichever pass of a fallible call of the platform fails, once or from then
 * on, a pool's life from create to destroy neither hangs nor loses a task nor keeps a
 * thread, a mapping, a descriptor or a block of memory, and afterwards everything works
 * again. Method: for each site of heddle/testing.h, and for k = 0, 1, 2, ... until the
 * site is passed no more, the k-th pass fails; then the k-th and all that follow. Under
 * it runs one script: create, start, submit, guests, a change of a cap, a region, growth,
 * a stop at each level. Then nothing fails any more, and the same pool must do it all.
 *
 * clause: S1 S4 D1 D4 E1
 * fault: F18
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <heddle/testing.h>

#include "tests/support/sanitizer.h"
#include "tests/support/support.h"
#include "tests/support/usage.h"
#include "tests/tap/tap.h"

#define WORKERS 6    /* a FRESH guest needs room beside those that come up */
#define K_MAX   400u /* passes of a script, of which there are far fewer */

/* ---- blocks of the heap ---- */

static _Atomic int64_t blocks;

#if defined(__GLIBC__) && !SU_SANITIZED
# define COUNTED 1
# define INSTEAD __attribute__((visibility("default")))

/* The C library's own, under the names that it keeps for this. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

static void *counted(void *block)
{
	if (block)
		atomic_fetch_add_explicit(&blocks, 1, memory_order_relaxed);
	return block;
}

INSTEAD void *malloc(size_t size)
{
	return counted(__libc_malloc(size));
}

INSTEAD void *calloc(size_t n, size_t size)
{
	return counted(__libc_calloc(n, size));
}

INSTEAD void *realloc(void *block, size_t size)
{
	return block ? __libc_realloc(block, size) : malloc(size);
}

INSTEAD void *memalign(size_t alignment, size_t size)
{
	return counted(__libc_memalign(alignment, size));
}

INSTEAD void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

INSTEAD int posix_memalign(void **block, size_t alignment, size_t size)
{
	*block = memalign(alignment, size);
	return *block ? 0 : ENOMEM;
}

INSTEAD void free(void *block)
{
	if (block)
		atomic_fetch_sub_explicit(&blocks, 1, memory_order_relaxed);
	__libc_free(block);
}
#else
# define COUNTED 0
#endif

/* ---- what the process has ---- */

struct usage {
	uint64_t threads, descriptors, mapped;
	int64_t blocks;
};

static struct usage use_now(void)
{
	struct usage now = { tap_threads(), su_descriptors(), 0, 0 };

	/* The sanitizers map and allocate for themselves. */
	if (COUNTED) {
		now.mapped = su_mapped();
		now.blocks = atomic_load(&blocks);
	}
	return now;
}

/* ---- the script ---- */

static const struct {
	int site;
	int error;
	const char *name;
} site[] = {
	{ HEDDLE_FAULT_THREAD_CREATE, EAGAIN, "pthread_create" },
	{ HEDDLE_FAULT_STACK_MAP, ENOMEM, "mmap of a stack" },
	{ HEDDLE_FAULT_STACK_GUARD, ENOMEM, "mprotect of a guard page" },
	{ HEDDLE_FAULT_MAP, ENOMEM, "mmap" },
	{ HEDDLE_FAULT_ALLOC, ENOMEM, "malloc" },
	{ HEDDLE_FAULT_AFFINITY, EINVAL, "sched_setaffinity" },
	{ HEDDLE_FAULT_CLASS, EPERM, "sched_setscheduler" },
	{ HEDDLE_FAULT_NAME, EFAULT, "prctl of a name" },
	{ HEDDLE_FAULT_MEMBARRIER, EPERM, "membarrier" },
	{ HEDDLE_FAULT_FUTEX_EINTR, EINTR, "an interrupted futex" },
	{ HEDDLE_FAULT_PROBE, EPERM, "tgkill" },
	{ HEDDLE_FAULT_START_TIME, EMFILE, "a stat file" },
	{ HEDDLE_FAULT_CPU_SET, EPERM, "sched_getaffinity" },
	{ HEDDLE_FAULT_DROP, EINVAL, "MADV_DONTNEED" },
	{ HEDDLE_FAULT_FORK_MARK, EINVAL, "MADV_WIPEONFORK" },
};

_Static_assert(sizeof(site) / sizeof(site[0]) == HEDDLE_FAULT_SITES,
	       "each site has its row");

/* One life of a pool. */
struct script {
	struct heddle_pool *pool;
	struct heddle_group *group;
	struct heddle_process *process;
	int error; /* of the site that fails */
	uint64_t accepted;
	uint32_t refused; /* calls that failed */
	uint32_t wrong;
	char what[96]; /* the first that went wrong */
};

static _Atomic uint64_t ran, holding, let_go;

static void went_wrong(struct script *s, const char *call, int rc)
{
	if (!s->wrong++)
		snprintf(s->what, sizeof(s->what), "%s: %d", call, rc);
}

/* A call that may fail, if with an error that the site explains. */
static bool fallible(struct script *s, const char *call, int rc)
{
	if (rc == 0)
		return true;
	s->refused++;
	if (rc != -s->error && rc != -ENOMEM && rc != -EAGAIN)
		went_wrong(s, call, rc);
	return false;
}

static void infallible(struct script *s, const char *call, int rc)
{
	if (rc)
		went_wrong(s, call, rc);
}

static void count(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&ran, 1, memory_order_release);
}

/* Its replacement may not come: then the others wait for its end. */
static void blocks_once(void *arg)
{
	if (heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL) ||
	    heddle_block_end())
		bail("a region");
	count(arg);
}

static int32_t guest(void *arg)
{
	count(arg);
	return 0;
}

static void hold(void *arg)
{
	uint64_t turn = (uintptr_t)arg;

	atomic_fetch_add_explicit(&holding, 1, memory_order_release);
	su_wait_at_least(&let_go, turn, 20000);
	count(NULL);
}

/* Workers that run something, or may. */
static uint32_t able(struct heddle_pool *pool)
{
	struct heddle_worker_info info[4 * WORKERS];
	int n = heddle_workers(pool, info, 4 * WORKERS), i;
	uint32_t sum = 0;

	for (i = 0; i < n && i < 4 * WORKERS; i++)
		sum += info[i].state != HEDDLE_WORKER_LEAVING &&
		       info[i].state != HEDDLE_WORKER_LEFT;
	return sum;
}

/*
 * Two tasks that run at once, so that the second one's worker asks for a spare; where
 * no second worker can be made they run one after the other.
 */
static void hold_two(struct script *s)
{
	const struct timespec pause = { 0, 50000 };
	uint64_t turn = atomic_load(&let_go) + 1, end = su_in_ms(20000);
	int i;

	if (!able(s->pool))
		return;
	atomic_store(&holding, 0);
	for (i = 0; i < 2; i++) {
		infallible(s, "submit",
			   heddle_submit_call(heddle_pool_group(s->pool), hold,
					      (void *)(uintptr_t)turn));
		s->accepted++;
	}
	if (!su_wait_at_least(&holding, 1, 20000))
		went_wrong(s, "a task that does not start", 0);
	while (atomic_load(&holding) < 2 && able(s->pool) >= 2 &&
	       su_now_ns() < end)
		nanosleep(&pause, NULL);
	if (su_now_ns() >= end)
		went_wrong(s, "a second task that does not start", 0);
	atomic_store(&let_go, turn);
}

/* Submits allocate nothing: no site may reach them. */
static void submit(struct script *s, struct heddle_group *group)
{
	int i;

	for (i = 0; i < 4; i++) {
		infallible(s, "submit", heddle_submit_call(group, count, NULL));
		s->accepted++;
	}
	infallible(s, "submit", heddle_submit_call(group, blocks_once, NULL));
	s->accepted++;
}

static void spawn(struct script *s, uint32_t flags)
{
	struct heddle_guest_options options = { .struct_size = sizeof(options),
						.flags = flags,
						.fn = guest };
	struct heddle_guest *handle;
	int rc = heddle_guest_spawn(s->process, &options, &handle,
				    su_in_ms(20000));

	if (!fallible(s, "heddle_guest_spawn", rc))
		return;
	s->accepted++;
	infallible(s, "heddle_guest_join",
		   heddle_guest_join(handle, HEDDLE_R4_CLEAN, su_in_ms(20000)));
}

static void start(struct script *s, uint32_t n)
{
	struct heddle_report report = { .struct_size = sizeof(report) };
	int rc = heddle_pool_start(s->pool, n, &report, su_in_ms(20000));

	if (!fallible(s, "heddle_pool_start", rc) && report.error != -rc &&
	    rc != -ENOMEM)
		went_wrong(s, "the report of a start", report.error);
}

/* To nobody; what the level promises can be counted at once. */
static void stop(struct script *s, enum heddle_level level)
{
	struct heddle_report report = { .struct_size = sizeof(report) };

	infallible(s, "heddle_pool_stop",
		   heddle_pool_stop(s->pool, 0, level, &report,
				    su_in_ms(20000)));
	if (level >= HEDDLE_R3_GONE && tap_threads() != 1)
		went_wrong(s, "threads after a stop", (int)tap_threads());
	if (level >= HEDDLE_R3_GONE && heddle_workers(s->pool, NULL, 0))
		went_wrong(s, "workers after a stop",
			   heddle_workers(s->pool, NULL, 0));
}

static bool create(struct script *s)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .flags = HEDDLE_POOL_ELASTIC,
					       .workers_max = WORKERS,
					       .blocked_max = 2,
					       .name = "each" };

	return fallible(s, "heddle_pool_create",
			heddle_pool_create(&options, &s->pool));
}

static void make_group(struct script *s)
{
	struct heddle_group_options options = { .struct_size = sizeof(options),
						.cap = 1 };

	if (s->group ||
	    !fallible(s, "heddle_group_create",
		      heddle_group_create(heddle_pool_group(s->pool), &options,
					  &s->group)))
		return;
	submit(s, s->group);
}

static void make_process(struct script *s)
{
	struct heddle_process_options options = {
		.struct_size = sizeof(options), .threads_max = 2
	};

	if (!s->process)
		fallible(s, "heddle_process_create",
			 heddle_process_create(s->pool, &options, &s->process));
}

static void change_cap(struct script *s, uint32_t cap)
{
	struct heddle_ticket ticket;

	infallible(s, "heddle_group_set_cap",
		   heddle_group_set_cap(s->group, cap, &ticket));
	infallible(s, "heddle_group_wait",
		   heddle_group_wait(ticket, su_in_ms(20000)));
}

static void live(struct script *s)
{
	int level;

	make_group(s);
	make_process(s);
	start(s, 1);
	if (s->process) {
		spawn(s, HEDDLE_GUEST_FRESH);
		spawn(s, 0);
	}
	hold_two(s);
	submit(s, heddle_pool_group(s->pool));
	if (s->group)
		change_cap(s, 2);
	start(s, 3);
	if (s->group)
		change_cap(s, 1);
	for (level = HEDDLE_R0_QUIET; level <= HEDDLE_R4_CLEAN; level++) {
		submit(s, heddle_pool_group(s->pool));
		stop(s, level);
		start(s, 1);
	}
}

/* Nothing fails any more: all of it works, and what was accepted has run. */
static void must_work(struct script *s)
{
	struct heddle_check check = { .struct_size = sizeof(check) };
	uint32_t refused = s->refused;

	live(s);
	infallible(s, "refused calls without a fault",
		   (int)(s->refused - refused));
	if (!su_wait_at_least(&ran, s->accepted, 20000) ||
	    atomic_load(&ran) != s->accepted)
		went_wrong(s, "tasks that ran, less those accepted",
			   (int)(atomic_load(&ran) - s->accepted));
	infallible(s, "heddle_process_destroy",
		   heddle_process_destroy(s->process, HEDDLE_R4_CLEAN,
					  su_in_ms(20000)));
	infallible(s, "heddle_group_close",
		   heddle_group_close(s->group,
				      HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
				      su_in_ms(20000)));
	stop(s, HEDDLE_R4_CLEAN);
	infallible(s, "heddle_check", heddle_check(s->pool, &check));
	if (!check.at_rest || check.stale_bytes)
		went_wrong(s, "at rest", (int)check.stale_bytes);
}

/* One life while pass k of the site fails, count times. True if it did. */
static bool run(unsigned int at, uint32_t k, uint32_t n,
		const struct usage *base, struct script *s)
{
	uint64_t before = 0, after = 0;
	struct usage now;

	*s = (struct script){ .error = site[at].error };
	atomic_store(&ran, 0);
	heddle_fault_count(site[at].site, NULL, &before);
	heddle_fault_set(site[at].site, k, n, site[at].error);
	if (create(s)) {
		tap_on_deadline(su_dump, s->pool);
		live(s);
	}
	heddle_fault_set(site[at].site, 0, 0, 0);
	heddle_fault_count(site[at].site, NULL, &after);
	if (!s->pool && !create(s))
		went_wrong(s, "a create without a fault", 0);
	if (s->pool)
		must_work(s);
	tap_on_deadline(NULL, NULL);
	infallible(s, "heddle_pool_destroy",
		   heddle_pool_destroy(s->pool, HEDDLE_R4_CLEAN, NULL,
				       su_in_ms(20000)));
	now = use_now();
	if (now.threads != base->threads)
		went_wrong(s, "threads that are left", (int)now.threads);
	if (now.descriptors != base->descriptors)
		went_wrong(s, "descriptors", (int)now.descriptors);
	if (now.mapped != base->mapped)
		went_wrong(s, "mapped, KiB more",
			   (int)((int64_t)(now.mapped - base->mapped) / 1024));
	if (now.blocks != base->blocks)
		went_wrong(s, "blocks of the heap more",
			   (int)(now.blocks - base->blocks));
	return after > before;
}

static void each(unsigned int at, uint32_t n, const struct usage *base)
{
	const char *how = n == 1 ? "once" : "and all that follow";
	uint32_t k = 0, wrong = 0, refused = 0;
	struct script s;
	bool met;

	do {
		met = run(at, k, n, base, &s);
		refused += s.refused;
		if (s.wrong && wrong++ < 4)
			diag("%s, pass %u %s: %u wrong, first %s",
			     site[at].name, k, how, s.wrong, s.what);
		/* With a sanitizer the later ones by samples, for the time. */
		k += SU_SANITIZED && met ? 1 + k / 3 : met;
	} while (met && k < K_MAX);
	ok(!wrong, "%s %s: %u passes, %u calls refused", site[at].name, how, k,
	   refused);
	ok(k > 0 && k < K_MAX, "each pass of it was met");
}

int main(void)
{
	struct usage base;
	struct script s;
	unsigned int at;

	tap_deadline(115);
#if COUNTED
	/* No arena of its own for a thread that allocates. */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 1 << 24);
#endif
	/* What is made once and kept: buffers of the C library, the probes. */
	base = use_now();
	run(0, UINT32_MAX, 1, &base, &s);
	base = use_now();
	run(0, UINT32_MAX, 1, &base, &s);
	ok(!s.wrong && !s.refused, "without a fault: %u wrong %s", s.wrong,
	   s.what);
	for (at = 0; at < HEDDLE_FAULT_SITES; at++) {
		each(at, 1, &base);
		each(at, UINT32_MAX, &base);
	}
	return tap_done();
}
