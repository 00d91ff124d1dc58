/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The methods of org.leased1.Manager that change something, each a verb_t: called when it is known that the caller may
 * (authorize.h). A verb that names something impossible gets an error at once. Whether the rest can be done is decided
 * by the core; words.h sends the reply then. What comes of it shows in the unit's State.
 */

#include "daemon/authorize.h"

/* The unit's lease is let go, and held down here: another machine takes it. */
int verb_release_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* The unit's lease is handed to the machine named. */
int verb_transfer_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* The unit's lease is taken by force (law 5); the reply says how long the unit waits for that. */
int verb_steal_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* A unit that is done may run again. */
int verb_rearm_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* This machine, or the one named, takes no leases any more and gives away those it holds; and the end of that. */
int verb_drain(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_undrain(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_drain_machine(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_undrain_machine(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* This machine goes by the registry of that uuid from now on. */
int verb_accept_registry(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* This machine forgets the highest Index that it remembers of a lease. */
int verb_forget_index(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* reload_begin(). */
int verb_reload(Daemon *d, sd_bus_message *m, sd_bus_error *error);

/* Also for methods that only read. Each sets error if it returns a negative errno. */

/* The unit named in the message's next argument. */
int verb_find_unit(Daemon *d, sd_bus_message *m, UnitView *ret, sd_bus_error *error);
/* The lease named in the message's next argument; *ret is the message's. */
int verb_read_lease(sd_bus_message *m, const char **ret, sd_bus_error *error);
/* Whether the registry answers. */
int verb_check_registry(Daemon *d, sd_bus_error *error);
