/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which probes run, with which counts, and in which order. A quick run has a
 * tenth of the counts. Probes whose times are compared take turns in an order
 * drawn from the seed; nothing else runs meanwhile.
 */
#include <stdlib.h>
#include <string.h>

#include <heddle/heddle.h>

#include "papers/P01/backend.h"
#include "papers/P01/measure.h"
#include "papers/P01/p01.h"
#include "tools/random.h"
#include "tools/say.h"

enum {
	BACKENDS = 9
};

#define SECOND_NS UINT64_C(1000000000)

/* In the order of the figures. The last two are the real pools. */
static const char *const names[BACKENDS] = {
	"heddle-static", "heddle-elastic", "heddle-guest", "pthread",    "glib",
	"policy-rayon",  "policy-rusty",   "rayon",        "rusty_pool",
};

enum backend {
	STATIC = 1 << 0,
	ELASTIC = 1 << 1,
	GUEST = 1 << 2,
	PTHREAD = 1 << 3,
	GLIB = 1 << 4,
	POLICY_RAYON = 1 << 5,
	POLICY_RUSTY = 1 << 6,
	RAYON = 1 << 7,
	RUSTY = 1 << 8,
};

#define OURS     (STATIC | ELASTIC | GUEST)
#define POLICIES (POLICY_RAYON | POLICY_RUSTY)
#define REAL     (RAYON | RUSTY)
#define OTHERS   (PTHREAD | GLIB | POLICIES | REAL)

/**
 * struct row - the same measurement of several back ends
 * @quick, @full: counts
 * @turns:        how often each takes its turn, 0: once, not shuffled
 */
struct row {
	const char *measure;
	unsigned int backends;
	uint32_t size;
	uint64_t quick;
	uint64_t full;
	uint64_t every;
	unsigned int turns;
};

static const struct row rows[] = {
	{ "timeline", (OURS & ~GUEST) | OTHERS, HP_P01_SIZE, 10, 100, 0, 0 },
	{ "reclaim", OURS, 4, 100, 1000, 0, 0 },
	{ "reclaim", OTHERS & ~GLIB, 4, 400, 2000, 0, 0 },
	{ "reclaim", GLIB, 4, 20, 100, 0, 0 },
	{ "sequential", OURS | OTHERS, HP_P01_SIZE, 1000, 1000, 0, 0 },
	{ "join", STATIC | GUEST | POLICY_RUSTY | RUSTY, 1, 30000, 300000, 0,
	  0 },
	{ "join", STATIC | GUEST | POLICY_RUSTY | RUSTY, 2, 30000, 300000, 0,
	  0 },
	{ "join", STATIC | GUEST | POLICY_RUSTY | RUSTY, 4, 30000, 300000, 0,
	  0 },
	{ "exact", STATIC | ELASTIC | POLICY_RUSTY | REAL, 1, 100000, 1000000,
	  1000, 0 },
	{ "exact", STATIC | ELASTIC | POLICY_RUSTY | REAL, 2, 100000, 1000000,
	  1000, 0 },
	{ "exact", STATIC | ELASTIC | POLICY_RUSTY | REAL, 4, 100000, 1000000,
	  1000, 0 },
	{ "exact", STATIC | ELASTIC | RUSTY, 1, 5000, 50000, 1, 0 },
	{ "exact", STATIC | ELASTIC | RUSTY, 2, 5000, 50000, 1, 0 },
	{ "exact", STATIC | ELASTIC | RUSTY, 4, 5000, 50000, 1, 0 },
	/* No pool, no cap: the counter must see more than this "cap". */
	{ "exact", PTHREAD, 1, 2000, 2000, 1, 0 },
	{ "resize", STATIC, 4, 300, 3000, 0, 0 },
	{ "exhaust", GUEST | GLIB | POLICIES | REAL, 4, 1, 1, 0, 0 },
	{ "spawn", GUEST | ELASTIC | PTHREAD | POLICY_RUSTY | REAL, HP_P01_SIZE,
	  10000 / HP_P01_TURNS, 100000 / HP_P01_TURNS, 0, HP_P01_TURNS },
	{ "recycle", GUEST, 4, 100000, 1000000, 0, 0 },
	{ "recycle", PTHREAD | POLICY_RUSTY, 4, 1000, 10000, 0, 0 },
};

static const uint32_t quick_sizes[] = { 2, 8, 64, HP_P01_SIZE, 512, 0 };
static const uint32_t full_sizes[] = { 2,   4,           8,   16,  32, 64,
				       128, HP_P01_SIZE, 256, 512, 0 };

static struct hp_probe *add(struct hp_study *study, unsigned int backend,
			    const char *measure, uint32_t size, uint64_t count,
			    uint64_t every)
{
	struct hp_probe *probe;

	study->probes =
		ht_grow(study->probes, study->n_probes, sizeof(*study->probes));
	probe = &study->probes[study->n_probes++];
	memset(probe, 0, sizeof(*probe));
	probe->backend = names[backend];
	probe->measure = measure;
	probe->size = size;
	probe->count = count;
	probe->every = every;
	return probe;
}

static unsigned int available(const struct hp_study *study)
{
	unsigned int all = OURS | PTHREAD | POLICIES;

	if (hp_backend_find("glib"))
		all |= GLIB;
	if (study->rust)
		all |= REAL;
	return all;
}

/* Fisher and Yates; the order depends on the seed only. */
static void shuffle(struct hp_study *study, size_t from)
{
	struct ht_random random;
	size_t i;

	ht_random_seed(&random, study->seed, 0, from);
	for (i = study->n_probes - 1; i > from; i--) {
		size_t j = from +
			   ht_random_below(&random, (uint32_t)(i - from + 1));
		struct hp_probe other = study->probes[i];

		study->probes[i] = study->probes[j];
		study->probes[j] = other;
	}
}

static void add_row(struct hp_study *study, const struct row *row)
{
	uint64_t count = !strcmp(study->tier, "full") ? row->full : row->quick;
	unsigned int backends = row->backends & available(study);
	unsigned int turn, backend;

	for (turn = 0; turn < (row->turns ? row->turns : 1); turn++) {
		size_t from = study->n_probes;

		for (backend = 0; backend < BACKENDS; backend++)
			if (backends >> backend & 1)
				add(study, backend, row->measure, row->size,
				    count, row->every);
		if (row->turns)
			shuffle(study, from);
	}
}

static void add_memory(struct hp_study *study)
{
	static const char no_cache[] =
		"GLIBC_TUNABLES=glibc.pthread.stack_cache_size=0";
	const uint32_t *size = !strcmp(study->tier, "full") ? full_sizes
							    : quick_sizes;
	unsigned int backends = available(study);
	size_t from = study->n_probes;
	unsigned int backend;

	for (; *size; size++)
		for (backend = 0; backend < BACKENDS; backend++)
			if (backends >> backend & 1)
				add(study, backend, "memory", *size, 1000, 0);
	/* Once more without the C library's cache of dead threads' stacks. */
	for (backend = 0; backend < BACKENDS; backend++)
		if (backends >> backend & 1)
			add(study, backend, "memory", HP_P01_SIZE, 1000, 0)
				->variable = no_cache;
	shuffle(study, from);
}

/* The watchdog: far beyond what a probe needs, near enough to wait for. */
static uint64_t limit_of(const struct hp_study *study,
			 const struct hp_probe *probe)
{
	if (!strcmp(probe->measure, "exhaust"))
		return 2 * SECOND_NS;
	return (!strcmp(study->tier, "full") ? 180 : 20) * SECOND_NS;
}

static void run_probe(const struct hp_study *study, struct hp_probe *probe)
{
	char *size = ht_text("%u", probe->size);
	char *count = ht_text("%llu", (unsigned long long)probe->count);
	char *every =
		ht_text("%llu", (unsigned long long)(probe->every ? probe->every
								  : 1000));
	char *seed = ht_text("%llu", (unsigned long long)study->seed);
	bool is_real = !strcmp(probe->backend, "rayon") ||
		       !strcmp(probe->backend, "rusty_pool");
	const char *pool = !strcmp(probe->backend, "rayon") ? "rayon" : "rusty";
	const char *const ours[] = {
		"/proc/self/exe",
		"paper",
		"probe",
		"P01",
		"--backend",
		probe->backend,
		"--measure",
		probe->measure,
		"--size",
		size,
		"--count",
		count,
		"--every",
		every,
		"--seed",
		seed,
		NULL,
	};
	const char *const real[] = {
		study->rust,    "p01",    "--pool", pool,      "--measure",
		probe->measure, "--size", size,     "--count", count,
		"--every",      every,    NULL,
	};
	/* execve() does not write to them. */
	char *const *argv = (char *const *)(uintptr_t)(is_real ? real : ours);

	hp_child_run(argv, probe->variable, HP_STACK, limit_of(study, probe),
		     &probe->child);
	free(size);
	free(count);
	free(every);
	free(seed);
}

int hp_p01_measure(struct hp_study *study)
{
	char *stack = ht_text("%d", HP_STACK);
	const struct hp_backend *glib;
	size_t i;

	/* The real pools' stacks are sized by this variable only. */
	setenv("RUST_MIN_STACK", stack, 1);
	free(stack);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		add_row(study, &rows[i]);
	add_memory(study);
	hp_study_version(study, "heddle", heddle_version());
	hp_study_version(study, "heddle_features", heddle_features());
	glib = hp_backend_find("glib");
	if (glib)
		hp_study_version(study, "glib", glib->version());
	for (i = 0; i < study->n_probes; i++) {
		struct hp_probe *probe = &study->probes[i];

		ht_progress_show(&study->progress,
				 (double)i / (double)study->n_probes,
				 "%s of %s", probe->measure, probe->backend);
		run_probe(study, probe);
		/* A program that cannot be started measures nothing at all. */
		if (probe->child.outcome == HP_CHILD_ABSENT) {
			ht_progress_clear(&study->progress);
			ht_say("%s of %s: %s", probe->measure, probe->backend,
			       probe->child.reason);
			return HT_SKIP;
		}
	}
	return HT_OK;
}
