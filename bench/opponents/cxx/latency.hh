/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One task and its end: W4 from a pool that sleeps, W4j the same by the
 * library's own wait, W7 guests that come and go (doc/workloads.md). Of a pool
 * W4 asks for submit(); the others for
 *
 *	handle spawn(f)          from outside; handle.join() waits for its end
 *	call(f)                  run f and wait for it, as fast as the library
 *	                         can when its caller may help; only W4j
 */
#ifndef HEDDLE_BENCH_OPPONENTS_CXX_LATENCY_HH
#define HEDDLE_BENCH_OPPONENTS_CXX_LATENCY_HH

#include <cstdio>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bench/opponents/cxx/flood.hh"

namespace opponent
{

/* For libraries without a handle: a function, and a word that says it ended. */
template <class F> class own_handle
{
      public:
	template <class Pool>
	own_handle(Pool &pool, F f) : state(new guest{ f, {} })
	{
		guest *one = state.get();

		pool.submit([one] {
			one->f();
			one->ended.raise();
		});
	}
	void join()
	{
		state->ended.wait();
		state.reset();
	}

      private:
	struct guest {
		F f;
		signal_word ended;
	};
	std::unique_ptr<guest> state;
};

/* Samples go before the line of their round. */
class samples
{
      public:
	explicit samples(std::uint64_t n)
	{
		all.reserve(n);
	}
	void add(std::uint64_t start, std::uint64_t round_trip)
	{
		all.emplace_back(start, round_trip);
	}
	void print(line &out) const
	{
		for (const auto &one : all)
			std::printf(
				"s %llu %llu\n",
				static_cast<unsigned long long>(one.first),
				static_cast<unsigned long long>(one.second));
		out.add("n", static_cast<std::uint64_t>(all.size()));
	}

      private:
	std::vector<std::pair<std::uint64_t, std::uint64_t>> all;
};

/* W4 */
template <class Pool> class wake : public pool_workload<Pool>
{
      public:
	explicit wake(const options &asked)
	    : pool_workload<Pool>(asked), n(asked.number("samples", 1000))
	{
		const std::string mode = asked.text("mode", "block");

		if (mode != "block" && mode != "spin")
			bad_usage("--mode: '" + mode +
				  "' is not block or spin");
		spins = mode == "spin";
		for (int i = 0; i < 10; i++)
			sample(nullptr);
	}

	void round(line &out) override
	{
		samples taken(n);

		for (std::uint64_t i = 0; i < n; i++)
			sample(&taken);
		taken.print(out);
	}

      private:
	void sample(samples *taken)
	{
		std::uint64_t started = 0;
		signal_word ended;

		sleep_ns(1 * MS);
		const std::uint64_t start = now();
		this->pool.submit([&started, &ended] {
			started = now();
			ended.raise();
		});
		if (spins)
			ended.spin();
		else
			ended.wait();
		const std::uint64_t end = now();
		if (taken)
			taken->add(started - start, end - start);
	}

	const std::uint64_t n;
	bool spins;
};

/* W4j */
template <class Pool> class round_trip : public pool_workload<Pool>
{
      public:
	explicit round_trip(const options &asked)
	    : pool_workload<Pool>(asked), n(asked.number("samples", 1000))
	{
		for (int i = 0; i < 10; i++)
			this->pool.call([] {});
	}

	void round(line &out) override
	{
		samples taken(n);

		for (std::uint64_t i = 0; i < n; i++) {
			sleep_ns(1 * MS);
			const std::uint64_t start = now();
			this->pool.call([] {});
			taken.add(0, now() - start);
		}
		taken.print(out);
	}

      private:
	const std::uint64_t n;
};

/* W7 */
template <class Pool> class guests : public pool_workload<Pool>
{
      public:
	explicit guests(const options &asked)
	    : pool_workload<Pool>(asked), n(asked.number("n", 20000)),
	      flight(asked.number("flight", 1)), body{ work_steps(asked.number(
							 "work-us", 1)) },
	      ring(flight)
	{
		run(std::max<std::uint64_t>(n / 10, 1));
	}

	void round(line &out) override
	{
		out.add("ns", run(n) / static_cast<double>(n));
		out.add("p50", quantile(took, 0.5));
		out.add("p99", quantile(took, 0.99));
	}

      private:
	struct guest_body {
		std::uint64_t steps;
		void operator()() const
		{
			work(steps);
		}
	};
	using handle = decltype(std::declval<Pool &>().spawn(guest_body{ 0 }));
	struct place {
		std::optional<handle> guest;
		std::uint64_t spawned;
	};

	void join(place &at)
	{
		at.guest->join();
		took.push_back(now() - at.spawned);
		at.guest.reset();
	}

	double run(std::uint64_t count)
	{
		took.clear();
		took.reserve(count);
		const std::uint64_t start = now();
		for (std::uint64_t i = 0; i < count; i++) {
			place &at = ring[i % flight];

			if (at.guest)
				join(at);
			at.spawned = now();
			at.guest.emplace(this->pool.spawn(body));
		}
		for (std::uint64_t i = count; i < count + flight; i++)
			if (ring[i % flight].guest)
				join(ring[i % flight]);
		return static_cast<double>(now() - start);
	}

	const std::uint64_t n, flight;
	const guest_body body;
	std::vector<place> ring;
	std::vector<std::uint64_t> took;
};

} // namespace opponent

#endif /* HEDDLE_BENCH_OPPONENTS_CXX_LATENCY_HH */
