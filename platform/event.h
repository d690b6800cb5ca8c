/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A descriptor that a poll loop can watch: eventfd(2), non-blocking and closed by an
 * exec. It is readable from a signal on until it is drained.
 */
#ifndef HEDDLE_PLATFORM_EVENT_H
#define HEDDLE_PLATFORM_EVENT_H

/* A new one, not readable, or -errno (EMFILE, ENFILE, ENOMEM). */
int hd_event_create(void);

/* Makes it readable; one call of the kernel, which does not wait. */
void hd_event_signal(int fd);

/* Makes it not readable, if it is; one call of the kernel, which does not wait. */
void hd_event_drain(int fd);

void hd_event_close(int fd);

#endif /* HEDDLE_PLATFORM_EVENT_H */
