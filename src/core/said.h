/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What PID 1 and the guard have said of a unit. */

#include "core/state.h"

/* Takes PID 1's report; one that was asked for before the last one is dropped. */
void said_report(Core *c, Unit *u, const UnitReport *report);
/* Nothing was said of a new unit yet. */
void said_nothing(Unit *u);
/* Takes the guard's; what it said before our last request is dropped. true: it is the first since the guard connected.
 */
bool said_guard(Core *c, Unit *u, const GuardReport *report);
/* The guard has said nothing of it on this connection, or there is none. */
void said_no_guard(Unit *u);
/* The guard was asked for nothing on this connection. */
void said_asked_nothing(Unit *u);
/* The guard is asked for something with that id, grown since the last: what it said before counts no more. opening:
 * for its gate. */
void said_asked(Core *c, Unit *u, uint64_t id, bool opening);
/* The request with that id never reached the guard; the one before it may have. */
void said_not_asked(Unit *u, uint64_t id);
/* PID 1 says that it is inactive or failed, and has no job for it. Something may be left of it all the same (law 7).
 */
bool said_is_inactive(const UnitReport *r);
/* It has begun since the run that u->life.run is. While its job waits for something else, it has not; if that fails,
 * there is no new run. */
bool said_has_begun(const Unit *u);
/* The guard has answered all that it was asked for this unit. */
bool said_is_heard(const Unit *u);
/* Down, without a job, its control group empty, as PID 1 was asked after the gate was gone. Inactive is not gone (law
 * 7). */
bool said_is_down(const Unit *u);
/* What PID 1 says of it is from after its gate was known to be gone. */
bool said_is_told(const Unit *u);
/* Why PID 1 has not loaded its gate. */
Why said_why_no_gate(const Unit *u);
/* Because of which other unit PID 1 has stopped it; WHY_NONE: that is over. The other unit's name is borrowed from u.
 */
Reason said_obstacle(const Unit *u);
