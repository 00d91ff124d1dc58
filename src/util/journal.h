/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What happens to units, as journal entries with fields of their own. They are sent as sd_journal_send() sends them,
 * but without waiting: sd_journal_send() waits once the queue of the socket is full, which is so while journald stands
 * still, or waits for its disk. What journald does not take at once is kept, up to JOURNAL_KEPT_MAX, and sent by
 * journal_flush(). The main thread alone calls these functions.
 */

#include <stdint.h>

#include "util/macros.h"
#include "util/time-util.h"

/* Bytes of the entries that are kept. An entry has about 400. */
#define JOURNAL_KEPT_MAX (4U * 1024 * 1024)
/* The field that an entry bears which was kept: CLOCK_REALTIME in microseconds at which its event happened. */
#define JOURNAL_AT "LEASE_AT_USEC"

/* What has happened to a unit or its lease. Strings are borrowed, and may be NULL. They may hold text that others have
 * written: characters that must not be shown are escaped. */
typedef struct JournalEvent {
        const char *id;                   /* util/message-ids.h */
        const char *unit;                 /* in whose journal the entry is shown */
        const char *lease;                /* the line begins with the unit, or else with the lease */
        const char *machine, *machine_id; /* host name and id of another machine that the event is about */
        const char *reason;
        unsigned code; /* the same as a number of leased-reasons(7); 0 if there is none */
        uint64_t index;
        uint64_t revision; /* of the registry, at which the record became what the event tells; 0 if none is told */
        usec_t from, to;   /* CLOCK_REALTIME; of a tenure that is over ... */
        const char *by;    /* ... and who asked for its end */
} JournalEvent;

/* Writes a line with these fields to the journal, now or, after all that was kept before, later. If stderr is not the
 * journal, or too much is kept, log_full() writes the line to stderr without the fields, and counts a line that is
 * lost. level is a LOG_* of syslog. */
void journal_event(int level, const JournalEvent *e, const char *text);

/* Sends what was kept, as much as journald takes and 2 ms allow. Returns true if some is left: the caller calls again
 * soon. */
bool journal_flush(void);
