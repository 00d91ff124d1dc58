/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who should hold what.
 *
 * Each machine goes through the leases that can be had, in the order of their units' names. It gives each lease to the
 * machine that comes first for the unit (placement.h), and counts what it has given already. All machines see the same
 * records, so all come to the same plan, and what a dead machine held is spread evenly over the others. Safety does
 * not depend on the plan: the first machine acquires at once, the next one a little later, and a machine that is too
 * late is refused by the registry.
 *
 * Machines that come up together leave each other time: a machine that is new in the registry takes nothing for a
 * round, and then its own share first.
 *
 * For each lease that we hold, the plan says whether the lease should go, and where: away from a machine that drains
 * or does not fit any more, to a machine with a higher Version=, or back to a machine that the unit prefers. Only the
 * holder moves a lease, by a transfer, so no two machines move it at once. The unit must be offered at its new
 * machine, so that machine does not hand the lease back at once.
 *
 * Units are planned anew when the registry says something that was not planned, or when a session has fallen silent.
 * When other machines have changed their offers, or leases have changed hands between them, this is done a little
 * later, and once for many changes (news.c, planning.c).
 */

#include "core/plan.h"

#include "core/copies.h"
#include "core/lease.h"
#include "core/leave.h"
#include "core/look.h"
#include "core/machine.h"
#include "core/mirror.h"
#include "core/output.h"
#include "core/roll.h"
#include "core/said.h"
#include "core/session.h"
#include "core/unit.h"

/* ---- the world as it is ---- */

static bool runs_on(const Core *c, const char *unit, const char *machine_id) {
        const Offer *o = mirror_find_offer(c, machine_id, unit);

        return lease_is_at(o && o->seen.revision > 0 ? copies_lease(c, o) : mirror_find_lease(c, unit), machine_id);
}

static bool is_planned_for(const Plan *p, const char *unit, const char *machine_id) {
        const Machine *m = p->supposed ? mirror_find_machine(p->core, machine_id) : NULL;

        for (const Placed *o = m ? m->placed : NULL; o; o = o->next)
                if (o->planned && streq(o->unit, unit))
                        return true;
        return false;
}

/* The first unit of the list that the machine does not hold; NULL: it holds all of them. */
static const char *missing_peer(const Plan *p, const char *list, const char *machine_id) {
        char name[NAME_SIZE];
        size_t n;

        for (const char *w = placement_next_word(list, &n); w; w = placement_next_word(w + n, &n)) {
                memcpy(name, w, MIN(n, sizeof(name) - 1));
                name[MIN(n, sizeof(name) - 1)] = '\0';
                if (!runs_on(p->core, name, machine_id) && !is_planned_for(p, name, machine_id))
                        return output_copy(p->core, name, n + 1);
        }
        return NULL;
}

/* A unit that it must run beside is on another machine. While that unit is nowhere, there is no reason to go. */
static bool peer_is_elsewhere(const Plan *p, const Unit *u) {
        const Core *c = p->core;
        const char *peer = missing_peer(p, u->config.placement->machine_of, c->here.machine_id);

        for (const Machine *m = c->machines; peer && m; m = m->hh.next)
                if (!machine_is_own(c, m) && machine_session(c, m) && runs_on(c, peer, m->id))
                        return true;
        return false;
}

static Reason word_of(const Unit *u, const Offer *o) {
        bool same = streq(mirror_offer_lease(o), u->lease->name) ||
                    (copies_has(u) && lease_slots_are_alike(mirror_offer_lease(o), u->lease->name));

        return same ? offer_reason(&o->terms->value) : reason(WHY_OTHER_LEASE);
}

/* What the machine says of itself. */
static const char *metadata_of(const Core *c, const Machine *m) {
        return machine_is_own(c, m) ? c->here.metadata : m->value.metadata;
}

/* Whether what is there counts as another unit of u's group: another unit, or another copy of u. */
static bool is_alike(const Unit *u, const Machine *m, const Placed *o) {
        return placement_matches(u->config.placement->spread_group, o->unit) &&
               (!streq(o->unit, u->name) || (copies_has(u) && !lease_is_at(u->lease, m->id)));
}

/* Counts, for each machine, the other units of u's group that are there. */
static void count_alike(Plan *p, const Unit *u) {
        const Placement *wishes = u->config.placement;

        for (Machine *m = p->core->machines; m; m = m->hh.next) {
                m->alike = 0;
                m->spread = placement_value(metadata_of(p->core, m), wishes->spread, &m->n_spread);
                for (const Placed *o = m->placed; o; o = o->next) {
                        p->core->look.work.meetings++;
                        m->alike += is_alike(u, m, o);
                }
        }
        p->counted = u;
}

void plan_count_anew(Plan *p) {
        p->counted = NULL;
}

/* How many other units of u's group are on the machines that have the same value of its key as m. Machines without
 * the key have one value together. */
static size_t find_alike(Plan *p, const Unit *u, const Machine *m) {
        size_t n = 0;

        if (!u->config.placement->spread[0])
                return 0;
        if (p->counted != u)
                count_alike(p, u);
        for (const Machine *o = p->core->machines; o; o = o->hh.next)
                if (!o->spread == !m->spread &&
                                (!o->spread || (o->n_spread == m->n_spread &&
                                                               memcmp(o->spread, m->spread, o->n_spread) == 0)))
                        n += o->alike;
        return n;
}

static void look(Plan *p, const Unit *u, const Machine *m, const Offer *o, PlacementMachine *ret) {
        const Core *c = p->core;
        bool own = machine_is_own(c, m), enabled = o && o->seen.revision > 0 && !o->damaged;
        const Lease *copy = m != p->from || p->supposed ? copies_at(c, u, m->id) : NULL;

        *ret = (PlacementMachine){
                .id = m->id,
                .metadata = metadata_of(c, m),
                .enabled = enabled,
                .word = enabled ? word_of(u, o) : reason(WHY_NONE),
                .missing_peer = missing_peer(p, u->config.placement->machine_of, m->id),
                .copy = copy ? copy->name : NULL,
                .draining = own ? c->drain.on : m->value.draining,
                .held = m->held,
                .alike = find_alike(p, u, m),
        };
}

/* ---- how machines stand to a unit ---- */

uint64_t plan_weight(const Core *c) {
        return c->look.work.pairs + c->look.work.meetings / 16;
}

Reason plan_why_not(Plan *p, const Unit *u, const Machine *m, PlacementMachine *ret_look) {
        const Offer *o = mirror_find_offer(p->core, m->id, u->name);
        const Placed *conflict = placed_find_conflict(p, u, m, o ? o->terms->value.conflicts : NULL);

        p->core->look.work.pairs++;
        look(p, u, m, o, ret_look);
        ret_look->conflict = conflict ? conflict->unit : NULL;
        return placement_why_not(u->config.placement, ret_look);
}

Reason plan_why_not_wished(Plan *p, const Unit *u, const Machine *m, PlacementMachine *ret_look) {
        (void) plan_why_not(p, u, m, ret_look);
        ret_look->enabled = true;
        ret_look->word = reason(WHY_NONE);
        return placement_why_not(u->config.placement, ret_look);
}

/* ---- leases that can be had ---- */

bool plan_can_have(const Core *c, const Lease *l, int64_t version) {
        if (!l->seen.known || lease_is_ours(c, l))
                return false;
        if (lease_is_lost(l))
                return c->now.boottime >= lease_lost_due(c, l);
        if (l->value->state == LEASE_FREE)
                return true;
        if (l->value->state == LEASE_DONE)
                return version > l->value->version;
        if (l->value->period > 0)
                return c->now.boottime >= lease_call_dead_at(l);
        return l->holder && c->now.boottime >= session_dead_at(l->holder);
}

bool plan_is_available(const Core *c, const Unit *u) {
        return plan_can_have(c, u->lease, u->config.version);
}

bool plan_comes_before(const Unit *u, const PlacementMachine *a, const PlacementMachine *b) {
        const LeaseRecord *l = u->lease->value;
        bool a_last = l->state == LEASE_FREE && streq(l->machine_id, a->id),
             b_last = l->state == LEASE_FREE && streq(l->machine_id, b->id);

        return a_last != b_last ? b_last != lease_is_kept(l) : placement_before(u->config.placement, u->name, a, b);
}

static void note_reason(Unit *u, Reason r) {
        char what[WHY_TEXT_SIZE];

        u->plan.reason = reason_keep(r, what, sizeof(what));
        if (!str_keep(&u->plan.what, what))
                abort();
        if (r.what)
                u->plan.reason.what = strempty(u->plan.what);
}

bool plan_finds_available(const Unit *u) {
        return u->plan.available && u->plan.change == u->lease->change;
}

static void set_available(const Core *c, Unit *u, bool available) {
        if (available && !plan_finds_available(u)) {
                u->plan.available_at = c->now.boottime;
                u->plan.put_off = 0;
        }
        u->plan.available = available;
        u->plan.change = u->lease->change;
}

/* The machine for which the unit's free lease waits while that machine reboots (OnShutdown=keep); NULL: it waits for
 * none, or for one that would not be given it. */
static Machine *rebooting(Plan *p, const Unit *u) {
        Core *c = p->core;
        const Lease *l = u->lease;
        Machine *m = lease_is_kept(l->value) ? mirror_find_machine(c, l->value->machine_id) : NULL;
        usec_t until = usec_add(l->seen.at, l->value->kept_for);
        PlacementMachine there;

        if (!m || m->seen.revision == 0 || c->now.boottime >= until ||
                        plan_why_not_wished(p, u, m, &there).why != WHY_NONE)
                return NULL;
        c->plan.due_at = MIN(c->plan.due_at, until);
        return m;
}

static void wait_for_reboot(Core *c, Unit *u, const Machine *m) {
        u->plan.rank = RANK_NONE;
        note_reason(u, reason_of(WHY_KEPT, m->value.hostname));
        set_available(c, u, true);
        lease_plan(c, u->lease, m->id);
}

static void plan_turn(Plan *p, Unit *u) {
        Core *c = p->core;
        PlacementMachine here, there, first = {};
        const Machine *last = copies_leave_last(c, u);
        Reason unfit = last     ? reason_of(WHY_COPY_LEFT, last->value.hostname)
                       : p->own ? plan_why_not(p, u, p->own, &here)
                                : reason(WHY_MACHINE_UNLISTED);
        Machine *best = rebooting(p, u);
        unsigned rank = 0;

        if (best && best != p->own) {
                wait_for_reboot(c, u, best);
                return;
        }
        best = NULL;
        for (Machine *m = c->machines; m; m = m->hh.next) {
                if (!machine_session(c, m) || plan_why_not(p, u, m, &there).why != WHY_NONE)
                        continue;
                rank += unfit.why == WHY_NONE && m != p->own && plan_comes_before(u, &there, &here);
                if (!best || plan_comes_before(u, &there, &first)) {
                        best = m;
                        first = there;
                }
        }
        u->plan.rank = unfit.why != WHY_NONE ? RANK_NONE : rank;
        note_reason(u, unfit.why == WHY_NONE && rank > 0 ? reason_of(WHY_OUTRANKED, best->value.hostname) : unfit);
        set_available(c, u, true);
        lease_plan(c, u->lease, best ? best->id : "");
        if (best)
                plan_suppose(p, u, best);
}

/* Turns are counted from the moment at which this machine became able to take the lease: a machine that comes
 * before it may have become able in the same moment. */
void plan_note_ability(Core *c, Unit *u) {
        bool able = u->life.phase == PHASE_IDLE && unit_why_unable(c, u).why == WHY_NONE;

        if (able && !u->plan.able)
                u->plan.able_at = c->now.boottime;
        u->plan.able = able;
}

/* How long each machine waits for the one before it. If the holder is silent, the unit has already waited a TTL: short
 * steps. In the first two TTLs after our start the whole cluster may be booting: long steps. */
static usec_t step_of_turns(const Core *c, const Unit *u) {
        return u->lease->value->state == LEASE_HELD && c->now.boottime >= c->plan.young_until ? c->own.timeline.turn
                                                                                              : c->own.timeline.round;
}

usec_t plan_turn_at(const Core *c, const Unit *u) {
        usec_t since = MAX(u->plan.available_at, u->plan.able_at);

        if (!plan_finds_available(u) || !u->plan.able || u->plan.rank == RANK_NONE)
                return USEC_INFINITY;
        if (u->lease->value->state != LEASE_HELD || c->now.boottime < c->plan.young_until)
                since = MAX(since, c->plan.settle_until);
        if (u->plan.put_off > since)
                since = MIN(u->plan.put_off, usec_add(since, c->own.ttl));
        return since + u->plan.rank * step_of_turns(c, u);
}

bool plan_put_off(Core *c, Unit *u) {
        const Machine *first = u->lease->planned_at;
        const Session *s = first && u->plan.rank != RANK_NONE && u->plan.rank > 0 ? machine_session(c, first) : NULL;

        if (!s || c->now.boottime < plan_turn_at(c, u) || s->took_at <= u->plan.put_off)
                return false;
        u->plan.put_off = s->took_at;
        return c->now.boottime < plan_turn_at(c, u);
}

bool plan_wants_lease(const Core *c, const Unit *u, Reason *ret_why) {
        Reason why = unit_why_unable(c, u);
        bool able = why.why == WHY_NONE, waits = able && !u->wish.steal && c->now.boottime < plan_turn_at(c, u);

        if (waits)
                why = plan_finds_available(u) ? u->plan.reason : reason(WHY_NOT_TO_BE_HAD);
        if (ret_why)
                *ret_why = why;
        return able && !waits;
}

/* ---- what we hold, and should not ---- */

/* Why it must not run here; WHY_NONE: it may. *ret_stay: rather here than nowhere. */
static Reason unfit_here(const Plan *p, const Unit *u, bool *ret_stay) {
        const Core *c = p->core;
        Reason unfit = placement_unfit(u->config.placement, c->here.machine_id, c->here.metadata);

        *ret_stay = false;
        if (unfit.why != WHY_NONE)
                return unfit;
        if (placed_yields_here(p, u))
                return reason(WHY_YIELDS);
        *ret_stay = true;
        if (c->guard.missing)
                return reason(said_why_no_guard(c));
        return reason(peer_is_elsewhere(p, u) ? WHY_PEER_ELSEWHERE : WHY_NONE);
}

typedef struct Choice {
        Machine *machine;
        PlacementMachine look;
        int64_t version; /* of what is installed there */
} Choice;

static int64_t version_there(const Core *c, const Unit *u, const Machine *m) {
        const Offer *o = mirror_find_offer(c, m->id, u->name);

        return o ? o->terms->value.version : 0;
}

/* Another machine that could take it, as it stands to the unit. */
static bool fits(Plan *p, const Unit *u, Machine *m, Choice *ret) {
        *ret = (Choice){ .machine = m, .version = version_there(p->core, u, m) };
        return m != p->from && machine_session(p->core, m) && plan_why_not(p, u, m, &ret->look).why == WHY_NONE;
}

/* The best of the other machines: with at least such a Version=, and at least so much of what it prefers. A record
 * that cannot be read cannot be handed on. */
static Choice choose(Plan *p, const Unit *u, int64_t version, int preference) {
        Choice best = {}, choice;

        for (Machine *m = p->core->machines; m && !lease_is_lost(u->lease); m = m->hh.next) {
                if (version_there(p->core, u, m) < version || !fits(p, u, m, &choice) ||
                                placement_preference(u->config.placement, choice.look.metadata) < preference)
                        continue;
                if (!best.machine || placement_before(u->config.placement, u->name, &choice.look, &best.look))
                        best = choice;
        }
        return best;
}

Machine *plan_choose(Plan *p, const Unit *u) {
        return choose(p, u, INT64_MIN, INT_MIN).machine;
}

void plan_suppose(Plan *p, const Unit *u, Machine *to) {
        to->held++;
        placed_put(p, u, to, true);
}

void plan_leave(Plan *p, const Unit *u, Machine *from) {
        from->held -= from->held > 0;
        placed_remove(p, u, from);
}

/* Where a unit with Failback=yes goes: to a machine that it prefers, or back to one as good that it left for a drain.
 */
static Choice choose_back(Plan *p, const Unit *u) {
        int here = placement_preference(u->config.placement, p->core->here.metadata);
        Choice best = choose(p, u, INT64_MIN, here + 1), before;
        const Tenure *t = best.machine || lease_is_lost(u->lease) ? NULL : lease_drained_from(u->lease->value);
        Machine *m = mirror_find_machine(p->core, t ? t->machine_id : "");

        if (m && fits(p, u, m, &before) && placement_preference(u->config.placement, before.look.metadata) >= here)
                return before;
        return best;
}

/* Where a unit goes that must leave: to a machine of the kind that it is being stopped for (a higher Version=, more
 * of Prefer=) if there still is one, else to the first that fits. */
static Choice choose_any(Plan *p, const Unit *u) {
        Choice best = {};

        if (u->life.leave == LEAVE_UPGRADE && u->life.phase >= PHASE_CLOSING)
                best = choose(p, u, u->plan.move_version, INT_MIN);
        else if (u->life.leave == LEAVE_FAILBACK && u->life.phase >= PHASE_CLOSING)
                best = choose_back(p, u);
        return best.machine ? best : choose(p, u, INT64_MIN, INT_MIN);
}

/* The highest Version= that another machine has and for which it was not handed on before; 0: none. */
static int64_t higher_version(Plan *p, const Unit *u) {
        int64_t known = MAX(u->lease->value->version, u->config.version), best,
                upgraded = roll_handed_on_for(p->core, u, u->lease->value);
        Choice choice;

        best = known = MAX(known, upgraded);
        for (Machine *m = p->core->machines; m; m = m->hh.next)
                if (version_there(p->core, u, m) > best && fits(p, u, m, &choice))
                        best = choice.version;
        return best > known ? best : 0;
}

static Choice choose_failback(Plan *p, Unit *u) {
        Core *c = p->core;
        Choice best = u->config.placement->failback ? choose_back(p, u) : (Choice){};

        if (best.machine && lease_was_unfit(u->lease->value, best.machine->id))
                best.machine = NULL;
        if (!best.machine || best.machine != u->plan.failback_to || u->plan.failback_index != u->lease->value->index) {
                u->plan.failback_to = best.machine;
                u->plan.failback_index = u->lease->value->index;
                u->plan.failback_since = c->now.boottime;
        }
        if (best.machine && c->now.boottime < usec_add(u->plan.failback_since, u->config.placement->failback_hold)) {
                c->plan.due_at = MIN(
                                c->plan.due_at, usec_add(u->plan.failback_since, u->config.placement->failback_hold));
                best.machine = NULL;
        }
        return best;
}

static Leave choose_move(Plan *p, Unit *u, Choice *ret) {
        Core *c = p->core;
        bool resting = u->life.rest == REST_BY_HAND, stay = true,
             on_its_way = u->life.phase >= PHASE_CLOSING && leave_is_move(u->life.leave);
        Reason why = unfit_here(p, u, &stay);
        bool unfit = why.why != WHY_NONE;
        int64_t version;

        note_reason(u, why);
        if (u->wish.release || u->life.leave == LEAVE_RELEASE) {
                *ret = choose_any(p, u); /* the operator lets it go: who comes next is handed the lease */
                u->plan.stuck = false;
                return LEAVE_NONE;
        }
        if (unfit || c->drain.on || on_its_way) {
                *ret = choose_any(p, u);
                u->plan.stuck = !ret->machine;
                if (u->plan.stuck && stay && !on_its_way)
                        return LEAVE_NONE;
                return unfit ? LEAVE_UNFIT : c->drain.on ? LEAVE_DRAIN : u->life.leave;
        }
        version = resting ? 0 : higher_version(p, u);
        if (!roll_may_go(c, u, version, &u->plan.turn))
                return LEAVE_NONE;
        if (version > 0) {
                *ret = choose(p, u, version, INT_MIN);
                u->plan.move_version = version;
                return ret->machine ? LEAVE_UPGRADE : LEAVE_NONE;
        }
        *ret = resting ? (Choice){} : choose_failback(p, u);
        return ret->machine ? LEAVE_FAILBACK : LEAVE_NONE;
}

static void plan_move(Plan *p, Unit *u) {
        Choice choice = {};

        set_available(p->core, u, false);
        u->plan.stuck = false;
        u->plan.rank = RANK_NONE;
        u->plan.move = copies_leave_last(p->core, u) ? LEAVE_SURPLUS : choose_move(p, u, &choice);
        u->plan.move_to = choice.machine;
        lease_plan(p->core, u->lease, choice.machine ? choice.machine->id : p->core->here.machine_id);
        if (choice.machine)
                plan_suppose(p, u, choice.machine);
}

/* ---- commands of "leasectl run" ---- */

/* Nobody else can know that it is wanted here: it is our turn as soon as its lease can be had, and whoever is faster
 * has it. It does not go anywhere. */
static void plan_once(Core *c, Unit *u) {
        bool ours = lease_is_ours(c, u->lease);

        set_available(c, u, !ours && plan_is_available(c, u));
        u->plan.rank = u->plan.available ? 0 : RANK_NONE;
        u->plan.stuck = ours && c->drain.on;
        note_reason(u, reason(WHY_NONE));
        lease_plan(c, u->lease, ours || plan_finds_available(u) ? c->here.machine_id : "");
}

/* ---- the plan ---- */

static void mark_peers(Core *c, const char *list) {
        char name[NAME_SIZE];
        size_t n;

        for (const char *w = placement_next_word(list, &n); w; w = placement_next_word(w + n, &n)) {
                Unit *peer;

                memcpy(name, w, MIN(n, sizeof(name) - 1));
                name[MIN(n, sizeof(name) - 1)] = '\0';
                if ((peer = unit_find(c, name)))
                        peer->plan.is_peer = true;
        }
}

/* Whether some unit has wishes as to what runs beside it: then every change of a holder may matter. */
bool plan_has_wishes(Core *c) {
        bool has = false;

        for (Unit *u = c->units; u; u = u->hh.next)
                u->plan.is_peer = false;
        for (const Unit *u = c->units; u; u = u->hh.next) {
                has = has || u->config.placement->conflicts[0] || u->config.placement->replaces[0] ||
                      u->config.placement->machine_of[0] || u->config.placement->spread[0];
                mark_peers(c, u->config.placement->machine_of);
        }
        for (const Offer *o = c->offers; o && !has; o = o->hh.next)
                has = o->terms->value.conflicts[0] || o->terms->value.replaces[0];
        return has;
}

static void count_held(Core *c, bool with_planned) {
        for (Machine *m = c->machines; m; m = m->hh.next)
                m->held = machine_held(c, m) + (with_planned ? m->planned : 0);
}

static void begin(Plan *p, Core *c, bool wishes, bool with_planned) {
        *p = (Plan){ .core = c, .own = c->self, .from = c->self, .wishes = wishes };
        count_held(c, with_planned);
        placed_collect(p, with_planned);
}

void plan_begin(Plan *p, Core *c, bool wishes) {
        begin(p, c, wishes, false);
}

void plan_go_on(Plan *p, Core *c) {
        begin(p, c, c->plan.has_wishes, true);
}

/* A lease may become available by the time alone, without the end of a session. */
static void note_end(Core *c, const Lease *l) {
        usec_t at = lease_is_lost(l) ? lease_lost_due(c, l) : lease_call_dead_at(l);

        if (at > c->now.boottime)
                c->plan.due_at = MIN(c->plan.due_at, at);
}

void plan_unit(Plan *p, Unit *u) {
        Core *c = p->core;
        UnitPlan before = u->plan;
        char what[WHY_TEXT_SIZE];

        str_copy(what, sizeof(what), strempty(before.what));
        u->plan.move = LEAVE_NONE;
        u->plan.move_to = NULL; /* it says nothing of a later tenure */
        if (u->forgotten || u->global || u->config.global)
                set_available(c, u, false);
        else if (u->config.once)
                plan_once(c, u);
        else if (lease_is_ours(c, u->lease))
                plan_move(p, u);
        else if (plan_is_available(c, u))
                plan_turn(p, u);
        else {
                lease_plan(c, u->lease, "");
                set_available(c, u, false);
                u->plan.stuck = false;
                u->plan.rank = RANK_NONE;
                note_reason(u, reason(WHY_NONE));
        }
        if (u->lease->unit)
                note_end(c, u->lease);
        if (!unit_plan_is(u, &before, what))
                look_at_unit(c, u);
}
