/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A session is forgotten when its beat and its fence have been absent for as long as the longest TTL lasts, and
 * nothing names it: no lease as its holder, no debt (laws 3, 5), no lease whose record is lost (law 11), no request,
 * no machine's record, and no operator who has confirmed its machine dead (law 12). Should a record come to name it
 * all the same, it is a session of which nothing is known: its beat is read, and found absent, and its whole TTL is
 * waited out from then on (law 2). So what is forgotten is never thought dead too early. A session that keeps its
 * leases (law 13) has a beat, and is not forgotten before that beat is gone.
 *
 * Offers are forgotten likewise, but for those of our own units. Who asks for all changes since a time before that is
 * told that these are not known any more (core_knows_since()), and asks for all offers.
 *
 * A machine is forgotten when its record is gone, and neither a lease, a beat, a plan nor a word of the operator names
 * it. Leases are never forgotten, for their Indexes must not come again (S2).
 */

#include "core/gone.h"

#include "core/mirror.h"

#define PAUSE USEC_PER_MINUTE

/* ---- what is gone ---- */

static bool is_gone(const Core *c, const Seen *s) {
        return s->revision == 0 && c->now.boottime >= usec_add(s->at, period_take_after(TTL_MAX));
}

/* A beat of which nothing is known is yet to be read. A fence of which nothing is known is absent, for all fences have
 * been listed. */
static bool is_gone_session(const Core *c, const Session *s) {
        return s->beat.known && is_gone(c, &s->beat) && is_gone(c, &s->fence) && s != c->own.seen &&
               s != c->other.seen && !streq(s->name, c->adopt);
}

static bool is_gone_machine(const Core *c, const Machine *m) {
        return is_gone(c, &m->seen) && m != c->self && m->drain_asked == 0;
}

static bool is_gone_offer(const Core *c, const Offer *o) {
        const Unit *u;

        if (!o->seen.known || !is_gone(c, &o->seen))
                return false;
        HASH_FIND_STR(c->units, o->unit, u);
        return !u || u->offer != o;
}

/* Mostly nothing is gone, and then the leases need not be gone through. */
static bool is_anything_gone(const Core *c) {
        for (const Session *s = c->sessions; s; s = s->hh.next)
                if (is_gone_session(c, s))
                        return true;
        for (const Machine *m = c->machines; m; m = m->hh.next)
                if (is_gone_machine(c, m))
                        return true;
        return c->past_machines;
}

/* ---- what is needed ---- */

static void need_session(Core *c, const char *name) {
        Session *s = name[0] ? mirror_find_session(c, name) : NULL;

        if (s)
                s->needed = true;
}

static void need_machine(Core *c, const char *id) {
        Machine *m = id[0] ? mirror_find_machine(c, id) : NULL;

        if (m)
                m->needed = true;
}

static void need_record(Core *c, const LeaseRecord *l) {
        need_machine(c, l->machine_id);
        need_session(c, l->session);
        for (size_t i = 0; i < l->n_debts; i++)
                need_session(c, l->debts[i].session);
}

static void need_of_lease(Core *c, const Lease *l) {
        need_record(c, l->value);
        if (l->next)
                need_record(c, l->next);
        if (l->holder)
                l->holder->needed = true;
        if (l->counted)
                l->counted->needed = true;
        if (l->planned_at)
                l->planned_at->needed = true;
}

static void need_of_unit(const Unit *u) {
        if (u->plan.move_to)
                ((Machine *) u->plan.move_to)->needed = true;
        if (u->plan.failback_to)
                ((Machine *) u->plan.failback_to)->needed = true;
}

static void need_of_session(Core *c, const Session *s) {
        if (s->confirmed)
                ((Machine *) s->confirmed)->needed = true;
        if (s->beat.revision > 0) {
                need_machine(c, s->beat_value.machine_id);
                need_machine(c, s->keeper);
        }
}

static void need_nothing(Core *c) {
        for (Session *s = c->sessions; s; s = s->hh.next)
                s->needed = false;
        for (Machine *m = c->machines; m; m = m->hh.next)
                m->needed = false;
        for (Machine *m = c->past_machines; m; m = m->hh.next)
                m->needed = false;
}

static void find_needed(Core *c) {
        need_nothing(c);
        for (const Lease *l = c->leases; l; l = l->hh.next)
                need_of_lease(c, l);
        for (const Unit *u = c->units; u; u = u->hh.next)
                need_of_unit(u);
        for (const Session *s = c->sessions; s; s = s->hh.next)
                need_of_session(c, s);
        for (const Machine *m = c->machines; m; m = m->hh.next)
                if (m->seen.revision > 0)
                        need_session(c, m->value.session);
        for (const Request *r = c->requests; r; r = r->hh.next) {
                need_session(c, r->from);
                need_machine(c, r->to);
        }
        for (const Word *w = c->words; w; w = w->next) {
                need_machine(c, w->machine);
                need_machine(c, w->object);
        }
        need_session(c, c->fencing.session);
        need_machine(c, c->fencing.machine);
}

/* ---- forgetting ---- */

static void forget_records(Core *c) {
        Session *s, *next_session;
        Machine *m, *next_machine;

        HASH_ITER(hh, c->sessions, s, next_session)
                if (!s->needed && is_gone_session(c, s))
                        mirror_free_session(c, s);
        HASH_ITER(hh, c->machines, m, next_machine)
                if (!m->needed && is_gone_machine(c, m))
                        mirror_free_machine(c, m);
        mirror_free_past_machines(c);
}

static void forget_offers(Core *c) {
        Offer *o, *next;

        HASH_ITER(hh, c->offers, o, next)
                if (is_gone_offer(c, o)) {
                        c->heard.begun = MAX(c->heard.begun, o->change);
                        mirror_free_offer(c, o);
                }
}

void gone_forget(Core *c) {
        if (!mirror_is_complete(c) || c->now.boottime < c->heard.forget_at)
                return;
        c->heard.forget_at = usec_add(c->now.boottime, PAUSE);
        if (is_anything_gone(c)) {
                find_needed(c);
                forget_records(c);
        }
        forget_offers(c);
}
