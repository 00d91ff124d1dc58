/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The units that are enabled here: the table of them, their configuration, and what follows now from the configuration
 * and from what PID 1 and the guard have said (said.c). What is done about it is decided in life.c.
 */

#include "core/unit.h"

#include "core/back.h"
#include "core/lease.h"
#include "core/look.h"
#include "core/machine.h"
#include "core/mirror.h"
#include "core/news.h"
#include "core/output.h"
#include "core/said.h"
#include "core/unit-life.h"
#include "core/wish.h"

Unit *unit_find(Core *c, const char *name) {
        Unit *u;

        HASH_FIND_STR(c->units, name, u);
        return u;
}

bool unit_is_in_hand(const Unit *u) {
        return u->life.phase != PHASE_IDLE || u->said.guard.index > 0;
}

/* A disabled unit that still has something in hand keeps the lease until it has given it back. */
void unit_attach(Core *c, Unit *u, const char *lease) {
        must(u->life.phase == PHASE_IDLE && (!u->lease || u->lease->txn == 0));
        if (u->lease && u->lease->unit == u)
                u->lease->unit = NULL;
        if (u->lease)
                look_at_lease(c, u->lease);
        look_attach(u, mirror_lease(c, lease));
        look_at_lease(c, u->lease);
        u->renamed = !streq(lease, u->config.lease);
        news_of_unit(c, u, NEWS_UNIT_CHANGED);
        if (!u->lease->unit || (u->lease->unit->forgotten && !unit_is_in_hand(u->lease->unit)))
                u->lease->unit = u;
}

/* Most units have no wishes, and share these. */
static const Placement plain;

static bool is_plain(const Placement *p) {
        return !p->machine_id[0] && !p->machine_of[0] && !p->require[0] && !p->prefer[0] && !p->prefer_not[0] &&
               !p->spread[0] && !p->conflicts[0] && !p->replaces[0] &&
               !p->failback; /* then .failback_hold is without meaning */
}

static void keep_placement(Unit *u, const Placement *p) {
        if (!p || is_plain(p)) {
                free(u->config_placement);
                u->config_placement = NULL;
                return;
        }
        if (!u->config_placement && !(u->config_placement = malloc(sizeof(Placement))))
                abort();
        *u->config_placement = *p;
}

/* A copy, with what it points to. */
static void take_config(Unit *u, const UnitConfig *config) {
        u->config = *config;
        if (!str_keep(&u->config_lease, streq(config->lease, u->name) ? NULL : config->lease))
                abort();
        keep_placement(u, config->placement);
        u->config.unit = u->name;
        u->config.lease = u->config_lease ?: u->name;
        u->config.placement = u->config_placement ?: &plain;
}

static Unit *new_unit(Core *c, const char *name, const char *lease) {
        size_t size = strlen(name) + 1;
        Unit *u = calloc(1, sizeof(Unit) + size);

        if (!u)
                abort();
        memcpy(u->name, name, size);
        take_config(u, &(UnitConfig){ .lease = lease, .stop_grace = USEC_INFINITY, .timeout_stop = USEC_INFINITY });
        said_nothing(u);
        unit_life_begin(c, u);
        look_new_unit(c, u);
        unit_attach(c, u, lease);
        HASH_ADD_STR(c->units, name, u);
        c->plan.units_unsorted = true;
        if (c->guard.synced)
                (void) said_guard(c, u, &(GuardReport){}, NULL);
        output_changed(c, u, NULL);
        return u;
}

void unit_free(Core *c, Unit *u) {
        HASH_DEL(c->units, u);
        if (u->lease->unit == u)
                u->lease->unit = NULL;
        for (size_t i = 0; i < c->offering.n; i++)
                if (c->offering.units[i] == u)
                        c->offering.units[i] = NULL;
        if (c->plan.next == u)
                c->plan.next = u->hh.next;
        if (c->told.next == u)
                c->told.next = u->hh.next;
        if (u->offer && u->offer->seen.revision > 0)
                c->offering.orphans = true;
        look_forget_unit(c, u);
        free(u->config_placement);
        free(u->config_lease);
        said_done(u);
        free(u->plan.what);
        wish_done(u);
        free(u);
}

void unit_change_slot(Core *c, Unit *u, const char *lease) {
        must(u->life.phase == PHASE_IDLE && !unit_is_in_slot(c, u));
        if (lease_slot(lease) <= u->config.slots) {
                if (!str_keep(&u->config_lease, lease))
                        abort();
                u->config.lease = u->config_lease;
        }
        unit_attach(c, u, lease);
}

/* Whether the unit stays in the slot that it has, or seeks, by these options. */
static bool keeps_slot(const Unit *u, const UnitConfig *config) {
        return config->slots > 1 && lease_slots_are_alike(u->config.lease, config->lease) &&
               lease_slot(u->config.lease) <= config->slots;
}

Unit *unit_configure(Core *c, const UnitConfig *config) {
        Unit *u = unit_find(c, config->unit);
        UnitConfig in_slot = *config;

        if (u && keeps_slot(u, config)) {
                in_slot.lease = u->config.lease;
                config = &in_slot;
        }
        if (!lease_name_is_valid(config->lease))
                return u;
        if (!u) {
                u = new_unit(c, config->unit, config->lease);
                unit_life_set_spent(u, config->once); /* from before our restart, unless a word says that it is new */
        }
        take_config(u, config);
        /* Offers are never freed, and each run has another name. */
        if (!config->once && !u->offer)
                u->offer = mirror_offer(c, c->here.machine_id, u->name);
        u->renamed = !streq(u->lease->name, u->config.lease);
        u->forgotten = u->forgotten && config->once; /* which is over for good */
        unit_life_set_spent(u, u->life.spent && config->once);
        news_of_unit(c, u, NEWS_UNIT_CHANGED);
        back_look_anew(c, u);
        look_at_lease(c, u->lease);
        return u;
}

Unit *unit_find_or_leftover(Core *c, const char *name) {
        Unit *u = unit_find(c, name);

        if (u || !lease_name_is_valid(name))
                return u;
        u = new_unit(c, name, name);
        u->forgotten = true;
        return u;
}

bool unit_is_ours(const Core *c, const Unit *u) {
        return u->lease->unit == u && lease_is_ours(c, u->lease);
}

bool unit_is_in_slot(const Core *c, const Unit *u) {
        uint64_t in_hand = u->said.guard.index;

        return unit_is_ours(c, u) && (in_hand == 0 || u->lease->value->index == in_hand) &&
               !said_runs_by_another(u, u->lease);
}

bool unit_is_held(const Core *c, const Unit *u) {
        return unit_is_ours(c, u) && (u->life.index == 0 || u->lease->value->index == u->life.index);
}

/* Whether what is in hand may run by lease l at that Index. After a restart the guard's entry does not tell by
 * which lease the unit runs, and Lease= may be another now. Where the unit's environment file does not tell either,
 * the Index must do, unless the unit's own lease explains it (law 7). */
static bool may_run_by(const Core *c, const Unit *u, const Lease *l, uint64_t index) {
        bool known = u->life.phase != PHASE_IDLE && u->life.origin != ORIGIN_LEFTOVER;
        uint64_t in_hand = u->life.phase == PHASE_IDLE ? u->said.guard.index : u->life.index;

        if (u->said.lease && !known)
                return !said_runs_by_another(u, l);
        if (u->lease == l || known || in_hand != index)
                return u->lease == l;
        return !lease_is_ours(c, u->lease) || u->lease->value->index != index;
}

static bool is_predecessor(const Core *c, const Unit *u, const Lease *l, uint64_t index) {
        return u != l->unit && !u->global && unit_is_in_hand(u) && may_run_by(c, u, l, index);
}

/* Only a unit that was left over from before our restart may run by another lease than its own. */
bool unit_has_predecessor(const Core *c, const Lease *l, uint64_t index) {
        for (const Unit *u = l->users; u; u = u->next_user)
                if (is_predecessor(c, u, l, index))
                        return true;
        for (const Unit *u = c->look.n_unsure > 0 ? c->units : NULL; u; u = u->hh.next)
                if (is_predecessor(c, u, l, index))
                        return true;
        return false;
}

Reason unit_why_unable(const Core *c, const Unit *u) {
        Why idle = machine_why_not(c);

        if (u->forgotten)
                return reason(WHY_NOT_ENABLED);
        if (u->config.once && !u->wish.run)
                return reason(WHY_ONCE);
        if (u->global || u->config.global)
                return reason(WHY_GLOBAL);
        if (u->config.doubtful)
                return reason(WHY_DOUBTFUL);
        if (u->renamed)
                return reason(WHY_RENAMED);
        if (idle != WHY_NONE)
                return reason(idle);
        if (u->lease->unit != u)
                return reason(WHY_SAME_LEASE);
        if (!c->guard.synced)
                return reason(WHY_GUARD_SILENT);
        if (u->life.phase != PHASE_IDLE || u->said.guard.index > 0)
                return reason(WHY_STILL_STOPPING);
        if (!said_is_told(u))
                return reason(WHY_STATE_UNTOLD);
        if (!u->said.report.gate_loaded && !u->config.once) /* which PID 1 does not know before its start */
                return reason(said_why_no_gate(u));
        if (!said_is_down(u))
                return reason(WHY_LEFTOVERS);
        if (u->said.report.obstacle == OBSTACLE_LASTS && !u->wish.steal)
                return said_obstacle(u);
        if (u->config.checked && u->said.check != CHECK_PASSES)
                return reason(u->said.check == CHECK_FAILS ? WHY_CHECK_FAILS : WHY_CHECK_UNKNOWN);
        if (lease_next_index(c, u->lease) > INDEX_MAX)
                return lease_at_end(c, lease_next_index(c, u->lease) - 1);
        return reason(c->now.boottime < u->back.not_before && !u->wish.steal ? WHY_STANDS_BACK : WHY_NONE);
}

/* Member by member: what lies between the members is not set, and differs by chance. */
bool unit_plan_is(const Unit *u, const UnitPlan *b, const char *what) {
        const UnitPlan *a = &u->plan;

        return a->is_peer == b->is_peer && a->available == b->available && a->change == b->change &&
               a->available_at == b->available_at && a->put_off == b->put_off && a->able == b->able &&
               a->able_at == b->able_at && a->rank == b->rank && a->move == b->move && a->move_to == b->move_to &&
               a->move_version == b->move_version && a->stuck == b->stuck && a->failback_to == b->failback_to &&
               a->failback_index == b->failback_index && a->failback_since == b->failback_since &&
               a->turn.since == b->turn.since && a->turn.index == b->turn.index && a->turn.behind == b->turn.behind &&
               a->reason.why == b->reason.why && a->reason.there == b->reason.there &&
               a->reason.holds == b->reason.holds && streq(strempty(a->what), what);
}
