/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which copy of a unit moves next to a higher Version=.
 *
 * Each machine that holds a copy sees the higher version, and decides for its own copy. All of them see the same
 * records, so they agree: a copy goes when all other copies run, and those with lower numbers have gone before. How
 * the unit is on another machine is known from that machine's offer, which tells of a change a round later at the
 * most. So all must have been well for two rounds.
 *
 * A copy that does not run for another reason (it was stopped by hand, has failed, or no machine has it), and one that
 * should go first and does not, hold up the others for a while only. Where several copies wait for the same, the one
 * with the lower number waits less. A copy that is just starting or stopping is waited for, however long this takes.
 */

#include "core/roll.h"

#include "core/copies.h"
#include "core/lease.h"
#include "core/mirror.h"
#include "core/session.h"

enum {
        ROUNDS_WELL = 2,
        TTLS_OF_PATIENCE = 6, /* for each copy that is in the way */
};

typedef enum Copy {
        COPY_WELL,
        COPY_BEHIND, /* it is in the way: it should go first, or does not run */
        COPY_ON_ITS_WAY,
} Copy;

int64_t roll_handed_on_for(const Core *c, const Unit *u, const LeaseRecord *lease) {
        for (const Machine *m = c->machines; m; m = m->hh.next) {
                const Offer *o = mirror_find_offer(c, m->id, u->name);

                if ((o ? o->terms->value.version : 0) >= lease->upgraded)
                        return lease->upgraded;
        }
        return INT64_MIN;
}

/* How another copy is. An older leased does not tell: then the copy counts as running. */
static Copy look_at_copy(const Core *c, const Unit *u, const Lease *l, bool first, int64_t version) {
        bool held = l && l->value->state == LEASE_HELD && l->holder && c->now.boottime < session_dead_at(l->holder);
        const Offer *o = held ? mirror_find_offer(c, l->value->machine_id, u->name) : NULL;
        const char *active = o ? o->terms->value.active : "inactive";

        if (streq(active, "activating") || streq(active, "deactivating"))
                return COPY_ON_ITS_WAY;
        if (!isempty(active) && !streq(active, "active") && !streq(active, "reloading"))
                return COPY_BEHIND;
        if (!first || !o || o->terms->value.version >= version || l->value->version >= version ||
                        roll_handed_on_for(c, u, l->value) >= version)
                return COPY_WELL;
        return COPY_BEHIND;
}

unsigned roll_count_behind(const Core *c, const Unit *u, int64_t version) {
        unsigned n = 0, own = lease_slot(u->lease->name);

        for (unsigned i = 1; i <= u->config.slots; i++) {
                char name[NAME_SIZE];
                Copy copy;

                if (i == own)
                        continue;
                lease_name_slot(u->config.lease, i, name);
                copy = look_at_copy(c, u, mirror_find_lease(c, name), i < own, version);
                if (copy == COPY_ON_ITS_WAY)
                        return UINT_MAX;
                n += copy == COPY_BEHIND;
        }
        return n;
}

bool roll_may_go(Core *c, const Unit *u, int64_t version, Turn *turn) {
        Turn now = { .index = u->lease->value->index };
        usec_t at, patience;

        if (!copies_has(u) || version == 0) {
                *turn = (Turn){};
                return true;
        }
        now.behind = roll_count_behind(c, u, version);
        if (turn->since == 0 || turn->behind != now.behind || turn->index != now.index) {
                now.since = c->now.boottime;
                *turn = now;
        }
        patience = MIN(now.behind, u->config.slots) * TTLS_OF_PATIENCE * c->own.ttl;
        at = usec_add(turn->since, now.behind == 0 ? ROUNDS_WELL * c->own.timeline.round : patience);
        if (now.behind != UINT_MAX && c->now.boottime >= at)
                return true;
        c->plan.due_at = MIN(c->plan.due_at, at > c->now.boottime ? at : usec_add(c->now.boottime, c->own.ttl));
        return false;
}
