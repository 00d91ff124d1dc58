/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"
#include "util/names.h"

/*
 * Calls over the system bus, with their answers as JSON (ctl/message-json.h). Each function waits for the answer, at
 * most BUS_CALL_TIMEOUT.
 *
 * Functions return 0 or a negative errno and print nothing, unless their comment says otherwise. The error that the
 * other side has sent is put into the sd_bus_error, which may be NULL. *ret is owned by the caller, and untouched on
 * failure.
 */

/* How long a function waits for an answer. It is long, because PID 1 runs all generators before it answers a
 * Reload. */
#define BUS_CALL_TIMEOUT (90 * USEC_PER_SEC)

typedef struct BusName {
        const char *name;
        const char *path;
        const char *interface;
} BusName;

/* The managers of leased and of PID 1, and the bus daemon itself. */
extern const BusName bus_leased, bus_pid1, bus_broker;

/* Connects ctl->bus to the system bus of this machine, or of ctl->host. The caller closes the connection. Prints
 * what is wrong and returns an exit code. */
int bus_connect(Ctl *ctl);

/* Sends the call of a method that the caller has made. *ret is an array of the arguments of the answer; ret may be
 * NULL. */
int bus_send(sd_bus *bus, sd_bus_message *m, json_t **ret, sd_bus_error *error);
/* Does the same for a call that is made here. The arguments are given as sd_bus_message_append() takes them; types is
 * NULL if there are none. */
int bus_call(sd_bus *bus, const BusName *on, const char *method, json_t **ret, sd_bus_error *error, const char *types,
                ...);

/* Gives all properties that an object at path, of the bus client called name, has on one interface, or, if
 * interface is "", on all its interfaces. */
int bus_get_all(sd_bus *bus, const char *name, const char *path, const char *interface, json_t **ret,
                sd_bus_error *error);
/* Gives the properties of org.leased1.Manager. */
int bus_get_manager(sd_bus *bus, json_t **ret, sd_bus_error *error);
/* Gives the properties of org.leased1.Unit for a unit that is enabled here, by the name of the unit. */
int bus_get_unit(sd_bus *bus, const char *unit, json_t **ret, sd_bus_error *error);
/* Gives the properties of org.leased1.Lease, by the path of the object. */
int bus_get_lease(sd_bus *bus, const char *path, json_t **ret, sd_bus_error *error);
/* Gives the properties of a unit as PID 1 has it. If PID 1 has not loaded the unit yet, it does so for this
 * question, and it follows aliases. */
int bus_load_unit(sd_bus *bus, const char *unit, const char *interface, json_t **ret, sd_bus_error *error);
/* Gives every object of leased, as {path: {interface: {property: value}}}. */
int bus_get_objects(sd_bus *bus, json_t **ret, sd_bus_error *error);

/* Returns 1 if somebody owns the name org.leased1 on the bus, so that leased runs, 0 if nobody does, or a negative
 * errno. */
int bus_leased_runs(sd_bus *bus);
/* Whether systemd has failed to start a service, or fails again and again. */
bool bus_service_fails(sd_bus *bus, const char *service);
/* Has leased read its configuration anew (Manager.Reload). If files have bad lines, the call succeeds all the same:
 * the lines are printed, *ret_bad_lines is true, and all that could be read is in force. Any other failure is for the
 * caller to print. The argument error must not be NULL. */
int bus_reload_leased(sd_bus *bus, sd_bus_error *error, bool *ret_bad_lines);

/* Takes back all that this process has asked of leased and that has not begun (Manager.Withdraw). Does not wait: the
 * answers to the calls tell the rest. */
void bus_withdraw(sd_bus *bus);

/* From this call on, the connection receives the signals for every change of an object of leased, and for the end
 * and the return of leased itself. */
int bus_watch_leased(sd_bus *bus);
/* Whether a signal has come about the object since the last time this was asked about it. For LEASED_NAME in place
 * of a path: whether leased has ended or returned. Signals are noted only after the first call of this function,
 * whatever its path. */
bool bus_heard(const char *path);
/* Whether a signal has come since then that says that the object is gone. */
bool bus_heard_removed(const char *path);
/* Handles the messages that have come in. If there are none, waits for one, at most timeout microseconds; any
 * message ends the wait, an expected signal or not. Returns 0, or a negative errno if the connection has ended. */
int bus_wait(sd_bus *bus, usec_t timeout);

/* Prints in one line why a call failed, and returns the exit code for that. The line begins with the text in what
 * ("foo.service"), which may be NULL. The argument r is what the call returned; error may be NULL. */
int bus_complain(const char *what, int r, const sd_bus_error *error);
