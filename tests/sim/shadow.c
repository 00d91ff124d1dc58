/* SPDX-License-Identifier: Apache-2.0 */

#include "sim.h"

static bool same_text(const char *a, const char *b) {
        return (!a && !b) || (a && b && streq(a, b));
}

static bool same_keys(const Key *a, size_t n_a, const Key *b, size_t n_b) {
        if (n_a != n_b)
                return false;
        for (size_t i = 0; i < n_a; i++)
                if (a[i].kind != b[i].kind || a[i].mod_revision != b[i].mod_revision ||
                                !same_text(a[i].name, b[i].name))
                        return false;
        return true;
}

static bool same_fence(const FenceRecord *a, const FenceRecord *b) {
        if (a->counter != b->counter || a->keeps != b->keeps || a->n_names != b->n_names)
                return false;
        for (size_t i = 0; i < a->n_names; i++)
                if (!streq(a->names[i], b->names[i]))
                        return false;
        return true;
}

static bool same_value(const Record *a, const Record *b) {
        static const size_t sizes[_RECORD_KIND_MAX] = {
                [RECORD_META] = sizeof(MetaRecord),
                [RECORD_MACHINE] = sizeof(MachineRecord),
                [RECORD_BEAT] = sizeof(BeatRecord),
                [RECORD_LEASE] = sizeof(LeaseRecord),
                [RECORD_OFFER] = sizeof(OfferRecord),
                [RECORD_REQUEST] = sizeof(RequestRecord),
                [RECORD_PAUSE] = sizeof(PauseRecord),
        };

        if (!a->value || !b->value)
                return a->value == b->value;
        return a->kind == RECORD_FENCE ? same_fence(a->fence, b->fence)
                                       : memcmp(a->value, b->value, sizes[a->kind]) == 0;
}

static bool same_txn(const Txn *a, const Txn *b) {
        if (!same_keys(a->compares, a->n_compares, b->compares, b->n_compares) ||
                        !same_keys(a->deletes, a->n_deletes, b->deletes, b->n_deletes) || a->n_puts != b->n_puts)
                return false;
        for (size_t i = 0; i < a->n_puts; i++)
                if (a->puts[i].kind != b->puts[i].kind || !same_text(a->puts[i].name, b->puts[i].name) ||
                                !same_value(a->puts + i, b->puts + i))
                        return false;
        return true;
}

static bool same_report(const Report *a, const Report *b) {
        return a->kind == b->kind && same_text(a->unit, b->unit) && same_text(a->lease, b->lease) &&
               same_text(a->session, b->session) && same_text(a->machine_id, b->machine_id) &&
               same_text(a->registry, b->registry) && same_text(a->other, b->other) && a->index == b->index &&
               a->span == b->span && a->why == b->why;
}

static bool same_action(const Action *a, const Action *b) {
        return a->kind == b->kind && a->id == b->id && a->timeout == b->timeout && same_text(a->unit, b->unit) &&
               same_text(a->lease, b->lease) && same_text(a->session, b->session) && a->index == b->index &&
               a->version == b->version && a->t0 == b->t0 && a->stop == b->stop && a->kill == b->kill &&
               a->span == b->span && a->on == b->on && a->last_trigger == b->last_trigger && a->result == b->result &&
               a->word == b->word && a->reason.why == b->reason.why && a->list_kinds == b->list_kinds &&
               same_report(&a->report, &b->report) && same_keys(a->keys, a->n_keys, b->keys, b->n_keys) &&
               same_txn(&a->txn, &b->txn);
}

void shadow_begin(World *w, Machine *m, const CoreConfig *config) {
        CoreConfig copy = *config;

        shadow_end(m);
        if (w->options.promises_only || w->options.lone || w->slice > 0)
                return;
        copy.looks_at_all = true;
        m->shadow = core_new(&copy);
        if (!m->shadow)
                abort();
}

void shadow_step(World *w, Machine *m, Now now, const Event *event) {
        size_t n, i = 0;
        const Action *actions;
        usec_t due, due_of_all;

        if (!m->shadow)
                return;
        actions = core_step(m->shadow, now, event, &n);
        due = core_next_deadline(m->core);
        due_of_all = core_next_deadline(m->shadow);
        while (i < n && i < m->n_actions && same_action(m->actions + i, actions + i))
                i++;
        if (i < n || i < m->n_actions) {
                const Action *a = i < n ? actions + i : NULL, *b = i < m->n_actions ? m->actions + i : NULL;

                world_fail(w,
                                "%s has overlooked something (event %d): action %zu of %zu is %d for %s, and of %zu "
                                "%d for %s where it looks at all",
                                m->hostname, (int) event->kind, i, m->n_actions, b ? (int) b->kind : -1,
                                b && b->unit ? b->unit : "-", n, a ? (int) a->kind : -1, a && a->unit ? a->unit : "-");
        } else if (due != due_of_all)
                world_fail(w, "%s has overlooked a deadline (event %d): %.6f instead of %.6f", m->hostname,
                                (int) event->kind, (double) due / USEC_PER_SEC, (double) due_of_all / USEC_PER_SEC);
}

void shadow_end(Machine *m) {
        m->shadow = core_free(m->shadow);
}
