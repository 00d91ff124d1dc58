/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What has been seen of the registry. Answers, the watch and lists come in any order and any number of times; nothing
 * here ever replaces a record by one of a lower mod revision, and an absence counts only as of the revision at which
 * it was told. The moment at which a beat's revision reached us is what expiry is counted from: an observer trusts his
 * own clock and what he has seen, nothing else.
 */

#include "core/internal.h"

/* Whether a record's (or, revision 0, its absence's) arrival is news. */
static bool seen_take(Core *c, Seen *s, uint64_t revision, uint64_t as_of) {
        s->stamp = c->heard.stamp;
        if (revision > 0) {
                /* It was at s->revision once, which is no later than this was read, and can only have moved on since.
                 */
                c->heard.contradicted =
                                c->heard.contradicted || (s->known && revision < s->revision && s->revision <= as_of);
                if (s->known && (revision <= s->revision || revision < s->absent_at))
                        return false;
        } else {
                if (s->known && (as_of < s->revision || s->revision == 0)) {
                        s->absent_at = s->revision == 0 ? MAX(s->absent_at, as_of) : s->absent_at;
                        return false;
                }
                s->absent_at = as_of;
        }
        s->known = true;
        s->revision = revision;
        s->at = c->now.boottime;
        return true;
}

Session *mirror_find_session(Core *c, const char *name) {
        Session *s;

        HASH_FIND_STR(c->sessions, name, s);
        return s;
}

Session *mirror_session(Core *c, const char *name) {
        Session *s = mirror_find_session(c, name);

        if (s || session_ttl(name) == 0)
                return s;
        s = calloc(1, sizeof(Session));
        if (!s)
                abort();
        str_copy(s->name, sizeof(s->name), name);
        s->ttl = session_ttl(name);
        HASH_ADD_STR(c->sessions, name, s);
        if (streq(name, c->own.name))
                c->own.seen = s;
        if (streq(name, c->other.name))
                c->other.seen = s;
        return s;
}

Lease *mirror_lease(Core *c, const char *name) {
        Lease *l;

        HASH_FIND_STR(c->leases, name, l);
        if (l)
                return l;
        l = calloc(1, sizeof(Lease));
        if (!l)
                abort();
        str_copy(l->name, sizeof(l->name), name);
        l->seen.known = mirror_is_complete(c); /* then it was in no list: it is absent */
        HASH_ADD_STR(c->leases, name, l);
        return l;
}

Machine *mirror_find_machine(Core *c, const char *id) {
        Machine *m;

        HASH_FIND_STR(c->machines, id, m);
        return m;
}

static Machine *mirror_machine(Core *c, const char *id) {
        Machine *m = mirror_find_machine(c, id);

        if (m || !machine_id_is_valid(id))
                return m;
        m = calloc(1, sizeof(Machine));
        if (!m)
                abort();
        str_copy(m->id, sizeof(m->id), id);
        HASH_ADD_STR(c->machines, id, m);
        if (streq(id, c->here.machine_id))
                c->self = m;
        return m;
}

static void offer_name(const char *machine, const char *unit, char ret[static RECORD_NAME_SIZE]) {
        size_t n = strnlen(machine, MACHINE_SIZE - 1);

        memcpy(ret, machine, n);
        ret[n] = '/';
        str_copy(ret + n + 1, RECORD_NAME_SIZE - n - 1, unit);
}

static Offer *find_offer(const Core *c, const char *name) {
        Offer *o;

        HASH_FIND_STR(c->offers, name, o);
        return o;
}

Offer *mirror_find_offer(const Core *c, const char *machine, const char *unit) {
        char name[RECORD_NAME_SIZE];

        offer_name(machine, unit, name);
        return find_offer(c, name);
}

static Offer *make_offer(Core *c, const char *name) {
        Offer *o = find_offer(c, name);
        const char *slash = strchr(name, '/');

        if (o || !slash || slash - name != MACHINE_SIZE - 1 || !lease_name_is_valid(slash + 1))
                return o;
        o = calloc(1, sizeof(Offer));
        if (!o)
                abort();
        str_copy(o->name, sizeof(o->name), name);
        o->unit = o->name + (slash - name) + 1;
        HASH_ADD_STR(c->offers, name, o);
        return o;
}

Offer *mirror_offer(Core *c, const char *machine, const char *unit) {
        char name[RECORD_NAME_SIZE];

        offer_name(machine, unit, name);
        return make_offer(c, name);
}

static void take_meta(Core *c, const Record *r, uint64_t as_of) {
        if (!seen_take(c, &c->meta.seen, r->mod_revision, as_of))
                return;
        c->meta.damaged = r->damaged || (r->value && !meta_is_sound(r->meta));
        c->meta.value = r->value && !c->meta.damaged ? *r->meta : (MetaRecord){};
        if (c->meta.value.index_floor > c->identity.floor &&
                        (!c->identity.uuid[0] || streq(c->identity.uuid, c->meta.value.uuid))) {
                c->identity.floor = c->meta.value.index_floor;
                c->memory.changed = true;
        }
}

static void take_beat(Core *c, const Record *r, uint64_t as_of) {
        Session *s = mirror_session(c, r->name);
        bool known, silent;

        if (!s)
                return;
        known = s->beat.known;
        silent = c->now.boottime >= session_dead_at(s) || s->beat.revision == 0;
        if (!seen_take(c, &s->beat, r->mod_revision, as_of))
                return;
        if (silent || r->mod_revision == 0)
                c->plan.stale = true; /* somebody has come, or gone */
        s->moved = s->moved || (known && r->mod_revision > 0);
        s->beat_damaged = r->damaged;
        s->beat_value = r->value ? *r->beat : (BeatRecord){};
}

static void take_offer(Core *c, const Record *r, uint64_t as_of) {
        Offer *o = make_offer(c, r->name);

        if (!o || !seen_take(c, &o->seen, r->mod_revision, as_of))
                return;
        o->damaged = r->damaged;
        o->value = r->value ? *r->offer : (OfferRecord){};
        if (strncmp(o->name, c->here.machine_id, MACHINE_SIZE - 1) == 0)
                c->plan.stale = c->offering.stale = true; /* ours, and maybe not what we say */
        else
                plan_soon(c);
}

#define COUNTER_MAX (UINT64_C(1) << 62) /* beyond it nobody has counted, and a registry could not keep many more */

static void take_fence(Core *c, const Record *r, uint64_t as_of) {
        Session *s = mirror_session(c, r->name);

        if (!s || !seen_take(c, &s->fence, r->mod_revision, as_of))
                return;
        if (!r->value || r->fence->counter > COUNTER_MAX) {
                free(s->fence_value);
                s->fence_value = NULL;
                return;
        }
        if (!s->fence_value && !(s->fence_value = malloc(sizeof(FenceRecord))))
                abort();
        fence_copy(s->fence_value, r->fence);
}

static void take_machine(Core *c, const Record *r, uint64_t as_of) {
        Machine *m = mirror_machine(c, r->name);
        bool named = machine_is_named(c);

        if (!m || !seen_take(c, &m->seen, r->mod_revision, as_of))
                return;
        m->damaged = r->damaged;
        m->value = r->value ? *r->machine : (MachineRecord){};
        if (!named && machine_is_named(c))
                plan_settle(c);
        c->plan.stale = true;
}

/* A pair that was seen before keeps the moment at which it was first seen. */
static void take_debts(Core *c, Lease *l) {
        SeenDebt old[DEBTS_MAX];
        size_t n_old = l->n_debts;

        memcpy(old, l->debts, sizeof(old));
        l->n_debts = l->value.n_debts;
        for (size_t i = 0; i < l->n_debts; i++) {
                l->debts[i] = (SeenDebt){ .debt = l->value.debts[i], .at = c->now.boottime };
                for (size_t j = 0; j < n_old; j++)
                        if (old[j].debt.index == l->debts[i].debt.index &&
                                        streq(old[j].debt.session, l->debts[i].debt.session))
                                l->debts[i].at = old[j].at;
        }
}

/* What can be had, or has come to us, and was not planned so: at once. And what others must run beside. */
static void note_change(Core *c, Lease *l) {
        bool planned = streq(l->planned, l->value.machine_id);

        if (!planned)
                l->planned[0] = '\0'; /* nor is it if it comes back from there */
        if (l->value.state != LEASE_HELD || ((!planned || c->plan.has_wishes) && lease_is_ours(c, l)) ||
                        (l->unit && l->unit->plan.is_peer))
                c->plan.stale = true;
        else if (!planned || c->plan.has_wishes)
                plan_soon(c);
}

/* The same tenure, and another machine's: it was handed on by none of us. Or our session, on another machine. */
static bool is_forged(const Core *c, const Lease *l, const LeaseRecord *now) {
        const LeaseRecord *was = &l->value;

        bool own = now->session[0] && (session_is_ours(c, now->session) || streq(now->session, c->adopt));

        if (now->state == LEASE_HELD && own && !streq(now->machine_id, c->here.machine_id))
                return true;
        return was->state == LEASE_HELD && now->state == LEASE_HELD && was->index == now->index && was->session[0] &&
               !streq(was->machine_id, now->machine_id);
}

/* What it said last stays true: who holds it writes it again, or learns by his fence that another has it. But what we
 * have asked for and heard nothing of may have been done before it was lost. */
static void lose_record(Core *c, Lease *l) {
        if (l->unsettled || (l->txn && (l->op == OP_RELEASE || l->op == OP_TRANSFER)))
                lease_drop(l);
        c->plan.stale = c->plan.stale || l->unit;
        if (l->unit)
                l->unit->plan.available = false;
        output_changed(c, l->unit, l);
}

static void take_lease(Core *c, const Record *r, uint64_t as_of) {
        bool damaged;
        Lease *l;

        if (!lease_name_is_valid(r->name))
                return;
        l = mirror_lease(c, r->name);
        if (!seen_take(c, &l->seen, r->mod_revision, as_of))
                return;
        damaged = r->damaged || (r->value && (!lease_is_sound(r->lease) || is_forged(c, l, r->lease)));
        if (damaged && !l->damaged)
                output_report(c, REPORT_DAMAGED, NULL, l->name, NULL, 0);
        l->damaged = damaged;
        l->given_up = false;
        l->blank = r->mod_revision == 0 && (l->blank || c->identity.silence || c->identity.trust == TRUST_FOREIGN);
        if (lease_is_lost(l)) {
                lose_record(c, l);
                return;
        }
        l->unsettled = false;
        if (r->value)
                l->value = *r->lease;
        else
                l->value = (LeaseRecord){ .state = LEASE_FREE };
        take_debts(c, l);
        if (l->value.index > l->remembered) {
                l->remembered = l->value.index;
                c->memory.changed = true;
        }
        l->holder = l->value.session[0] ? mirror_session(c, l->value.session) : NULL;
        note_change(c, l);
        if (l->unit)
                l->unit->plan.available = false; /* until a plan finds it so again */
        output_changed(c, l->unit, l);
}

static void take_record(Core *c, const Record *r, uint64_t as_of) {
        switch (r->kind) {
        case RECORD_META:
                take_meta(c, r, as_of);
                break;
        case RECORD_MACHINE:
                take_machine(c, r, as_of);
                break;
        case RECORD_BEAT:
                take_beat(c, r, as_of);
                break;
        case RECORD_FENCE:
                take_fence(c, r, as_of);
                break;
        case RECORD_LEASE:
                take_lease(c, r, as_of);
                break;
        case RECORD_OFFER:
                take_offer(c, r, as_of);
                break;
        case _RECORD_KIND_MAX:
                break;
        }
}

/* What a whole list did not name is gone. Everything that it named bears its stamp. */
static bool is_missing(const Core *c, const Answer *a, RecordKind kind, const Seen *s) {
        return a->complete & 1u << kind && s->stamp != c->heard.stamp;
}

static void take_absences(Core *c, const Answer *a) {
        Session *s, *next_session;
        Lease *l, *next_lease;
        Machine *m, *next_machine;
        Offer *o, *next_offer;

        if (is_missing(c, a, RECORD_META, &c->meta.seen))
                take_meta(c, &(Record){ .kind = RECORD_META, .name = "" }, a->revision);
        HASH_ITER(hh, c->sessions, s, next_session) {
                if (is_missing(c, a, RECORD_BEAT, &s->beat))
                        take_beat(c, &(Record){ .kind = RECORD_BEAT, .name = s->name }, a->revision);
                if (is_missing(c, a, RECORD_FENCE, &s->fence))
                        take_fence(c, &(Record){ .kind = RECORD_FENCE, .name = s->name }, a->revision);
        }
        HASH_ITER(hh, c->machines, m, next_machine)
                if (is_missing(c, a, RECORD_MACHINE, &m->seen))
                        take_machine(c, &(Record){ .kind = RECORD_MACHINE, .name = m->id }, a->revision);
        HASH_ITER(hh, c->offers, o, next_offer)
                if (is_missing(c, a, RECORD_OFFER, &o->seen))
                        take_offer(c, &(Record){ .kind = RECORD_OFFER, .name = o->name }, a->revision);
        HASH_ITER(hh, c->leases, l, next_lease)
                if (is_missing(c, a, RECORD_LEASE, &l->seen))
                        take_lease(c, &(Record){ .kind = RECORD_LEASE, .name = l->name }, a->revision);
}

bool mirror_take(Core *c, const Answer *answer) {
        c->heard.stamp++;
        c->heard.contradicted = false;
        for (size_t i = 0; i < answer->n_records; i++)
                take_record(c, answer->records + i, answer->revision);
        if (answer->complete)
                take_absences(c, answer);
        c->heard.listed |= answer->complete;
        if (answer->complete & 1u << RECORD_BEAT) {
                c->heard.beats_at = c->now.boottime;
                c->heard.beats_first_at = c->heard.beats_first_at > 0 ? c->heard.beats_first_at : c->now.boottime;
        }
        c->heard.revision = MAX(c->heard.revision, answer->revision);
        if (c->identity.trust == TRUST_OK)
                c->identity.revision = MAX(c->identity.revision, answer->revision);
        return !c->heard.contradicted;
}

void mirror_apply(Core *c, RecordKind kind, const char *name, const void *value, uint64_t revision) {
        take_record(c, &(Record){ .kind = kind, .name = name, .mod_revision = revision, .value = value }, revision);
}

void mirror_forget_index(Core *c, const char *lease) {
        Lease *l;

        HASH_FIND_STR(c->leases, lease, l);
        if (!l || lease_is_ours(c, l))
                return;
        l->remembered = l->seen.revision > 0 && !l->damaged ? l->value.index : 0;
        if (l->seen.revision == 0)
                lease_drop(l);
        c->memory.changed = c->plan.stale = true;
        output_changed(c, l->unit, l);
}

bool mirror_is_complete(const Core *c) {
        return (c->heard.listed & RECORD_ALL) == RECORD_ALL;
}

void mirror_forget(Core *c) {
        Session *s, *next_session;
        Machine *m, *next_machine;
        Lease *l, *next_lease;

        HASH_ITER(hh, c->sessions, s, next_session) {
                HASH_DEL(c->sessions, s);
                free(s->fence_value);
                free(s);
        }
        HASH_ITER(hh, c->machines, m, next_machine) {
                HASH_DEL(c->machines, m);
                free(m);
        }
        HASH_ITER(hh, c->leases, l, next_lease) {
                l->seen = (Seen){};
                l->value = (LeaseRecord){};
                l->holder = NULL;
                l->n_debts = 0;
                l->damaged = l->given_up = l->blank = l->unsettled = false;
                l->planned[0] = '\0';
                l->op = OP_NONE;
                l->txn = 0;
        }
        for (Offer *o = c->offers; o; o = o->hh.next) {
                o->seen = (Seen){};
                o->value = (OfferRecord){};
        }
        c->plan.stale = c->offering.stale = true;
        c->own.seen = c->other.seen = NULL;
        c->self = NULL;
        c->meta.seen = (Seen){};
        c->heard.listed = 0;
        c->heard.beats_at = c->heard.beats_first_at = 0;
        c->heard.revision = 0;
        c->asked.n = 0;
        c->beats.id = c->identity.list_read = c->meta.txn = c->machine.txn = c->collect.txn = c->shutdown.txn = 0;
        c->offering.txn = c->drain.txn = 0;
        c->own.txn = c->own.read = c->other.txn = c->other.read = 0;
        call_end_all(c);
}

void mirror_free(Core *c) {
        Lease *l, *next_lease;
        Offer *o, *next_offer;

        mirror_forget(c);
        HASH_ITER(hh, c->offers, o, next_offer) {
                HASH_DEL(c->offers, o);
                free(o);
        }
        HASH_ITER(hh, c->leases, l, next_lease) {
                HASH_DEL(c->leases, l);
                free(l->next);
                free(l);
        }
}

bool session_is_fenceless(const Session *s) {
        return s->beat.revision > 0 && s->fence.known && !s->fence_value;
}

/* Without a fence that can be read it cannot beat any more, but it may have beaten until just before the fence was
 * lost, and that beat may reach us later than the loss: the wait begins anew with whichever came last. */
usec_t session_dead_at(const Session *s) {
        if (!s->beat.known)
                return USEC_INFINITY;
        return usec_add(session_is_fenceless(s) ? MAX(s->beat.at, s->fence.at) : s->beat.at, ttl_take_after(s->ttl));
}
