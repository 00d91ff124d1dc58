/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/*
 * The links in the folders where systemd looks for unit files, and in the .wants, .requires and .upholds there.
 * "systemctl enable" makes such links, and an alias is one. A unit that no link names is not enabled in systemd.
 */

/* Gives the names of all these links and of what they lead to, sorted. *ret is freed by strv_free(), and NULL if
 * there are none. The argument root is "" or a directory for tests. Returns 0, or a negative errno. */
int unit_links_list(const char *root, char ***ret);
/* Whether a list from unit_links_list() has the name of the unit or of its template. */
bool unit_links_have(char *const *links, const char *unit);
