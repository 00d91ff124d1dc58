/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What would become of units if an operator did this or that, told from outside. Goes by the plan itself (plan.c),
 * with each unit that was told already where it would go then. Nothing is decided here, and nothing is kept.
 *
 * The real plan is made anew whenever something changes, so what happens in the meantime may change where a unit goes.
 */

#include "core/core.h"

#include "core/copies.h"
#include "core/errand.h"
#include "core/lease.h"
#include "core/machine.h"
#include "core/mirror.h"
#include "core/output.h"
#include "core/pause.h"
#include "core/plan.h"
#include "core/unit.h"
#include "core/view.h"
#include "core/word.h"

/* A unit that is concerned. */
typedef struct Item {
        const Unit *unit; /* NULL: it is not enabled here */
        const char *name;
        Machine *from; /* NULL: nobody holds it */
        Machine *to;   /* of a drain, a release: where it would go; NULL: nowhere */
        bool told;
} Item;

typedef struct Try {
        Core *core;
        const Rehearsal *what;
        Plan as_if;
        Item *items;
        size_t n;
        uint64_t pairs; /* as many were weighed before */
        int (*f)(const RehearsedUnit *, void *);
        void *userdata;
} Try;

/* ---- what is concerned ---- */

static Machine *holder_of(Core *c, const Lease *l) {
        Machine *m = l && l->value->state == LEASE_HELD ? mirror_find_machine(c, l->value->machine_id) : NULL;

        return m && lease_is_at(l, m->id) ? m : NULL;
}

/* Whose lease is meant: of a unit with copies, that of the copy that was named, as in "foo.service#2"; else that of
 * this machine's copy, or of the one for which this machine waits. */
static Machine *holder_meant(Core *c, const Unit *u, unsigned copy) {
        char name[NAME_SIZE];

        if (copy == 0 || !copies_has(u))
                return holder_of(c, u->lease);
        lease_name_slot(u->config.lease, copy, name);
        return holder_of(c, mirror_find_lease(c, name));
}

static void add(Try *t, const char *name, Machine *from) {
        unsigned copy = lease_slot(name);
        char whole[NAME_SIZE];
        const Unit *u;

        str_copy(whole, sizeof(whole), name);
        if (copy > 0)
                whole[strcspn(whole, "#")] = '\0';
        u = unit_find(t->core, whole);
        if (u && (u->forgotten || u->global))
                u = NULL;
        t->items[t->n++] = (Item){ .unit = u,
                .name = name,
                .from = from
                                        ?: u ? holder_meant(t->core, u, copy)
                                             : NULL };
}

static int by_name(const void *a, const void *b) {
        return strcmp(((const Item *) a)->name, ((const Item *) b)->name);
}

/* Adds the copies of the unit that the machine holds, or with machine NULL that any machine does, as "foo.service#2".
 */
static void add_copies(Try *t, const Unit *u, const Machine *machine) {
        char lease[NAME_SIZE], name[NAME_SIZE];

        for (unsigned i = 1; i <= u->config.slots; i++) {
                Machine *m;

                lease_name_slot(u->config.lease, i, lease);
                m = holder_of(t->core, mirror_find_lease(t->core, lease));
                if (!m || (machine && m != machine) || !lease_has_room_for_slots(u->name))
                        continue;
                lease_name_slot(u->name, i, name);
                add(t, output_copy(t->core, name, strlen(name) + 1), m);
        }
}

/* Adds what the machine holds, or with machine NULL what any machine does. Of other machines, units that are not
 * enabled here are known by their offers. */
static void add_held(Try *t, const Machine *machine) {
        Core *c = t->core;

        for (const Unit *u = c->units; u; u = u->hh.next) {
                Machine *m = u->forgotten || u->global ? NULL : holder_of(c, u->lease);

                if (copies_has(u) && !u->forgotten && !u->global)
                        add_copies(t, u, machine);
                else if (m && (!machine || m == machine))
                        add(t, u->name, m);
        }
        for (const Offer *o = machine ? c->offers : NULL; o; o = o->hh.next)
                if (strncmp(o->name, machine->id, MACHINE_SIZE - 1) == 0 && o->seen.revision > 0 &&
                                !unit_find(c, o->unit) && holder_of(c, copies_lease(c, o)) == machine)
                        t->items[t->n++] = (Item){ .name = o->unit, .from = (Machine *) machine };
}

static void collect(Try *t) {
        Core *c = t->core;
        size_t most = HASH_COUNT(c->units) + HASH_COUNT(c->offers) + HASH_COUNT(c->leases) + t->what->n_units;
        const Machine *m = mirror_find_machine(c, strempty(t->what->machine));

        t->items = output_alloc(c, (most + 1) * sizeof(Item));
        if (t->what->kind == REHEARSAL_REBALANCE)
                add_held(t, NULL);
        else if (t->what->kind == REHEARSAL_DRAIN && m)
                add_held(t, m);
        for (size_t i = 0; i < t->what->n_units; i++)
                add(t, t->what->units[i], NULL);
        qsort(t->items, t->n, sizeof(Item), by_name);
}

/* ---- what is told ---- */

static int tell(Try *t, Item *item, const Machine *to, Reason why, const WhyNotView *others, size_t n_others) {
        RehearsedUnit r = {
                .unit = item->name,
                .from = item->from ? item->from->id : "",
                .to = to ? to->id : "",
                .reason = why,
                .others = others,
                .n_others = n_others,
        };

        item->told = true;
        return t->f(&r, t->userdata);
}

/* Tells of a unit that fits nowhere else: why not, for each other machine. */
static int tell_stuck(Try *t, Item *item) {
        WhyNotView *views = output_alloc(t->core, (HASH_COUNT(t->core->machines) + 1) * sizeof(WhyNotView));
        PlacementMachine look;
        size_t n = 0;

        for (const Machine *m = t->core->machines; m; m = m->hh.next) {
                Reason why;

                if (m == item->from || m->seen.revision == 0)
                        continue;
                why = machine_session(t->core, m) ? plan_why_not(&t->as_if, item->unit, m, &look)
                                                  : reason_there(reason(WHY_SILENT));
                views[n++] = (WhyNotView){
                        .machine_id = m->id,
                        .hostname = m->value.hostname,
                        .reason = why,
                        .until = view_stands_back_until(t->core, item->unit, m, why),
                };
        }
        return tell(t, item, NULL, reason(WHY_NONE), views, n);
}

/* Whether so much was weighed for this question that the rest has to be left out. */
static bool is_too_much(const Try *t) {
        return plan_weight(t->core) - t->pairs > REHEARSAL_PAIRS;
}

/* Why nothing can be said of the unit, or nothing is to be done about it; WHY_NONE: it may go. */
static Reason why_not_at_all(const Try *t, const Item *item) {
        if (!item->unit)
                return reason(WHY_NOT_KNOWN_HERE);
        if (view_is_deaf(t->core))
                return reason(view_why_deaf(t->core));
        if (item->unit->config.once)
                return reason(WHY_RUNS_TO_ITS_END);
        if (!item->from)
                return reason(WHY_HELD_BY_NOBODY);
        if (pause_is_seen(t->core))
                return reason(WHY_PAUSED);
        return reason(is_too_much(t) ? WHY_TOO_MANY : WHY_NONE);
}

/* ---- a drain, a release ---- */

/* Looks where each unit would go. A unit that fits nowhere is looked at again when others have found a place, because
 * it may have to run beside one of these. */
static void find_places(Try *t) {
        bool again = true;

        while (again) {
                again = false;
                for (Item *item = t->items; item < t->items + t->n; item++) {
                        if (item->to || why_not_at_all(t, item).why != WHY_NONE)
                                continue;
                        t->as_if.from = item->from;
                        item->to = plan_choose(&t->as_if, item->unit);
                        if (item->to)
                                plan_suppose(&t->as_if, item->unit, item->to);
                        again = again || item->to;
                }
        }
}

static int try_parting(Try *t) {
        int r = 0;

        find_places(t);
        for (Item *item = t->items; item < t->items + t->n && r == 0; item++) {
                Reason why = item->to ? reason(WHY_NONE) : why_not_at_all(t, item);

                r = item->to || why.why != WHY_NONE ? tell(t, item, item->to, why, NULL, 0) : tell_stuck(t, item);
        }
        return r;
}

/* ---- a transfer, a steal ---- */

static int try_transfer(Try *t, Item *item, Machine *to) {
        Reason why = why_not_at_all(t, item);

        if (why.why == WHY_NONE && to == item->from)
                why = reason(WHY_HOLDS);
        if (why.why == WHY_NONE && !machine_session(t->core, to))
                why = reason(WHY_SILENT);
        if (why.why == WHY_NONE)
                why = errand_why_not_handed(&t->as_if, item->unit, to);
        if (why.why != WHY_NONE)
                return tell(t, item, NULL, reason_there(why), NULL, 0);
        plan_suppose(&t->as_if, item->unit, to);
        return tell(t, item, to, why, NULL, 0);
}

static int try_steal(Try *t, Item *item) {
        Core *c = t->core;
        Reason why = item->unit && !item->from ? reason(WHY_NONE) : why_not_at_all(t, item);

        if (why.why == WHY_NONE && c->self == item->from)
                why = reason(WHY_HERE_ALREADY);
        if (why.why == WHY_NONE)
                why = word_why_no_steal(&t->as_if, item->unit);
        if (why.why == WHY_STANDS_BACK)
                why = reason(WHY_NONE); /* the operator's word ends that */
        if (why.why == WHY_NONE && c->self)
                plan_suppose(&t->as_if, item->unit, c->self);
        return tell(t, item, why.why == WHY_NONE ? c->self : NULL, why, NULL, 0);
}

/* ---- making it even ---- */

/* Whether a unit may be moved for the balance at all: not if others must run beside it, or it beside others. */
static bool may_move(const Try *t, const Item *item) {
        const Placement *p = item->unit ? item->unit->config.placement : NULL;

        return !item->told && why_not_at_all(t, item).why == WHY_NONE && machine_session(t->core, item->from) &&
               !item->unit->plan.is_peer && !p->machine_id[0] && !p->machine_of[0] &&
               !lease_is_lost(item->unit->lease);
}

/* Whether it is more even with the unit there: there are fewer of its group, or, with as many of its group, fewer
 * leases. A machine that it likes less is no place for it. */
static bool is_more_even(const Unit *u, const PlacementMachine *here, const PlacementMachine *there, bool spread) {
        if (placement_preference(u->config.placement, there->metadata) <
                        placement_preference(u->config.placement, here->metadata))
                return false;
        if (spread || there->alike != here->alike)
                return there->alike < here->alike;
        return there->held + 1 < here->held;
}

/* Whether the move to a is better than the one to b, for the same unit. */
static bool is_better(const PlacementMachine *a, const PlacementMachine *b) {
        return a->alike != b->alike ? a->alike < b->alike : a->held < b->held;
}

/* Whether it may be more even with the unit there, by what is known without weighing the machine. */
static bool may_be_more_even(const Try *t, const Item *item, const Machine *m, bool spread) {
        return m != item->from && machine_session(t->core, m) &&
               (item->unit->config.placement->spread[0] || (!spread && m->held + 1 < item->from->held));
}

/* The machine where the unit makes it most even; NULL: it is best where it is. spread: only by its group. */
static Machine *find_place(Try *t, const Item *item, bool spread) {
        PlacementMachine here = {}, there, first = {};
        const Unit *u = item->unit;
        Machine *best = NULL;

        for (Machine *m = t->core->machines; m; m = m->hh.next) {
                if (!may_be_more_even(t, item, m, spread))
                        continue;
                if (!here.id)
                        (void) plan_why_not(&t->as_if, u, item->from, &here);
                if (plan_why_not(&t->as_if, u, m, &there).why == WHY_NONE && is_more_even(u, &here, &there, spread) &&
                                (!best || is_better(&there, &first))) {
                        best = m;
                        first = there;
                }
        }
        return best;
}

static size_t most_held(const Core *c) {
        size_t most = 0;

        for (const Machine *m = c->machines; m; m = m->hh.next)
                most = MAX(most, m->held);
        return most;
}

/* The next move: of a unit on the machine that holds most, if one of these can go; else of another. Moves that spread
 * a group come first: each also makes the machines more even, or as even, and others may not be needed then. */
static Item *find_move(Try *t, bool spread, Machine **ret_to) {
        size_t most = most_held(t->core);
        Item *best = NULL;

        for (Item *item = t->items; item < t->items + t->n && (!best || best->from->held < most); item++) {
                Machine *to;

                if (!may_move(t, item) || (best && item->from->held <= best->from->held) ||
                                !(to = find_place(t, item, spread)))
                        continue;
                best = item;
                *ret_to = to;
        }
        return best;
}

static int try_to_balance(Try *t) {
        int r = 0;

        if (pause_is_seen(t->core) && t->n > 0)
                return tell(t, t->items, NULL, reason(WHY_PAUSED), NULL, 0);
        for (size_t n = 0; n < REHEARSAL_MOVES && r == 0; n++) {
                Machine *to = NULL;
                Item *item = find_move(t, true, &to) ?: find_move(t, false, &to);

                if (!item)
                        return is_too_much(t) ? tell(t, t->items, NULL, reason(WHY_TOO_MANY), NULL, 0) : 0;
                plan_leave(&t->as_if, item->unit, item->from);
                plan_suppose(&t->as_if, item->unit, to);
                r = tell(t, item, to, reason(WHY_NONE), NULL, 0);
        }
        return r;
}

/* ---- the question ---- */

static int try_all(Try *t) {
        Machine *m = mirror_find_machine(t->core, strempty(t->what->machine));
        int r = 0;

        if (t->what->kind == REHEARSAL_REBALANCE)
                return try_to_balance(t);
        if (t->what->kind == REHEARSAL_DRAIN || t->what->kind == REHEARSAL_RELEASE)
                return try_parting(t);
        for (size_t i = 0; i < t->n && r == 0; i++)
                r = t->what->kind == REHEARSAL_STEAL ? try_steal(t, t->items + i)
                    : m                              ? try_transfer(t, t->items + i, m)
                                                     : 0;
        return r;
}

int core_rehearse(const Core *core, const Rehearsal *what, int (*f)(const RehearsedUnit *, void *), void *userdata) {
        Core *c = (Core *) core;
        Try t = { .core = c, .what = what, .pairs = plan_weight(c), .f = f, .userdata = userdata };
        int r;

        plan_begin(&t.as_if, c, true);
        t.as_if.supposed = true;
        collect(&t);
        r = try_all(&t);
        c->told.plan = NULL; /* what other questions go by was counted anew */
        return r;
}
