/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What every phase of a unit's life needs: entering the phase, asking PID 1 and the guard, and asking again.
 */

#include "core/phase.h"

#include "core/cover.h"
#include "core/look.h"
#include "core/news.h"
#include "core/output.h"
#include "core/said.h"
#include "core/session.h"
#include "core/unit-life.h"
#include "core/unit.h"

#define BIT(phase) (1u << (phase))

/* Which phases may follow which, of a unit with a lease, and of one that runs everywhere. */
static const unsigned may_follow[] = {
        [PHASE_IDLE] = BIT(PHASE_ARMING) | BIT(PHASE_RUNNING) | BIT(PHASE_CLOSING),
        [PHASE_ARMING] = BIT(PHASE_OPENING) | BIT(PHASE_CLOSING),
        [PHASE_OPENING] = BIT(PHASE_ARMING) | BIT(PHASE_STARTING) | BIT(PHASE_RUNNING) | BIT(PHASE_CLOSING),
        [PHASE_STARTING] = BIT(PHASE_RUNNING) | BIT(PHASE_CLOSING),
        [PHASE_RUNNING] = BIT(PHASE_STARTING) | BIT(PHASE_CLOSING),
        [PHASE_CLOSING] = BIT(PHASE_STOPPING),
        [PHASE_STOPPING] = BIT(PHASE_CLOSING) | BIT(PHASE_DISARMING),
        [PHASE_DISARMING] = BIT(PHASE_RELEASING) | BIT(PHASE_IDLE),
        [PHASE_RELEASING] = BIT(PHASE_IDLE),
};
static const unsigned may_follow_globally[] = {
        [PHASE_IDLE] = BIT(PHASE_STARTING) | BIT(PHASE_RUNNING),
        [PHASE_STARTING] = BIT(PHASE_RUNNING) | BIT(PHASE_IDLE),
        [PHASE_RUNNING] = BIT(PHASE_STARTING) | BIT(PHASE_STOPPING) | BIT(PHASE_IDLE),
        [PHASE_STOPPING] = BIT(PHASE_IDLE),
        [PHASE_RELEASING] = 0,
};

/* Asserts what must be so when a unit with a lease enters a phase. */
static void check_entry(const Core *c, const Unit *u, Phase phase) {
        const GuardReport *g = &u->said.guard;

        must((phase == PHASE_IDLE) == (u->life.index == 0));
        must((phase >= PHASE_CLOSING) == (u->life.leave != LEAVE_NONE));
        switch (phase) {
        case PHASE_STARTING:
                must(u->said.guard_known && g->open);
                /* fall through */
        case PHASE_OPENING:
                must(g->index == u->life.index && !g->expired);
                must(cover_holds(c, u));
                /* fall through */
        case PHASE_ARMING:
        case PHASE_RUNNING:
                must(unit_is_held(c, u));
                break;
        case PHASE_STOPPING:
                must(said_is_heard(u) && !g->open);
                break;
        case PHASE_RELEASING:
                must(said_is_heard(u) && g->index == 0); /* law 7: down before its entry could go */
                break;
        default:
                break;
        }
}

void phase_enter(Core *c, Unit *u, Phase phase) {
        must((u->global ? may_follow_globally : may_follow)[u->life.phase] & BIT(phase));
        if (!u->global)
                check_entry(c, u, phase);
        if ((phase == PHASE_IDLE) != (u->life.phase == PHASE_IDLE)) {
                news_of_unit(c, u, phase != PHASE_IDLE && !unit_is_ours(c, u) ? NEWS_UNIT_FOUND : NEWS_UNIT_IN_HAND);
                if (u->global)
                        news_note(c, NEWS_GLOBAL_UNIT_IN_HAND);
        }
        unit_life_enter(c, u, phase);
        look_count(c, u);
        output_changed(c, u, u->lease);
}

Action *phase_act(Core *c, const Unit *u, ActionKind kind) {
        Action *a = output(c, kind);

        a->unit = output_copy(c, u->name, strlen(u->name) + 1); /* the unit may be dropped in the same step */
        a->lease = u->lease->name;
        a->index = u->life.index;
        a->version = u->lease->value->version;
        a->last_trigger = u->lease->value->last_trigger;
        return a;
}

void phase_ask_start(Core *c, Unit *u, bool first) {
        must(u->life.phase == PHASE_STARTING); /* law 10: the gate is open, and the guard keeps the time */
        phase_act(c, u, ACTION_UNIT_START)->on = first;
        phase_act(c, u, ACTION_UNIT_READ);
}

Action *phase_ask_guard(Core *c, Unit *u, ActionKind kind) {
        Action *a = phase_act(c, u, kind);

        a->id = ++c->guard.serial;
        must(kind != ACTION_GATE_OPEN || (unit_is_held(c, u) && cover_holds(c, u))); /* law 10 */
        must(kind != ACTION_GUARD_DISARM || u->life.phase >= PHASE_STOPPING);
        said_asked(c, u, a->id, kind == ACTION_GATE_OPEN);
        return a;
}

void phase_arm(Core *c, Unit *u) {
        Timeline t = cover_timeline(c, u);
        Action *a = phase_ask_guard(c, u, ACTION_GUARD_ARM);

        must(unit_is_held(c, u) && u->life.phase < PHASE_CLOSING);
        must(session_covered_from(c) <= c->now.boottime); /* law 1 */

        a->on = session_keeps(c); /* law 13 */
        if (a->on) {
                c->guard.may_keep = true;
                c->guard.keep_id = a->id;
                c->guard.told_keep = KEEP_BEGINS;
        }
        a->t0 = session_covered_from(c);
        a->stop = t.stop;
        a->kill = t.kill;
        unit_life_arm(u, &t, a->id);
}
