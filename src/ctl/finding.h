/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Findings: what enable and check have to say of a unit, as an array of {severity, text}. Severities are
 *   "refused"  enable does not do it
 *   "weak"     it can be leased, but some fault is not covered, or a promise is smaller than it looks
 *   "note"     worth knowing
 * A text goes on after the unit's name: "is masked: systemctl unmask foo.service".
 */

/* Adds a finding. One that does not fit into memory is left out. */
void finding_add(json_t *findings, const char *severity, const char *format, ...) _printf_(3, 4);

/* Adds a "refused" finding; the value is CTL_FAILED, for a return statement. */
#define finding_refuse(findings, ...) (finding_add((findings), "refused", __VA_ARGS__), CTL_FAILED)

/* Whether a finding from index first on says "refused". */
bool finding_refused_since(const json_t *findings, size_t first);
