/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The copies of units with Copies=, on all machines, for rows of units. */

#include "ctl/bus.h"

/* Adds to each row of a unit with copies the members copies, how many there are to be, and copy_holders: an object for
 * each copy that a machine has, with the lease, the machine and the state there, in the order of the copies. Other
 * rows are left alone. Each row has the members unit and lease. Returns an exit code. */
int copies_add(Ctl *ctl, json_t *rows);
/* Whether the row is one of a unit with copies. */
bool copies_are_of(const json_t *row);
/* Gives the machines that have the copies, in one line for people: "alpha, beta (2 of 3)". Owned by the caller; NULL:
 * out of memory. */
char *copies_text(const json_t *row);
