/* SPDX-License-Identifier: BSD-2-Clause */
/* How this build was configured; see buildinfo.c.in. */
#ifndef HEDDLE_TOOLS_BUILDINFO_H
#define HEDDLE_TOOLS_BUILDINFO_H

/* Lines of "key: value", each ended by '\n'. */
extern const char buildinfo_summary[];

#endif /* HEDDLE_TOOLS_BUILDINFO_H */
