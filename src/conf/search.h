/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a configuration file and its drop-ins are looked for, as systemd does: /etc (the administrator's), /run (until
 * the next boot), /usr/local/lib and /usr/lib (packages'). Of files with the same name the one in the earlier folder
 * is read, and no other. A file that is a link to /dev/null, or is empty, stands in for the others and says nothing.
 *
 * The argument root is "" or a directory for tests. Paths that are given do not begin with it.
 */

#include "util/macros.h"

/* Gives the path of the file that is to be read, owned by the caller, e.g. for "leased/leased.conf"; NULL: there is
 * none. Returns 0 or -ENOMEM. */
int search_file(const char *root, const char *name, char **ret);

/* Gives the paths of the files that are to be read from a folder such as "leased/leased.conf.d", in the order of their
 * names: those for which wanted() is true. *ret is freed by strv_free(); NULL: there are none. If a folder cannot be
 * read, *ret_unread is its path, owned by the caller, and its files are left out; otherwise NULL. Returns 0, a
 * negative errno with *ret_unread, or -ENOMEM without. */
int search_folder(
                const char *root, const char *name, bool (*wanted)(const char *name), char ***ret, char **ret_unread);
