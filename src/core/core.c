/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The step: note the event, then run the chain (state.h). Nothing else enters the core and nothing else leaves it.
 */

#include "core/core.h"

#include "core/back.h"
#include "core/beats.h"
#include "core/call.h"
#include "core/claim.h"
#include "core/collect.h"
#include "core/confirm.h"
#include "core/drain.h"
#include "core/fencing.h"
#include "core/forget.h"
#include "core/global.h"
#include "core/guard-side.h"
#include "core/identity.h"
#include "core/intake.h"
#include "core/lease.h"
#include "core/leave.h"
#include "core/life.h"
#include "core/look.h"
#include "core/mirror.h"
#include "core/news.h"
#include "core/offer.h"
#include "core/output.h"
#include "core/pause.h"
#include "core/planning.h"
#include "core/presence.h"
#include "core/request.h"
#include "core/rounds.h"
#include "core/said.h"
#include "core/session.h"
#include "core/txn.h"
#include "core/unit-life.h"
#include "core/unit.h"
#include "core/view.h"
#include "core/walk.h"
#include "core/word.h"

static void remember(Core *c, const CoreMemory *m) {
        str_copy(c->identity.uuid, sizeof(c->identity.uuid), strempty(m->uuid));
        str_copy(c->identity.store, sizeof(c->identity.store), strempty(m->store));
        c->identity.revision = m->revision;
        c->identity.floor = m->floor <= FLOOR_MAX ? m->floor : 0;
        c->identity.silence = m->silence;
        c->pause.remembered = m->paused;
        c->pause.lost = m->silence && m->paused;
        drain_remember(c, m->draining, m->draining_boot, m->undrained);
        news_note(c, NEWS_BEGINNING);
        c->plan.due_at = USEC_INFINITY;
        c->identity.newcomer = isempty(m->uuid) || m->newcomer;
        for (size_t i = 0; i < m->n_indexes; i++)
                if (lease_name_is_valid(m->indexes[i].lease) && m->indexes[i].index <= INDEX_MAX)
                        mirror_lease(c, m->indexes[i].lease)->remembered = m->indexes[i].index;
}

Core *core_new(const CoreConfig *config) {
        Core *c = calloc(1, sizeof(Core));

        if (!c)
                return NULL;
        str_copy(c->here.machine_id, sizeof(c->here.machine_id), config->machine_id);
        str_copy(c->here.boot_id, sizeof(c->here.boot_id), config->boot_id);
        str_copy(c->here.hostname, sizeof(c->here.hostname), strempty(config->hostname));
        str_copy(c->here.metadata, sizeof(c->here.metadata), strempty(config->metadata));
        str_copy(c->here.version, sizeof(c->here.version), strempty(config->version));
        c->here.ttl = config->ttl;
        c->here.beats_every = config->beats_every;
        c->here.fence_after = config->fence_after;
        c->here.beats_told = config->beats_told;
        c->random = config->seed;
        c->look.always_all = config->looks_at_all;
        c->look.most = config->looks_at_once ?: WALK_LOOKS;
        if (config->session && session_ttl(config->session) > 0)
                str_copy(c->adopt, sizeof(c->adopt), config->session);
        (void) timeline_compute(c->here.ttl, USEC_INFINITY, USEC_INFINITY, &c->own.timeline);
        remember(c, &config->memory);
        str_copy(c->identity.former.uuid, sizeof(c->identity.former.uuid), strempty(config->former.uuid));
        str_copy(c->identity.former.store, sizeof(c->identity.former.store), strempty(config->former.store));
        c->identity.former.revision = config->former.revision;
        c->guard.may_keep = true; /* until it says otherwise */
        return c;
}

Core *core_free(Core *c) {
        Unit *u, *next;

        if (!c)
                return NULL;
        HASH_ITER(hh, c->units, u, next)
                unit_free(c, u);
        call_free_all(c);
        forget_free_all(c);
        word_free_all(c);
        request_free_all(c);
        mirror_free(c);
        look_done(c);
        output_reset(c);
        free(c->out.arena);
        free(c->out.actions);
        free(c->asked.list);
        free(c->offering.next);
        free(c);
        return NULL;
}

/* ---- events ---- */

/* The answer to the deletion of our session's records. Refused: a beat that was still under way has moved them. */
static void on_ended(Core *c, const Answer *a) {
        const Session *s = c->own.seen;

        c->shutdown.txn = 0;
        c->shutdown.ended = a->outcome == OUTCOME_COMMITTED || !s || s->beat.revision == 0;
        if (a->outcome == OUTCOME_REFUSED && !c->shutdown.ended) {
                c->own.beat_revision = s->beat.revision;
                c->own.fence_revision = s->fence.revision;
        }
}

/* Whether the answer is to be taken: it is whole, or a part of the list whose parts before it were all taken. */
static bool is_next(const Core *c, const Answer *a) {
        return a->list == 0 || a->list == c->heard.list;
}

/* Takes what was answered to the question, or a part of it. Returns false if the rest of the list was not taken: then
 * the question counts as not answered (law 8). */
static bool take_answer(Core *c, uint64_t id, const Pending *asked, const Answer *a) {
        if (a->outcome == OUTCOME_UNKNOWN)
                return true;
        c->heard.at = c->now.boottime;
        identity_answer(c, rounds_show_the_past(c, id, a) ? UINT64_MAX : asked->revision, a);
        if (a->list && a->begins)
                intake_begin_list(c, a->list);
        if (!is_next(c, a))
                return false;
        if (!intake_take(c, a))
                identity_contradicted(c, a);
        return true;
}

static void end_answer(Core *c, const Event *e, const Pending *asked) {
        if (e->answer.outcome == OUTCOME_UNKNOWN)
                word_not_answered(c);
        if (beats_answer(c, e->id, &e->answer))
                return;
        if (e->id == c->identity.list_read)
                identity_list_answer(c, &e->answer);
        else if (e->id == c->meta.txn)
                identity_txn(c, &e->answer);
        else if (e->id == c->machine.txn)
                presence_txn(c, &e->answer);
        else if (e->id == c->collect.txn)
                collect_txn(c, &e->answer);
        else if (e->id == c->offering.txn)
                offer_txn(c, &e->answer);
        else if (e->id == c->shutdown.txn)
                on_ended(c, &e->answer);
        else if (rounds_own(c, e->id))
                rounds_answer(c, e->id, &e->answer);
        else if (!drain_answer(c, e->id) && !request_answer(c, e->id, &e->answer) &&
                        !confirm_answer(c, e->id, &e->answer) && !fencing_answer(c, e->id, &e->answer) &&
                        !pause_answer(c, e->id, &e->answer) && !call_answer(c, e->id, &e->answer) &&
                        !forget_answer(c, e->id))
                claim_txn(c, e->id, asked->leases, &e->answer);
}

static void on_answer(Core *c, const Event *e) {
        const Answer *a = &e->answer;
        Pending asked;

        if (!(a->goes_on ? txn_find(c, e->id, &asked) : txn_end(c, e->id, &asked)))
                return; /* nobody waits for this answer any more */
        if (take_answer(c, e->id, &asked, a)) {
                if (!a->goes_on)
                        end_answer(c, e, &asked);
        } else if (!a->goes_on)
                end_answer(c, &(Event){ .kind = e->kind, .id = e->id, .answer.outcome = OUTCOME_UNKNOWN }, &asked);
}

static void on_records(Core *c, const Answer *a) {
        bool first = a->list == 0 || a->begins;

        c->heard.at = c->now.boottime;
        if (first && !identity_watch(c, a))
                return;
        if (a->list && a->begins)
                intake_begin_list(c, a->list);
        if (is_next(c, a) && !intake_take(c, a) && (a->complete || a->list))
                identity_contradicted(c, a); /* law 16: a list shows one moment; a single change may come late */
}

static void on_sleep(Core *c, const Event *e) {
        c->sleep.on = e->on;
        c->sleep.ready = false;
        for (Unit *u = c->units; u; u = u->hh.next)
                unit_life_set_killed(u, false);
        look_at_all(c);
        c->sleep.kill_at = usec_add(c->now.boottime, e->span);
}

static void on_operator(Core *c, const Event *e) {
        Unit *u = e->unit ? unit_find(c, e->unit) : NULL;

        switch (e->kind) {
        case EVENT_FORGET:
                if (u) {
                        u->forgotten = true;
                        look_at_unit(c, u);
                        news_of_unit(c, u, NEWS_UNIT_CHANGED);
                }
                break;
        case EVENT_DRAIN:
                if (isempty(e->machine_id) || streq(e->machine_id, c->here.machine_id)) {
                        drain_set(c, e->machine_id, e->on, e->brief, e->by);
                        break;
                }
                word_begin(c, e);
                break;
        case EVENT_RELEASE:
        case EVENT_TRANSFER:
        case EVENT_STEAL:
        case EVENT_REARM:
        case EVENT_CONFIRM:
        case EVENT_PAUSE:
        case EVENT_RUN:
        case EVENT_STOP:
        case EVENT_START:
        case EVENT_RESTART:
                word_begin(c, e);
                break;
        case EVENT_FENCED:
                fencing_done(c, e->on);
                break;
        case EVENT_REQUEST:
                request_begin(c, e);
                break;
        case EVENT_WITHDRAW:
                word_withdraw(c, e->id);
                request_withdraw(c, e->id);
                call_withdraw(c, e->id);
                forget_withdraw(c, e->id);
                break;
        case EVENT_METADATA:
                str_copy(c->here.metadata, sizeof(c->here.metadata), strempty(e->metadata));
                news_note(c, NEWS_METADATA);
                for (Unit *each = c->units; each; each = each->hh.next)
                        back_look_anew(c, each);
                look_at_all(c);
                break;
        case EVENT_TTL:
                if (e->span >= TTL_MIN && e->span <= TTL_MAX)
                        c->here.ttl = e->span;
                break;
        case EVENT_ACCEPT:
                identity_accept(c, e->uuid);
                break;
        case EVENT_FORGET_INDEX:
                lease_forget_index(c, e->lease);
                break;
        case EVENT_SLEEP:
                on_sleep(c, e);
                break;
        case EVENT_SHUTDOWN:
                c->shutdown.on = true;
                c->shutdown.reboots = e->on;
                break;
        default:
                break;
        }
}

static void on_unit(Core *c, const Event *e) {
        Unit *u = e->unit ? unit_find(c, e->unit) : NULL;

        if (e->kind == EVENT_CONFIGURE)
                (void) unit_configure(c, &e->config);
        else if (u && e->kind == EVENT_UNIT)
                said_report(c, u, &e->report);
        else if (u && e->kind == EVENT_CHECK)
                said_check(c, u, e->on);
        else if (u && e->kind == EVENT_FAILED)
                life_failed(c, u, e->action, e->id, e->on);
}

static void note(Core *c, const Event *e) {
        switch (e->kind) {
        case EVENT_DEADLINE:
                break;
        case EVENT_RECORDS:
                on_records(c, &e->answer);
                break;
        case EVENT_TXN:
        case EVENT_READ:
                on_answer(c, e);
                break;
        case EVENT_CONFIGURE:
        case EVENT_UNIT:
        case EVENT_CHECK:
        case EVENT_FAILED:
                on_unit(c, e);
                break;
        case EVENT_GUARD:
        case EVENT_GUARD_UP:
        case EVENT_GUARD_SYNCED:
        case EVENT_GUARD_DOWN:
        case EVENT_GUARD_GONE:
        case EVENT_GUARD_KEEPS:
                guard_side_event(c, e);
                break;
        case EVENT_CALL:
                if (e->call.kind == CALL_FORGET_MACHINE || e->call.kind == CALL_FORGET_LEASE ||
                                e->call.kind == CALL_LOWER_INDEX)
                        forget_begin(c, e->id, &e->call);
                else
                        call_begin(c, e->id, &e->call);
                break;
        default:
                on_operator(c, e);
        }
}

/* ---- the chain ---- */

/* Whether there is still something to be given back. */
static bool is_any_held(const Core *c) {
        if (c->look.n_releasing > 0)
                return true;
        for (const Unit *u = c->units; u; u = u->hh.next)
                if (u->lease->txn || lease_is_ours(c, u->lease))
                        return true;
        return false;
}

/* Every unit is known to be down, and its gate to be closed: not merely unheard of (laws 7, 8). */
static bool all_rest(const Core *c) {
        if (!c->guard.synced && !c->guard.gone)
                return false;
        for (const Unit *u = c->units; u; u = u->hh.next)
                if (!u->global && u->life.phase != PHASE_RELEASING &&
                                (u->life.phase != PHASE_IDLE || !u->said.guard_known || u->said.guard.index > 0 ||
                                                !said_is_down(u)))
                        return false;
        return true;
}

/* The service is being stopped. When nothing is in hand any more, our session's records are deleted, and the daemon
 * ends. A registry or a guard that does not answer is waited for no longer than half a TTL: what could not be given
 * back is in the guard's hands, and expires by itself. */
static void advance_shutdown(Core *c) {
        bool held;

        if (!c->shutdown.on || c->shutdown.exit_asked)
                return;
        if (c->look.n_busy > 0) { /* something is still to be stopped */
                c->shutdown.deadline = 0;
                return;
        }
        held = is_any_held(c);
        if (c->shutdown.deadline == 0)
                c->shutdown.deadline = c->now.boottime + c->own.timeline.round * 5 / 2;
        if (!all_rest(c) && c->now.boottime < c->shutdown.deadline)
                return;
        if (!held && !c->shutdown.ended && !c->shutdown.txn && !c->own.txn && session_settled(c)) {
                TxnBuilder b = txn_begin(c);

                txn_compare(&b, RECORD_BEAT, c->own.name, c->own.beat_revision);
                txn_compare(&b, RECORD_FENCE, c->own.name, c->own.fence_revision);
                txn_delete(&b, RECORD_BEAT, c->own.name);
                txn_delete(&b, RECORD_FENCE, c->own.name);
                c->shutdown.txn = txn_send(&b);
        }
        if (c->shutdown.ended || (!held && !session_settled(c)) || c->now.boottime >= c->shutdown.deadline) {
                c->shutdown.exit_asked = true;
                (void) output(c, ACTION_EXIT);
        }
}

/* The machine is about to sleep. A registry that does not answer is waited for until the time is up, for other
 * machines must wait out what we could not give back. */
static void advance_sleep(Core *c) {
        if (!c->sleep.on || c->sleep.ready)
                return;
        for (Unit *u = c->units; u && c->now.boottime >= c->sleep.kill_at; u = u->hh.next)
                leave_kill(c, u);
        if (c->look.n_busy > 0 || !all_rest(c) || (c->now.boottime < c->sleep.kill_at && is_any_held(c)))
                return;
        c->sleep.ready = true;
        (void) output(c, ACTION_SLEEP_READY);
}

static void advance(Core *c) {
        identity_advance(c);
        rounds_advance(c);
        beats_advance(c);
        presence_advance(c);
        guard_side_advance(c);
        offer_advance(c);
        planning_advance(c);
        leave_count_draining(c);
        walk_begin(c);
        if (walk_units(c))
                guard_side_tell(c);
        walk_leases(c);
        call_advance(c);
        forget_advance(c);
        request_advance(c);
        word_advance(c);
        request_advance(c); /* answers what has begun or ended just now */
        fencing_advance(c);
        confirm_advance(c);
        pause_advance(c);
        view_advance(c);
        collect_advance(c);
        advance_sleep(c);
        advance_shutdown(c);
        walk_end(c);
        if (c->memory.changed) {
                c->memory.changed = false;
                (void) output(c, ACTION_REMEMBER);
        }
}

const Action *core_step(Core *c, Now now, const Event *event, size_t *ret_n) {
        must(now.boottime >= c->now.boottime);
        output_reset(c);
        c->now = now;
        c->look.walks = false;
        c->told.keepers = false;
        c->heard.changes = MAX(c->heard.changes, now.realtime);
        if (c->heard.begun == 0)
                c->heard.begun = c->heard.changes;
        note(c, event);
        advance(c);
        *ret_n = c->out.n;
        return c->out.actions;
}

usec_t core_next_deadline(const Core *c) {
        usec_t t = MIN(identity_deadline(c), rounds_deadline(c));

        t = MIN(t, beats_deadline(c));
        t = MIN(t, presence_deadline(c));
        t = MIN(t, drain_deadline(c));
        t = MIN(t, confirm_deadline(c));
        t = MIN(t, fencing_deadline(c));
        t = MIN(t, pause_deadline(c));
        t = MIN(t, call_deadline(c));
        t = MIN(t, forget_deadline(c));
        t = MIN(t, word_deadline(c));
        t = MIN(t, request_deadline(c));
        t = MIN(t, view_deadline(c));
        t = MIN(t, offer_deadline(c));
        t = MIN(t, planning_deadline(c));
        t = MIN(t, guard_side_deadline(c));
        if (c->shutdown.on && !c->shutdown.exit_asked && c->shutdown.deadline > 0)
                t = MIN(t, c->shutdown.deadline);
        if (c->sleep.on && !c->sleep.ready && c->sleep.kill_at > c->now.boottime)
                t = MIN(t, c->sleep.kill_at);
        return MIN(t, walk_deadline(c));
}

CoreWork core_work(const Core *c) {
        return c->look.work;
}

uint64_t core_remembered(const Core *c, const char *lease) {
        const Lease *l = mirror_find_lease(c, lease);

        return l ? l->remembered : 0;
}

bool core_may_accept(const Core *c, const char *uuid) {
        return identity_may_accept(c, uuid);
}

const CoreMemory *core_memory(Core *c) {
        c->memory.value = (CoreMemory){
                .uuid = c->identity.uuid,
                .store = c->identity.store,
                .revision = c->identity.revision,
                .floor = c->identity.floor,
                .silence = c->identity.silence,
                .newcomer = c->identity.newcomer && c->identity.uuid[0],
                .paused = c->pause.remembered,
                .draining = c->drain.on,
                .draining_boot = c->drain.boot,
                .undrained = c->drain.said && !c->drain.on,
        };
        if (!c->identity.uuid[0] && c->identity.former.uuid[0]) {
                c->memory.value.uuid = c->identity.former.uuid;
                c->memory.value.store = c->identity.former.store;
                c->memory.value.revision = c->identity.former.revision;
        }
        return &c->memory.value;
}
