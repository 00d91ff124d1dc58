/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a fingerprint must know of a core from inside (core-shape.c). */

#include "core/core.h"

/* Ranges in which no other number lies: so a number in a core's memory shows what it is. */
#define BASE_REVISION (UINT64_C(1) << 41)
#define BASE_ID (UINT64_C(1) << 42)
#define BASE_SERIAL (UINT64_C(1) << 43)
#define BASE_BOOTTIME (UINT64_C(1) << 44)
#define BASE_STAMP (UINT64_C(1) << 45)
#define BASE_REALTIME (UINT64_C(1700000000000000))
#define RANGE (UINT64_C(1) << 40)

/* The present values from which a core's numbers are counted. Two cores whose numbers lie equally far from these
 * values are in the same state. */
typedef struct CoreBases {
        Now now; /* of its last step */
        uint64_t revision, id, serial, stamp;
} CoreBases;

/* Moves the counters of a new core into their ranges. */
void core_shape_begin(Core *core);
CoreBases core_shape_bases(const Core *core);
/* Gives a part of the core's memory that is no state, or that core_shape_print() covers instead. Parts are numbered
 * from 0. Returns false if there is no part of this number. */
bool core_shape_part(Core *core, unsigned number, void **ret, size_t *ret_size);
/* Gives how many bytes of a block of the core's memory are state: of a fence, up to the last of its names. */
size_t core_shape_size(const Core *core, const void *block, size_t size);
/* Gives a fingerprint of the state in those parts. Ages above old count as equal. */
uint64_t core_shape_print(const Core *core, usec_t old);
