/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How `heddle bench` speaks to a program with opponents in it, and what such a
 * program says back; bench/README.md has the words. No measuring here.
 */
#ifndef HEDDLE_BENCH_OPPONENTS_CXX_PROTOCOL_HH
#define HEDDLE_BENCH_OPPONENTS_CXX_PROTOCOL_HH

#include <cstdint>
#include <map>
#include <string>

namespace opponent
{

enum exit_status {
	DONE = 0,
	MISSED = 1,
	BAD_USAGE = 2,
	ABSENT = 77
};

/* bad_usage() - one line that names the argument, and the end */
[[noreturn]] void bad_usage(const std::string &what);

/* missed() - a round that went wrong: one line, and the end */
[[noreturn]] void missed(const std::string &what);

/* Options `--key value`; those that nobody asks for are ignored. */
class options
{
      public:
	options(int argc, char **argv, int first);
	std::string text(const std::string &key,
			 const std::string &standard) const;
	/* number() - a value from 1 on */
	std::uint64_t number(const std::string &key,
			     std::uint64_t standard) const;

      private:
	std::map<std::string, std::string> values;
};

/* One line `round key=value ...`. Times are in ns where the key says no unit. */
class line
{
      public:
	void add(const char *key, double value);
	void add(const char *key, std::uint64_t value);
	void print() const;

      private:
	std::string text = "round";
};

/* What is measured: made with its pool, asked once for each "go". */
class workload
{
      public:
	virtual ~workload() = default;
	virtual void round(line &out) = 0;
	/* The pool's own way to stop, after the last round. */
	virtual void stop()
	{
	}
};

/* drive() - ready, a round for each "go", end; returns the exit status */
int drive(const char *version, workload &measured);

/* absent() - the answer of who cannot; returns the exit status */
int absent(const std::string &reason);

/**
 * struct peer - a library, as it is named on the command line
 * @name:      --peer's value
 * @interface: which of its calls are measured
 * @workloads: those it has, with commas between
 * @version:   without blanks; NULL when the library is not in this build
 * @run:       answers the caller until it is done; returns the exit status
 * @missing:   the reason when @version is NULL
 */
struct peer {
	const char *name;
	const char *interface;
	const char *workloads;
	const char *version;
	int (*run)(const peer &self, const options &asked);
	const char *missing;
};

/* What a pool has that can do all but fork and join. */
#define POOL_WORKLOADS "W1,W2,W4,W4j,W5,W6,W7,W8,W9,W10,W11"

extern const peer asio_peer, tbb_peer, openmp_peer, thread_peer, async_peer;

/* What each program says of itself: its name, and its peers, ended by NULL. */
extern const char *const program;
extern const peer *const peers[];

} // namespace opponent

#endif /* HEDDLE_BENCH_OPPONENTS_CXX_PROTOCOL_HH */
