/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/bus.h"

/*
 * What enable, disable and check ask of PID 1, and what follows from its answers.
 *
 * Functions that ask PID 1 print what is wrong in one line, with the unit's name, and return an exit code. *ret is
 * owned by the caller.
 */

/* All properties of a unit and of its type, after PID 1 has loaded it and followed aliases: "Id" is the canonical
 * name. */
int pid1_load(sd_bus *bus, const char *unit, json_t **ret);
/* All properties of org.freedesktop.systemd1.Service. */
int pid1_service(sd_bus *bus, const char *unit, json_t **ret);
/* All properties of PID 1 itself. */
int pid1_manager(sd_bus *bus, json_t **ret);

/* The rows of ListUnitsByNames, one for each unit in the order of the list, after PID 1 has loaded them. */
int pid1_list(sd_bus *bus, char *const *units, json_t **ret);
/* systemctl daemon-reload. */
int pid1_reload(sd_bus *bus);

/* In the rest, unit is what pid1_load() said. */

/* Whether it is neither inactive nor failed. */
bool pid1_is_active(const json_t *unit);
/* Whether it is inactive or failed, has no job, and has no process left. */
bool pid1_is_down(const json_t *unit);
/* TimeoutStopSec= of a service or scope, TimeoutSec= of a socket, mount or swap; USEC_INFINITY: it has none. */
usec_t pid1_timeout_stop(const json_t *unit);

enum {
        PID1_TROUBLE_SIZE = 512,
};

/* The rules of util/unit-facts.h, on what pid1_load() said of a unit. leased: whose gate is meant, the unit itself or
 * the one that it is a member of. name: the name by which the unit was asked for. */
bool pid1_gate_asserted(const json_t *unit, const char *leased);
bool pid1_gate_loaded(const json_t *unit, const char *name, const char *leased);
/* Why pid1_gate_loaded() is false, to go on after a colon. Written into buf and returned. */
char *pid1_gate_trouble(const json_t *unit, const char *name, const char *leased, char *buf, size_t size);
/* 0, or -ENOMEM. */
int pid1_add_covered(const json_t *unit, const char *name, char ***list);
/* Whether the start of the unit brings along the one called name. */
bool pid1_pulls_in(const json_t *unit, const char *name);
/* Whether a property that is a list of units has this one. */
bool pid1_lists(const json_t *unit, const char *property, const char *name);
