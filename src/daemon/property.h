/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The properties of an interface on D-Bus come from one table. Each property has a row: its name, its type, how
 * listeners hear of a change, and the expression that appends its value. The vtable, the answer to Get, and
 * PropertiesChanged are all made from these rows.
 *
 * An interface writes its table as a macro with one parameter, P: a macro that makes something of one row. In a row, m
 * is the message to append to, and s the subject: the struct from which the values are taken.
 *
 *     #define PROPERTIES(P)                                           \
 *             P(Name, "s", CONST, bus_append_text(m, s->view.unit))   \
 *             P(Stuck, "b", AROUND, ...)
 */

#include <systemd/sd-bus.h>

#include "util/macros.h"

typedef enum PropertyNews {
        PROPERTY_CONST,  /* never changes */
        PROPERTY_TOLD,   /* PropertiesChanged has each new value */
        PROPERTY_AROUND, /* the same, but the value depends on all machines and takes long to find out, so it is looked
                            at only now and then */
        PROPERTY_ASKED,  /* listeners are not told of a change: they ask */
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

/* What P may be, for an interface whose subject is a struct Subject, and whose sd_bus_property_get_t is
 * get_property(): it makes of a row the function that appends the value, or the Property, or the entry of the vtable.
 */
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

/* Appends the value of the property of that name, which must be in the table. A negative errno. */
int property_append(const PropertyTable *table, const char *name, const void *subject, sd_bus_message *m);

/* Appends the names and values of all properties, as a{sv}. A negative errno. */
int property_append_all(const PropertyTable *table, const void *subject, sd_bus_message *m);

/* A number that differs whenever the text does, but for a chance of 1 in 2^64; NULL counts as "". */
uint64_t property_digest(const char *text);

/* How many properties there are of whose changes listeners are told. */
size_t property_digests(const PropertyTable *table);

/* Finds the properties whose value differs from that at the last call with the same digests: those with PROPERTY_TOLD,
 * and if around, those with PROPERTY_AROUND. digests: property_digests() numbers, all 0 before the first call.
 * Of a digest 32 bits are kept, since there may be very many: one change in 2^32 is not told before the next one.
 * *ret_names: their names, which are borrowed from the table, ended by NULL; the caller frees the list itself. Returns
 * how many there are, or a negative errno. bus: any connection that is up; nothing is sent on it. */
int property_changes(const PropertyTable *table, const void *subject, bool around, sd_bus *bus, uint32_t *digests,
                char ***ret_names);
