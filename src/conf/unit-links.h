/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/*
 * The links in the folders where systemd looks for unit files and in their .wants, .requires and .upholds: what
 * "systemctl enable" makes, and what makes an alias. A unit that no link names is not enabled in systemd.
 */

/* The names of all these links and of what they lead to, sorted, freed by strv_free(). root: "" or a directory
 * (tests). 0, or a negative errno. */
int unit_links_list(const char *root, char ***ret);
/* Whether such a list has the name of the unit or of its template. */
bool unit_links_have(char *const *links, const char *unit);
