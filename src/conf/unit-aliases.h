/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/*
 * The aliases of units, as PID 1 finds them: other names of a unit, whose NAME.d it reads as well.
 *
 * A link in a folder of the search path (conf/unit-files.h) that leads into such a folder makes its name an alias of
 * the name to which it leads. What is found there by that name does not depend on the folder to which it leads. A link
 * to a file elsewhere makes no alias: its name is that of a unit of its own. A template's alias counts for each
 * instance, unless there is another file for it by the name of the alias; an instance's name may also lead to a
 * template.
 */

typedef struct UnitAliases UnitAliases;

/* Reads the folders of the search path, of which the first counts most; the list ends with NULL. The argument root is
 * "" or a directory for tests. *ret is freed by unit_aliases_free(). Returns 0; or -ENOMEM. A folder that cannot be
 * read has no links: PID 1 goes on, too. */
int unit_aliases_read(const char *root, const char *const *folders, UnitAliases **ret);
UnitAliases *unit_aliases_free(UnitAliases *a); /* returns NULL */
DEFINE_TRIVIAL_CLEANUP(UnitAliases *, unit_aliases_free)

/* Gives the other names of a unit, sorted. The name is the one that PID 1 says, and not that of a template. *ret is
 * freed by strv_free(), and NULL if there are none. Returns 0; or -ENOMEM. */
int unit_aliases_find(const UnitAliases *a, const char *unit, char ***ret);
