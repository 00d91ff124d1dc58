/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Each copy is the unit of one machine, by one of the unit's leases. Which of them it is, each machine works out by
 * itself (slots.c). An offer names NAME#1 and K, whichever lease the machine holds, so that it need not be written
 * anew when the lease changes: what a machine holds is found in the leases' records.
 */

#include "core/copies.h"

#include "core/lease.h"
#include "core/machine.h"
#include "core/mirror.h"
#include "core/session.h"

bool copies_has(const Unit *u) {
        return u->config.slots > 1 && !u->config.once;
}

/* The first of the slots 1 to n of this lease's NAME that the machine holds. */
static Lease *find_held(const Core *c, const char *lease, unsigned n, const char *machine_id) {
        char name[NAME_SIZE];

        for (unsigned i = 1; i <= n; i++) {
                Lease *l;

                lease_name_slot(lease, i, name);
                l = mirror_find_lease(c, name);
                if (lease_is_at(l, machine_id))
                        return l;
        }
        return NULL;
}

static bool is_of_copies(const Offer *o) {
        return o->terms->value.copies > 1 && o->terms->value.copies <= SLOTS_MAX &&
               lease_slot(mirror_offer_lease(o)) > 0 && lease_has_room_for_slots(mirror_offer_lease(o));
}

Lease *copies_lease(const Core *c, const Offer *o) {
        Lease *l = is_of_copies(o) ? find_held(c, mirror_offer_lease(o), o->terms->value.copies, o->name) : NULL;

        return l ?: mirror_find_lease(c, mirror_offer_lease(o));
}

const char *copies_lease_name(const Core *c, const Offer *o) {
        const Lease *l = copies_lease(c, o);

        return l ? l->name : mirror_offer_lease(o);
}

/* What a session of the machine holds that is over, is to be had, and no copy that the machine has. */
const Lease *copies_at(const Core *c, const Unit *u, const char *machine_id) {
        const Lease *l = copies_has(u) ? find_held(c, u->config.lease, u->config.slots, machine_id) : NULL;

        return l && l->holder && c->now.boottime < session_dead_at(l->holder) ? l : NULL;
}

const Machine *copies_leave_last(Core *c, const Unit *u) {
        if (!copies_has(u) || lease_slot(u->lease->name) != u->config.slots)
                return NULL;
        for (Machine *m = c->machines; m; m = m->hh.next) {
                const Offer *o = mirror_find_offer(c, m->id, u->name);

                if (o && o->seen.revision > 0 && !o->damaged && !machine_is_own(c, m) && machine_session(c, m) &&
                                !lease_slots_are_alike(mirror_offer_lease(o), u->lease->name))
                        return m;
        }
        return NULL;
}

bool copies_may_use(const Offer *o, const char *lease) {
        return streq(mirror_offer_lease(o), lease) ||
               (is_of_copies(o) && lease_slots_are_alike(mirror_offer_lease(o), lease) &&
                               lease_slot(lease) <= o->terms->value.copies);
}
