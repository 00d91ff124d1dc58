/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * What would become of units: the answers to --dry-run. leased tells it by its own plan, and nothing changes.
 *
 * Functions that return int print what is wrong and return an exit code. CTL_OK: all units would go where they should.
 */

/* Asks what would become of n units, or with n 0 of all that the verb concerns. The verb is one of the method Rehearse
 * of D-Bus; machine_id is "" if the verb has none. *ret is an array of rows, owned by the caller: unit, from, to,
 * code, why, others (rows of machine_id, hostname, code, why). */
int rehearse_read(Ctl *ctl, const char *verb, size_t n, char *const *units, const char *machine_id, json_t **ret);
/* Does the same with names as they were typed, and prints the answer. */
int rehearse_print(Ctl *ctl, const char *verb, size_t n, char *const *typed, const char *machine_id);
/* Prints what would become of units that are disabled on this machine. */
int rehearse_disable(Ctl *ctl, size_t n, char *const *typed);
/* Prints rows of rehearse_read(), as JSON or for people. */
int rehearse_print_rows(Ctl *ctl, const char *verb, const json_t *rows);
/* Prints where a unit would run if this machine had these files for it; with text, if /etc/leased/units/NAME held this
 * text. Other machines count if the unit is enabled there. */
int rehearse_place(Ctl *ctl, const char *unit, const char *text);
