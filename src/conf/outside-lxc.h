/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * lxc-start and lxc-execute leave the control group of the unit: they make a group for themselves and one for the
 * container, in the root or where the settings of the container say. A setting on the command line counts before the
 * one in the container's file, which is not read.
 */

#include "util/macros.h"

typedef enum LxcPlace {
        LXC_PLACE_UNSAID, /* the command line does not say */
        LXC_PLACE_UNIT,   /* below the control group of the unit */
        LXC_PLACE_SLICE,  /* below that of the slice */
        LXC_PLACE_OTHER,
} LxcPlace;

/* Where a command of lxc-start or lxc-execute puts the container. The argument slice is Slice= of the unit, or NULL.
 * Only for outside.c. */
LxcPlace outside_lxc_place(char *const *argv, const char *slice);

/* Writes the control group of a slice, as PID 1 makes it: "a.slice/a-b.slice" for a-b.slice. Returns buf. Only for
 * outside.c. */
const char *outside_lxc_group(const char *slice, char *buf, size_t size);
