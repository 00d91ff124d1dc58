/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is so of a lease. */

#include "core/state.h"

/* Its record is damaged, or was there and is deleted: it counts as held, by whom is not known (law 11). While it is
 * ours, as it was seen last, it is written again. */
bool lease_is_lost(const Lease *l);
/* When a lost lease may be taken, for nobody has written it again. */
usec_t lease_lost_due(const Core *c, const Lease *l);
/* Keeps Session.held: called whenever the lease's record, or what is known of it, has changed. */
void lease_count(Lease *l);
/* It is not ours any more, and nothing else is known of it. */
void lease_drop(Lease *l);
/* Our session holds it, as far as we have seen; or held it when its record was lost. */
bool lease_is_ours(const Core *c, const Lease *l);
/* Some lease is held by that session. */
bool lease_any_is_held_by(const Core *c, const char *session);
/* The Index of its next tenure: above all that were handed out before. */
uint64_t lease_next_index(const Core *c, const Lease *l);
/* When a debt has been waited out, counted from when that very pair first reached us (law 5). */
usec_t lease_debt_due(const SeenDebt *d);
/* When a lease of the D-Bus API may be taken by others; USEC_INFINITY: it is none, or not held. */
usec_t lease_call_dead_at(const Lease *l);
/* Our lease is about to be used: says that it was acquired, unless that was said when it was. */
void lease_tell_acquired(Core *c, Lease *l);
/* Forgets what this machine remembers of its Index beyond its record. Of one that is ours nothing is forgotten. */
void lease_forget_index(Core *c, const char *lease);
