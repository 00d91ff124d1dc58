/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the core is told of a unit that is enabled here: its options, and its TimeoutStopUSec=. All texts are borrowed
 * for the call that passes them. */

#include "core/placement.h"

enum { SLOTS_MAX = 64 };

/* There are so many booleans because each is an option of its own. */
typedef struct UnitConfig {
        const char *unit;
        const char *lease;        /* the lease's name; by default the unit's */
        usec_t stop_grace;        /* between stop_at and kill_at; USEC_INFINITY: min(timeout_stop, TTL/4) */
        usec_t timeout_stop;      /* the unit's TimeoutStopUSec= */
        int64_t version;          /* of what is installed here */
        usec_t hold_down_release; /* this machine stands back so long after a release (30 s) */
        usec_t hold_down_failure; /* ... after the unit failed for good (60 s, doubling up to an hour) */
        usec_t reboot_wait;       /* OnShutdown=keep: others wait so long for this machine to reboot; 0: they do not */
        bool release_on_success;  /* OnSuccess=release instead of done */
        bool hold_on_failure;     /* OnFailure=hold instead of release */
        bool checked;             /* it has a Check=: not taken before that passes, and let go when that fails */
        bool freezes;             /* OnOutage=freeze instead of stop (law 15) */
        bool global;              /* it runs on every machine that fits, without a lease */
        bool doubtful;            /* where it may run cannot be read: it is not taken here, and kept if it is held */
        bool once;                /* a command of "leasectl run": started at most once, and only where EVENT_RUN asks
                                     for that; forgotten when it ends, for whatever reason. No other machine hears
                                     of it, so it has no offer, no rank and nowhere to go */
        unsigned slots;           /* Copies=, or of a run --slots=: .lease is NAME#1, and any of NAME#1 to NAME#slots
                                     will do; below 2: only .lease will (slots.c) */
        const Placement *placement; /* NULL: it runs anywhere */
} UnitConfig;
