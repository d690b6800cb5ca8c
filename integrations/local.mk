# SPDX-License-Identifier: BSD-2-Clause
# One folder for each runtime that embeds heddle. Nothing of it is needed by run or
# check; `make check-integrations` builds and tests what can be built here.
EXTRA_DIST += %D%/README.md

## libuv ---------------------------------------------------------------------

EXTRA_DIST += %D%/libuv/README.md

if HAVE_LIBUV
lib_LTLIBRARIES += %D%/libuv/libheddle-uv.la
include_HEADERS = %D%/libuv/heddle_uv.h
pkgconfig_DATA += %D%/libuv/heddle-uv.pc
%C%_libuv_libheddle_uv_la_SOURCES = %D%/libuv/heddle_uv.c
%C%_libuv_libheddle_uv_la_CPPFLAGS = $(uv_flags)
%C%_libuv_libheddle_uv_la_LIBADD = $(heddle_libs) $(LIBUV_LIBS)
# Places of cancelled requests may outlive the binding, and their code with them.
%C%_libuv_libheddle_uv_la_LDFLAGS = $(LINK_FLAGS) -version-info 0:0:0 \
	-no-undefined -Wl,-z,nodelete

uv_flags = $(AM_CPPFLAGS) -DHEDDLE_WITH_LIBUV=1 -I$(srcdir)/%D%/libuv $(LIBUV_CFLAGS)
uv_libs = %D%/libuv/libheddle-uv.la $(heddle_libs) $(LIBUV_LIBS)

uv_programs = \
	%D%/libuv/bench \
	%D%/libuv/examples/hash-files
%C%_libuv_bench_CPPFLAGS = $(uv_flags)
%C%_libuv_bench_LDADD = $(uv_libs)
%C%_libuv_examples_hash_files_SOURCES = \
	%D%/libuv/examples/hash-files.c \
	%D%/libuv/examples/sha256.c %D%/libuv/examples/sha256.h
%C%_libuv_examples_hash_files_CPPFLAGS = $(uv_flags)
%C%_libuv_examples_hash_files_LDADD = $(uv_libs)
else
uv_flags = $(AM_CPPFLAGS)
uv_libs = $(heddle_libs)
uv_programs =
EXTRA_DIST += \
	%D%/libuv/bench.c \
	%D%/libuv/examples/hash-files.c \
	%D%/libuv/examples/sha256.c %D%/libuv/examples/sha256.h \
	%D%/libuv/heddle_uv.c %D%/libuv/heddle_uv.h
endif

# Without libuv these are programs that say so.
uv_tests = \
	%D%/libuv/tests/cancel \
	%D%/libuv/tests/close \
	%D%/libuv/tests/loops \
	%D%/libuv/tests/queue
%C%_libuv_tests_cancel_SOURCES = %D%/libuv/tests/cancel.c %D%/libuv/tests/uvtest.h
%C%_libuv_tests_cancel_CPPFLAGS = $(uv_flags)
%C%_libuv_tests_cancel_LDADD = $(uv_test_libs)
%C%_libuv_tests_close_CPPFLAGS = $(uv_flags)
%C%_libuv_tests_close_LDADD = $(uv_test_libs)
%C%_libuv_tests_loops_CPPFLAGS = $(uv_flags)
%C%_libuv_tests_loops_LDADD = $(uv_test_libs)
%C%_libuv_tests_queue_CPPFLAGS = $(uv_flags)
%C%_libuv_tests_queue_LDADD = $(uv_test_libs)
uv_test_libs = $(support_lib) $(tap_lib) $(uv_libs)

EXTRA_PROGRAMS += $(uv_programs) $(uv_tests)
CLEANFILES += $(uv_programs) $(uv_tests)

uv_scripts = %D%/libuv/tests/binding.t %D%/libuv/tests/hash-files.t
EXTRA_DIST += $(uv_scripts) %D%/libuv/tests/binding.pml

## Rust ----------------------------------------------------------------------

rust_crate = \
	%D%/rust/Cargo.toml \
	%D%/rust/README.md \
	%D%/rust/build.rs \
	%D%/rust/examples/tenants.rs \
	%D%/rust/shim/layout.c \
	%D%/rust/src/error.rs \
	%D%/rust/src/group.rs \
	%D%/rust/src/lib.rs \
	%D%/rust/src/pool.rs \
	%D%/rust/src/scope.rs \
	%D%/rust/src/sys.rs \
	%D%/rust/src/task.rs \
	%D%/rust/tests/layout.rs \
	%D%/rust/tests/pool.rs \
	%D%/rust/tests/scope.rs \
	%D%/rust/tests/task.rs
rust_scripts = %D%/rust/tests/cargo.t
EXTRA_DIST += $(rust_crate) $(rust_scripts)

## How they are tested -------------------------------------------------------

.PHONY: check-integrations integration-programs clean-integrations
integration-programs: all $(uv_programs) $(uv_tests)

check-integrations: integration-programs $(check_DATA)
	abs_top_srcdir='$(abs_top_srcdir)' abs_top_builddir='$(abs_top_builddir)' \
		AWK='$(AWK)' CARGO='$(CARGO)' \
		$(SHELL) $(top_srcdir)/scripts/check-integrations \
		$(uv_tests) $(uv_scripts) $(rust_scripts)

clean-integrations:
	rm -rf %D%/rust/target
