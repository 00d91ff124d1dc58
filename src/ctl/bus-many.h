/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Many calls of one kind over the system bus. The calls are under way together, so that all of them take as long as
 * the other side needs for the work, and not a round trip for each. */
typedef struct BusMany {
        /* Makes the message of call number i, owned by bus_call_many() from then on. Returns 0, or a negative
         * errno, which ends all calls. */
        int (*make)(size_t i, sd_bus_message **ret, void *userdata);
        /* Takes the answer to call number i. Answers come in any order. The argument error is what the other side
         * has against the call, and NULL if the call succeeded; both are borrowed. */
        void (*take)(size_t i, sd_bus_message *answer, const sd_bus_error *error, void *userdata);
        void *userdata;
        usec_t timeout;  /* of each call; 0: BUS_CALL_TIMEOUT */
        bool one_by_one; /* each call waits for the answer to the one before */
        /* Called while answers are waited for, five times a second; may be NULL. */
        void (*idle)(void *userdata);
} BusMany;

/* Makes n calls and waits until each is answered. Returns 0, or a negative errno if the connection has ended, a
 * call could not be made or memory is short: some calls then have no answer. Prints nothing. */
int bus_call_many(sd_bus *bus, size_t n, const BusMany *calls);
