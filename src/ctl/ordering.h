/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"
#include "ctl/ctl.h"

/*
 * The order in which leased and the registry stop at a shutdown. If a unit of this machine serves an endpoint of the
 * registry, it must not stop before leased has given its leases back. PID 1 stops units in the reverse order of
 * starting, so leased.service must come after that unit. It comes after the common names of etcd's unit anyway. Any
 * other unit is found by the process that listens on the port of the endpoint, and is named in a drop-in of
 * leased.service.
 */

/* Puts leased.service after each unit that serves the registry here and could stop before leased, and prints a note
 * of each. Only root can see who listens: for others no unit is found. *ret_changed is true if PID 1 has to reload.
 * Prints what is wrong and returns an exit code. */
int ordering_write(Ctl *ctl, const LeasedConf *conf, bool *ret_changed);
/* Adds a "weak" finding (ctl/finding.h) for each such unit, and changes nothing. Prints what is wrong and returns
 * an exit code. */
int ordering_examine(Ctl *ctl, const LeasedConf *conf, json_t *findings);
