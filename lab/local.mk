# SPDX-License-Identifier: BSD-2-Clause
# The laboratory: the library's own sources, compiled so that every access to
# memory is a call, linked with lab/ in place of platform/ and of libtsan.
#
# -fsanitize=thread must stand in CPPFLAGS of these targets only: in CFLAGS it
# would reach the link line and pull in libtsan.
LAB_CPPFLAGS = $(AM_CPPFLAGS) -fsanitize=thread $(LAB_VOLATILE) $(LAB_FENCES)

# The engine and the platform that it is; these are not explored themselves.
lab_sources = \
	%D%/arena.c \
	%D%/count.c %D%/count.h \
	%D%/counting.c \
	%D%/engine.c %D%/engine.h \
	%D%/fiber.c %D%/fiber.h \
	%D%/linear.c %D%/linear.h \
	%D%/memory.c %D%/memory.h \
	%D%/options.c %D%/options.h \
	%D%/platform.c %D%/platform.h \
	%D%/platform_files.c \
	%D%/race.c %D%/race.h \
	%D%/report.c %D%/report.h \
	%D%/scenario.h \
	%D%/shadow.c %D%/shadow.h \
	%D%/shrink.c %D%/shrink.h \
	%D%/strategy.c %D%/strategy.h \
	%D%/trace.c %D%/trace.h \
	%D%/tsan_abi.c \
	%D%/value.h \
	%D%/view.h

# Scenarios, by what they are about. A new file needs a line here and no other.
lab_scenarios = \
	%D%/scenarios/bitset.c \
	%D%/scenarios/block.c \
	%D%/scenarios/calls.c \
	%D%/scenarios/caps.c \
	%D%/scenarios/churn.c \
	%D%/scenarios/close.c \
	%D%/scenarios/counts.c \
	%D%/scenarios/deque.c \
	%D%/scenarios/exit.c \
	%D%/scenarios/groupword.c \
	%D%/scenarios/donate.c \
	%D%/scenarios/fork.c \
	%D%/scenarios/forkends.c \
	%D%/scenarios/forkjoins.c \
	%D%/scenarios/forks.c \
	%D%/scenarios/fresh.c \
	%D%/scenarios/guest.c \
	%D%/scenarios/help.c \
	%D%/scenarios/history.c \
	%D%/scenarios/inject.c \
	%D%/scenarios/interrupt.c \
	%D%/scenarios/join.c \
	%D%/scenarios/keep.c \
	%D%/scenarios/known.c \
	%D%/scenarios/limit.c \
	%D%/scenarios/litmus.c \
	%D%/scenarios/log.c \
	%D%/scenarios/mirror.c \
	%D%/scenarios/monitor.c \
	%D%/scenarios/nodes.c \
	%D%/scenarios/order.c \
	%D%/scenarios/pairs.c \
	%D%/scenarios/park.c \
	%D%/scenarios/parker.c \
	%D%/scenarios/reclaim.c \
	%D%/scenarios/recycle.c \
	%D%/scenarios/reserve.c \
	%D%/scenarios/room.c \
	%D%/scenarios/serial.c \
	%D%/scenarios/split.c \
	%D%/scenarios/start.c \
	%D%/scenarios/submit.c \
	%D%/scenarios/thief.c \
	%D%/scenarios/trim.c \
	%D%/scenarios/trimmer.c \
	%D%/scenarios/turns.c \
	%D%/scenarios/version.c \
	%D%/scenarios/waitq.c

EXTRA_DIST += %D%/make-twin %D%/mutants-settled.tsv %D%/run-mutants \
	%D%/run-twins %D%/twins.tsv

if WITH_LAB
noinst_LIBRARIES += %D%/liblab.a %D%/liblab_heddle.a %D%/liblab_scenarios.a
%C%_liblab_a_SOURCES = $(lab_sources)
%C%_liblab_a_CPPFLAGS = $(AM_CPPFLAGS)
%C%_liblab_heddle_a_SOURCES = $(lockfree_sources) $(sched_sources) $(tls_sources)
%C%_liblab_heddle_a_CPPFLAGS = $(LAB_CPPFLAGS)

%C%_liblab_scenarios_a_SOURCES = $(lab_scenarios) %D%/scenarios/bag.h \
	%D%/scenarios/forks.h %D%/scenarios/guest.h %D%/scenarios/pairs.h \
	%D%/scenarios/pool.h
%C%_liblab_scenarios_a_CPPFLAGS = $(LAB_CPPFLAGS)

# The compilers leave these calls to the C library, whose functions the
# sanitizer takes over at run time.
LAB_REDIRECT = $(OBJCOPY) --redefine-sym memcpy=__tsan_memcpy \
	--redefine-sym memmove=__tsan_memmove \
	--redefine-sym memset=__tsan_memset
%D%/liblab_explored.a: %D%/liblab_heddle.a
	$(AM_V_GEN)$(LAB_REDIRECT) %D%/liblab_heddle.a $@
%D%/liblab_scenarios_explored.a: %D%/liblab_scenarios.a
	$(AM_V_GEN)$(LAB_REDIRECT) %D%/liblab_scenarios.a $@
CLEANFILES += %D%/liblab_explored.a %D%/liblab_scenarios_explored.a

# Scenarios register themselves: nobody asks for their objects by a name.
noinst_PROGRAMS += %D%/explore
%C%_explore_SOURCES = %D%/main.c
%C%_explore_CPPFLAGS = $(AM_CPPFLAGS)
%C%_explore_LDFLAGS = -Wl,--whole-archive,%D%/liblab_scenarios_explored.a,--no-whole-archive
%C%_explore_LDADD = %D%/liblab.a %D%/liblab_explored.a %D%/liblab.a
%C%_explore_DEPENDENCIES = %D%/liblab.a %D%/liblab_explored.a \
	%D%/liblab_scenarios_explored.a
endif

# make-twin builds each in a folder of its own.
.PHONY: clean-twins
clean-twins:
	rm -rf %D%/twins
