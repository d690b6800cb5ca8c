/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stall table: one thread, the victim, is stopped before each machine
 * instruction of an operation, and others must get on meanwhile. This file is
 * what the files of operations, the child that runs one and the parent that
 * traces the child have in common.
 */
#ifndef HEDDLE_BENCH_STALL_H
#define HEDDLE_BENCH_STALL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hs_claim {
	HS_WAIT_FREE,
	HS_LOCK_FREE,
	HS_BLOCKING, /* says so itself, and names its blocker */
	HS_OPPONENT, /* not ours: shown, never judged */
	HS_CONTROL,  /* must be found blocking, or this program is broken */
};

#define HS_PEERS 2
/* Operations that each peer must finish while the victim is stopped. */
#define HS_GOAL 500

/**
 * struct hs_operation - a line of the table
 * @name:    as on the command line; a list of them ends with NULL
 * @where:   the header or the call
 * @claim:   what is claimed there
 * @blocker: of a blocking one: who or what it waits for
 * @setup:   once, in the child, by its first thread
 * @prepare: before each repetition, by the victim's thread, nobody else runs
 * @victim:  the operation; entered by nobody but the victim
 * @drive:   in place of prepare and victim, for a victim that is a worker: has
 *           a task call hs_victim() and waits until that is over
 * @settle:  after each repetition, as prepare
 * @peer:    one attempt; true when one operation was finished by it
 * @script:  in place of peer: one peer's work, see hs_wait()
 * @peers:   threads; 0: HS_PEERS
 * @goal:    0: HS_GOAL
 * @hidden:  runs only when it is named
 * @sleeps:  it ends when the victim sleeps in the kernel
 * @repeats: an instruction that comes by more often than that is not tried again, for
 *           an operation that polls; 0: it is tried always
 *
 * An operation without victim and drive is listed and not run.
 */
struct hs_operation {
	const char *name;
	const char *where;
	enum hs_claim claim;
	const char *blocker;
	void (*setup)(void);
	void (*prepare)(void);
	void (*victim)(void);
	void (*drive)(void);
	void (*settle)(void);
	bool (*peer)(unsigned int who);
	void (*script)(void);
	unsigned int peers;
	unsigned int goal;
	bool hidden;
	bool sleeps;
	unsigned int repeats;
};

/* Memory of the parent and the child. The words that are waited for are futexes. */
struct hs_shared {
	_Atomic uint32_t go;     /* the round that the victim may begin */
	_Atomic uint32_t asked;  /* the round whose victim waits to be traced */
	_Atomic uint32_t traced; /* the round whose victim is traced */
	_Atomic uint32_t thawed; /* the round whose peers may run */
	_Atomic uint32_t decided;  /* peers of this round that have an answer */
	_Atomic uint32_t finished; /* and have cleared up */
	_Atomic uint32_t returned; /* the round that the victim has ended */
	_Atomic uint32_t ready;    /* threads of the child that wait */
	_Atomic uint32_t progress;
	_Atomic uint32_t event; /* moves with progress, and when stuck does */
	_Atomic uint32_t stuck; /* how often the parent found that all stand */
	_Atomic int32_t victim; /* its thread id */
	/* What a script has found in this round. */
	_Atomic uint32_t blocked, stranded, withheld;
};

extern struct hs_shared *hs_shared;

/* What was found of one operation. */
struct hs_result {
	uint32_t boundaries;
	uint32_t tried;  /* fewer in a quick run */
	uint32_t missed; /* that the victim did not come by again */
	uint32_t blocked, withheld, withheld_most, stranded;
	uint32_t withheld_sure; /* the most that showed at SURE repetitions */
	/* Of those that block or surely withhold more than one permit. */
	uint32_t bad, last;
	uint64_t first;   /* the address of the first one */
	char ranges[256]; /* ends with ",..." when there are too many */
	uint32_t at;      /* while it runs: how far it is */
	uint32_t ended;   /* hs_run() has returned */
	int status;       /* what it returned */
	bool is_lost;     /* the child ended, or never got on again */
};

/* ---- of the child, for operations ---- */

/* Waits to be traced, runs the operation, marks its end. By the victim. */
void hs_victim(void);

/* Its two halves, for an operation that ends in another function. */
void hs_gate(void);
void hs_end(void);

/* Something was finished. */
void hs_progress(void);

/* For scripts: true when the word is at least that; false when all stand still. */
bool hs_wait(_Atomic uint32_t *word, uint32_t wanted);

/* The same without a way out. */
void hs_wait_long(_Atomic uint32_t *word, uint32_t wanted);

/* Sets or adds to a word and wakes who waits for it, in either process. */
void hs_post(_Atomic uint32_t *word, uint32_t value);
void hs_add(_Atomic uint32_t *word, uint32_t value);
void hs_await(_Atomic uint32_t *word, uint32_t wanted);
bool hs_await_for(_Atomic uint32_t *word, uint32_t wanted, uint64_t ns);

/* What an operation has found goes here: a compiler would leave it out. */
extern uint64_t hs_kept;
extern void *hs_kept_pointer;

/* Ends the child with a line. */
void hs_give_up(const char *what) __attribute__((noreturn));

void hs_child_main(const struct hs_operation *operation)
	__attribute__((noreturn));

/* ---- of the parent ---- */

/*
 * Tries each so manieth boundary. 0; 77 with a line when there can be no child. The
 * result is zeroed before, and may be memory that others look at meanwhile.
 */
int hs_run(const struct hs_operation *operation, unsigned int every,
	   struct hs_result *result);

/* Does this machine let us trace? The reason why not, or NULL. */
const char *hs_trace_denied(void);

/* "function+0x1c (file.c:12)"; free() it. */
char *hs_symbol(uint64_t address);

/* ---- lists of operations ---- */

extern const struct hs_operation hs_words[];
extern const struct hs_operation hs_queues[];
extern const struct hs_operation hs_deques[];
extern const struct hs_operation hs_pool[];
extern const struct hs_operation hs_controls[];
extern const struct hs_operation hs_opponents_ck[];
extern const struct hs_operation hs_opponents_urcu[];

#endif /* HEDDLE_BENCH_STALL_H */
