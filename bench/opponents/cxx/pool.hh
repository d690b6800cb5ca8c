/* SPDX-License-Identifier: BSD-2-Clause */
/* All workloads of a pool that has each of the calls they ask for. */
#ifndef HEDDLE_BENCH_OPPONENTS_CXX_POOL_HH
#define HEDDLE_BENCH_OPPONENTS_CXX_POOL_HH

#include "bench/opponents/cxx/flood.hh"
#include "bench/opponents/cxx/latency.hh"
#include "bench/opponents/cxx/life.hh"

namespace opponent
{

template <class Pool> int run_pool(const peer &self, const options &asked)
{
	static const struct {
		const char *id;
		int (*run)(const peer &, const options &);
	} table[] = {
		{ "W1", measure<from_outside<Pool>> },
		{ "W2", measure<from_inside<Pool>> },
		{ "W4", measure<wake<Pool>> },
		{ "W4j", measure<round_trip<Pool>> },
		{ "W5", measure<burst<Pool>> },
		{ "W6", measure<start_and_stop<Pool>> },
		{ "W7", measure<guests<Pool>> },
		{ "W8", measure<memory<Pool>> },
		{ "W9", measure<cap<Pool>> },
		{ "W10", measure<idle<Pool>> },
		{ "W11", measure<from_inside<Pool>> },
	};
	const std::string id = asked.text("workload", "");

	for (const auto &row : table)
		if (id == row.id)
			return row.run(self, asked);
	return absent(id + " is not for " + self.name);
}

} // namespace opponent

#endif /* HEDDLE_BENCH_OPPONENTS_CXX_POOL_HH */
