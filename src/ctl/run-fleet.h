/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The second lease of a command of "leasectl run", where leased.conf has LeaseRegistry=: the lease of the same name in
 * fleet's registry. The command begins only when both are held, and the guard has said that it ends the command in
 * time. This lease is renewed from here, over leased, as long as this program lives; each renewal has the guard put
 * the command's end off (LimitCommand).
 */

#include "ctl/ctl.h"

/* There are so many booleans because they are independent facts. */
typedef struct RunFleet {
        Ctl *ctl;
        const char *lease;
        const char *unit; /* of the command, borrowed; "" until leased has answered */
        int socket;       /* to leased-run; borrowed */
        bool on;          /* there is such a registry */
        bool asked;       /* the lease is wanted */
        bool held, lost;  /* lost: it was held, and is not any more */
        bool waits;       /* somebody else holds it; that was said */
        bool limited;     /* the guard ends the command in time */
        char *path;       /* of the lease's object */
        uint64_t index;
        usec_t period_from; /* before the call under way was sent */
        usec_t held_from;   /* before the last call was sent that has got the lease or renewed it */
        usec_t next_at;
        sd_bus_slot *call;
        usec_t limit_at;    /* when the guard is to be told; USEC_INFINITY: it has been */
        usec_t limit_until; /* by then it must have said that it ends the command */
        sd_bus_slot *limit_call;
        int failure; /* nothing can be done: an exit code; 0: all is well */
} RunFleet;

/* Looks whether there is such a registry, and whether a command can run then. Complains, and returns an exit code. If
 * leased does not answer, that is an error only if must: before the command begins it must be known. */
int run_fleet_open(RunFleet *f, Ctl *ctl, const char *lease, bool must);
/* From now on the lease is wanted; socket leads to leased-run. unit is read later, when leased has named it. */
void run_fleet_want(RunFleet *f, int socket, const char *unit);
/* Takes what has come over the bus, and sends what is due. Does not wait. */
void run_fleet_step(RunFleet *f);
/* In how many milliseconds run_fleet_step() is due by the time alone, for poll(2). */
int run_fleet_timeout(const RunFleet *f);
/* Gives the lease back, when nothing of the command is left; waits for the answer, at most 5 s. Frees what f holds. */
void run_fleet_done(RunFleet *f, bool release);
