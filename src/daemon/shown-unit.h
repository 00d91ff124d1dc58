/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What listeners were last told of a unit, so that they hear only of what has changed. PID 1 is asked about every unit
 * again and again, and mostly says the same.
 */

#include "daemon/internal.h"

typedef struct ShownUnit {
        uint64_t texts[6]; /* digests: State, Lease, MachineID, LastError, Slice, and this machine's own reason in
                              WhyNot */
        uint64_t index;
        uint64_t pid1[3]; /* ... of what PID 1 says: ActiveState, SubState, InvocationID */
        uint64_t why_not; /* ... of all of WhyNot, as it was last looked at */
        bool stuck, known;
        usec_t error_at;
} ShownUnit;

enum { SHOWN_UNIT_NAMES = 14 }; /* room for all names, and the NULL that ends them */

/* How it looks now. What hangs on all machines is left as it is, unless this machine's own reason is another one. */
void shown_unit_look(Daemon *d, const UnitView *v, ShownUnit *s);
/* That, too: WhyNot and Stuck. It is not cheap. */
void shown_unit_look_around(Daemon *d, const char *unit, ShownUnit *s);
/* The names of the properties that differ, ended by NULL; returns how many. */
size_t shown_unit_diff(const ShownUnit *old, const ShownUnit *now, char *names[static SHOWN_UNIT_NAMES]);
