/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Questions about a lease, by its record and by what is remembered of it. */

#include "core/state.h"

/* Whether the lease's record is damaged, or was there and is deleted. Such a lease counts as held by somebody
 * unknown (law 11). If it is ours, its record is written again. */
bool lease_is_lost(const Lease *l);
/* When a lost lease may be taken, because nobody has written its record again. */
usec_t lease_lost_due(const Core *c, const Lease *l);
/* The plan gives the lease to that machine; "": to nobody. */
void lease_plan(Core *c, Lease *l, const char *machine_id);
/* Keeps Machine.planned: called whenever the plan, or the holder by the record, has changed. */
void lease_count_planned(Core *c, Lease *l);
/* Keeps Session.held: called whenever the lease's record, or what is known of it, has changed. */
void lease_count(Lease *l);
/* The lease is not ours any more, and nothing else is known of it. */
void lease_drop(Lease *l);
/* Whether our session holds the lease, as far as we have seen, or held it when its record was lost. */
bool lease_is_ours(const Core *c, const Lease *l);
/* Whether that machine holds the lease for a session. l may be NULL, and the id may be followed by anything. */
bool lease_is_at(const Lease *l, const char *machine_id);
/* Whether that session holds any lease. */
bool lease_any_is_held_by(const Core *c, const char *session);
/* The Index of the lease's next tenure, above all that were handed out before. */
uint64_t lease_next_index(const Core *c, const Lease *l);
/* The reason that nobody can take the lease, since none is left above this Index. */
Reason lease_at_end(const Core *c, uint64_t index);
/* When a debt has been waited out, counted from the moment when this pair of session and Index first reached us (law
 * 5). */
usec_t lease_debt_due(const SeenDebt *d);
/* When others may take a lease of the D-Bus API. USEC_INFINITY if the lease is none of these, or is not held. */
usec_t lease_call_dead_at(const Lease *l);
/* Reports that we have acquired the lease, unless that was reported before. Called when the lease is about to be
 * used. */
void lease_tell_acquired(Core *c, Lease *l);
/* Forgets the Index of the lease that this machine remembers beyond the record. Nothing is forgotten of a lease that
 * is ours. */
void lease_forget_index(Core *c, const char *lease);
