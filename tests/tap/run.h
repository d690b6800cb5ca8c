/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two halves of the producer share; tests include tap.h only. */
#ifndef HEDDLE_TESTS_TAP_RUN_H
#define HEDDLE_TESTS_TAP_RUN_H

#include <stdbool.h>

/* Whether this process is not the one that started the test. */
bool tap_is_forked_child(void);

/* End the watchdog and wait until it is gone. */
void tap_deadline_disarm(void);

#endif /* HEDDLE_TESTS_TAP_RUN_H */
