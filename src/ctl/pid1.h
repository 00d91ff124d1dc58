/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/bus.h"

/*
 * Questions of enable, disable and check to PID 1, and what follows from its answers.
 *
 * Functions that ask PID 1 print what is wrong in one line, with the name of the unit, and return an exit code. *ret
 * is owned by the caller.
 */

/* Gives all properties of a unit and of its type. PID 1 loads the unit for that if need be, and follows aliases:
 * the member "Id" is the canonical name. The answer may come from memory (ctl/pid1-ahead.h). */
int pid1_load(sd_bus *bus, const char *unit, json_t **ret);
/* Gives all properties of org.freedesktop.systemd1.Service for a service. */
int pid1_service(sd_bus *bus, const char *unit, json_t **ret);
/* Gives all properties of PID 1 itself. */
int pid1_manager(sd_bus *bus, json_t **ret);

/* Gives the rows of ListUnitsByNames, one for each unit, in the order of the list. PID 1 loads the units for that.
 */
int pid1_list(sd_bus *bus, char *const *units, json_t **ret);
/* Has PID 1 reload, as "systemctl daemon-reload" does, and waits until it has. */
int pid1_reload(sd_bus *bus);

/* In the functions below, unit is what pid1_load() said of a unit. */

/* Whether the unit is neither inactive nor failed. */
bool pid1_is_active(const json_t *unit);
/* Whether the unit is inactive or failed, has no job, and has no process left in its control group (law 7). */
bool pid1_is_down(const json_t *unit);
/* Gives TimeoutStopSec= of a service or scope, or TimeoutSec= of a socket, mount or swap, in microseconds;
 * USEC_INFINITY if the unit has none, or if it is infinite. */
usec_t pid1_timeout_stop(const json_t *unit);

enum {
        PID1_TROUBLE_SIZE = 512,
};

/* The rules of util/unit-facts.h, applied to what pid1_load() said of a unit. leased is the unit whose gate is
 * meant: the unit itself, or the leased unit of which it is a member. The argument name is the name by which PID 1 was
 * asked for the unit. pid1_gate_asserted() says whether an Assert of the unit is the gate, pid1_gate_loaded() whether
 * the unit can start only through the gate. */
bool pid1_gate_asserted(const json_t *unit, const char *leased);
bool pid1_gate_loaded(const json_t *unit, const char *name, const char *leased);
/* Writes the reason why pid1_gate_loaded() is false, to follow a colon, into buf and returns buf. */
char *pid1_gate_trouble(const json_t *unit, const char *name, const char *leased, char *buf, size_t size);
/* Adds the units that a lease of this unit would cover (util/unit-facts.h) to a list for strv_free(). Returns 0, or
 * -ENOMEM. */
int pid1_add_covered(const json_t *unit, const char *name, char ***list);
/* Whether PID 1 starts the unit called name together with this unit (Wants=, Requires=, BindsTo=, Upholds=). */
bool pid1_pulls_in(const json_t *unit, const char *name);
/* Whether the list of units in this property has the unit called name. */
bool pid1_lists(const json_t *unit, const char *property, const char *name);
