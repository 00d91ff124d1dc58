/* SPDX-License-Identifier: Apache-2.0 */

/* How every machine stands to a unit, told from outside: who holds it, who comes next, and why the others do not. It
 * goes by the same rules as the plan, and decides nothing. */

#include "core/core.h"

#include "core/copies.h"
#include "core/lease.h"
#include "core/machine.h"
#include "core/mirror.h"
#include "core/output.h"
#include "core/plan.h"
#include "core/session.h"
#include "core/unit.h"
#include "core/view.h"

/* A machine as it stands to one unit that is asked about. */
typedef struct Standing {
        const Machine *machine;
        Reason reason; /* WHY_NONE: it fits */
        bool holds;
        PlacementMachine look;
} Standing;

/* What is the same for all units. It is kept from one question to the next, until something happens
 * (output_reset()). */
struct PlanView {
        Plan plan;
        Standing *standings;
        size_t n_standings;
};

/* wishes: also what runs beside what matters to no unit that is enabled. */
static PlanView *get_view(Core *c, bool wishes) {
        if (c->told.plan && (c->told.plan->plan.wishes || !wishes))
                return c->told.plan;
        c->told.plan = output_alloc(c, sizeof(PlanView));
        c->told.plan->n_standings = 0;
        c->told.plan->standings = output_alloc(c, (HASH_COUNT(c->machines) + 1) * sizeof(Standing));
        plan_begin(&c->told.plan->plan, c, wishes);
        return c->told.plan;
}

/* A machine that does not beat: whether that is known. */
static Why why_silent(const Core *c, const Machine *m) {
        return view_is_unproved(c, m) ? WHY_SILENCE_UNKNOWN : WHY_SILENT;
}

/* Why the holder should let the unit go, as far as other machines can tell. */
static Reason unfit_holder(const Core *c, const Unit *u, const Standing *s) {
        Reason r = placement_unfit(u->config.placement, s->machine->id, s->look.metadata);

        if (u->lease->holder && session_keeps_unheard(c, u->lease->holder) && !view_is_deaf(c))
                r = reason(WHY_KEEPS);
        else if (!machine_session(c, s->machine))
                r = reason(why_silent(c, s->machine));
        else if (r.why == WHY_NONE && s->look.draining)
                r = reason(WHY_DRAINING);
        if (r.why == WHY_NONE)
                r = reason(WHY_HOLDS);
        r.holds = true;
        return reason_there(r);
}

/* By what is installed here: where a higher version is, it would run again. */
static bool is_done(const Unit *u) {
        return u->lease->value->state == LEASE_DONE && u->config.version <= u->lease->value->version;
}

static void look_at_all(PlanView *view, const Unit *u) {
        const Core *c = view->plan.core;

        view->n_standings = 0;
        for (const Machine *m = c->machines; m; m = m->hh.next) {
                Standing *s = view->standings + view->n_standings;

                if (m->seen.revision == 0)
                        continue;
                view->n_standings++;
                s->machine = m;
                s->holds = lease_is_at(u->lease, m->id);
                s->reason = plan_why_not(&view->plan, u, m, &s->look);
                if (s->holds)
                        s->reason = unfit_holder(c, u, s);
                else if (view_is_deaf(c))
                        s->reason = reason(view_why_deaf(c));
                else if (!machine_session(c, m))
                        s->reason = reason(why_silent(c, m));
                else if (s->reason.why == WHY_NONE && is_done(u))
                        s->reason = reason_there(reason(WHY_JOB_DONE));
        }
}

static unsigned rank_of(const PlanView *view, const Unit *u, const Standing *s) {
        unsigned rank = 0;

        for (const Standing *o = view->standings; o < view->standings + view->n_standings; o++)
                rank += o != s && o->reason.why == WHY_NONE && !o->holds && plan_comes_before(u, &o->look, &s->look);
        return rank;
}

usec_t view_stands_back_until(const Core *c, const Unit *u, const Machine *m, Reason why) {
        const Offer *o = mirror_find_offer(c, m->id, u->name);

        return o && why.why != WHY_NONE && why.why == offer_reason(&o->terms->value).why ? o->terms->value.until : 0;
}

static WhyNotView view_of(const PlanView *view, const Unit *u, const Standing *s) {
        Core *c = view->plan.core;
        WhyNotView v = {
                .machine_id = s->machine->id,
                .hostname = s->machine->value.hostname,
                .holds = s->holds,
                .until = view_stands_back_until(c, u, s->machine, s->reason),
                .reason = s->reason,
        };

        v.fits = !s->holds && (s->reason.why == WHY_NONE || v.until > 0);
        if (s->holds && view_is_deaf(c))
                v.reason = reason(WHY_HELD_LAST);
        else if (s->reason.why == WHY_NONE) {
                v.rank = rank_of(view, u, s);
                v.reason = reason(v.rank == 0 ? WHY_FIRST : WHY_STANDS_BY);
        }
        return v;
}

/* This machine's own reason why the unit does not run here, which it knows better than others. */
static bool view_of_own(Core *c, Now now, const Unit *u, WhyNotView *ret) {
        Reason r = view_why_not(c, u);

        /* Of a lease that is held there is nothing to say, but that it is never to be had, or is this machine's own.
         */
        if (view_is_elsewhere(c, u) && r.why != WHY_KEEPS && r.why != WHY_EARLIER_SESSION &&
                        r.why != WHY_MACHINE_TWICE)
                r = reason(WHY_NONE);
        *ret = (WhyNotView){
                .machine_id = c->here.machine_id,
                .hostname = c->here.hostname,
                .holds = unit_is_ours(c, u),
                .reason = r,
                .until = r.why == WHY_STANDS_BACK ? u->back.until : machine_waits_until(c, r.why, now),
        };
        return r.why != WHY_NONE;
}

int core_each_why_not(
                const Core *core, Now now, const char *unit, int (*f)(const WhyNotView *, void *), void *userdata) {
        Core *c = (Core *) core;
        const Unit *u = unit_find(c, unit);
        WhyNotView v;
        PlanView *view;
        bool own;
        int r = 0;

        if (!u)
                return 0;
        own = view_of_own(c, now, u, &v);
        if (own)
                r = f(&v, userdata);
        if (u->global || u->forgotten || r != 0)
                return r;
        view = get_view(c, c->plan.has_wishes);
        look_at_all(view, u);
        for (const Standing *s = view->standings; s < view->standings + view->n_standings && r == 0; s++) {
                if (own && s->machine == c->self)
                        continue;
                v = view_of(view, u, s);
                r = f(&v, userdata);
        }
        return r;
}

/* Whether the machine has the unit, and should let it go. */
static bool should_leave(const Core *c, const Unit *u, const Machine *m) {
        if (copies_has(u) ? !copies_at(c, u, m->id) : !lease_is_at(u->lease, m->id) || !u->lease->holder)
                return false;
        return m == c->self ? u->plan.stuck : m->value.draining;
}

bool core_is_stuck(const Core *core, Now now, const char *unit) {
        Core *c = (Core *) core;
        const Unit *u = unit_find(c, unit);
        const Machine *holder = u && !u->global ? c->machines : NULL;
        PlanView *view;

        (void) now;
        if (u && !copies_has(u)) /* nobody else can have it */
                holder = holder && u->lease->holder ? mirror_find_machine(c, u->lease->value->machine_id) : NULL;
        while (holder && !should_leave(c, u, holder))
                holder = copies_has(u) ? holder->hh.next : NULL;
        if (!holder)
                return false;
        view = get_view(c, c->plan.has_wishes);
        look_at_all(view, u);
        for (const Standing *s = view->standings; s < view->standings + view->n_standings; s++)
                if (!s->holds &&
                                (s->reason.why == WHY_NONE || view_stands_back_until(c, u, s->machine, s->reason) > 0))
                        return false;
        return true;
}

/* ---- a unit as if it were enabled everywhere, and held by nobody ---- */

static Reason why_not_everywhere(PlanView *view, const Unit *u, Standing *s) {
        const Core *c = view->plan.core;
        Reason r = plan_why_not_wished(&view->plan, u, s->machine, &s->look);

        if (view_is_deaf(c))
                return reason(view_why_deaf(c));
        if (!machine_session(c, s->machine))
                return reason(why_silent(c, s->machine));
        if (!u->global)
                return r;
        r = placement_unfit(u->config.placement, s->machine->id, s->look.metadata);
        return r.why == WHY_NONE && s->look.draining ? reason_there(reason(WHY_DRAINING)) : r;
}

/* Whether a comes before b. Machines that would not take the unit stay in the order in which they are. */
static bool stands_before(const Unit *u, const Standing *a, const Standing *b) {
        if (a->reason.why != WHY_NONE || b->reason.why != WHY_NONE)
                return a->reason.why == WHY_NONE && b->reason.why != WHY_NONE;
        return placement_before(u->config.placement, u->name, &a->look, &b->look);
}

/* Puts the machines that would take the unit first, in their order. */
static void order_all(PlanView *view, const Unit *u) {
        const Core *c = view->plan.core;

        view->n_standings = 0;
        plan_count_anew(&view->plan); /* u lives no longer than this question */
        for (const Machine *m = c->machines; m; m = m->hh.next) {
                Standing s = { .machine = m, .holds = !u->global && lease_is_at(u->lease, m->id) };
                size_t at = view->n_standings;

                if (m->seen.revision == 0)
                        continue;
                s.reason = why_not_everywhere(view, u, &s);
                if (s.holds && s.look.held > 0)
                        s.look.held--; /* it would be free */
                for (; at > 0 && stands_before(u, &s, view->standings + at - 1); at--)
                        view->standings[at] = view->standings[at - 1];
                view->standings[at] = s;
                view->n_standings++;
        }
}

int core_explain(const Core *core, const UnitConfig *config, int (*f)(const WhyNotView *, void *), void *userdata) {
        Core *c = (Core *) core;
        size_t lease_size = strlen(config->lease) + 1, unit_size = strlen(config->unit) + 1;
        _cleanup_free_ Lease *none = calloc(1, sizeof(Lease) + lease_size);
        _cleanup_free_ Unit *u = calloc(1, sizeof(Unit) + unit_size);
        PlanView *view = get_view(c, true);
        UnitConfig alone = *config;
        int r = 0;

        if (!none || !u)
                abort();
        none->value = (LeaseRecord *) &lease_none; /* not changed here */
        memcpy(none->name, config->lease, lease_size);
        alone.slots = 0; /* of copies, too, all machines are told as if none of them had one */
        *u = (Unit){ .lease = mirror_find_lease(c, config->lease) ?: none, .global = config->global, .config = alone };
        memcpy(u->name, config->unit, unit_size);
        order_all(view, u);
        for (size_t i = 0; i < view->n_standings && r == 0; i++) {
                const Standing *s = view->standings + i;
                WhyNotView v = {
                        .machine_id = s->machine->id,
                        .hostname = s->machine->value.hostname,
                        .holds = s->holds,
                        .fits = s->reason.why == WHY_NONE,
                        .rank = u->global || s->reason.why != WHY_NONE ? 0 : (unsigned) i,
                        .reason = s->reason,
                };

                r = f(&v, userdata);
        }
        return r;
}
