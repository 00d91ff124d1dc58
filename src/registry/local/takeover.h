/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/stat.h>

#include "registry/local/patience.h"
#include "registry/local/result.h"

/* Takes the files of leased 0.1.0 over into a database, where found (by lstat(); NULL: nothing) is no database.
 * create: where nothing is either, or an empty file, an empty database is made. 0: look again, here or elsewhere it
 * was done. Otherwise as local_store_get(). */
int local_takeover(const char *directory, const struct stat *found, bool create, const LocalPatience *patience,
                LocalResult *result);
/* Removes what is left of the files of leased 0.1.0 once there is a database. */
void local_takeover_tidy(const char *directory);
