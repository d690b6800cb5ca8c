# SPDX-License-Identifier: BSD-2-Clause
# Workloads, our side and the opponents'.
bench_sources = \
	%D%/core.h \
	%D%/core_check.c \
	%D%/core_find.c \
	%D%/core_html.c \
	%D%/core_list.c \
	%D%/core_main.c \
	%D%/core_musts.c \
	%D%/core_remark.c \
	%D%/core_report.c \
	%D%/core_run.c \
	%D%/core_values.c \
	%D%/done.c %D%/done.h \
	%D%/lockfree.h \
	%D%/lockfree_start.c \
	%D%/main.c \
	%D%/opponents/rust.c %D%/opponents/rust.h \
	%D%/peer.h \
	%D%/peers/glib.c \
	%D%/peers/heddle.c \
	%D%/peers/mutex.c \
	%D%/peers/peers.c \
	%D%/peers/thread.c \
	%D%/run.c %D%/run.h \
	$(bench_side)

# The side that is measured; an opponent in C may be a program of its own with it.
bench_side = \
	%D%/side.c %D%/side.h \
	%D%/side_flow.c \
	%D%/side_latency.c \
	%D%/side_life.c \
	%D%/side_w1.c \
	%D%/side_work.c

if HAVE_LIBUV
noinst_PROGRAMS += %D%/opponents/uv-opponent
%C%_opponents_uv_opponent_SOURCES = \
	%D%/opponents/uv.c %D%/peer.h \
	%D%/done.c %D%/done.h $(bench_side) $(tools_shared)
nodist_%C%_opponents_uv_opponent_SOURCES = tools/buildinfo.c
%C%_opponents_uv_opponent_CPPFLAGS = $(AM_CPPFLAGS) $(LIBUV_CFLAGS)
%C%_opponents_uv_opponent_LDADD = $(internal_libs) $(LIBUV_LIBS) -lm
endif

if HAVE_PTHREADPOOL
noinst_PROGRAMS += %D%/opponents/pthreadpool-opponent
%C%_opponents_pthreadpool_opponent_SOURCES = \
	%D%/opponents/pthreadpool.c %D%/peer.h \
	%D%/done.c %D%/done.h $(bench_side) $(tools_shared)
nodist_%C%_opponents_pthreadpool_opponent_SOURCES = tools/buildinfo.c
%C%_opponents_pthreadpool_opponent_CPPFLAGS = $(AM_CPPFLAGS) \
	-DPTHREADPOOL_VERSION='"$(PTHREADPOOL_VERSION)"'
%C%_opponents_pthreadpool_opponent_LDADD = $(internal_libs) -lpthreadpool -lm
endif

## Structures alone --------------------------------------------------------

# A program of its own, because it links the layers and not the library; the
# command starts it.
noinst_PROGRAMS += %D%/lockfree
%C%_lockfree_SOURCES = \
	%D%/lockfree.c %D%/lockfree.h \
	%D%/lockfree_child.c \
	%D%/lockfree_deques.c \
	%D%/lockfree_loops.h \
	%D%/lockfree_queues.c \
	%D%/lockfree_report.c \
	%D%/lockfree_shape.c \
	%D%/opponents/blocks.h \
	%D%/opponents/c11_deque.h \
	%D%/opponents/ck_queues.c \
	%D%/opponents/mutex_queue.c \
	%D%/opponents/urcu_queues.c \
	$(tools_shared)
nodist_%C%_lockfree_SOURCES = tools/buildinfo.c
%C%_lockfree_CPPFLAGS = $(AM_CPPFLAGS) $(URCU_CFLAGS)
%C%_lockfree_LDADD = $(internal_libs) $(URCU_LIBS) -lm

## W3 ----------------------------------------------------------------------

# A program of its own: the measured code is compiled alike with and without forks.
noinst_PROGRAMS += %D%/w3
%C%_w3_SOURCES = \
	%D%/w3.c %D%/w3.h \
	%D%/w3_trees.c
%C%_w3_LDADD = $(heddle_libs)

## Rust opponents ------------------------------------------------------------

# cargo writes beside its sources, so the script copies them into the build
# folder; the program is part of "all" because the first experiment needs it.
rust_sources = \
	%D%/opponents/rust/Cargo.toml \
	%D%/opponents/rust/src/flood.rs \
	%D%/opponents/rust/src/histogram.rs \
	%D%/opponents/rust/src/latency.rs \
	%D%/opponents/rust/src/life.rs \
	%D%/opponents/rust/src/main.rs \
	%D%/opponents/rust/src/measure.rs \
	%D%/opponents/rust/src/memory.rs \
	%D%/opponents/rust/src/p01.rs \
	%D%/opponents/rust/src/peer.rs \
	%D%/opponents/rust/src/pool.rs \
	%D%/opponents/rust/src/system.rs \
	%D%/opponents/rust/src/threads.rs \
	%D%/opponents/rust/src/timeline.rs \
	%D%/opponents/rust/src/tokio.rs \
	%D%/opponents/rust/src/tree.rs \
	%D%/opponents/rust/src/w1.rs
EXTRA_DIST += %D%/README.md $(rust_sources)

rust_folder = %D%/opponents/rust-build

# tools/paths is as old as the last configure, which may have found another crate.
if HAVE_RUST
noinst_DATA += $(rust_folder)/heddle-rust-opponent
$(rust_folder)/heddle-rust-opponent: $(rust_sources) scripts/build-rust-opponent tools/paths
	$(AM_V_GEN)CARGO='$(CARGO)' TOKIO=$(TOKIO) $(SHELL) \
		$(top_srcdir)/scripts/build-rust-opponent \
		$(top_srcdir)/%D%/opponents/rust $(rust_folder) && touch $@
endif

.PHONY: clean-rust
clean-rust:
	rm -rf $(rust_folder)

## C++ opponents -------------------------------------------------------------

# A program of its own: nothing of heddle is in it, and config.h is not. The file
# of a library that is not here is built as well and says so when it is asked.
if HAVE_CXX
noinst_PROGRAMS += %D%/opponents/cxx/heddle-cxx-opponent
%C%_opponents_cxx_heddle_cxx_opponent_SOURCES = $(cxx_sources)
%C%_opponents_cxx_heddle_cxx_opponent_CPPFLAGS = -I$(top_srcdir) $(cxx_with)
%C%_opponents_cxx_heddle_cxx_opponent_CXXFLAGS = $(CXX_FLAGS) $(cxx_flags)
%C%_opponents_cxx_heddle_cxx_opponent_LDFLAGS = -pthread $(cxx_flags)
%C%_opponents_cxx_heddle_cxx_opponent_LDADD = $(cxx_libs)
endif
cxx_sources = \
	%D%/opponents/cxx/all.cc \
	%D%/opponents/cxx/asio.cc \
	%D%/opponents/cxx/flood.hh \
	%D%/opponents/cxx/latency.hh \
	%D%/opponents/cxx/life.hh \
	%D%/opponents/cxx/measure.cc \
	%D%/opponents/cxx/measure.hh \
	%D%/opponents/cxx/openmp.cc \
	%D%/opponents/cxx/pool.hh \
	%D%/opponents/cxx/protocol.cc \
	%D%/opponents/cxx/protocol.hh \
	%D%/opponents/cxx/tbb.cc \
	%D%/opponents/cxx/threads.cc \
	%D%/opponents/cxx/tree.hh

# What configure has found since is on their command lines only.
%D%/opponents/cxx/heddle_cxx_opponent-asio.$(OBJEXT): tools/paths
%D%/opponents/cxx/heddle_cxx_opponent-openmp.$(OBJEXT): tools/paths
%D%/opponents/cxx/heddle_cxx_opponent-tbb.$(OBJEXT): tools/paths

cxx_with =
cxx_flags =
cxx_libs =
if HAVE_ASIO
cxx_with += -DWITH_ASIO=1
endif
if HAVE_TBB
cxx_with += -DWITH_TBB=1 $(TBB_CFLAGS)
cxx_libs += $(TBB_LIBS)
endif
if HAVE_OPENMP
cxx_with += -DWITH_OPENMP=1
cxx_flags += -fopenmp
endif

# Another compiler than the build's, so no program of automake's.
libomp_sources = \
	%D%/opponents/cxx/libomp.cc \
	%D%/opponents/cxx/measure.cc \
	%D%/opponents/cxx/openmp.cc \
	%D%/opponents/cxx/protocol.cc
libomp_headers = \
	%D%/opponents/cxx/flood.hh \
	%D%/opponents/cxx/measure.hh \
	%D%/opponents/cxx/protocol.hh \
	%D%/opponents/cxx/tree.hh
EXTRA_DIST += %D%/opponents/cxx/libomp.cc

libomp_program = %D%/opponents/libomp-build/heddle-libomp-opponent

if HAVE_LIBOMP
noinst_DATA += $(libomp_program)
$(libomp_program): $(libomp_sources) $(libomp_headers)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && cd $(top_srcdir) && \
	$(CLANGXX) -O2 $(CXX_FLAGS) -I. -fopenmp=libomp -DWITH_OPENMP=1 -DWITH_LIBOMP=1 \
		-o $(abs_builddir)/$@ $(libomp_sources)
endif

.PHONY: clean-libomp
clean-libomp:
	rm -rf %D%/opponents/libomp-build

## Go opponents --------------------------------------------------------------

# One file's worth of packages: nothing is fetched, and the cache lies here.
go_sources = \
	%D%/opponents/go/flood.go \
	%D%/opponents/go/latency.go \
	%D%/opponents/go/life.go \
	%D%/opponents/go/main.go \
	%D%/opponents/go/measure.go \
	%D%/opponents/go/tree.go
EXTRA_DIST += $(go_sources)

go_folder = %D%/opponents/go-build

if HAVE_GO
noinst_DATA += $(go_folder)/heddle-go-opponent
$(go_folder)/heddle-go-opponent: $(go_sources)
	$(AM_V_GEN)$(MKDIR_P) $(go_folder) && cd $(top_srcdir) && \
	GO111MODULE=off GOTOOLCHAIN=local GOPROXY=off GOFLAGS= CGO_ENABLED=0 \
	GOCACHE=$(abs_builddir)/$(go_folder)/cache \
	$(GO) build -p 2 -trimpath -o $(abs_builddir)/$@ $(go_sources)
endif

.PHONY: clean-go
clean-go:
	rm -rf $(go_folder)

## Java opponents ------------------------------------------------------------

java_sources = %D%/opponents/java/HeddleOpponent.java
EXTRA_DIST += $(java_sources)

java_folder = %D%/opponents/java-build

if HAVE_JAVA
noinst_DATA += $(java_folder)/heddle-java-opponent
$(java_folder)/heddle-java-opponent: $(java_sources)
	$(AM_V_GEN)rm -rf $(java_folder) && $(MKDIR_P) $(java_folder) && \
	$(JAVAC) -Xlint:all -d $(java_folder) $(top_srcdir)/$(java_sources) && \
	{ echo '#!/bin/sh' && \
	  echo 'exec "$(JAVA)" -cp "$${0%/*}" HeddleOpponent "$$@"'; } >$@.tmp && \
	chmod +x $@.tmp && mv $@.tmp $@
endif

.PHONY: clean-java
clean-java:
	rm -rf $(java_folder)

## The stall table -----------------------------------------------------------

# A program of its own: it reaches inside the library, and has the opponents that are
# written in C in it. `heddle stall` runs it.
stall_sources = \
	%D%/opponents/stall_ck.c \
	%D%/opponents/stall_urcu.c \
	%D%/stall.h \
	%D%/stall_child.c \
	%D%/stall_controls.c \
	%D%/stall_deques.c \
	%D%/stall_main.c \
	%D%/stall_pool.c \
	%D%/stall_queues.c \
	%D%/stall_run.c \
	%D%/stall_symbol.c \
	%D%/stall_trace.c %D%/stall_trace.h \
	%D%/stall_words.c

# What is shipped is what is stopped: no sanitizer's code.
if WITH_LAB
noinst_PROGRAMS += %D%/stall
%C%_stall_SOURCES = $(stall_sources) \
	tools/args.c tools/json.c tools/out.c tools/progress.c tools/say.c
%C%_stall_CPPFLAGS = $(AM_CPPFLAGS) $(URCU_CFLAGS)
%C%_stall_LDADD = $(internal_libs) $(URCU_LIBS) $(URCU_CDS_LIBS) -lm
endif
