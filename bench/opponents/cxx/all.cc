/* SPDX-License-Identifier: BSD-2-Clause */
/* The program with all that the C++ compiler of the build can have. */
#include "bench/opponents/cxx/protocol.hh"

namespace opponent
{

const char *const program = "heddle-cxx-opponent";

const peer *const peers[] = {
	&asio_peer, &tbb_peer, &openmp_peer, &thread_peer, &async_peer, nullptr,
};

} // namespace opponent
