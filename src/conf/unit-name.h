/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"

/* The parts of the name of a unit that can be leased: "foo@bar.service" has the prefix "foo", the instance "bar"
 * and the suffix "service". */
typedef struct UnitName {
        char *prefix;
        char *instance;     /* NULL without "@" */
        const char *suffix; /* borrowed from the name */
} UnitName;

/* Splits a name. *ret is freed by unit_name_done(), and untouched on failure; its suffix is borrowed from name.
 * Returns 0; -EINVAL if a unit of that name cannot be leased; -ENOMEM. */
int unit_name_split(const char *name, UnitName *ret);
/* Frees the parts and empties n; for _cleanup_. */
void unit_name_done(UnitName *n);

/* Puts a name together: "foo.service" if instance is NULL, "foo@.service" if it is "", "foo@bar.service" if it is
 * "bar". Owned by the caller; NULL if memory is short. */
char *unit_name_build(const char *prefix, const char *instance, const char *suffix);
