/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Looks for everything for which "leasectl enable" refuses a unit, except that the unit is active, and adds it to the
 * findings (ctl/finding.h). The argument typed is the name as the operator typed it, completed.
 *
 * *ret_name is the canonical name of the unit, given as soon as PID 1 has said it; *ret_unit holds the properties of
 * the unit, given when the whole unit was looked at. Both are owned by the caller, and untouched if they are not
 * given.
 *
 * Returns CTL_OK, or the exit code of the first refusal. If PID 1 could not be asked, the reason has been printed, and
 * there may be no finding.
 */
int examine_unit(Ctl *ctl, const char *typed, json_t *findings, char **ret_name, json_t **ret_unit);
