# SPDX-License-Identifier: BSD-2-Clause
# The command `heddle`, with the subcommands of bench/ and papers/ in it.
# tools/buildinfo.c and tools/paths are written by configure: how this build
# was made, and where its parts lie while it has not been installed.
# What another program of this tree uses too.
tools_shared = \
	%D%/args.c %D%/args.h \
	%D%/buildinfo.h \
	%D%/json.c %D%/json.h \
	%D%/machine.c %D%/machine.h \
	%D%/machine_cgroup.c \
	%D%/machine_process.c \
	%D%/out.c %D%/out.h \
	%D%/part.c %D%/part.h \
	%D%/progress.c %D%/progress.h \
	%D%/random.h \
	%D%/results.c %D%/results.h \
	%D%/say.c %D%/say.h \
	%D%/stall.c \
	%D%/stats.c %D%/stats.h \
	%D%/svg.c %D%/svg.h \
	%D%/svg_axis.c %D%/svg_axis.h \
	%D%/svg_bars.c \
	%D%/where.c %D%/where.h

tools_sources = \
	$(tools_shared) \
	%D%/commands.h \
	%D%/explore.c \
	%D%/eye.c \
	%D%/info.c \
	%D%/main.c \
	%D%/snapshot.c %D%/snapshot.h \
	%D%/stress.c %D%/stress.h \
	%D%/stress_cap.c \
	%D%/stress_donor.c \
	%D%/stress_groups.c \
	%D%/stress_guest.c \
	%D%/stress_meet.c \
	%D%/stress_nproc.c \
	%D%/stress_oracle.c %D%/stress_oracle.h %D%/stress_sweep.c \
	%D%/stress_run.c \
	%D%/stress_side.c %D%/stress_side.h \
	%D%/stress_start.c \
	%D%/stress_stop.c %D%/stress_stop.h \
	%D%/stress_submit.c \
	%D%/stress_two.c \
	%D%/stress_under.c \
	%D%/stress_watch.c \
	%D%/top.c \
	%D%/trace.c \
	%D%/watched.c %D%/watched.h

bin_PROGRAMS += heddle
heddle_SOURCES = $(tools_sources) $(bench_sources) $(papers_sources)
nodist_heddle_SOURCES = %D%/buildinfo.c
heddle_CPPFLAGS = $(AM_CPPFLAGS)
heddle_LDFLAGS = $(LINK_FLAGS)
heddle_LDADD = $(heddle_libs) -lm
if HAVE_GLIB
heddle_SOURCES += $(papers_glib_sources)
heddle_CPPFLAGS += -DHAVE_GLIB=1 $(GLIB_CFLAGS)
heddle_LDADD += $(GLIB_LIBS)
endif

## For tracers and debuggers --------------------------------------------------

# The scripts name the library that they trace.
bpftrace_scripts = \
	%D%/bpftrace/blocked.bt \
	%D%/bpftrace/refusals.bt \
	%D%/bpftrace/wake-to-start.bt
bpftracedir = $(pkgdatadir)/bpftrace
bpftrace_DATA = $(bpftrace_scripts)
CLEANFILES += $(bpftrace_scripts)
EXTRA_DIST += $(bpftrace_scripts:=.in) %D%/gdb/heddle-gdb.py
$(bpftrace_scripts): Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	  sed 's|@LIBRARY@|$(libdir)/libheddle.so.0|' $(srcdir)/$@.in >$@.tmp && \
	  mv $@.tmp $@
%D%/bpftrace/blocked.bt: %D%/bpftrace/blocked.bt.in
%D%/bpftrace/refusals.bt: %D%/bpftrace/refusals.bt.in
%D%/bpftrace/wake-to-start.bt: %D%/bpftrace/wake-to-start.bt.in

# gdb reads the file that is named as the library is, once links are resolved. It
# does so by itself below the folders of its auto-load safe-path only.
gdb_helper = $(datadir)/gdb/auto-load$(libdir)
.PHONY: install-gdb-helper uninstall-gdb-helper
install-gdb-helper: libheddle.la
	$(MKDIR_P) '$(DESTDIR)$(gdb_helper)'
	$(INSTALL_DATA) $(srcdir)/%D%/gdb/heddle-gdb.py \
	  "$(DESTDIR)$(gdb_helper)/`sed -n "s/^library_names='\([^ ']*\).*/\1/p" libheddle.la`-gdb.py"
uninstall-gdb-helper:
	rm -f '$(DESTDIR)$(gdb_helper)'/libheddle.so*-gdb.py
