# SPDX-License-Identifier: BSD-2-Clause
# One folder for each reproduced experiment.
papers_sources = \
	%D%/P01/backend.c %D%/P01/backend.h \
	%D%/P01/backend_heddle.c %D%/P01/backend_heddle.h \
	%D%/P01/backend_pthread.c \
	%D%/P01/backend_rayon.c \
	%D%/P01/backend_rusty.c \
	%D%/P01/figures.c \
	%D%/P01/hooks.c %D%/P01/hooks.h \
	%D%/P01/judge.c %D%/P01/judge.h \
	%D%/P01/judge_article.c \
	%D%/P01/judge_cap.c \
	%D%/P01/judge_cost.c \
	%D%/P01/judge_recycle.c \
	%D%/P01/judge_threads.c \
	%D%/P01/look.c \
	%D%/P01/measure.h \
	%D%/P01/measure_cap.c \
	%D%/P01/measure_memory.c \
	%D%/P01/measure_pool.c \
	%D%/P01/measure_reclaim.c \
	%D%/P01/measure_recycle.c \
	%D%/P01/measure_resize.c \
	%D%/P01/measure_threads.c \
	%D%/P01/p01.c %D%/P01/p01.h \
	%D%/P01/plan.c \
	%D%/P01/probe.c %D%/P01/probe.h \
	%D%/P01/threads.c %D%/P01/threads.h \
	%D%/child.c %D%/child.h \
	%D%/histogram.c %D%/histogram.h \
	%D%/paper.h \
	%D%/papers.c \
	%D%/study.c %D%/study.h

papers_glib_sources = \
	%D%/P01/backend_glib.c

EXTRA_DIST += \
	%D%/README.md \
	%D%/P01/README.md
