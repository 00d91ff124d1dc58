/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Asks PID 1 about many units ahead, with all questions under way at once, and keeps the answers. From then until
 * pid1_ahead_end(), pid1_load() answers from memory about a unit that has been asked for. So a command must not wait
 * for a change of a unit in between.
 *
 * PID 1 is asked only for the properties of the units that are looked at later. To work out UnitFileState, PID 1 reads
 * the folders of all units, each time anew. So UnitFileState is asked for only if some link names the unit: without
 * one the unit cannot be enabled in systemd.
 *
 * Each function forgets what was kept before. Functions print what is wrong with the connection, and return an exit
 * code. Nothing is kept for a name that is no name of a unit, or that PID 1 does not answer about: pid1_load() then
 * asks and says what is wrong.
 */

/* For "leasectl enable": asks for all that may stand against leasing the units, and for everything about the units
 * that these start, trigger, or have bound to them. */
int pid1_ahead_examine(sd_bus *bus, char *const *units);
/* For "leasectl check": asks for everything about the units themselves. */
int pid1_ahead_everything(sd_bus *bus, char *const *units);
/* Asks whether the gates of the units are in force, and whether the units are up. */
int pid1_ahead_gates(sd_bus *bus, char *const *units);
/* Asks only whether the units are up, in a single call. */
int pid1_ahead_states(sd_bus *bus, char *const *units);
/* Forgets all answers, so that pid1_load() asks PID 1 again. */
void pid1_ahead_end(void);
