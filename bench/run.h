/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that take turns. Each peer lives in a child of its own, which
 * sleeps until a line "go" on its standard input asks for a round and answers with
 * a line on its standard output. While one works, the machine is watched: how
 * much CPU time did anything else take?
 */
#ifndef HEDDLE_BENCH_RUN_H
#define HEDDLE_BENCH_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	HB_LINE_MAX = 512
};

/**
 * struct hb_child - one process
 * @pid:    0 when there is none any more
 * @clock:  its CPU time
 * @reason: why it failed, NULL while it has not
 * @aside:  NULL, or told each line "s ..." that comes before an answer
 */
struct hb_child {
	pid_t pid;
	int to;
	int from;
	clockid_t clock;
	char buffer[HB_LINE_MAX];
	size_t used;
	char *reason;
	void (*aside)(const char *line, void *arg);
	void *aside_arg;
};

/**
 * struct hb_look - the machine during one round
 * @seconds:    how long it took, its start and end included
 * @cpu:        CPUs that the measured process used, on average
 * @foreign:    CPUs that all else used, from the kernel's idle times;
 *              children that wait for their turn are in it
 * @parked:     CPUs that these children used
 * @resolution: what @foreign may be wrong by: one tick on each CPU
 * @is_tainted: more than HB_FOREIGN_MAX was foreign beyond the resolution
 */
struct hb_look {
	double seconds;
	double cpu;
	double foreign;
	double parked;
	double resolution;
	bool is_tainted;
};

#define HB_FOREIGN_MAX 0.15

/* hb_child_start() - false and a reason when it cannot be */
bool hb_child_start(struct hb_child *child, char *const argv[]);

/*
 * hb_child_answer() - the next line that it prints
 * @word:     which it must start with
 * @limit_ns: then it is killed
 *
 * Return: the line, valid until the next call; NULL and a reason when the
 * child ended, printed something else, or was killed.
 */
const char *hb_child_answer(struct hb_child *child, const char *word,
			    uint64_t limit_ns);

/**
 * hb_child_round() - let it run one round, and watch the machine
 * @children: all that live, this one among them
 * @n:        how many
 * @which:    whose turn it is
 *
 * Return: as hb_child_answer() for "round".
 */
const char *hb_child_round(struct hb_child *children, size_t n, size_t which,
			   uint64_t limit_ns, struct hb_look *look);

/*
 * hb_child_stop() - close its input; it ends its pool and says "end"
 *
 * Return: false and a reason when it did not.
 */
bool hb_child_stop(struct hb_child *child, uint64_t limit_ns);

/* hb_child_free() - kill what still runs and forget all */
void hb_child_free(struct hb_child *child);

/* hb_line_real() - the value of " key=", NaN when the line has none */
double hb_line_real(const char *line, const char *key);

#endif /* HEDDLE_BENCH_RUN_H */
