/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Journal entries with fields of their own, as sd_journal_send() sends them, but without waiting. sd_journal_send()
 * waits once the queue of the socket is full, which is so while journald stands still.
 */

#include "util/macros.h"

/* To be zeroed before the first field is added. */
typedef struct JournalEntry {
        char text[4096];
        size_t size;
} JournalEntry;

/* Adds a field, "NAME=value". Newlines in the value become spaces. A field for which there is no room is left out. */
void journal_add(JournalEntry *e, const char *format, ...) _printf_(2, 3);
/* Adds SYSLOG_IDENTIFIER= (the program's name), and sends the entry, once. 0, or a negative errno: the entry is lost
 * (-EAGAIN: journald does not read). */
int journal_post(JournalEntry *e);
