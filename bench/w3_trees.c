/* SPDX-License-Identifier: BSD-2-Clause */
/* The three programs of W3, as doc/workloads.md has them. */
#include "bench/w3.h"

#include <stddef.h>

#include <heddle/forkjoin.h>

struct heddle_group *hb_w3_group;

/* ---- fib ---- */

static uint64_t fib_serial(uint64_t n)
{
	return n < 2 ? n : fib_serial(n - 1) + fib_serial(n - 2);
}

HEDDLE_TASK_1(uint64_t, fib, uint64_t, n)
{
	uint64_t right;

	if (n < 2)
		return n;
	HEDDLE_SPAWN(fib, n - 1);
	right = HEDDLE_CALL(fib, n - 2);
	return HEDDLE_SYNC(fib) + right;
}

static uint64_t fib_run_typed(uint64_t n)
{
	return HEDDLE_RUN(fib, hb_w3_group, n);
}

struct fib_child {
	struct heddle_child child;
	uint64_t n;
	uint64_t answer;
};

static uint64_t fib_fn(uint64_t n);

static void fib_call(struct heddle_task *task)
{
	struct fib_child *child = (struct fib_child *)(void *)task;

	child->answer = fib_fn(child->n);
}

static uint64_t fib_fn(uint64_t n)
{
	struct heddle_scope scope;
	struct fib_child left;
	uint64_t right;

	if (n < 2)
		return n;
	heddle_scope_begin(&scope, hb_w3_group);
	left.n = n - 1;
	heddle_scope_fork(&scope, &left.child, fib_call);
	right = fib_fn(n - 2);
	heddle_scope_join(&scope);
	return left.answer + right;
}

static int fib_known(uint64_t n, uint64_t *answer, uint64_t *nodes)
{
	uint64_t a = 0, b = 1, i;

	if (n > 90)
		return 0;
	for (i = 0; i < n; i++) {
		uint64_t sum = a + b;

		a = b;
		b = sum;
	}
	*answer = a;
	*nodes = 2 * b - 1;
	return 1;
}

/* ---- queens ---- */

#define QUEENS_MAX 16

static uint64_t nq_serial(uint64_t all, uint64_t cols, uint64_t d1, uint64_t d2)
{
	uint64_t open, sum = 0;

	if (cols == all)
		return 1;
	for (open = all & ~(cols | d1 | d2); open; open &= open - 1) {
		uint64_t bit = open & -open;

		sum += nq_serial(all, cols | bit, (d1 | bit) << 1,
				 (d2 | bit) >> 1);
	}
	return sum;
}

/* As many as the forks have arguments for: the board is packed into one. */
HEDDLE_TASK_3(uint64_t, nq, uint64_t, all, uint64_t, cols, uint64_t, diagonals)
{
	uint64_t d1 = diagonals >> 32, d2 = diagonals & UINT32_MAX;
	uint64_t open, sum = 0;
	unsigned int n = 0;

	if (cols == all)
		return 1;
	for (open = all & ~(cols | d1 | d2); open; open &= open - 1, n++) {
		uint64_t bit = open & -open;

		HEDDLE_SPAWN(nq, all, cols | bit,
			     ((d1 | bit) << 1) << 32 | (d2 | bit) >> 1);
	}
	while (n--)
		sum += HEDDLE_SYNC(nq);
	return sum;
}

struct nq_child {
	struct heddle_child child;
	uint64_t all, cols, d1, d2;
	uint64_t answer;
};

static uint64_t nq_fn(uint64_t all, uint64_t cols, uint64_t d1, uint64_t d2);

static void nq_call(struct heddle_task *task)
{
	struct nq_child *child = (struct nq_child *)(void *)task;

	child->answer = nq_fn(child->all, child->cols, child->d1, child->d2);
}

static uint64_t nq_fn(uint64_t all, uint64_t cols, uint64_t d1, uint64_t d2)
{
	struct nq_child child[QUEENS_MAX];
	struct heddle_scope scope;
	uint64_t open, sum = 0;
	unsigned int n = 0;

	if (cols == all)
		return 1;
	heddle_scope_begin(&scope, hb_w3_group);
	for (open = all & ~(cols | d1 | d2); open; open &= open - 1) {
		uint64_t bit = open & -open;

		child[n].all = all;
		child[n].cols = cols | bit;
		child[n].d1 = (d1 | bit) << 1;
		child[n].d2 = (d2 | bit) >> 1;
		heddle_scope_fork(&scope, &child[n].child, nq_call);
		n++;
	}
	heddle_scope_join(&scope);
	while (n)
		sum += child[--n].answer;
	return sum;
}

static uint64_t nq_all(uint64_t n)
{
	return (UINT64_C(1) << n) - 1;
}

static uint64_t nq_run_serial(uint64_t n)
{
	return nq_serial(nq_all(n), 0, 0, 0);
}

static uint64_t nq_run_typed(uint64_t n)
{
	return HEDDLE_RUN(nq, hb_w3_group, nq_all(n), 0, 0);
}

static uint64_t nq_run_fn(uint64_t n)
{
	return nq_fn(nq_all(n), 0, 0, 0);
}

static int nq_known(uint64_t n, uint64_t *answer, uint64_t *nodes)
{
	static const struct {
		uint64_t n, answer, nodes;
	} table[] = {
		{ 6, 4, 153 },          { 8, 92, 2057 },
		{ 11, 2680, 166926 },   { 12, 14200, 856189 },
		{ 13, 73712, 4674890 }, { 14, 365596, 27358553 },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].n != n)
			continue;
		*answer = table[i].answer;
		*nodes = table[i].nodes;
		return 1;
	}
	return 0;
}

/* ---- an unbalanced tree ---- */

#define UTS_CHILDREN_MAX 100
#define UTS_ROOT         81

static uint64_t uts_depth; /* of the run */

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t uts_child(uint64_t state, uint64_t i)
{
	return mix(state + (i + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

static uint64_t uts_children(uint64_t state, uint64_t depth)
{
	uint64_t u = mix(state ^ UINT64_C(0xd1b54a32d192ed03)) >> 32;
	uint64_t t = UINT32_MAX, k = 0;

	if (depth == uts_depth)
		return 0;
	while (k < UTS_CHILDREN_MAX) {
		t = t * 4 / 5;
		if (u >= t)
			break;
		k++;
	}
	return k;
}

static uint64_t uts_serial(uint64_t state, uint64_t depth)
{
	uint64_t n = uts_children(state, depth), sum = 1, i;

	for (i = 0; i < n; i++)
		sum += uts_serial(uts_child(state, i), depth + 1);
	return sum;
}

HEDDLE_TASK_2(uint64_t, uts, uint64_t, state, uint64_t, depth)
{
	uint64_t n = uts_children(state, depth), sum = 1, i;

	for (i = 0; i < n; i++)
		HEDDLE_SPAWN(uts, uts_child(state, i), depth + 1);
	while (n--)
		sum += HEDDLE_SYNC(uts);
	return sum;
}

struct uts_child {
	struct heddle_child child;
	uint64_t state, depth;
	uint64_t answer;
};

static uint64_t uts_fn(uint64_t state, uint64_t depth);

static void uts_call(struct heddle_task *task)
{
	struct uts_child *child = (struct uts_child *)(void *)task;

	child->answer = uts_fn(child->state, child->depth);
}

static uint64_t uts_fn(uint64_t state, uint64_t depth)
{
	struct uts_child child[UTS_CHILDREN_MAX];
	uint64_t n = uts_children(state, depth), sum = 1, i;
	struct heddle_scope scope;

	heddle_scope_begin(&scope, hb_w3_group);
	for (i = 0; i < n; i++) {
		child[i].state = uts_child(state, i);
		child[i].depth = depth + 1;
		heddle_scope_fork(&scope, &child[i].child, uts_call);
	}
	heddle_scope_join(&scope);
	while (n)
		sum += child[--n].answer;
	return sum;
}

static uint64_t uts_run_serial(uint64_t depth)
{
	uts_depth = depth;
	return uts_serial(UTS_ROOT, 0);
}

static uint64_t uts_run_typed(uint64_t depth)
{
	uts_depth = depth;
	return HEDDLE_RUN(uts, hb_w3_group, UTS_ROOT, 0);
}

static uint64_t uts_run_fn(uint64_t depth)
{
	uts_depth = depth;
	return uts_fn(UTS_ROOT, 0);
}

/* Another depth is another number of nodes, which plain calls count first. */
static int uts_known(uint64_t depth, uint64_t *answer, uint64_t *nodes)
{
	if (depth > 12)
		return 0;
	*answer = depth == 10 ? 4094462 : uts_run_serial(depth);
	*nodes = *answer;
	return 1;
}

const struct hb_w3_program hb_w3_programs[] = {
	{ "fib", 27, { fib_serial, fib_run_typed, fib_fn }, fib_known },
	{ "nq", 11, { nq_run_serial, nq_run_typed, nq_run_fn }, nq_known },
	{ "uts", 10, { uts_run_serial, uts_run_typed, uts_run_fn }, uts_known },
};

const unsigned int hb_w3_programs_count =
	sizeof(hb_w3_programs) / sizeof(hb_w3_programs[0]);
