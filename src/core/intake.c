/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Answers, reports of the watch and lists are taken into the mirror. They may come in any order and more than once. So
 * a record is never replaced by one of a lower mod revision, and an absence counts only as of the revision at which it
 * was told. The expiry of a session counts from the moment at which the revision of its last beat reached us, with the
 * beat itself or with any other answer (sample.c). An observer goes by nothing but its own clock and what it has seen
 * (law 2).
 */

#include "core/intake.h"

#include "core/gone.h"
#include "core/lease.h"
#include "core/look.h"
#include "core/machine.h"
#include "core/mirror.h"
#include "core/news.h"
#include "core/output.h"
#include "core/sample.h"
#include "core/session.h"

/* Takes the revision of a record, or (0) its absence as of a revision. false: it is no news. */
static bool seen_take(Core *c, Seen *s, uint64_t revision, uint64_t as_of) {
        s->stamp = c->heard.stamp;
        if (c->heard.in_part)
                s->list = c->heard.lists;
        if (revision > 0) {
                /* The record had s->revision no later than this was read, and its revision can only have grown
                 * since. */
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
        must(!s->known || revision > s->revision || (revision == 0 && as_of >= s->revision));
        s->known = true;
        s->revision = revision;
        s->at = c->now.boottime; /* law 2: expiry counts from here or, of a beat, from its date, on our own clock */
        return true;
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

/* Has the machine known for which the session holds the lease, also where its record is gone: an operator must be able
 * to confirm that a machine is dead whose session keeps its leases (law 13). */
static void know_keeper(Core *c, const Lease *l) {
        if (l->holder && l->holder->keeps && l->value->state == LEASE_HELD)
                (void) mirror_machine(c, l->value->machine_id);
}

/* The same where it holds nothing: it keeps back leases whose records are lost, which it might hold. */
static void know_keeper_by_beat(Core *c, const Session *s) {
        if (!s->keeps || s->beat.revision == 0)
                return;
        if (!s->beat_damaged)
                (void) mirror_machine(c, s->beat_value.machine_id);
        (void) mirror_machine(c, s->keeper);
}

static void know_keepers(Core *c, const Session *s) {
        for (const Lease *l = s->keeps && s->held > 0 ? c->leases : NULL; l; l = l->hh.next)
                if (l->holder == s)
                        know_keeper(c, l);
        know_keeper_by_beat(c, s);
}

static void take_beat_value(Core *c, Session *s, const Record *r) {
        if (r->bare)
                return;
        s->beat_damaged = r->damaged;
        s->beat_value = r->value ? *r->beat : (BeatRecord){};
        know_keeper_by_beat(c, s);
}

static void take_beat(Core *c, const Record *r, uint64_t as_of) {
        Session *s = mirror_session(c, r->name);
        bool known, silent;

        if (!s)
                return;
        known = s->beat.known;
        silent = c->now.boottime >= session_silent_at(s) || s->beat.revision == 0;
        if (r->mod_revision > 0) {
                s->sighted = MAX(s->sighted, as_of);
                /* It was put after that revision, and now shows an older one. */
                c->heard.contradicted =
                                c->heard.contradicted || (r->mod_revision <= s->beyond && as_of >= s->beyond_by);
        }
        if (!seen_take(c, &s->beat, r->mod_revision, as_of)) {
                if (r->mod_revision == s->beat.revision)
                        take_beat_value(c, s, r); /* the revision may have been told alone */
                return;
        }
        if (r->mod_revision > 0)
                s->beat.at = sample_date(c, MAX(r->mod_revision, s->beyond + 1)); /* law 2 */
        if (silent || r->mod_revision == 0)
                news_note(c, NEWS_SESSION);
        if (!known)
                look_at_all(c); /* from now on a lease can be taken from it */
        s->moved = s->moved || (known && r->mod_revision > 0);
        s->ended_at = r->mod_revision > 0 ? 0 : silent ? s->ended_at : c->now.boottime;
        take_beat_value(c, s, r);
}

/* An offer with wishes may change what runs beside what. */
static void note_offer(Core *c, const Offer *o, bool only_state) {
        bool own = strncmp(o->name, c->here.machine_id, MACHINE_SIZE - 1) == 0;
        Unit *u;

        HASH_FIND_STR(c->units, o->unit, u);
        if (own && !u)
                c->offering.orphans = true;
        if (only_state && !own && u && u->plan.turn.since > 0)
                news_of_unit(c, u, NEWS_COPY);
        else if (only_state)
                news_of_unit(c, own ? u : NULL, NEWS_UNIT_STATE);
        else if (!own && (o->terms->value.conflicts[0] || o->terms->value.replaces[0]) && !c->plan.has_wishes)
                news_note(c, NEWS_OFFER);
        else
                news_of_unit(c, u, own ? NEWS_OFFER_OWN : NEWS_OFFER);
}

/* Whether two values of an offer differ in nothing but how the unit is. The plan does not depend on that, so nobody
 * has to plan anew. */
static bool is_only_state(const OfferRecord *a, const OfferRecord *b) {
        return a->version == b->version && a->until == b->until && a->code == b->code && streq(a->lease, b->lease) &&
               streq(a->why, b->why) && streq(a->conflicts, b->conflicts) && streq(a->replaces, b->replaces);
}

static void take_offer(Core *c, const Record *r, uint64_t as_of) {
        static const OfferRecord none;
        Offer *o = mirror_offer_named(c, r->name);
        bool was_there = o && o->seen.revision > 0 && !o->damaged, same;
        OfferRecord before;

        if (!o || !seen_take(c, &o->seen, r->mod_revision, as_of))
                return;
        before = o->terms->value;
        o->damaged = r->damaged;
        mirror_terms(c, o, r->value ? r->offer : &none);
        same = was_there && r->value && is_only_state(&before, &o->terms->value);
        o->change = mirror_next_number(c);
        output_offer_changed(c, o);
        note_offer(c, o, same);
}

#define COUNTER_MAX (UINT64_C(1) << 62) /* higher than any session ever counts */

static void take_fence(Core *c, const Record *r, uint64_t as_of) {
        Session *s = mirror_session(c, r->name);
        bool known = s && s->fence.known;

        if (!s || !seen_take(c, &s->fence, r->mod_revision, as_of))
                return;
        if (!known)
                look_at_all(c);                              /* likewise */
        c->plan.until = MIN(c->plan.until, c->now.boottime); /* when it counts as dead may be another time now */
        c->beats.in_doubt = c->beats.in_doubt || r->mod_revision == 0;
        if (r->value && r->fence->counter <= COUNTER_MAX) { /* and otherwise as it said last (law 13) */
                s->keeps = r->fence->keeps;
                str_copy(s->keeper, sizeof(s->keeper), s->keeps ? r->fence->keeper : "");
        }
        know_keepers(c, s);
        if (!r->value || r->fence->counter > COUNTER_MAX) {
                free(s->fence_value);
                s->fence_value = NULL;
                s->over_at = 0;
                return;
        }
        if (!s->fence_value && !(s->fence_value = malloc(sizeof(FenceRecord))))
                abort();
        fence_copy(s->fence_value, r->fence);
        s->over_at = !r->fence->over ? 0 : s->over_at ?: c->now.boottime;
}

/* Whether two values of a machine's record differ in nothing but since when the machine is up. */
static bool is_only_up(const MachineRecord *a, const MachineRecord *b) {
        return streq(a->hostname, b->hostname) && streq(a->boot_id, b->boot_id) && streq(a->session, b->session) &&
               streq(a->metadata, b->metadata) && streq(a->version, b->version) && a->draining == b->draining &&
               streq(a->drained_by, b->drained_by) && streq(a->drained_boot, b->drained_boot);
}

static void take_machine(Core *c, const Record *r, uint64_t as_of) {
        Machine *m = mirror_machine(c, r->name);
        bool named = machine_is_named(c), was_there = m && m->seen.revision > 0 && !m->damaged, same;

        if (!m || !seen_take(c, &m->seen, r->mod_revision, as_of))
                return;
        c->beats.in_doubt = c->beats.in_doubt || m == c->self;
        same = was_there && r->value && is_only_up(&m->value, r->machine);
        m->damaged = r->damaged;
        m->value = r->value ? *r->machine : (MachineRecord){};
        if (same)
                return; /* nobody has to plan anew */
        news_note(c, !named && machine_is_named(c) ? NEWS_MACHINE_NAMED : NEWS_MACHINE);
}

/* Takes the debts of the record. A pair that was seen before keeps the moment at which it was first seen (law 5). */
static void take_debts(Core *c, Lease *l) {
        SeenDebt old[DEBTS_MAX];
        size_t n_old = l->n_debts;

        if (n_old > 0)
                memcpy(old, l->debts, n_old * sizeof(*old));
        l->n_debts = l->value->n_debts;
        if (l->n_debts == 0) {
                free(l->debts);
                l->debts = NULL;
        } else if (!l->debts && !(l->debts = calloc(DEBTS_MAX, sizeof(SeenDebt))))
                abort();
        for (size_t i = 0; i < l->n_debts; i++) {
                l->debts[i] = (SeenDebt){ .debt = l->value->debts[i], .at = c->now.boottime };
                for (size_t j = 0; j < n_old; j++)
                        if (old[j].debt.index == l->debts[i].debt.index &&
                                        streq(old[j].debt.session, l->debts[i].debt.session))
                                l->debts[i].at = old[j].at;
        }
}

/* Whether it is to be planned where the unit goes from here as soon as its lease is here. */
static bool goes_back(const Unit *u) {
        return u && u->config.placement->failback;
}

/* Notes that a lease has changed hands, and whether that was planned. */
static void note_change(Core *c, Lease *l) {
        bool planned = streq(l->planned, l->value->machine_id);

        if (!planned)
                lease_plan(c, l, ""); /* nor will it be when it comes back from there */
        lease_count_planned(c, l);
        if (l->value->state != LEASE_HELD || (l->unit && l->unit->plan.is_peer))
                news_of_unit(c, l->unit, NEWS_LEASE);
        else if (lease_is_ours(c, l))
                news_of_unit(c, l->unit, planned && !goes_back(l->unit) ? NEWS_LEASE_OURS : NEWS_LEASE);
        else
                news_of_unit(c, l->unit, planned ? NEWS_LEASE_ELSEWHERE : NEWS_LEASE_UNPLANNED);
}

/* The record names our session on another machine, as no leased writes it (law 11). */
static bool is_misnamed(const Core *c, const LeaseRecord *now) {
        bool own = now->session[0] && (session_is_ours(c, now->session) || streq(now->session, c->adopt));

        return now->state == LEASE_HELD && own && !streq(now->machine_id, c->here.machine_id);
}

/* Likewise the same tenure on another machine. */
static bool is_forged(const Lease *l, const LeaseRecord *now) {
        const LeaseRecord *was = l->value;

        return was->state == LEASE_HELD && now->state == LEASE_HELD && was->index == now->index && was->session[0] &&
               !streq(was->machine_id, now->machine_id);
}

/* A lease's record is lost, and what it said last stays true (law 11): its holder writes it again, or learns by its
 * fence that another machine has the lease. But a release of ours that was not answered may have been carried out
 * before the record was lost. */
static void lose_record(Core *c, Lease *l) {
        c->beats.whole = true; /* who takes the lease puts the fence of each session that beats (claim.c) */
        if (l->unsettled || (l->txn && (l->op == OP_RELEASE || l->op == OP_TRANSFER)))
                lease_drop(l);
        if (l->unit)
                news_of_unit(c, l->unit, NEWS_LEASE);
        lease_count_planned(c, l);
        lease_count(l);
        look_at_lease(c, l);
        output_changed(c, l->unit, l);
}

static void take_lease(Core *c, const Record *r, uint64_t as_of) {
        uint64_t before;
        bool damaged;
        Lease *l;

        if (!lease_name_is_valid(r->name))
                return;
        l = mirror_lease(c, r->name);
        if (!seen_take(c, &l->seen, r->mod_revision, as_of))
                return;
        mirror_number(c, l);
        if (!c->heard.newest || l->seen.revision > c->heard.newest->seen.revision)
                c->heard.newest = l;
        l->misnamed = r->value && lease_is_sound(r->lease) && is_misnamed(c, r->lease);
        damaged = r->damaged || l->misnamed || (r->value && (!lease_is_sound(r->lease) || is_forged(l, r->lease)));
        if (damaged && !l->damaged)
                output_report(c, (Report){ .kind = REPORT_DAMAGED, .lease = l->name });
        l->damaged = damaged;
        l->given_up = false;
        l->blank = r->mod_revision == 0 && (l->blank || c->identity.silence || c->identity.trust == TRUST_FOREIGN);
        if (lease_is_lost(l)) {
                lose_record(c, l);
                return;
        }
        l->unsettled = false;
        before = l->value->index;
        mirror_keep(l, r->value ? r->lease : &lease_none);
        take_debts(c, l);
        if (l->value->index > l->remembered) {
                l->remembered = l->value->index;
                output_remember(c, l);
        }
        l->holder = l->value->session[0] ? mirror_session(c, l->value->session) : NULL;
        if (l->holder && l->value->index > before)
                l->holder->took_at = c->now.boottime;
        lease_count(l);
        know_keeper(c, l);
        note_change(c, l);
        look_at_lease(c, l);
        /* Until all is listed nothing is told of a unit here; then all units are told of at once (view_advance()). */
        if (l->seen.revision > 0 || !l->unit || mirror_is_complete(c))
                output_changed(c, l->unit, l);
}

static void take_request(Core *c, const Record *r, uint64_t as_of) {
        Request *q = r->mod_revision > 0 ? mirror_request(c, r->name) : mirror_find_request(c, r->name);

        if (!q || !seen_take(c, &q->seen, r->mod_revision, as_of) || r->mod_revision == 0)
                return;
        if (!q->put)
                q->first_at = c->now.boottime;
        q->put = true;
        q->damaged = r->damaged;
        if (r->value)
                q->value = *r->request;
}

static void take_pause(Core *c, const Record *r, uint64_t as_of) {
        bool was_there = c->pause.seen.revision > 0, was_on = was_there && c->pause.value.stage == PAUSE_ON, is_on;

        if (!seen_take(c, &c->pause.seen, r->mod_revision, as_of))
                return;
        if (r->value)
                c->pause.value = *r->pause;
        else /* the registry's fall to an older state is not forgotten with it (law 13) */
                c->pause.value = (PauseRecord){ .stage = PAUSE_ENDING,
                        .fell_back = r->damaged && c->pause.value.fell_back };
        is_on = r->mod_revision > 0 && c->pause.value.stage == PAUSE_ON;
        if (is_on != was_on || (r->mod_revision > 0) != was_there)
                output_report(c, (Report){ .kind = is_on                 ? REPORT_PAUSED
                                                   : r->mod_revision > 0 ? REPORT_PAUSE_ENDS
                                                                         : REPORT_PAUSE_OVER,
                                                 .by = c->pause.value.by });
        news_note(c, NEWS_DRAINING); /* likewise: whether leases are taken, and units go elsewhere */
        output_changed(c, NULL, NULL);
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
        case RECORD_REQUEST:
                take_request(c, r, as_of);
                break;
        case RECORD_PAUSE:
                take_pause(c, r, as_of);
                break;
        case _RECORD_KIND_MAX:
                break;
        }
}

/* The whole list did not name the record, so it is gone. What the list named bears its stamp, or, if the list came in
 * parts, its number: between two parts, other answers may have named the record. */
static bool is_missing(const Core *c, const Answer *a, RecordKind kind, const Seen *s) {
        return a->complete & 1u << kind && (a->list ? s->list != c->heard.lists : s->stamp != c->heard.stamp);
}

static void take_absences(Core *c, const Answer *a) {
        Session *s, *next_session;
        Lease *l, *next_lease;
        Machine *m, *next_machine;
        Offer *o, *next_offer;

        c->heard.unlisted = 0;
        if (is_missing(c, a, RECORD_META, &c->meta.seen))
                take_meta(c, &(Record){ .kind = RECORD_META, .name = "" }, a->revision);
        if (is_missing(c, a, RECORD_PAUSE, &c->pause.seen))
                take_pause(c, &(Record){ .kind = RECORD_PAUSE, .name = "" }, a->revision);
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
        for (Request *r = c->requests; r; r = r->hh.next)
                if (is_missing(c, a, RECORD_REQUEST, &r->seen))
                        take_request(c, &(Record){ .kind = RECORD_REQUEST, .name = r->name }, a->revision);
        HASH_ITER(hh, c->leases, l, next_lease)
                if (is_missing(c, a, RECORD_LEASE, &l->seen))
                        take_lease(c, &(Record){ .kind = RECORD_LEASE, .name = l->name }, a->revision);
}

/* The answer names the beats that were not put after its .since: all others were. When exactly is not known until
 * they stop; but no earlier than the first answer beyond .since reached us (law 2). */
static void take_silence(Core *c, const Answer *a) {
        for (Session *s = c->sessions; s; s = s->hh.next) {
                if (s->beat.stamp == c->heard.stamp || s->beat.revision == 0 || s->beat.revision > a->since ||
                                session_is_ours(c, s->name))
                        continue;
                if (c->now.boottime >= session_silent_at(s))
                        news_note(c, NEWS_SESSION);
                s->moved = true;
                if (a->since > s->beyond) {
                        s->beyond = a->since;
                        s->beyond_by = a->revision;
                }
                s->beat.at = MAX(s->beat.at, sample_date(c, a->since + 1));
        }
}

/* All beats as of the answer are known from here on. */
static void note_beats(Core *c, const Answer *a) {
        c->heard.beats_at = c->now.boottime;
        c->beats.since = MAX(c->beats.since, a->revision);
        c->beats.since_at = c->now.boottime;
        if (!(a->complete & 1u << RECORD_BEAT))
                return;
        c->heard.beats_first_at = c->heard.beats_first_at > 0 ? c->heard.beats_first_at : c->now.boottime;
        c->beats.relisted = true;
}

void intake_begin_list(Core *c, uint32_t list) {
        if (c->heard.list) /* what was left of another list is not coming any more: everything is asked for again */
                intake_ask_anew(c);
        c->heard.list = list;
        c->heard.lists++;
}

void intake_ask_anew(Core *c) {
        c->heard.listed = 0;
        c->identity.list_retry_at = 0;
}

/* All that an answer names has been taken. */
static void take_whole(Core *c, const Answer *a) {
        if (a->complete)
                take_absences(c, a);
        else if (a->since > 0)
                take_silence(c, a);
        c->heard.listed |= a->complete;
        if (a->complete & 1u << RECORD_BEAT || a->since > 0)
                note_beats(c, a);
        if (a->complete & 1u << RECORD_BEAT)
                gone_forget(c);
        if (a->list)
                c->heard.list = 0;
}

bool intake_take(Core *c, const Answer *answer) {
        must(answer->list == 0 || answer->list == c->heard.list);
        c->heard.stamp++;
        c->heard.contradicted = false;
        sample_note(c, answer->revision);
        c->heard.in_part = answer->list;
        for (size_t i = 0; i < answer->n_records; i++)
                take_record(c, answer->records + i, answer->revision);
        c->heard.in_part = false;
        if (!answer->goes_on)
                take_whole(c, answer);
        c->heard.revision = MAX(c->heard.revision, answer->revision);
        if (c->identity.trust == TRUST_OK)
                c->identity.revision = MAX(c->identity.revision, answer->revision);
        return !c->heard.contradicted;
}

void intake_apply(Core *c, RecordKind kind, const char *name, const void *value, uint64_t revision) {
        take_record(c, &(Record){ .kind = kind, .name = name, .mod_revision = value ? revision : 0, .value = value },
                        revision);
}
