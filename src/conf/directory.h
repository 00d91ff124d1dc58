/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/* Lists the names in a directory for which wanted() is true (all names if wanted is NULL), sorted by their bytes
 * and NULL-terminated. *ret is freed by strv_free(). Names that begin with a dot are left out. If the directory does
 * not exist, the list is empty. Returns 0 or a negative errno. */
int directory_list(const char *path, bool (*wanted)(const char *name), char ***ret);

/* Whether the name is "NAME.conf"; to be given as wanted. */
bool directory_is_conf(const char *name);
