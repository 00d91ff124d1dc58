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
        [NEWS_UNIT_IN_HAND] = { NEVER, SOON, false },
        [NEWS_UNIT_FOUND] = { NEVER, NOW, false },
        [NEWS_GLOBAL_UNIT_IN_HAND] = { NEVER, NEVER, true },
        [NEWS_WORD] = { NOW, NOW, false },
        [NEWS_DRAINING] = { NOW, NOW, false },
        [NEWS_METADATA] = { NOW, NOW, true },
        [NEWS_GUARD_GONE] = { NEVER, NEVER, true },
        [NEWS_GUARD_MISSING] = { NOW, NOW, true },
        [NEWS_OFFERS_SENT] = { NOW, NOW, false },
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

void news_note(Core *c, News news) {
        When plan = c->plan.has_wishes ? makes_anew[news].plan_with_wishes : makes_anew[news].plan;

        if (plan == NOW)
                c->plan.stale = true;
        if (plan == SOON) {
                c->plan.due_at = MIN(c->plan.due_at, c->now.boottime + PAUSE);
                c->plan.until = MIN(c->plan.until, c->plan.due_at);
        }
        if (makes_anew[news].offers)
                c->offering.stale = true;
        if (news == NEWS_MACHINE_NAMED)
                settle(c);
}
