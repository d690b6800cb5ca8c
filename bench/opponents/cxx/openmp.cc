/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenMP tasks with the compiler's run-time library (libgomp with g++; the program
 * heddle-libomp-opponent is the same with clang++ and libomp). There is no pool that
 * one submits to: a parallel region has the workers, the caller is one of them. So it
 * has W2 and W3 only, and with one worker gomp runs each task at once, which is no
 * scheduler's cost.
 */
#include "bench/opponents/cxx/protocol.hh"

#if WITH_OPENMP
# include <omp.h>

# include "bench/opponents/cxx/flood.hh"
# include "bench/opponents/cxx/tree.hh"

namespace
{

using namespace opponent;

class region
{
      public:
	explicit region(unsigned n) : workers(static_cast<int>(n))
	{
		/* Not fewer than were asked for, and the same each time. */
		omp_set_dynamic(0);
	}
	template <class F> void run(F root)
	{
# pragma omp parallel num_threads(workers)
# pragma omp single
		{
			/* OMP_THREAD_LIMIT may have made them fewer. */
			if (omp_get_num_threads() != workers)
				missed("a region has fewer threads than were asked for");
			root();
		}
	}

      private:
	const int workers;
};

/* W2 and W11 */
class tasks_of_tasks : public workload
{
      public:
	explicit tasks_of_tasks(const options &asked)
	    : all(static_cast<unsigned>(asked.number("workers", 2))),
	      depth(asked.number("depth", 18))
	{
		if (depth > 30)
			bad_usage("--depth: 30 at most");
		run();
	}

	void round(line &out) override
	{
		out.add("ns", run() / static_cast<double>(tasks()));
	}

      private:
	std::uint64_t tasks() const
	{
		return (std::uint64_t(2) << depth) - 1;
	}

	static void node(std::uint64_t depth)
	{
		if (depth) {
# pragma omp task
			node(depth - 1);
# pragma omp task
			node(depth - 1);
		}
		done::bump();
	}

	/* The region ends when all tasks have. */
	double run()
	{
		const std::uint64_t until = done::sum() + tasks();
		const std::uint64_t start = now(), root = depth;

		all.run([root] { node(root); });
		const double took = static_cast<double>(now() - start);
		if (done::sum() != until)
			missed("a region ended before its tasks");
		return took;
	}

	region all;
	const std::uint64_t depth;
};

class forker
{
      public:
	explicit forker(unsigned workers) : all(workers)
	{
	}
	std::uint64_t fib(std::uint32_t n)
	{
		return in_region([n] { return fib_node(n); });
	}
	std::uint64_t nq(const board &at)
	{
		return in_region([&at] { return nq_node(at); });
	}
	std::uint64_t uts(const tree_node &at)
	{
		return in_region([&at] { return uts_node(at); });
	}
	void stop()
	{
	}

      private:
	template <class F> std::uint64_t in_region(F root)
	{
		std::uint64_t found = 0;

		all.run([&found, &root] { found = root(); });
		return found;
	}

	static std::uint64_t fib_node(std::uint32_t n)
	{
		std::uint64_t one, two;

		if (n < 2)
			return n;
# pragma omp task shared(one)
		one = fib_node(n - 1);
		two = fib_node(n - 2);
# pragma omp taskwait
		return one + two;
	}

	static std::uint64_t nq_node(const board &at)
	{
		std::uint64_t found[32], sum = 0;
		unsigned children = 0;

		if (at.is_full())
			return 1;
		for (std::uint32_t rest = at.free(); rest; rest &= rest - 1) {
			const board next = at.with(rest & -rest);
			const unsigned i = children++;

# pragma omp task shared(found) firstprivate(next, i)
			found[i] = nq_node(next);
		}
# pragma omp taskwait
		while (children)
			sum += found[--children];
		return sum;
	}

	static std::uint64_t uts_node(const tree_node &at)
	{
		std::uint64_t found[tree_node::MAX_CHILDREN], sum = 1;
		const std::uint32_t children = at.children();

		for (std::uint32_t i = 0; i < children; i++) {
			const tree_node next = at.child(i);

# pragma omp task shared(found) firstprivate(next, i)
			found[i] = uts_node(next);
		}
# pragma omp taskwait
		for (std::uint32_t i = 0; i < children; i++)
			sum += found[i];
		return sum;
	}

	region all;
};

# define TEXT_OF(value) # value
# define TEXT(value)    TEXT_OF(value)
# ifdef __clang__
#  define COMPILER TEXT(__clang_major__) "." TEXT(__clang_minor__)
# else
#  define COMPILER TEXT(__GNUC__) "." TEXT(__GNUC_MINOR__)
# endif
# define VERSION COMPILER "-omp-" TEXT(_OPENMP)

int run_openmp(const peer &self, const options &asked)
{
	const bool is_tree = asked.text("program", "") != "";

	if (asked.text("workload", "") == "W3" || is_tree)
		return measure<fork_join<forker>>(self, asked);
	return measure<tasks_of_tasks>(self, asked);
}

} // namespace
#else
# define VERSION    nullptr
# define run_openmp nullptr
#endif

#if WITH_LIBOMP
# define NAME "libomp"
#else
# define NAME "openmp"
#endif

namespace opponent
{

const peer openmp_peer = {
	NAME,
	"task and taskwait in a parallel region",
	"W2,W3,W11",
	VERSION,
	run_openmp,
	"the C++ compiler has no -fopenmp, or it was left out (Debian: g++)",
};

} // namespace opponent
