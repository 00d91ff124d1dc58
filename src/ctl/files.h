/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * The two files that make a unit a leased one: the gate's drop-in (conf/dropin.h) and /etc/leased/units/NAME, which
 * leased reads. The drop-in is written before the other and removed after it, so that whatever happens in between
 * leaves a unit that cannot start, never one that starts without its lease. A power cut must not turn that order
 * round: what was written is on disk before the other file is touched. For any number of units one sync each is
 * enough, since every gate is written before the first unit is listed, and every unit is off the list before the first
 * gate goes.
 *
 * Functions that return int print what is wrong and return an exit code.
 */

/* Prints why a file could not be read or written: r is a negative errno. Returns CTL_FAILED. */
int files_complain(const char *path, int r);

/* Whether /etc/leased/units/NAME is there; whether the gate's drop-in is. */
bool files_listed(const char *unit);
bool files_gated(const char *unit);

/* Writes the unit's drop-in if it is missing; writes /etc/leased/units/NAME. Neither is on disk when the call returns.
 */
int files_gate(const char *unit);
int files_list(const char *unit);
/* Puts on disk all gates, all of /etc/leased/units, or only what has been removed there. */
int files_sync_gates(void);
int files_sync_listed(void);
int files_sync_unlisted(void);

/* Removes /etc/leased/units/NAME. *ret_text, owned by the caller, is what was in the file, for files_restore(); NULL
 * if there was no file. */
int files_unlist(const char *unit, char **ret_text);
/* Writes /etc/leased/units/NAME as it was. */
int files_restore(const char *unit, const char *text);
/* Removes the drop-in of a unit or member. */
int files_ungate(const char *unit);
