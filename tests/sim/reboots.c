/* SPDX-License-Identifier: Apache-2.0 */

/*
 * In every fourth run each third unit has OnShutdown=keep, and every second shutdown is a reboot. This hangs on the
 * seed and the time, and draws nothing.
 *
 *   K1  a lease that was let go for a reboot is taken by no other machine before RebootSec= is over; unless an
 * operator has said something meanwhile that may end the wait
 */
#include "sim.h"

static bool is_on(const World *w) {
        return w->options.faults && !w->options.runs && w->options.slots == 0 && w->options.bias == BIAS_NONE &&
               w->options.seed % 4 == 0;
}

void reboots_init(World *w) {
        for (size_t i = 0; i < w->n_leases && is_on(w); i++)
                if ((w->options.seed / 4 + i) % 3 == 0)
                        w->unit_configs[i].reboot_wait = (5 + w->options.seed % 7 * 8) * USEC_PER_SEC;
}

bool reboots_is_one(const World *w, const Machine *m) {
        return is_on(w) && (w->now / 1000 + m->number) % 2 == 0;
}

void reboots_meddled(World *w) {
        w->meddled_at = w->now;
}

static const Machine *machine_of(const World *w, const char *id) {
        for (size_t i = 0; i < w->n_machines; i++)
                if (streq(w->machines[i].id, id))
                        return w->machines + i;
        return NULL;
}

/* The record whose revision is compared, if that is the present one: otherwise the Txn is refused. */
static const MapKey *compared(World *w, const Txn *t, const char *lease) {
        const MapKey *k = w->map.keys + map_key(w, RECORD_LEASE, lease);

        for (size_t i = 0; i < t->n_compares; i++)
                if (t->compares[i].kind == RECORD_LEASE && streq(t->compares[i].name, lease))
                        return k->value && !k->value->damaged && t->compares[i].mod_revision == k->mod_revision ? k
                                                                                                                : NULL;
        return NULL;
}

void reboots_check(World *w, const Machine *m, const Txn *t) {
        for (size_t i = 0; i < t->n_puts; i++) {
                const MapKey *k = t->puts[i].kind == RECORD_LEASE ? compared(w, t, t->puts[i].name) : NULL;
                usec_t at = k ? map_written_at(w, k) : 0;
                const Machine *kept_for;

                if (!k || at == 0 || !lease_is_kept(&k->value->lease) || t->puts[i].lease->state != LEASE_HELD)
                        continue;
                kept_for = machine_of(w, k->value->lease.machine_id);
                if (streq(t->puts[i].lease->machine_id, k->value->lease.machine_id)) {
                        mishap(w, MISHAP_KEPT_FOR_REBOOT);
                        continue;
                }
                if (kept_for && w->meddled_at < usec_sub(at, 2 * USEC_PER_MINUTE) &&
                                kept_for->enabled[lease_find(w, k->name)] &&
                                (w->now - at) * 102 / 100 < k->value->lease.kept_for)
                        world_fail(w, "K1: %s takes %s %.3f s after %s let it go to reboot, and it is kept for %.3f s",
                                        m->hostname, k->name, (double) (w->now - at) / USEC_PER_SEC,
                                        kept_for->hostname, (double) k->value->lease.kept_for / USEC_PER_SEC);
        }
}
