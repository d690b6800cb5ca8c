/* SPDX-License-Identifier: BSD-2-Clause */
/* oneTBB: one arena with a task_group in it; without it only a reason. */
#include "bench/opponents/cxx/protocol.hh"

#if WITH_TBB
/* finalize() and the handle for it are in the header with this. */
# define TBB_PREVIEW_WAITING_FOR_WORKERS 1
# include <new>
# include <oneapi/tbb/global_control.h>
# include <oneapi/tbb/task_arena.h>
# include <oneapi/tbb/task_group.h>
# include <oneapi/tbb/version.h>
# include <utility>

# include "bench/opponents/cxx/pool.hh"
# include "bench/opponents/cxx/tree.hh"

namespace
{

using namespace opponent;

/*
 * The arena has no place for the submitter, which stays outside: tasks come in
 * by enqueue(). The limit counts the submitter, so it is one more.
 */
class tbb_pool
{
      public:
	explicit tbb_pool(unsigned workers)
	    : scheduler(tbb::attach()),
	      limit(tbb::global_control::max_allowed_parallelism, workers + 1),
	      arena(static_cast<int>(workers), 0)
	{
		arena.initialize();
	}
	/* A task_group's may throw; nothing is left in it after stop(). */
	~tbb_pool() noexcept
	{
	}
	template <class F> void submit(F f)
	{
		arena.enqueue(std::move(f));
	}
	template <class F> void submit_inside(F f)
	{
		group.run(std::move(f));
	}
	template <class F> own_handle<F> spawn(F f)
	{
		return own_handle<F>(*this, std::move(f));
	}
	/* The caller enters the arena, and may run it there itself. */
	template <class F> void call(F f)
	{
		arena.execute([this, &f] {
			group.run(std::move(f));
			group.wait();
		});
	}
	void stop()
	{
		arena.execute([this] { group.wait(); });
		arena.terminate();
		if (!tbb::finalize(scheduler, std::nothrow))
			missed("oneTBB did not end its threads");
	}

      private:
	tbb::task_scheduler_handle scheduler;
	tbb::global_control limit;
	tbb::task_arena arena;
	tbb::task_group group;
};

/* Here the caller is one of the workers. */
class tbb_forker
{
      public:
	explicit tbb_forker(unsigned workers)
	    : limit(tbb::global_control::max_allowed_parallelism, workers),
	      arena(static_cast<int>(workers), 1)
	{
	}
	std::uint64_t fib(std::uint32_t n)
	{
		return arena.execute([n] { return fib_node(n); });
	}
	std::uint64_t nq(const board &at)
	{
		return arena.execute([&at] { return nq_node(at); });
	}
	std::uint64_t uts(const tree_node &at)
	{
		return arena.execute([&at] { return uts_node(at); });
	}
	void stop()
	{
		arena.terminate();
	}

      private:
	static std::uint64_t fib_node(std::uint32_t n)
	{
		std::uint64_t one, two;

		if (n < 2)
			return n;
		tbb::task_group both;
		both.run([&one, n] { one = fib_node(n - 1); });
		two = fib_node(n - 2);
		both.wait();
		return one + two;
	}

	static std::uint64_t nq_node(const board &at)
	{
		std::uint64_t found[32], sum = 0;
		unsigned children = 0;

		if (at.is_full())
			return 1;
		tbb::task_group all;
		for (std::uint32_t rest = at.free(); rest; rest &= rest - 1) {
			const board next = at.with(rest & -rest);
			std::uint64_t &place = found[children++];

			all.run([&place, next] { place = nq_node(next); });
		}
		all.wait();
		while (children)
			sum += found[--children];
		return sum;
	}

	static std::uint64_t uts_node(const tree_node &at)
	{
		std::uint64_t found[tree_node::MAX_CHILDREN], sum = 1;
		const std::uint32_t children = at.children();

		if (!children)
			return 1;
		tbb::task_group all;
		for (std::uint32_t i = 0; i < children; i++)
			all.run([&found, &at, i] {
				found[i] = uts_node(at.child(i));
			});
		all.wait();
		for (std::uint32_t i = 0; i < children; i++)
			sum += found[i];
		return sum;
	}

	tbb::global_control limit;
	tbb::task_arena arena;
};

# define TEXT_OF(value) # value
# define TEXT(value)    TEXT_OF(value)
# define VERSION        TEXT(TBB_VERSION_MAJOR) "." TEXT(TBB_VERSION_MINOR)

int run_tbb(const peer &self, const options &asked)
{
	const bool is_tree = asked.text("program", "") != "";

	if (asked.text("workload", "") == "W3" || is_tree)
		return measure<fork_join<tbb_forker>>(self, asked);
	return run_pool<tbb_pool>(self, asked);
}

} // namespace
#else
# define VERSION nullptr
# define run_tbb nullptr
#endif

namespace opponent
{

const peer tbb_peer = {
	"tbb",
	"enqueue() to a task_arena; task_group for tasks of tasks, fork and join",
	POOL_WORKLOADS ",W3",
	VERSION,
	run_tbb,
	"oneTBB is not here or was left out (Debian: libtbb-dev)",
};

} // namespace opponent
