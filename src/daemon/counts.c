/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/counts.h"

#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-bus.h>
#define MARGIN_SLICE (10 * USEC_PER_SEC)
enum { MARGIN_SLICES = 7 }; /* the last minute, and the slice that has just begun */

/* Upper bounds of the histogram of renewals (us). */
static const usec_t bounds[] = { 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000,
        5000000, 10000000 };

typedef struct Margin {
        usec_t slice; /* the number of the slice, counted from the boot; 0: not used yet */
        usec_t least; /* the least that was left of the TTL in this slice */
} Margin;

struct Counts {
        uint64_t moves[WHY_UNNEEDED + 1]; /* by Why: leases that went from here, or whose unit was stopped for
                                                 want of a beat */
        uint64_t alarms;
        usec_t registry_outage, unit_outage;
        usec_t silent_since; /* when the silence was reported (CLOCK_BOOTTIME); 0: the registry answers */
        uint64_t renewals, by_bound[ELEMENTSOF(bounds)];
        usec_t renewals_took;
        usec_t t0; /* when the last committed beat was sent (CLOCK_BOOTTIME); 0: there was none */
        Margin margins[MARGIN_SLICES];
};

Counts *counts_new(void) {
        return calloc(1, sizeof(Counts));
}

static usec_t ttl_of(const Daemon *d) {
        SessionView session;

        core_session_view(d->core, loop_now(), &session);
        return session.ttl;
}

/* Gives how much of the TTL was left at that time, counted from when the last committed beat was sent (law 1). */
static usec_t margin_at(const Daemon *d, usec_t now) {
        return usec_sub(usec_add(d->counts->t0, ttl_of(d)), now);
}

/* Gives the least that was left of the TTL at any time in the last minute, now included. */
static usec_t least_margin(const Daemon *d, usec_t now) {
        usec_t least = margin_at(d, now), slice = now / MARGIN_SLICE;

        for (size_t i = 0; i < MARGIN_SLICES; i++) {
                const Margin *m = d->counts->margins + i;

                if (m->slice > 0 && m->slice + MARGIN_SLICES > slice)
                        least = MIN(least, m->least);
        }
        return least;
}

void counts_beat(Daemon *d, usec_t t0, usec_t now) {
        usec_t slice = now / MARGIN_SLICE, took = usec_sub(now, t0);
        Margin *margin = d->counts->margins + slice % MARGIN_SLICES;

        if (t0 <= d->counts->t0)
                return;
        if (margin->slice != slice)
                *margin = (Margin){ .slice = slice, .least = USEC_INFINITY };
        if (d->counts->t0 > 0)
                margin->least = MIN(margin->least, margin_at(d, now));
        d->counts->t0 = t0;
        d->counts->renewals++;
        d->counts->renewals_took += took;
        for (size_t i = 0; i < ELEMENTSOF(bounds); i++)
                d->counts->by_bound[i] += took <= bounds[i];
}

/* A unit has begun to run, for the first time at its Index: adds the time since the last tenure ended, in which the
 * unit ran nowhere. Nothing is added if that tenure ended because the unit was disabled or was done. The end of the
 * tenure is by the clock of the machine that wrote the record; if that clock is ahead of this one, the time counts as
 * 0. */
static void count_outage(Daemon *d, const Report *r) {
        const Tenure *last;
        LeaseView v;
        Why why;

        if (!core_find_lease(d->core, loop_now(), r->lease, &v))
                return;
        last = lease_last_tenure(v.record);
        why = last ? tenure_why(last) : WHY_NONE;
        if (last && last->index + 1 == r->index && why != WHY_DISABLED && why != WHY_DONE)
                d->counts->unit_outage += usec_sub(now_realtime(), last->to);
}

void counts_report(Daemon *d, const Report *r) {
        Counts *c = d->counts;

        switch (r->kind) {
        case REPORT_RELEASED:
        case REPORT_TRANSFERRED:
                c->moves[why_ends_tenure(r->why) ? r->why : WHY_NONE]++;
                break;
        case REPORT_LOST:
                c->moves[WHY_LOST]++;
                break;
        case REPORT_EXPIRED:
                c->moves[WHY_EXPIRED]++;
                break;
        case REPORT_STRAY:
                c->alarms++;
                break;
        case REPORT_REGISTRY_SILENT:
                c->silent_since = now_boottime();
                break;
        case REPORT_REGISTRY_BACK:
                c->registry_outage += r->span;
                c->silent_since = 0;
                break;
        case REPORT_STARTED:
                if (!r->again)
                        count_outage(d, r);
                break;
        default:
                break;
        }
}

static int append(sd_bus_message *m, const char *name, uint64_t value) {
        return sd_bus_message_append(m, "{st}", name, value);
}

static int append_moves(const Counts *c, sd_bus_message *m) {
        char name[64];
        int r = 0;

        for (Why why = WHY_EXPIRED; r >= 0 && why < ELEMENTSOF(c->moves); why++)
                if (why_ends_tenure(why)) {
                        (void) snprintf(name, sizeof(name), "moves.%s", why_word(why));
                        r = append(m, name, c->moves[why]);
                }
        return r;
}

static int append_renewals(const Counts *c, sd_bus_message *m) {
        char name[64];
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(bounds); i++) {
                (void) snprintf(name, sizeof(name), "renewals_within.%" PRIu64, bounds[i]);
                r = append(m, name, c->by_bound[i]);
        }
        return r;
}

typedef struct Stuck {
        Core *core;
        uint64_t n;
} Stuck;

static void count_if_stuck(const char *unit, void *userdata) {
        Stuck *s = userdata;
        UnitView v;

        s->n += core_find_unit(s->core, loop_now(), unit, &v) && v.stuck;
}

static uint64_t count_stuck(const Daemon *d) {
        Stuck s = { .core = d->core };

        core_each_unit_name(d->core, count_if_stuck, &s);
        return s.n;
}

int counts_append(Daemon *d, sd_bus_message *m) {
        const Counts *c = d->counts;
        usec_t now = now_boottime(), silent = c->silent_since ? now - c->silent_since : 0;
        int r;

        if ((r = sd_bus_message_open_container(m, 'a', "{st}")) < 0 || (r = append_moves(c, m)) < 0 ||
                        (r = append(m, "alarms", c->alarms)) < 0 || (r = append(m, "stuck", count_stuck(d))) < 0 ||
                        (r = append(m, "registry_outage_usec", c->registry_outage + silent)) < 0 ||
                        (r = append(m, "unit_outage_usec", c->unit_outage)) < 0 ||
                        (r = append(m, "renewals", c->renewals)) < 0 ||
                        (r = append(m, "renewals_usec", c->renewals_took)) < 0 || (r = append_renewals(c, m)) < 0)
                return r;
        if (c->t0 > 0 && (r = append(m, "deadline_margin_usec", least_margin(d, now))) < 0)
                return r;
        return sd_bus_message_close_container(m);
}
