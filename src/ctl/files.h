/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * The two files that make a unit a leased one: the gate's drop-in (conf/dropin.h) and /etc/leased/units/NAME, which
 * the daemon reads. The gate is there before the other and goes after it, so that whatever happens in between leaves a
 * unit that cannot start, never one that starts without its lease.
 *
 * Functions that fail say why in one line and return an exit code.
 */

/* Says why a file could not be read or written: r is a negative errno. Returns CTL_FAILED. */
int files_complain(const char *path, int r);

/* Whether /etc/leased/units/NAME is there; whether the gate's drop-in is. */
bool files_listed(const char *unit);
bool files_gated(const char *unit);

/* Writes what is missing, the gate only if asked for. ret_new: whether /etc/leased/units/NAME was not there before. */
int files_write(const char *unit, bool gate, bool *ret_new);

/* Removes /etc/leased/units/NAME; *ret_text is what was in it (NULL: there was none), for files_restore(). */
int files_unlist(const char *unit, char **ret_text);
int files_restore(const char *unit, const char *text);
int files_ungate(const char *unit);
