/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What has happened, for the plan and for our offers: who changes a fact says so here, and need not know who reads it.
 */

#include "core/news.h"

#include "core/machine.h"

#define PAUSE (200 * USEC_PER_MSEC)

void news_soon(Core *c) {
        c->plan.due_at = MIN(c->plan.due_at, c->now.boottime + PAUSE);
        c->plan.until = MIN(c->plan.until, c->plan.due_at);
}

void news_settle(Core *c) {
        c->plan.young_until = c->now.boottime + 2 * c->own.ttl;
        for (const Machine *m = c->machines; m; m = m->hh.next)
                if (m->seen.revision > 0 && !machine_is_own(c, m))
                        c->plan.settle_until = c->now.boottime + c->own.timeline.round;
}
