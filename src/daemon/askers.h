/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Who asks for something, by his name. */

#include "util/macros.h"

/* The names of the users that this machine knows by itself. */
typedef struct Askers Askers;

/* Reads the names. May block, so it is for the start of the daemon; who is added later has a number and no name. NULL:
 * out of memory. */
Askers *askers_new(void);
/* Frees a, which may be NULL. Returns NULL. */
Askers *askers_free(Askers *a);

/* Writes into ret, of size bytes, who asks, for people: "anna@alpha". The user is that of the login session in which
 * the process with that pid is, also where the process is run by root (sudo); without a session that of uid. One
 * without a name is "uid 990". pid 0: not known. What the caller says of itself is not asked for. The name is no
 * proof: the process may have ended meanwhile, and root may be whoever he likes. */
void askers_format(const Askers *a, uint32_t uid, uint32_t pid, char *ret, size_t size);
