# SPDX-License-Identifier: BSD-2-Clause
# The laboratory: the library's own sources, compiled so that every access to
# memory is a call, linked with lab/ in place of platform/ and of libtsan.
#
# -fsanitize=thread must stand in CPPFLAGS of these targets only: in CFLAGS it
# would reach the link line and pull in libtsan.
LAB_CPPFLAGS = $(AM_CPPFLAGS) -fsanitize=thread

# The engine and the platform that it is; these are not explored themselves.
lab_sources = \
	%D%/arena.c \
	%D%/engine.c %D%/engine.h \
	%D%/fiber.c %D%/fiber.h \
	%D%/main.c \
	%D%/memory.c %D%/memory.h \
	%D%/platform.c %D%/platform.h \
	%D%/scenario.h \
	%D%/self.c \
	%D%/shadow.c %D%/shadow.h \
	%D%/strategy.c %D%/strategy.h \
	%D%/tsan_abi.c

# One program for each file of scenarios.
lab_programs = \
	%D%/scenarios/kick \
	%D%/scenarios/litmus \
	%D%/scenarios/park

lab_libs = %D%/liblab.a %D%/liblab_heddle.a %D%/liblab.a

# Broken twins of the library, which the scenarios must find.
lab_twins = \
	%D%/twins/flag-stuck.sed \
	%D%/twins/give-unseen.sed \
	%D%/twins/kick-none.sed \
	%D%/twins/wake-no-chain.sed

EXTRA_DIST += %D%/make-twin $(lab_twins)

if WITH_LAB
noinst_LIBRARIES += %D%/liblab.a %D%/liblab_heddle.a
%C%_liblab_a_SOURCES = $(lab_sources)
%C%_liblab_a_CPPFLAGS = $(AM_CPPFLAGS)
%C%_liblab_heddle_a_SOURCES = $(lockfree_sources) $(sched_sources) $(tls_sources)
%C%_liblab_heddle_a_CPPFLAGS = $(LAB_CPPFLAGS)

noinst_PROGRAMS += $(lab_programs)
%C%_scenarios_kick_CPPFLAGS = $(LAB_CPPFLAGS)
%C%_scenarios_kick_LDADD = $(lab_libs)
%C%_scenarios_litmus_CPPFLAGS = $(LAB_CPPFLAGS)
%C%_scenarios_litmus_LDADD = $(lab_libs)
%C%_scenarios_park_CPPFLAGS = $(LAB_CPPFLAGS)
%C%_scenarios_park_LDADD = $(lab_libs)
endif

# make-twin builds each in a folder of its own.
.PHONY: clean-twins
clean-twins:
	rm -rf %D%/twins/*/
