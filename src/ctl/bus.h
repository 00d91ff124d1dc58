/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"
#include "util/names.h"

/*
 * Calls over the system bus, with their answers as JSON (ctl/message-json.h). Each waits until the answer is there, up
 * to 90 s.
 *
 * Functions return 0 or a negative errno and print nothing, unless it is said otherwise. What the other side said is
 * in the sd_bus_error, which may be NULL. *ret is owned by the caller, and untouched on failure.
 */

/* How long an answer is waited for. Long, because PID 1 runs all generators before it answers a Reload. */
#define BUS_CALL_TIMEOUT (90 * USEC_PER_SEC)

typedef struct BusName {
        const char *name;
        const char *path;
        const char *interface;
} BusName;

/* The managers of leased and of PID 1, and the bus itself. */
extern const BusName bus_leased, bus_pid1, bus_broker;

/* Connects ctl->bus to the system bus of this machine or of ctl->host. Prints what is wrong and returns an exit code.
 */
int bus_connect(Ctl *ctl);

/* Calls a method with arguments as sd_bus_message_append() takes them (types NULL: none). *ret: the arguments of the
 * answer as one array; ret may be NULL. */
int bus_call(sd_bus *bus, const BusName *on, const char *method, json_t **ret, sd_bus_error *error, const char *types,
                ...);

/* All properties of one interface of any object; interface "": of all its interfaces. */
int bus_get_all(sd_bus *bus, const char *name, const char *path, const char *interface, json_t **ret,
                sd_bus_error *error);
/* The properties of org.leased1.Manager. */
int bus_get_manager(sd_bus *bus, json_t **ret, sd_bus_error *error);
/* The properties of org.leased1.Unit, of a unit that is enabled here, by its name. */
int bus_get_unit(sd_bus *bus, const char *unit, json_t **ret, sd_bus_error *error);
/* The properties of org.leased1.Lease, by the path of the object. */
int bus_get_lease(sd_bus *bus, const char *path, json_t **ret, sd_bus_error *error);
/* The properties of a unit as PID 1 has it: a question about the object with the unit's name has PID 1 load the unit
 * and follow aliases. */
int bus_load_unit(sd_bus *bus, const char *unit, const char *interface, json_t **ret, sd_bus_error *error);
/* Every object of leased: {path: {interface: {property: value}}}. */
int bus_get_objects(sd_bus *bus, json_t **ret, sd_bus_error *error);

/* 1 if somebody owns org.leased1, 0 if nobody does. */
int bus_leased_runs(sd_bus *bus);
/* Manager.Reload. Bad lines in files do not make it fail: they are printed, *ret_bad_lines says so, and what could be
 * read is in force. Any other failure is for the caller to print. */
int bus_reload_leased(sd_bus *bus, sd_bus_error *error, bool *ret_bad_lines);

/* From here on the connection hears of every change of leased's objects, and of leased's end and return. */
int bus_watch_leased(sd_bus *bus);
/* Whether a signal was about the object since this was last asked, of any object for the first time. LEASED_NAME:
 * whether leased has ended or returned. */
bool bus_heard(const char *path);
/* Handles what has come in, or waits for it up to timeout microseconds: any message ends the wait, an expected signal
 * or not. Returns 0 or more, or a negative errno: the connection has ended. */
int bus_wait(sd_bus *bus, usec_t timeout);

/* Prints in one line why a call did not work, for what ("foo.service"; NULL: nothing in particular), and returns the
 * exit code for it. r: what the call returned. */
int bus_complain(const char *what, int r, const sd_bus_error *error);
