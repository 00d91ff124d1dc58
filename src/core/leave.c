/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Why a unit is let go, and the beginning of its way down.
 */

#include "core/leave.h"

#include "core/copies.h"
#include "core/cover.h"
#include "core/look.h"
#include "core/output.h"
#include "core/pause.h"
#include "core/phase.h"
#include "core/said.h"
#include "core/session.h"
#include "core/unit-life.h"
#include "core/unit.h"

/* How many units a machine that drains stops at once: as many as one Txn hands on. So thousands of units are not
 * stopped in one moment, and a unit does not wait for long between its stop here and its start on the next machine,
 * which starts 16 units at a time. */
enum { DRAIN_AT_ONCE = GROUP_MAX };

Why leave_why(Leave leave) {
        static const Why whys[] = {
                [LEAVE_NONE] = WHY_NONE,
                [LEAVE_ANEW] = WHY_NONE,
                [LEAVE_EXPIRED] = WHY_EXPIRED,
                [LEAVE_RELEASE] = WHY_RELEASED,
                [LEAVE_REFUSED] = WHY_PLACEMENT,
                [LEAVE_TRANSFER] = WHY_TRANSFER,
                [LEAVE_FAILBACK] = WHY_FAILBACK,
                [LEAVE_UPGRADE] = WHY_UPGRADE,
                [LEAVE_UNFIT] = WHY_PLACEMENT,
                [LEAVE_DRAIN] = WHY_DRAIN,
                [LEAVE_FORGET] = WHY_DISABLED,
                [LEAVE_SURPLUS] = WHY_SURPLUS,
                [LEAVE_SHUTDOWN] = WHY_SHUTDOWN,
                [LEAVE_SLEEP] = WHY_SLEEP,
                [LEAVE_OBSTACLE] = WHY_DEPENDENCY,
                [LEAVE_UNNEEDED] = WHY_UNNEEDED,
                [LEAVE_DONE] = WHY_DONE,
                [LEAVE_CHECK_FAILED] = WHY_CHECK_FAILED,
                [LEAVE_FAILED] = WHY_FAILED,
                [LEAVE_STRAY] = WHY_STRAY,
                [LEAVE_LOST] = WHY_LOST,
        };
        return whys[leave];
}

_Static_assert(LEAVE_NONE == 0 && LEAVE_LOST == _LEAVE_MAX - 1, "no reason is graver than that the lease is lost");
_Static_assert(LEAVE_STRAY == LEAVE_LOST - 1, "a unit that has no lease here is stopped whatever else is wished");
_Static_assert(LEAVE_DRAIN - LEAVE_FAILBACK == 3, "failback, upgrade, unfit, drain, and nothing between them");

bool leave_is_graver(Leave leave, Leave than) {
        return leave > than;
}

bool leave_is_move(Leave leave) {
        return leave >= LEAVE_FAILBACK && leave <= LEAVE_DRAIN;
}

bool leave_is_lost(Leave leave) {
        return leave == LEAVE_STRAY || leave == LEAVE_LOST;
}

bool leave_gives_back(Leave leave) {
        return leave != LEAVE_EXPIRED && leave != LEAVE_ANEW && !leave_is_lost(leave);
}

/* Whether a unit that has LEAVE_EXPIRED, while beats cover its lease, is stopped because its guard is gone. What ran
 * out before our restart has merely run out: there was no daemon to send a beat. */
static bool is_unguarded(const Unit *u) {
        return u->life.origin != ORIGIN_ADOPTED;
}

/* A guard that has another entry, or none, took the place of the one that kept the time. */
static Why why_unguarded(const Core *c, const Unit *u) {
        if (c->guard.up)
                return u->said.guard.index == u->life.index && u->said.guard.expired ? WHY_GUARD_SILENT
                                                                                     : WHY_GUARD_GONE;
        return said_why_no_guard(c);
}

static void report_leave(Core *c, const Unit *u, Leave leave) {
        Report report = output_report_of(u, REPORT_DONE);

        if (leave == LEAVE_EXPIRED) {
                report.kind = u->life.unguarded != WHY_NONE ? REPORT_GUARD_LOST : REPORT_EXPIRED;
                report.why = u->life.unguarded;
        } else if (leave == LEAVE_LOST || leave == LEAVE_STRAY) {
                report.kind = leave == LEAVE_LOST ? REPORT_LOST : REPORT_STRAY;
                report.machine_id = u->lease->value->state == LEASE_HELD ? u->lease->value->machine_id : NULL;
        } else if (leave != LEAVE_DONE)
                return;
        else if (u->config.release_on_success)
                report.kind = REPORT_SUCCEEDED;
        output_report(c, report);
}

void leave_tell_stopped(Core *c, Unit *u) {
        Report report = output_report_of(u, REPORT_STOPPED);
        bool elsewhere = session_settled(c) && u->lease->value->state == LEASE_HELD && !unit_is_held(c, u);

        if (u->life.leave == LEAVE_REFUSED || u->life.leave == LEAVE_ANEW || u->life.leave == LEAVE_DONE ||
                        u->life.leave == LEAVE_CHECK_FAILED || u->life.leave == LEAVE_FAILED)
                return; /* it has not run, or its end was reported */
        report.machine_id = elsewhere ? u->lease->value->machine_id : NULL;
        report.why = leave_why(u->life.leave);
        if (u->life.last_beat) {
                report.why = WHY_EXPIRED;
                report.span = c->now.boottime - u->life.last_beat;
        } else if (u->life.leave == LEAVE_EXPIRED && is_unguarded(u))
                report.why = u->life.unguarded != WHY_NONE ? u->life.unguarded : WHY_GUARD_GONE;
        output_report(c, report);
        if (elsewhere)
                unit_life_miss_beat(u, 0);
}

void leave_tell_taken(Core *c, Unit *u) {
        if (u->life.last_beat && u->lease->value->state == LEASE_HELD)
                leave_tell_stopped(c, u);
}

/* Until now the unit had its full time to stop, since our beats still cover the lease. */
void leave_kill(Core *c, Unit *u) {
        if ((u->life.phase != PHASE_CLOSING && u->life.phase != PHASE_STOPPING) || u->global || u->life.killed)
                return;
        unit_life_set_killed(u, true);
        look_at_unit(c, u);
        phase_ask_guard(c, u, ACTION_GUARD_LOSE)->kill = 0;
}

/* The guard is told before PID 1 is asked, so that it ends the unit even if this process dies in between. */
void leave_begin(Core *c, Unit *u, Leave why) {
        bool lost = leave_is_lost(why);

        must(why != LEAVE_NONE && !u->global);
        must(u->life.index > 0 && u->life.phase < PHASE_DISARMING);
        if (u->life.phase >= PHASE_CLOSING && !leave_is_graver(why, u->life.leave))
                return;
        if (u->life.phase == PHASE_IDLE && why == LEAVE_UNFIT)
                why = LEAVE_REFUSED;
        unit_life_set_leave(u, why);
        if (why == LEAVE_EXPIRED && cover_holds(c, u) && is_unguarded(u))
                unit_life_lose_guard(u, why_unguarded(c, u));
        if ((why == LEAVE_EXPIRED || why == LEAVE_LOST) && !cover_holds(c, u))
                unit_life_miss_beat(u, session_covered_from(c));
        if (why == LEAVE_EXPIRED && u->said.guard.jumped && u->said.guard.index == u->life.index)
                unit_life_jump(u, session_covered_from(c));
        u->forgotten = u->forgotten || u->config.once;
        c->drain.n += why == LEAVE_DRAIN;
        report_leave(c, u, why);
        if (lost)
                phase_ask_guard(c, u, ACTION_GUARD_LOSE)->kill = cover_timeline(c, u).stop_grace;
        else if (u->life.phase < PHASE_CLOSING)
                phase_ask_guard(c, u, ACTION_GATE_CLOSE);
        if (u->life.phase < PHASE_CLOSING) {
                if (!u->said.guard.frozen) /* law 15: PID 1 thaws what it stops, so the guard is to kill it before */
                        phase_act(c, u, ACTION_UNIT_STOP);
                phase_enter(c, u, PHASE_CLOSING);
                unit_life_ask_after(c, u, ASK_AGAIN);
        }
        look_count(c, u);
}

void leave_count_draining(Core *c) {
        c->drain.n = c->drain.on ? c->look.n_draining : 0;
}

bool leave_may_drain(const Core *c) {
        return c->drain.on && c->drain.n < DRAIN_AT_ONCE && !pause_is_seen(c);
}

/* In the order in which they count: a shutdown, sleep, the configuration, the operator, the plan. */
Leave leave_wanted(const Core *c, const Unit *u) {
        if (c->shutdown.on)
                return LEAVE_SHUTDOWN;
        if (c->sleep.on)
                return LEAVE_SLEEP;
        if (u->renamed && copies_has(u) && lease_slots_are_alike(u->lease->name, u->config.lease))
                return LEAVE_SURPLUS;
        if (u->forgotten || u->renamed || u->config.global)
                return LEAVE_FORGET;
        if (u->config.once && u->life.spent && u->life.phase < PHASE_STARTING)
                return LEAVE_FORGET; /* our predecessor ended before he had asked for the start: nobody waits for it */
        if (pause_is_seen(c))
                return LEAVE_NONE; /* nobody could take it (law 13) */
        if (u->wish.target &&
                        !streq(u->wish.target, c->here.machine_id)) /* a transfer to this machine asks for nothing */
                return LEAVE_TRANSFER;
        if (u->wish.release)
                return LEAVE_RELEASE;
        return u->plan.move == LEAVE_DRAIN && c->drain.n >= DRAIN_AT_ONCE ? LEAVE_NONE : u->plan.move;
}

bool leave_is_withheld(const Core *c, const Unit *u) {
        return c->drain.on && !u->global && u->life.phase < PHASE_CLOSING && u->plan.move == LEAVE_DRAIN &&
               leave_wanted(c, u) == LEAVE_NONE;
}
