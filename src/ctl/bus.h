/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"
#include "util/names.h"

/*
 * Calls over the system bus, with their answers as JSON. Integers and strings stay what they are, arrays and structs
 * are arrays, dictionaries objects, variants what is in them, an array of bytes a string of hex digits, and the
 * largest 64-bit number, which means infinity, is null.
 *
 * Functions return 0 or a negative errno and log nothing; what the other side said is in the sd_bus_error.
 */

typedef struct BusName {
        const char *name;
        const char *path;
        const char *interface;
} BusName;

/* The managers of leased and of PID 1, and the bus itself. */
extern const BusName bus_leased, bus_pid1, bus_broker;

/* Connects to the system bus of this machine or of ctl->host. Says what is wrong itself and returns an exit code. */
int ctl_connect(Ctl *ctl);

/* Calls a method with arguments as sd_bus_message_append() takes them. The answer's arguments as one array; ret may be
 * NULL. */
int bus_call(sd_bus *bus, const BusName *on, const char *method, json_t **ret, sd_bus_error *error, const char *types,
                ...);
/* The arguments of a message as one array. */
int bus_message_body(sd_bus_message *m, json_t **ret);
/* All properties of one interface of any object. */
int bus_get_all(sd_bus *bus, const char *name, const char *path, const char *interface, json_t **ret,
                sd_bus_error *error);
/* The properties of org.leased1.Manager; of org.leased1.Unit, by the unit's name; of org.leased1.Lease, by its
 * object's path. *ret is owned by the caller, and untouched on failure. */
int bus_get_manager(sd_bus *bus, json_t **ret, sd_bus_error *error);
int bus_get_unit(sd_bus *bus, const char *unit, json_t **ret, sd_bus_error *error);
int bus_get_lease(sd_bus *bus, const char *path, json_t **ret, sd_bus_error *error);
/* The properties of a unit as PID 1 has it, after it has loaded the unit and followed aliases; interface "": those of
 * all its interfaces. */
int bus_load_unit(sd_bus *bus, const char *unit, const char *interface, json_t **ret, sd_bus_error *error);
/* Every object of leased: {path: {interface: {property: value}}}. */
int bus_get_objects(sd_bus *bus, json_t **ret, sd_bus_error *error);

/* 1 if somebody owns org.leased1, 0 if not. */
int bus_leased_runs(sd_bus *bus);
/* From here on the connection hears of every change of leased's objects; bus_wait() returns when there was one, or
 * after timeout microseconds. */
int bus_watch_leased(sd_bus *bus);
int bus_wait(sd_bus *bus, usec_t timeout);

/* Manager.Reload. Bad lines in files are told, but do not make it fail: what could be read is in force. The rest is
 * for the caller to tell. */
int bus_reload_leased(sd_bus *bus, sd_bus_error *error, bool *ret_bad_lines);

/* Says in one line why a call did not work, for what ("foo.service"; NULL: nothing in particular), and returns the
 * exit code for it. */
int bus_complain(const char *what, int r, const sd_bus_error *error);
