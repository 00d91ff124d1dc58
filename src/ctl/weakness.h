/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"
#include "ctl/ctl.h"

/*
 * What weakens a leased unit without being wrong: effects that outlive its processes, faults of the machine that
 * nobody watches for, a registry that does not exclude enough. leasectl check says it; nothing is refused for it.
 */

/* Adds findings (ctl/finding.h) on the unit and on this machine. unit: the properties of the unit. Returns an exit
 * code; a failure to ask PID 1 has been printed. */
int weakness_examine(Ctl *ctl, const char *name, const json_t *unit, const LeasedConf *conf, json_t *findings);
/* The same for a unit with Global=, which needs no lease. */
int weakness_examine_global(Ctl *ctl, const char *name, const json_t *unit, json_t *findings);
