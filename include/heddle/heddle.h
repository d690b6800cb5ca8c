/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The umbrella header: everything a program needs that embeds heddle. The
 * unstable fault and delay points of <heddle/testing.h> are not part of it.
 */
#ifndef HEDDLE_HEDDLE_H
#define HEDDLE_HEDDLE_H

#include <heddle/version.h>
#include <heddle/api.h>
#include <heddle/pool.h>
#include <heddle/group.h>
#include <heddle/task.h>
#include <heddle/block.h>
#include <heddle/forkjoin.h>
#include <heddle/slot.h>
#include <heddle/guest.h>
#include <heddle/see.h>
#include <heddle/limits.h>
#include <heddle/publish.h>

#endif /* HEDDLE_HEDDLE_H */
