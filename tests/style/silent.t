#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The library calls nothing that ends the process or prints, but for the end of an
# assertion of its own.
#
# clause: E2
#
# Method: nm lists what the shared library, and each object of it, takes from others;
# names that end, signal or print are picked out, and only those of a list with
# reasons may be there. An object that does all of it must be found. tests/api/misuse
# tries the calls.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

library=$build/.libs/libheddle.so
[ -e "$library" ] || skip_all "no $library: it is not built shared"
command -v nm >/dev/null || skip_all "nm is missing (binutils)"
# shellcheck disable=SC1091
. "$build/tests/style/machines.env"

# file:function, and why it may be there.
allowed="assert:abort an invariant of heddle is broken
assert:dprintf the same, with what is broken
event:write wakes who waits for the event of a pool, on its own descriptor
pubfile:pwrite the file of a pool that is published, on its own descriptor
thread:pthread_exit the only thread of a child that a task has forked and come back in"

# Names without their fortified forms. snprintf and its kin write to memory.
loud() {
	sed -e 's/@.*//' -e 's/.* //' -e 's/^__\(.*\)_chk$/\1/' | grep -xE \
		-e '_?_?_?_?(exit|Exit|quick_exit|exit_group|abort|atexit|on_exit)' \
		-e '__assert(_perror)?(_fail)?|pthread_exit|thrd_exit' \
		-e 'raise|kill|killpg|tgkill|tkill|sigqueue|pthread_kill|pthread_cancel' \
		-e '(v|vd|d|f|vf|w|vw|fw|vfw|obstack_)?printf' \
		-e 'v?(err|errx|warn|warnx|syslog)|error|error_at_line|perror' \
		-e 'psignal|psiginfo|backtrace_symbols_fd' \
		-e '(f?put(s|c|char|w|wc|ws)|putwchar|putchar|_IO_put[cs])(_unlocked)?' \
		-e 'fwrite(_unlocked)?|p?writev?(64)?|pwritev2?(64)?|send(to|msg|file)?' \
		-e 'stdout|stderr|std(out|err)_FILENO' || :
}

nm -D --undefined-only "$library" | loud | LC_ALL=C sort -u >"$scratch/library"
for object in "$build"/platform/.libs/*.o "$build"/lockfree/.libs/*.o \
	"$build"/sched/.libs/*.o "$build"/tls/.libs/*.o; do
	stem=$(basename "$object" .o)
	nm --undefined-only "$object" | loud | sed "s/^/${stem##*-}:/"
done | LC_ALL=C sort -u >"$scratch/objects"
echo "$allowed" | sed 's/ .*//' | LC_ALL=C sort >"$scratch/allowed"

must "objects end and print only where that has a reason" \
	diff "$scratch/allowed" "$scratch/objects"
must "and so does what is made of them" sh -c \
	"sed 's/.*://' '$scratch/allowed' | LC_ALL=C sort | diff - '$scratch/library'"

# System calls by number have no name for nm; tgkill sends the signal 0, a question.
(cd "$top" && grep -rhoE '(SYS|__NR)_[a-z0-9_]+' platform lockfree sched tls) |
	LC_ALL=C sort -u >"$scratch/numbers"
must "no system call by number ends or prints" diff "$scratch/numbers" - <<'EOF'
SYS_futex
SYS_gettid
SYS_membarrier
SYS_rt_sigprocmask
SYS_tgkill
EOF
must "and the only signal is 0" sh -c \
	"grep -rh 'SYS_tgkill' '$top/platform' | grep -v 'SYS_tgkill, getpid(), tid, 0)' |
		diff /dev/null -"

# The picking is tried: each of these must be found.
cat >"$scratch/loud.c" <<'EOF'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <syslog.h>
#include <err.h>
void loud(char *text);
void loud(char *text)
{
	puts(text);
	printf("%s %s", text, text);
	fprintf(stderr, "%s", text);
	fputs(text, stdout);
	if (write(2, text, 1) < 0)
		perror(text);
	syslog(1, "%s", text);
	warnx("%s", text);
	if (*text)
		exit(1);
	if (text[1])
		_exit(1);
	abort();
}
EOF
# shellcheck disable=SC2154,SC2086
$cc -O0 -fno-builtin -c -o "$scratch/loud.o" "$scratch/loud.c"
nm --undefined-only "$scratch/loud.o" | loud | LC_ALL=C sort -u >"$scratch/found"
for name in _exit abort exit fprintf fputs perror printf puts stderr stdout syslog \
	warnx write; do
	must "$name is found" grep -qx "$name" "$scratch/found"
done
finish
