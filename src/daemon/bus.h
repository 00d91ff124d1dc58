/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * org.leased1 on the system bus. The interfaces are described in dbus/, which is the source of truth.
 *
 * READY=1 goes out when the name is ours for the first time; from then on there is a second connection, for PID 1 and
 * logind (bus-link.h).
 */

#include "daemon/daemon.h"

#define BUS_NAME "org.leased1"
#define BUS_PATH "/org/leased1"
#define BUS_LEASE_PATH "/org/leased1/lease"
#define BUS_UNIT_PATH "/org/leased1/unit"
#define BUS_MANAGER "org.leased1.Manager"
#define BUS_LEASE "org.leased1.Lease"
#define BUS_UNIT "org.leased1.Unit"

#define BUS_ERROR(name) "org.leased1.Error." name

/* Opens the connection, without waiting for it. Logs. */
int bus_new(Daemon *d);
void bus_free(Daemon *d);
/* The connection, if it is up and signals can be sent; or NULL. */
sd_bus *bus_up(Daemon *d);

/* Each adds its interface's vtable to d->bus. Non-logging. */
int bus_manager_register(Daemon *d);
int bus_lease_register(Daemon *d);
int bus_unit_register(Daemon *d);

/* The object path of a lease or unit; owned by the caller. */
char *bus_lease_path(const char *name);
char *bus_unit_path(const char *name);

/* "active", "inactive", …; "unknown" while PID 1 does not answer. */
const char *bus_active_state(Daemon *d, const char *unit);

/* "connecting", "ok", "trouble", "foreign": it answers, and is not the one that this machine goes by. */
const char *bus_registry_state(const RegistryStatus *status, const SessionView *session);
/* Why this machine does not compete, or else the registry's last error; "" if there was none. */
const char *bus_last_error(const RegistryStatus *status, const SessionView *session);

enum {
        BUS_QUOTE_SIZE = 80,
};

/* What a caller has sent, for an error message: in quotes, on one line, and cut where it is long. Written into buf and
 * returned. */
const char *bus_quote(const char *text, char buf[static BUS_QUOTE_SIZE]);

/* Whatever reaches D-Bus as text must be UTF-8, or the bus disconnects us: where it may come from a server, a file, or
 * is cut from what did, these two see to it. Nothing else of it is changed. */
int bus_append_text(sd_bus_message *m, const char *text);
int bus_error(sd_bus_error *error, const char *name, const char *format, ...) _printf_(3, 4);

/* Appends an object path, without leaking it. */
int bus_append_path(sd_bus_message *m, char *path);
/* "a b c" as as. */
int bus_append_words(sd_bus_message *m, const char *words);
/* "region=eu rack=a1" as a{ss}. */
int bus_append_metadata(sd_bus_message *m, const char *metadata);

/* A growing, NULL-terminated list of object paths, as sd-bus wants it from an enumerator. */
typedef struct BusPaths {
        char **paths;
        size_t n, room;
} BusPaths;

/* Takes path; NULL is out of memory. */
int bus_paths_add(BusPaths *p, char *path);
