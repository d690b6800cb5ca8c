/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Probes for tracers that attach from outside (USDT, as of SystemTap's
 * sys/sdt.h): one nop each and a note in the file that says where it is and
 * where its arguments lie at that moment. Without the header at build time they
 * are nothing at all. doc/design/eyes.md has their list.
 *
 * An argument on the way of a task must be a value that is in a register there
 * anyway: a pointer, never a load. Elsewhere numbers may be loaded.
 */
#ifndef HEDDLE_PLATFORM_PROBE_H
#define HEDDLE_PLATFORM_PROBE_H

#ifdef HAVE_SYS_SDT_H
# include <sys/sdt.h>

# define HD_PROBE1(name, a)       STAP_PROBE1(heddle, name, a)
# define HD_PROBE2(name, a, b)    STAP_PROBE2(heddle, name, a, b)
# define HD_PROBE3(name, a, b, c) STAP_PROBE3(heddle, name, a, b, c)
#else
# define HD_PROBE1(name, a)    ((void)sizeof(a))
# define HD_PROBE2(name, a, b) ((void)sizeof(a), (void)sizeof(b))
# define HD_PROBE3(name, a, b, c) \
  ((void)sizeof(a), (void)sizeof(b), (void)sizeof(c))
#endif

#endif /* HEDDLE_PLATFORM_PROBE_H */
