/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The step: note the event, then run the chain (internal.h). Nothing else enters the core and nothing else leaves it.
 */

#include "core/internal.h"

static void *must_alloc(size_t size) {
        void *p = calloc(1, size);

        if (!p)
                abort();
        return p;
}

static void remember(Core *c, const CoreMemory *m) {
        str_copy(c->identity.uuid, sizeof(c->identity.uuid), strempty(m->uuid));
        str_copy(c->identity.store, sizeof(c->identity.store), strempty(m->store));
        c->identity.revision = m->revision;
        c->identity.floor = m->floor <= FLOOR_MAX ? m->floor : 0;
        c->identity.silence = m->silence;
        c->drain.on = c->drain.said = m->draining;
        c->plan.stale = c->offering.stale = true;
        c->plan.due_at = USEC_INFINITY;
        c->identity.remembered_nothing = isempty(m->uuid);
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
        c->random = config->seed;
        if (config->session && session_ttl(config->session) > 0)
                str_copy(c->adopt, sizeof(c->adopt), config->session);
        (void) timeline_compute(c->here.ttl, USEC_INFINITY, USEC_INFINITY, &c->own.timeline);
        remember(c, &config->memory);
        return c;
}

Core *core_free(Core *c) {
        Unit *u, *next;

        if (!c)
                return NULL;
        HASH_ITER(hh, c->units, u, next)
                life_free(c, u);
        call_free_all(c);
        word_free_all(c);
        mirror_free(c);
        output_reset(c);
        free(c->out.arena);
        free(c->out.actions);
        free(c->asked.list);
        free(c->memory.indexes);
        free(c->offering.next);
        free(c);
        return NULL;
}

/* ---- events ---- */

/* Our session's records are gone, or an attempt at a beat was still under way and has moved them. */
static void on_ended(Core *c, const Answer *a) {
        const Session *s = c->own.seen;

        c->shutdown.txn = 0;
        c->shutdown.ended = a->outcome == OUTCOME_COMMITTED || !s || s->beat.revision == 0;
        if (a->outcome == OUTCOME_REFUSED && !c->shutdown.ended) {
                c->own.beat_revision = s->beat.revision;
                c->own.fence_revision = s->fence.revision;
        }
}

static void on_answer(Core *c, const Event *e) {
        uint64_t known;

        if (!asked_end(c, e->id, &known))
                return; /* asked by nobody any more */
        if (e->answer.outcome != OUTCOME_UNKNOWN) {
                c->heard.at = c->now.boottime;
                identity_answer(c, session_is_shown_its_past(c, e->id, &e->answer) ? UINT64_MAX : known, &e->answer);
                if (!mirror_take(c, &e->answer))
                        identity_contradicted(c, &e->answer);
        }
        if (e->id == c->beats.id) {
                c->beats.id = 0;
                if (e->answer.outcome != OUTCOME_UNKNOWN)
                        c->beats.known_at = c->beats.asked_at;
        } else if (e->id == c->identity.list_read)
                c->identity.list_read = 0;
        else if (e->id == c->meta.txn)
                identity_txn(c, &e->answer);
        else if (e->id == c->machine.txn)
                machine_txn(c, &e->answer);
        else if (e->id == c->collect.txn)
                collect_txn(c, &e->answer);
        else if (e->id == c->offering.txn)
                offers_txn(c, &e->answer);
        else if (e->id == c->shutdown.txn)
                on_ended(c, &e->answer);
        else if (session_owns(c, e->id))
                session_answer(c, e->id, &e->answer);
        else if (!machine_drain_answer(c, e->id, &e->answer) && !call_answer(c, e->id, &e->answer))
                lease_txn(c, e->id, &e->answer);
}

static void on_guard(Core *c, const Event *e) {
        Unit *u, *next;

        switch (e->kind) {
        case EVENT_GUARD_GONE:
                if (c->guard.up) /* said of an earlier one: what this one reports holds */
                        break;
                c->offering.stale = c->offering.stale || !c->guard.gone;
                c->guard.gone = true;
                HASH_ITER(hh, c->units, u, next) {
                        u->said.guard_asked = 0;
                        life_guard(c, u, &(GuardReport){});
                }
                break;
        case EVENT_GUARD_UP:
                c->guard.up = true;
                c->guard.gone = false;
                c->guard.synced = false;
                HASH_ITER(hh, c->units, u, next) {
                        u->said.guard_known = u->life.killed = false;
                        u->said.guard_asked = 0;
                        u->life.armed_stop = u->life.armed_kill =
                                        0; /* whether it was heard is not known: it is said again */
                }
                break;
        case EVENT_GUARD_SYNCED:
                c->guard.synced = c->guard.up;
                HASH_ITER(hh, c->units, u, next)
                        if (c->guard.up && !u->said.guard_known)
                                life_guard(c, u, &(GuardReport){});
                break;
        case EVENT_GUARD_DOWN:
                c->guard.gone = false;
                c->guard.up = c->guard.synced = false;
                HASH_ITER(hh, c->units, u, next)
                        u->said.guard_known = false;
                break;
        default:
                /* An entry for a unit that is not enabled here any more: it must be seen to its end. */
                u = e->guard.index > 0 ? life_find_or_leftover(c, e->unit) : life_find(c, e->unit);
                if (u)
                        life_guard(c, u, &e->guard);
        }
}

static void on_sleep(Core *c, const Event *e) {
        c->sleep.on = e->on;
        c->sleep.ready = false;
        for (Unit *u = c->units; u; u = u->hh.next)
                u->life.killed = false;
        c->sleep.kill_at = usec_add(c->now.boottime, e->span);
}

static void on_operator(Core *c, const Event *e) {
        Unit *u = e->unit ? life_find(c, e->unit) : NULL;

        switch (e->kind) {
        case EVENT_FORGET:
                if (u)
                        u->forgotten = c->offering.stale = c->plan.stale = true;
                break;
        case EVENT_DRAIN:
                if (isempty(e->machine) || streq(e->machine, c->here.machine_id)) {
                        machine_drain(c, e->machine, e->on);
                        break;
                }
                word_begin(c, e);
                break;
        case EVENT_RELEASE:
        case EVENT_TRANSFER:
        case EVENT_STEAL:
        case EVENT_REARM:
        case EVENT_RUN:
                word_begin(c, e);
                break;
        case EVENT_WITHDRAW:
                word_withdraw(c, e->id);
                call_withdraw(c, e->id);
                break;
        case EVENT_METADATA:
                str_copy(c->here.metadata, sizeof(c->here.metadata), strempty(e->machine));
                c->offering.stale = c->plan.stale = true;
                for (Unit *each = c->units; each; each = each->hh.next)
                        life_look_anew(c, each);
                break;
        case EVENT_TTL:
                if (e->span >= TTL_MIN && e->span <= TTL_MAX)
                        c->here.ttl = e->span;
                break;
        case EVENT_ACCEPT:
                identity_accept(c, e->machine);
                break;
        case EVENT_FORGET_INDEX:
                mirror_forget_index(c, e->unit);
                break;
        case EVENT_SLEEP:
                on_sleep(c, e);
                break;
        case EVENT_SHUTDOWN:
                c->shutdown.on = true;
                break;
        default:
                break;
        }
}

static void on_unit(Core *c, const Event *e) {
        Unit *u = e->unit ? life_find(c, e->unit) : NULL;

        if (e->kind == EVENT_CONFIGURE)
                (void) life_configure(c, &e->config);
        else if (u && e->kind == EVENT_UNIT)
                life_report(c, u, &e->report);
        else if (u && e->kind == EVENT_FAILED)
                life_failed(c, u, e->action, e->id);
}

static void note(Core *c, const Event *e) {
        switch (e->kind) {
        case EVENT_DEADLINE:
                break;
        case EVENT_RECORDS:
                c->heard.at = c->now.boottime;
                if (identity_watch(c, &e->answer))
                        (void) mirror_take(c, &e->answer);
                break;
        case EVENT_TXN:
        case EVENT_READ:
                on_answer(c, e);
                break;
        case EVENT_CONFIGURE:
        case EVENT_UNIT:
        case EVENT_FAILED:
                on_unit(c, e);
                break;
        case EVENT_GUARD:
        case EVENT_GUARD_UP:
        case EVENT_GUARD_SYNCED:
        case EVENT_GUARD_DOWN:
        case EVENT_GUARD_GONE:
                on_guard(c, e);
                break;
        case EVENT_CALL:
                call_begin(c, e->id, &e->call);
                break;
        default:
                on_operator(c, e);
        }
}

/* ---- the chain ---- */

/* Whether there is still something to be stopped, or to be given back. */
static void look_for_leftovers(const Core *c, bool *ret_busy, bool *ret_held) {
        *ret_busy = *ret_held = false;
        for (const Unit *u = c->units; u; u = u->hh.next) {
                *ret_busy = *ret_busy ||
                            (u->life.phase != PHASE_IDLE && u->life.phase != PHASE_RELEASING && !u->global);
                *ret_held = *ret_held || u->life.phase == PHASE_RELEASING || u->lease->txn ||
                            lease_is_ours(c, u->lease);
        }
}

/* Nothing of any unit is here, and no gate: known, and not merely unheard of. */
static bool all_rest(const Core *c) {
        if (!c->guard.synced && !c->guard.gone)
                return false;
        for (const Unit *u = c->units; u; u = u->hh.next)
                if (!u->global && u->life.phase != PHASE_RELEASING &&
                                (u->life.phase != PHASE_IDLE || !u->said.guard_known || u->said.guard.index > 0 ||
                                                !life_is_down(u)))
                        return false;
        return true;
}

/* Our service is being stopped: when nothing is in our hands any more, our session ends, and so do we. What does not
 * answer is not waited for longer than half a TTL: what we could not give back, or never heard of, the guard has in
 * its hands, and it expires by itself. */
static void advance_shutdown(Core *c) {
        bool busy, held;

        if (!c->shutdown.on || c->shutdown.exit_asked)
                return;
        look_for_leftovers(c, &busy, &held);
        if (busy) {
                c->shutdown.deadline = 0;
                return;
        }
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

/* A registry that does not answer is waited for until the time is up: others wait for what we could not give back. */
static void advance_sleep(Core *c) {
        bool busy, held;

        if (!c->sleep.on || c->sleep.ready)
                return;
        for (Unit *u = c->units; u && c->now.boottime >= c->sleep.kill_at; u = u->hh.next)
                life_kill(c, u);
        look_for_leftovers(c, &busy, &held);
        if (busy || !all_rest(c) || (held && c->now.boottime < c->sleep.kill_at))
                return;
        c->sleep.ready = true;
        (void) output(c, ACTION_SLEEP_READY);
}

static void advance(Core *c) {
        Unit *u, *next_unit;
        Lease *l, *next_lease;

        identity_advance(c);
        session_advance(c);
        machine_advance(c);
        life_look_for_guard(c);
        offers_advance(c);
        plan_advance(c);
        life_count_draining(c);
        HASH_ITER(hh, c->units, u, next_unit)
                life_advance(c, u);
        session_tell_guard(c);
        HASH_ITER(hh, c->leases, l, next_lease)
                lease_advance(c, l);
        call_advance(c);
        word_advance(c);
        view_advance(c);
        collect_advance(c);
        advance_sleep(c);
        advance_shutdown(c);
        if (c->memory.changed) {
                c->memory.changed = false;
                (void) output(c, ACTION_REMEMBER);
        }
}

const Action *core_step(Core *c, Now now, const Event *event, size_t *ret_n) {
        output_reset(c);
        c->now = now;
        note(c, event);
        advance(c);
        *ret_n = c->out.n;
        return c->out.actions;
}

usec_t core_next_deadline(const Core *c) {
        usec_t t = MIN(identity_deadline(c), session_deadline(c));

        t = MIN(t, machine_deadline(c));
        t = MIN(t, call_deadline(c));
        t = MIN(t, word_deadline(c));
        t = MIN(t, view_deadline(c));
        t = MIN(t, offers_deadline(c));
        t = MIN(t, plan_deadline(c));
        t = MIN(t, life_guard_deadline(c));
        if (c->shutdown.on && !c->shutdown.exit_asked && c->shutdown.deadline > 0)
                t = MIN(t, c->shutdown.deadline);
        if (c->sleep.on && !c->sleep.ready && c->sleep.kill_at > c->now.boottime)
                t = MIN(t, c->sleep.kill_at);
        for (const Unit *u = c->units; u; u = u->hh.next)
                t = MIN(t, life_deadline(c, u));
        for (const Lease *l = c->leases; l; l = l->hh.next)
                t = MIN(t, lease_deadline(c, l));
        return t;
}

uint64_t core_remembered(const Core *c, const char *lease) {
        Lease *l;

        HASH_FIND_STR(c->leases, lease, l);
        return l ? l->remembered : 0;
}

const CoreMemory *core_memory(Core *c) {
        size_t n = 0;

        free(c->memory.indexes);
        c->memory.indexes = must_alloc((HASH_COUNT(c->leases) + 1) * sizeof(RememberedIndex));
        for (const Lease *l = c->leases; l; l = l->hh.next)
                if (l->remembered > 0)
                        c->memory.indexes[n++] = (RememberedIndex){ .lease = l->name, .index = l->remembered };
        c->memory.value = (CoreMemory){
                .uuid = c->identity.uuid,
                .store = c->identity.store,
                .revision = c->identity.revision,
                .floor = c->identity.floor,
                .silence = c->identity.silence,
                .draining = c->drain.on,
                .indexes = c->memory.indexes,
                .n_indexes = n,
        };
        return &c->memory.value;
}
