/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Findings: what "leasectl enable" and "leasectl check" have to say of a unit, as an array of {severity, text}. The
 * severities are
 *   "refused"  enable refuses the unit
 *   "weak"     the unit can be leased, but some fault is not covered, or a promise is smaller than it looks
 *   "note"     worth knowing
 * A text goes on after the name of the unit: "is masked: systemctl unmask foo.service".
 */

/* Adds a finding; format is as for printf(3). If memory is short, the finding is left out. */
void finding_add(json_t *findings, const char *severity, const char *format, ...) _printf_(3, 4);

/* Adds a "refused" finding; the value of the expression is CTL_FAILED, for a return statement. */
#define finding_refuse(findings, ...) (finding_add((findings), "refused", __VA_ARGS__), CTL_FAILED)

/* Whether one of the findings from index first on is "refused". */
bool finding_refused_since(const json_t *findings, size_t first);
