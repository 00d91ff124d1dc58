/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which machines would take a unit, in which order, by the daemons' own rules (core/placement.h), as if it were
 * enabled on every one of them and nobody held it. Pure: no bus, no files.
 */

#include "conf/conf.h"
#include "core/placement.h"

/* What is held, and by whom. Borrows everything. */
typedef struct WeighedLease {
        const char *unit; /* whose lease it is, as far as that is known here */
        const char *machine_id;
        const UnitOptions *
                        options; /* of that unit; NULL: it is not enabled here, so nothing is known of what it minds */
} WeighedLease;

typedef struct WeighedMachine {
        /* to be filled in */
        PlacementMachine look; /* id, metadata, draining, held */
        const char *hostname;
        bool up, here;
        /* by weigh() */
        bool holds;      /* it has the unit now */
        const char *why; /* why it would not take it; NULL: it would */
        unsigned rank;   /* if it would: how many come before it */
        char buffer[WHY_TEXT_SIZE];
} WeighedMachine;

/* order gets pointers to all n machines: those that would take the unit, the first one first, then the others as they
 * come. Returns how many would. */
size_t weigh(const UnitOptions *unit, const WeighedLease *leases, size_t n_leases, WeighedMachine *machines, size_t n,
                WeighedMachine **order);
