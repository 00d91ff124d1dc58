/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/* Changes of a configuration file's text (ini.h says how such a text is written). Comments and all other lines stay as
 * they are. */

/* Gives each of the n settings, "Key=value", its line in the section. Lines that set one of these keys there before
 * are left out. A setting takes the place of the first line with its key, or otherwise stands at the end of the
 * section; settings with the same key stand together, in their order. A setting that is a "Key" alone gets no line.
 * Without such a section, one is made at the end of the text. *ret is owned by the caller. Returns 0 or -ENOMEM. */
int ini_edit_set(const char *text, const char *section, size_t n, const char *const settings[], char **ret);

/* Gives the lines of the sections whose names are in the list, which ends with NULL: their heads, and what stands in
 * them. *ret, owned by the caller, is "" if the text has none of them. Returns 0 or -ENOMEM. */
int ini_edit_extract(const char *text, const char *const sections[], char **ret);
