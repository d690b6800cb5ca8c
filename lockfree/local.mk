# SPDX-License-Identifier: BSD-2-Clause
# Queues, deque, idle set, parker: structures that know no task.
lockfree_sources = \
	%D%/account.h \
	%D%/ahead.c %D%/ahead.h \
	%D%/bitset.c %D%/bitset.h \
	%D%/deque.c %D%/deque.h \
	%D%/forks.c %D%/forks.h \
	%D%/groupword.h \
	%D%/inject.h \
	%D%/log.c %D%/log.h \
	%D%/mirror.c %D%/mirror.h \
	%D%/node.h \
	%D%/nodes.c %D%/nodes.h \
	%D%/parker.c %D%/parker.h \
	%D%/reclaim.c %D%/reclaim.h \
	%D%/split.c %D%/split.h \
	%D%/tagstack.h \
	%D%/trim.c %D%/trim.h \
	%D%/waitq.c %D%/waitq.h

noinst_LTLIBRARIES += liblockfree.la
liblockfree_la_SOURCES = $(lockfree_sources)
liblockfree_la_CPPFLAGS = $(AM_CPPFLAGS)
