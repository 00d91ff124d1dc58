/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The units that are enabled here: the set of them, what was said of each by the configuration, PID 1 and the guard,
 * and what follows from that at this moment. What is done about it is life.c's.
 */

#include "core/internal.h"

#include <errno.h>

/* ---- units ---- */

Unit *life_find(Core *c, const char *name) {
        Unit *u;

        HASH_FIND_STR(c->units, name, u);
        return u;
}

bool life_is_in_hand(const Unit *u) {
        return u->life.phase != PHASE_IDLE || u->said.guard.index > 0;
}

/* What a disabled unit still holds it gives back itself. */
void life_attach(Core *c, Unit *u, const char *lease) {
        if (u->lease && u->lease->unit == u)
                u->lease->unit = NULL;
        u->lease = mirror_lease(c, lease);
        u->renamed = !streq(lease, u->config.lease);
        u->plan.available = false;
        c->plan.stale = c->offering.stale = true;
        if (!u->lease->unit || (u->lease->unit->forgotten && !life_is_in_hand(u->lease->unit)))
                u->lease->unit = u;
}

/* A copy, with what it points to. */
static void take_config(Unit *u, const UnitConfig *config) {
        u->config = *config;
        str_copy(u->config_lease, sizeof(u->config_lease), config->lease);
        u->config_placement = config->placement ? *config->placement : (Placement){};
        u->config.unit = u->name;
        u->config.lease = u->config_lease;
        u->config.placement = &u->config_placement;
}

static Unit *life_new(Core *c, const char *name, const char *lease) {
        Unit *u = calloc(1, sizeof(Unit));

        if (!u)
                abort();
        str_copy(u->name, sizeof(u->name), name);
        take_config(u, &(UnitConfig){ .lease = lease, .stop_grace = USEC_INFINITY, .timeout_stop = USEC_INFINITY });
        u->said.closed_at = USEC_INFINITY;
        u->life.changed_at = c->now.boottime;
        life_attach(c, u, lease);
        u->plan.rank = RANK_NONE;
        HASH_ADD_STR(c->units, name, u);
        c->plan.units_unsorted = true;
        if (c->guard.synced)
                life_guard(c, u, &(GuardReport){});
        output_changed(c, u, NULL);
        return u;
}

void life_free(Core *c, Unit *u) {
        HASH_DEL(c->units, u);
        if (u->lease->unit == u)
                u->lease->unit = NULL;
        for (size_t i = 0; i < c->offering.n; i++)
                if (c->offering.units[i] == u)
                        c->offering.units[i] = NULL;
        free(u);
}

Unit *life_configure(Core *c, const UnitConfig *config) {
        Unit *u = life_find(c, config->unit);

        if (!lease_name_is_valid(config->lease))
                return u;
        if (!u) {
                u = life_new(c, config->unit, config->lease);
                u->life.spent = config->once; /* from before our restart, unless a word says that it is new */
        }
        take_config(u, config);
        /* Offers are never freed, and each run has another name. */
        if (!config->once && !u->offer)
                u->offer = mirror_offer(c, c->here.machine_id, u->name);
        u->renamed = !streq(u->lease->name, u->config.lease);
        u->forgotten = u->forgotten && config->once; /* which is over for good */
        c->offering.stale = c->plan.stale = true;
        life_look_anew(c, u);
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
        if (report->serial < u->said.guard_asked)
                return; /* said before our last request: the answer to that one is on its way */
        if (report->open)
                u->said.closed_at = USEC_INFINITY;
        else if (!u->said.guard_known || u->said.guard.open || u->said.closed_at == USEC_INFINITY)
                u->said.closed_at = c->now.boottime;
        if (!u->said.guard_known)
                u->life.retry_at = 0; /* what is to be said to a guard that has just connected is said at once */
        if (u->life.phase == PHASE_IDLE && report->index > 0)
                c->plan.stale = c->plan.stale || c->plan.has_wishes; /* from before our restart: it is here */
        u->said.guard = *report;
        u->said.guard_known = true;
}

/* The daemon has it started again at once, and one that lives but does not answer replaced. Where that does not help,
 * the leases are of more use on another machine. */
static usec_t missing_at(const Core *c) {
        return c->guard.synced || c->guard.away_since == 0 ? USEC_INFINITY
                                                           : usec_add(c->guard.away_since, c->own.ttl ?: c->here.ttl);
}

void life_look_for_guard(Core *c) {
        bool missing;

        if (c->guard.synced)
                c->guard.away_since = 0;
        else if (c->guard.away_since == 0)
                c->guard.away_since = c->now.boottime;
        missing = c->now.boottime >= missing_at(c);
        if (missing != c->guard.missing)
                c->plan.stale = c->offering.stale = true;
        c->guard.missing = missing;
}

usec_t life_guard_deadline(const Core *c) {
        return missing_at(c) > c->now.boottime ? missing_at(c) : USEC_INFINITY;
}

static void say_obstacle(Unit *u) {
        const char *what = u->said.report.ended_by == ENDED_BY_CONFLICT ? " runs here, with which it conflicts"
                           : u->said.report.obstacle == OBSTACLE_LASTS  ? ", which it needs, is stopped here"
                                                                        : ", which it needs, has ended here";
        size_t n;

        u->said.obstacle_why[0] = '\0';
        if (u->said.report.obstacle == OBSTACLE_NONE)
                return;
        str_copy(u->said.obstacle_why, sizeof(u->said.other), *u->said.other ? u->said.other : "a unit");
        n = strlen(u->said.obstacle_why);
        str_copy(u->said.obstacle_why + n, sizeof(u->said.obstacle_why) - n, what);
}

void life_report(Core *c, Unit *u, const UnitReport *report) {
        if (report->known && u->said.report.known && report->asked_at < u->said.report.asked_at)
                return;
        if (report->gate_loaded != u->said.report.gate_loaded || report->known != u->said.report.known ||
                        report->obstacle != u->said.report.obstacle)
                c->offering.stale = true;
        u->said.report = *report;
        str_copy(u->said.other, sizeof(u->said.other), strempty(report->other));
        u->said.report.other = u->said.other; /* the caller's lasts no longer than the event */
        say_obstacle(u);
        output_changed(c, u, NULL);
}

void life_failed(Core *c, Unit *u, ActionKind action, uint64_t id) {
        if (action == ACTION_GATE_OPEN && id == u->said.guard_asked)
                u->said.guard_asked =
                                u->said.guard_asked_before; /* it never reached the guard; one before it may have */
        u->life.retry_at = c->now.boottime + USEC_PER_SEC;
}

/* ---- time ---- */

/* While two sessions beat, the shorter TTL's timeline holds: it suits both. */
Timeline life_timeline(const Core *c, const Unit *u) {
        Timeline t = c->own.timeline;
        usec_t ttl = c->own.ttl ?: c->here.ttl;

        if (session_is_moving(c))
                ttl = MIN(ttl, c->other.ttl);
        /* A grace that does not fit, as after TTL= was made shorter: the default always does. The daemon says so. */
        if (timeline_compute(ttl, u->config.stop_grace, u->config.timeout_stop, &t) == -EDOM)
                (void) timeline_compute(ttl, USEC_INFINITY, u->config.timeout_stop, &t);
        return t;
}

static bool has_entry(const Unit *u) {
        return u->life.phase >= PHASE_ARMING && u->life.phase <= PHASE_STOPPING && u->life.armed_kill > 0;
}

/* What the guard was told holds until it has been told otherwise. */
usec_t life_stop_at(const Core *c, const Unit *u) {
        return usec_add(session_covered_from(c), has_entry(u) ? u->life.armed_stop : life_timeline(c, u).stop);
}

bool life_is_armed_by(const Unit *u, const Timeline *t) {
        return u->life.armed_stop == t->stop && u->life.armed_kill == t->kill;
}

bool life_is_armed_anew(const Core *c, const Unit *u) {
        Timeline t = life_timeline(c, u);

        if (u->life.phase == PHASE_IDLE || u->life.phase == PHASE_RELEASING)
                return u->said.guard_known && u->said.guard.index == 0;
        return u->life.phase < PHASE_CLOSING && u->said.guard_known && u->said.guard.serial >= u->life.armed_id &&
               life_is_armed_by(u, &t);
}

/* ---- what is so ---- */

bool life_is_inactive(const UnitReport *r) {
        return r->known && !r->job && (r->active == ACTIVE_INACTIVE || r->active == ACTIVE_FAILED);
}

bool life_has_begun(const Unit *u) {
        return (u->said.report.active != ACTIVE_INACTIVE && u->said.report.active != ACTIVE_FAILED) ||
               u->said.report.run != u->life.run;
}

/* The guard has answered all that it was asked for this unit. */
bool life_is_heard(const Unit *u) {
        return u->said.guard_known && u->said.guard.serial >= u->said.guard_asked;
}

bool life_is_down(const Unit *u) {
        return life_is_inactive(&u->said.report) && u->said.report.empty && life_is_heard(u) && !u->said.guard.open &&
               u->said.closed_at != USEC_INFINITY && u->said.report.asked_at > u->said.closed_at;
}

bool life_is_told(const Unit *u) {
        return u->said.report.known && life_is_heard(u) && u->said.closed_at != USEC_INFINITY &&
               u->said.report.asked_at > u->said.closed_at;
}

bool life_is_ours(const Core *c, const Unit *u) {
        return u->lease->unit == u && lease_is_ours(c, u->lease);
}

bool life_is_held(const Core *c, const Unit *u) {
        return life_is_ours(c, u) && (u->life.index == 0 || u->lease->value.index == u->life.index);
}

/* By which lease it ran that the guard tells of after a restart is not known, Lease= may be another now: the Index
 * must do, unless the lease that it has explains it. */
static bool may_run_by(const Core *c, const Unit *u, const Lease *l, uint64_t index) {
        bool known = u->life.phase != PHASE_IDLE && !u->life.from_before;
        uint64_t in_hand = u->life.phase == PHASE_IDLE ? u->said.guard.index : u->life.index;

        if (u->lease == l || known || in_hand != index)
                return u->lease == l;
        return !lease_is_ours(c, u->lease) || u->lease->value.index != index;
}

bool life_has_predecessor(const Core *c, const Lease *l, uint64_t index) {
        for (const Unit *u = c->units; u; u = u->hh.next)
                if (u != l->unit && !u->global && life_is_in_hand(u) && may_run_by(c, u, l, index))
                        return true;
        return false;
}

bool life_is_covered(const Core *c, const Unit *u) {
        return session_settled(c) && c->now.boottime < life_stop_at(c, u);
}

const char *life_why_no_gate(const Unit *u) {
        static const char *const why[] = {
                [LOAD_OK] = "systemd has not loaded its gate",
                [LOAD_MISSING] = "its unit file is missing",
                [LOAD_MASKED] = "it is masked",
                [LOAD_BAD] = "systemd cannot load its unit file",
        };

        return why[u->said.report.load];
}

const char *life_why_unable(const Core *c, const Unit *u) {
        const char *why;

        if (u->forgotten)
                return "it is not enabled here any more";
        if (u->config.once && !u->wish.run)
                return "it runs only once";
        if (u->global || u->config.global)
                return "it runs on every machine that fits, without a lease";
        if (u->config.doubtful)
                return "a line that says where it may run is bad (leasectl reload names it)";
        if (u->renamed)
                return "its Lease= is being changed";
        if (!machine_competes(c, &why))
                return why;
        if (u->lease->unit != u)
                return "another unit here has the same Lease=";
        if (!c->guard.synced)
                return "leased-guard.service does not answer";
        if (u->life.phase != PHASE_IDLE || u->said.guard.index > 0)
                return "it is still being stopped here";
        if (!life_is_told(u))
                return "systemd has not told its state yet";
        if (!u->said.report.gate_loaded && !u->config.once) /* which PID 1 does not know before its start */
                return life_why_no_gate(u);
        if (!life_is_down(u))
                return "processes of an earlier run are left here";
        if (u->said.report.obstacle == OBSTACLE_LASTS && !u->wish.steal)
                return u->said.obstacle_why;
        if (lease_next_index(c, u->lease) > INDEX_MAX)
                return "its Index cannot grow any more (leasectl registry forget LEASE)";
        return c->now.boottime < u->back.not_before ? "this machine stands back for a while" : NULL;
}

bool life_wants_lease(const Core *c, const Unit *u, const char **ret_why) {
        const char *why = life_why_unable(c, u);

        if (!why && !u->wish.steal && c->now.boottime < plan_turn_at(c, u))
                why = u->plan.available ? u->plan.why : "it is not to be had";
        if (ret_why)
                *ret_why = why;
        return !why;
}

Why leave_why(Leave leave) {
        static const Why whys[] = {
                [LEAVE_NONE] = WHY_NONE,
                [LEAVE_EXPIRED] = WHY_EXPIRED,
                [LEAVE_RELEASE] = WHY_RELEASED,
                [LEAVE_TRANSFER] = WHY_TRANSFER,
                [LEAVE_FAILBACK] = WHY_FAILBACK,
                [LEAVE_UPGRADE] = WHY_UPGRADE,
                [LEAVE_UNFIT] = WHY_PLACEMENT,
                [LEAVE_DRAIN] = WHY_DRAIN,
                [LEAVE_FORGET] = WHY_DISABLED,
                [LEAVE_SHUTDOWN] = WHY_SHUTDOWN,
                [LEAVE_SLEEP] = WHY_SLEEP,
                [LEAVE_OBSTACLE] = WHY_DEPENDENCY,
                [LEAVE_DONE] = WHY_DONE,
                [LEAVE_FAILED] = WHY_FAILED,
                [LEAVE_STRAY] = WHY_STRAY,
                [LEAVE_LOST] = WHY_LOST,
        };
        return whys[leave];
}
