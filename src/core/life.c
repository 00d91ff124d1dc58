/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A unit's life on this machine, from the lease to the last process.
 *
 *     IDLE -> ARMING -> OPENING -> STARTING -> RUNNING -> CLOSING -> STOPPING -> DISARMING -> (RELEASING) -> IDLE
 *
 * Upwards every step waits for the one before: the lease is committed, the guard has an entry, the gate is open, then
 * PID 1 is asked. Downwards likewise: the gate is gone, the unit is down and empty, the guard's entry is gone, then
 * the lease is let go, as long as it is ours to let go.
 *
 * What the registry, PID 1 or the guard do not say is unknown, and unknown is no reason to stop anything: only the
 * time is (stop_at), or a record that names another. What is known may be told again at any moment.
 */

#include "core/internal.h"

#include <assert.h>

#define POLL_BUSY (20 * USEC_PER_MSEC) /* a control group does not say when it gets empty */
#define POLL_CALM (250 * USEC_PER_MSEC)
#define ASK_AGAIN USEC_PER_SEC
#define HOLD_DOWN_MAX USEC_PER_HOUR
/* A service that is upgraded, or that Restart= brings back, is away for less: moving would cost more than waiting. */
#define ASIDE_WAIT (2 * USEC_PER_SEC)
enum {
        STARTS_MAX = 5,
        DRAIN_AT_ONCE = 10, /* a machine that drains does not stop hundreds of units in one moment */
};

/* ---- the steps ---- */

void life_enter(Core *c, Unit *u, Phase phase) {
        if ((phase == PHASE_IDLE) != (u->life.phase == PHASE_IDLE)) {
                if (c->plan.has_wishes && phase != PHASE_IDLE && !life_is_ours(c, u))
                        c->plan.stale = true; /* nobody could know that it is here: others may not come beside it */
                else if (c->plan.has_wishes)
                        plan_soon(c);
                c->offering.stale = c->offering.stale || u->global;
        }
        u->life.phase = phase;
        u->life.changed_at = c->now.boottime;
        u->life.retry_at = 0;
        output_changed(c, u, u->lease);
}

bool life_ask_again(Core *c, Unit *u, usec_t pause) {
        if (c->now.boottime < u->life.retry_at)
                return false;
        u->life.retry_at = c->now.boottime + pause;
        return true;
}

Action *life_act(Core *c, const Unit *u, ActionKind kind) {
        Action *a = output(c, kind);

        a->unit = arena_copy(c, u->name, strlen(u->name) + 1); /* the unit may be dropped in the same step */
        a->lease = u->lease->name;
        a->index = u->life.index;
        a->version = u->lease->value.version;
        a->last_trigger = u->lease->value.last_trigger;
        return a;
}

void life_ask_start(Core *c, Unit *u, bool first) {
        life_act(c, u, ACTION_UNIT_START)->on = first;
        life_act(c, u, ACTION_UNIT_READ);
}

static Action *ask_guard(Core *c, Unit *u, ActionKind kind) {
        Action *a = life_act(c, u, kind);

        a->id = ++c->guard.serial;
        u->said.guard_asked_before = u->said.guard_asked;
        if (kind == ACTION_GATE_OPEN)
                u->said.closed_at = USEC_INFINITY; /* from now on it may be open */
        if (!c->guard.gone)                        /* nobody is there to answer, and nothing to be answered */
                u->said.guard_asked = a->id;
        return a;
}

static void arm(Core *c, Unit *u) {
        Timeline t = life_timeline(c, u);
        Action *a = ask_guard(c, u, ACTION_GUARD_ARM);

        a->t0 = session_covered_from(c);
        a->stop = u->life.armed_stop = t.stop;
        a->kill = u->life.armed_kill = t.kill;
        u->life.armed_id = a->id;
}

/* Another timeline holds now. It is told with a fresh beat in hand, for the guard counts by it at once. */
static void arm_anew(Core *c, Unit *u) {
        Timeline t;

        if (u->life.phase <= PHASE_IDLE || u->life.phase >= PHASE_CLOSING || !u->said.guard_known)
                return;
        t = life_timeline(c, u);
        if (life_is_armed_by(u, &t))
                return;
        if (!life_is_held(c, u)) /* lost, and about to be told so: its deadline only shrinks */
                return;
        if (c->now.boottime < usec_add(session_covered_from(c), t.stop / 2))
                arm(c, u);
}

static void report_leave(Core *c, const Unit *u, Leave leave) {
        const char *holder = u->lease->value.state == LEASE_HELD ? u->lease->value.machine_id : NULL;

        if (leave == LEAVE_EXPIRED)
                output_report(c, life_is_covered(c, u) ? REPORT_GUARD_LOST : REPORT_EXPIRED, u->name, u->lease->name,
                                NULL, u->life.index);
        else if (leave == LEAVE_LOST)
                output_report(c, REPORT_LOST, u->name, u->lease->name, holder, u->life.index);
        else if (leave == LEAVE_STRAY)
                output_report(c, REPORT_STRAY, u->name, u->lease->name, holder, u->life.index);
        else if (leave == LEAVE_DONE)
                output_report(c, REPORT_DONE, u->name, u->lease->name, NULL, u->life.index);
}

/* Until now its stop was covered by our beats. */
void life_kill(Core *c, Unit *u) {
        if ((u->life.phase != PHASE_CLOSING && u->life.phase != PHASE_STOPPING) || u->global || u->life.killed)
                return;
        u->life.killed = true;
        ask_guard(c, u, ACTION_GUARD_LOSE)->kill = 0;
}

/* The way down begins, or its reason becomes a graver one. The guard is told before PID 1 is asked. */
static void leave(Core *c, Unit *u, Leave why) {
        bool lost = why == LEAVE_LOST || why == LEAVE_STRAY;

        if (u->life.phase >= PHASE_CLOSING && u->life.leave >= why)
                return;
        u->life.leave = why;
        u->forgotten = u->forgotten || u->config.once;
        c->drain.n += why == LEAVE_DRAIN;
        u->life.let_go = u->life.phase == PHASE_IDLE && why == LEAVE_UNFIT;
        report_leave(c, u, why);
        if (lost)
                ask_guard(c, u, ACTION_GUARD_LOSE)->kill = life_timeline(c, u).stop_grace;
        else if (u->life.phase < PHASE_CLOSING)
                ask_guard(c, u, ACTION_GATE_CLOSE);
        if (u->life.phase < PHASE_CLOSING) {
                life_act(c, u, ACTION_UNIT_STOP);
                life_enter(c, u, PHASE_CLOSING);
                u->life.retry_at = c->now.boottime + ASK_AGAIN;
        }
}

void life_count_draining(Core *c) {
        c->drain.n = 0;
        for (const Unit *u = c->drain.on ? c->units : NULL; u; u = u->hh.next)
                c->drain.n += u->life.phase >= PHASE_CLOSING && u->life.leave == LEAVE_DRAIN;
}

/* What we hold and an operator, a shutdown or the plan wants gone. */
static Leave wanted_leave(const Core *c, const Unit *u) {
        if (c->shutdown.on)
                return LEAVE_SHUTDOWN;
        if (c->sleep.on)
                return LEAVE_SLEEP;
        if (u->forgotten || u->renamed || u->config.global)
                return LEAVE_FORGET;
        if (u->config.once && u->life.spent && u->life.phase < PHASE_STARTING)
                return LEAVE_FORGET; /* our predecessor ended before he had asked for the start: nobody waits for it */
        if (u->wish.target[0] && !streq(u->wish.target, c->here.machine_id)) /* which it need not leave for */
                return LEAVE_TRANSFER;
        if (u->wish.release)
                return LEAVE_RELEASE;
        return u->plan.move == LEAVE_DRAIN && c->drain.n >= DRAIN_AT_ONCE ? LEAVE_NONE : u->plan.move;
}

/* An entry that the guard keeps from before our restart. */
static void adopt(Core *c, Unit *u) {
        u->life.index = u->said.guard.index;
        u->life.from_before = !life_is_held(c, u);
        if (u->life.from_before)
                leave(c, u, LEAVE_LOST);
        else if (u->said.guard.expired)
                leave(c, u, LEAVE_EXPIRED);
        else {
                life_enter(c, u, u->said.guard.open ? PHASE_RUNNING : PHASE_ARMING);
                arm(c, u);
                u->life.retry_at = c->now.boottime + ASK_AGAIN;
                life_act(c, u, ACTION_UNIT_READ);
                u->life.adopted = true;
                u->lease->told = u->life.index;
                output_report(c, REPORT_ADOPTED, u->name, u->lease->name, NULL, u->life.index);
        }
}

static void check_gate(Core *c, Unit *u) {
        bool missing = u->said.report.known && !u->said.report.gate_loaded && !u->forgotten && !u->config.once;

        if (missing && !u->life.gate_reported)
                output_report(c, REPORT_GATE_MISSING, u->name, u->lease->name, NULL, 0);
        u->life.gate_reported = missing;
}

static void step_idle(Core *c, Unit *u) {
        Leave wanted = wanted_leave(c, u);

        if (!(c->guard.synced || c->guard.gone) || !life_is_heard(u))
                return;
        if (u->said.guard.index > 0) {
                if (session_settled(c))
                        adopt(c, u);
                else if (c->sleep.on || c->shutdown.on) { /* whether it is ours must not be waited for */
                        u->life.index = u->said.guard.index;
                        u->life.from_before = true;
                        leave(c, u, wanted);
                }
                return;
        }
        if (!u->said.report.known || u->said.report.asked_at <= u->said.closed_at) {
                if (life_ask_again(c, u, POLL_CALM))
                        life_act(c, u, ACTION_UNIT_READ);
                return;
        }
        if (!life_is_inactive(&u->said.report) || !u->said.report.empty) {
                /* A job alone is somebody trying: the gate is closed, it will be refused. */
                if (u->said.report.job && u->said.report.empty &&
                                (u->said.report.active == ACTIVE_INACTIVE || u->said.report.active == ACTIVE_FAILED))
                        return;
                u->life.index = MAX(u->lease->value.index, (uint64_t) 1);
                leave(c, u, LEAVE_STRAY);
                return;
        }
        if (u->config.once && u->life.spent)
                u->forgotten = true;
        if (!session_settled(c))
                return;
        if (!life_is_ours(c, u) || u->lease->given_up) {
                u->wish.release = false;
                u->wish.target[0] = '\0';
                return;
        }
        if (u->lease->value.index < u->lease->remembered || lease_is_lost(u->lease))
                return; /* first it gets a new Index, or its record is written again */
        if (life_has_predecessor(c, u->lease, u->lease->value.index))
                return; /* neither is it started nor given back before that is down */
        u->life.index = u->lease->value.index;
        if (wanted != LEAVE_NONE || (!u->said.report.gate_loaded && !u->config.once))
                leave(c, u, wanted != LEAVE_NONE ? wanted : LEAVE_RELEASE);
        else if (c->guard.synced && u->lease->n_debts == 0 && !c->identity.silence && life_is_covered(c, u)) {
                lease_tell_acquired(c, u->lease);
                life_enter(c, u, PHASE_ARMING);
                arm(c, u);
                u->life.retry_at = c->now.boottime + ASK_AGAIN;
        } else
                u->life.index = 0;
}

static void step_arming(Core *c, Unit *u) {
        if (!u->said.guard_known)
                return;
        if (life_is_heard(u) && u->said.guard.index == u->life.index && !u->said.guard.expired) {
                ask_guard(c, u, ACTION_GATE_OPEN);
                life_enter(c, u, PHASE_OPENING);
                u->life.starts = 0;
                u->life.retry_at = c->now.boottime + ASK_AGAIN;
        } else if (life_ask_again(c, u, ASK_AGAIN))
                arm(c, u);
}

static void start(Core *c, Unit *u) {
        life_ask_start(c, u, u->life.starts == 0);
        u->life.retry_at = c->now.boottime + ASK_AGAIN;
}

static void begin_start(Core *c, Unit *u) {
        assert(!u->life.spent);
        u->life.spent = u->config.once;
        u->wish.run = false;
        u->life.starts = 0;
        u->life.run = u->said.report.run;
        u->life.by_hand = u->life.adopted = u->life.put_aside = false;
        life_enter(c, u, PHASE_STARTING);
        start(c, u);
}

static void step_opening(Core *c, Unit *u) {
        if (!u->said.guard_known)
                return;
        if (life_is_heard(u) && u->said.guard.open && u->said.guard.index == u->life.index) {
                if (u->life.resumed && u->life.by_hand) { /* and stays stopped */
                        u->life.resumed = false;
                        life_enter(c, u, PHASE_RUNNING);
                        return;
                }
                begin_start(c, u);
                if (u->life.resumed)
                        output_report(c, REPORT_RESUMED, u->name, u->lease->name, NULL, u->life.index);
                u->life.resumed = false;
        } else if (life_is_heard(u) && (u->said.guard.index != u->life.index || u->said.guard.expired))
                life_enter(c, u, PHASE_ARMING); /* another guard, that knows of no entry */
        else if (life_ask_again(c, u, ASK_AGAIN)) {
                /* Answered, and yet not open: it cannot be made, as where /run is full. Others may have more luck. */
                if (u->said.guard.serial >= u->said.guard_asked && ++u->life.starts >= STARTS_MAX)
                        leave(c, u, LEAVE_FAILED);
                else
                        ask_guard(c, u, ACTION_GATE_OPEN);
        }
}

_Static_assert(WHY_DRAIN - WHY_TRANSFER == LEAVE_DRAIN - LEAVE_TRANSFER, "the moves have other words than reasons");

/* Its last holder has given it to another machine. */
static bool is_handed_on(const LeaseRecord *l) {
        Why why = l->n_tenures > 0 ? tenure_why(lease_last_tenure(l)) : WHY_NONE;

        return why >= WHY_TRANSFER && why <= WHY_DRAIN;
}

/* In this tenure. Its since is of our own clock, unless the lease was handed to us by another machine. */
static bool has_not_run_yet(const Unit *u) {
        const LeaseRecord *l = &u->lease->value;

        return u->said.report.run == 0 || (!is_handed_on(l) && u->said.report.ended_at < l->since);
}

/* Even where something that goes by its lease runs on. */
static bool is_put_aside(const Unit *u) {
        return u->said.report.ended_by == ENDED_BY_NEED || u->said.report.ended_by == ENDED_BY_CONFLICT;
}

/*
 * PID 1 has stopped it because of another unit. It starts here again as soon as that is over, and goes to another
 * machine if that is not over soon. What comes and goes all the time is a failure, like that of the unit itself.
 */
static void on_put_aside(Core *c, Unit *u) {
        Obstacle obstacle = u->said.report.obstacle;

        if (!u->life.put_aside) {
                u->life.put_aside = true;
                u->life.by_hand = false;
                u->life.aside_until = c->now.boottime + ASIDE_WAIT;
                output_report(c, u->said.report.ended_by == ENDED_BY_NEED ? REPORT_STOPPED_WITH : REPORT_STOPPED_FOR,
                                u->name, u->lease->name, NULL, u->life.index);
                c->out.actions[c->out.n - 1].why = arena_copy(c, u->said.other, strlen(u->said.other) + 1);
        }
        if (obstacle == OBSTACLE_NONE && ++u->life.aside_count > STARTS_MAX)
                leave(c, u, LEAVE_FAILED);
        else if (obstacle == OBSTACLE_NONE) {
                output_report(c, REPORT_STARTED_AGAIN, u->name, u->lease->name, NULL, u->life.index);
                begin_start(c, u);
        } else if (!u->config.hold_on_failure && c->now.boottime >= u->life.aside_until)
                leave(c, u, obstacle == OBSTACLE_FAILED ? LEAVE_FAILED : LEAVE_OBSTACLE);
        else if (!u->config.hold_on_failure)
                u->life.retry_at = u->life.aside_until;
}

/* The unit's end by its own account. */
static void on_ended(Core *c, Unit *u) {
        if (u->config.once) {
                leave(c, u, LEAVE_RELEASE); /* how it ended is its caller's affair */
                return;
        }
        if (u->life.adopted && has_not_run_yet(u)) {
                leave(c, u, LEAVE_EXPIRED); /* our predecessor ended before he had asked for the start: once more */
                return;
        }
        if (u->said.report.ended_by == ENDED_BY_UNKNOWN)
                return; /* PID 1 is being asked */
        if (is_put_aside(u)) {
                on_put_aside(c, u);
                return;
        }
        /* How it ended while no daemon looked is not known: an operator's word is not to be undone. */
        if (u->said.report.ended_by == ENDED_BY_HAND || u->life.adopted || u->life.by_hand) {
                if (!u->life.by_hand)
                        output_report(c, REPORT_STOPPED_BY_HAND, u->name, u->lease->name, NULL, u->life.index);
                u->life.by_hand = true;
        } else if (!u->said.report.failed)
                leave(c, u, LEAVE_DONE);
        else if (!u->config.hold_on_failure)
                leave(c, u, LEAVE_FAILED);
}

/* A start that was refused leaves no new run behind, and is no end: by an Assert= or a Condition= of the unit's own,
 * or because something that it requires has failed. */
static void step_starting(Core *c, Unit *u) {
        bool read = u->said.report.known && u->said.report.asked_at >= u->life.changed_at;

        if (!u->said.guard_known)
                return; /* the gate may be gone */
        if (read && life_has_begun(u)) {
                life_enter(c, u, PHASE_RUNNING);
                if (life_is_inactive(&u->said.report))
                        on_ended(c, u);
        } else if (c->now.boottime >= u->life.retry_at) {
                /* Only what is known to have been refused counts: PID 1 may be busy with something else. */
                if (read && u->said.report.job) {
                        life_act(c, u, ACTION_UNIT_READ);
                        u->life.retry_at = c->now.boottime + ASK_AGAIN;
                } else if (read && ++u->life.starts >= (u->config.once ? 1 : STARTS_MAX))
                        leave(c, u, LEAVE_FAILED);
                else if (u->config.once) { /* one start was asked for, and may have been carried out */
                        life_act(c, u, ACTION_UNIT_READ);
                        u->life.retry_at = c->now.boottime + ASK_AGAIN;
                } else
                        start(c, u);
        }
}

static void step_running(Core *c, Unit *u) {
        if (!u->said.guard_known || !u->said.report.known || u->said.report.asked_at <= u->life.changed_at)
                return; /* PID 1 stops it when its guard is gone: that is nobody's hand */
        if (c->now.boottime > usec_add(u->life.changed_at, u->config.hold_down_failure))
                u->back.failures = u->life.aside_count = 0; /* it ran well for a while */
        if (life_is_inactive(&u->said.report) || is_put_aside(u)) {
                on_ended(c, u);
                return;
        }
        c->plan.stale = c->plan.stale || u->life.by_hand; /* it rests no more */
        u->life.by_hand = u->life.adopted = u->life.put_aside = false;
}

/* A LOSE that never reached the guard, the connection having been lost, is said again until its entry is known to end:
 * an entry that it takes to be live would be covered by the next beat. */
static void say_lost_again(Core *c, Unit *u) {
        if ((u->life.leave != LEAVE_LOST && u->life.leave != LEAVE_STRAY) || c->guard.gone)
                return;
        if (life_is_heard(u) && !u->said.guard.expired && !life_is_down(u) && life_ask_again(c, u, ASK_AGAIN))
                ask_guard(c, u, ACTION_GUARD_LOSE)->kill = life_timeline(c, u).stop_grace;
}

static void step_closing(Core *c, Unit *u) {
        say_lost_again(c, u);
        if (life_is_heard(u) && !u->said.guard.open) {
                life_enter(c, u, PHASE_STOPPING);
                return;
        }
        if (!life_ask_again(c, u, ASK_AGAIN))
                return;
        ask_guard(c, u, ACTION_GATE_CLOSE);
        life_act(c, u, ACTION_UNIT_STOP);
}

static void step_stopping(Core *c, Unit *u) {
        bool resting = life_is_inactive(&u->said.report);

        say_lost_again(c, u);
        if (!u->said.guard_known)
                return;
        if (u->said.guard.open) { /* a guard that is not the one that closed it */
                life_enter(c, u, PHASE_CLOSING);
                return;
        }
        if (life_is_down(u)) {
                ask_guard(c, u, ACTION_GUARD_DISARM);
                life_enter(c, u, PHASE_DISARMING);
                u->life.retry_at = c->now.boottime + ASK_AGAIN;
                return;
        }
        if (resting && u->said.report.left)
                life_kill(c, u);
        if (!life_ask_again(c, u, resting ? POLL_BUSY : POLL_CALM))
                return;
        /* Inactive, and yet not empty: something that goes by it may have been started meanwhile. */
        if (u->said.report.known && !u->said.report.job &&
                        (resting ? !u->said.report.empty && c->now.boottime >= u->life.stop_again_at
                                 : u->said.report.active != ACTIVE_DEACTIVATING)) {
                u->life.stop_again_at = c->now.boottime + ASK_AGAIN;
                life_act(c, u, ACTION_UNIT_STOP);
        }
        life_act(c, u, ACTION_UNIT_READ);
}

static void stand_back(Core *c, Unit *u, usec_t span) {
        u->back.not_before = usec_add(c->now.boottime, span);
        u->back.until = usec_add(c->now.realtime, span);
        u->back.unfit = u->life.leave == LEAVE_UNFIT;
        c->offering.stale = true;
}

void life_look_anew(Core *c, Unit *u) {
        if (!u->back.unfit)
                return;
        u->back.not_before = u->back.until = 0;
        u->back.unfit = false;
        c->offering.stale = c->plan.stale = true;
}

void life_hold_down_failure(Core *c, Unit *u) {
        usec_t most = MAX(HOLD_DOWN_MAX, u->config.hold_down_failure);
        usec_t span = backoff(u->config.hold_down_failure, u->back.failures, most);

        u->back.failures++;
        stand_back(c, u, span);
        output_report(c, REPORT_UNIT_FAILED, u->name, u->lease->name, NULL, u->life.index);
        c->out.actions[c->out.n - 1].span = span;
}

static void hold_down(Core *c, Unit *u) {
        /* Three may drive each other round. But where only the guard is missing, that alone keeps the unit away. */
        bool unfit = u->life.leave == LEAVE_UNFIT && u->lease->value.state == LEASE_FREE && !c->guard.missing;

        if (u->life.leave == LEAVE_FAILED)
                life_hold_down_failure(c, u);
        else if (u->life.leave == LEAVE_RELEASE || u->life.leave == LEAVE_TRANSFER || unfit)
                stand_back(c, u, u->config.hold_down_release);
        if (u->life.leave == LEAVE_DONE)
                u->back.failures = 0;
}

static void rest(Core *c, Unit *u) {
        life_act(c, u, ACTION_UNIT_CLEAN);
        if (u->life.leave != LEAVE_EXPIRED)
                u->life.by_hand = false;
        u->life.index = 0;
        u->life.put_aside = false;
        u->life.from_before = u->life.killed = false;
        u->life.run = u->said.report.run;
        u->life.armed_stop = u->life.armed_kill = 0;
        u->life.leave = LEAVE_NONE;
        life_enter(c, u, PHASE_IDLE);
}

void life_released(Core *c, Unit *u) {
        if (u->life.phase != PHASE_RELEASING)
                return;
        hold_down(c, u);
        u->wish.release = false;
        u->wish.target[0] = '\0';
        rest(c, u);
}

static void step_disarming(Core *c, Unit *u) {
        if (!u->said.guard_known)
                return;
        if (!life_is_heard(u) || u->said.guard.index > 0) {
                if (life_ask_again(c, u, ASK_AGAIN))
                        ask_guard(c, u, ACTION_GUARD_DISARM);
                return;
        }
        if (u->life.leave == LEAVE_EXPIRED || u->life.leave == LEAVE_LOST || u->life.leave == LEAVE_STRAY) {
                u->life.resumed = u->life.leave == LEAVE_EXPIRED;
                rest(c, u);
        } else
                life_enter(c, u, PHASE_RELEASING);
}

/* lease.c asks for the Txn until it is committed or refused; refused, the record says what we are. */
static void step_releasing(Core *c, Unit *u) {
        if (session_settled(c) && !u->lease->txn && u->lease->seen.known && !life_is_held(c, u))
                life_released(c, u); /* an attempt whose answer was lost has landed, or it is lost anyway */
}

/* The guard says that its time is over, or is another one that has no entry for what runs behind its gate. */
static bool has_lost_gate(const Unit *u) {
        if (!u->said.guard_known)
                return false;
        if (u->said.guard.index == u->life.index && u->said.guard.expired)
                return true;
        return u->life.phase >= PHASE_STARTING && (u->said.guard.index != u->life.index || !u->said.guard.open);
}

/* Reasons to leave that hold in every phase in which an Index is in hand. */
static void check_reasons(Core *c, Unit *u) {
        Leave wanted;

        if (u->life.phase == PHASE_IDLE || u->life.phase == PHASE_DISARMING || u->life.phase == PHASE_RELEASING)
                return;
        if (!life_is_held(c, u) && u->life.leave != LEAVE_STRAY && !session_is_undecided(c)) {
                leave(c, u, LEAVE_LOST);
                return;
        }
        if (u->life.phase >= PHASE_CLOSING)
                return;
        if (!life_is_covered(c, u) || has_lost_gate(u)) {
                leave(c, u, LEAVE_EXPIRED);
                return;
        }
        wanted = wanted_leave(c, u);
        if (wanted != LEAVE_NONE)
                leave(c, u, wanted);
}

static bool is_finished(const Core *c, const Unit *u) {
        if (u->forgotten && u->global)
                return u->life.phase == PHASE_IDLE && u->said.report.known && life_is_inactive(&u->said.report) &&
                       !life_is_ours(c, u);
        return u->forgotten && u->life.phase == PHASE_IDLE && u->said.guard_known && u->said.guard.index == 0 &&
               u->lease->txn == 0 && !life_is_ours(c, u) && life_is_down(u);
}

static void drop_finished(Core *c, Unit *u) {
        Action *a;

        if (!is_finished(c, u))
                return;
        a = output(c, ACTION_FORGOTTEN);
        a->unit = arena_copy(c, u->name, strlen(u->name) + 1);
        life_free(c, u);
}

/* Between a leased unit and one that runs everywhere: with nothing in hand. */
static bool may_change_kind(const Core *c, const Unit *u) {
        return u->life.phase == PHASE_IDLE && (c->guard.synced || c->guard.gone) && life_is_heard(u) &&
               u->said.guard.index == 0 && !life_is_ours(c, u) && u->lease->txn == 0;
}

/* Turns are counted from the moment at which we could: who comes before us may be able to since the same moment. */
static void note_ability(Core *c, Unit *u) {
        bool able = u->life.phase == PHASE_IDLE && !life_why_unable(c, u);

        if (able && !u->plan.able)
                u->plan.able_at = c->now.boottime;
        u->plan.able = able;
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

        if (u->renamed && u->life.phase == PHASE_IDLE && !life_is_ours(c, u) && u->lease->txn == 0)
                life_attach(c, u, u->config.lease);
        if (u->global != u->config.global && may_change_kind(c, u)) {
                u->global = u->config.global;
                c->plan.stale = c->offering.stale = true;
        }
        if (u->global) {
                if (u->lease->unit == u)
                        u->lease->unit = NULL; /* it needs none, and keeps it from nobody */
                global_advance(c, u);
                drop_finished(c, u);
                return;
        }
        if (!u->lease->unit) {
                u->lease->unit = u;
                c->plan.stale = c->offering.stale = true; /* it had to say that another has it */
        }
        check_gate(c, u);
        note_ability(c, u);
        arm_anew(c, u);
        do {
                before = u->life.phase;
                check_reasons(c, u);
                steps[u->life.phase](c, u);
        } while (u->life.phase != before);
        drop_finished(c, u);
}

usec_t life_deadline(const Core *c, const Unit *u) {
        usec_t t = USEC_INFINITY, now = c->now.boottime;

        if (u->life.retry_at > now)
                t = u->life.retry_at;
        if (!u->global && u->life.phase > PHASE_IDLE && u->life.phase < PHASE_CLOSING && session_settled(c))
                t = MIN(t, life_stop_at(c, u));
        return t;
}
