/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of a unit that is to be submitted say of the units that it starts, read as PID 1 reads them
 * (systemd.timer(5), systemd.path(5), systemd.socket(5), systemd.unit(5)). The files are those of a UnitRecord, in the
 * order in which PID 1 reads them. Each machine asks its own PID 1 again before it takes the unit.
 */

#include "ctl/ctl.h"
#include "util/unit-name.h"

/* Writes the name of the unit that a timer, socket, path or automount starts, "" if a socket starts a service of its
 * own for each connection. Of several Unit= PID 1 takes the first one, of several Service= the last one. Returns 0;
 * -EXDEV if the name would be another one on each machine: then the value is in *ret_value, owned by the caller. */
int unit_record_starts_find(const char *unit, const json_t *files, char ret[static UNIT_NAME_SPACE], char **ret_value);

/* Whether these files, of the unit called name, are bound to the other unit (BindsTo=). */
bool unit_record_starts_binds(const char *name, const json_t *files, const char *other);
