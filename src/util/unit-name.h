/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one rule for names of units, which is PID 1's (systemd.unit(5), and unit_name_is_valid() of systemd). The type
 * stands behind the last dot. The first "@" begins an instance: "w@.x.service" is the instance ".x" of "w@.service",
 * "x@@.service" is the instance "@" of "x@.service". If nothing stands between the first "@" and the last dot, the
 * name is that of a template. No other file of the project looks for an "@" in a unit's name.
 *
 * Functions that return int return 0 or a negative errno; what they wrote into ret is of no use after a failure.
 */

#include "util/macros.h"

enum {
        UNIT_NAME_LENGTH = 255,                 /* bytes without the NUL, at most */
        UNIT_NAME_SPACE = UNIT_NAME_LENGTH + 2, /* for a name, and for the pattern of the longest template */
};

typedef enum UnitNameKind {
        UNIT_NAME_INVALID,
        UNIT_NAME_PLAIN,    /* "foo.service" */
        UNIT_NAME_INSTANCE, /* "foo@bar.service" */
        UNIT_NAME_TEMPLATE, /* "foo@.service" */
} UnitNameKind;

/* Says what kind of name this is; UNIT_NAME_INVALID: PID 1 would not accept the name. */
UnitNameKind unit_name_kind(const char *name);

static inline bool unit_name_is_template(const char *name) {
        return unit_name_kind(name) == UNIT_NAME_TEMPLATE;
}

/* Gives the full name that a person means: "foo" is "foo.service", and a name with a type stays as it is. The result,
 * owned by the caller, may still be invalid; NULL: out of memory. */
char *unit_name_complete(const char *name);

/* Gives the length of the part before the first "@", or if there is none, of the part before the last dot. The name
 * must be valid. */
size_t unit_name_prefix(const char *name);

/* Writes the name of an instance of the template, or with the instance "*" the pattern that matches all its instances;
 * PID 1 takes a backslash in the pattern literally. 0; -EINVAL: template is no template's name; -ENAMETOOLONG. */
int unit_name_fill(const char *template, const char *instance, char ret[static UNIT_NAME_SPACE]);

/* Writes the name of an instance's template. 0; -EINVAL: the name is no instance's. */
int unit_name_template(const char *instance, char ret[static UNIT_NAME_SPACE]);

/* Whether the name is that of an instance of the template. */
bool unit_name_is_instance_of(const char *name, const char *template);

/* Writes "foo@.service" for "foo.socket" and "foo@bar.socket": PID 1 makes an instance of that template for each
 * connection (systemd.socket(5), Accept=). 0, -EINVAL: the name is no socket's, or -ENAMETOOLONG. */
int unit_name_of_connections(const char *socket, char ret[static UNIT_NAME_SPACE]);
