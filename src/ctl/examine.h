/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * What stands against leasing a unit: everything for which enable refuses it, except that it is active. Adds findings
 * (ctl/finding.h). *ret_name is the unit's canonical name, owned by the caller, as soon as PID 1 has said it;
 * *ret_unit are its properties. CTL_OK, or the exit code of the first refusal. Where PID 1 could not be asked, that
 * has been printed, and there may be no finding.
 */
int examine_unit(Ctl *ctl, const char *typed, json_t *findings, char **ret_name, json_t **ret_unit);
