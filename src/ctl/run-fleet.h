/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The second lease of a command of "leasectl run", where leased.conf has LeaseRegistry=: the lease of the same name in
 * fleet's registry. The command begins only when both are held. This lease is renewed from here, over leased, as long
 * as this program lives; leased-run is told until when the command may run, and ends it in time whatever becomes of
 * this program (run/protocol.h).
 */

#include "ctl/ctl.h"

typedef struct RunFleet {
        Ctl *ctl;
        const char *lease;
        int socket;      /* to leased-run; borrowed */
        bool on;         /* there is such a registry */
        bool asked;      /* the lease is wanted */
        bool held, lost; /* lost: it was held, and is not any more */
        bool waits;      /* somebody else holds it; that was said */
        char *path;      /* of the lease's object */
        uint64_t index;
        usec_t period_from; /* before the call under way was sent */
        usec_t next_at;
        sd_bus_slot *call;
        int failure; /* nothing can be done: an exit code; 0: all is well */
} RunFleet;

/* Looks whether there is such a registry, and whether a command can run then. Complains, and returns an exit code. If
 * leased does not answer, that is an error only if must: before the command begins it must be known. */
int run_fleet_open(RunFleet *f, Ctl *ctl, const char *lease, bool must);
/* From now on the lease is wanted; socket leads to leased-run. */
void run_fleet_want(RunFleet *f, int socket);
/* Takes what has come over the bus, and sends what is due. Does not wait. */
void run_fleet_step(RunFleet *f);
/* In how many milliseconds run_fleet_step() is due by the time alone, for poll(2). */
int run_fleet_timeout(const RunFleet *f);
/* Gives the lease back, when nothing of the command is left; waits for the answer, at most 5 s. Frees what f holds. */
void run_fleet_done(RunFleet *f, bool release);
