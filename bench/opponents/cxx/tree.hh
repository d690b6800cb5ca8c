/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * W3, fork and join without cut-off: the three trees of doc/workloads.md, what
 * a node of each does, and their counts by one thread. How a node spawns its
 * children is the library's and stands with it:
 *
 *	Forker(workers)
 *	fib(n), nq(board), uts(node)    answers; called from outside
 */
#ifndef HEDDLE_BENCH_OPPONENTS_CXX_TREE_HH
#define HEDDLE_BENCH_OPPONENTS_CXX_TREE_HH

#include <cstdint>
#include <string>

#include "bench/opponents/cxx/measure.hh"
#include "bench/opponents/cxx/protocol.hh"

namespace opponent
{

/* Queens set so far: columns and diagonals that are taken in the next row. */
struct board {
	std::uint32_t all, columns, left, right;

	std::uint32_t free() const
	{
		return all & ~(columns | left | right);
	}
	board with(std::uint32_t queen) const
	{
		return { all, columns | queen, (left | queen) << 1,
			 (right | queen) >> 1 };
	}
	bool is_full() const
	{
		return columns == all;
	}
};

struct tree_node {
	std::uint64_t state;
	std::uint32_t depth_left;

	static std::uint64_t mix(std::uint64_t z)
	{
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
		return z ^ (z >> 31);
	}
	std::uint32_t children() const
	{
		const std::uint64_t u = mix(state ^ 0xd1b54a32d192ed03) >> 32;
		std::uint64_t t = 0xffffffff;
		std::uint32_t k = 0;

		if (!depth_left)
			return 0;
		while (k < MAX_CHILDREN) {
			t = t * 4 / 5;
			if (u >= t)
				break;
			k++;
		}
		return k;
	}
	tree_node child(std::uint64_t i) const
	{
		return { mix(state + (i + 1) * 0x9e3779b97f4a7c15),
			 depth_left - 1 };
	}
	static constexpr std::uint32_t MAX_CHILDREN = 100;
};

/* What one thread finds, for the count of nodes and to compare answers with. */
struct serial {
	std::uint64_t nodes = 0;

	std::uint64_t fib(std::uint32_t n)
	{
		std::uint64_t low = 0, high = 1;

		for (std::uint32_t i = 0; i < n; i++) {
			const std::uint64_t next = low + high;

			low = high;
			high = next;
		}
		nodes = 2 * high - 1;
		return low;
	}
	std::uint64_t nq(const board &at)
	{
		std::uint64_t found = 0;

		nodes++;
		if (at.is_full())
			return 1;
		for (std::uint32_t rest = at.free(); rest; rest &= rest - 1)
			found += nq(at.with(rest & -rest));
		return found;
	}
	std::uint64_t uts(const tree_node &at)
	{
		const std::uint32_t k = at.children();
		std::uint64_t found = 1;

		for (std::uint32_t i = 0; i < k; i++)
			found += uts(at.child(i));
		nodes = found;
		return found;
	}
};

template <class Forker> class fork_join : public workload
{
      public:
	explicit fork_join(const options &asked)
	    : forker(static_cast<unsigned>(asked.number("workers", 2))),
	      program(asked.text("program", "fib")),
	      n(static_cast<std::uint32_t>(
		      asked.number("n", program == "fib"  ? 27
					: program == "nq" ? 11
							  : 10)))
	{
		serial one;

		if (program != "fib" && program != "nq" && program != "uts")
			bad_usage("--program: '" + program +
				  "' is not fib, nq or uts");
		if (n > (program == "fib" ? 60 : program == "nq" ? 18 : 20))
			bad_usage("--n: too large for " + program);
		expected = answer(one);
		nodes = one.nodes;
		check(answer(forker));
	}

	void round(line &out) override
	{
		const std::uint64_t start = now();
		const std::uint64_t found = answer(forker);
		const std::uint64_t took = now() - start;

		check(found);
		out.add("ns",
			static_cast<double>(took) / static_cast<double>(nodes));
		out.add("answer", found);
	}

	void stop() override
	{
		forker.stop();
	}

      private:
	template <class Who> std::uint64_t answer(Who &who)
	{
		if (program == "fib")
			return who.fib(n);
		if (program == "nq")
			return who.nq(board{ (1u << n) - 1, 0, 0, 0 });
		return who.uts(tree_node{ 81, n });
	}

	void check(std::uint64_t found) const
	{
		if (found != expected)
			missed(program + ": " + std::to_string(found) +
			       ", one thread finds " +
			       std::to_string(expected));
	}

	Forker forker;
	const std::string program;
	const std::uint32_t n;
	std::uint64_t expected, nodes;
};

} // namespace opponent

#endif /* HEDDLE_BENCH_OPPONENTS_CXX_TREE_HH */
