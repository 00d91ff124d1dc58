/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/*
 * Finds the files from which systemd would read a unit (systemd.unit(5), "Unit File Load Path").
 *
 * The unit file is the first file of the unit's name in the search path, or otherwise the first of its template's
 * name.
 *
 * Drop-ins are all *.conf in certain folders: NAME.d; the template's .d; the .d of each prefix that ends with a dash
 * (foo-bar.service: foo-.service.d). These are taken from one folder of the search path after the other; TYPE.d of all
 * folders comes last. If several files have one name, the first counts. If that one is empty or a link to /dev/null,
 * no file of that name counts. The files that are left are applied in the order of their names.
 *
 * The .d of aliases (conf/unit-aliases.h), of their templates and of their prefixes come behind all those of the
 * unit's own name, and before TYPE.d. PID 1 leaves open which of several aliases comes first; here it is the order of
 * names.
 *
 * Callers pass the names that PID 1 says, not aliases.
 */

/* The search path: the folders in the order in which they count, with NULL at the end. */
extern const char *const unit_files_folders[];

/* Lists the folders of the search path below root, so that unit_files_find() opens only what the lists name, until
 * unit_files_forget(): for work on many units, of the calling thread alone. What is made there meanwhile may not be
 * found. */
void unit_files_remember(const char *root);
void unit_files_forget(void);

/* Finds the files of a unit, in the order in which they are to be read. *ret has their paths without root, is
 * NULL-terminated and freed by strv_free(). It is empty for a unit without any file. Returns 0; -ENOMEM; or -EINVAL if
 * no unit of that name can be leased. */
int unit_files_find(const char *root, const char *unit, char ***ret);

/* Lists the names in whose folders (NAME.d, NAME.wants and so on) systemd looks for a unit: the unit's own, and those
 * that count for others as well: its template's, those of its prefixes, and its type's ("service"). *ret is freed by
 * strv_free(). Returns 0; -ENOMEM; or -EINVAL if no unit of that name can be leased. */
int unit_files_folder_names(const char *unit, char ***ret);
