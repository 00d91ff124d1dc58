/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What has happened, for the plan and for our offers. This table is the only place that says what makes them anew.
 */

#include "core/news.h"

#define PAUSE (200 * USEC_PER_MSEC)

typedef enum When {
        NEVER,
        SOON, /* one plan for many such news */
        NOW,
} When;

static const struct {
        When plan;
        When plan_with_wishes; /* where some unit minds what runs beside it */
        bool offers;
} makes_anew[] = {
        [NEWS_BEGINNING] = { NOW, NOW, true },
        [NEWS_UNIT_CHANGED] = { NOW, NOW, true },
        [NEWS_UNIT_RUNS_AGAIN] = { NOW, NOW, false },
        [NEWS_UNIT_STANDS_BACK] = { NEVER, NEVER, true },
        [NEWS_UNIT_REPORTED] = { NEVER, NEVER, true },
        [NEWS_UNIT_STATE] = { NEVER, NEVER, true },
        [NEWS_COPY] = { SOON, SOON, false },
        [NEWS_UNIT_IN_HAND] = { NEVER, SOON, true },
        [NEWS_UNIT_FOUND] = { NEVER, NOW, true },
        [NEWS_GLOBAL_UNIT_IN_HAND] = { NEVER, NEVER, true },
        [NEWS_WORD] = { NOW, NOW, false },
        [NEWS_DRAINING] = { NOW, NOW, false },
        [NEWS_METADATA] = { NOW, NOW, true },
        [NEWS_GUARD_GONE] = { NEVER, NEVER, true },
        [NEWS_GUARD_MISSING] = { NOW, NOW, true },
        [NEWS_OFFER_OWN] = { NOW, NOW, true },
        [NEWS_OFFER] = { SOON, SOON, false },
        [NEWS_MACHINE] = { NOW, NOW, false },
        [NEWS_MACHINE_NAMED] = { NOW, NOW, false },
        [NEWS_SESSION] = { NOW, NOW, false },
        [NEWS_LEASE] = { NOW, NOW, false },
        [NEWS_LEASE_OURS] = { NEVER, NOW, false },
        [NEWS_LEASE_ELSEWHERE] = { NEVER, SOON, false },
        [NEWS_LEASE_UNPLANNED] = { SOON, SOON, false },
};
_Static_assert(ELEMENTSOF(makes_anew) == _NEWS_MAX, "each piece of news has its line");

/* Others may be about to come as well: what is free is left alone for a round. */
static void settle(Core *c) {
        c->plan.young_until = c->now.boottime + 2 * c->own.ttl;
        for (const Machine *m = c->machines; m; m = m->hh.next)
                if (m->seen.revision > 0 && m != c->self)
                        c->plan.settle_until = c->now.boottime + c->own.timeline.round;
}

static void set_when(Core *c, When plan) {
        if (plan == NOW)
                c->plan.stale = true;
        if (plan == SOON)
                c->plan.due_at = MIN(c->plan.due_at, c->now.boottime + PAUSE);
}

static When when_planned(const Core *c, News news) {
        return c->plan.has_wishes ? makes_anew[news].plan_with_wishes : makes_anew[news].plan;
}

void news_note(Core *c, News news) {
        set_when(c, when_planned(c, news));
        if (makes_anew[news].offers)
                c->offering.stale = true;
        if (news == NEWS_BEGINNING)
                c->offering.orphans = true;
        if (news == NEWS_MACHINE_NAMED)
                settle(c);
}

static bool has_wishes(const Unit *u) {
        const Placement *p = u->config.placement;

        return p->conflicts[0] || p->replaces[0] || p->machine_of[0] || p->spread[0];
}

void news_of_unit(Core *c, Unit *u, News news) {
        When plan = when_planned(c, news);

        if (c->plan.has_wishes || (u && has_wishes(u)))
                set_when(c, plan);
        else if (u && plan != NEVER) {
                usec_t at = c->now.boottime + (plan == NOW ? 0 : PAUSE);

                c->plan.queue_at = c->plan.queue.n > 0 ? MIN(c->plan.queue_at, at) : at;
                heap_set(&c->plan.queue, &u->to_plan, u->spot.place);
        }
        if (u && makes_anew[news].offers)
                heap_set(&c->offering.queue, &u->to_offer, u->spot.place);
}
