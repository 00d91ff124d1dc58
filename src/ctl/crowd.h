/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Waiting for leased to be done with units, with any number of them at a time. A unit is looked at again when leased
 * has announced a change of it; signals can get lost, so a few that are waited for are looked at now and then anyway.
 * Meanwhile progress is shown on stderr (ctl/progress.h).
 *
 * bus_watch_leased() must have been called.
 */

/* What has been read of the unit with this number. props: the properties of org.leased1.Unit now, and while the
 * registry has trouble, what is wrong with it as "Trouble"; NULL: it could not be read, why (a negative errno) and
 * error say the reason. Returns whether the wait for it is over. */
typedef bool (*crowd_look_t)(size_t i, const json_t *props, int why, const sd_bus_error *error, void *userdata);

/* Whether the error says that leased does not know the unit, or not any more. */
bool crowd_is_gone(const sd_bus_error *error);

/* Looks at n units once. A name that is NULL is left out. Prints what is wrong with the connection; an exit code. */
int crowd_look(Ctl *ctl, size_t n, char *const *names, crowd_look_t look, void *userdata);
/* Looks at them until the wait is over for each. what: the verb, for the bar. */
int crowd_wait(Ctl *ctl, const char *what, size_t n, char *const *names, crowd_look_t look, void *userdata);
