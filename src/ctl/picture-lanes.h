/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Rows of history.c about one lease, as lanes with spans of time. */

enum {
        PICTURE_LANES_MAX = 64, /* further machines share the last lane */
};

typedef struct PictureSpan {
        size_t lane; /* an index of names; n_names: the lane for the times in which the unit was down */
        usec_t from, to;
        const json_t *row; /* the tenure; of a time in which nobody had the lease the one before */
} PictureSpan;

typedef struct PictureLanes {
        const char *lease; /* borrowed from the rows */
        char *names[PICTURE_LANES_MAX];
        size_t n_names;
        PictureSpan *spans; /* by lease in the order of the rows */
        size_t n_spans;
        usec_t from, to; /* of all spans together; of CLOCK_REALTIME */
} PictureLanes;

/* Makes lanes of the rows from first on that are about the same lease, and returns how many these are. The rows are
 * borrowed, and *ret is freed with picture_lanes_done(). If memory is short, some spans are missing. */
size_t picture_lanes_read(const json_t *rows, size_t first, PictureLanes *ret);
void picture_lanes_done(PictureLanes *lanes);
/* Whether a span of the lane overlaps the time from..to, to not included. */
bool picture_lanes_overlap(const PictureLanes *lanes, size_t lane, usec_t from, usec_t to);
