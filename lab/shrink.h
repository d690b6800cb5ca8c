/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A failing schedule made simple: choices are taken back one after the other, to
 * "go on with the same thread" and "the newest value", as long as the same kind
 * of failure comes out (A. Zeller, R. Hildebrandt, "Simplifying and isolating
 * failure-inducing input", 2002, has the idea).
 */
#ifndef HEDDLE_LAB_SHRINK_H
#define HEDDLE_LAB_SHRINK_H

#include "lab/engine.h"

/* Replaces the replay of a failed result; the scenario is open. */
void lab_shrink(const struct lab_options *options, struct lab_result *result);

#endif /* HEDDLE_LAB_SHRINK_H */
