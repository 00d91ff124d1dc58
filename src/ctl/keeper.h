/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/bus.h"

/*
 * A lease of the D-Bus API, kept by renewing it. It is ours up to a deadline that only a renewal that was answered
 * moves, and that counts from before the call was sent: so long nobody else can have it, whatever becomes of us.
 *
 * A call without an answer may have been carried out, and then the lease has another Index than the one we know. So
 * whoever acquires gives it a version that nobody else has: by machine and version the lease is found to be still
 * ours, at whichever Index. A deadline never moves by such a look.
 */

typedef struct Keeper {
        sd_bus *bus;
        const char *name;
        usec_t period;
        char machine_id[33];
        char *path;
        int64_t version;
        uint64_t index;
        usec_t deadline;
        usec_t sent, next; /* of the last call, and of the next one */
        sd_bus_slot *call; /* that has not been answered */
        bool lost;         /* somebody else has it, or will when his wait is over, or it was released for us */
        char trouble[256]; /* what the last call ended with; "" if all was well */
} Keeper;

/* Reads what is known of this machine. bus and name are borrowed. Says what is wrong and returns an exit code. */
int keeper_begin(Keeper *k, sd_bus *bus, const char *name, usec_t period);
void keeper_done(Keeper *k);

/* Asks for the lease and waits for the answer. 1: it is ours; 0: somebody has it; or a negative errno and error. */
int keeper_acquire(Keeper *k, sd_bus_error *error);
/* Renews it if that is due; the answer is handled by sd_bus_process(). Returns when to call again. */
usec_t keeper_step(Keeper *k);
/* Gives it back and waits for the answer. Says what is wrong. */
void keeper_release(Keeper *k);
