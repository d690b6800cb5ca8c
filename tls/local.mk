# SPDX-License-Identifier: BSD-2-Clause
# Slots, guest threads and their WASI state, wait and notify.
tls_sources = \
	%D%/berth.c %D%/berth.h \
	%D%/guest.c %D%/guest.h \
	%D%/life.c %D%/life.h \
	%D%/process.c %D%/process.h \
	%D%/run.c \
	%D%/scrub.c %D%/scrub.h \
	%D%/slot.c %D%/slot.h \
	%D%/tid.c %D%/tid.h \
	%D%/upper.c \
	%D%/wait.h

noinst_LTLIBRARIES += libtls.la
libtls_la_SOURCES = $(tls_sources)
libtls_la_CPPFLAGS = $(AM_CPPFLAGS)
