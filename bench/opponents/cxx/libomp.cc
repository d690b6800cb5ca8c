/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program with OpenMP's opponent alone, for another compiler and its run-time
 * library: two of these in one process would share the names of their calls.
 */
#include "bench/opponents/cxx/protocol.hh"

namespace opponent
{

const char *const program = "heddle-libomp-opponent";

const peer *const peers[] = { &openmp_peer, nullptr };

} // namespace opponent
