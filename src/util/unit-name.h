/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one rule for names of units, which is PID 1's (systemd.unit(5), and unit_name_is_valid() of systemd): what
 * stands before the last dot is the name, behind it stands the type. The first "@" in the name begins an instance:
 * "w@.x.service" is the instance ".x" of "w@.service", "x@@.service" the instance "@" of "x@.service". Only where
 * nothing stands between that "@" and the last dot is the name that of a template. Nothing else in the project looks
 * for an "@" in a name.
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

/* What kind of name it is; UNIT_NAME_INVALID: PID 1 would not take it. */
UnitNameKind unit_name_kind(const char *name);

static inline bool unit_name_is_template(const char *name) {
        return unit_name_kind(name) == UNIT_NAME_TEMPLATE;
}

/* What a person means by a name without a type: "foo" is "foo.service". Owned by the caller; NULL: out of memory. */
char *unit_name_complete(const char *name);

/* The length of the part before the "@", or, without one, of the part before the last dot. The name must be valid. */
size_t unit_name_prefix(const char *name);

/* Writes a template with the text as its instance: a name; or with "*" the pattern of all instances, in which PID 1
 * takes a backslash literally. 0, -EINVAL: it is no template, or -ENAMETOOLONG. */
int unit_name_fill(const char *template, const char *instance, char ret[static UNIT_NAME_SPACE]);

/* Writes the template of an instance. 0, or -EINVAL: it is no instance. */
int unit_name_template(const char *instance, char ret[static UNIT_NAME_SPACE]);

/* Whether the name is that of an instance of the template. */
bool unit_name_is_instance_of(const char *name, const char *template);

/* Writes "foo@.service" for "foo.socket" and "foo@bar.socket": PID 1 makes an instance of that template for each
 * connection (systemd.socket(5), Accept=). 0, -EINVAL: the name is no socket's, or -ENAMETOOLONG. */
int unit_name_of_connections(const char *socket, char ret[static UNIT_NAME_SPACE]);
