/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What PID 1 and the guard have said of a unit. */

#include "core/state.h"

/* Takes PID 1's report, unless it answers an older question than the report before. */
void said_report(Core *c, Unit *u, const UnitReport *report);
/* Takes whether the unit's check passes. */
void said_check(Core *c, Unit *u, bool passes);
/* For a new unit, of which nothing was said yet. */
void said_nothing(Unit *u);
/* Frees what is kept of it. */
void said_done(Unit *u);
/* Takes the guard's report, unless it was made before our last request, and by which lease the unit runs at the Index
 * of that report, if it runs from before our restart (NULL: nothing new is known of that). Returns true for the first
 * report since the guard connected. */
bool said_guard(Core *c, Unit *u, const GuardReport *report, const char *lease);
/* Notes by which lease the unit runs from before our restart; NULL: it is not known, or is u->lease. */
void said_lease(Unit *u, const char *lease);
/* Whether the unit runs from before our restart, and is known to run by another lease than this one. */
bool said_runs_by_another(const Unit *u, const Lease *l);
/* The guard has said nothing of the unit on this connection, or there is no guard. */
void said_no_guard(Unit *u);
/* The guard was asked for nothing on this connection. */
void said_asked_nothing(Unit *u);
/* The guard is asked for something, with an id above all earlier ones: what it said before does not count any more.
 * opening: it is asked to open the gate. */
void said_asked(Core *c, Unit *u, uint64_t id, bool opening);
/* The request with that id never reached the guard; the one before it may have. */
void said_not_asked(Unit *u, uint64_t id);
/* Gives PID 1's word for a state: "active" and the like. Static. */
const char *said_active_word(ActiveState a);
/* Whether PID 1 says that the unit is inactive or failed, and has no job for it. Something of the unit may be left
 * all the same (law 7). */
bool said_is_inactive(const UnitReport *r);
/* Whether the unit has begun to run since the run u->life.run. While its job waits for another unit it has not; if
 * that fails, there is no new run. */
bool said_has_begun(const Unit *u);
/* Whether the guard has answered all requests for this unit. */
bool said_is_heard(const Unit *u);
/* Whether the unit is down, without a job, and its control group empty, by an answer of PID 1 to a question after
 * the gate was gone. Inactive is not gone (law 7). */
bool said_is_down(const Unit *u);
/* Whether PID 1's report answers a question after the gate was known to be gone. */
bool said_is_told(const Unit *u);
/* Why PID 1 has not loaded the unit's gate. */
Why said_why_no_gate(const Unit *u);
/* Why no guard is there for units: none runs, or the one that runs is not heard. */
Why said_why_no_guard(const Core *c);
/* Whether PID 1 has stopped the unit by itself, mostly because of another one. Its members may run on. */
bool said_is_put_aside(const Unit *u);
/* The other unit because of which PID 1 has stopped this one; WHY_NONE when that is over. The name is borrowed from
 * u. */
Reason said_obstacle(const Unit *u);
/* Whether that reason is that somebody stopped what the unit needs, or started what conflicts with it. Then the unit
 * runs here only if an operator says so. */
bool said_is_will(Why why);
