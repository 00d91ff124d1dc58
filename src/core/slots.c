/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A slot is a lease like any other, so at most one command runs by it, and of K slots at most K commands. A command
 * changes its slot only while nothing of the command is here, while this machine does not hold its slot, and while no
 * Txn is under way for it (law 7): so no command runs by one slot while this machine gives back another one for it. If
 * a late Txn brings a slot that the command has left, this machine gives the slot back unused (claim.c).
 */

#include "core/slots.h"

#include "core/mirror.h"
#include "core/plan.h"
#include "core/unit.h"

bool slots_are_sought(const Unit *u) {
        return u->config.slots > 1 && u->wish.run && !u->life.spent && !unit_is_in_hand(u);
}

static bool is_open(const Core *c, const Unit *u, const Lease *l) {
        return (!l->unit || l->unit == u) && plan_can_have(c, l, u->config.version);
}

static void name_slot(const char *lease, unsigned i, char ret[static NAME_SIZE]) {
        size_t n = strcspn(lease, "#");

        must(n + 4 <= NAME_SIZE && i <= SLOTS_MAX);
        memcpy(ret, lease, n);
        ret[n++] = '#';
        if (i >= 10)
                ret[n++] = (char) ('0' + i / 10);
        ret[n++] = (char) ('0' + i % 10);
        ret[n] = '\0';
}

void slots_seek(Core *c, Unit *u) {
        char name[NAME_SIZE];

        if (!slots_are_sought(u) || unit_is_ours(c, u) || u->lease->txn > 0 || is_open(c, u, u->lease))
                return;
        for (unsigned i = 1; i <= u->config.slots; i++) {
                name_slot(u->config.lease, i, name);
                if (is_open(c, u, mirror_lease(c, name))) {
                        unit_change_slot(c, u, name);
                        return;
                }
        }
}
