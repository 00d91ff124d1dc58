/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a reload of the configuration has changed, in lines for people: "foo.service: Version=2 (was 1)". Pure. Each
 * function adds lines to changes; if memory runs out, some lines are missing. */

#include "conf/conf.h"

/* What differs between two readings of leased.conf. TTL= and Metadata= are in force at once; the line of any other
 * setting says that the daemon must be restarted for it. */
void changes_note_conf(Messages *changes, const LeasedConf *old, const LeasedConf *new);
/* Whether two readings of a unit's options differ in what they say; in which file and line it stands does not matter.
 * true if old is NULL, or memory runs out. */
bool changes_in_unit(const UnitOptions *old, const UnitOptions *new);
/* What differs between two readings of a unit's options. old is NULL: the unit was not enabled here before. new is
 * NULL: the unit is not enabled here any more. */
void changes_note_unit(Messages *changes, const char *unit, const UnitOptions *old, const UnitOptions *new);
