/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A unit's life on this machine, from the lease to the last process.
 *
 *     IDLE -> ARMING -> OPENING -> STARTING -> RUNNING -> CLOSING -> STOPPING -> DISARMING -> (RELEASING) -> IDLE
 *
 * Upwards every step waits for the one before: the lease is committed, the guard has an entry, the gate is open, then
 * PID 1 is asked. Downwards likewise: the gate is gone, the unit is down and empty, the guard's entry is gone, then the
 * lease is let go, as long as it is ours to let go.
 *
 * What the registry, PID 1 or the guard do not say is unknown, and unknown is no reason to stop anything: only the time
 * is (stop_at), or a record that names another. What is known may be told again at any moment.
 */

#include "core/internal.h"

#include <errno.h>

#define POLL_BUSY (20 * USEC_PER_MSEC)  /* a control group does not say when it gets empty */
#define POLL_CALM (250 * USEC_PER_MSEC)
#define ASK_AGAIN USEC_PER_SEC
#define HOLD_DOWN_MAX USEC_PER_HOUR
enum { STARTS_MAX = 5 };

/* ---- units ---- */

Unit *life_find(Core *c, const char *name) {
        Unit *u;

        HASH_FIND_STR(c->units, name, u);
        return u;
}

static void life_attach(Core *c, Unit *u, const char *lease) {
        if (u->lease && u->lease->unit == u)
                u->lease->unit = NULL;
        u->lease = mirror_lease(c, lease);
        if (!u->lease->unit || u->lease->unit->forgotten)
                u->lease->unit = u;
}

static Unit *life_new(Core *c, const char *name, const char *lease) {
        Unit *u = calloc(1, sizeof(Unit));

        if (!u)
                abort();
        str_copy(u->name, sizeof(u->name), name);
        u->stop_grace = u->timeout_stop = USEC_INFINITY;
        u->closed_at = USEC_INFINITY;
        u->changed_at = c->now.boottime;
        str_copy(u->wanted_lease, sizeof(u->wanted_lease), lease);
        life_attach(c, u, lease);
        HASH_ADD_STR(c->units, name, u);
        if (c->guard_synced)
                life_guard(c, u, &(GuardReport){});
        return u;
}

void life_free(Core *c, Unit *u) {
        HASH_DEL(c->units, u);
        if (u->lease->unit == u)
                u->lease->unit = NULL;
        free(u);
}

Unit *life_configure(Core *c, const UnitConfig *config) {
        Unit *u = life_find(c, config->unit);

        if (!lease_name_is_valid(config->lease))
                return u;
        if (!u)
                u = life_new(c, config->unit, config->lease);
        str_copy(u->wanted_lease, sizeof(u->wanted_lease), config->lease);
        u->forgotten = false;
        u->stop_grace = config->stop_grace;
        u->timeout_stop = config->timeout_stop;
        u->version = config->version;
        u->hold_down_release = config->hold_down_release;
        u->hold_down_failure = config->hold_down_failure;
        u->release_on_success = config->release_on_success;
        u->hold_on_failure = config->hold_on_failure;
        return u;
}

Unit *life_find_or_leftover(Core *c, const char *name) {
        Unit *u = life_find(c, name);

        if (u || !lease_name_is_valid(name))
                return u;
        u = life_new(c, name, name);
        u->forgotten = true;
        return u;
}


void life_guard(Core *c, Unit *u, const GuardReport *report) {
        if (report->serial < u->guard_asked)
                return; /* said before our last request: the answer to that one is on its way */
        if (report->open)
                u->closed_at = USEC_INFINITY;
        else if (!u->guard_known || u->guard.open || u->closed_at == USEC_INFINITY)
                u->closed_at = c->now.boottime;
        if (!u->guard_known)
                u->retry_at = 0; /* what is to be said to a guard that has just connected is said at once */
        u->guard = *report;
        u->guard_known = true;
}

void life_report(Core *c, Unit *u, const UnitReport *report) {
        if (report->known && u->report.known && report->asked_at < u->report.asked_at)
                return;
        u->report = *report;
        output_changed(c, u, NULL);
}

void life_failed(Core *c, Unit *u, ActionKind action, uint64_t id) {
        if (action == ACTION_GATE_OPEN && id == u->guard_asked)
                u->guard_asked = u->guard_asked_before; /* it never reached the guard; one before it may have */
        u->retry_at = c->now.boottime + ASK_AGAIN;
}

/* ---- time ---- */

/* While two sessions beat, the shorter TTL's timeline holds: it suits both. */
Timeline life_timeline(const Core *c, const Unit *u) {
        Timeline t = c->own.timeline;
        usec_t ttl = c->own.ttl ?: c->ttl;

        if (session_is_moving(c))
                ttl = MIN(ttl, c->other.ttl);
        /* A grace that does not fit, as after TTL= was made shorter: the default always does. The daemon says so. */
        if (timeline_compute(ttl, u->stop_grace, u->timeout_stop, &t) == -EDOM)
                (void) timeline_compute(ttl, USEC_INFINITY, u->timeout_stop, &t);
        return t;
}

static bool has_entry(const Unit *u) {
        return u->phase >= PHASE_ARMING && u->phase <= PHASE_STOPPING && u->armed_kill > 0;
}

/* What the guard was told holds until it has been told otherwise. */
usec_t life_stop_at(const Core *c, const Unit *u) {
        return usec_add(session_covered_from(c), has_entry(u) ? u->armed_stop : life_timeline(c, u).stop);
}

static bool is_armed_by(const Unit *u, const Timeline *t) {
        return u->armed_stop == t->stop && u->armed_kill == t->kill;
}

bool life_is_armed_anew(const Core *c, const Unit *u) {
        Timeline t = life_timeline(c, u);

        if (u->phase == PHASE_IDLE || u->phase == PHASE_RELEASING)
                return u->guard_known && u->guard.index == 0;
        return u->phase < PHASE_CLOSING && u->guard_known && u->guard.serial >= u->armed_id && is_armed_by(u, &t);
}

/* ---- what is so ---- */

static bool is_inactive(const UnitReport *r) {
        return r->known && !r->job && (r->active == ACTIVE_INACTIVE || r->active == ACTIVE_FAILED);
}

/* The guard has answered all that it was asked for this unit. */
static bool is_heard(const Unit *u) {
        return u->guard_known && u->guard.serial >= u->guard_asked;
}

bool life_is_down(const Unit *u) {
        return is_inactive(&u->report) && u->report.empty && is_heard(u) && !u->guard.open &&
               u->closed_at != USEC_INFINITY && u->report.asked_at > u->closed_at;
}

static bool is_ours(const Core *c, const Unit *u) {
        return u->lease->unit == u && lease_is_ours(c, u->lease);
}

static bool is_held(const Core *c, const Unit *u) {
        return is_ours(c, u) && (u->index == 0 || u->lease->value.index == u->index);
}

bool life_has_leftovers(const Core *c) {
        for (const Unit *u = c->units; u; u = u->hh.next) {
                bool in_hand = u->phase != PHASE_IDLE || !u->guard_known || u->guard.index > 0;

                if (in_hand && (u->phase == PHASE_IDLE || !is_held(c, u)))
                        return true;
        }
        return false;
}

static bool is_covered(const Core *c, const Unit *u) {
        return session_settled(c) && c->now.boottime < life_stop_at(c, u);
}

static bool is_renamed(const Unit *u) {
        return !streq(u->lease->name, u->wanted_lease);
}

bool life_wants_lease(const Core *c, const Unit *u, const char **ret_why) {
        const char *why = NULL;

        if (u->forgotten)
                why = "it is not enabled here any more";
        else if (is_renamed(u))
                why = "its Lease= is being changed";
        else if (!machine_competes(c, &why))
                ;
        else if (u->lease->unit != u)
                why = "another unit here has the same Lease=";
        else if (!c->guard_synced)
                why = "leased-guard.service does not answer";
        else if (u->phase != PHASE_IDLE || u->guard.index > 0)
                why = "it is still being stopped here";
        else if (!u->report.known)
                why = "systemd has not told its state yet";
        else if (!u->report.gate_loaded)
                why = "systemd has not loaded its gate";
        else if (!life_is_down(u))
                why = "processes of an earlier run are left here";
        else if (c->now.boottime < u->not_before)
                why = "this machine stands back for a while";
        if (ret_why)
                *ret_why = why;
        return !why;
}

const char *leave_to_string(Leave leave) {
        static const char *const names[] = {
                [LEAVE_NONE] = "", [LEAVE_EXPIRED] = "expired", [LEAVE_RELEASE] = "released",
                [LEAVE_TRANSFER] = "transfer", [LEAVE_DRAIN] = "drain", [LEAVE_FORGET] = "disabled",
                [LEAVE_SHUTDOWN] = "shutdown", [LEAVE_SLEEP] = "sleep", [LEAVE_DONE] = "done", [LEAVE_FAILED] = "failed",
                [LEAVE_STRAY] = "stray", [LEAVE_LOST] = "lost",
        };
        return names[leave];
}

/* ---- the steps ---- */

static void enter(Core *c, Unit *u, Phase phase) {
        u->phase = phase;
        u->changed_at = c->now.boottime;
        u->retry_at = 0;
        output_changed(c, u, u->lease);
}

static bool ask_again(Core *c, Unit *u, usec_t pause) {
        if (c->now.boottime < u->retry_at)
                return false;
        u->retry_at = c->now.boottime + pause;
        return true;
}

static Action *act(Core *c, const Unit *u, ActionKind kind) {
        Action *a = output(c, kind);

        a->unit = arena_copy(c, u->name, strlen(u->name) + 1); /* the unit may be dropped in the same step */
        a->lease = u->lease->name;
        a->index = u->index;
        a->version = u->lease->value.version;
        a->last_trigger = u->lease->value.last_trigger;
        return a;
}

static Action *ask_guard(Core *c, Unit *u, ActionKind kind) {
        Action *a = act(c, u, kind);

        a->id = ++c->guard_serial;
        u->guard_asked_before = u->guard_asked;
        if (kind == ACTION_GATE_OPEN)
                u->closed_at = USEC_INFINITY; /* from now on it may be open */
        if (!c->guard_gone) /* nobody is there to answer, and nothing to be answered */
                u->guard_asked = a->id;
        return a;
}

static void arm(Core *c, Unit *u) {
        Timeline t = life_timeline(c, u);
        Action *a = ask_guard(c, u, ACTION_GUARD_ARM);

        a->t0 = session_covered_from(c);
        a->stop = u->armed_stop = t.stop;
        a->kill = u->armed_kill = t.kill;
        u->armed_id = a->id;
}

/* Another timeline holds now. It is told with a fresh beat in hand, for the guard counts by it at once. */
static void arm_anew(Core *c, Unit *u) {
        Timeline t = life_timeline(c, u);

        if (u->phase <= PHASE_IDLE || u->phase >= PHASE_CLOSING || !u->guard_known || is_armed_by(u, &t))
                return;
        if (!is_held(c, u)) /* lost, and about to be told so: its deadline only shrinks */
                return;
        if (c->now.boottime < usec_add(session_covered_from(c), t.stop / 2))
                arm(c, u);
}

static void report_leave(Core *c, const Unit *u, Leave leave) {
        const char *holder = u->lease->value.state == LEASE_HELD ? u->lease->value.machine_id : NULL;

        if (leave == LEAVE_EXPIRED)
                output_report(c, is_covered(c, u) ? REPORT_GUARD_LOST : REPORT_EXPIRED, u->name, u->lease->name, NULL, u->index);
        else if (leave == LEAVE_LOST)
                output_report(c, REPORT_LOST, u->name, u->lease->name, holder, u->index);
        else if (leave == LEAVE_STRAY)
                output_report(c, REPORT_STRAY, u->name, u->lease->name, holder, u->index);
        else if (leave == LEAVE_DONE)
                output_report(c, REPORT_DONE, u->name, u->lease->name, NULL, u->index);
}

/* Until now its stop was covered by our beats. */
void life_sleep(Core *c, Unit *u) {
        if (u->phase == PHASE_CLOSING || u->phase == PHASE_STOPPING)
                ask_guard(c, u, ACTION_GUARD_LOSE)->kill = 0;
}

/* The way down begins, or its reason becomes a graver one. The guard is told before PID 1 is asked. */
static void leave(Core *c, Unit *u, Leave why) {
        bool lost = why == LEAVE_LOST || why == LEAVE_STRAY;

        if (u->phase >= PHASE_CLOSING && u->leave >= why)
                return;
        u->leave = why;
        report_leave(c, u, why);
        if (lost)
                ask_guard(c, u, ACTION_GUARD_LOSE)->kill = life_timeline(c, u).stop_grace;
        else if (u->phase < PHASE_CLOSING)
                ask_guard(c, u, ACTION_GATE_CLOSE);
        if (u->phase < PHASE_CLOSING) {
                act(c, u, ACTION_UNIT_STOP);
                enter(c, u, PHASE_CLOSING);
                u->retry_at = c->now.boottime + ASK_AGAIN;
        }
}

/* What we hold and an operator, a shutdown or a drain wants gone. */
static Leave wanted_leave(const Core *c, const Unit *u) {
        if (c->shutting_down)
                return LEAVE_SHUTDOWN;
        if (c->sleeping)
                return LEAVE_SLEEP;
        if (u->forgotten || is_renamed(u))
                return LEAVE_FORGET;
        if (u->target[0])
                return streq(u->target, c->machine_id) ? LEAVE_NONE : LEAVE_TRANSFER;
        if (u->want_release)
                return LEAVE_RELEASE;
        return c->draining ? LEAVE_DRAIN : LEAVE_NONE;
}

/* An entry that the guard keeps from before our restart. */
static void adopt(Core *c, Unit *u) {
        u->index = u->guard.index;
        if (!is_held(c, u))
                leave(c, u, LEAVE_LOST);
        else if (u->guard.expired)
                leave(c, u, LEAVE_EXPIRED);
        else {
                enter(c, u, u->guard.open ? PHASE_RUNNING : PHASE_ARMING);
                arm(c, u);
                u->retry_at = c->now.boottime + ASK_AGAIN;
                act(c, u, ACTION_UNIT_READ);
                u->adopted = true;
                u->lease->told = u->index;
                output_report(c, REPORT_ADOPTED, u->name, u->lease->name, NULL, u->index);
        }
}

static void check_gate(Core *c, Unit *u) {
        bool missing = u->report.known && !u->report.gate_loaded && !u->forgotten;

        if (missing && !u->gate_reported)
                output_report(c, REPORT_GATE_MISSING, u->name, u->lease->name, NULL, 0);
        u->gate_reported = missing;
}

static void step_idle(Core *c, Unit *u) {
        Leave wanted = wanted_leave(c, u);

        if (!(c->guard_synced || c->guard_gone) || !is_heard(u))
                return;
        if (u->guard.index > 0) {
                if (session_settled(c))
                        adopt(c, u);
                return;
        }
        if (!u->report.known || u->report.asked_at <= u->closed_at) {
                if (ask_again(c, u, POLL_CALM))
                        act(c, u, ACTION_UNIT_READ);
                return;
        }
        if (!is_inactive(&u->report) || !u->report.empty) {
                /* A job alone is somebody trying: the gate is closed, it will be refused. */
                if (u->report.job && u->report.empty &&
                    (u->report.active == ACTIVE_INACTIVE || u->report.active == ACTIVE_FAILED))
                        return;
                u->index = MAX(u->lease->value.index, (uint64_t) 1);
                leave(c, u, LEAVE_STRAY);
                return;
        }
        if (!session_settled(c))
                return;
        if (!is_ours(c, u)) {
                u->want_release = false;
                u->target[0] = '\0';
                return;
        }
        u->index = u->lease->value.index;
        if (wanted != LEAVE_NONE || !u->report.gate_loaded)
                leave(c, u, wanted != LEAVE_NONE ? wanted : LEAVE_RELEASE);
        else if (c->guard_synced && u->lease->n_debts == 0 && is_covered(c, u)) {
                lease_tell_acquired(c, u->lease);
                enter(c, u, PHASE_ARMING);
                arm(c, u);
                u->retry_at = c->now.boottime + ASK_AGAIN;
        } else
                u->index = 0;
}

static void step_arming(Core *c, Unit *u) {
        if (!u->guard_known)
                return;
        if (is_heard(u) && u->guard.index == u->index && !u->guard.expired) {
                ask_guard(c, u, ACTION_GATE_OPEN);
                enter(c, u, PHASE_OPENING);
                u->starts = 0;
                u->retry_at = c->now.boottime + ASK_AGAIN;
        } else if (ask_again(c, u, ASK_AGAIN))
                arm(c, u);
}

static void start(Core *c, Unit *u) {
        act(c, u, ACTION_UNIT_START);
        act(c, u, ACTION_UNIT_READ);
        u->retry_at = c->now.boottime + ASK_AGAIN;
}

static void step_opening(Core *c, Unit *u) {
        if (!u->guard_known)
                return;
        if (is_heard(u) && u->guard.open && u->guard.index == u->index) {
                if (u->resumed && u->by_hand) { /* and stays stopped */
                        u->resumed = false;
                        enter(c, u, PHASE_RUNNING);
                        return;
                }
                u->starts = 0;
                u->run = u->report.run;
                u->by_hand = u->adopted = false;
                enter(c, u, PHASE_STARTING);
                start(c, u);
                if (u->resumed)
                        output_report(c, REPORT_RESUMED, u->name, u->lease->name, NULL, u->index);
                u->resumed = false;
        } else if (is_heard(u) && (u->guard.index != u->index || u->guard.expired))
                enter(c, u, PHASE_ARMING); /* another guard, that knows of no entry */
        else if (ask_again(c, u, ASK_AGAIN)) {
                /* Answered, and yet not open: it cannot be made, as where /run is full. Others may have more luck. */
                if (u->guard.serial >= u->guard_asked && ++u->starts >= STARTS_MAX)
                        leave(c, u, LEAVE_FAILED);
                else
                        ask_guard(c, u, ACTION_GATE_OPEN);
        }
}

/* In this tenure. Its since is of our own clock, unless the lease was handed to us by another machine. */
static bool has_not_run_yet(const Unit *u) {
        const LeaseRecord *l = &u->lease->value;
        bool given = l->n_tenures > 0 && streq(l->tenures[l->n_tenures - 1].why, leave_to_string(LEAVE_TRANSFER));

        return u->report.run == 0 || (!given && u->report.ended_at < l->since);
}

/* The unit's end by its own account. */
static void on_ended(Core *c, Unit *u) {
        if (u->adopted && has_not_run_yet(u)) {
                leave(c, u, LEAVE_EXPIRED); /* our predecessor ended before he had asked for the start: once more */
                return;
        }
        /* How it ended while no daemon looked is not known: an operator's word is not to be undone. */
        if (u->report.foreign_job || u->adopted || u->by_hand) {
                if (!u->by_hand)
                        output_report(c, REPORT_STOPPED_BY_HAND, u->name, u->lease->name, NULL, u->index);
                u->by_hand = true;
        } else if (!u->report.failed)
                leave(c, u, LEAVE_DONE);
        else if (!u->hold_on_failure)
                leave(c, u, LEAVE_FAILED);
}

/* A start that was refused (an Assert= or a Condition= of the unit's own) leaves no new run behind, and is no end. */
static void step_starting(Core *c, Unit *u) {
        bool read = u->report.known && u->report.asked_at >= u->changed_at;

        if (!u->guard_known)
                return; /* the gate may be gone */
        if (read && (!is_inactive(&u->report) || u->report.run != u->run)) {
                enter(c, u, PHASE_RUNNING);
                if (is_inactive(&u->report))
                        on_ended(c, u);
        } else if (c->now.boottime >= u->retry_at) {
                /* Only what is known to have been refused counts: PID 1 may be busy with something else. */
                if (read && !u->report.job && ++u->starts >= STARTS_MAX)
                        leave(c, u, LEAVE_FAILED);
                else
                        start(c, u);
        }
}

static void step_running(Core *c, Unit *u) {
        if (!u->guard_known || !u->report.known || u->report.asked_at <= u->changed_at)
                return; /* PID 1 stops it when its guard is gone: that is nobody's hand */
        if (c->now.boottime > usec_add(u->changed_at, u->hold_down_failure))
                u->failures = 0; /* it ran well for a while */
        if (is_inactive(&u->report))
                on_ended(c, u);
        else
                u->by_hand = u->adopted = false;
}

/* A LOSE that never reached the guard, the connection having been lost, is said again until its entry is known to end: an
 * entry that it takes to be live would be covered by the next beat. */
static void say_lost_again(Core *c, Unit *u) {
        if ((u->leave != LEAVE_LOST && u->leave != LEAVE_STRAY) || c->guard_gone)
                return;
        if (is_heard(u) && !u->guard.expired && !life_is_down(u) && ask_again(c, u, ASK_AGAIN))
                ask_guard(c, u, ACTION_GUARD_LOSE)->kill = life_timeline(c, u).stop_grace;
}

static void step_closing(Core *c, Unit *u) {
        say_lost_again(c, u);
        if (is_heard(u) && !u->guard.open) {
                enter(c, u, PHASE_STOPPING);
                return;
        }
        if (!ask_again(c, u, ASK_AGAIN))
                return;
        ask_guard(c, u, ACTION_GATE_CLOSE);
        act(c, u, ACTION_UNIT_STOP);
}

static void step_stopping(Core *c, Unit *u) {
        bool resting = is_inactive(&u->report);

        say_lost_again(c, u);
        if (!u->guard_known)
                return;
        if (u->guard.open) { /* a guard that is not the one that closed it */
                enter(c, u, PHASE_CLOSING);
                return;
        }
        if (life_is_down(u)) {
                ask_guard(c, u, ACTION_GUARD_DISARM);
                enter(c, u, PHASE_DISARMING);
                u->retry_at = c->now.boottime + ASK_AGAIN;
                return;
        }
        if (!ask_again(c, u, resting ? POLL_BUSY : POLL_CALM))
                return;
        if (u->report.known && !u->report.job && !resting && u->report.active != ACTIVE_DEACTIVATING)
                act(c, u, ACTION_UNIT_STOP);
        act(c, u, ACTION_UNIT_READ);
}

static void hold_down(Core *c, Unit *u) {
        usec_t now = c->now.boottime;

        if (u->leave == LEAVE_FAILED) {
                usec_t most = MAX(HOLD_DOWN_MAX, u->hold_down_failure);
                usec_t span = backoff(u->hold_down_failure, u->failures, most);

                u->failures++;
                u->not_before = usec_add(now, span);
                output_report(c, REPORT_UNIT_FAILED, u->name, u->lease->name, NULL, u->index);
                c->actions[c->n_actions - 1].span = span;
        } else if (u->leave == LEAVE_RELEASE || u->leave == LEAVE_TRANSFER)
                u->not_before = usec_add(now, u->hold_down_release);
        if (u->leave == LEAVE_DONE)
                u->failures = 0;
}

static void rest(Core *c, Unit *u) {
        act(c, u, ACTION_UNIT_CLEAN);
        if (u->leave != LEAVE_EXPIRED)
                u->by_hand = false;
        u->index = 0;
        u->armed_stop = u->armed_kill = 0;
        u->leave = LEAVE_NONE;
        enter(c, u, PHASE_IDLE);
}

void life_released(Core *c, Unit *u) {
        if (u->phase != PHASE_RELEASING)
                return;
        hold_down(c, u);
        u->want_release = false;
        u->target[0] = '\0';
        rest(c, u);
}

static void step_disarming(Core *c, Unit *u) {
        if (!u->guard_known)
                return;
        if (!is_heard(u) || u->guard.index > 0) {
                if (ask_again(c, u, ASK_AGAIN))
                        ask_guard(c, u, ACTION_GUARD_DISARM);
                return;
        }
        if (u->leave == LEAVE_EXPIRED || u->leave == LEAVE_LOST || u->leave == LEAVE_STRAY) {
                u->resumed = u->leave == LEAVE_EXPIRED;
                rest(c, u);
        } else
                enter(c, u, PHASE_RELEASING);
}

/* lease.c asks for the Txn until it is committed or refused; refused, the record says what we are. */
static void step_releasing(Core *c, Unit *u) {
        if (session_settled(c) && !u->lease->txn && u->lease->seen.known && !is_held(c, u))
                life_released(c, u); /* an attempt whose answer was lost has landed, or it is lost anyway */
}

/* The guard says that its time is over, or is another one that has no entry for what runs behind its gate. */
static bool has_lost_gate(const Unit *u) {
        if (!u->guard_known)
                return false;
        if (u->guard.index == u->index && u->guard.expired)
                return true;
        return u->phase >= PHASE_STARTING && (u->guard.index != u->index || !u->guard.open);
}

/* Reasons to leave that hold in every phase in which an Index is in hand. */
static void check_reasons(Core *c, Unit *u) {
        Leave wanted;

        if (u->phase == PHASE_IDLE || u->phase == PHASE_DISARMING || u->phase == PHASE_RELEASING)
                return;
        if (!is_held(c, u) && u->leave != LEAVE_STRAY) {
                leave(c, u, LEAVE_LOST);
                return;
        }
        if (u->phase >= PHASE_CLOSING)
                return;
        if (!is_covered(c, u) || has_lost_gate(u)) {
                leave(c, u, LEAVE_EXPIRED);
                return;
        }
        wanted = wanted_leave(c, u);
        if (wanted != LEAVE_NONE)
                leave(c, u, wanted);
}

static bool is_finished(const Core *c, const Unit *u) {
        return u->forgotten && u->phase == PHASE_IDLE && u->guard_known && u->guard.index == 0 &&
               u->lease->txn == 0 && !is_ours(c, u) && life_is_down(u);
}

void life_advance(Core *c, Unit *u) {
        static void (*const steps[])(Core *, Unit *) = {
                [PHASE_IDLE] = step_idle,           [PHASE_ARMING] = step_arming,
                [PHASE_OPENING] = step_opening,     [PHASE_STARTING] = step_starting,
                [PHASE_RUNNING] = step_running,     [PHASE_CLOSING] = step_closing,
                [PHASE_STOPPING] = step_stopping,   [PHASE_DISARMING] = step_disarming,
                [PHASE_RELEASING] = step_releasing,
        };
        Phase before;

        if (is_renamed(u) && u->phase == PHASE_IDLE && !is_ours(c, u) && u->lease->txn == 0)
                life_attach(c, u, u->wanted_lease);
        if (!u->lease->unit)
                u->lease->unit = u;
        check_gate(c, u);
        arm_anew(c, u);
        do {
                before = u->phase;
                check_reasons(c, u);
                steps[u->phase](c, u);
        } while (u->phase != before);
        if (is_finished(c, u)) {
                Action *a = output(c, ACTION_FORGOTTEN);

                a->unit = arena_copy(c, u->name, strlen(u->name) + 1);
                life_free(c, u);
        }
}

usec_t life_deadline(const Core *c, const Unit *u) {
        usec_t t = USEC_INFINITY, now = c->now.boottime;

        if (u->retry_at > now)
                t = u->retry_at;
        if (u->phase > PHASE_IDLE && u->phase < PHASE_CLOSING && session_settled(c))
                t = MIN(t, life_stop_at(c, u));
        return t;
}
