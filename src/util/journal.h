/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Entries for the journal with fields of their own, as sd_journal_send() sends them, but never waiting: while journald
 * stands still, sd_journal_send() does, too, once the socket's queue is full.
 */

#include "util/macros.h"

typedef struct JournalEntry {
        char text[4096];
        size_t size;
} JournalEntry;

/* Adds a field, "NAME=value"; in the value, line breaks become spaces. What has no room is left out. */
void journal_add(JournalEntry *e, const char *format, ...) _printf_(2, 3);
/* 0, or a negative errno: it is lost (-EAGAIN: nobody reads). */
int journal_post(JournalEntry *e);
