/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a reload of the configuration has changed, in lines for people: "foo.service: Version=2 (was 1)". Pure. Each
 * function adds lines to changes; out of memory, some are missing. */

#include "conf/conf.h"

/* What differs between two readings of leased.conf. TTL= and Metadata= are in force at once; the line of any other
 * setting says that the daemon must be restarted for it. */
void changes_note_conf(Messages *changes, const LeasedConf *old, const LeasedConf *new);
/* Whether two readings of a unit's options differ in what they say, wherever it stands. old may be NULL: yes. */
bool changes_in_unit(const UnitOptions *old, const UnitOptions *new);
/* What differs between two readings of a unit's options. old NULL: the unit was not enabled here; new NULL: it is not
 * any more. */
void changes_note_unit(Messages *changes, const char *unit, const UnitOptions *old, const UnitOptions *new);
