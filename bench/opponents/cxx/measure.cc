/* SPDX-License-Identifier: BSD-2-Clause */
/* The instruments; see measure.hh. */
#include "bench/opponents/cxx/measure.hh"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <dirent.h>
#include <fstream>
#include <linux/futex.h>
#include <sched.h>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/opponents/cxx/protocol.hh"

namespace opponent
{

static std::uint64_t read_clock(clockid_t id)
{
	timespec time;

	clock_gettime(id, &time);
	return static_cast<std::uint64_t>(time.tv_sec) * S +
	       static_cast<std::uint64_t>(time.tv_nsec);
}

std::uint64_t now()
{
	return read_clock(CLOCK_MONOTONIC);
}

std::uint64_t cpu_time()
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void sleep_ns(std::uint64_t ns)
{
	timespec time;

	time.tv_sec = static_cast<time_t>(ns / S);
	time.tv_nsec = static_cast<long>(ns % S);
	while (nanosleep(&time, &time))
		;
}

void work(std::uint64_t steps)
{
	std::uint64_t value = steps | 1;

	while (steps--) {
		value *= 0x9e3779b97f4a7c15;
		/* The compiler can neither fold nor drop the chain. */
		asm volatile("" : "+r"(value));
	}
}

/* The median, because a pass that lost its CPU is too long, never too short. */
static double calibrate()
{
	constexpr std::uint64_t steps = 100000;
	std::vector<std::uint64_t> times;

	for (int pass = 0; pass < 31; pass++) {
		const std::uint64_t start = now();

		work(steps);
		times.push_back(now() - start);
	}
	return static_cast<double>(steps) * US / quantile(times, 0.5);
}

std::uint64_t work_steps(std::uint64_t us)
{
	static const double per_us = calibrate();

	return static_cast<std::uint64_t>(per_us * static_cast<double>(us));
}

/* Two cache lines: the neighbour of a line is fetched with it. */
struct alignas(128) done_line {
	std::atomic<std::uint64_t> count{ 0 };
};

constexpr std::size_t LINES = 1024;
static done_line lines[LINES];
static std::atomic<std::size_t> lines_taken{ 0 };
static bool lines_are_shared;
static thread_local done_line *mine;

void done::share()
{
	lines_are_shared = true;
}

void done::bump()
{
	if (!mine) {
		const std::size_t number =
			lines_taken.fetch_add(1, std::memory_order_relaxed);

		if (number >= LINES && !lines_are_shared)
			missed("more threads ran tasks than there are lines");
		mine = &lines[number % LINES];
	}
	if (lines_are_shared)
		mine->count.fetch_add(1, std::memory_order_release);
	else
		mine->count.store(mine->count.load(std::memory_order_relaxed) +
					  1,
				  std::memory_order_release);
}

std::uint64_t done::sum()
{
	const std::size_t n =
		std::min(lines_taken.load(std::memory_order_relaxed), LINES);
	std::uint64_t total = 0;

	for (std::size_t i = 0; i < n; i++)
		total += lines[i].count.load(std::memory_order_acquire);
	return total;
}

void done::wait(std::uint64_t until)
{
	while (sum() < until)
		sleep_ns(50 * US);
}

static void futex(std::atomic<std::uint32_t> &word, int operation,
		  std::uint32_t value)
{
	static_assert(sizeof(word) == sizeof(std::uint32_t),
		      "a futex is 32 bits");
	syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value,
		nullptr, nullptr, 0);
}

/*
 * Who waits may free the word once it is up, so the wake-up may reach an
 * address that is somebody else's by then: one that sleeps there looks again.
 */
void signal_word::raise()
{
	if (word.exchange(UP, std::memory_order_acq_rel) == SLEEPS)
		futex(word, FUTEX_WAKE, 1);
}

void signal_word::wait()
{
	std::uint32_t seen = DOWN;

	word.compare_exchange_strong(seen, SLEEPS, std::memory_order_acq_rel);
	while (word.load(std::memory_order_acquire) != UP)
		futex(word, FUTEX_WAIT, SLEEPS);
}

void signal_word::spin() const
{
	while (word.load(std::memory_order_acquire) != UP)
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause()
#endif
			;
}

void signal_word::lower()
{
	word.store(DOWN, std::memory_order_relaxed);
}

void gate::enter()
{
	inside.fetch_add(1, std::memory_order_acq_rel);
	while (!is_open.load(std::memory_order_acquire))
		futex(is_open, FUTEX_WAIT, 0);
}

void gate::await_inside(std::size_t n) const
{
	const std::uint64_t limit = now() + 10 * S;

	while (inside.load(std::memory_order_acquire) < n) {
		if (now() > limit)
			missed("a pool did not run as many tasks at once as it has workers");
		sleep_ns(20 * US);
	}
}

void gate::open()
{
	is_open.store(1, std::memory_order_release);
	futex(is_open, FUTEX_WAKE, INT32_MAX);
}

std::size_t threads()
{
	DIR *folder = opendir("/proc/self/task");
	std::size_t n = 0;

	if (!folder)
		missed("/proc/self/task cannot be read");
	while (const dirent *entry = readdir(folder))
		n += entry->d_name[0] != '.';
	closedir(folder);
	return n;
}

bool await_threads(std::size_t n, std::uint64_t limit_ns)
{
	const std::uint64_t limit = now() + limit_ns;

	while (threads() > n) {
		if (now() > limit)
			return false;
		sched_yield();
	}
	return true;
}

double resident_kib()
{
	std::ifstream in("/proc/self/smaps_rollup");
	std::string word;
	double kib;

	while (in >> word)
		if (word == "Rss:" && in >> kib)
			return kib;
	missed("/proc/self/smaps_rollup has no Rss");
}

double quantile(std::vector<std::uint64_t> &values, double part)
{
	if (values.empty())
		return std::nan("");
	const auto rank = static_cast<std::size_t>(
		std::ceil(part * static_cast<double>(values.size())));
	const std::size_t index = rank ? rank - 1 : 0;

	std::nth_element(values.begin(),
			 values.begin() + static_cast<std::ptrdiff_t>(index),
			 values.end());
	return static_cast<double>(values[index]);
}

} // namespace opponent
