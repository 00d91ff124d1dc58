/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A slot is a lease like any other, so at most one machine runs the unit by it, and by K slots at most K machines. A
 * unit changes its slot only while nothing of the unit is here, while this machine does not hold its slot, and while
 * no Txn is under way for it (law 7): so nothing runs by one slot while this machine gives back another one for it. If
 * a late Txn brings a slot that the unit has left, this machine gives the slot back unused (claim.c).
 *
 * After a restart a unit with copies runs by the slot that its environment file names, if this machine holds it at the
 * Index of the guard's entry. If the file says nothing, it is the slot that this machine holds at that Index. The slot
 * with which the unit begins may be held as well, at another Index, by a Txn that came late: nothing runs by that one,
 * and the unit leaves it. If there is not exactly one slot of that Index, the entry is a leftover, and the unit is
 * stopped.
 */

#include "core/slots.h"

#include "core/copies.h"
#include "core/lease.h"
#include "core/mirror.h"
#include "core/plan.h"
#include "core/said.h"
#include "core/unit.h"

bool slots_are_sought(const Unit *u) {
        if (copies_has(u))
                return !u->global && !u->config.global && u->life.phase == PHASE_IDLE;
        return u->config.slots > 1 && u->wish.run && !u->life.spent && !unit_is_in_hand(u);
}

static bool is_open(const Core *c, const Unit *u, const Lease *l) {
        return (!l->unit || l->unit == u) && plan_can_have(c, l, u->config.version) &&
               lease_slot(l->name) <= u->config.slots;
}

/* Whether the slot is kept for another machine, which reboots (OnShutdown=keep): this machine waits for that one, and
 * would leave another slot to nobody. */
static bool is_kept(const Core *c, const Lease *l) {
        return lease_is_kept(l->value) && !streq(l->value->machine_id, c->here.machine_id);
}

/* A slot that this machine holds, and that no unit here has: another machine has handed it on, or it is from before
 * our restart. Then it may be beyond Copies=, which may have been changed meanwhile. */
static const Lease *find_ours(const Core *c, const Unit *u) {
        uint64_t in_hand = u->said.guard.index;
        const Lease *found = NULL;
        char name[NAME_SIZE];

        for (unsigned i = 1; i <= (in_hand > 0 ? SLOTS_MAX : u->config.slots); i++) {
                const Lease *l;

                lease_name_slot(u->config.lease, i, name);
                l = mirror_find_lease(c, name);
                if (!l || !lease_is_ours(c, l) || l->unit || l->given_up || l->txn > 0 ||
                                (in_hand > 0 && l->value->index != in_hand) || said_runs_by_another(u, l))
                        continue;
                if (found)
                        return in_hand > 0 ? NULL : found;
                found = l;
        }
        return found;
}

/* The first slot that can be had and that no other unit here has, before those that are kept. If there is none, a unit
 * with copies goes to the first slot whose job is done, so that an operator can rearm it here. NULL: there is nothing
 * better. */
static const Lease *find_open(Core *c, const Unit *u) {
        const Lease *done = NULL, *kept = NULL;
        char name[NAME_SIZE];

        for (unsigned i = 1; i <= u->config.slots; i++) {
                const Lease *l;

                lease_name_slot(u->config.lease, i, name);
                l = mirror_lease(c, name);
                if (is_open(c, u, l) && !is_kept(c, l))
                        return l;
                if (!kept && is_open(c, u, l))
                        kept = l;
                if (!done && copies_has(u) && l->seen.known && l->value->state == LEASE_DONE && !lease_is_lost(l))
                        done = l;
        }
        return kept ?: done;
}

void slots_seek(Core *c, Unit *u) {
        const Lease *l = NULL;

        if (!slots_are_sought(u) || unit_is_in_slot(c, u) || u->lease->txn > 0)
                return;
        if (copies_has(u) && (c->guard.synced || c->guard.gone))
                l = find_ours(c, u);
        if (!l && !unit_is_in_hand(u) && (!is_open(c, u, u->lease) || is_kept(c, u->lease)))
                l = find_open(c, u);
        if (l && l != u->lease)
                unit_change_slot(c, u, l->name);
}
