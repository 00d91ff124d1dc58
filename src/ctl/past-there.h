/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * What the journals of other machines have kept of the past of leases. Each machine that had one of the tenures is
 * asked over SSH, by its host name, what "leasectl history --here" says there, all machines side by side. What a
 * machine says is believed of its own tenures only, and never printed as it came.
 */

/* Adds to rows, as of past.h, the outages in the tenures of other machines, and such tenures of theirs that no row is
 * about. Gives each row the member outages_known: whether the journal of the machine that had the tenure was read. The
 * argument own is the id of the machine whose journal past_add() has read; "": of none. Asks nobody with --here. The
 * argument all says that the rows are about all leases. */
void past_there_add(const Ctl *ctl, const json_t *machines, const char *own, bool all, json_t *rows);

/* Gives a sentence that names the machines whose outages are not known, owned by the caller; NULL if all are, or
 * memory is short. The names in it are as they came. */
char *past_there_unknown(const Ctl *ctl, const json_t *machines, const json_t *rows);
