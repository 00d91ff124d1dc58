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

/* StopUnit, and waits until PID 1 has done it. */
int pid1_stop(sd_bus *bus, const char *unit);
/* systemctl daemon-reload. */
int pid1_reload(sd_bus *bus);
/* Whether PID 1 stays on the bus while it has that number of leased units. PID 1 keeps a match rule there for each
 * unit that leased watches, and for each job. dbus-daemon refuses more than so many rules of one connection, and PID 1
 * then leaves the bus for good. CTL_FAILED if it would; bus is of no more use then. */
int pid1_check_room(sd_bus *bus, size_t units);

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
