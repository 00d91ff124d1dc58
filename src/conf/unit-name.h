/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"

/* The parts of the name of a unit that can be leased: "foo@bar.service" has prefix "foo", instance "bar" and suffix
 * "service". */
typedef struct UnitName {
        char *prefix;
        char *instance;     /* NULL without "@" */
        const char *suffix; /* not owned */
} UnitName;

/* Splits a name; *ret is freed by unit_name_done(), and untouched on failure. The suffix is borrowed from name.
 * -EINVAL: a unit of that name cannot be leased; -ENOMEM. */
int unit_name_split(const char *name, UnitName *ret);
/* Frees the parts and empties n; for _cleanup_. */
void unit_name_done(UnitName *n);

/* Puts a name together: "foo.service" without an instance, "foo@.service" for instance "", "foo@bar.service". Owned by
 * the caller; NULL: out of memory. */
char *unit_name_build(const char *prefix, const char *instance, const char *suffix);
