/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * The two files that make a unit a leased one: the gate's drop-in (conf/dropin.h) and /etc/leased/units/NAME, which
 * leased reads. The drop-in is written before the other and removed after it, so that whatever happens in between
 * leaves a unit that cannot start, never one that starts without its lease.
 *
 * Functions that return int print what is wrong and return an exit code.
 */

/* Prints why a file could not be read or written: r is a negative errno. Returns CTL_FAILED. */
int files_complain(const char *path, int r);

/* Whether /etc/leased/units/NAME is there; whether the gate's drop-in is. */
bool files_listed(const char *unit);
bool files_gated(const char *unit);

/* Writes the files that are missing; the drop-in only if gate is set. *ret_new: whether /etc/leased/units/NAME was not
 * there before. */
int files_write(const char *unit, bool gate, bool *ret_new);

/* Removes /etc/leased/units/NAME. *ret_text, owned by the caller, is what was in the file, for files_restore(); NULL
 * if there was no file. */
int files_unlist(const char *unit, char **ret_text);
/* Writes /etc/leased/units/NAME as it was. */
int files_restore(const char *unit, const char *text);
/* Removes the drop-in of a unit or member. */
int files_ungate(const char *unit);
