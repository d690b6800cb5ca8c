// SPDX-License-Identifier: BSD-2-Clause
/*
 * PROGRAM random|complete SECONDS [NAME...]: runs scenarios, each for so long, and
 * prints a line for each. Exit status 0: nothing was found; 1: something was, or an
 * exploration that should be complete had no end; 2: bad usage.
 *
 * It does not see the library, so that the twins of one structure share it.
 */
#include "explore.hh"

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <string>

// The one that runs, and how long. CPU time: it goes as far on a loaded machine.
static struct {
	const entry *scenario;
	double limit;
	unsigned int calls;
} now;

static double cpu_seconds()
{
	timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// One type for each number of threads: Relacy compiles all of itself for each.
template <int count> struct suite : rl::test_suite<suite<count>, count> {
	alignas(64) unsigned char room[ROOM];
	scenario *running;

	suite()
	{
		kernel = { now.scenario->spurious,
			   count,
			   hd_fence_of<count>,
			   nullptr,
			   0,
			   {},
			   {} };
		running = now.scenario->make(room);
	}

	~suite()
	{
		running->~scenario();
		hd_memory_drop_freed();
	}

	void before()
	{
		running->before();
	}
	void thread(unsigned int i)
	{
		running->thread(i);
	}
	void after()
	{
		running->after();
	}

	// Relacy calls this at each step.
	void invariant()
	{
		if (++now.calls % 4096 == 0 && cpu_seconds() > now.limit)
			rl::ctx().rl_until("the time is over", RL_INFO);
	}
};

template <int count>
static rl::test_result_e explore(rl::test_params &params, bool again)
{
	using tests = suite<count>;
	rl::ostringstream state;
	rl::test_result_e result;

	switch (params.search_type) {
	case rl::sched_random:
		result = rl::run_test<tests, rl::random_scheduler<count>>(
			params, state, again);
		break;
	case rl::sched_full:
		result = rl::run_test<tests, rl::full_search_scheduler<count>>(
			params, state, again);
		break;
	default:
		result =
			rl::run_test<tests, rl::context_bound_scheduler<count>>(
				params, state, again);
		break;
	}
	params.initial_state = state.str();
	return result;
}

// Relacy's generator is x + c + (x << k), and a choice between two is its bit 16: with
// these k and c it gives 2^17 different executions of two threads and no more. Bits of
// the number of an execution above 31 choose k and c; k from 17 on is no generator.
static const unsigned long long BATCH = 1 << 17;

static unsigned long long first_of(unsigned int generator)
{
	unsigned long long k = generator % 9, c = generator / 9 % 16;

	return c << 36 | k << 32 | 1;
}

static rl::test_result_e one_after_another(const entry &one,
					   rl::test_params &params,
					   unsigned long long &executions)
{
	auto *function = one.threads == 2 ? explore<2> : explore<3>;
	rl::test_result_e result = rl::test_result_success;

	for (unsigned int i = 0; result == rl::test_result_success; i++) {
		if (params.search_type == rl::sched_random) {
			unsigned long long first = first_of(i);

			params.initial_state =
				rl::string(std::to_string(first).c_str());
			params.iteration_count = first + BATCH - 1;
			result = function(params, false);
			executions += params.stop_iteration - first + 1;
		} else {
			result = function(params, false);
			executions = params.stop_iteration;
			break;
		}
	}
	return result;
}

// True: nothing was found, and what is called complete has come to its end.
static bool run(const entry &one, rl::scheduler_type_e method, double seconds)
{
	auto *function = one.threads == 2 ? explore<2> : explore<3>;
	unsigned long long executions = 0;
	std::ostream nowhere(nullptr);
	rl::test_params params;
	bool over, good;

	params.progress_stream = &nowhere;
	params.search_type = method;
	params.context_bound = one.threads == 2 ? 3 : 2;
	now = { &one, cpu_seconds() + seconds, 0 };
	rl::test_result_e result = one_after_another(one, params, executions);

	over = result == rl::test_result_until_condition_hit;
	good = over ? method == rl::sched_random
		    : result == rl::test_result_success;
	std::cout << (good ? "holds " : "FAILED ") << one.name << ": "
		  << rl::format(method) << ", " << executions << " executions";
	if (!good)
		std::cout << ": "
			  << (over ? "no end" : rl::test_result_str(result));
	std::cout << std::endl;
	if (!good && !over) {
		// Once more, with each step recorded.
		params.collect_history = true;
		now.limit += 60;
		function(params, true);
	}
	return good;
}

int main(int argc, char **argv)
{
	bool good = true;
	int found = 0;

	if (argc < 3)
		return 2;
	for (const entry *one = scenarios; one->name; one++) {
		rl::scheduler_type_e method = rl::sched_random;
		bool wanted = argc == 3;

		for (int i = 3; i < argc; i++)
			wanted = wanted || !strcmp(argv[i], one->name);
		if (strcmp(argv[1], "random")) {
			wanted = wanted && one->complete != RANDOM_ONLY;
			method = one->complete == FULL ? rl::sched_full
						       : rl::sched_bound;
		}
		if (!wanted)
			continue;
		found++;
		good = run(*one, method, atof(argv[2])) && good;
	}
	return !found ? 2 : !good;
}
