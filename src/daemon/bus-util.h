/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files that speak D-Bus have in common: names, paths, and how text and errors get into a message. */

#include <systemd/sd-bus.h>

#include "util/macros.h"
#include "util/names.h"

#define BUS_NAME LEASED_NAME
#define BUS_PATH LEASED_PATH
#define BUS_LEASE_PATH LEASED_LEASE_PATH
#define BUS_UNIT_PATH LEASED_UNIT_PATH
#define BUS_MANAGER LEASED_MANAGER
#define BUS_LEASE LEASED_LEASE
#define BUS_UNIT LEASED_UNIT

#define BUS_ERROR(name) LEASED_ERROR(name)

/* The object path of a lease or unit; owned by the caller, NULL if out of memory. */
char *bus_lease_path(const char *name);
char *bus_unit_path(const char *name);

enum {
        BUS_QUOTE_SIZE = 80,
};

/* What a caller has sent, for an error message: in quotes, on one line, and cut where it is long. Written into buf and
 * returned. */
const char *bus_quote(const char *text, char buf[static BUS_QUOTE_SIZE]);

/* Whatever reaches D-Bus as text must be UTF-8, or the bus disconnects us. Text that may come from a server, from a
 * file, or is cut from such text, goes through these two: what is not UTF-8 in it is replaced, nothing else is
 * changed.
 */

/* Appends a string; NULL counts as "". */
int bus_append_text(sd_bus_message *m, const char *text);
/* Sets error, and returns the negative errno that sd-bus has for its name. */
int bus_error(sd_bus_error *error, const char *name, const char *format, ...) _printf_(3, 4);

/* For a method that answers later and has failed: replies with error, or else with the errno r. r >= 0: the reply is
 * sent already, and nothing is done. Frees what error holds. */
void bus_reply_failed(sd_bus_message *m, int r, sd_bus_error *error);

/* Appends an object path. Takes path; NULL is out of memory. */
int bus_append_path(sd_bus_message *m, char *path);
/* Appends "a b c" as as; NULL counts as "". */
int bus_append_words(sd_bus_message *m, const char *words);
/* Appends "region=eu rack=a1" as a{ss}; NULL counts as "". */
int bus_append_metadata(sd_bus_message *m, const char *metadata);

/* Has changed called whenever the name gets another owner, or none; *slot is the caller's. installed as of
 * sd_bus_add_match_async(): if it is NULL, a bus that refuses ends the connection. */
int bus_follow_name(sd_bus *bus, sd_bus_slot **slot, const char *name, sd_bus_message_handler_t changed,
                sd_bus_message_handler_t installed, void *userdata);
/* Of the message that changed was called with: the name has no owner any more. */
bool bus_name_is_gone(sd_bus_message *m);
