/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/bus.h"

/*
 * What enable and disable ask of PID 1.
 *
 * Functions that fail say why in one line, with the unit's name, and return an exit code; CTL_OK is 0.
 */

/* All properties of a unit and of its type, after PID 1 has loaded it and followed aliases: "Id" is the canonical
 * name. */
int pid1_load(sd_bus *bus, const char *unit, json_t **ret);
/* All properties of its type, "Service". */
int pid1_service(sd_bus *bus, const char *unit, json_t **ret);

/* All properties of PID 1 itself. */
int pid1_manager(sd_bus *bus, json_t **ret);

/* Neither inactive nor failed. unit is what pid1_load() said. */
bool pid1_is_active(const json_t *unit);

/* StopUnit, and waits until PID 1 has done it. */
int pid1_stop(sd_bus *bus, const char *unit);
/* daemon-reload. */
int pid1_reload(sd_bus *bus);

/* Neither active nor on the way up or down, no job, and no process left. unit is what pid1_load() said. */
bool pid1_is_down(const json_t *unit);
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
/* USEC_INFINITY: it has none. */
usec_t pid1_timeout_stop(const json_t *unit);

/*
 * Whether PID 1 stays on the bus while it has leased units of that number. It keeps a match rule there for each that
 * leased watches, and for each job; dbus-daemon refuses a connection more than so many, and PID 1 then leaves it for
 * good. bus is spent if it does not.
 */
int pid1_check_room(sd_bus *bus, size_t units);
