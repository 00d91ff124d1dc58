/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/* The names in a directory that wanted() agrees to, sorted by their bytes, NULL-terminated, freed by strv_free().
 * Names that begin with a dot are left out. An absent directory is an empty list. */
int directory_list(const char *path, bool (*wanted)(const char *name), char ***ret);

/* For wanted(): "NAME.conf". */
bool directory_is_conf(const char *name);
