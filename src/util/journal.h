/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What happens to units, as journal entries with fields of their own. They are sent as sd_journal_send() sends them,
 * but without waiting: sd_journal_send() waits once the queue of the socket is full, which is so while journald stands
 * still.
 */

#include <stdint.h>

#include "util/macros.h"

/* What has happened to a unit or its lease. Strings may be NULL, and hold text of others: what must not be shown is
 * escaped. */
typedef struct JournalEvent {
        const char *id;                   /* util/message-ids.h */
        const char *unit;                 /* in whose journal the entry is shown */
        const char *lease;                /* the line begins with the unit, or else with the lease */
        const char *machine, *machine_id; /* of another machine */
        const char *reason;
        uint64_t index;
} JournalEvent;

/* Writes a line, with these fields, where stderr is the journal and the journal takes the entry at once. Otherwise the
 * line is written to stderr as log_full() does, which counts what is lost. */
void journal_event(int level, const JournalEvent *e, const char *text);
