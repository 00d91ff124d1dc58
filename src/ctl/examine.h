/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"
#include "ctl/ctl.h"

/*
 * What stands against leasing a unit. Findings are an array of {severity, text}; severities are
 *   "refused"  enable does not do it
 *   "weak"     it can be leased, but some fault is not covered, or a promise is smaller than it looks
 *   "note"     worth knowing
 * Texts go on after the unit's name: "is masked: systemctl unmask foo.service".
 */

void finding_add(json_t *findings, const char *severity, const char *format, ...) _printf_(3, 4);

/*
 * Everything for which enable refuses a unit, except that it is active. *ret_name is its canonical name, owned by the
 * caller, as soon as PID 1 has said it; *ret_unit are its properties. CTL_OK, or the exit code of the first refusal;
 * where PID 1 could not be asked that has been said, and there may be no finding.
 */
int examine_unit(Ctl *ctl, const char *typed, json_t *findings, char **ret_name, json_t **ret_unit);

/* What weakens it, and what of this machine does. unit: as above. */
int examine_weaknesses(Ctl *ctl, const char *name, const json_t *unit, const LeasedConf *conf, json_t *findings);
/* The same of one that needs no lease. */
int examine_global(Ctl *ctl, const char *name, const json_t *unit, json_t *findings);
