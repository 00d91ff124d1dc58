/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/event-lines.h"

#include <inttypes.h>
#include <stdio.h>

#include "registry/record-json.h"
#include "util/event-log.h"

void event_lines_event(const Event *e, usec_t at) {
        static const char *const outcomes[] = {
                [OUTCOME_COMMITTED] = "committed",
                [OUTCOME_REFUSED] = "refused",
                [OUTCOME_UNKNOWN] = "unknown",
        };
        const UnitReport *r = &e->report;

        if (!event_log_is_on())
                return;
        if (e->kind == EVENT_TXN || e->kind == EVENT_READ)
                event_log(at, "answer %" PRIu64 " %s %" PRIu64, e->id, outcomes[e->answer.outcome],
                                e->answer.revision);
        else if (e->kind == EVENT_UNIT && r->known && !r->job && r->empty &&
                        (r->active == ACTIVE_INACTIVE || r->active == ACTIVE_FAILED))
                event_log(at, "is-down %s %" PRIu64, e->unit, r->asked_at);
}

/* STATE,SESSION,INDEX,PERIOD and each debt as ,SESSION:INDEX. */
static void write_lease(FILE *f, const LeaseRecord *l) {
        static const char *const states[] = { [LEASE_FREE] = "free", [LEASE_HELD] = "held", [LEASE_DONE] = "done" };

        fprintf(f, "=%s,%s,%" PRIu64 ",%" PRIu64, states[l->state], l->session, l->index, l->period);
        for (size_t i = 0; i < l->n_debts; i++)
                fprintf(f, ",%s:%" PRIu64, l->debts[i].session, l->debts[i].index);
}

static void write_txn(FILE *f, const Txn *txn) {
        for (const Key *k = txn->compares; k < txn->compares + txn->n_compares; k++)
                fprintf(f, " if %s%s#%" PRIu64, record_prefix(k->kind), strempty(k->name), k->mod_revision);
        for (const Record *r = txn->puts; r < txn->puts + txn->n_puts; r++) {
                fprintf(f, " put %s%s", record_prefix(r->kind), strempty(r->name));
                if (r->kind == RECORD_LEASE)
                        write_lease(f, r->lease);
                else if (r->kind == RECORD_FENCE)
                        fprintf(f, "=%" PRIu64 "%s%s", r->fence->counter, r->fence->keeps ? ",keeps" : "",
                                        r->fence->over ? ",over" : "");
        }
        for (const Key *k = txn->deletes; k < txn->deletes + txn->n_deletes; k++)
                fprintf(f, " delete %s%s", record_prefix(k->kind), strempty(k->name));
}

/* Single records by their keys; kinds of which all records are asked for by their prefixes. */
static void write_read(FILE *f, const Action *a) {
        for (const Key *k = a->keys; k && k < a->keys + a->n_keys; k++)
                fprintf(f, " %s%s", record_prefix(k->kind), strempty(k->name));
        for (RecordKind k = 0; !a->keys && a->since == 0 && k < _RECORD_KIND_MAX; k++)
                if (a->list_kinds & 1u << k)
                        fprintf(f, " %s", record_prefix(k));
}

static void write_request(const Action *a) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return;
        if (a->kind == ACTION_TXN)
                write_txn(f, &a->txn);
        else
                write_read(f, a);
        if (fclose(f) == 0)
                event_log(0, "%s %" PRIu64 "%s", a->kind == ACTION_TXN ? "txn" : "read", a->id, text);
}

void event_lines_action(const Action *a) {
        static const char *const words[] = {
                [ACTION_GUARD_LOSE] = "lose",
                [ACTION_GUARD_DISARM] = "disarm",
                [ACTION_GATE_OPEN] = "open",
                [ACTION_GATE_CLOSE] = "close",
                [ACTION_UNIT_START] = "start",
                [ACTION_UNIT_STOP] = "stop",
        };

        if (!event_log_is_on())
                return;
        if (a->kind == ACTION_TXN || a->kind == ACTION_READ)
                write_request(a);
        else if (a->kind == ACTION_GUARD_BEAT)
                event_log(0, "beat %" PRIu64, a->t0);
        else if (a->kind == ACTION_GUARD_KEEP)
                event_log(0, "%s %" PRIu64, a->on ? "keep" : "count", a->t0);
        else if (a->kind == ACTION_GUARD_ARM)
                event_log(0, "arm %s %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, a->unit, a->lease ?: "-",
                                a->index, a->t0, a->stop, a->kill);
        else if (a->kind < ELEMENTSOF(words) && words[a->kind])
                event_log(0, "%s %s %s %" PRIu64, words[a->kind], a->unit, a->lease ?: "-", a->index);
}
