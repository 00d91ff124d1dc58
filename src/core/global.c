/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A unit that runs on every machine that fits (Global=true, as in fleet). It has no lease, no gate and no guard, and
 * so no deadline. The unit is started here while this machine has what the unit requires. It is stopped when this
 * machine does not have this any more, drains, or when the unit is not enabled here any more. While a unit with which
 * it conflicts is here, it is not started. When the daemon ends, the unit goes on.
 *
 *     IDLE -> STARTING -> RUNNING -> STOPPING -> IDLE
 *
 * A unit that has ended well, by hand, or while no daemon looked is not started again, unless it is known that PID 1
 * has stopped it because of another unit. A unit that fails for good is
 * started again after a pause, which doubles each time.
 */

#include "core/global.h"

#include "core/back.h"
#include "core/phase.h"
#include "core/said.h"
#include "core/unit-life.h"

enum { STARTS_MAX = 5 };

/* Whether a unit with which this one conflicts is here. The unit that is here first stays, with a lease or without. */
static bool meets_a_conflict(const Core *c, const Unit *u) {
        for (const Unit *o = c->units; o; o = o->hh.next)
                if (o != u && (o->life.phase != PHASE_IDLE || o->said.guard.index > 0) &&
                                (placement_matches(u->config.placement->conflicts, o->name) ||
                                                placement_matches(o->config.placement->conflicts, u->name)))
                        return true;
        return false;
}

Reason global_why_not(const Core *c, const Unit *u) {
        Reason unfit = placement_unfit(u->config.placement, c->here.machine_id, c->here.metadata);

        if (unfit.why != WHY_NONE)
                return unfit;
        if (u->config.doubtful && u->life.phase == PHASE_IDLE && said_is_inactive(&u->said.report))
                return reason(WHY_DOUBTFUL); /* a unit that runs goes on */
        if (c->drain.on)
                return reason(WHY_DRAINING);
        return reason(u->life.phase == PHASE_IDLE && meets_a_conflict(c, u) ? WHY_CONFLICT_HERE : WHY_NONE);
}

static bool is_wanted(const Core *c, const Unit *u) {
        return u->config.global && !u->forgotten && global_why_not(c, u).why == WHY_NONE;
}

static void start(Core *c, Unit *u) {
        phase_ask_start(c, u, u->life.starts == 0);
        unit_life_ask_after(c, u, USEC_PER_SEC);
}

static void step_idle(Core *c, Unit *u) {
        if (!u->said.report.known || u->said.report.asked_at < u->life.changed_at) {
                if (unit_life_asks_again(c, u, USEC_PER_SEC))
                        phase_act(c, u, ACTION_UNIT_READ);
                return;
        }
        if (!is_wanted(c, u) && !said_is_inactive(&u->said.report))
                phase_enter(c, u, PHASE_RUNNING); /* step_running() stops it */
        if (!is_wanted(c, u) || c->shutdown.on || c->sleep.on || c->now.boottime < u->back.not_before)
                return;
        if (!said_is_inactive(&u->said.report) || (u->said.report.run != u->life.run && !u->said.report.failed)) {
                bool ended = said_is_inactive(&u->said.report) && !said_is_put_aside(u);

                unit_life_set_rest(u, ended ? REST_BY_HAND : REST_NONE);
                phase_enter(c, u, PHASE_RUNNING);
                return;
        }
        unit_life_begin_start(u);
        phase_enter(c, u, PHASE_STARTING);
        start(c, u);
}

static void step_starting(Core *c, Unit *u) {
        bool read = u->said.report.known && u->said.report.asked_at >= u->life.changed_at;

        if (read && said_has_begun(u))
                phase_enter(c, u, PHASE_RUNNING);
        else if (c->now.boottime < u->life.retry_at)
                return;
        else if (read && u->said.report.job) {
                phase_act(c, u, ACTION_UNIT_READ);
                unit_life_ask_after(c, u, USEC_PER_SEC);
        } else if (!read || unit_life_count_start(u) < STARTS_MAX)
                start(c, u);
        else {
                back_after_failure(c, u);
                phase_enter(c, u, PHASE_IDLE);
        }
}

static void fail(Core *c, Unit *u) {
        back_after_failure(c, u);
        unit_life_note_run(u);
        phase_enter(c, u, PHASE_IDLE);
}

/* PID 1 had stopped it because of another unit, or because none needs it. That is over, or the other unit would be
 * started along with it. */
static void on_put_aside(Core *c, Unit *u) {
        if (u->said.report.obstacle != OBSTACLE_NONE || unit_life_count_aside(u) > STARTS_MAX) {
                fail(c, u);
                return;
        }
        unit_life_begin_start(u);
        phase_enter(c, u, PHASE_STARTING);
        start(c, u);
}

static void step_running(Core *c, Unit *u) {
        if (!is_wanted(c, u)) {
                phase_act(c, u, ACTION_UNIT_STOP);
                phase_enter(c, u, PHASE_STOPPING);
                return;
        }
        if (!u->said.report.known || u->said.report.asked_at < u->life.changed_at)
                return;
        if (!said_is_inactive(&u->said.report))
                unit_life_set_rest(u, REST_NONE); /* somebody has started it again */
        if (u->life.rest == REST_BY_HAND)
                return;
        if (c->now.boottime > usec_add(u->life.changed_at, u->config.hold_down_failure)) {
                back_forget_failures(u);
                unit_life_forget_asides(u);
        }
        if (!said_is_inactive(&u->said.report) || u->said.report.ended_by == ENDED_BY_UNKNOWN ||
                        u->said.report.obstacle == OBSTACLE_LASTS)
                return;
        if (said_is_put_aside(u))
                on_put_aside(c, u);
        else if (u->said.report.failed && u->said.report.ended_by != ENDED_BY_HAND && !u->config.hold_on_failure)
                fail(c, u);
        else
                unit_life_set_rest(u, REST_BY_HAND);
}

static void step_stopping(Core *c, Unit *u) {
        if (u->said.report.known && u->said.report.asked_at >= u->life.changed_at &&
                        said_is_inactive(&u->said.report) && u->said.report.empty) {
                unit_life_set_rest(u, REST_NONE);
                unit_life_note_run(u);
                phase_enter(c, u, PHASE_IDLE);
        } else if (unit_life_asks_again(c, u, USEC_PER_SEC)) {
                phase_act(c, u, ACTION_UNIT_STOP);
                phase_act(c, u, ACTION_UNIT_READ);
        }
}

void global_advance(Core *c, Unit *u) {
        switch (u->life.phase) {
        case PHASE_STARTING:
                step_starting(c, u);
                break;
        case PHASE_RUNNING:
                step_running(c, u);
                break;
        case PHASE_STOPPING:
                step_stopping(c, u);
                break;
        default:
                step_idle(c, u);
        }
}

UnitState global_state(const Unit *u) {
        if (u->life.phase == PHASE_RUNNING)
                return u->life.rest == REST_BY_HAND                 ? STATE_STOPPED
                       : u->said.report.active == ACTIVE_ACTIVATING ? STATE_STARTING
                                                                    : STATE_RUNNING;
        if (u->life.phase == PHASE_IDLE)
                return STATE_WAITING;
        return u->life.phase == PHASE_STARTING ? STATE_STARTING : STATE_STOPPING;
}
