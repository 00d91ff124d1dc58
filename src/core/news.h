/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What has happened, for the plan and our offers. */

#include "core/state.h"

typedef enum News {
        NEWS_BEGINNING,        /* nothing is known yet, or everything was forgotten */
        NEWS_UNIT_CHANGED,     /* a unit here: its options, its lease, whether it is enabled, why it stands back */
        NEWS_UNIT_RUNS_AGAIN,  /* what was stopped by hand */
        NEWS_UNIT_STANDS_BACK, /* this machine, from a unit */
        NEWS_UNIT_REPORTED,    /* PID 1 says something of a unit that others are to know */
        NEWS_UNIT_IN_HAND,     /* something of a unit is here, or is here no more */
        NEWS_UNIT_FOUND, /* something of a unit is here that nobody could know of: others must not come beside it */
        NEWS_GLOBAL_UNIT_IN_HAND, /* a unit without a lease is here, or is here no more */
        NEWS_WORD,                /* an operator wants a command to run, or not any more */
        NEWS_DRAINING,            /* this machine, or not any more */
        NEWS_METADATA,            /* of this machine */
        NEWS_GUARD_GONE,          /* there is no guard */
        NEWS_GUARD_MISSING,       /* the guard has been away for too long, or is back */
        NEWS_OFFER_OWN,           /* one of ours was seen, which may not be what we say */
        NEWS_OFFER,               /* another machine's has changed */
        NEWS_MACHINE,             /* a machine's record has changed */
        NEWS_MACHINE_NAMED,       /* our record names our session */
        NEWS_SESSION,             /* somebody has come, or gone */
        NEWS_LEASE,               /* one that can be had, that has come to us unplanned, or that others go by */
        NEWS_LEASE_OURS,          /* one has come to us, as it was planned */
        NEWS_LEASE_ELSEWHERE,     /* one is held by another machine, as it was planned */
        NEWS_LEASE_UNPLANNED,     /* ... and was planned otherwise */
        _NEWS_MAX,
} News;

/* Notes that something has happened, so that the plan and our offers are made again when the table in news.c says
 * so. Called for each change of a fact; the caller need not know who reads the fact. */
void news_note(Core *c, News news);
/* The same for a change that concerns one unit alone: the others are planned anew only where units mind what runs
 * beside them. u NULL: it is none that is enabled here. */
void news_of_unit(Core *c, Unit *u, News news);
