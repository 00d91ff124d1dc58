/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Waits until leased is done with units, any number of them at a time. A unit is looked at again when leased has
 * announced a change of it. Signals can get lost, so a few of the units that are not done yet are looked at five times
 * a second, in turn, without a signal. Progress is shown on stderr meanwhile (ctl/progress.h).
 *
 * The caller has called bus_watch_leased() before. Functions print what is wrong with the connection and return an
 * exit code.
 */

/* What is read of each unit: all properties, or only those that say who holds it (Name, State, ActiveState, MachineID,
 * HolderKnown, LeaseIndex), of many units by one call. */
typedef enum CrowdReads {
        CROWD_READS_ALL,
        CROWD_READS_HOLDER, /* of a few units all properties nevertheless */
} CrowdReads;

/* Is called with what has been read of unit number i, and returns whether the wait for this unit is over. The
 * argument props holds these properties of org.leased1.Unit, and in a wait, while the registry has trouble, also
 * "Trouble", which says what is wrong with it, and "Kept": whether this machine keeps what it holds without it. If the
 * unit could not be read, props is NULL, and why (a negative errno) and error say the reason. props and error are
 * borrowed. */
typedef bool (*crowd_look_t)(size_t i, const json_t *props, int why, const sd_bus_error *error, void *userdata);

/* Whether the error says that leased does not know the unit, or not any more. */
bool crowd_is_gone(const sd_bus_error *error);

/* Looks at n units once, by their names. A name that is NULL is left out. */
int crowd_look(Ctl *ctl, size_t n, char *const *names, CrowdReads reads, crowd_look_t look, void *userdata);
/* Looks at n units until the wait is over for each. The progress and an error show the verb, which is in what.
 * until_gone: of many units, only that leased forgets a unit leads to a look at once. */
int crowd_wait(Ctl *ctl, const char *what, size_t n, char *const *names, bool until_gone, CrowdReads reads,
                crowd_look_t look, void *userdata);
