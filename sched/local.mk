# SPDX-License-Identifier: BSD-2-Clause
# Groups, permits, workers, start, stop, steal, block, join.
sched_sources = \
	%D%/bind.c \
	%D%/block.c %D%/block.h \
	%D%/calls.c %D%/calls.h \
	%D%/cap.c %D%/cap.h \
	%D%/check.c %D%/check.h \
	%D%/close.c \
	%D%/fork.c %D%/fork.h %D%/forkown.h \
	%D%/forkalone.c \
	%D%/forkold.c \
	%D%/forkrun.c \
	%D%/forksteal.c \
	%D%/forkwait.c \
	%D%/frame.c %D%/frame.h \
	%D%/donate.c %D%/donate.h \
	%D%/group.h \
	%D%/help.c %D%/help.h \
	%D%/hook.c %D%/hook.h \
	%D%/interrupt.c %D%/interrupt.h \
	%D%/join.c \
	%D%/keep.c %D%/keep.h \
	%D%/lifecycle.c \
	%D%/limits.c %D%/limits.h \
	%D%/look.c %D%/look.h \
	%D%/monitor.c %D%/monitor.h \
	%D%/options.c %D%/options.h \
	%D%/order.c %D%/order.h \
	%D%/outside.c %D%/outside.h \
	%D%/permit.c %D%/permit.h \
	%D%/pin.h \
	%D%/pool.c %D%/pool.h \
	%D%/publish.c %D%/publish.h \
	%D%/queue.c %D%/queue.h \
	%D%/ready.c %D%/ready.h \
	%D%/reap.c %D%/reap.h \
	%D%/report.c %D%/report.h \
	%D%/recycle.c %D%/recycle.h \
	%D%/reserve.c %D%/reserve.h \
	%D%/room.c %D%/room.h \
	%D%/see.c %D%/see.h \
	%D%/share.c %D%/share.h \
	%D%/show.c \
	%D%/start.c %D%/start.h \
	%D%/stop.c \
	%D%/story.c %D%/story.h \
	%D%/submit.c \
	%D%/succeed.c \
	%D%/task.c %D%/task.h \
	%D%/thief.c %D%/thief.h \
	%D%/tree.c %D%/tree.h \
	%D%/trim.c %D%/trim.h \
	%D%/upper.h \
	%D%/version.c \
	%D%/want.c %D%/want.h \
	%D%/watch.c \
	%D%/work.h \
	%D%/worker.c %D%/worker.h

noinst_LTLIBRARIES += libsched.la
libsched_la_SOURCES = $(sched_sources)
libsched_la_CPPFLAGS = $(AM_CPPFLAGS)
