/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Prints rows of history.c for people: below the name of each lease a line for each tenure, and a line for each time
 * in which the unit was down. Without a legend (--no-legend) it is a table in which every row begins with the lease,
 * and a row without a holder stands for a time in which nobody had the lease. */
void history_lines_print(const Ctl *ctl, json_t *rows);

/* Gives the time from which the lease of a row was with nobody until the next row, and until when, both of
 * CLOCK_REALTIME. The argument next is NULL behind the last row of a lease: then that is until now, if nobody has the
 * lease. Returns false if it was no longer than a second, if the unit was done, or if the registry does not answer, so
 * that somebody may have taken the lease since (the member "then" of the row is "unknown"). */
bool history_lines_gap(const json_t *row, const json_t *next, usec_t *ret_from, usec_t *ret_to);
