/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Units that are frozen (law 15): the kernel's part, which takes its time, and the guard's, which looks. What is
 * frozen executes nothing, and can be killed.
 */
#include "sim.h"

/* Whether the guard can have the kernel watch the unit's group. */
static bool is_watched(const Machine *m, size_t unit) {
        return (m->number + unit) % 2 == 0;
}

static void unit_freeze(World *w, Machine *m, size_t unit) {
        ModelUnit *u = m->units + unit;
        usec_t span = random_span(w, 50, 3000);

        if (w->options.faults && random_chance(w, 50000)) /* it waits for a disk */
                span = random_span(w, 0, 5 * USEC_PER_SEC);
        if (u->freezing || u->frozen || unit_is_empty(u)) /* which has no group */
                return;
        u->freezing = true;
        world_post(w, (SimEvent){ .at = w->now + span,
                                      .kind = SIM_FROST,
                                      .machine = m->number,
                                      .unit = (uint16_t) unit,
                                      .generation = ++u->frost });
}

void frost_event(World *w, Machine *m, const SimEvent *e) {
        ModelUnit *u = m->units + e->unit;

        if (!u->freezing || u->frost != e->generation) {
                guard_told_of_frost(w, m, e->unit);
                return;
        }
        u->freezing = false;
        u->frozen = true;
        mishap(w, MISHAP_FROZEN);
        TRACE(w, m, "%s is frozen", w->unit_names[e->unit]);
        check_frozen(w, m, e->unit);
        guard_told_of_frost(w, m, e->unit);
}

void unit_thaw(World *w, Machine *m, size_t unit, bool by_pid1) {
        ModelUnit *u = m->units + unit;
        bool was = u->frozen;

        u->freezing = u->frozen = false;
        u->frost++;
        if (!was)
                return;
        TRACE(w, m, "%s is thawed%s", w->unit_names[unit], by_pid1 ? " by PID 1" : "");
        mishap(w, by_pid1 ? MISHAP_THAWED_BY_PID1 : MISHAP_THAWED);
        check_thawed(w, m, unit, by_pid1);
        if (is_watched(m, unit)) /* the kernel tells of it soon */
                world_post(w, (SimEvent){ .at = w->now + random_span(w, 0, 10 * USEC_PER_MSEC),
                                              .kind = SIM_FROST,
                                              .machine = m->number,
                                              .unit = (uint16_t) unit,
                                              .generation = u->frost });
}

/* ---- the guard ---- */

static unsigned look(World *w, Machine *m, size_t unit) {
        Frost frost = unit_is_empty(m->units + unit) ? FROST_FAILED
                      : !m->units[unit].frozen       ? FROST_PENDING
                      : is_watched(m, unit)          ? FROST_WATCHED
                                                     : FROST_FROZEN;

        return guard_entry_looked(m->guard.entries + unit, machine_boottime(w, m), frost);
}

unsigned frost_move(World *w, Machine *m, size_t unit, unsigned actions) {
        unsigned frost = actions & (ENTRY_THAW | ENTRY_FREEZE | ENTRY_LOOK);

        actions &= ~frost;
        if (frost & ENTRY_THAW && !m->guard.entries[unit].frozen)
                unit_thaw(w, m, unit, false);
        if (!m->guard.entries[unit].frozen)
                return actions;
        if (frost & ENTRY_FREEZE)
                unit_freeze(w, m, unit);
        return frost & (ENTRY_FREEZE | ENTRY_LOOK) ? actions | look(w, m, unit) : actions;
}
