/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one rule for names of units, which is PID 1's (systemd.unit(5), and unit_name_is_valid() of systemd): what
 * stands before the last dot is the name, behind it the type. The first "@" in the name begins an instance:
 * "w@.x.service" is the instance
 * ".x" of "w@.service", "x@@.service" the instance "@" of "x@.service". Only where nothing stands between that "@" and
 * the last dot is it a template. Nothing else in the project looks for an "@" in a name.
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

UnitNameKind unit_name_kind(const char *name);

static inline bool unit_name_is_template(const char *name) {
        return unit_name_kind(name) == UNIT_NAME_TEMPLATE;
}

/* What a person means by a name without a type: "foo" is "foo.service". Owned by the caller; NULL: out of memory. */
char *unit_name_complete(const char *name);

/* How long the part before the "@" is, or the whole before the last dot where there is none; of a valid name. */
size_t unit_name_prefix(const char *name);

/* A template with the text as its instance: a name, or with "*" the pattern of all (PID 1 takes a backslash in a
 * pattern literally). -EINVAL: it is no template; -ENAMETOOLONG. */
int unit_name_fill(const char *template, const char *instance, char ret[static UNIT_NAME_SPACE]);

/* The template of an instance. -EINVAL: it is none. */
int unit_name_template(const char *instance, char ret[static UNIT_NAME_SPACE]);

/* Whether the name is that of an instance of the template. */
bool unit_name_is_instance_of(const char *name, const char *template);

/* "foo@.service" for "foo.socket" and "foo@bar.socket", of which PID 1 makes an instance for each connection
 * (systemd.socket(5), Accept=). -EINVAL: the name is no socket's; -ENAMETOOLONG: PID 1 could not start one either. */
int unit_name_of_connections(const char *socket, char ret[static UNIT_NAME_SPACE]);
