/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/weigh.h"

static bool stand_apart(const UnitOptions *unit, const WeighedLease *l) {
        return placement_matches(unit->placement.conflicts, l->unit) ||
               (l->options && (placement_matches(l->options->placement.conflicts, unit->unit) ||
                                              placement_matches(l->options->placement.replaces, unit->unit)));
}

static const WeighedLease *find_lease(const WeighedLease *leases, size_t n, const char *unit) {
        for (size_t i = 0; i < n; i++)
                if (streq(leases[i].unit, unit))
                        return leases + i;
        return NULL;
}

/* The first unit of the list that the machine does not hold. It points into the list; the rest of that follows. */
static const char *missing_peer(const char *list, const WeighedLease *leases, size_t n_leases, const char *machine_id,
                char name[static NAME_SIZE]) {
        size_t n;

        for (const char *w = placement_next_word(list, &n); w; w = placement_next_word(w + n, &n)) {
                const WeighedLease *l;

                str_copy(name, MIN(n + 1, (size_t) NAME_SIZE), w);
                l = find_lease(leases, n_leases, name);
                if (!l || !streq(l->machine_id, machine_id))
                        return name;
        }
        return NULL;
}

static void weigh_one(const UnitOptions *unit, const WeighedLease *leases, size_t n, WeighedMachine *m) {
        const WeighedLease *own = find_lease(leases, n, unit->unit);
        char peer[NAME_SIZE];
        Reason why;

        m->holds = !unit->global && own && streq(own->machine_id, m->look.id);
        if (m->holds && m->look.held > 0)
                m->look.held--; /* it would be free */
        m->look.enabled = true; /* as if it were */
        for (size_t i = 0; i < n && !unit->global && !m->look.conflict; i++)
                if (streq(leases[i].machine_id, m->look.id) && !streq(leases[i].unit, unit->unit) &&
                                stand_apart(unit, leases + i))
                        m->look.conflict = leases[i].unit;
        m->look.missing_peer = missing_peer(unit->placement.machine_of, leases, n, m->look.id, peer);
        why = m->up ? placement_why_not(&unit->placement, &m->look) : reason(WHY_SILENT);
        m->why = why.why != WHY_NONE ? why_text(why, m->buffer) : NULL;
        m->look.missing_peer = NULL;
}

/* Whether a stands before b. Of two that would not take it neither does: they stay as they are. */
static bool stands_before(const UnitOptions *unit, const WeighedMachine *a, const WeighedMachine *b) {
        if (a->why || b->why)
                return !a->why && b->why;
        return placement_before(&unit->placement, unit->unit, &a->look, &b->look);
}

size_t weigh(const UnitOptions *unit, const WeighedLease *leases, size_t n_leases, WeighedMachine *machines, size_t n,
                WeighedMachine **order) {
        size_t fit = 0;

        for (size_t i = 0; i < n; i++) {
                size_t at = i;

                weigh_one(unit, leases, n_leases, machines + i);
                for (; at > 0 && stands_before(unit, machines + i, order[at - 1]); at--)
                        order[at] = order[at - 1];
                order[at] = machines + i;
        }
        while (fit < n && !order[fit]->why) {
                order[fit]->rank = unit->global ? 0 : (unsigned) fit;
                fit++;
        }
        return fit;
}
