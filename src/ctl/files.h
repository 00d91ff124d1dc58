/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * The two files that make a unit a leased one: the drop-in with the gate (conf/dropin.h), and /etc/leased/units/NAME,
 * which leased reads and which lists the unit.
 *
 * The drop-in is written before the other file and removed after it. So a command that is broken off in between leaves
 * a unit that cannot start, never a unit that starts without its lease. A power cut must not reverse this order, so
 * the first change is on disk before the second file is touched. For any number of units one sync for each of the two
 * is enough: every gate is written before the first unit is listed, and every unit is off the list before the first
 * gate is removed.
 *
 * Functions that return int print what is wrong and return an exit code.
 */

/* Prints why a file could not be read or written; r is a negative errno. Returns CTL_FAILED. */
int files_complain(const char *path, int r);

/* files_listed() says whether /etc/leased/units/NAME exists; files_gated() says whether the drop-in with the gate
 * does. */
bool files_listed(const char *unit);
/* Gives the unit that is enabled here and may have been meant, owned by the caller; NULL if there is none. */
char *files_near(const char *typed);
bool files_gated(const char *unit);

/* files_gate() writes the unit's drop-in, if it is missing or differs; files_list() writes /etc/leased/units/NAME.
 * Neither file need be on disk when the call returns. */
int files_gate(const char *unit);
int files_list(const char *unit);
/* files_sync_gates() puts all gates on disk; files_sync_listed() all of /etc/leased/units; files_sync_unlisted()
 * only the removal of files from /etc/leased/units. */
int files_sync_gates(void);
int files_sync_listed(void);
int files_sync_unlisted(void);

/* Removes /etc/leased/units/NAME. *ret_text, owned by the caller, is the text that was in the file, for
 * files_restore(), and NULL if there was no file. */
int files_unlist(const char *unit, char **ret_text);
/* Writes /etc/leased/units/NAME with this text, and puts it on disk. */
int files_restore(const char *unit, const char *text);
/* Removes the drop-in of a unit or member; succeeds also if there is none. */
int files_ungate(const char *unit);
