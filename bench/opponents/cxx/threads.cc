/* SPDX-License-Identifier: BSD-2-Clause */
/* No pool at all: a std::thread for each task, and std::async. */
#include <future>
#include <sched.h>
#include <system_error>
#include <thread>
#include <utility>

#include "bench/opponents/cxx/flood.hh"
#include "bench/opponents/cxx/latency.hh"

namespace
{

using namespace opponent;

/* When there can be no more threads, some of those that are end soon. */
template <class Make> auto make_patiently(Make make)
{
	for (;;) {
		try {
			return make();
		} catch (const std::system_error &error) {
			if (error.code() !=
			    std::errc::resource_unavailable_try_again)
				throw;
			sched_yield();
		}
	}
}

class thread_each
{
      public:
	explicit thread_each(unsigned) : before(threads())
	{
		done::share();
	}
	template <class F> void submit(F f)
	{
		make_patiently([&f] { return std::thread(f); }).detach();
	}
	template <class F> std::thread spawn(F f)
	{
		return make_patiently([&f] { return std::thread(f); });
	}
	template <class F> void call(F f)
	{
		spawn(f).join();
	}
	void stop()
	{
		if (!await_threads(before, 10 * S))
			missed("threads of tasks that ended are still there");
	}

      private:
	const std::size_t before;
};

class async_each
{
      public:
	explicit async_each(unsigned)
	{
	}

	class handle
	{
	      public:
		explicit handle(std::future<void> &&ended)
		    : end(std::move(ended))
		{
		}
		void join()
		{
			end.get();
		}

	      private:
		std::future<void> end;
	};
	template <class F> handle spawn(F f)
	{
		return make_patiently([&f] {
			return handle(std::async(std::launch::async, f));
		});
	}
	template <class F> void call(F f)
	{
		spawn(f).join();
	}
	void stop()
	{
	}
};

int run_threads(const peer &self, const options &asked)
{
	const std::string id = asked.text("workload", "");

	if (id == "W1")
		return measure<from_outside<thread_each>>(self, asked);
	if (id == "W4")
		return measure<wake<thread_each>>(self, asked);
	if (id == "W4j")
		return measure<round_trip<thread_each>>(self, asked);
	if (id == "W5")
		return measure<burst<thread_each>>(self, asked);
	if (id == "W7")
		return measure<guests<thread_each>>(self, asked);
	return measure<idle<thread_each>>(self, asked);
}

int run_async(const peer &self, const options &asked)
{
	if (asked.text("workload", "") == "W4j")
		return measure<round_trip<async_each>>(self, asked);
	return measure<guests<async_each>>(self, asked);
}

/* Both are part of the compiler's library, whose version is a date. */
#define TEXT_OF(value) #value
#define TEXT(value)    TEXT_OF(value)
#ifdef __GLIBCXX__
# define LIBRARY_VERSION "libstdc++-" TEXT(__GLIBCXX__)
#else
# define LIBRARY_VERSION "unknown"
#endif

} // namespace

namespace opponent
{

const peer thread_peer = {
	"std-thread",
	"a std::thread for each task, detached or joined",
	"W1,W4,W4j,W5,W7,W10",
	LIBRARY_VERSION,
	run_threads,
	nullptr,
};

const peer async_peer = {
	"std-async", "std::async with launch::async, and its future",
	"W4j,W7",    LIBRARY_VERSION,
	run_async,   nullptr,
};

} // namespace opponent
