#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Every ordering names its partner, and the check that says so can fail.
#
# Method: the check runs on the tree, then on small files, right and wrong.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

check=$top/scripts/check-pairs
must "no violation in the tree" "$check" "$top"

write() {
	rm -rf "$scratch/tree"
	mkdir -p "$scratch/tree/lockfree"
	cat >"$scratch/tree/lockfree/a.c"
}

write <<'C'
static void give(struct a *a, int c)
{
	for (int i = 0; i < 3; i++) { /* "not; a { string */
		char quote = '"';

		atomic_store_explicit(&a->word, quote,
				memory_order_release); /* a-1 */
	}
	atomic_load_explicit(&a->word, memory_order_relaxed); /* statistics */
	if (!atomic_compare_exchange_strong_explicit(&a->flag, &c, 1,
			memory_order_acq_rel,	/* a-2 */
			memory_order_relaxed))	/* failure reads nothing */
		return;
	/* a-3: the barrier of the other side. */
	hd_membarrier();
	/* A count that its last user frees: a-4 pairs with itself. */
	atomic_fetch_sub_explicit(&a->users, 1, memory_order_acq_rel);
}
#define TAKE(a) \
	atomic_load_explicit(&(a)->word, memory_order_acquire) /* a-1 */
static int take(struct a *a)
{
	if (atomic_load_explicit(&a->flag, memory_order_acquire)) { // a-2
		/*
		 * a-3: over several lines
		 */
		atomic_store_explicit(&a->seen, 1, memory_order_release);
	}
}
C
must "right in every form" "$check" "$scratch/tree"
must_fail "all four labels are seen" "^[4-9] labels\$" \
	sh -c '"$1" --list "$2" | grep -c "^a-[0-9]:" |
		sed "s/\$/ labels/"; exit 1' sh "$check" "$scratch/tree"

# wrong NAME PATTERN, the file on standard input
wrong() {
	write
	must_fail "planted: $1" "$2" "$check" "$scratch/tree"
}

wrong "an order without a label" 'a.c:4: .*without a label' <<'C'
static void f(void)
{
	atomic_store_explicit(&a, 1,
			memory_order_release);
}
C
wrong "one end only" 'label a-1 has one end only' <<'C'
static void f(void)
{
	atomic_store_explicit(&a, 1, memory_order_release); /* a-1 */
}
C
wrong "the other end is prose between functions" 'label a-1 has one end' <<'C'
/* a-1: g() acquires this. */
static void f(void)
{
	atomic_store_explicit(&a, 1, memory_order_release); /* a-1 */
}
C
wrong "two ends that both release" 'label a-1 has no end that acquires' <<'C'
static void f(void)
{
	atomic_store_explicit(&a, 1, memory_order_release); /* a-1 */
	atomic_store_explicit(&b, 1, memory_order_release); /* a-1 */
}
C
wrong "two ends that both acquire" 'label a-1 has no end that releases' <<'C'
static void f(void)
{
	while (atomic_load_explicit(&a, memory_order_acquire)) /* a-1 */
		;
	atomic_load_explicit(&b, memory_order_acquire); /* a-1 */
}
C
wrong "the default order" 'without an order' <<'C'
static void f(void)
{
	atomic_fetch_add(&a, 1);
}
C
wrong "the label of the statement before" 'a.c:4: .*without a label' <<'C'
static void f(void)
{
	atomic_load_explicit(&a, memory_order_acq_rel); /* a-1 pairs with itself */
	atomic_store_explicit(&a, 1, memory_order_seq_cst);
}
C
finish
