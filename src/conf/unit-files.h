/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/*
 * Where systemd would read a unit from: systemd.unit(5), "Unit File Load Path".
 *
 * The unit file is the first of its name in the search path, or else the first of its template's name. Drop-ins are
 * all *.conf in NAME.d, in the template's .d, in those of the prefixes that end with a dash (foo-bar.service:
 * foo-.service.d), and at last in TYPE.d, each along the search path. Of several files with one name the first counts,
 * an empty one or a link to /dev/null takes it out; what is left is applied in the order of the file names.
 *
 * What it does not do: aliases. Names come here as PID 1 says them.
 */

/* The files in the order in which they are to be read, without root, NULL-terminated, freed by strv_free(). A unit
 * without any file is an empty list. -EINVAL: no unit's name. */
int unit_files_find(const char *root, const char *unit, char ***ret);
