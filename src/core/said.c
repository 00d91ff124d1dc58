/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What PID 1 and the guard have said of a unit, and what follows from it. What is older than our last question says
 * nothing.
 */

#include "core/said.h"

#include "core/look.h"
#include "core/news.h"
#include "core/output.h"

/* Makes *kept a copy with texts of its own: the caller's texts last no longer than the event. */
static void keep_report(UnitReport *kept, const UnitReport *report) {
        char *other = (char *) kept->other, *result = (char *) kept->result;

        if (!str_keep(&other, report->other) || !str_keep(&result, report->result))
                abort();
        *kept = *report;
        kept->other = other;
        kept->result = result;
}

void said_report(Core *c, Unit *u, const UnitReport *report) {
        if (report->known && u->said.report.known && report->asked_at < u->said.report.asked_at)
                return;
        if (report->active != u->said.report.active || report->since != u->said.report.since ||
                        report->known != u->said.report.known ||
                        !streq(strempty(report->result), strempty(u->said.report.result)))
                news_of_unit(c, u, NEWS_UNIT_STATE);
        if (report->gate_loaded != u->said.report.gate_loaded || report->known != u->said.report.known ||
                        report->obstacle != u->said.report.obstacle)
                news_of_unit(c, u, NEWS_UNIT_REPORTED);
        keep_report(&u->said.report, report);
        look_at_unit(c, u);
        output_changed(c, u, NULL);
}

void said_check(Core *c, Unit *u, bool passes) {
        CheckState state = passes ? CHECK_PASSES : CHECK_FAILS;

        if (u->said.check == state)
                return;
        u->said.check = state;
        look_at_unit(c, u);
        news_of_unit(c, u, NEWS_UNIT_CHANGED);
        output_changed(c, u, NULL);
}

void said_nothing(Unit *u) {
        u->said = (UnitSaid){ .closed_at = USEC_INFINITY };
}

void said_done(Unit *u) {
        free((char *) u->said.report.other);
        free((char *) u->said.report.result);
        free(u->said.lease);
}

void said_lease(Unit *u, const char *lease) {
        if (!str_keep(&u->said.lease, lease))
                abort();
}

bool said_guard(Core *c, Unit *u, const GuardReport *report, const char *lease) {
        bool first = !u->said.guard_known;

        if (report->serial < u->said.guard_asked)
                return false; /* said before our last request, whose answer is on its way */
        if (report->open)
                u->said.closed_at = USEC_INFINITY;
        else if (!u->said.guard_known || u->said.guard.open || u->said.closed_at == USEC_INFINITY)
                u->said.closed_at = c->now.boottime;
        if (u->life.phase == PHASE_IDLE && report->index > 0)
                news_of_unit(c, u, NEWS_UNIT_FOUND); /* from before our restart */
        if (u->life.phase == PHASE_IDLE && (lease || report->index != u->said.guard.index))
                said_lease(u, report->index > 0 ? lease : NULL);
        if (report->frozen != u->said.guard.frozen)
                output_changed(c, u, NULL);
        u->said.guard = *report;
        u->said.guard_known = true;
        look_count(c, u);
        look_at_unit(c, u);
        return first;
}

bool said_runs_by_another(const Unit *u, const Lease *l) {
        return u->said.lease && !streq(u->said.lease, l->name);
}

void said_no_guard(Unit *u) {
        u->said.guard_known = false;
}

void said_asked_nothing(Unit *u) {
        u->said.guard_asked = 0;
}

void said_asked(Core *c, Unit *u, uint64_t id, bool opening) {
        must(id > u->said.guard_asked);
        u->said.guard_asked_before = u->said.guard_asked;
        if (opening)
                u->said.closed_at = USEC_INFINITY; /* from now on the gate may be open */
        if (!c->guard.gone)                        /* else nobody is there to answer, and nothing to be answered */
                u->said.guard_asked = id;
}

void said_not_asked(Unit *u, uint64_t id) {
        if (id == u->said.guard_asked)
                u->said.guard_asked = u->said.guard_asked_before;
}

const char *said_active_word(ActiveState a) {
        static const char *const words[_ACTIVE_STATE_MAX] = {
                [ACTIVE_INACTIVE] = "inactive",
                [ACTIVE_FAILED] = "failed",
                [ACTIVE_ACTIVATING] = "activating",
                [ACTIVE_ACTIVE] = "active",
                [ACTIVE_DEACTIVATING] = "deactivating",
                [ACTIVE_RELOADING] = "reloading",
        };

        must((unsigned) a < _ACTIVE_STATE_MAX);
        return words[a];
}

bool said_is_inactive(const UnitReport *r) {
        return r->known && !r->job && (r->active == ACTIVE_INACTIVE || r->active == ACTIVE_FAILED);
}

bool said_has_begun(const Unit *u) {
        return (u->said.report.active != ACTIVE_INACTIVE && u->said.report.active != ACTIVE_FAILED) ||
               u->said.report.run != u->life.run;
}

/* The guard has answered all that it was asked for this unit. */
bool said_is_heard(const Unit *u) {
        return u->said.guard_known && u->said.guard.serial >= u->said.guard_asked;
}

bool said_is_down(const Unit *u) {
        return said_is_inactive(&u->said.report) && u->said.report.empty && said_is_heard(u) && !u->said.guard.open &&
               u->said.closed_at != USEC_INFINITY && u->said.report.asked_at > u->said.closed_at;
}

bool said_is_told(const Unit *u) {
        return u->said.report.known && said_is_heard(u) && u->said.closed_at != USEC_INFINITY &&
               u->said.report.asked_at > u->said.closed_at;
}

Why said_why_no_gate(const Unit *u) {
        static const Why whys[] = {
                [LOAD_OK] = WHY_NO_GATE,
                [LOAD_MISSING] = WHY_NO_UNIT_FILE,
                [LOAD_MASKED] = WHY_MASKED,
                [LOAD_BAD] = WHY_BAD_UNIT_FILE,
                [LOAD_REFUSES_STOP] = WHY_REFUSES_STOP,
                [LOAD_SUCCESS_ACTION] = WHY_SUCCESS_ACTION,
                [LOAD_DETACHES] = WHY_DETACHES,
                [LOAD_REFUSES_START] = WHY_REFUSES_START,
                [LOAD_STOPS_UNNEEDED] = WHY_STOPS_UNNEEDED,
        };

        return whys[u->said.report.load];
}

Why said_why_no_guard(const Core *c) {
        return c->guard.gone && !c->guard.lives ? WHY_GUARD_GONE : WHY_GUARD_SILENT;
}

Reason said_obstacle(const Unit *u) {
        const UnitReport *r = &u->said.report;

        if (r->obstacle == OBSTACLE_NONE)
                return reason(WHY_NONE);
        if (r->ended_by == ENDED_UNNEEDED)
                return reason(WHY_STOPS_UNNEEDED);
        return reason_of(r->ended_by == ENDED_BY_CONFLICT ? WHY_CONFLICT_RUNS
                         : r->obstacle == OBSTACLE_FAILED ? WHY_NEED_ENDED
                                                          : WHY_NEED_STOPPED,
                        u->said.report.other ?: "a unit");
}

bool said_is_put_aside(const Unit *u) {
        EndedBy by = u->said.report.ended_by;

        return by == ENDED_BY_NEED || by == ENDED_BY_CONFLICT || by == ENDED_UNNEEDED;
}

bool said_is_will(Why why) {
        return why == WHY_NEED_STOPPED || why == WHY_CONFLICT_RUNS;
}
