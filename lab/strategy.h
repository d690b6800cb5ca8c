/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choices: an execution is the list of them. A strategy says what is taken
 * where nothing is prescribed yet; the list can be written as a string and be
 * replayed.
 *
 * LAB_DFS takes all choices within two bounds: of preemptions (Musuvathi and
 * Qadeer, PLDI 2007: small bounds find most bugs) and of loads that give an old
 * value. It leaves out executions that equal another one, by a rule that keeps
 * the bound sound:
 *
 *   A thread A that could go on with operation a is preempted, and others run.
 *   A must not be chosen again before one of them has done an operation that
 *   depends on a.
 *
 * Why nothing is lost: let b1 ... bk be what runs between the preemption of A
 * and its return, none dependent on a. Then a b1 ... bk and b1 ... bk a lead to
 * the same state. The schedule that does a first and preempts A behind it has
 * no more preemptions than the one that is left out (one where A is left, as
 * before; none if A blocks or ends behind a; where bk is left nothing changes),
 * takes the same values from the same stores, and is explored, because staying
 * with A costs nothing. It may itself be left out for a preemption of another
 * thread; then the same argument leads to yet another one, in which some
 * operation stands earlier, and that ends. Sleep sets (Godefroid, 1996) leave
 * out more, and with a bound too much (Coons, Musuvathi, McKinley, OOPSLA
 * 2013): they would also leave out schedules whose equal is over the bound.
 *
 * Two operations depend if both are on the same bytes and one writes, or both
 * have a place in the order of sequentially consistent operations, or one of
 * them is anything but an access. The plain accesses behind an operation belong
 * to it: if those of two threads conflict, that is a race and is reported in
 * either order. Ghost state is declared by lab_touch(), and freeing memory is an
 * operation that writes all of it.
 */
#ifndef HEDDLE_LAB_STRATEGY_H
#define HEDDLE_LAB_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lab_strategy {
	LAB_DFS,    /* all choices within the bounds */
	LAB_PCT,    /* random priorities with depth - 1 changes */
	LAB_RANDOM, /* each choice by itself */
	LAB_REPLAY, /* from a string */
};

struct lab_options;

/* False: the replay of the options is no such string. */
bool lab_strategy_begin(const struct lab_options *options);

/* Before each execution. */
void lab_strategy_restart(uint64_t execution);

/* After each one: false when all of LAB_DFS were taken. */
bool lab_strategy_next(void);

/* One of n, all of which are allowed. */
unsigned int lab_choose(unsigned int n);

/* Which of n values a load gives; 0 is the newest. */
unsigned int lab_choose_value(unsigned int n);

/* May the current fiber go on? */
enum lab_switch {
	LAB_MAY_STAY,   /* yes: option[0]; any other is a preemption */
	LAB_MUST_LEAVE, /* no: it sleeps or has ended */
	LAB_YIELDS,     /* others first: it is the last option, and counts */
};

/*
 * Which of n fibers runs next. Those in the mask `asleep` (bits of options)
 * would repeat another execution. It does not return when all are.
 */
unsigned int lab_choose_fiber(const unsigned int *option, unsigned int n,
			      enum lab_switch how, uint32_t asleep);

/*
 * While LAB_DFS repeats the beginning of the execution before, what followed from
 * a choice of fibers is known: who ran, and who was left asleep. False where it
 * must be chosen; what was chosen there is noted for the next time.
 */
bool lab_strategy_repeats(unsigned int *to, uint32_t *asleep);
void lab_strategy_note(unsigned int to, uint32_t asleep);

/* The choices of this execution; the caller frees. */
char *lab_strategy_string(void);

/* A replay that did not use all of its string. */
bool lab_strategy_left(void);

/* For shrinking: a string of the given choices, and back. */
char *lab_string_of(const uint16_t *taken, size_t n);
uint16_t *lab_string_parse(const char *string, size_t *n);

#endif /* HEDDLE_LAB_STRATEGY_H */
