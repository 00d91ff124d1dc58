/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What an operator may ask of the Manager, once it is known that he may (authorize.h): each a verb_t. Each answers
 * when the core has been told; what comes of it is to be seen in the unit's State. */

#include "daemon/authorize.h"

int verb_release_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_transfer_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_steal_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_rearm_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_drain(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_undrain(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_drain_machine(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_undrain_machine(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_accept_registry(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_forget_index(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_reload(Daemon *d, sd_bus_message *m, sd_bus_error *error);

/* Also for methods that only read. Each sets error if it returns a negative errno. */

/* The unit named in the message's next argument. */
int verb_find_unit(Daemon *d, sd_bus_message *m, UnitView *ret, sd_bus_error *error);
/* The lease named in the message's next argument; *ret is the message's. */
int verb_read_lease(sd_bus_message *m, const char **ret, sd_bus_error *error);
/* Whether the registry answers. */
int verb_check_registry(Daemon *d, sd_bus_error *error);
