/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What has happened that may change the plan or our offers. */

#include "core/state.h"

typedef enum News {
        NEWS_BEGINNING,        /* nothing is known of the registry: the start, or everything was forgotten */
        NEWS_UNIT_CHANGED,     /* a unit here: its options, its lease, whether it is enabled, why it stands back */
        NEWS_UNIT_RUNS_AGAIN,  /* a unit that was stopped by hand runs again */
        NEWS_UNIT_STANDS_BACK, /* this machine stands back from a unit, or no more */
        NEWS_UNIT_REPORTED,    /* PID 1 says something of a unit that others are to know */
        NEWS_UNIT_STATE,       /* a unit is in another state: here, as PID 1 says, or elsewhere, as an offer says */
        NEWS_COPY,             /* another copy of a unit that waits for its turn is in another state */
        NEWS_UNIT_IN_HAND,     /* something of a unit is here, or is here no more */
        NEWS_UNIT_FOUND, /* something of a unit was found here of which no machine knew: other units may mind it */
        NEWS_GLOBAL_UNIT_IN_HAND, /* a unit without a lease is here, or is here no more */
        NEWS_WORD,                /* an operator wants a command to run, or not any more */
        NEWS_DRAINING,            /* this machine drains, or does not any more */
        NEWS_METADATA,            /* the metadata of this machine have changed */
        NEWS_GUARD_GONE,          /* there is no guard */
        NEWS_GUARD_MISSING,       /* the guard has been away for too long, or is back */
        NEWS_OFFER_OWN,           /* an offer of ours was seen, which may not be what we say now */
        NEWS_OFFER,               /* another machine's offer has changed */
        NEWS_MACHINE,             /* a machine's record has changed */
        NEWS_MACHINE_NAMED,       /* our record names our session */
        NEWS_SESSION,             /* a session has come, or gone */
        NEWS_LEASE,      /* a lease can be had, has come to us unplanned, or is of a unit that others run beside */
        NEWS_LEASE_OURS, /* a lease has come to us, as planned */
        NEWS_LEASE_ELSEWHERE, /* a lease is held by another machine, as planned */
        NEWS_LEASE_UNPLANNED, /* a lease is held by another machine, and was planned otherwise */
        _NEWS_MAX,
} News;

/* Notes that something has happened, so that the plan and our offers are made again when the table in news.c says
 * so. Called for each change of a fact; the caller need not know who reads the fact. */
void news_note(Core *c, News news);
/* The same for a change that concerns one unit alone: other units are planned anew only if some unit minds what runs
 * beside it. u NULL: the unit is not enabled here. */
void news_of_unit(Core *c, Unit *u, News news);
