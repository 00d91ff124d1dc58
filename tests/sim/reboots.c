/* SPDX-License-Identifier: Apache-2.0 */

/*
 * In every fourth run each second unit has OnShutdown=keep, and three in four shutdowns are reboots. This hangs on the
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

/* Where units mind where they run, the machine that reboots may be no place for them any more. */
static bool some_are_choosy(const World *w) {
        for (size_t i = 0; i < w->n_leases; i++)
                if (w->placements[i].require[0] || w->placements[i].conflicts[0] || w->placements[i].machine_of[0])
                        return true;
        return false;
}

void reboots_init(World *w) {
        for (size_t i = 0; i < w->n_leases && is_on(w) && !some_are_choosy(w); i++)
                if ((w->options.seed / 4 + i) % 2 == 1)
                        w->unit_configs[i].reboot_wait = (5 + w->options.seed % 7 * 8) * USEC_PER_SEC;
}

bool reboots_is_one(const World *w, const Machine *m) {
        if (!w->options.faults)
                return w->unit_configs[0].reboot_wait > 0;
        return is_on(w) && (w->now / 1000 + m->number) % 4 > 0;
}

void reboots_meddled(World *w, EventKind verb, size_t unit) {
        if (verb == EVENT_DRAIN || verb == EVENT_METADATA || verb == EVENT_ACCEPT)
                w->meddled_at = w->now;
        else if (verb == EVENT_STEAL || verb == EVENT_CONFIGURE || verb == EVENT_FORGET)
                w->leases[unit].meddled_at = w->now;
}

static bool is_meddled_with(const World *w, size_t unit, usec_t at) {
        return MAX(w->meddled_at, w->leases[unit].meddled_at) > usec_sub(at, USEC_PER_MINUTE);
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

/* The machine's record was deleted since, as by "leasectl forget": it is not waited for. */
static bool is_forgotten(World *w, const char *machine_id, const MapKey *lease) {
        const MapKey *k = w->map.keys + map_key(w, RECORD_MACHINE, machine_id);

        return !k->value || k->created > lease->mod_revision;
}

/* Whether the machine must wait with the lease, and how long it has waited, fast as its clock may be. */
static bool must_wait(World *w, const MapKey *k, usec_t waited) {
        const LeaseRecord *l = &k->value->lease;
        const Machine *m = machine_of(w, l->machine_id);
        int unit = lease_find(w, k->name);

        return m && unit >= 0 && m->enabled[unit] && !is_forgotten(w, l->machine_id, k) &&
               !is_meddled_with(w, (size_t) unit, w->now - waited) && waited * 102 / 100 < l->kept_for;
}

static void check_put(World *w, const Machine *m, const MapKey *k, const LeaseRecord *next) {
        usec_t at = map_written_at(w, k);

        if (at == 0 || !lease_is_kept(&k->value->lease) || next->state != LEASE_HELD)
                return;
        if (streq(next->machine_id, k->value->lease.machine_id))
                mishap(w, MISHAP_KEPT_FOR_REBOOT);
        else if (must_wait(w, k, w->now - at))
                world_fail(w, "K1: %s takes %s %.3f s after it was let go for a reboot, and it is kept for %.3f s",
                                m->hostname, k->name, (double) (w->now - at) / USEC_PER_SEC,
                                (double) k->value->lease.kept_for / USEC_PER_SEC);
}

void reboots_check(World *w, const Machine *m, const Txn *t) {
        for (size_t i = 0; i < t->n_puts; i++) {
                const MapKey *k = t->puts[i].kind == RECORD_LEASE ? compared(w, t, t->puts[i].name) : NULL;

                if (k)
                        check_put(w, m, k, t->puts[i].lease);
        }
}
