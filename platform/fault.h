/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault and delay points, armed by <heddle/testing.h>. Off the hot paths; an
 * unarmed point is one relaxed load.
 */
#ifndef HEDDLE_PLATFORM_FAULT_H
#define HEDDLE_PLATFORM_FAULT_H

/* 0, or the positive errno this pass must fail with (enum heddle_fault_site). */
int hd_fault(int site);

/* Spins for the time set for enum heddle_delay_site. */
void hd_delay(int site);

#endif /* HEDDLE_PLATFORM_FAULT_H */
