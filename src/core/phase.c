/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The means of a unit's life: entering a phase, asking PID 1 and the guard for something, and asking again.
 */

#include "core/phase.h"

#include "core/cover.h"
#include "core/news.h"
#include "core/output.h"
#include "core/session.h"
#include "core/unit.h"

void phase_enter(Core *c, Unit *u, Phase phase) {
        if ((phase == PHASE_IDLE) != (u->life.phase == PHASE_IDLE)) {
                news_note(c, phase != PHASE_IDLE && !unit_is_ours(c, u) ? NEWS_UNIT_FOUND : NEWS_UNIT_IN_HAND);
                if (u->global)
                        news_note(c, NEWS_GLOBAL_UNIT_IN_HAND);
        }
        u->life.phase = phase;
        u->life.changed_at = c->now.boottime;
        u->life.retry_at = 0;
        output_changed(c, u, u->lease);
}

bool phase_ask_again(Core *c, Unit *u, usec_t pause) {
        if (c->now.boottime < u->life.retry_at)
                return false;
        u->life.retry_at = c->now.boottime + pause;
        return true;
}

Action *phase_act(Core *c, const Unit *u, ActionKind kind) {
        Action *a = output(c, kind);

        a->unit = output_copy(c, u->name, strlen(u->name) + 1); /* the unit may be dropped in the same step */
        a->lease = u->lease->name;
        a->index = u->life.index;
        a->version = u->lease->value.version;
        a->last_trigger = u->lease->value.last_trigger;
        return a;
}

void phase_ask_start(Core *c, Unit *u, bool first) {
        phase_act(c, u, ACTION_UNIT_START)->on = first;
        phase_act(c, u, ACTION_UNIT_READ);
}

Action *phase_ask_guard(Core *c, Unit *u, ActionKind kind) {
        Action *a = phase_act(c, u, kind);

        a->id = ++c->guard.serial;
        u->said.guard_asked_before = u->said.guard_asked;
        if (kind == ACTION_GATE_OPEN)
                u->said.closed_at = USEC_INFINITY; /* from now on it may be open */
        if (!c->guard.gone)                        /* nobody is there to answer, and nothing to be answered */
                u->said.guard_asked = a->id;
        return a;
}

void phase_arm(Core *c, Unit *u) {
        Timeline t = cover_timeline(c, u);
        Action *a = phase_ask_guard(c, u, ACTION_GUARD_ARM);

        a->t0 = session_covered_from(c);
        a->stop = u->life.armed_stop = t.stop;
        a->kill = u->life.armed_kill = t.kill;
        u->life.armed_id = a->id;
}
