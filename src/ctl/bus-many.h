/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Many calls of one kind over the system bus. They are under way together, so that the time of all is what the other
 * side needs for them, and not that of a round trip for each. */
typedef struct BusMany {
        /* Makes the call with this number. Returns 0 or a negative errno, which ends all. */
        int (*make)(size_t i, sd_bus_message **ret, void *userdata);
        /* Takes the answer to it, in any order. error: what the other side has against it; NULL: nothing. */
        void (*take)(size_t i, sd_bus_message *answer, const sd_bus_error *error, void *userdata);
        void *userdata;
        usec_t timeout;  /* of each; 0: BUS_CALL_TIMEOUT */
        bool one_by_one; /* not together, after all */
        /* Called while answers are waited for, five times a second; may be NULL. */
        void (*idle)(void *userdata);
} BusMany;

/* Makes n calls and waits until each is answered. Returns 0; a negative errno if the connection has ended, or out of
 * memory: then some have no answer. Prints nothing. */
int bus_call_many(sd_bus *bus, size_t n, const BusMany *calls);
