/* SPDX-License-Identifier: Apache-2.0 */

/* How the core looks from outside: copies and borrowed strings, nothing decided. */

#include "core/view.h"

#include "core/cover.h"
#include "core/global.h"
#include "core/lease.h"
#include "core/leave.h"
#include "core/look.h"
#include "core/machine.h"
#include "core/mirror.h"
#include "core/output.h"
#include "core/pause.h"
#include "core/plan.h"
#include "core/said.h"
#include "core/session.h"
#include "core/unit.h"

enum { PUBLISHED_AT_ONCE = 1000 };

/* ---- what is known at all ---- */

static usec_t deaf_at(const Core *c) {
        return usec_add(c->heard.at, c->own.ttl ?: c->here.ttl);
}

bool view_is_deaf(const Core *c) {
        return c->identity.trust != TRUST_OK || c->now.boottime >= deaf_at(c);
}

Why view_why_deaf(const Core *c) {
        if (c->identity.trust == TRUST_FOREIGN)
                return WHY_UNKNOWN_FOREIGN;
        return c->identity.trust == TRUST_NONE ? WHY_UNKNOWN_UNHEARD : WHY_UNKNOWN_SILENT;
}

static const Session *session_of(const Core *c, const Machine *m) {
        return mirror_find_session((Core *) c, m->value.session);
}

static bool is_alive(const Core *c, const Session *s) {
        return s && s->beat.revision > 0 && !session_is_over(s) && c->now.boottime < s->beat.at + s->ttl;
}

/* A beat that was there when we first looked may be of a machine that has been dead for long, until it moves or its
 * TTL has passed. And that a machine is silent is known only if the beats were read after that. */
bool view_is_unproved(const Core *c, const Machine *m) {
        const Session *s = session_of(c, m);

        if (!s || s->beat.revision == 0 || session_is_over(s))
                return view_is_deaf(c);
        if (session_is_ours(c, s->name))
                return !is_alive(c, s); /* nobody is silent to himself: whether others hear us is not known */
        return is_alive(c, s) ? !s->moved && s->beat.at <= c->heard.beats_first_at
                              : c->heard.beats_at < s->beat.at + s->ttl;
}

/* Nothing happens when the registry has been silent for so long; but it is to be seen. Of thousands of units, each
 * step has a part published. */
void view_advance(Core *c) {
        bool deaf = view_is_deaf(c);

        if (deaf != c->told.deaf) {
                c->told.next = c->units;
                c->heard.begun = ++c->heard.changes; /* whoever asks what has changed begins again */
        }
        c->told.deaf = deaf;
        for (unsigned n = 0; n < PUBLISHED_AT_ONCE && c->told.next; n++) {
                const Unit *u = c->told.next;

                output_changed(c, u, u->global ? NULL : u->lease);
                c->told.next = u->hh.next;
        }
}

usec_t view_deadline(const Core *c) {
        if (c->told.next)
                return c->now.boottime;
        return c->told.deaf || c->identity.trust != TRUST_OK ? USEC_INFINITY : deaf_at(c);
}

static bool is_known(const Core *c, const Lease *l) {
        return !view_is_deaf(c) && l->seen.known;
}

/* Whether it is unknown who has the unit's lease. A lease that was ours when its record was last seen still counts
 * as in our hands. */
static bool is_unknown(const Core *c, const Unit *u) {
        return !is_known(c, u->lease) &&
               !(c->identity.trust == TRUST_OK && u->lease->seen.known && lease_is_ours(c, u->lease));
}

/* ---- from outside ---- */

void core_check(const Core *c) {
        for (const Session *s = c->sessions; s; s = s->hh.next) {
                size_t n = 0;

                for (const Lease *l = c->leases; l; l = l->hh.next)
                        n += l->seen.revision > 0 && lease_held_by(l->value, s->name);
                must(n == s->held);
        }
        look_check(c);
}

/* Whether what runs here is kept without beats (law 13). After a restart of leased only the guard knows, until the
 * registry answers. */
static bool is_kept(const Core *c) {
        return session_keeps(c) ||
               (!session_settled(c) && c->guard.synced && c->guard.says_keeps && c->guard.may_keep);
}

static const char *hostname_of(const Core *c, const char *machine_id) {
        const Machine *m = mirror_find_machine((Core *) c, machine_id);

        return m && m->seen.revision > 0 ? m->value.hostname : "";
}

void core_session_view(const Core *c, Now now, SessionView *ret) {
        *ret = (SessionView){
                .session = c->own.name,
                .ttl = c->own.ttl ?: c->here.ttl,
                .last_beat = c->own.committed ? c->own.t0 : 0,
                .round_trip = c->own.round_trip,
                .uuid = c->identity.uuid,
                .store = c->identity.store,
                .found_uuid = c->identity.trust == TRUST_FOREIGN ? c->meta.value.uuid : "",
                .found_store = c->identity.trust == TRUST_FOREIGN ? c->identity.store_seen : "",
                .draining = c->drain.on,
                .drains_briefly = c->drain.on && c->drain.boot[0],
                .paused = pause_is_seen(c) || (!c->pause.seen.known && c->pause.remembered),
                .pause_ends = pause_is_seen(c) && !pause_is_on(c),
                .pause_waits = pause_waits_for_all(c),
                .keeps = is_kept(c),
                .paused_since = pause_is_seen(c) ? c->pause.value.since : 0,
                .paused_by = pause_is_seen(c) ? c->pause.value.by : "",
                .units = HASH_COUNT(c->units),
                .held = machine_own_held(c),
                .known = !view_is_deaf(c),
                .heard = c->heard.at,
                .lost_acquires = c->told.lost_acquires,
        };
        ret->why_not = machine_why_not(c);
        if (ret->why_not == WHY_NONE && c->guard.missing)
                ret->why_not = said_why_no_guard(c);
        ret->competing = ret->why_not == WHY_NONE;
        ret->why_not_until = machine_waits_until(c, ret->why_not, now);
}

static usec_t time_remaining(const Core *c, const Lease *l, Now now) {
        const Session *s;

        if (l->value->state != LEASE_HELD)
                return 0;
        if (lease_is_ours(c, l)) {
                usec_t from = is_kept(c) ? now.boottime : session_covered_from(c);

                return usec_sub(usec_add(from, session_ttl(l->value->session)), now.boottime);
        }
        if (l->value->period > 0)
                return usec_sub(usec_add(l->seen.at, l->value->period), now.boottime);
        s = l->holder;
        if (s && s->beat.known && session_dead_at(s) == USEC_INFINITY)
                return s->ttl;
        return s && s->beat.known ? usec_sub(usec_add(s->beat.at, s->ttl), now.boottime) : 0;
}

static void lease_view(const Core *c, Now now, const Lease *l, LeaseView *ret) {
        *ret = (LeaseView){
                .name = l->name,
                .mod_revision = l->seen.revision,
                .damaged = l->damaged,
                .record = l->value,
                .hostname = hostname_of(c, l->value->machine_id),
                .unit = l->unit ? l->unit->name : NULL,
                .local = lease_is_ours(c, l),
                .known = is_known(c, l),
                .time_remaining = time_remaining(c, l, now),
        };
}

bool core_find_lease(const Core *c, Now now, const char *name, LeaseView *ret) {
        const Lease *l = mirror_find_lease(c, name);

        if (!l || l->seen.revision == 0)
                return false;
        lease_view(c, now, l, ret);
        return true;
}

/* Held by this machine, but for another unit with the same Lease=. */
static bool is_for_another(const Core *c, const Unit *u) {
        return u->lease->unit != u && lease_is_ours(c, u->lease);
}

/* Held by this machine, but in a session that is over, or soon is: from before a boot, or one whose fence was lost. */
static bool is_of_earlier(const Core *c, const Lease *l) {
        return l->value->state == LEASE_HELD && l->holder && !session_is_ours(c, l->holder->name) &&
               streq(l->value->machine_id, c->here.machine_id);
}

static bool has_failed(const UnitReport *r) {
        return r->known && (r->active == ACTIVE_FAILED || (r->active == ACTIVE_INACTIVE && r->failed));
}

/* Nobody has it. Here leased may have stopped it: then what SIGTERM has ended has not failed, although a job that was
 * ended so would not be done. */
static UnitState state_of_free(const Core *c, const Unit *u) {
        const UnitReport *r = &u->said.report;
        bool failed = has_failed(r) && (r->active == ACTIVE_FAILED || !isempty(r->result));

        return failed || (u->back.failures > 0 && c->now.boottime < u->back.not_before) ? STATE_FAILED : STATE_WAITING;
}

static UnitState state_of(const Core *c, const Unit *u) {
        static const UnitState phases[] = {
                [PHASE_ARMING] = STATE_STARTING,
                [PHASE_OPENING] = STATE_STARTING,
                [PHASE_STARTING] = STATE_STARTING,
                [PHASE_CLOSING] = STATE_STOPPING,
                [PHASE_STOPPING] = STATE_STOPPING,
                [PHASE_DISARMING] = STATE_STOPPING,
                [PHASE_RELEASING] = STATE_RELEASING,
        };
        const Lease *l = u->lease;

        if (u->global)
                return global_state(u);
        if (u->life.phase == PHASE_RUNNING && u->said.guard.frozen)
                return STATE_FROZEN;
        if (u->life.phase == PHASE_RUNNING) {
                if (u->said.report.known && u->said.report.active == ACTIVE_ACTIVATING)
                        return STATE_STARTING; /* as other machines are told */
                if (!u->said.report.known ||
                                (u->said.report.active != ACTIVE_INACTIVE && u->said.report.active != ACTIVE_FAILED))
                        return STATE_RUNNING;
                if (u->said.report.job)
                        return STATE_STARTING; /* PID 1 names the new run before it is active */
                if (u->life.rest == REST_REFUSED)
                        return STATE_FAILED;
                return has_failed(&u->said.report) && u->life.rest != REST_BY_HAND ? STATE_FAILED : STATE_STOPPED;
        }
        if (phases[u->life.phase] != STATE_UNKNOWN)
                return phases[u->life.phase];
        if (is_unknown(c, u))
                return STATE_UNKNOWN;
        if (l->damaged)
                return STATE_DAMAGED;
        if (is_for_another(c, u))
                return STATE_WAITING;
        if (lease_is_ours(c, l))
                return l->n_debts > 0 ? STATE_WAITING : STATE_HELD;
        if (l->txn)
                return STATE_ACQUIRING;
        if (l->value->state == LEASE_DONE)
                return STATE_DONE;
        if (l->value->state != LEASE_HELD)
                return state_of_free(c, u);
        return is_of_earlier(c, l) ? STATE_WAITING : STATE_ELSEWHERE;
}

const char *core_state_word(UnitState state) {
        static const char *const words[_STATE_MAX] = {
                [STATE_UNKNOWN] = "unknown",
                [STATE_DAMAGED] = "damaged",
                [STATE_ELSEWHERE] = "elsewhere",
                [STATE_WAITING] = "waiting",
                [STATE_ACQUIRING] = "acquiring",
                [STATE_HELD] = "held",
                [STATE_STARTING] = "starting",
                [STATE_RUNNING] = "running",
                [STATE_FROZEN] = "frozen",
                [STATE_STOPPED] = "stopped",
                [STATE_FAILED] = "failed",
                [STATE_STOPPING] = "stopping",
                [STATE_RELEASING] = "releasing",
                [STATE_DONE] = "done",
                [STATE_SILENT] = "silent",
                [STATE_GONE] = "gone",
        };

        must((unsigned) state < _STATE_MAX);
        return words[state];
}

/* What the guard still keeps, while the registry is silent, may run: it is checked again when it is known to. Where
 * PID 1 has not loaded the unit's files, it cannot say as whom the check is to run: it would run as root. */
static CheckAim aim_of(const Unit *u, UnitState state) {
        if (u->said.report.known && !u->said.report.gate_loaded)
                return CHECK_AIM_NONE;
        switch (state) {
        case STATE_RUNNING:
                return CHECK_AIM_RUNS;
        case STATE_WAITING:
        case STATE_FAILED:
        case STATE_ELSEWHERE:
        case STATE_DONE:
        case STATE_DAMAGED:
        case STATE_UNKNOWN:
                return u->said.guard.index > 0 ? CHECK_AIM_NONE : CHECK_AIM_MIGHT;
        default:
                return CHECK_AIM_NONE;
        }
}

bool view_is_elsewhere(const Core *c, const Unit *u) {
        const Lease *l = u->lease;

        return !u->global && u->life.phase == PHASE_IDLE && is_known(c, l) && !l->damaged && !lease_is_ours(c, l) &&
               l->value->state == LEASE_HELD;
}

/* The lease is ours, and nothing has been begun. */
static Why why_not_ours(const Core *c, const Unit *u) {
        if (u->lease->n_debts > 0)
                return WHY_DEBT;
        if (!c->guard.synced)
                return WHY_GUARD_SILENT;
        if (c->now.boottime >= cover_stop_at(c, u))
                return WHY_REGISTRY_SILENT;
        if (u->config.checked && u->said.check == CHECK_FAILS)
                return WHY_CHECK_FAILS;
        return c->identity.silence ? WHY_REGISTRY_REPLACED : WHY_ABOUT_TO_START;
}

/* The lease's record is lost: who keeps leases without beats may hold it, and then the wait has no end (law 13). */
static Reason why_lost(const Core *c, Why why) {
        const Machine *m = session_find_keeper(c);

        if (!m)
                return reason(why);
        return reason_of(WHY_MAY_BE_KEPT, m->seen.revision > 0 && m->value.hostname[0] ? m->value.hostname : m->id);
}

/* The lease is held by another session. */
static Why why_not_theirs(const Core *c, const Lease *l) {
        if (l->holder && session_keeps_unheard(c, l->holder))
                return WHY_KEEPS;
        if (!is_of_earlier(c, l))
                return WHY_HELD_ELSEWHERE;
        return c->machine.twice_reported ? WHY_MACHINE_TWICE : WHY_EARLIER_SESSION;
}

static Reason why_not_global(const Core *c, const Unit *u) {
        Reason why = global_why_not(c, u);

        if (why.why != WHY_NONE)
                return why;
        if (u->life.phase == PHASE_RUNNING && u->said.report.obstacle != OBSTACLE_NONE)
                return said_obstacle(u);
        if (u->life.rest == REST_BY_HAND)
                return reason(WHY_ENDED);
        return reason(c->now.boottime < u->back.not_before ? WHY_STANDS_BACK : WHY_NONE);
}

static Why why_unknown(const Core *c, const Unit *u) {
        if (u->said.guard.index == 0)
                return view_why_deaf(c);
        return u->said.guard.expired ? WHY_UNKNOWN_ENDING : WHY_UNKNOWN_RUNNING;
}

static Reason why_not_running(const Unit *u) {
        if (u->life.rest == REST_ASIDE)
                return said_obstacle(u);
        if (u->plan.stuck)
                return reason(WHY_STUCK);
        if (u->life.rest == REST_BY_HAND)
                return reason(WHY_BY_HAND);
        if (u->life.rest == REST_REFUSED)
                return reason(u->config.hold_on_failure ? WHY_FAILED_HELD : WHY_PAUSED);
        return reason(said_is_inactive(&u->said.report) && has_failed(&u->said.report) ? WHY_FAILED_HELD : WHY_NONE);
}

Reason view_why_not(const Core *c, const Unit *u) {
        Reason why;

        if (u->global)
                return why_not_global(c, u);
        if (u->life.phase == PHASE_RUNNING)
                return why_not_running(u);
        if (u->life.phase != PHASE_IDLE)
                return reason(leave_why(u->life.leave));
        if (is_unknown(c, u))
                return reason(why_unknown(c, u));
        if (u->lease->damaged)
                return why_lost(c, WHY_RECORD_DAMAGED);
        if (lease_is_lost(u->lease) && !lease_is_ours(c, u->lease))
                return why_lost(c, WHY_RECORD_DELETED);
        if (is_for_another(c, u))
                return reason(WHY_SAME_LEASE);
        if (lease_is_ours(c, u->lease))
                return reason(why_not_ours(c, u));
        if (u->lease->value->state == LEASE_DONE)
                return reason(WHY_JOB_DONE);
        if (u->lease->value->state == LEASE_HELD)
                return reason(why_not_theirs(c, u->lease));
        return plan_wants_lease(c, u, &why) ? reason(WHY_ASKING) : why;
}

static void unit_view(const Core *c, const Unit *u, UnitView *ret) {
        static const LeaseRecord none = {};
        const LeaseRecord *l = u->global ? &none : u->lease->value;
        bool unread = u->lease && u->lease->damaged && l->state != LEASE_HELD; /* by whom it is held */
        bool known = u->global || (is_known(c, u->lease) && !unread);
        bool ours = !u->global && !is_unknown(c, u) && lease_is_ours(c, u->lease) && !is_for_another(c, u);
        bool kept = !u->global && u->life.phase == PHASE_IDLE && u->said.guard.index > 0; /* by the guard alone */
        bool held = known && l->state == LEASE_HELD;
        Timeline t = cover_timeline(c, u);
        UnitState state = state_of(c, u);

        *ret = (UnitView){
                .unit = u->name,
                .lease = u->global ? "" : u->lease->name,
                .state = state,
                .check = aim_of(u, state),
                .why_not = view_why_not(c, u),
                .known = known,
                .machine_id = held ? l->machine_id : "",
                .hostname = held ? hostname_of(c, l->machine_id) : "",
                .index = l->index > 0 || !kept ? l->index : u->said.guard.index,
                .held_here = ours,
                .global = u->global,
                .stuck = u->plan.stuck,
                .limited = u->said.guard.limited,
                .active_known = u->said.report.known,
                .active = u->said.report.active,
                .stop_at = is_kept(c)                 ? 0
                           : ours && c->own.committed ? c->own.t0 + t.stop
                           : kept                     ? u->said.guard.stop_at
                                                      : 0,
                .kill_at = is_kept(c)                 ? 0
                           : ours && c->own.committed ? c->own.t0 + t.kill
                           : kept                     ? u->said.guard.kill_at
                                                      : 0,
        };
}

bool core_find_unit(const Core *c, Now now, const char *unit, UnitView *ret) {
        const Unit *u = unit_find((Core *) c, unit);

        (void) now;
        if (u)
                unit_view(c, u, ret);
        return u;
}

/* Marks the machines that keep leases and are not heard, once after a step: nothing changes between two steps, and one
 * question on D-Bus for all properties asks for all machines many times. Returns false if no machine keeps any, as
 * mostly. */
static bool mark_keepers(Core *c) {
        bool any = session_another_keeps(c);

        if (any && !c->told.keepers) {
                session_mark_keepers(c);
                c->told.keepers = true;
        }
        return any;
}

int core_each_machine(const Core *c, Now now, int (*f)(const MachineView *, void *), void *userdata) {
        bool any_keeps = mark_keepers((Core *) c);
        int r = 0;

        for (const Machine *m = c->machines; m && r == 0; m = m->hh.next) {
                const Session *s = session_of(c, m);
                MachineView v = {
                        .machine_id = m->id,
                        .record = &m->value,
                        .alive = is_alive(c, s),
                        .known = !view_is_unproved(c, m),
                        .heard = s && s->beat.revision > 0 ? s->beat.at : 0,
                        .stopped = s ? s->ended_at : 0,
                        .held = machine_held(c, m),
                };
                bool keeps = any_keeps && m->keeps;

                if (m->seen.revision == 0 && !keeps)
                        continue;
                v.unconfirmed = keeps && !view_is_deaf(c); /* otherwise nobody can be heard */
                if (v.alive)
                        v.up_since = machine_up_since(c, m);
                if (keeps)
                        v.held = m->kept;
                r = f(&v, userdata);
        }
        return r;
}

void core_each_unit_name(const Core *c, void (*f)(const char *name, void *userdata), void *userdata) {
        for (const Unit *u = c->units; u; u = u->hh.next)
                f(u->name, userdata);
}

void core_each_lease_name(const Core *c, void (*f)(const char *name, void *userdata), void *userdata) {
        for (const Lease *l = c->leases; l; l = l->hh.next)
                if (l->seen.revision > 0)
                        f(l->name, userdata);
}

size_t core_count_machines(const Core *c) {
        return HASH_COUNT(c->machines);
}
