/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/* Lists the names in a directory that wanted() agrees to (NULL: all), sorted by their bytes, NULL-terminated, freed by
 * strv_free(). Names that begin with a dot are left out. An absent directory is an empty list. 0, or a negative errno.
 */
int directory_list(const char *path, bool (*wanted)(const char *name), char ***ret);

/* A wanted(): whether the name is "NAME.conf". */
bool directory_is_conf(const char *name);
