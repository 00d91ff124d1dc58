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

#define LEASE_NAME_EXPECTED                                                                                           \
        "A lease's name is a unit's, or 1 to 255 of A-Z a-z 0-9 : _ . \\ @ - #, not beginning with a dot or #."

/* The object path of a lease or unit; owned by the caller, NULL if out of memory. */
char *bus_lease_path(const char *name);
char *bus_unit_path(const char *name);

enum {
        BUS_QUOTE_SIZE = 80,
};

/* Writes text, which a caller has sent, into buf for an error message: in quotes, on one line, and cut where it is too
 * long. Returns buf. */
const char *bus_quote(const char *text, char buf[static BUS_QUOTE_SIZE]);

/* All text on D-Bus must be UTF-8, or the bus disconnects us. Text that comes from a server or a file, or is cut from
 * such text, goes through the next two functions: they replace what is not UTF-8, and change nothing else. */

/* Appends a string; NULL counts as "". A negative errno. */
int bus_append_text(sd_bus_message *m, const char *text);
/* Sets error to that name and a text of at most 1023 bytes. Returns the negative errno that sd-bus has for the name.
 */
int bus_error(sd_bus_error *error, const char *name, const char *format, ...) _printf_(3, 4);

/* Whether name, which a caller has sent, is a name that a unit may have (unit_name_is_valid()). Returns 0; a negative
 * errno with the error InvalidName. */
int bus_check_unit_name(const char *name, sd_bus_error *error);

/* Ends a method that answers later. r < 0: the method has failed, and error is replied, or if error is not set, the
 * errno r. r >= 0: a reply is sent already, or will be, and nothing is done. Frees what error holds in any case. */
void bus_reply_failed(sd_bus_message *m, int r, sd_bus_error *error);

/* Appends an object path. Takes path, also where it fails; NULL counts as out of memory. A negative errno. */
int bus_append_path(sd_bus_message *m, char *path);
/* Appends the words of "a b c" as an array of strings (as); NULL counts as "". A negative errno. */
int bus_append_words(sd_bus_message *m, const char *words);
/* Appends "region=eu rack=a1" as a dictionary (a{ss}); NULL counts as "". A negative errno. */
int bus_append_metadata(sd_bus_message *m, const char *metadata);

/* Has changed() called whenever the name on the bus gets another owner, or loses its owner. *slot is owned by the
 * caller, and ends this when it is freed. installed is passed on to sd_bus_add_match_async(): if it is NULL, and the
 * bus refuses the match, the connection is closed. A negative errno. */
int bus_follow_name(sd_bus *bus, sd_bus_slot **slot, const char *name, sd_bus_message_handler_t changed,
                sd_bus_message_handler_t installed, void *userdata);
/* Whether the message that changed() was called with says that the name has no owner any more. */
bool bus_name_is_gone(sd_bus_message *m);
/* Appends Description= to the properties of a transient unit, as text that can be shown and is no more than a
 * description, whoever wrote parts of it. A negative errno. */
int bus_append_description(sd_bus_message *m, const char *format, ...) _printf_(2, 3);
/* Appends ExecStart= to the properties of a transient unit: one command, which must not be empty. Returns 0 or a
 * negative errno. */
int bus_append_exec(sd_bus_message *m, char **command);
