/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/*
 * The files from which systemd would read a unit (systemd.unit(5), "Unit File Load Path").
 *
 * The unit file is the first of the unit's name in the search path, or else the first of its template's name. Drop-ins
 * are all *.conf in NAME.d, in the template's .d, in those of the prefixes that end with a dash (foo-bar.service:
 * foo-.service.d), and last in TYPE.d, each along the search path. Of several files with one name the first counts;
 * one that is empty or a link to /dev/null takes the name out. What is left is applied in the order of the file names.
 *
 * Aliases are not followed: names come here as PID 1 says them.
 */

/* The search path: the folders in the order in which they count, NULL at the end. */
extern const char *const unit_files_folders[];

/* Finds the files, in the order in which they are to be read, without root, NULL-terminated, freed by strv_free(). A
 * unit without any file has an empty list. 0, -ENOMEM, or -EINVAL: no unit's name. */
int unit_files_find(const char *root, const char *unit, char ***ret);
