/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many tasks at once: W1 from outside, W2 from tasks, W5 the burst from idle,
 * W10 what the pool costs afterwards (doc/workloads.md). Each for any pool:
 *
 *	Pool(workers)            threads may start now or at the first task
 *	submit(f)                from any thread that is not the pool's
 *	submit_inside(f)         from a task; only W2 asks
 *	stop()                   as the library does it, after all tasks
 */
#ifndef HEDDLE_BENCH_OPPONENTS_CXX_FLOOD_HH
#define HEDDLE_BENCH_OPPONENTS_CXX_FLOOD_HH

#include <algorithm>
#include <pthread.h>
#include <thread>
#include <vector>

#include "bench/opponents/cxx/measure.hh"
#include "bench/opponents/cxx/protocol.hh"

namespace opponent
{

/* measure() - a workload of type W for its caller, with a pool of its own */
template <class W> int measure(const peer &self, const options &asked)
{
	W measured(asked);

	return drive(self.version, measured);
}

template <class Pool> class pool_workload : public workload
{
      public:
	explicit pool_workload(const options &asked)
	    : pool(static_cast<unsigned>(asked.number("workers", 2)))
	{
	}
	void stop() override
	{
		pool.stop();
	}

      protected:
	Pool pool;
};

/* W1 */
template <class Pool> class from_outside : public pool_workload<Pool>
{
      public:
	explicit from_outside(const options &asked)
	    : pool_workload<Pool>(asked), tasks(asked.number("tasks", 500000)),
	      submitters(asked.number("submitters", 1))
	{
		run(std::max<std::uint64_t>(tasks / 10, 1));
	}

	void round(line &out) override
	{
		const times took = run(tasks);

		out.add("ns", took.all / static_cast<double>(tasks));
		out.add("submit_ns", took.submit / static_cast<double>(tasks));
	}

      private:
	struct times {
		double all, submit;
	};

	void submit(std::uint64_t n)
	{
		while (n--)
			this->pool.submit([] { done::bump(); });
	}

	times run(std::uint64_t n)
	{
		const std::uint64_t until = done::sum() + n;
		std::uint64_t start, returned;

		if (submitters == 1) {
			start = now();
			submit(n);
			returned = now();
		} else {
			submit_together(n, start, returned);
		}
		done::wait(until);
		return { static_cast<double>(now() - start),
			 static_cast<double>(returned - start) };
	}

	/* Each stamps for itself: this thread may be late at the barrier. */
	void submit_together(std::uint64_t n, std::uint64_t &start,
			     std::uint64_t &returned)
	{
		std::vector<std::uint64_t> starts(submitters), ends(submitters);
		std::vector<std::thread> crew;
		pthread_barrier_t line_up;

		pthread_barrier_init(&line_up, nullptr,
				     static_cast<unsigned>(submitters));
		for (std::uint64_t i = 0; i < submitters; i++)
			crew.emplace_back([&, i] {
				const std::uint64_t share =
					n / submitters + (i < n % submitters);

				pthread_barrier_wait(&line_up);
				starts[i] = now();
				submit(share);
				ends[i] = now();
			});
		for (std::thread &one : crew)
			one.join();
		pthread_barrier_destroy(&line_up);
		start = *std::min_element(starts.begin(), starts.end());
		returned = *std::max_element(ends.begin(), ends.end());
	}

	const std::uint64_t tasks, submitters;
};

/* W2, and W11 with more workers than CPUs */
template <class Pool> class from_inside : public pool_workload<Pool>
{
      public:
	explicit from_inside(const options &asked)
	    : pool_workload<Pool>(asked), depth(asked.number("depth", 18))
	{
		if (depth > 30)
			bad_usage("--depth: 30 at most");
		run();
	}

	void round(line &out) override
	{
		const double took = run();

		out.add("ns", took / static_cast<double>(tasks()));
	}

      private:
	std::uint64_t tasks() const
	{
		return (std::uint64_t(2) << depth) - 1;
	}

	static void node(Pool &pool, std::uint64_t depth)
	{
		if (depth) {
			pool.submit_inside(
				[&pool, depth] { node(pool, depth - 1); });
			pool.submit_inside(
				[&pool, depth] { node(pool, depth - 1); });
		}
		done::bump();
	}

	double run()
	{
		const std::uint64_t until = done::sum() + tasks();
		const std::uint64_t start = now();
		Pool &all = this->pool;
		const std::uint64_t root = depth;

		all.submit([&all, root] { node(all, root); });
		done::wait(until);
		return static_cast<double>(now() - start);
	}

	const std::uint64_t depth;
};

/* W5: the last task takes the time, so no waiter's sleep is in it. */
template <class Pool> class burst : public pool_workload<Pool>
{
      public:
	explicit burst(const options &asked)
	    : pool_workload<Pool>(asked), tasks(asked.number("tasks", 1000)),
	      steps(work_steps(asked.number("work-us", 10)))
	{
		run();
	}

	void round(line &out) override
	{
		out.add("makespan", run());
	}

      protected:
	double run()
	{
		std::atomic<std::uint64_t> left{ tasks }, end{ 0 };
		const std::uint64_t length = steps;

		sleep_ns(5 * MS);
		const std::uint64_t start = now();
		for (std::uint64_t i = 0; i < tasks; i++)
			this->pool.submit([&left, &end, length] {
				work(length);
				if (left.fetch_sub(
					    1, std::memory_order_acq_rel) == 1)
					end.store(now(),
						  std::memory_order_release);
			});
		while (!end.load(std::memory_order_acquire))
			sleep_ns(100 * US);
		return static_cast<double>(end.load(std::memory_order_relaxed) -
					   start);
	}

      private:
	const std::uint64_t tasks, steps;
};

/* W10 */
template <class Pool> class idle : public burst<Pool>
{
      public:
	explicit idle(const options &asked)
	    : burst<Pool>(asked), seconds(asked.number("idle-seconds", 8))
	{
	}

	void round(line &out) override
	{
		this->run();
		out.add("first_ms", cpu_ms(1));
		out.add("idle_ms",
			cpu_ms(seconds) / static_cast<double>(seconds));
	}

      private:
	static double cpu_ms(std::uint64_t length)
	{
		const std::uint64_t before = cpu_time();

		sleep_ns(length * S);
		return static_cast<double>(cpu_time() - before) / MS;
	}

	const std::uint64_t seconds;
};

} // namespace opponent

#endif /* HEDDLE_BENCH_OPPONENTS_CXX_FLOOD_HH */
