/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The environment files of units: what the drop-in of a unit has PID 1 read at each start of the unit
 * (EnvironmentFile=, leased.unit(5)). PID 1 goes on without a file that is missing, and takes an older one for the
 * right one. So a file is written before the gate is opened, and looked after for as long as the unit runs: PID 1 may
 * start the unit again by itself (Restart=) after somebody has emptied /run/leased, mounted something over it, or
 * taken that away.
 */

#include "core/core.h"

/* What the file of a unit says. Many units have one, so the text itself is not kept. */
typedef struct Environment {
        uint64_t index;  /* LEASE_INDEX= */
        int64_t version; /* LEASE_VERSION= */
        char *lease;     /* LEASE_NAME=, owned; NULL: the unit's name */
} Environment;

/* Makes e say what the action does. Returns false if memory is short: then e is unchanged. */
bool environment_take(Environment *e, const Action *a);
/* Frees what e holds. */
void environment_done(Environment *e);
/* Gives the text of the unit's file on the machine of that id, owned by the caller; NULL: out of memory. */
char *environment_text(const char *machine_id, const char *unit, const Environment *e);
/* Makes e say what the text says, if this is to the letter a text of that unit on that machine. Otherwise, or if
 * memory is short, returns false, and e is unchanged. */
bool environment_parse(Environment *e, const char *machine_id, const char *unit, const char *text);
/* The same of the unit's file, which nobody but us may be able to write. Does not block. */
bool environment_read(Environment *e, const char *machine_id, const char *unit);
/* Writes the file. A negative errno. Non-logging. */
int environment_write(const char *unit, const char *text);
/* Writes the file if it is not there or has another text. Returns 1 if it was written, 0, or a negative errno.
 * Non-logging. */
int environment_keep(const char *unit, const char *text);
/* Removes the file. A negative errno. Non-logging. */
int environment_remove(const char *unit);
