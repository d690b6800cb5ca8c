# SPDX-License-Identifier: BSD-2-Clause
# What the machine gives. The laboratory replaces these objects by its own.
platform_sources = \
	%D%/assert.c \
	%D%/cacheline.h \
	%D%/cancel.h \
	%D%/cgroup.c %D%/cgroup.h \
	%D%/clock.c %D%/clock.h \
	%D%/cpu.c %D%/cpu.h \
	%D%/cpuset.c %D%/cpuset.h \
	%D%/event.c %D%/event.h \
	%D%/fault.c %D%/fault.h \
	%D%/fork.c %D%/fork.h \
	%D%/futex.c %D%/futex.h \
	%D%/guard.c %D%/guard.h \
	%D%/limits.c %D%/limits.h \
	%D%/membarrier.c %D%/membarrier.h \
	%D%/memory.c %D%/memory.h \
	%D%/mutex.c %D%/mutex.h \
	%D%/procfs.c %D%/procfs.h \
	%D%/probe.h \
	%D%/pubfile.c %D%/pubfile.h \
	%D%/quota.c %D%/quota.h \
	%D%/random.c %D%/random.h \
	%D%/rcu.c %D%/rcu.h \
	%D%/sanitizer.h \
	%D%/stack.c %D%/stack.h \
	%D%/thread.c %D%/thread.h \
	%D%/timer.c %D%/timer.h \
	%D%/topology.c %D%/topology.h

noinst_LTLIBRARIES += libplatform.la
libplatform_la_SOURCES = $(platform_sources)
libplatform_la_CPPFLAGS = $(AM_CPPFLAGS) $(URCU_CFLAGS)
libplatform_la_LIBADD = $(URCU_LIBS)
