/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"

/* The parts of a valid unit name: "foo@bar.service" has prefix "foo", instance "bar" (NULL without "@") and suffix
 * "service". The names of its template and of anything built of such parts are put together by unit_name_build(). */
typedef struct UnitName {
        char *prefix;
        char *instance;
        const char *suffix; /* not owned */
} UnitName;

int unit_name_split(const char *name, UnitName *ret);
void unit_name_done(UnitName *n);

/* "foo.service", "foo@.service" for instance "", "foo@bar.service". Owned by the caller; NULL: out of memory. */
char *unit_name_build(const char *prefix, const char *instance, const char *suffix);
