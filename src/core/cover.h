/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How far our beats cover a unit. */

#include "core/state.h"

/* The timeline by which it runs, or would. While two sessions beat, the shorter TTL's: it suits both. */
Timeline cover_timeline(const Core *c, const Unit *u);
/* When it must be stopped, unless another beat is committed before (law 1). */
usec_t cover_stop_at(const Core *c, const Unit *u);
/* The guard was last told this timeline. */
bool cover_is_armed_by(const Unit *u, const Timeline *t);
/* The guard keeps the unit's entry by the timeline that holds now, or has none for it. */
bool cover_is_armed_anew(const Core *c, const Unit *u);
/* Our session is settled, and the unit's stop_at has not come. */
bool cover_holds(const Core *c, const Unit *u);
