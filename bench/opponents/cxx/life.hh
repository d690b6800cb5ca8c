/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pools that come and go: W6 start and stop, W8 memory, W9 the cap
 * (doc/workloads.md). Each round makes its pools itself. No library here can
 * change how many workers a pool has, so W9's changes are "nan".
 */
#ifndef HEDDLE_BENCH_OPPONENTS_CXX_LIFE_HH
#define HEDDLE_BENCH_OPPONENTS_CXX_LIFE_HH

#include <cmath>
#include <memory>
#include <pthread.h>

#include "bench/opponents/cxx/flood.hh"

namespace opponent
{

/* prove() - return once all workers of the pool are inside a task at once */
template <class Pool> void prove(Pool &pool, unsigned workers)
{
	pthread_barrier_t meeting;

	pthread_barrier_init(&meeting, nullptr, workers + 1);
	for (unsigned i = 0; i < workers; i++)
		pool.submit([&meeting] { pthread_barrier_wait(&meeting); });
	pthread_barrier_wait(&meeting);
	/* Returns only when the others have left it. */
	pthread_barrier_destroy(&meeting);
}

/* W6 */
template <class Pool> class start_and_stop : public workload
{
      public:
	explicit start_and_stop(const options &asked)
	    : workers(static_cast<unsigned>(asked.number("workers", 2)))
	{
	}

	void round(line &out) override
	{
		const std::size_t before = threads();
		const std::uint64_t start = now();
		auto pool = std::make_unique<Pool>(workers);

		prove(*pool, workers);
		const std::uint64_t proven = now();
		sleep_ns(3 * MS);
		const std::uint64_t stop = now();
		pool->stop();
		pool.reset();
		const std::uint64_t stopped = now();
		const bool are_gone = await_threads(before, 2 * S);
		const std::uint64_t gone = now();
		const std::size_t after = threads();

		out.add("start", static_cast<double>(proven - start));
		out.add("stop", static_cast<double>(stopped - stop));
		out.add("gone", are_gone ? static_cast<double>(gone - stop)
					 : std::nan(""));
		out.add("left", static_cast<std::uint64_t>(
					after > before ? after - before : 0));
	}

      private:
	const unsigned workers;
};

/* W8 */
template <class Pool> class memory : public workload
{
      public:
	/*
	 * The first pool of a process pays for what is there for all; so
	 * does a reading.
	 */
	explicit memory(const options &asked)
	    : workers(static_cast<unsigned>(asked.number("workers", 2))),
	      queued(asked.number("queued", 1000000))
	{
		auto pool = std::make_unique<Pool>(2);

		prove(*pool, 2);
		pool->stop();
		pool.reset();
		resident_kib();
	}

	void round(line &out) override
	{
		idle_workers(out);
		queued_tasks(out);
	}

      private:
	void idle_workers(line &out)
	{
		const double before = resident_kib();
		auto pool = std::make_unique<Pool>(workers);

		prove(*pool, workers);
		sleep_ns(3 * MS);
		out.add("idle_kib", (resident_kib() - before) / workers);
		pool->stop();
	}

	void queued_tasks(line &out)
	{
		const double before = resident_kib();
		auto pool = std::make_unique<Pool>(2);
		auto both = std::make_unique<gate>();
		const std::uint64_t until = done::sum() + queued + 2;

		for (int i = 0; i < 2; i++)
			pool->submit([wall = both.get()] {
				wall->enter();
				done::bump();
			});
		both->await_inside(2);
		const double blocked = resident_kib();
		for (std::uint64_t i = 0; i < queued; i++)
			pool->submit([] { done::bump(); });
		const double full = resident_kib();
		both->open();
		done::wait(until);
		sleep_ns(100 * MS);
		const double drained = resident_kib();
		pool->stop();
		pool.reset();
		out.add("task_bytes",
			(full - blocked) * 1024 / static_cast<double>(queued));
		out.add("drain_mib", (drained - blocked) / 1024);
		out.add("stop_mib", (resident_kib() - before) / 1024);
	}

	const unsigned workers;
	const std::uint64_t queued;
};

/* W9 */
template <class Pool> class cap : public workload
{
      public:
	explicit cap(const options &asked)
	    : workers(static_cast<unsigned>(asked.number("workers", 3))),
	      tasks(asked.number("tasks", 64)), steps(work_steps(100))
	{
	}

	void round(line &out) override
	{
		std::atomic<std::uint64_t> inside{ 0 }, most{ 0 }, spent{ 0 };
		Pool pool(workers);

		prove(pool, workers);
		const std::uint64_t until = done::sum() + tasks;
		const std::uint64_t length = steps, start = now();
		for (std::uint64_t i = 0; i < tasks; i++)
			pool.submit([&inside, &most, &spent, length] {
				const std::uint64_t entry = now();
				const std::uint64_t here =
					inside.fetch_add(1) + 1;
				std::uint64_t seen = most.load();

				while (here > seen &&
				       !most.compare_exchange_weak(seen, here))
					;
				sleep_ns(1 * MS);
				work(length);
				inside.fetch_sub(1);
				spent.fetch_add(now() - entry);
				done::bump();
			});
		done::wait(until);
		const double makespan = static_cast<double>(now() - start);
		pool.stop();
		out.add("max", most.load());
		out.add("util", static_cast<double>(spent.load()) /
					(workers * makespan));
		out.add("makespan", makespan);
		out.add("grow_us", std::nan(""));
		out.add("shrink_us", std::nan(""));
	}

      private:
	const unsigned workers;
	const std::uint64_t tasks, steps;
};

} // namespace opponent

#endif /* HEDDLE_BENCH_OPPONENTS_CXX_LIFE_HH */
