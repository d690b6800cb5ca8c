# SPDX-License-Identifier: BSD-2-Clause
# The installed headers, listed by hand: nothing becomes public by accident.
heddleincludedir = $(includedir)/heddle
heddleinclude_HEADERS = \
	%D%/heddle/heddle.h \
	%D%/heddle/api.h \
	%D%/heddle/pool.h \
	%D%/heddle/group.h \
	%D%/heddle/task.h \
	%D%/heddle/block.h \
	%D%/heddle/forkjoin.h \
	%D%/heddle/slot.h \
	%D%/heddle/guest.h \
	%D%/heddle/see.h \
	%D%/heddle/limits.h \
	%D%/heddle/publish.h \
	%D%/heddle/testing.h
nodist_heddleinclude_HEADERS = %D%/heddle/version.h
