/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How leased 0.1.0 wrote keys as file names: "leases/foo.service" was the file "leases+foo.service".
 *
 * Letters, digits and :_.\@- stand for themselves, '/' is written '+', every other byte and a dot at the beginning as
 * %XX. So a name never leaves its directory, and two keys never share one. What does not fit a file name is cut and
 * ends in '~' and a hash; the record says its whole key itself, and one that says another counts as damaged.
 */

#include "util/macros.h"

enum {
        LOCAL_NAME_SIZE = 256, /* NAME_MAX and the NUL */
};

/* Whether the name is of a key that was too long for one: the record itself says which. */
bool local_name_is_cut(const char *name);

/* The whole key, escaped but never cut. NULL: out of memory. */
char *local_escape(const char *key);

/* The file's name for an escaped key. */
void local_name(const char *escaped, char ret[static LOCAL_NAME_SIZE]);

/* The key of its escaped form: 1 and *ret, owned by the caller; 0: no key is escaped so; -ENOMEM. */
int local_unescape_key(const char *escaped, char **ret);

/* The key of a file's name: 1 and *ret, owned by the caller; 0 if the name was cut, or is not one of ours; -ENOMEM. */
int local_unescape(const char *name, char **ret);
