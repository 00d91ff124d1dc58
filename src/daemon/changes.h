/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a reload has changed, in lines for people: "foo.service: Version=2 (was 1)". Pure: the caller keeps the lines.
 */

#include "conf/conf.h"

/* TTL= and Metadata= are in force at once; the lines of all others say that they wait for a restart of the daemon. */
void changes_note_conf(Messages *changes, const LeasedConf *old, const LeasedConf *new);
/* old NULL: the unit was not enabled here; new NULL: it is no longer. */
void changes_note_unit(Messages *changes, const char *unit, const UnitOptions *old, const UnitOptions *new);
