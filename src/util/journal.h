/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Journal entries with fields of their own, as sd_journal_send() sends them, but without waiting: sd_journal_send()
 * waits once the queue of the socket is full, as it is while journald stands still.
 */

#include "util/macros.h"

typedef struct JournalEntry {
        char text[4096];
        size_t size;
} JournalEntry;

/* Adds a field, "NAME=value". Line breaks in the value become spaces. A field that has no room is left out. */
void journal_add(JournalEntry *e, const char *format, ...) _printf_(2, 3);
/* Sends the entry, with SYSLOG_IDENTIFIER= added. 0, or a negative errno: the entry is lost (-EAGAIN: nobody reads).
 */
int journal_post(JournalEntry *e);
