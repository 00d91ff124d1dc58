/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A unit that runs on every machine that fits (Global=true of fleet): no lease, no gate, no guard, and so no time that
 * runs out. It is started here while this machine has what it requires, and stopped when it has not any more, drains,
 * or does not enable it any longer. What it conflicts with keeps it from being started. The daemon's end leaves it
 * alone.
 *
 *     IDLE -> STARTING -> RUNNING -> STOPPING -> IDLE
 *
 * One that has ended stays ended: well, by hand, or while no daemon looked. One that fails for good is started again
 * after a while, which doubles.
 */

#include "core/internal.h"

enum { STARTS_MAX = 5 };

/* Who is here first stays, be it leased or not. */
static bool meets_a_conflict(const Core *c, const Unit *u) {
        for (const Unit *o = c->units; o; o = o->hh.next)
                if (o != u && (o->phase != PHASE_IDLE || o->guard.index > 0) &&
                                (placement_matches(u->placement.conflicts, o->name) ||
                                                placement_matches(o->placement.conflicts, u->name)))
                        return true;
        return false;
}

const char *global_why_not(const Core *c, const Unit *u, char buffer[static PLACEMENT_WHY_SIZE]) {
        const char *why = placement_unfit(&u->placement, c->machine_id, c->metadata, buffer);

        if (why)
                return why;
        if (u->doubtful && u->phase == PHASE_IDLE && life_is_inactive(&u->report)) /* what runs goes on */
                return "a line that says where it may run is bad (leasectl reload names it)";
        if (c->draining)
                return "this machine is draining";
        return u->phase == PHASE_IDLE && meets_a_conflict(c, u) ? "it conflicts with a unit here" : NULL;
}

static bool is_wanted(const Core *c, const Unit *u) {
        char buffer[PLACEMENT_WHY_SIZE];

        return u->wanted_global && !u->forgotten && !global_why_not(c, u, buffer);
}

static void start(Core *c, Unit *u) {
        life_ask_start(c, u, u->starts == 0);
        u->retry_at = c->now.boottime + USEC_PER_SEC;
}

static void step_idle(Core *c, Unit *u) {
        if (!u->report.known || u->report.asked_at < u->changed_at) {
                if (life_ask_again(c, u, USEC_PER_SEC))
                        life_act(c, u, ACTION_UNIT_READ);
                return;
        }
        if (!is_wanted(c, u) && !life_is_inactive(&u->report))
                life_enter(c, u, PHASE_RUNNING); /* and stopped from there */
        if (!is_wanted(c, u) || c->shutting_down || c->sleeping || c->now.boottime < u->not_before)
                return;
        if (!life_is_inactive(&u->report) || (u->report.run != u->run && !u->report.failed)) {
                u->by_hand = life_is_inactive(&u->report);
                life_enter(c, u, PHASE_RUNNING);
                return;
        }
        u->run = u->report.run;
        u->starts = 0;
        life_enter(c, u, PHASE_STARTING);
        start(c, u);
}

static void step_starting(Core *c, Unit *u) {
        bool read = u->report.known && u->report.asked_at >= u->changed_at;

        if (read && life_has_begun(u))
                life_enter(c, u, PHASE_RUNNING);
        else if (c->now.boottime < u->retry_at)
                return;
        else if (read && u->report.job) {
                life_act(c, u, ACTION_UNIT_READ);
                u->retry_at = c->now.boottime + USEC_PER_SEC;
        } else if (!read || ++u->starts < STARTS_MAX)
                start(c, u);
        else {
                life_hold_down_failure(c, u);
                life_enter(c, u, PHASE_IDLE);
        }
}

static void fail(Core *c, Unit *u) {
        life_hold_down_failure(c, u);
        u->run = u->report.run;
        life_enter(c, u, PHASE_IDLE);
}

/* PID 1 had stopped it because of another unit, and that is over, or is to be started along with it. */
static void on_put_aside(Core *c, Unit *u) {
        if (u->report.obstacle == OBSTACLE_FAILED || ++u->aside_count > STARTS_MAX) {
                fail(c, u);
                return;
        }
        u->run = u->report.run;
        u->starts = 0;
        life_enter(c, u, PHASE_STARTING);
        start(c, u);
}

static void step_running(Core *c, Unit *u) {
        if (!is_wanted(c, u)) {
                life_act(c, u, ACTION_UNIT_STOP);
                life_enter(c, u, PHASE_STOPPING);
                return;
        }
        if (!u->report.known || u->report.asked_at < u->changed_at)
                return;
        if (!life_is_inactive(&u->report))
                u->by_hand = false; /* somebody has started it again */
        if (u->by_hand)
                return;
        if (c->now.boottime > usec_add(u->changed_at, u->hold_down_failure))
                u->failures = u->aside_count = 0;
        if (!life_is_inactive(&u->report) || u->report.ended_by == ENDED_BY_UNKNOWN ||
                        u->report.obstacle == OBSTACLE_LASTS)
                return;
        if (u->report.ended_by == ENDED_BY_NEED || u->report.ended_by == ENDED_BY_CONFLICT)
                on_put_aside(c, u);
        else if (u->report.failed && u->report.ended_by != ENDED_BY_HAND && !u->hold_on_failure)
                fail(c, u);
        else
                u->by_hand = true;
}

static void step_stopping(Core *c, Unit *u) {
        if (u->report.known && u->report.asked_at >= u->changed_at && life_is_inactive(&u->report) &&
                        u->report.empty) {
                u->by_hand = false;
                u->run = u->report.run;
                life_enter(c, u, PHASE_IDLE);
        } else if (life_ask_again(c, u, USEC_PER_SEC)) {
                life_act(c, u, ACTION_UNIT_STOP);
                life_act(c, u, ACTION_UNIT_READ);
        }
}

void global_advance(Core *c, Unit *u) {
        switch (u->phase) {
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

const char *global_state(const Unit *u) {
        if (u->phase == PHASE_RUNNING)
                return u->by_hand ? "stopped" : "running";
        if (u->phase == PHASE_IDLE)
                return "waiting";
        return u->phase == PHASE_STARTING ? "starting" : "stopping";
}
