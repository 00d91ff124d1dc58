/* SPDX-License-Identifier: Apache-2.0 */

/*
 * When units are planned. A change of one unit plans that unit, or all whose leases can be had; what concerns all
 * plans all. A step plans so many that beats keep their time beside it, and the next step, which is due at once, goes
 * on.
 */

#include "core/planning.h"

#include "core/lease.h"
#include "core/look.h"
#include "core/output.h"
#include "core/plan.h"
#include "core/session.h"

#define PAUSE (200 * USEC_PER_MSEC)
enum {
        PAIRS_AT_ONCE = 4096,
        FEW_UNITS = 256,
};

static int by_name(const Unit *a, const Unit *b) {
        return strcmp(a->name, b->name);
}

/* Looks which sessions have fallen silent since the last plan, and when the next one may fall silent. */
static void watch_silence(Core *c) {
        c->plan.until = USEC_INFINITY;
        for (Session *s = c->sessions; s; s = s->hh.next) {
                usec_t dead_at = session_dead_at(s);
                bool silent = c->now.boottime >= dead_at;

                if (silent != s->silent)
                        c->plan.stale = true;
                s->silent = silent;
                if (!silent && !session_is_ours(c, s->name))
                        c->plan.until = MIN(c->plan.until, dead_at);
        }
}

/* The unit's plan hangs on that of all others whose leases can be had. */
static bool is_free(const Core *c, const Unit *u) {
        return plan_finds_available(u) || (!u->config.once && plan_is_available(c, u));
}

/* Units are planned anew, from the next one in each step on; all of them, or those whose leases can be had. What was
 * planned for them before counts no more, so all machines come to the same plan, whatever they heard of first. */
static void begin_pass(Core *c, bool only_free) {
        c->plan.stale_free = false;
        c->plan.running = true;
        c->plan.only_free = only_free;
        c->plan.begun_at = c->now.boottime;
        if (c->plan.units_unsorted) {
                HASH_SRT(hh, c->units, by_name);
                look_sorted(c);
        }
        c->plan.units_unsorted = false;
        c->plan.next = c->units;
        for (Unit *u = c->units; u; u = u->hh.next)
                if (!only_free || is_free(c, u))
                        lease_plan(c, u->lease, "");
}

static void begin_all(Core *c) {
        watch_silence(c);
        c->plan.stale = false;
        c->plan.due_at = USEC_INFINITY;
        c->plan.has_wishes = plan_has_wishes(c);
        for (HeapNode *node; (node = heap_first(&c->plan.queue));)
                heap_remove(node);
        begin_pass(c, false);
}

static bool has_queue(const Core *c) {
        return c->plan.queue.n > 0 && c->now.boottime >= c->plan.queue_at;
}

/* When those whose leases can be had may be planned anew. Where there are many, not all the time: more of them may be
 * about to come. */
static usec_t free_due(const Core *c) {
        return HASH_COUNT(c->units) > FEW_UNITS ? usec_add(c->plan.begun_at, PAUSE) : 0;
}

/* Of a unit that we hold, or that nobody can have, the plan hangs on no other. */
static size_t plan_queue(Plan *p, size_t n) {
        Core *c = p->core;

        for (; n > 0 && has_queue(c); n--) {
                Unit *u = (Unit *) ((char *) heap_first(&c->plan.queue) - offsetof(Unit, to_plan));
                bool was_free = u->plan.available;

                heap_remove(&u->to_plan);
                if (u->config.once || !plan_is_available(c, u))
                        plan_unit(p, u);
                else
                        was_free = true;
                c->plan.stale_free = c->plan.stale_free || (was_free && !u->config.once);
        }
        return n;
}

/* Plans as many units as one step may: so many pairs of unit and machine are weighed that our beats keep their time
 * beside it. */
static void plan_some(Core *c) {
        size_t n = MAX((size_t) 1, PAIRS_AT_ONCE / (HASH_COUNT(c->machines) + 1)), skips = PAIRS_AT_ONCE;
        Plan p;

        plan_go_on(&p, c);
        n = plan_queue(&p, n);
        if (c->plan.stale_free && !c->plan.running && c->now.boottime >= free_due(c)) {
                begin_pass(c, true);
                plan_go_on(&p, c);
        }
        for (; n > 0 && skips > 0 && c->plan.next; c->plan.next = c->plan.next->hh.next) {
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

/* Something is to be planned in this step. */
static bool is_due_now(const Core *c) {
        return c->plan.running || has_queue(c) || (c->plan.stale_free && c->now.boottime >= free_due(c));
}

void planning_advance(Core *c) {
        if (!can_plan(c))
                return;
        if (c->now.boottime >= c->plan.until)
                watch_silence(c);
        c->plan.stale = c->plan.stale || c->now.boottime >= c->plan.due_at;
        if (c->plan.stale && !c->plan.running)
                begin_all(c);
        if (is_due_now(c))
                plan_some(c);
}

bool planning_is_due(const Core *c, const Unit *u) {
        return c->plan.stale || c->plan.stale_free || u->to_plan.heap ||
               (c->plan.next && c->plan.next->spot.place <= u->spot.place);
}

usec_t planning_deadline(const Core *c) {
        usec_t t = MIN(c->plan.until, c->plan.due_at);

        if (!can_plan(c))
                return USEC_INFINITY;
        if (c->plan.stale || is_due_now(c)) /* also what has happened since this step planned */
                return c->now.boottime + 1;
        if (c->plan.queue.n > 0)
                t = MIN(t, c->plan.queue_at);
        if (c->plan.stale_free)
                t = MIN(t, free_due(c));
        return t > c->now.boottime ? t : USEC_INFINITY;
}
