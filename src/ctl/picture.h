/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Pictures of the history of leases: for each lease a lane for each machine, from left to right in time, in which the
 * tenures of that machine are filled, and one more lane for the times in which the unit was down. However short such a
 * time was, it can be seen.
 */

/* Prints the pictures of rows of history.c in block characters, as wide as the terminal. */
void picture_print(const json_t *rows);
/* Writes them to a file as SVG, with a note below them unless that is NULL. Prints what is wrong and returns an exit
 * code. */
int picture_write(const json_t *rows, const char *path, const char *note);
