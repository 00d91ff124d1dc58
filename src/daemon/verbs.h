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

/* The unit named in the message's first argument, or an error. Also for GetUnit(). */
int verb_find_unit(Daemon *d, sd_bus_message *m, UnitView *ret, sd_bus_error *error);
