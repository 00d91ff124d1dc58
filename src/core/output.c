/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Actions and the memory they live in: an arena that is emptied when the next step begins. Memory that cannot be had
 * aborts the process (core.h says why).
 */

#include "core/output.h"

enum {
        CHUNK_SIZE = 64 * 1024,
        ROOM_KEPT = 128, /* actions: few steps have more, and these have thousands */
};

void *output_alloc(Core *c, size_t size) {
        Chunk *k = c->out.arena;

        size = (size + 15) & ~(size_t) 15;
        if (!k || k->size - k->used < size) {
                size_t room = MAX(size, (size_t) CHUNK_SIZE);

                k = malloc(sizeof(Chunk) + room);
                if (!k)
                        abort();
                *k = (Chunk){ .next = c->out.arena, .size = room };
                c->out.arena = k;
        }
        k->used += size;
        return k->data + k->used - size;
}

void *output_copy(Core *c, const void *p, size_t size) {
        return memcpy(output_alloc(c, size), p, size);
}

FenceRecord *output_fence(Core *c, const FenceRecord *f) {
        FenceRecord *copy = output_alloc(c, sizeof(FenceRecord));

        fence_copy(copy, f);
        return copy;
}

const char *output_string(Core *c, const char *s) {
        return s ? output_copy(c, s, strlen(s) + 1) : NULL;
}

const char *output_number(Core *c, uint64_t n) {
        char digits[21], *at = digits + sizeof(digits) - 1;

        *at = '\0';
        do
                *--at = (char) ('0' + n % 10);
        while ((n /= 10) > 0);
        return output_string(c, at);
}

Reason output_reason(Core *c, Reason r) {
        if (r.what)
                r.what = output_copy(c, r.what, r.length);
        return r;
}

void output_reset(Core *c) {
        while (c->out.arena && c->out.arena->next) {
                Chunk *k = c->out.arena;

                c->out.arena = k->next;
                free(k);
        }
        if (c->out.arena)
                c->out.arena->used = 0;
        if (c->out.room > ROOM_KEPT) {
                free(c->out.actions);
                c->out.actions = NULL;
                c->out.room = 0;
        }
        c->out.n = 0;
        c->told.plan = NULL;
}

Action *output(Core *c, ActionKind kind) {
        if (c->out.n == c->out.room) {
                c->out.room = MAX((size_t) 32, c->out.room * 2);
                c->out.actions = realloc(c->out.actions, c->out.room * sizeof(Action));
                if (!c->out.actions)
                        abort();
        }
        Action *a = c->out.actions + c->out.n++;
        *a = (Action){ .kind = kind };
        return a;
}

void output_report(Core *c, Report report) {
        report.unit = output_string(c, report.unit);
        report.lease = output_string(c, report.lease);
        report.session = output_string(c, report.session);
        report.machine_id = output_string(c, report.machine_id);
        report.hostname = output_string(c, report.hostname);
        report.registry = output_string(c, report.registry);
        report.other = output_string(c, report.other);
        report.by = output_string(c, report.by);
        output(c, ACTION_REPORT)->report = report;
}

Report output_report_of(const Unit *u, ReportKind kind) {
        return (Report){ .kind = kind, .unit = u->name, .lease = u->lease->name, .index = u->life.index };
}

void output_changed(Core *c, const Unit *u, const Lease *l) {
        Action *a = output(c, ACTION_CHANGED);

        if (u && u->offer) /* it is shown as the unit is here, even if that is over before the offer is written */
                u->offer->change = ++c->heard.changes;
        a->unit = u ? output_string(c, u->name) : NULL;
        a->lease = l ? l->name : NULL;
}

void output_offer_changed(Core *c, const Offer *o) {
        /* Before all records have been listed once, an offer is no news: whoever asks gets the whole list. */
        if ((c->heard.listed & RECORD_ALL) == RECORD_ALL)
                output(c, ACTION_OFFER_CHANGED)->unit = o->name;
}

void output_remember(Core *c, const Lease *l) {
        Action *a = output(c, ACTION_REMEMBER);

        a->lease = l->name;
        a->index = l->remembered;
}

enum { TXN_ROOM = 128 };
