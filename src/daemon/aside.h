/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The files in /run/leased/aside: one for each unit that PID 1 has stopped by itself, and why, for the next daemon of
 * this boot. Without its file such a unit would be taken for one that somebody has stopped.
 */

#include "pid1/pid1-unit.h"

#define ASIDE_DIRECTORY "/run/leased/aside"

/* Writes the file of the unit unless it says this already. *kept: a digest of what it says; 0: there is none. Returns
 * 0, or a negative errno. */
int aside_keep(const char *unit, const Pid1Ending *ending, uint64_t *kept);
/* Removes the file of the unit, if *kept is not 0. */
void aside_forget(const char *unit, uint64_t *kept);
/* Reads the file of the unit, and sets *kept. Returns whether there is one that can be read. */
bool aside_read(const char *unit, Pid1Ending *ret, uint64_t *kept);
