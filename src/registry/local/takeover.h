/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/stat.h>

#include "registry/local/patience.h"
#include "registry/local/result.h"

/* Makes the database out of the files of leased 0.1.0. found: what lies in the place of the database, by lstat(), and
 * is no database; NULL: nothing lies there. create: if there are no such files either, an empty database is made.
 * Returns 0: look again, for this call or another process has made the database; or fails as local_store_get() does.
 */
int local_takeover(const char *directory, const struct stat *found, bool create, const LocalPatience *patience,
                LocalResult *result);
/* Removes what is left of the files of leased 0.1.0 once there is a database. */
void local_takeover_tidy(const char *directory);
