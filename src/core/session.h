/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is so of sessions, ours and others'. */

#include "core/state.h"

/* Our session beats, and what it holds is known. */
bool session_settled(const Core *c);
/* There is a session to carry on, and what it holds was not seen yet. */
bool session_is_undecided(const Core *c);
/* We go from one session to another, for another TTL: both beat, and both hold. */
bool session_is_moving(const Core *c);
/* That name is of our session, or of the one that we go to or come from while both hold. */
bool session_is_ours(const Core *c, const char *session);
/* From when what we hold is covered: the moment before our last committed beat was sent (law 1). While two sessions
 * beat, the earlier of both. */
usec_t session_covered_from(const Core *c);
/* The session behind o, if its fence is known to have moved beyond what we have looked at (law 4); else NULL. */
const Session *session_unchecked(const Core *c, const Own *o);
/* Nothing that our fence names waits to be looked at, and there is a fence. */
bool session_is_checked(const Core *c);
/* When others may take from this session what it holds: its beat and its fence unchanged for TTL·(1+2ε) since we saw
 * them. USEC_INFINITY while nothing is known of its beat, or of its fence where that is needed. */
usec_t session_dead_at(const Session *s);
