/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Structures alone, without a scheduler around them: what the files of
 * `heddle bench lockfree` share. A peer is one structure with its loops, a shape
 * is who does what to it, a cell is one peer in one shape.
 */
#ifndef HEDDLE_BENCH_LOCKFREE_H
#define HEDDLE_BENCH_LOCKFREE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_machine;
struct ht_table;

enum {
	HB_LF_PRODUCERS_MAX = 4,
	HB_LF_WINDOW_BITS = 10,
	/* Items of one producer that may be under way. */
	HB_LF_WINDOW = 1 << HB_LF_WINDOW_BITS,
	/* Items of its own that it uses in turn: a queue may hold one longer. */
	HB_LF_LANE_BITS = HB_LF_WINDOW_BITS + 1,
	HB_LF_LANE = 1 << HB_LF_LANE_BITS,
	HB_LF_ITEMS_MAX = HB_LF_PRODUCERS_MAX * HB_LF_LANE,
	HB_LF_SLOTS = 4096, /* of a deque */
	HB_LF_BELOW = 16,   /* tasks that stay in a deque whose owner works */
	HB_LF_BUSY_TASKS = 8,
};

enum hb_lf_shape {
	HB_LF_PAIR,
	HB_LF_ONE,
	HB_LF_FOUR,
	HB_LF_OWNER,
	HB_LF_STEAL_IDLE,
	HB_LF_STEAL_PUSHING,
	HB_LF_BUSY,
	HB_LF_SHAPES
};

enum hb_lf_family {
	HB_LF_OURS,
	HB_LF_URCU,
	HB_LF_CK,
	HB_LF_OTHER
};

/* Between producers and the consumer, outside of what is measured. */
struct hb_lf_flow {
	uint32_t producers;
	uint64_t taken;                       /* by the consumer, in all */
	uint64_t count[HB_LF_PRODUCERS_MAX];  /* of each producer's */
	uint64_t pushed[HB_LF_PRODUCERS_MAX]; /* between runs only */
	struct {
		/* What the producer may know of count. */
		_Alignas(128) _Atomic uint64_t taken;
	} lane[HB_LF_PRODUCERS_MAX];
};

/* What a thief remembers between two attempts. */
struct hb_lf_thief {
	uint32_t dry;
};

/**
 * struct hb_lf_peer - one structure
 * @shapes:  bit 1 << shape for each that it is in
 * @open:    a new one for all items; it is never closed, its process ends
 * @absent:  why it cannot run here, or NULL; may be NULL
 * @pair:    n times push and pop of one item
 * @produce: push n items of that producer
 * @consume: until flow->taken is until
 * @owner:   as pair, above HB_LF_BELOW tasks
 * @push, @pop: by the owner; false: full; 0: empty
 * @steal:   tasks taken by one attempt, 0 for any reason
 */
struct hb_lf_peer {
	const char *name;
	enum hb_lf_family family;
	uint32_t shapes;
	void *(*open)(void);
	const char *(*absent)(void);
	void (*pair)(void *queue, struct hb_lf_flow *flow, uint64_t n);
	void (*produce)(void *queue, struct hb_lf_flow *flow, uint32_t me,
			uint64_t n);
	void (*consume)(void *queue, struct hb_lf_flow *flow, uint64_t until);
	void (*owner)(void *deque, uint64_t n);
	bool (*push)(void *deque, uint32_t task);
	uint32_t (*pop)(void *deque);
	uint32_t (*steal)(void *deque, struct hb_lf_thief *thief);
};

/* Each list ends with a peer whose name is NULL. */
extern const struct hb_lf_peer hb_lf_our_queues[];
extern const struct hb_lf_peer hb_lf_deques[];
extern const struct hb_lf_peer hb_lf_ck_queues[];
extern const struct hb_lf_peer hb_lf_urcu_queues[];
extern const struct hb_lf_peer hb_lf_mutex_queues[];

/* What limits every round, and where threads are put. */
struct hb_lf_terms {
	uint64_t limit_ns;
	uint64_t compute_ns; /* of a busy owner */
	int cpu[2];          /* the second is -1 where there is one only */
};

/**
 * struct hb_lf_round - what one round found
 * @ns:   per pair, item or stolen item; of a busy owner's tasks, from the
 *        first push until the last was taken, median of the trials that had
 *        all taken; NaN when there is none
 * @all:  trials of a busy owner in which all were taken
 * @done: it came to its end
 */
struct hb_lf_round {
	double ns;
	uint64_t all;
	bool done;
};

/* n items or trials in the calling process; the fields of *round. */
void hb_lf_measure(const struct hb_lf_peer *peer, enum hb_lf_shape shape,
		   const struct hb_lf_terms *terms, uint64_t n,
		   struct hb_lf_round *round);

/*
 * The same in a process of its own, which is killed at the limit. NULL, or what
 * went wrong; free() it.
 */
char *hb_lf_try(const struct hb_lf_peer *peer, enum hb_lf_shape shape,
		const struct hb_lf_terms *terms, uint64_t n,
		struct hb_lf_round *round);

/**
 * struct hb_lf_cell - one peer in one shape
 * @items: of a round
 * @ns:    of each round, NaN where there is none
 * @all, @trials: of a busy owner
 * @late:  rounds that were killed
 * @note:  why there are no (more) rounds, or NULL
 */
struct hb_lf_cell {
	const struct hb_lf_peer *peer;
	enum hb_lf_shape shape;
	uint64_t items;
	double *ns;
	uint64_t all;
	uint64_t trials;
	uint32_t late;
	char *note;
};

/* A whole run. */
struct hb_lf_run {
	uint64_t rounds;
	uint64_t round_ms;
	uint64_t limit_ms;
	uint64_t trials;
	uint64_t seed;
	struct hb_lf_terms terms;
	struct hb_lf_cell *cells;
	size_t n_cells;
	struct ht_machine *machine;
};

const char *hb_lf_shape_name(enum hb_lf_shape shape);

struct ht_table *hb_lf_table(const struct hb_lf_run *run);

/* Says each target that was missed, and those that were not measured. */
int hb_lf_check(const struct hb_lf_run *run);

/* Every file of the results into a folder; exit status. */
int hb_lf_store(const struct hb_lf_run *run, const char *folder);

/* `heddle bench lockfree`, which runs the program that has all this in it. */
int hb_lockfree_main(int argc, char **argv);

#endif /* HEDDLE_BENCH_LOCKFREE_H */
