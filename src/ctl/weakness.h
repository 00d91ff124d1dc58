/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"
#include "ctl/ctl.h"

/*
 * Looks for what weakens a leased unit without being wrong: effects that outlive its processes, faults of the machine
 * that nobody watches for, a registry that does not exclude enough. leasectl check says it, and enable does not refuse
 * the unit for it. Of severity "refused" is only what keeps the unit from starting at all: a gate that is not in
 * force, or a guard that is not installed.
 */

/* Adds findings (ctl/finding.h) on the unit called name and on this machine. The argument unit holds the properties
 * of the unit, conf is the configuration of leased. Returns an exit code; a failure to ask PID 1 has been printed. */
int weakness_examine(Ctl *ctl, const char *name, const json_t *unit, const LeasedConf *conf, json_t *findings);
/* Does the same for a unit with Global=, which needs no lease. */
int weakness_examine_global(Ctl *ctl, const char *name, const json_t *unit, json_t *findings);
