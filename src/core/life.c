/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A unit's life on this machine, from the lease to the last process.
 *
 *     IDLE -> ARMING -> OPENING -> STARTING -> RUNNING -> CLOSING -> STOPPING -> DISARMING -> (RELEASING) -> IDLE
 *
 * On the way up every step waits for the one before: the lease is committed, the guard has an entry, the gate is open,
 * and then PID 1 is asked to start the unit. On the way down likewise: the gate is gone, the unit is down and empty
 * (law 7), the guard's entry is gone, and then the lease is let go, if it is still ours.
 *
 * What the registry, PID 1 or the guard does not say is unknown. Unknown is no reason to stop a unit (law 8): only the
 * time is (stop_at), or a record that names another holder. The same fact may be reported again at any time.
 */

#include "core/life.h"

#include "core/back.h"
#include "core/cover.h"
#include "core/lease.h"
#include "core/leave.h"
#include "core/look.h"
#include "core/news.h"
#include "core/output.h"
#include "core/pause.h"
#include "core/phase.h"
#include "core/plan.h"
#include "core/said.h"
#include "core/session.h"
#include "core/unit-life.h"
#include "core/unit.h"
#include "core/wish.h"

#define POLL_BUSY (20 * USEC_PER_MSEC) /* nobody reports that a control group has become empty */
#define POLL_CALM (250 * USEC_PER_MSEC)
/* A service that is upgraded, or that Restart= brings back, is away for less: moving would cost more than waiting. */
#define ASIDE_WAIT (2 * USEC_PER_SEC)
/* How long a start may wait in PID 1's queue, for a unit that this one comes after. Most units that do not come up are
 * given up after 90 s. */
#define START_WAIT (2 * USEC_PER_MINUTE)
enum { STARTS_MAX = 5 };

/* ---- the steps ---- */

/* Tells the guard another timeline, if one holds now. The guard counts by it at once, so this is done only soon
 * after a beat. */
static void arm_anew(Core *c, Unit *u) {
        bool frozen = u->said.guard.frozen && said_is_heard(u);
        Timeline t;

        if (u->life.phase <= PHASE_IDLE || u->life.phase >= PHASE_CLOSING || !u->said.guard_known)
                return;
        t = cover_timeline(c, u);
        if (cover_is_armed_by(u, &t) && !frozen) /* law 15: the same thaws */
                return;
        if (!unit_is_held(c, u)) /* about to be declared lost: its deadlines may only shrink (law 4) */
                return;
        if (c->now.boottime < usec_add(session_covered_from(c), t.stop / 2) &&
                        (!frozen || unit_life_asks_again(c, u, ASK_AGAIN)))
                phase_arm(c, u);
}

/* Takes over an entry that the guard has kept from before our restart. */
static void adopt(Core *c, Unit *u) {
        unit_life_take(u, u->said.guard.index);
        unit_life_set_origin(u, unit_is_in_slot(c, u) ? ORIGIN_ADOPTED : ORIGIN_LEFTOVER);
        if (u->life.origin == ORIGIN_LEFTOVER)
                leave_begin(c, u, LEAVE_LOST);
        else if (u->said.guard.expired)
                leave_begin(c, u, LEAVE_EXPIRED);
        else {
                phase_enter(c, u, u->said.guard.open || u->said.guard.frozen ? PHASE_RUNNING : PHASE_ARMING);
                phase_arm(c, u);
                unit_life_ask_after(c, u, ASK_AGAIN);
                phase_act(c, u, ACTION_UNIT_READ)->on = true;
                u->lease->told = u->life.index;
                output_report(c, output_report_of(u, REPORT_ADOPTED));
        }
}

void life_failed(Core *c, Unit *u, ActionKind action, uint64_t id, bool unanswered) {
        if (action == ACTION_UNIT_START && unanswered)
                unit_life_lose_start(u);
        if (action == ACTION_GATE_OPEN)
                said_not_asked(u, id);
        unit_life_ask_after(c, u, USEC_PER_SEC);
        look_at_unit(c, u);
}

static void check_gate(Core *c, Unit *u) {
        bool missing = u->said.report.known && !u->said.report.gate_loaded && !u->forgotten && !u->config.once;
        Report report = output_report_of(u, REPORT_GATE_MISSING);

        report.why = missing ? said_why_no_gate(u) : WHY_NONE;
        if (unit_life_miss_gate(u, report.why))
                output_report(c, report);
}

/* Whether a unit that cannot run here keeps its lease here all the same: another machine is not to have it
 * (OnFailure=hold), or could not take it (a pause, law 13). */
static bool stays_here(const Core *c, const Unit *u) {
        return u->config.hold_on_failure || pause_is_seen(c);
}

/* The lease was handed to us, or is ours still, and the check of the unit, which is down, fails. */
static bool check_forbids_start(const Unit *u) {
        return u->config.checked && u->said.check == CHECK_FAILS && !u->config.hold_on_failure;
}

static void step_idle(Core *c, Unit *u) {
        Leave wanted = leave_wanted(c, u);

        if (!(c->guard.synced || c->guard.gone) || !said_is_heard(u))
                return;
        if (u->said.guard.index > 0) {
                if (session_settled(c))
                        adopt(c, u);
                else if (c->sleep.on || c->shutdown.on) { /* there is no time to find out whether the lease is ours */
                        unit_life_take(u, u->said.guard.index);
                        unit_life_set_origin(u, ORIGIN_LEFTOVER);
                        leave_begin(c, u, wanted);
                }
                return;
        }
        if (!u->said.report.known || u->said.report.asked_at <= u->said.closed_at) {
                if (unit_life_asks_again(c, u, POLL_CALM))
                        phase_act(c, u, ACTION_UNIT_READ);
                return;
        }
        if (!said_is_inactive(&u->said.report) || !u->said.report.empty) {
                /* Somebody tries to start it. The gate is closed, so PID 1 will refuse. */
                if (u->said.report.job && u->said.report.empty &&
                                (u->said.report.active == ACTIVE_INACTIVE || u->said.report.active == ACTIVE_FAILED))
                        return;
                unit_life_take(u, MAX(u->lease->value->index, (uint64_t) 1));
                leave_begin(c, u, LEAVE_STRAY);
                return;
        }
        if (u->config.once && u->life.spent)
                u->forgotten = true;
        if (!session_settled(c))
                return;
        if (!unit_is_ours(c, u) || u->lease->given_up) {
                leave_tell_taken(c, u);
                unit_life_set_origin(u, ORIGIN_NEW); /* nothing of the last tenure counts in the next one */
                unit_life_set_rest(u, REST_NONE);
                wish_no_release(u);
                wish_no_transfer(u);
                return;
        }
        if (u->lease->value->index < u->lease->remembered || lease_is_lost(u->lease))
                return; /* first claim.c raises the Index, or writes the record again (law 11) */
        if (unit_has_predecessor(c, u->lease, u->lease->value->index))
                return; /* the lease is neither used nor given back before the other unit is down (law 7) */
        if (wanted == LEAVE_NONE && check_forbids_start(u)) {
                if (pause_is_seen(c))
                        return; /* nobody could take it, and here it may pass again (law 13) */
                wanted = LEAVE_CHECK_FAILED;
        }
        if (wanted != LEAVE_NONE || (!u->said.report.gate_loaded && !u->config.once)) {
                unit_life_take(u, u->lease->value->index);
                leave_begin(c, u, wanted != LEAVE_NONE ? wanted : LEAVE_RELEASE);
        } else if (c->guard.synced && u->lease->n_debts == 0 && !c->identity.silence && cover_holds(c, u)) {
                /* Law 5: no debt is left. */
                unit_life_take(u, u->lease->value->index);
                lease_tell_acquired(c, u->lease);
                phase_enter(c, u, PHASE_ARMING);
                phase_arm(c, u);
                unit_life_ask_after(c, u, ASK_AGAIN);
        }
}

static void step_arming(Core *c, Unit *u) {
        if (!u->said.guard_known)
                return;
        if (said_is_heard(u) && u->said.guard.index == u->life.index && !u->said.guard.expired) {
                phase_ask_guard(c, u, ACTION_GATE_OPEN);
                phase_enter(c, u, PHASE_OPENING);
                unit_life_forget_starts(u);
                unit_life_ask_after(c, u, ASK_AGAIN);
        } else if (unit_life_asks_again(c, u, ASK_AGAIN))
                phase_arm(c, u);
}

static void start(Core *c, Unit *u) {
        phase_ask_start(c, u, u->life.starts == 0);
        unit_life_ask_after(c, u, ASK_AGAIN);
}

static void begin_start(Core *c, Unit *u) {
        wish_no_run(u);
        unit_life_begin_start(u);
        phase_enter(c, u, PHASE_STARTING);
        start(c, u);
}

static void step_opening(Core *c, Unit *u) {
        if (!u->said.guard_known)
                return;
        if (said_is_heard(u) && u->said.guard.open && u->said.guard.index == u->life.index) {
                bool resumed = u->life.origin == ORIGIN_RESUMED;

                if (resumed && u->life.rest == REST_BY_HAND) { /* an operator's stop outlives a silence of the registry
                                                                */
                        unit_life_set_origin(u, ORIGIN_NEW);
                        phase_enter(c, u, PHASE_RUNNING);
                        return;
                }
                begin_start(c, u);
                if (resumed)
                        output_report(c, output_report_of(u, REPORT_RESUMED));
        } else if (said_is_heard(u) && (u->said.guard.index != u->life.index || u->said.guard.expired))
                phase_enter(c, u, PHASE_ARMING); /* another guard, which has no entry for the unit */
        else if (unit_life_asks_again(c, u, ASK_AGAIN)) {
                /* The guard has answered, and the gate is not open: its file cannot be made, as where /run is full.
                 * Another machine may be able to. */
                if (u->said.guard.serial >= u->said.guard_asked && unit_life_count_start(u) >= STARTS_MAX &&
                                !stays_here(c, u))
                        leave_begin(c, u, LEAVE_FAILED);
                else
                        phase_ask_guard(c, u, ACTION_GATE_OPEN);
        }
}

_Static_assert(WHY_DRAIN - WHY_TRANSFER == LEAVE_DRAIN - LEAVE_TRANSFER, "the moves have other words than reasons");

/* Whether the lease's last holder has handed the lease to another machine. */
static bool is_handed_on(const LeaseRecord *l) {
        const Tenure *last = lease_last_tenure(l);
        Why why = last ? tenure_why(last) : WHY_NONE;

        return (why >= WHY_TRANSFER && why <= WHY_DRAIN) || (why == WHY_RELEASED && last->to == l->since);
}

/* The unit has not run in this tenure. The tenure's beginning is by our own clock, unless another machine handed
 * the lease to us. */
static bool has_not_run_yet(const Unit *u) {
        const LeaseRecord *l = u->lease->value;

        if (u->said.report.run == 0)
                return !said_is_put_aside(u); /* else PID 1 has only forgotten the run */
        return !is_handed_on(l) && u->said.report.ended_at < l->since;
}

/* Why the unit goes elsewhere, which PID 1 has stopped by itself. */
static Leave leave_put_aside(const Unit *u) {
        if (u->said.report.obstacle == OBSTACLE_FAILED)
                return LEAVE_FAILED;
        return u->said.report.ended_by == ENDED_UNNEEDED ? LEAVE_UNNEEDED : LEAVE_OBSTACLE;
}

/* Whether the unit, which PID 1 has put aside, is to be started again here. Nobody keeps a slice down: one that stays
 * down is started along with the unit, but here only if no other machine may have the unit. */
static bool may_start_again(const Core *c, const Unit *u) {
        if (u->said.report.obstacle == OBSTACLE_SLICE && (!stays_here(c, u) || c->now.boottime < u->life.aside_until))
                return false;
        return u->said.report.obstacle == OBSTACLE_NONE || u->said.report.obstacle == OBSTACLE_SLICE;
}

/*
 * PID 1 has stopped it because of another unit, or because none needs it. It starts here again as soon as that is
 * over, and goes to another machine if that is not over soon. What comes and goes all the time is a failure, like that
 * of the unit itself; a unit that stays here all the same is started again when step_running() has forgotten how often
 * that was.
 */
static void on_put_aside(Core *c, Unit *u) {
        Report report = output_report_of(u, REPORT_STOPPED_FOR);
        bool again;

        if (u->life.rest != REST_ASIDE) {
                unit_life_put_aside(u, c->now.boottime + ASIDE_WAIT);
                if (u->said.report.ended_by != ENDED_BY_CONFLICT)
                        report.kind = REPORT_STOPPED_WITH;
                if (u->said.report.ended_by == ENDED_UNNEEDED)
                        report.why = WHY_STOPS_UNNEEDED;
                report.other = u->said.report.other;
                output_report(c, report);
        }
        again = may_start_again(c, u);
        if (again && u->life.aside_count < STARTS_MAX) {
                unit_life_count_aside(u);
                output_report(c, output_report_of(u, REPORT_STARTED_AGAIN));
                begin_start(c, u);
        } else if (again && !stays_here(c, u))
                leave_begin(c, u, LEAVE_FAILED);
        else if (c->now.boottime < u->life.aside_until)
                unit_life_ask_at(u, u->life.aside_until);
        else if (!stays_here(c, u))
                leave_begin(c, u, leave_put_aside(u));
}

/* PID 1 has refused each start, as where what the unit requires fails to start: another machine may be able to start
 * it. One that stays here all the same is tried again later, as often as before. */
static void on_refused(Core *c, Unit *u) {
        usec_t again_at = usec_add(u->life.changed_at, u->config.hold_down_failure);

        if (!stays_here(c, u))
                leave_begin(c, u, LEAVE_FAILED);
        else if (c->now.boottime >= again_at)
                begin_start(c, u);
        else
                unit_life_ask_at(u, again_at);
}

/* The unit has ended, and nobody here asked for it. */
static void on_ended(Core *c, Unit *u) {
        if (u->config.once) {
                leave_begin(c, u, LEAVE_RELEASE); /* its caller learns from PID 1 how it ended */
                return;
        }
        if (u->wish.start) {
                wish_no_start(u);
                begin_start(c, u);
                return;
        }
        if (u->wish.stop) {
                Report report = output_report_of(u, REPORT_STOPPED_BY_HAND);

                report.by = u->wish.by;
                if (u->life.rest != REST_BY_HAND)
                        output_report(c, report);
                unit_life_set_rest(u, REST_BY_HAND);
                return;
        }
        if (u->life.origin == ORIGIN_ADOPTED && has_not_run_yet(u)) {
                leave_begin(c, u, LEAVE_ANEW); /* our predecessor ended before it had asked for the start */
                return;
        }
        if (u->said.report.ended_by == ENDED_BY_UNKNOWN)
                return; /* the daemon is asking PID 1 who stopped it */
        if (said_is_put_aside(u)) {
                on_put_aside(c, u);
                return;
        }
        if (u->life.rest == REST_REFUSED && u->said.report.ended_by == ENDED_BY_ITSELF) {
                on_refused(c, u);
                return;
        }
        if (u->said.report.ended_by == ENDED_BY_CRASH && u->life.rest != REST_BY_HAND) {
                if (!u->config.hold_on_failure)
                        leave_begin(c, u, LEAVE_FAILED);
                return;
        }
        /* Who stopped it while no daemon looked is not known. It counts as stopped by hand, so that an operator's
         * stop is never undone. */
        if (u->said.report.ended_by == ENDED_BY_HAND || u->life.origin == ORIGIN_ADOPTED ||
                        u->life.rest == REST_BY_HAND) {
                if (u->life.rest != REST_BY_HAND)
                        output_report(c, output_report_of(u, REPORT_STOPPED_BY_HAND));
                unit_life_set_rest(u, REST_BY_HAND);
        } else if (!u->said.report.failed)
                leave_begin(c, u, LEAVE_DONE);
        else if (!u->config.hold_on_failure)
                leave_begin(c, u, LEAVE_FAILED);
}

/* PID 1 knows the gate of a unit that runs once only when it has started the unit. One that runs without its gate, as
 * where a drop-in has emptied AssertPathExists=, is ended. Returns whether it is. */
static bool check_gate_of_run(Core *c, Unit *u) {
        if (!u->config.once || u->said.report.gate_loaded)
                return false;
        output_report(c, output_report_of(u, REPORT_GATE_MISSING));
        leave_begin(c, u, LEAVE_RELEASE);
        return true;
}

/* PID 1 has not begun with the start, since it waits for the start of another unit, which may never end. Another
 * machine may be able to start it. */
static bool waits_in_vain(const Core *c, const Unit *u) {
        return !u->config.once && !stays_here(c, u) && c->now.boottime >= usec_add(u->life.changed_at, START_WAIT);
}

/* As many starts as may be asked for in a row have come to nothing. */
static void give_up_start(Core *c, Unit *u) {
        if (u->config.once || !stays_here(c, u)) {
                leave_begin(c, u, LEAVE_FAILED);
                return;
        }
        phase_enter(c, u, PHASE_RUNNING);
        unit_life_set_rest(u, REST_REFUSED);
        phase_act(c, u, ACTION_UNIT_READ);
}

/* A start that PID 1 refused leaves no new run behind, and is not an end of the unit: an Assert= or a Condition=
 * did not hold, or something that the unit requires has failed. */
static void step_starting(Core *c, Unit *u) {
        bool read = u->said.report.known && u->said.report.asked_at >= u->life.changed_at;

        if (!u->said.guard_known)
                return; /* the gate may be gone */
        if (read && said_has_begun(u)) {
                Report report = output_report_of(u, REPORT_STARTED);

                report.again = unit_life_has_run(u);
                phase_enter(c, u, PHASE_RUNNING);
                output_report(c, report);
                if (said_is_inactive(&u->said.report))
                        on_ended(c, u);
                else
                        check_gate_of_run(c, u);
        } else if (c->now.boottime >= u->life.retry_at) {
                /* Only a start that is known to have been refused counts as failed: PID 1 may be busy. */
                if (read && u->said.report.job && waits_in_vain(c, u))
                        leave_begin(c, u, LEAVE_FAILED);
                else if (read && u->said.report.job) {
                        phase_act(c, u, ACTION_UNIT_READ);
                        unit_life_ask_after(c, u, ASK_AGAIN);
                } else if (read && unit_life_count_start(u) >= (u->config.once ? 1 : STARTS_MAX))
                        give_up_start(c, u);
                else if (u->config.once) { /* one start was asked for, and may have been carried out */
                        phase_act(c, u, ACTION_UNIT_READ);
                        unit_life_ask_after(c, u, ASK_AGAIN);
                } else
                        start(c, u);
        }
}

/* Whether PID 1 was asked to stop the unit, and goes on with it: the job was cancelled. What ends the unit later is
 * not the operator's stop. */
static bool is_kept_running(const Unit *u) {
        const UnitReport *r = &u->said.report;

        return (u->wish.stop || u->wish.start) && r->active == ACTIVE_ACTIVE && !r->job &&
               r->asked_at > usec_add(u->wish.at, ASK_AGAIN);
}

/* From when on a unit that runs has run well, and what failed before is forgotten. */
static usec_t ran_well_at(const Unit *u) {
        return usec_add(usec_add(u->life.changed_at, u->config.hold_down_failure), 1);
}

static void step_running(Core *c, Unit *u) {
        bool again;

        if (!u->said.guard_known || u->said.guard.frozen || !u->said.report.known ||
                        u->said.report.asked_at <= u->life.changed_at)
                return; /* where the guard is gone, PID 1 stops the unit, and nobody else did */
        if (c->now.boottime >= ran_well_at(u)) {
                back_forget_failures(u);
                unit_life_forget_asides(u);
        }
        if (said_is_inactive(&u->said.report) || said_is_put_aside(u)) {
                on_ended(c, u);
                return;
        }
        if (check_gate_of_run(c, u))
                return;
        if (u->config.checked && u->said.check == CHECK_FAILS && !stays_here(c, u)) {
                leave_begin(c, u, LEAVE_CHECK_FAILED); /* not in a pause: nobody could take it (law 13) */
                return;
        }
        again = unit_life_has_run(u) || u->life.rest == REST_BY_HAND;
        if (u->life.rest == REST_BY_HAND || u->life.rest == REST_REFUSED) {
                Report report = output_report_of(u, REPORT_STARTED);

                report.again = again;
                output_report(c, report);
                news_of_unit(c, u, NEWS_UNIT_RUNS_AGAIN);
        }
        if (u->life.rest == REST_BY_HAND || is_kept_running(u))
                wish_no_start(u);
        unit_life_set_rest(u, REST_NONE);
        unit_life_set_origin(u, ORIGIN_NEW); /* how it ends from now on we see ourselves */
}

/* Says again that the lease is lost, until the guard's entry is known to end (law 4). The request may have been
 * lost with the connection, and the next beat would cover an entry that the guard takes to be live. */
static void say_lost_again(Core *c, Unit *u) {
        if (!leave_is_lost(u->life.leave) || c->guard.gone)
                return;
        if (said_is_heard(u) && !u->said.guard.expired && !said_is_down(u) && unit_life_asks_again(c, u, ASK_AGAIN))
                phase_ask_guard(c, u, ACTION_GUARD_LOSE)->kill = cover_timeline(c, u).stop_grace;
}

static void step_closing(Core *c, Unit *u) {
        say_lost_again(c, u);
        if (said_is_heard(u) && !u->said.guard.open) {
                phase_enter(c, u, PHASE_STOPPING);
                return;
        }
        if (!unit_life_asks_again(c, u, ASK_AGAIN))
                return;
        phase_ask_guard(c, u, ACTION_GATE_CLOSE);
        if (!u->said.guard.frozen) /* law 15: a guard that hangs finds it frozen when it goes on */
                phase_act(c, u, ACTION_UNIT_STOP);
}

static void step_stopping(Core *c, Unit *u) {
        bool resting = said_is_inactive(&u->said.report);

        say_lost_again(c, u);
        if (!u->said.guard_known)
                return;
        if (u->said.guard.open) { /* opened again by another guard than the one that closed it */
                phase_enter(c, u, PHASE_CLOSING);
                return;
        }
        if (said_is_down(u)) {
                phase_ask_guard(c, u, ACTION_GUARD_DISARM);
                phase_enter(c, u, PHASE_DISARMING);
                unit_life_ask_after(c, u, ASK_AGAIN);
                return;
        }
        if (resting && u->said.report.left)
                leave_kill(c, u);
        if (!unit_life_asks_again(c, u, resting ? POLL_BUSY : POLL_CALM))
                return;
        /* Inactive is not gone (law 7). Where processes are left, one of its members may have been started
         * meanwhile: everything is stopped again. What PID 1 said before it was asked for the stop does not count: it
         * may have much to do. */
        if (u->said.report.known && u->said.report.asked_at > u->said.closed_at && !u->said.report.job &&
                        (resting ? !u->said.report.empty && c->now.boottime >= u->life.stop_again_at
                                 : u->said.report.active != ACTIVE_DEACTIVATING)) {
                unit_life_stop_again_after(c, u, ASK_AGAIN);
                phase_act(c, u, ACTION_UNIT_STOP);
        }
        phase_act(c, u, ACTION_UNIT_READ);
}

static void rest(Core *c, Unit *u) {
        phase_act(c, u, ACTION_UNIT_CLEAN);
        wish_no_start(u);
        said_lease(u, NULL);
        unit_life_end(u);
        phase_enter(c, u, PHASE_IDLE);
}

void life_released(Core *c, Unit *u) {
        if (u->life.phase != PHASE_RELEASING)
                return;
        back_after(c, u);
        wish_no_release(u);
        wish_no_transfer(u);
        rest(c, u);
}

static void step_disarming(Core *c, Unit *u) {
        if (!u->said.guard_known)
                return;
        if (!said_is_heard(u) || u->said.guard.index > 0) {
                if (unit_life_asks_again(c, u, ASK_AGAIN))
                        phase_ask_guard(c, u, ACTION_GUARD_DISARM);
                return;
        }
        leave_tell_stopped(c, u);
        if (!leave_gives_back(u->life.leave))
                rest(c, u);
        else
                phase_enter(c, u, PHASE_RELEASING);
}

/* claim.c asks for the Txn until it is committed or refused (law 6). Where it is refused, the record tells whether
 * the lease is still ours. */
static void step_releasing(Core *c, Unit *u) {
        if (session_settled(c) && !u->lease->txn && u->lease->seen.known && !unit_is_held(c, u))
                life_released(c, u); /* an attempt whose answer was lost has landed, or the lease is lost */
}

/* The guard says that the unit's time is over; or another guard has no entry for it, or has closed its gate. */
static bool has_lost_gate(const Unit *u) {
        if (!u->said.guard_known)
                return false;
        if (u->said.guard.index == u->life.index && u->said.guard.expired)
                return true;
        return u->life.phase >= PHASE_STARTING && (u->said.guard.index != u->life.index || !u->said.guard.open);
}

/* Law 15: the guard keeps the time of a unit with OnOutage=freeze, and says so where it is not frozen but ended. What
 * PID 1 says has ended is not frozen: it is over like any other. */
static bool outlasts_silence(const Unit *u) {
        const GuardReport *g = &u->said.guard;

        return u->config.freezes && u->life.phase == PHASE_RUNNING && !said_is_inactive(&u->said.report) &&
               !(u->said.report.known && said_is_put_aside(u)) &&
               (!u->said.guard_known || (g->index == u->life.index && !g->expired && (g->open || g->frozen)));
}

/* Reasons to leave that hold in every phase in which an Index is in hand. Law 8: no answer is no reason before
 * stop_at, and a record that names another machine is one at once. */
static void check_reasons(Core *c, Unit *u) {
        Leave wanted;

        if (u->life.phase == PHASE_IDLE || u->life.phase == PHASE_DISARMING || u->life.phase == PHASE_RELEASING)
                return;
        if (!unit_is_held(c, u) && u->life.leave != LEAVE_STRAY && !session_is_undecided(c)) {
                leave_begin(c, u, LEAVE_LOST);
                return;
        }
        if (u->life.phase >= PHASE_CLOSING)
                return;
        if (!outlasts_silence(u) && (!cover_holds(c, u) || has_lost_gate(u))) {
                leave_begin(c, u, LEAVE_EXPIRED);
                return;
        }
        wanted = leave_wanted(c, u);
        if (wanted != LEAVE_NONE)
                leave_begin(c, u, wanted);
}

static bool is_finished(const Core *c, const Unit *u) {
        if (u->forgotten && u->global)
                return u->life.phase == PHASE_IDLE && u->said.report.known && said_is_inactive(&u->said.report) &&
                       !unit_is_ours(c, u);
        return u->forgotten && u->life.phase == PHASE_IDLE && u->said.guard_known && u->said.guard.index == 0 &&
               u->lease->txn == 0 && !unit_is_ours(c, u) && said_is_down(u);
}

bool life_drop_finished(Core *c, Unit *u) {
        Action *a;

        if (!is_finished(c, u))
                return false;
        a = output(c, ACTION_FORGOTTEN);
        a->unit = output_copy(c, u->name, strlen(u->name) + 1);
        unit_free(c, u);
        return true;
}

/* Global= has changed. It is taken on when nothing is in hand. */
static bool may_change_kind(const Core *c, const Unit *u) {
        return u->life.phase == PHASE_IDLE && (c->guard.synced || c->guard.gone) && said_is_heard(u) &&
               u->said.guard.index == 0 && !unit_is_ours(c, u) && u->lease->txn == 0;
}

void life_take_config(Core *c, Unit *u) {
        if (u->renamed && u->life.phase == PHASE_IDLE && !unit_is_ours(c, u) && u->lease->txn == 0)
                unit_attach(c, u, u->config.lease);
        if (u->global != u->config.global && may_change_kind(c, u)) {
                u->global = u->config.global;
                news_of_unit(c, u, NEWS_UNIT_CHANGED);
        }
        if (u->global && u->lease->unit == u)
                u->lease->unit = NULL; /* it needs no lease, and must keep it from no other unit */
}

void life_advance(Core *c, Unit *u) {
        static void (*const steps[])(Core *, Unit *) = {
                [PHASE_IDLE] = step_idle,
                [PHASE_ARMING] = step_arming,
                [PHASE_OPENING] = step_opening,
                [PHASE_STARTING] = step_starting,
                [PHASE_RUNNING] = step_running,
                [PHASE_CLOSING] = step_closing,
                [PHASE_STOPPING] = step_stopping,
                [PHASE_DISARMING] = step_disarming,
                [PHASE_RELEASING] = step_releasing,
        };
        Phase before;

        if (!u->lease->unit) {
                u->lease->unit = u;
                news_of_unit(c, u, NEWS_UNIT_CHANGED); /* until now its offer said that another unit has the lease */
        }
        check_gate(c, u);
        plan_note_ability(c, u);
        arm_anew(c, u);
        do {
                before = u->life.phase;
                check_reasons(c, u);
                steps[u->life.phase](c, u);
        } while (u->life.phase != before);
}

bool life_is_covered(const Core *c, const Unit *u) {
        return !u->global && u->life.phase > PHASE_IDLE && u->life.phase < PHASE_CLOSING &&
               !(outlasts_silence(u) && !cover_holds(c, u));
}

usec_t life_deadline(const Core *c, const Unit *u) {
        usec_t t = USEC_INFINITY, now = c->now.boottime;

        if (u->life.retry_at > now)
                t = u->life.retry_at;
        if (u->back.not_before > now)
                t = MIN(t, u->back.not_before);
        if (u->life.phase == PHASE_RUNNING && (u->back.failures > 0 || u->life.aside_count > 0) &&
                        ran_well_at(u) > now)
                t = MIN(t, ran_well_at(u));
        return t;
}
