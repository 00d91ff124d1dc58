/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How the units of all machines look from outside. What each machine has told of its units in its offers is put
 * together with the leases' records. Nothing is decided here. For the units of this machine, what PID 1 says is used
 * instead of our own offers, because PID 1 says more, and says it sooner.
 */

#include "core/core.h"

#include "core/copies.h"
#include "core/lease.h"
#include "core/mirror.h"
#include "core/roll.h"
#include "core/said.h"
#include "core/session.h"
#include "core/unit.h"
#include "core/view.h"

/* Whether the machine has written its offer since the lease last changed. An older offer tells of the time before the
 * machine held the lease. */
static bool has_told_since(const Offer *o, const Lease *l) {
        return o->change > l->change;
}

static UnitState state_of_holder(const Offer *o, const Lease *l) {
        const char *active = o->terms->value.active;
        bool failed = streq(active, "failed") || (streq(active, "inactive") && o->terms->value.result[0]);

        if (l->n_debts > 0)
                return STATE_WAITING;
        if (streq(active, "active") || streq(active, "reloading"))
                return STATE_RUNNING;
        if (streq(active, "activating"))
                return STATE_STARTING;
        if (isempty(active) || !has_told_since(o, l))
                return STATE_HELD;
        if (streq(active, "deactivating"))
                return STATE_STOPPING;
        return failed ? STATE_FAILED : STATE_STOPPED;
}

/* Whether what the machine has told is of the time when it held the lease. A lease without debts passes only when the
 * unit is down where it was (law 5), so the machine runs it no more, although it has not told so yet. */
static bool has_let_go(const Offer *o, const Lease *l) {
        return l && l->seen.known && !l->damaged && l->n_debts == 0 && !has_told_since(o, l);
}

static UnitState state_of_other(const Offer *o, const Lease *l) {
        const char *active = has_let_go(o, l) ? "inactive" : o->terms->value.active;

        if (streq(active, "active") || streq(active, "reloading") || streq(active, "deactivating"))
                return STATE_STOPPING;
        if (l && l->value->state == LEASE_HELD)
                return STATE_ELSEWHERE;
        if (l && l->value->state == LEASE_DONE)
                return STATE_DONE;
        return streq(active, "failed") ? STATE_FAILED : STATE_WAITING;
}

/* Whether the session does not beat in time. What its machine told last may have changed since. */
static bool is_silent(const Core *c, const Session *s) {
        return !s || s->beat.revision == 0 || c->now.boottime >= session_silent_at(s);
}

/* Whether the lease is held by an earlier session of a machine that is up: from before a boot, for example. While a
 * new TTL= is put in force both sessions beat. */
static bool is_left(const Core *c, const Session *holder, const Session *present) {
        return holder && present && holder != present &&
               c->now.boottime >= usec_add(holder->beat.at, holder->ttl * 2 / 5);
}

static UnitState state_of(
                const Core *c, const Offer *o, const Machine *m, const Lease *l, bool holds, const UnitView *own) {
        const Session *present = m ? mirror_find_session((Core *) c, m->value.session) : NULL;

        if (o->seen.revision == 0)
                return STATE_GONE;
        if (own)
                return own->state;
        if (view_is_deaf(c))
                return STATE_UNKNOWN;
        if (o->damaged || (l && l->damaged))
                return STATE_DAMAGED;
        if (is_silent(c, holds && l->holder ? l->holder : present))
                return STATE_SILENT;
        if (holds && is_left(c, l->holder, present))
                return STATE_WAITING;
        return holds ? state_of_holder(o, l) : state_of_other(o, l);
}

/* Replaces the state that our own offer tells by what PID 1 says now, if PID 1 has said anything of the unit. */
static void add_own(const Core *c, const Offer *o, OfferView *ret, UnitView *own) {
        const Unit *u;

        HASH_FIND_STR(c->units, o->unit, u);
        if (!u || !own->active_known)
                return;
        ret->active = said_active_word(own->active);
        ret->result = strempty(u->said.report.result);
        ret->since = u->said.report.since;
}

/* Since when the lease is held or free. If nobody has had it yet, since this machine has known the offer as it is. */
static usec_t held_since(Now now, const Offer *o, const Lease *l) {
        if (l && l->value->since > 0)
                return l->value->since;
        return o->seen.at <= now.boottime && now.realtime > now.boottime - o->seen.at
                               ? now.realtime - (now.boottime - o->seen.at)
                               : 0;
}

bool core_find_offer(const Core *c, Now now, const char *name, OfferView *ret) {
        const Offer *o;
        const Machine *m;
        const Lease *l;
        UnitView own;
        char id[MACHINE_SIZE];
        bool ours, holds;

        HASH_FIND_STR(c->offers, name, o);
        if (!o || !o->seen.known)
                return false;
        str_copy(id, sizeof(id), o->name); /* cut at the slash */
        m = mirror_find_machine((Core *) c, id);
        l = copies_lease(c, o);
        holds = l && l->value->state == LEASE_HELD && streq(l->value->machine_id, id);
        ours = streq(id, c->here.machine_id) && core_find_unit(c, now, o->unit, &own) && !own.global;
        *ret = (OfferView){
                .unit = o->unit,
                .machine_id = m ? m->id : "",
                .lease = copies_lease_name(c, o),
                .copies = o->terms->value.copies,
                .hostname = m ? m->value.hostname : "",
                .metadata = m ? m->value.metadata : "",
                .state = state_of(c, o, m, l, holds, ours ? &own : NULL),
                .active = o->terms->value.active,
                .result = o->terms->value.result,
                .since = o->since,
                .holds = holds,
                .index = l ? l->value->index : 0,
                .held_since = held_since(now, o, l),
                .reason = offer_reason(&o->terms->value),
                .until = o->terms->value.until,
                .change = MAX(o->change, l ? l->change : 0),
        };
        if (ours)
                add_own(c, o, ret, &own);
        return true;
}

void core_each_offer_name(const Core *c, void (*f)(const char *name, void *userdata), void *userdata) {
        for (const Offer *o = c->offers; o; o = o->hh.next)
                if (o->seen.known)
                        f(o->name, userdata);
}

uint64_t core_revision(const Core *c) {
        return c->heard.changes;
}

bool core_knows_since(const Core *c, uint64_t revision) {
        return revision >= c->heard.begun;
}

unsigned core_copies_behind(const Core *c, const char *unit, int64_t version) {
        const Unit *u = unit_find((Core *) c, unit);

        return u && copies_has(u) && lease_is_ours(c, u->lease) ? roll_count_behind(c, u, version) : 0;
}
