/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every workload counts with, the same for all libraries: a clock,
 * calibrated work, the counter that ends a round, a word to sleep on, and what
 * the process has at an instant. bench/done.h is the same counter in C.
 */
#ifndef HEDDLE_BENCH_OPPONENTS_CXX_MEASURE_HH
#define HEDDLE_BENCH_OPPONENTS_CXX_MEASURE_HH

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace opponent
{

constexpr std::uint64_t US = 1000, MS = 1000 * US, S = 1000 * MS;

/* now() - ns of a clock that never goes back */
std::uint64_t now();
/* cpu_time() - ns that this process has been on a CPU */
std::uint64_t cpu_time();
void sleep_ns(std::uint64_t ns);

/* work_steps() - how many steps of work() take @us; calibrated at first use */
std::uint64_t work_steps(std::uint64_t us);
/* work() - CPU work, a chain of multiplications that depend on each other */
void work(std::uint64_t steps);

/* A task adds 1 on a line that its worker has for itself. */
class done
{
      public:
	static void bump();
	static std::uint64_t sum();
	/* wait() - sum up every 50 us */
	static void wait(std::uint64_t until);
	/* share() - for who has a new thread for each task: lines are shared */
	static void share();
};

/* A futex: raised once, waited for by one thread. */
class signal_word
{
      public:
	void raise();
	void wait();
	void spin() const;
	void lower();

      private:
	enum {
		DOWN,
		UP,
		SLEEPS
	};
	std::atomic<std::uint32_t> word{ DOWN };
};

/* Many wait until it opens; how many came in is known. */
class gate
{
      public:
	void enter();
	/* await_inside() - give up after 10 s, which misses the round */
	void await_inside(std::size_t n) const;
	void open();

      private:
	std::atomic<std::uint32_t> is_open{ 0 };
	std::atomic<std::size_t> inside{ 0 };
};

/* threads() - entries of /proc/self/task */
std::size_t threads();
/* await_threads() - until there are @n at most, or @limit_ns are over */
bool await_threads(std::size_t n, std::uint64_t limit_ns);
/* resident_kib() - of /proc/self/smaps_rollup */
double resident_kib();
/* quantile() - the value at @part of the sorted values, nearest rank */
double quantile(std::vector<std::uint64_t> &values, double part);

} // namespace opponent

#endif /* HEDDLE_BENCH_OPPONENTS_CXX_MEASURE_HH */
