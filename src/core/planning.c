/* SPDX-License-Identifier: Apache-2.0 */

/*
 * When units are planned.
 *
 * A change that concerns every unit has all units planned anew. A change of one unit has that unit planned, and, if
 * its lease can be had, all units whose leases can be had: these depend on one another, since each machine counts what
 * it was given already.
 *
 * Many units may take longer to plan than a beat may wait. So one step plans a slice of them, and the next step, which
 * is due at once, goes on.
 */

#include "core/planning.h"

#include "core/lease.h"
#include "core/look.h"
#include "core/output.h"
#include "core/plan.h"
#include "core/session.h"

#define PAUSE (200 * USEC_PER_MSEC)
enum {
        PAIRS_AT_ONCE = 4096, /* pairs of unit and machine that one step weighs (plan_weight()) */
        FEW_UNITS = 256,      /* with more of them, passes over those whose leases can be had begin PAUSE apart */
};

static int by_name(const Unit *a, const Unit *b) {
        return strcmp(a->name, b->name);
}

/* Finds out which sessions have fallen silent, or beat again, since the last plan. If any has, all units are planned
 * anew. Notes when the next session may fall silent. */
static void watch_silence(Core *c) {
        c->plan.until = USEC_INFINITY;
        for (Session *s = c->sessions; s; s = s->hh.next) {
                usec_t silent_at = session_silent_at(s), dead_at = session_dead_at(s);
                bool silent = c->now.boottime >= silent_at, dead = c->now.boottime >= dead_at;

                if (silent != s->silent || dead != s->dead)
                        c->plan.stale = true;
                s->silent = silent;
                s->dead = dead;
                if (!silent && !session_is_ours(c, s->name))
                        c->plan.until = MIN(c->plan.until, silent_at);
        }
}

/* Whether the unit's lease can be had, now or by the last plan: the plans of all such units depend on each other. */
static bool is_free(const Core *c, const Unit *u) {
        return plan_finds_available(u) || (!u->config.once && plan_is_available(c, u));
}

/* Sorts the table of units by name. */
static void sort_units(Core *c) {
        if (!c->plan.units_unsorted)
                return;
        c->plan.units_unsorted = false;
        HASH_SRT(hh, c->units, by_name);
        look_sorted(c);
        if (c->told.next)
                c->told.next = c->units;
}

/* Begins a pass over all units, or over those whose leases can be had (only_free), in the order of their names. Each
 * step goes on where the one before ended. What was planned for these units before is dropped: so all machines come to
 * the same plan, in whatever order they heard of the changes. */
static void begin_pass(Core *c, bool only_free) {
        c->plan.stale_free = false;
        c->plan.running = true;
        c->plan.only_free = only_free;
        c->plan.begun_at = c->now.boottime;
        sort_units(c);
        c->plan.next = c->units;
        for (Unit *u = c->units; u; u = u->hh.next)
                if (!only_free || is_free(c, u))
                        lease_plan(c, u->lease, "");
}

/* Begins a pass over all units, which also serves all that was asked for before. */
static void begin_all(Core *c) {
        watch_silence(c);
        c->plan.stale = false;
        c->plan.due_at = USEC_INFINITY;
        c->plan.has_wishes = plan_has_wishes(c);
        for (HeapNode *node; (node = heap_first(&c->plan.queue));)
                heap_remove(&c->plan.queue, node);
        begin_pass(c, false);
}

/* Whether single units are due to be planned. */
static bool has_queue(const Core *c) {
        return c->plan.queue.n > 0 && c->now.boottime >= c->plan.queue_at;
}

/* When the next pass over the units whose leases can be had may begin. With many units two passes lie apart: one pass
 * then serves all changes that came meanwhile. */
static usec_t free_due(const Core *c) {
        return HASH_COUNT(c->units) > FEW_UNITS ? usec_add(c->plan.begun_at, PAUSE) : 0;
}

/* Plans single units, at most n. Returns how many of the n are left. A unit whose lease cannot be had is planned by
 * itself, since no other unit's plan depends on it; so is one that starts only once (a command of leasectl run). A
 * unit whose lease can be had, or could when it was planned last, makes a pass over all such units due. */
static size_t plan_queue(Plan *p, size_t n, uint64_t most) {
        Core *c = p->core;

        for (; n > 0 && has_queue(c) && plan_weight(c) < most; n--) {
                Unit *u = (Unit *) ((char *) heap_first(&c->plan.queue) - offsetof(Unit, to_plan));
                bool was_free = u->plan.available;

                heap_remove(&c->plan.queue, &u->to_plan);
                if (u->config.once || !plan_is_available(c, u))
                        plan_unit(p, u);
                else
                        was_free = true;
                c->plan.stale_free = c->plan.stale_free || (was_free && !u->config.once);
        }
        return n;
}

/* Plans as many units as one step may: single units first, then the pass that is under way. The limit on the pairs of
 * unit and machine that are weighed keeps a step so short that our beats are in time. */
static void plan_some(Core *c) {
        size_t n = MAX((size_t) 1, PAIRS_AT_ONCE / (HASH_COUNT(c->machines) + 1)), skips = PAIRS_AT_ONCE;
        uint64_t most = plan_weight(c) + PAIRS_AT_ONCE;
        Plan p;

        plan_go_on(&p, c);
        n = plan_queue(&p, n, most);
        if (c->plan.stale_free && !c->plan.running && c->now.boottime >= free_due(c)) {
                begin_pass(c, true);
                plan_go_on(&p, c);
        }
        for (; n > 0 && skips > 0 && plan_weight(c) < most && c->plan.next; c->plan.next = c->plan.next->hh.next) {
                if (c->plan.only_free && !is_free(c, c->plan.next)) {
                        skips--;
                        continue;
                }
                plan_unit(&p, c->plan.next);
                n--;
        }
        c->plan.running = c->plan.next;
        output_changed(c, NULL, NULL); /* how machines stand to units may have changed */
}

static bool can_plan(const Core *c) {
        return c->identity.trust == TRUST_OK && session_settled(c) && c->units;
}

/* Whether something is to be planned in this step. */
static bool is_due_now(const Core *c) {
        return c->plan.running || has_queue(c) || (c->plan.stale_free && c->now.boottime >= free_due(c));
}

void planning_advance(Core *c) {
        bool sorts;

        if (!can_plan(c))
                return;
        if (c->now.boottime >= c->plan.until)
                watch_silence(c);
        c->plan.stale = c->plan.stale || c->now.boottime >= c->plan.due_at;
        sorts = c->plan.stale && !c->plan.running && c->plan.units_unsorted && HASH_COUNT(c->units) > FEW_UNITS;
        if (sorts) { /* which takes long enough: the pass begins in the next step, which is due at once */
                sort_units(c);
                return;
        }
        if (c->plan.stale && !c->plan.running)
                begin_all(c);
        if (is_due_now(c))
                plan_some(c);
}

bool planning_is_due(const Core *c, const Unit *u) {
        return c->plan.stale || c->plan.stale_free || heap_has(&c->plan.queue, &u->to_plan) ||
               (c->plan.next && c->plan.next->spot.place <= u->spot.place);
}

usec_t planning_deadline(const Core *c) {
        usec_t t = MIN(c->plan.until, c->plan.due_at);

        if (!can_plan(c))
                return USEC_INFINITY;
        if (c->plan.stale || is_due_now(c)) /* the pass goes on, or something has happened since this step planned */
                return c->now.boottime + 1;
        if (c->plan.queue.n > 0)
                t = MIN(t, c->plan.queue_at);
        if (c->plan.stale_free)
                t = MIN(t, free_due(c));
        return t > c->now.boottime ? t : USEC_INFINITY;
}
