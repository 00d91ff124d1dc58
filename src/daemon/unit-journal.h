/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Entries of a unit's journal that are no report of the core (report.h). */

#include "daemon/internal.h"
#include "util/journal.h"

/* Writes the line to the journal of the unit that e names. Where e names no lease, the entry bears the name and the
 * Index of the lease that the unit has here, if it has one. Strings are borrowed. */
void unit_journal_write(const Daemon *d, int level, JournalEvent e, const char *text);
