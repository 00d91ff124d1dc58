/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The properties of an interface on D-Bus come from one table, a row for each: its name, its type, how listeners hear
 * of a change, and what appends its value. The vtable, the answer to Get, and PropertiesChanged are made of the rows.
 *
 * An interface writes its table as a macro that is given what to make of a row (P), with m being the message and s the
 * subject, which is whatever the values are taken from:
 *
 *     #define PROPERTIES(P)                                           \
 *             P(Name, "s", CONST, bus_append_text(m, s->view.unit))   \
 *             P(Stuck, "b", AROUND, ...)
 */

#include <systemd/sd-bus.h>

#include "util/macros.h"

typedef enum PropertyNews {
        PROPERTY_CONST,  /* never changes */
        PROPERTY_TOLD,   /* PropertiesChanged bears each new value */
        PROPERTY_AROUND, /* likewise, but the value hangs on all machines and is not cheap: looked at now and then */
        PROPERTY_ASKED,  /* changes without a word */
} PropertyNews;

typedef struct Property {
        const char *name;
        const char *type;
        PropertyNews news;
        int (*append)(const void *subject, sd_bus_message *m);
} Property;

typedef struct PropertyTable {
        const char *interface;
        const Property *rows;
        size_t n;
} PropertyTable;

/* What to make of a row of an interface whose subject is a Subject, and whose sd_bus_property_get_t is get_property():
 * the function that appends the value, the Property, the entry of the vtable. */
#define PROPERTY_FUNCTION(name, type, news, value)                                                                    \
        static int append_##name(const void *subject, sd_bus_message *m) {                                            \
                const Subject *s = subject;                                                                           \
                (void) s;                                                                                             \
                return value;                                                                                         \
        }
#define PROPERTY_ROW(name, type, news, value) { #name, type, PROPERTY_##news, append_##name },
#define PROPERTY_VTABLE(name, type, news, value) SD_BUS_PROPERTY(#name, type, get_property, 0, PROPERTY_FLAG_##news),

#define PROPERTY_FLAG_CONST SD_BUS_VTABLE_PROPERTY_CONST
#define PROPERTY_FLAG_TOLD SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define PROPERTY_FLAG_AROUND SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define PROPERTY_FLAG_ASKED 0

/* Appends the value of the property of that name, which the table must have. */
int property_append(const PropertyTable *table, const char *name, const void *subject, sd_bus_message *m);

/* Appends the names and values of all properties: a{sv}. */
int property_append_all(const PropertyTable *table, const void *subject, sd_bus_message *m);

/* A number that is another one when the text is, as good as always; NULL counts as "". */
uint64_t property_digest(const char *text);

/* Which properties have another value than at the last call with the same digests: those that are told, and with
 * around also those that hang on all machines. digests: one for each row, all 0 before the first call. *ret_names: the
 * names, which are the table's, ended by NULL; the list is owned by the caller. Returns how many. bus: any connection
 * that is up, nothing is sent. */
int property_changes(const PropertyTable *table, const void *subject, bool around, sd_bus *bus, uint64_t *digests,
                char ***ret_names);
