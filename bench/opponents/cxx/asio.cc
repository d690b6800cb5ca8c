/* SPDX-License-Identifier: BSD-2-Clause */
/* asio::thread_pool, the header-only asio; without it only a reason. */
#include "bench/opponents/cxx/protocol.hh"

#if WITH_ASIO
# include <asio/post.hpp>
# include <asio/thread_pool.hpp>
# include <asio/use_future.hpp>
# include <asio/version.hpp>
# include <future>
# include <string>
# include <utility>

# include "bench/opponents/cxx/pool.hh"

namespace
{

using namespace opponent;

class asio_pool
{
      public:
	explicit asio_pool(unsigned workers) : pool(workers)
	{
	}
	template <class F> void submit(F f)
	{
		asio::post(pool, std::move(f));
	}
	template <class F> void submit_inside(F f)
	{
		submit(std::move(f));
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
		return handle(asio::post(pool, asio::use_future(std::move(f))));
	}
	template <class F> void call(F f)
	{
		spawn(std::move(f)).join();
	}
	void stop()
	{
		pool.join();
	}

      private:
	asio::thread_pool pool;
};

std::string version_text()
{
	return std::to_string(ASIO_VERSION / 100000) + "." +
	       std::to_string(ASIO_VERSION / 100 % 1000) + "." +
	       std::to_string(ASIO_VERSION % 100);
}

const std::string version = version_text();

} // namespace

# define RUN     run_pool<asio_pool>
# define VERSION version.c_str()
#else
# define RUN     nullptr
# define VERSION nullptr
#endif

namespace opponent
{

const peer asio_peer = {
	"asio",
	"post() to a thread_pool; use_future in W4j and W7",
	POOL_WORKLOADS,
	VERSION,
	RUN,
	"asio.hpp is not here or was left out (Debian: libasio-dev)",
};

} // namespace opponent
