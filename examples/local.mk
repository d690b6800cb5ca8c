# SPDX-License-Identifier: BSD-2-Clause
# One file for one idea; each is built and run by make check.
example_programs = \
	%D%/buildgraph \
	%D%/container \
	%D%/first \
	%D%/guests \
	%D%/loop \
	%D%/server \
	%D%/sort \
	%D%/tenants

check_PROGRAMS += $(example_programs)
%C%_buildgraph_LDADD = $(heddle_libs)
%C%_container_LDADD = $(heddle_libs)
%C%_first_LDADD = $(heddle_libs)
%C%_guests_LDADD = $(heddle_libs)
%C%_loop_LDADD = $(heddle_libs)
%C%_server_LDADD = $(heddle_libs)
%C%_sort_LDADD = $(heddle_libs)
%C%_tenants_LDADD = $(heddle_libs)
