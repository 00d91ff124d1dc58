/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is so of sessions, ours and others', at this moment. The rounds of our own are rounds.c's.
 */

#include "core/session.h"

#include "core/mirror.h"

bool session_settled(const Core *c) {
        return c->own.phase == OWN_BEATING && c->own.committed;
}

bool session_is_undecided(const Core *c) {
        return c->own.phase == OWN_NONE && c->identity.trust == TRUST_NONE && c->adopt[0];
}

bool session_is_moving(const Core *c) {
        return c->other.phase == OWN_BEATING && c->other.committed && c->own.committed;
}

bool session_is_ours(const Core *c, const char *session) {
        if (!session[0])
                return false;
        return streq(session, c->own.name) || (session_is_moving(c) && streq(session, c->other.name));
}

usec_t session_covered_from(const Core *c) {
        usec_t own = MAX(c->own.t0, c->own.kept_until);

        return session_is_moving(c) ? MIN(own, c->other.t0) : own;
}

/* Our fence is known to have moved beyond what we have looked at. */
const Session *session_unchecked(const Core *c, const Own *o) {
        const Session *s = o->seen;

        return o->phase == OWN_BEATING && s && s->fence_value && s->fence.revision > o->fence_revision ? s : NULL;
}

/* Our fence is known to be deleted or damaged: no Txn that compares it can be committed (law 11). */
static bool is_fenceless(const Own *o) {
        const Session *s = o->seen;

        return o->phase == OWN_BEATING && s && s->fence.known && !s->fence_value &&
               MAX(s->fence.revision, s->fence.absent_at) > o->fence_revision;
}

bool session_is_checked(const Core *c) {
        return !c->own.read && !session_unchecked(c, &c->own) && !is_fenceless(&c->own) && !c->other.read &&
               !session_unchecked(c, &c->other) && !is_fenceless(&c->other);
}

/* A beat that is newer than the fence was put by a version of leased that does not know the word (law 12). */
bool session_is_over(const Session *s) {
        return s->fence_value && s->fence_value->over && s->beat.known && s->beat.revision < s->fence.revision;
}

/* Law 2: expiry is what this machine has seen, on its own clock. Without a readable fence the session cannot beat
 * any more (law 11). It may have beaten until just before the fence was lost, and that beat may reach us after the
 * loss, so the wait begins with whichever came last. */
usec_t session_silent_at(const Session *s) {
        bool fenceless = s->beat.revision > 0 && s->fence.known && !s->fence_value;
        usec_t at;

        if (!s->beat.known)
                return USEC_INFINITY;
        at = usec_add(fenceless ? MAX(s->beat.at, s->fence.at) : s->beat.at, ttl_take_after(s->ttl));
        return session_is_over(s) ? MIN(at, s->over_at) : at;
}

usec_t session_dead_at(const Session *s) {
        bool keeps = s->keeps && s->beat.revision > 0 && !session_is_over(s);

        return keeps ? USEC_INFINITY : session_silent_at(s); /* law 13 */
}

bool session_keeps_unheard(const Core *c, const Session *s) {
        return session_dead_at(s) == USEC_INFINITY && c->now.boottime >= session_silent_at(s);
}

/* Whether the session holds a lease for the machine. */
static bool holds_for(const Core *c, const Session *s, const Machine *m) {
        for (const Lease *l = s->held > 0 ? c->leases : NULL; l; l = l->hh.next) {
                ((Core *) c)->look.work.looks++;
                if (lease_held_by(l->value, s->name) && streq(l->value->machine_id, m->id))
                        return true;
        }
        return false;
}

/* The id of the machine whose session it is; "": not known. Beats may be listed without their values, or be damaged:
 * the fence of a session that keeps its leases says it, too (law 11). */
static const char *owner_of(const Session *s) {
        if (s->beat.revision == 0)
                return "";
        return !s->beat_damaged && s->beat_value.machine_id[0] ? s->beat_value.machine_id : s->keeper;
}

static bool has_owner(const Session *s) {
        return *owner_of(s);
}

static bool is_owner(const Session *s, const Machine *m) {
        return streq(owner_of(s), m->id);
}

/* A machine's record may name the session of another one, where somebody has written it by hand: the beat says whose
 * it is. Of a session that keeps its leases, the leases say whose it is where the machine's record is gone and the
 * beat cannot be read: nothing else would ever end that session (law 11). */
bool session_is_of(const Core *c, const Session *s, const Machine *m) {
        return (has_owner(s) ? is_owner(s, m) : streq(s->name, m->value.session)) || (s->keeps && holds_for(c, s, m));
}

bool session_is_surely_of(const Core *c, const Session *s, const Machine *m) {
        return has_owner(s) ? is_owner(s, m) : holds_for(c, s, m);
}

static bool is_unheard_keeper(const Core *c, const Session *s) {
        return session_keeps_unheard(c, s) && !session_is_ours(c, s->name);
}

/* The lease counts for the machine that it names; and if such a session holds it, that session is one of the machine.
 */
static void mark_by_lease(Core *c, const Lease *l) {
        Machine *m = l->value->state == LEASE_HELD && l->holder ? mirror_find_machine(c, l->value->machine_id) : NULL;

        c->look.work.looks++;
        if (!m)
                return;
        m->kept++;
        if (l->holder->held > 0 && is_unheard_keeper(c, l->holder))
                m->keeps = true;
}

void session_mark_keepers(Core *c) {
        bool any = false;

        for (Machine *m = c->machines; m; m = m->hh.next) {
                const Session *s = m->value.session[0] ? mirror_find_session(c, m->value.session) : NULL;

                m->keeps = s && !has_owner(s) && is_unheard_keeper(c, s);
                m->kept = 0;
        }
        for (const Session *s = c->sessions; s; s = s->hh.next) {
                Machine *m;

                if (!is_unheard_keeper(c, s))
                        continue;
                any = true;
                m = has_owner(s) ? mirror_find_machine(c, owner_of(s)) : NULL;
                if (m)
                        m->keeps = true;
        }
        for (const Lease *l = any ? c->leases : NULL; l; l = l->hh.next)
                mark_by_lease(c, l);
}

bool session_machine_keeps(Core *c, const Machine *m) {
        session_mark_keepers(c);
        return m->keeps;
}

/* Mostly there is none; and mostly the beat says whose session it is, so that the leases need not be gone through. */
const Machine *session_find_keeper(const Core *c) {
        const Machine *m = NULL;

        for (const Session *s = c->sessions; s && !m; s = s->hh.next)
                if (session_keeps_unheard(c, s) && !session_is_ours(c, s->name) && has_owner(s))
                        m = mirror_find_machine((Core *) c, owner_of(s));
        if (m || !session_another_keeps(c))
                return m;
        session_mark_keepers((Core *) c);
        for (m = c->machines; m && !m->keeps;)
                m = m->hh.next;
        return m;
}

bool session_keeps(const Core *c) {
        return session_settled(c) && c->own.keeps;
}

bool session_another_keeps(const Core *c) {
        for (const Session *s = c->sessions; s; s = s->hh.next)
                if (s->keeps && s->beat.revision > 0 && !session_is_over(s) && !session_is_ours(c, s->name))
                        return true;
        return false;
}

unsigned session_rank(const Core *c) {
        unsigned n = 0;

        for (const Session *s = c->sessions; s; s = s->hh.next)
                n += s->beat.revision > 0 && strcmp(s->name, c->own.name) < 0 &&
                     c->now.boottime < usec_add(s->beat.at, s->ttl * 2 / 5);
        return n;
}

bool session_is_known(const Session *s) {
        return s->beat.known && (s->beat.revision == 0 || s->fence.known);
}
