/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How leased 0.1.0 wrote keys as file names: "leases/foo.service" was the file "leases+foo.service".
 *
 * Letters, digits and :_.\@- stand for themselves, '/' is written as '+', every other byte and a dot at the beginning
 * as %XX. So a name never leaves its directory, and two keys never share a name. A name that would be too long is cut,
 * and ends in '~' and a hash. The file itself states the whole key; a file whose key does not belong to its name
 * counts as damaged.
 */

#include "util/macros.h"

enum {
        LOCAL_NAME_SIZE = 256, /* NAME_MAX and the NUL */
};

/* Whether the name was cut: then only the file itself tells the key. */
bool local_name_is_cut(const char *name);

/* Gives the whole key escaped, not cut; owned by the caller. NULL: out of memory. */
char *local_escape(const char *key);

/* Writes the file's name for an escaped key, cut if need be. */
void local_name(const char *escaped, char ret[static LOCAL_NAME_SIZE]);

/* Gives the key of an escaped form. 1: *ret is owned by the caller; 0: no key has this escaped form; -ENOMEM. */
int local_unescape_key(const char *escaped, char **ret);

/* Gives the key of a file's name. 1: *ret is owned by the caller; 0: the name was cut, or is none of ours; -ENOMEM. */
int local_unescape(const char *name, char **ret);
