/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Questions about sessions, ours and others'. */

#include "core/state.h"

/* Whether our session beats and it is known what it holds. */
bool session_settled(const Core *c);
/* Whether there is a session to carry on from before our restart, and what it holds was not seen yet. */
bool session_is_undecided(const Core *c);
/* Whether we go from one session to another, because of another TTL. Meanwhile both beat, and both hold leases. */
bool session_is_moving(const Core *c);
/* Whether this is the name of our session, or, while we go from one session to another and both beat, of either. */
bool session_is_ours(const Core *c, const char *session);
/* From when on our leases are covered: the moment before our last committed beat was sent (law 1), or until when they
 * were kept without beats (law 13). While two sessions beat, the earlier of the two. */
usec_t session_covered_from(const Core *c);
/* The session as the registry shows it, if its fence has names that we have not looked at (law 4); otherwise
 * NULL. */
const Session *session_unchecked(const Core *c, const Own *o);
/* Whether we have looked at all leases that our fence names, and there is a fence. */
bool session_is_checked(const Core *c);
/* Whether the state of the session's beat and fence is known, be they absent or damaged: a Txn can compare with it. */
bool session_is_known(const Session *s);
/* Whether the session is over because its machine was confirmed dead: its fence says so, and no beat is newer than
 * that fence (law 12). */
bool session_is_over(const Session *s);
/* When the session counts as silent: when its beat and its fence have not changed for TTL·(1+2ε) since
 * we saw them, or as soon as the session is over. USEC_INFINITY while its beat is not known, or its fence where that
 * is needed. */
usec_t session_silent_at(const Session *s);
/* When others may take the leases of this session: when it is silent. USEC_INFINITY: it keeps them without beats, and
 * is not over (law 13). */
usec_t session_dead_at(const Session *s);
/* Whether the session keeps its leases without beats (law 13), and has been silent for longer than its TTL: nobody
 * takes them before it is heard again, or confirmed dead. */
bool session_keeps_unheard(const Core *c, const Session *s);
/* Whether the session is one of the machine. */
bool session_is_of(const Core *c, const Session *s, const Machine *m);
/* ... by what the session itself has written, and not only by the machine's record (law 12). */
bool session_is_surely_of(const Core *c, const Session *s, const Machine *m);
/* Marks the machines that have a session, which may be one of an earlier boot, of which session_keeps_unheard() is so
 * (Machine.keeps), and counts what each machine holds by whichever of its sessions (Machine.kept), if there are any:
 * by one look at each lease, however many machines and sessions there are. */
void session_mark_keepers(Core *c);
/* Does so, and says whether the machine has such a session. */
bool session_machine_keeps(Core *c, const Machine *m);
/* Gives a machine of which that is so, by which an operator can confirm it dead; NULL: there is none. */
const Machine *session_find_keeper(const Core *c);
/* Whether our session keeps what it holds without beats (law 13). */
bool session_keeps(const Core *c);
/* Whether another session keeps its leases, and is not over. */
bool session_another_keeps(const Core *c);
/* How many sessions that beat come before ours, by their names: for what one machine should do for all. */
unsigned session_rank(const Core *c);
