/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who did what when, in words: a ring of lines, kept only when a run is traced, printed when it has failed.
 */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>

enum {
        LINES_MAX = 400,
        LINE_SIZE = 320,
};

struct Trace {
        size_t first, n;
        char lines[LINES_MAX][LINE_SIZE];
};

void trace_init(World *w) {
        w->trace = calloc(1, sizeof(struct Trace));
        if (!w->trace)
                abort();
}

void trace_done(World *w) {
        free(w->trace);
        w->trace = NULL;
}

void trace_line(World *w, const Machine *m, const char *format, ...) {
        struct Trace *t = w->trace;
        char *line = t->lines[(t->first + t->n) % LINES_MAX];
        int n = snprintf(line, LINE_SIZE, "%12.6f %-3s", (double) w->now / USEC_PER_SEC, m ? m->hostname : "");
        va_list ap;

        if (n > 0 && m && m->powered)
                n += snprintf(line + n, LINE_SIZE - (size_t) n, "[%10.6f] ",
                                (double) machine_boottime(w, m) / USEC_PER_SEC);
        else if (n > 0)
                n += snprintf(line + n, LINE_SIZE - (size_t) n, "%13s", "");
        va_start(ap, format);
        if (n > 0)
                (void) vsnprintf(line + n, LINE_SIZE - (size_t) n, format, ap);
        va_end(ap);
        if (w->options.trace_live)
                (void) fprintf(stderr, "%s\n", line);
        if (t->n < LINES_MAX)
                t->n++;
        else
                t->first = (t->first + 1) % LINES_MAX;
}

void world_print_trace(const World *w) {
        const struct Trace *t = w->trace;

        for (size_t i = 0; t && i < t->n; i++)
                (void) fprintf(stderr, "%s\n", t->lines[(t->first + i) % LINES_MAX]);
}

static const char *const kind_names[] = { "meta", "machine", "beat", "fence", "lease", "offer", "request", "pause" };
static const char *const outcome_names[] = { "committed", "refused", "UNKNOWN" };

/* "lease unit0.service@12", sessions cut to their first digits. */
static void print_record(char *buf, size_t size, size_t *n, const char *sign, RecordKind kind, const char *name,
                uint64_t revision, const LeaseRecord *l) {
        static const char *const states[] = { "free", "held", "done" };
        int r;

        if (*n >= size)
                return;
        r = snprintf(buf + *n, size - *n, " %s%s %.12s", sign, kind_names[kind], name);
        if (r > 0)
                *n += (size_t) r;
        if (revision != UINT64_MAX && *n < size &&
                        (r = snprintf(buf + *n, size - *n, "@%llu", (unsigned long long) revision)) > 0)
                *n += (size_t) r;
        if (l && *n < size &&
                        (r = snprintf(buf + *n, size - *n, "(%s %.4s %.6s i%llu%s)", states[l->state], l->machine_id,
                                         l->session, (unsigned long long) l->index, l->n_debts ? " DEBT" : "")) > 0)
                *n += (size_t) r;
}

static void trace_answer(World *w, const Machine *m, const char *what, const Event *e) {
        char buf[LINE_SIZE] = "";
        size_t n = 0;

        for (size_t i = 0; i < e->answer.n_records; i++) {
                const Record *r = e->answer.records + i;

                print_record(buf, sizeof(buf), &n, "", r->kind, r->name, r->mod_revision,
                                r->kind == RECORD_LEASE && r->value ? r->lease : NULL);
        }
        if (e->kind == EVENT_RECORDS)
                trace_line(w, m, "<- watch%s rev %llu:%s", e->answer.complete ? " list" : "",
                                (unsigned long long) e->answer.revision, buf);
        else
                trace_line(w, m, "<- %s #%llu %s rev %llu:%s", what, (unsigned long long) e->id,
                                outcome_names[e->answer.outcome], (unsigned long long) e->answer.revision, buf);
}

void trace_step(World *w, const Machine *m, const Event *e) {
        static const char *const names[] = {
                [EVENT_DEADLINE] = "deadline",
                [EVENT_RECORDS] = "records",
                [EVENT_TXN] = "txn",
                [EVENT_READ] = "read",
                [EVENT_CONFIGURE] = "configure",
                [EVENT_FORGET] = "forget",
                [EVENT_UNIT] = "unit",
                [EVENT_GUARD] = "guard",
                [EVENT_GUARD_UP] = "guard up",
                [EVENT_GUARD_SYNCED] = "guard synced",
                [EVENT_GUARD_DOWN] = "guard down",
                [EVENT_GUARD_GONE] = "guard gone",
                [EVENT_FAILED] = "failed",
                [EVENT_RELEASE] = "RELEASE",
                [EVENT_TRANSFER] = "TRANSFER",
                [EVENT_STEAL] = "STEAL",
                [EVENT_REARM] = "REARM",
                [EVENT_RUN] = "RUN",
                [EVENT_STOP] = "STOP",
                [EVENT_START] = "START",
                [EVENT_RESTART] = "RESTART",
                [EVENT_REQUEST] = "REQUEST",
                [EVENT_WITHDRAW] = "WITHDRAW",
                [EVENT_DRAIN] = "DRAIN",
                [EVENT_CONFIRM] = "CONFIRM",
                [EVENT_FENCED] = "FENCED",
                [EVENT_ACCEPT] = "ACCEPT",
                [EVENT_SLEEP] = "SLEEP",
                [EVENT_SHUTDOWN] = "SHUTDOWN",
                [EVENT_TTL] = "TTL",
                [EVENT_CALL] = "CALL",
        };
        static const char *const states[] = { "inactive", "failed", "activating", "active", "deactivating",
                "reloading" };
        static const char *const ends[] = { "", ", ended by unknown", ", ended by hand", ", ended by need",
                ", ended by conflict" };

        switch (e->kind) {
        case EVENT_DEADLINE:
                break;
        case EVENT_RECORDS:
        case EVENT_TXN:
        case EVENT_READ:
                trace_answer(w, m, names[e->kind], e);
                break;
        case EVENT_UNIT:
                if (e->report.known)
                        trace_line(w, m, "<- %s %s%s%s%s%s%s, asked at %.6f", e->unit, states[e->report.active],
                                        e->report.job ? ", job" : "", e->report.empty ? ", empty" : "",
                                        e->report.failed ? ", failed" : "", ends[e->report.ended_by],
                                        e->report.gate_loaded ? "" : ", NO GATE",
                                        (double) e->report.asked_at / USEC_PER_SEC);
                else
                        trace_line(w, m, "<- %s unknown", e->unit);
                break;
        case EVENT_GUARD:
                trace_line(w, m, "<- guard: %s Index %llu%s%s%s%s", e->unit, (unsigned long long) e->guard.index,
                                e->guard.open ? ", open" : "", e->guard.expired ? ", expired" : "",
                                e->lease ? ", a file names " : "", strempty(e->lease));
                break;
        default:
                trace_line(w, m, "<- %s %s%s %llu",
                                (size_t) e->kind < ELEMENTSOF(names) ? strempty(names[e->kind]) : "?",
                                strempty(e->unit), e->on ? " on" : "", (unsigned long long) e->index);
        }
}

static void trace_request(World *w, const Machine *m, const Action *a) {
        char buf[LINE_SIZE] = "";
        size_t n = 0;

        if (a->kind == ACTION_READ) {
                for (size_t i = 0; i < a->n_keys; i++)
                        print_record(buf, sizeof(buf), &n, "", a->keys[i].kind, a->keys[i].name, UINT64_MAX, NULL);
                trace_line(w, m, "-> read #%llu%s%s (kinds %x, not put after %llu)", (unsigned long long) a->id,
                                a->n_keys ? "" : " list", buf, a->list_kinds, (unsigned long long) a->since);
                return;
        }
        for (size_t i = 0; i < a->txn.n_compares; i++)
                print_record(buf, sizeof(buf), &n, "if ", a->txn.compares[i].kind, a->txn.compares[i].name,
                                a->txn.compares[i].mod_revision, NULL);
        for (size_t i = 0; i < a->txn.n_puts; i++) {
                const Record *r = a->txn.puts + i;

                print_record(buf, sizeof(buf), &n, "put ", r->kind, r->name, UINT64_MAX,
                                r->kind == RECORD_LEASE ? r->lease : NULL);
        }
        for (size_t i = 0; i < a->txn.n_deletes; i++)
                print_record(buf, sizeof(buf), &n, "delete ", a->txn.deletes[i].kind, a->txn.deletes[i].name,
                                UINT64_MAX, NULL);
        trace_line(w, m, "-> txn #%llu:%s", (unsigned long long) a->id, buf);
}

static void trace_report(World *w, const Machine *m, const Report *r) {
        static const char *const reports[] = {
                [REPORT_SESSION_NEW] = "session new",
                [REPORT_SESSION_ADOPTED] = "session adopted",
                [REPORT_SESSION_ENDED] = "session ended",
                [REPORT_SESSION_OVER] = "session over",
                [REPORT_FENCING] = "fencing",
                [REPORT_FENCED] = "fenced",
                [REPORT_FENCE_FAILED] = "fence failed",
                [REPORT_SESSION_CLONED] = "session cloned",
                [REPORT_MACHINE_TWICE] = "machine twice",
                [REPORT_REGISTRY_SILENT] = "registry silent",
                [REPORT_REGISTRY_BACK] = "registry back",
                [REPORT_REGISTRY_FOREIGN] = "registry foreign",
                [REPORT_REGISTRY_FELL_BACK] = "registry fell back",
                [REPORT_REGISTRY_ACCEPTED] = "registry accepted",
                [REPORT_ACQUIRED] = "acquired",
                [REPORT_ADOPTED] = "adopted",
                [REPORT_LOST] = "lost",
                [REPORT_EXPIRED] = "expired",
                [REPORT_RESUMED] = "resumed",
                [REPORT_RELEASED] = "released",
                [REPORT_TRANSFERRED] = "transferred",
                [REPORT_ROBBED] = "robbed",
                [REPORT_STRAY] = "stray",
                [REPORT_GATE_MISSING] = "gate missing",
                [REPORT_STOPPED_BY_HAND] = "stopped by hand",
                [REPORT_STOPPED_WITH] = "stopped with what it needs",
                [REPORT_STOPPED_FOR] = "stopped for what it conflicts with",
                [REPORT_STARTED_AGAIN] = "started again",
                [REPORT_UNIT_FAILED] = "unit failed",
                [REPORT_DONE] = "done",
                [REPORT_SUCCEEDED] = "succeeded",
                [REPORT_DAMAGED] = "damaged",
                [REPORT_RESTORED] = "restored",
                [REPORT_STARTED] = "started",
                [REPORT_STOPPED] = "stopped",
                [REPORT_STANDS_BACK] = "stands back",
                [REPORT_RETAKEN] = "retaken",
                [REPORT_ASKED] = "asked from elsewhere",
                [REPORT_PAUSED] = "paused",
                [REPORT_PAUSE_ENDS] = "pause ends",
                [REPORT_PAUSE_OVER] = "pause is over",
        };

        trace_line(w, m, "-> REPORT %s %s %s %llu %s",
                        (size_t) r->kind < ELEMENTSOF(reports) ? strempty(reports[r->kind]) : "?", strempty(r->unit),
                        r->lease && !r->unit ? r->lease : "", (unsigned long long) r->index,
                        r->machine_id ?: r->hostname ?: r->registry ?: r->other ?: why_word(r->why));
}

void trace_action(World *w, const Machine *m, const Action *a) {
        static const char *const names[] = {
                [ACTION_LISTEN] = "listen",
                [ACTION_SESSION] = "session",
                [ACTION_GUARD_ARM] = "arm",
                [ACTION_GUARD_BEAT] = "beat guard",
                [ACTION_GUARD_KEEP] = "keep or not",
                [ACTION_GUARD_LOSE] = "lose",
                [ACTION_GUARD_DISARM] = "disarm",
                [ACTION_GATE_OPEN] = "open gate",
                [ACTION_GATE_CLOSE] = "close gate",
                [ACTION_UNIT_START] = "start",
                [ACTION_UNIT_STOP] = "stop",
                [ACTION_UNIT_CLEAN] = "clean",
                [ACTION_FORGOTTEN] = "forgotten",
                [ACTION_FENCE] = "fence",
                [ACTION_CALL_DONE] = "call done",
                [ACTION_SLEEP_READY] = "may sleep",
                [ACTION_EXIT] = "exit",
        };

        if (a->kind == ACTION_TXN || a->kind == ACTION_READ)
                trace_request(w, m, a);
        else if (a->kind == ACTION_REPORT)
                trace_report(w, m, &a->report);
        else if (a->kind == ACTION_GUARD_ARM || a->kind == ACTION_GUARD_BEAT || a->kind == ACTION_GUARD_LOSE)
                trace_line(w, m, "-> %s %s Index %llu t0 %.6f stop %.3f kill %.3f", names[a->kind], strempty(a->unit),
                                (unsigned long long) a->index, (double) a->t0 / USEC_PER_SEC,
                                (double) a->stop / USEC_PER_SEC, (double) a->kill / USEC_PER_SEC);
        else if ((size_t) a->kind < ELEMENTSOF(names) && names[a->kind])
                trace_line(w, m, "-> %s %s%s %llu", names[a->kind], strempty(a->unit), strempty(a->session),
                                (unsigned long long) a->index);
}
