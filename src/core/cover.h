/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How far our beats cover a unit. */

#include "core/state.h"

/* The timeline by which the unit runs, or would run. While two sessions beat, that of the shorter TTL, which is safe
 * for both. */
Timeline cover_timeline(const Core *c, const Unit *u);
/* How long after the last beat that covers the unit it must be stopped. */
usec_t cover_span(const Core *c, const Unit *u);
/* When the unit must be stopped unless another beat is committed before (law 1). */
usec_t cover_stop_at(const Core *c, const Unit *u);
/* Whether the guard was last told this timeline. */
bool cover_is_armed_by(const Unit *u, const Timeline *t);
/* Whether the guard keeps the unit's entry by the timeline that holds now, or has no entry for the unit. */
bool cover_is_armed_anew(const Core *c, const Unit *u);
/* Whether our session is settled and the unit's stop_at has not come. */
bool cover_holds(const Core *c, const Unit *u);
