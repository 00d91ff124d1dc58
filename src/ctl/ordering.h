/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"
#include "ctl/ctl.h"

/*
 * Where an endpoint of the registry is served by a unit of this machine, that unit must not stop before leased has
 * given its leases back: at a shutdown PID 1 stops in the reverse order of starting. leased.service comes after the
 * common names of etcd's unit; any other is found by who listens on the endpoint's port, and noted in a drop-in of
 * leased.service.
 */

/* Puts leased.service after each unit that serves the registry here and could stop before it, and prints a note of
 * each. Only root sees who listens. *ret_changed: PID 1 has to reload. Prints what is wrong and returns an exit code.
 */
int ordering_write(Ctl *ctl, const LeasedConf *conf, bool *ret_changed);
/* Adds a finding (ctl/finding.h) for each such unit. Prints what is wrong and returns an exit code. */
int ordering_examine(Ctl *ctl, const LeasedConf *conf, json_t *findings);
