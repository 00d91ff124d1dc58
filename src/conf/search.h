/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Finds a configuration file and its drop-ins in the same folders as systemd does: /etc (the administrator's files),
 * /run (files that last until the next boot), /usr/local/lib and /usr/lib (files of packages). Of several files with
 * the same name only the one in the earliest of these folders is read. If this one is empty or a link to /dev/null,
 * none of them is read.
 *
 * The argument root is "" or, in tests, a directory that stands for "/". The paths that these functions give do not
 * begin with root.
 */

#include "util/macros.h"

/* Gives the path of the file to be read for a name such as "leased/leased.conf". *ret is owned by the caller; NULL:
 * there is no such file. Returns 0 or -ENOMEM. */
int search_file(const char *root, const char *name, char **ret);

/* Gives the paths of the files to be read from all folders of a name such as "leased/leased.conf.d": those for whose
 * names wanted() is true, in the order of their names. *ret is freed by strv_free(); NULL: there are none. A folder
 * that cannot be read is left out: then *ret_unread, owned by the caller, is the path of the first such folder, and
 * the errno of its failure is returned, negative, with the files of the other folders in *ret. Otherwise *ret_unread
 * is NULL, and 0 is returned. -ENOMEM: *ret is untouched, and *ret_unread may be set. */
int search_folder(
                const char *root, const char *name, bool (*wanted)(const char *name), char ***ret, char **ret_unread);
