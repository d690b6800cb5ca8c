# SPDX-License-Identifier: BSD-2-Clause
#
# Test programs have no suffix and are made of <folder>/<name>.c. Those of the
# public surface link the shared library, as a user does, and need one line
# here: their name. Those in unit/ reach inside and link the layers themselves;
# they have a second line that says so. Scripts end in .t. All of them speak
# TAP.

check_LIBRARIES += %D%/tap/libtap.a
%C%_tap_libtap_a_SOURCES = %D%/tap/tap.c %D%/tap/tap.h %D%/tap/run.c %D%/tap/run.h
%C%_tap_libtap_a_CPPFLAGS = $(AM_CPPFLAGS)

tap_lib = %D%/tap/libtap.a

# What tests of the public surface share.
check_LIBRARIES += %D%/support/libsupport.a
%C%_support_libsupport_a_SOURCES = \
	%D%/support/guests.c %D%/support/guests.h \
	%D%/support/sanitizer.h \
	%D%/support/support.c %D%/support/support.h \
	%D%/support/tree.c %D%/support/tree.h \
	%D%/support/usage.c %D%/support/usage.h
%C%_support_libsupport_a_CPPFLAGS = $(AM_CPPFLAGS)

support_lib = %D%/support/libsupport.a

# A program that a script watches; no test by itself.
check_PROGRAMS += %D%/support/idle

LDADD = $(support_lib) $(tap_lib) $(heddle_libs)
unit_libs = $(support_lib) $(tap_lib) $(internal_libs)

## Programs ------------------------------------------------------------------

public_tests = \
	%D%/api/allocation \
	%D%/api/memory \
	%D%/api/block-bound \
	%D%/api/caps \
	%D%/api/exit \
	%D%/api/exit-told \
	%D%/api/exit-elsewhere \
	%D%/api/fault-each \
	%D%/api/fork \
	%D%/api/forkjoin \
	%D%/api/forks \
	%D%/api/fork-costs \
	%D%/api/fork-left \
	%D%/api/fork-waits \
	%D%/api/groups \
	%D%/api/guest \
	%D%/api/guest-misuse \
	%D%/api/guest-scrub \
	%D%/api/help \
	%D%/api/submit-join \
	%D%/api/help-many \
	%D%/api/hooks \
	%D%/api/idle \
	%D%/api/lifecycle \
	%D%/api/limits \
	%D%/api/monitor \
	%D%/api/monitor-life \
	%D%/api/misuse \
	%D%/api/order \
	%D%/api/placement \
	%D%/api/publish \
	%D%/api/room \
	%D%/api/run \
	%D%/api/run-loop \
	%D%/api/run-many \
	%D%/api/signals \
	%D%/api/skip \
	%D%/api/slot \
	%D%/api/stop \
	%D%/api/tasks \
	%D%/api/reserve \
	%D%/api/tenants \
	%D%/api/template \
	%D%/api/two-starts \
	%D%/regression/f01-join-early \
	%D%/regression/f02-gone-at-return \
	%D%/regression/f05-nproc-exact \
	%D%/regression/f06-give-back \
	%D%/regression/f07-stacks-kept \
	%D%/regression/f08-cap-external \
	%D%/regression/f09-in-flight \
	%D%/regression/f10-one-limit \
	%D%/regression/f11-any-machine \
	%D%/regression/f12-blocking-burst \
	%D%/regression/f13-hostile-names \
	%D%/regression/f14-cap-boundaries \
	%D%/regression/f15-reserve \
	%D%/regression/f17-blocked-recovers \
	%D%/regression/f18-create-fails \
	%D%/regression/f19-submitter \
	%D%/regression/f20-load \
	%D%/regression/f21-start-quiet \
	%D%/regression/f22-last-task \
	%D%/regression/f23-counts \
	%D%/regression/f24-many-cycles \
	%D%/regression/f27-stack-completion \
	%D%/regression/f28-stop-at-cap \
	%D%/regression/f29-one-cpu \
	%D%/regression/f30-lock-above-join \
	%D%/regression/f31-nesting \
	%D%/regression/f32-waiters \
	%D%/regression/f33-all-pinned \
	%D%/regression/f34-control-inside \
	%D%/regression/f35-one-setter \
	%D%/regression/f36-ramp-down \
	%D%/regression/f37-resize-exact \
	%D%/regression/f39-exit \
	%D%/regression/f40-first-submit \
	%D%/regression/f42-quota \
	%D%/regression/f44-memory-back \
	%D%/regression/f45-control-inside \
	%D%/regression/f46-idle-cost \
	%D%/regression/f48-retire-submit

unit_tests = \
	%D%/unit/lockfree-bitset \
	%D%/unit/lockfree-deque \
	%D%/unit/lockfree-split \
	%D%/unit/lockfree-account \
	%D%/unit/lockfree-forks \
	%D%/unit/lockfree-groupword \
	%D%/unit/lockfree-inject \
	%D%/unit/lockfree-log \
	%D%/unit/lockfree-mirror \
	%D%/unit/lockfree-nodes \
	%D%/unit/lockfree-trim \
	%D%/unit/lockfree-parker \
	%D%/unit/lockfree-reclaim \
	%D%/unit/lockfree-waitq \
	%D%/unit/platform \
	%D%/unit/platform-quota \
	%D%/unit/platform-thread \
	%D%/unit/sched-check \
	%D%/unit/platform-topology \
	%D%/unit/sched-share \
	%D%/unit/tls-berth \
	%D%/unit/tls-scrub \
	%D%/unit/tls-slot \
	%D%/unit/tls-tid \
	%D%/unit/tools-snapshot

program_tests = %D%/tap/selftest $(unit_tests) $(public_tests)
check_PROGRAMS += $(program_tests)
%C%_tap_selftest_LDADD = $(tap_lib)
# It loads the library itself.
%C%_regression_f20_load_LDADD = $(tap_lib) -ldl
%C%_regression_f20_load_DEPENDENCIES = $(tap_lib) $(heddle_libs)

# unit: what they link
%C%_unit_lockfree_bitset_LDADD = $(unit_libs)
%C%_unit_lockfree_deque_LDADD = $(unit_libs)
%C%_unit_lockfree_split_LDADD = $(unit_libs)
%C%_unit_lockfree_account_LDADD = $(unit_libs)
%C%_unit_lockfree_forks_LDADD = $(unit_libs)
%C%_unit_lockfree_groupword_LDADD = $(unit_libs)
%C%_unit_lockfree_inject_LDADD = $(unit_libs)
%C%_unit_lockfree_log_LDADD = $(unit_libs)
%C%_unit_lockfree_mirror_LDADD = $(unit_libs)
%C%_unit_lockfree_nodes_LDADD = $(unit_libs)
%C%_unit_lockfree_trim_LDADD = $(unit_libs)
%C%_unit_lockfree_parker_LDADD = $(unit_libs)
%C%_unit_lockfree_reclaim_LDADD = $(unit_libs)
%C%_unit_lockfree_waitq_LDADD = $(unit_libs)
%C%_unit_platform_LDADD = $(unit_libs)
%C%_unit_platform_quota_LDADD = $(unit_libs)
%C%_unit_platform_thread_LDADD = $(unit_libs)
%C%_unit_sched_check_LDADD = $(unit_libs)
%C%_unit_platform_topology_LDADD = $(unit_libs)
%C%_unit_sched_share_LDADD = $(unit_libs)
%C%_unit_tls_berth_LDADD = $(unit_libs)
%C%_unit_tls_scrub_LDADD = $(unit_libs)
%C%_unit_tls_slot_LDADD = $(unit_libs)
%C%_unit_tls_tid_LDADD = $(unit_libs)
%C%_regression_f24_many_cycles_LDADD = $(unit_libs)
%C%_regression_f35_one_setter_LDADD = $(unit_libs)
# end of unit

# What the command reads, without the command.
reader_sources = tools/eye.c tools/say.c tools/snapshot.c
%C%_api_publish_SOURCES = %D%/api/publish.c $(reader_sources)
%C%_api_publish_CPPFLAGS = $(AM_CPPFLAGS)
%C%_unit_tools_snapshot_SOURCES = %D%/unit/tools-snapshot.c $(reader_sources)
%C%_unit_tools_snapshot_CPPFLAGS = $(AM_CPPFLAGS)

## Scripts -------------------------------------------------------------------

script_tests = \
	%D%/api/gdb.t \
	%D%/api/idle-strace.t \
	%D%/api/never-under.t \
	%D%/api/stops.t \
	%D%/api/top.t \
	%D%/model/count.t \
	%D%/model/entry.t \
	%D%/model/explore.t \
	%D%/model/grace.t \
	%D%/model/laboratory.t \
	%D%/model/litmus.t \
	%D%/model/park.t \
	%D%/model/reserve.t \
	%D%/model/permits-model.t \
	%D%/model/relacy.t \
	%D%/model/split.t \
	%D%/model/stall.t \
	%D%/model/twins.t \
	%D%/regression/f39-unload.t \
	%D%/style/bench.t \
	%D%/style/bench-lockfree.t \
	%D%/style/bench-w3.t \
	%D%/style/completion.t \
	%D%/style/contract.t \
	%D%/style/examples.t \
	%D%/style/guide.t \
	%D%/style/headers.t \
	%D%/style/install.t \
	%D%/style/layers.t \
	%D%/style/library.t \
	%D%/style/man.t \
	%D%/style/opponents.t \
	%D%/style/pairs.t \
	%D%/style/probes.t \
	%D%/style/run-one.t \
	%D%/style/same-source.t \
	%D%/style/silent.t \
	%D%/style/text.t \
	%D%/style/usage.t

# Recorded trees of files, models in Promela, sources for Relacy, what tests of one folder share, and what scripts read.
test_data = \
	%D%/data/limits/affinity.tree \
	%D%/data/limits/disjoint.tree \
	%D%/data/limits/docker-v1.tree \
	%D%/data/limits/docker-v2.tree \
	%D%/data/limits/hostile.tree \
	%D%/data/limits/hybrid.tree \
	%D%/data/limits/offline.tree \
	%D%/data/limits/outside.tree \
	%D%/data/limits/pod.tree \
	%D%/data/limits/v1.tree \
	%D%/data/limits/v2-cpuset.tree \
	%D%/data/limits/v2-nested.tree \
	%D%/model/entry.pml \
	%D%/model/grace.pml \
	%D%/model/park.pml \
	%D%/model/permits.pml \
	%D%/model/relacy/deque.cc \
	%D%/model/relacy/explore.cc \
	%D%/model/relacy/explore.hh \
	%D%/model/relacy/inject.cc \
	%D%/model/relacy/machine.hh \
	%D%/model/relacy/parker.cc \
	%D%/model/relacy/split.cc \
	%D%/model/relacy/translate.sed \
	%D%/model/relacy/twins.tsv \
	%D%/model/reserve.pml \
	%D%/model/spin.sh \
	%D%/model/split.pml \
	%D%/run-one.sh \
	%D%/style/sh-tap.sh \
	%D%/tsan.supp \
	%D%/unit/lockfree-team.h

EXTRA_DIST += $(script_tests) $(test_data)

## How they run --------------------------------------------------------------

TESTS += %D%/tap/selftest $(unit_tests) $(public_tests) $(script_tests)

TEST_EXTENSIONS = .t
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_COMPILER = $(SHELL) $(top_srcdir)/%D%/run-one.sh
T_LOG_DRIVER = $(LOG_DRIVER)
T_LOG_COMPILER = $(LOG_COMPILER)

AM_TESTS_ENVIRONMENT = \
	abs_top_srcdir='$(abs_top_srcdir)'; export abs_top_srcdir; \
	abs_top_builddir='$(abs_top_builddir)'; export abs_top_builddir; \
	AWK='$(AWK)'; export AWK;
if WITH_TSAN
AM_TESTS_ENVIRONMENT += \
	TSAN_OPTIONS="suppressions=$(abs_top_srcdir)/%D%/tsan.supp $$TSAN_OPTIONS"; \
	export TSAN_OPTIONS;
endif

# The flags of each machine, for the test that both see the same text. They
# are written by the makefile itself so that they are those of the real rules.
%D%/style/machines.env: Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && { \
	  printf 'cc="%s"\n' '$(CC)'; \
	  printf 'native="%s"\n' '$(DEFS) $(liblockfree_la_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS) -fPIC -DPIC'; \
	  printf 'lab="%s"\n' '$(DEFS) $(LAB_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS)'; \
	  printf 'objcopy="%s"\n' '$(OBJCOPY)'; \
	  printf 'scenarios="%s"\n' '$(lab_scenarios)'; \
	  printf 'sources="%s"\n' '$(lockfree_sources) $(sched_sources) $(tls_sources)'; \
	  printf 'srcdir="%s"\n' '$(srcdir)'; \
	  printf 'cxx="%s"\n' '$(CXX_OF_TESTS)'; \
	  printf 'headers="%s"\n' '$(heddleinclude_HEADERS)'; \
	  printf 'sanitizer="%s"\n' '$(SANITIZER_FLAGS)'; \
	} >$@.tmp && mv $@.tmp $@
check_DATA = %D%/style/machines.env
CLEANFILES += %D%/style/machines.env

# Only the tests that are programs, without the checks of the text.
.PHONY: check-built
check-built: all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(program_tests)'

.PHONY: check-programs list-results
check-programs: $(check_PROGRAMS)

# One line "result <name>" for each test, whose results are in <name>.log and
# <name>.trs.
list-results:
	@for log in $(TEST_LOGS); do echo "result $${log%.log}"; done
