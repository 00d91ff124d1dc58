/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Is this our registry? Every machine remembers the registry's uuid, its store's identity and the highest revision
 * that it saw. A registry that answers may be:
 *
 *   foreign   It has another uuid or store. All held leases are lost. Waiting never helps, since this may be a second
 *             registry with holders of its own. Only an operator can accept it: at once, or not at all. A word that
 *             is kept would be carried out when our own registry is long back.
 *   older     It is ours, but its revision is below one that we had seen when we asked: it fell back to an older
 *             state. All held leases are lost. The registry does not know the Indexes that were handed out since
 *             then, so the floor is raised to the wall clock. Nothing is started until every holder from the
 *             forgotten time must have stopped: the longest TTL with its margin.
 *   empty     The first machine that comes gives it a meta record. A machine that remembers another uuid then finds
 *             the registry foreign, and shows the operator which uuid to accept.
 */

#include "core/identity.h"

#include "core/call.h"
#include "core/intake.h"
#include "core/mirror.h"
#include "core/output.h"
#include "core/pause.h"
#include "core/rounds.h"
#include "core/txn.h"

#define SILENCE (TTL_MAX + TTL_MAX / 50)

/* Forgets everything that was seen, and ends the calls of the D-Bus API: what was asked of one registry is not
 * asked of another. */
static void forget(Core *c) {
        mirror_forget(c);
        call_end_all(c);
}

static void lose_everything(Core *c) {
        rounds_end(c);
        c->adopt[0] = '\0'; /* nor is the session from before our restart carried on */
        forget(c);
}

/* Until another registry is listed, there is none that an operator can accept. */
static void lose_found(Core *c) {
        c->identity.found_uuid[0] = c->identity.found_store[0] = '\0';
}

static void turn_foreign(Core *c, const char *found) {
        if (c->identity.trust == TRUST_FOREIGN)
                return;
        lose_found(c);
        output_report(c, (Report){ .kind = REPORT_REGISTRY_FOREIGN, .registry = found });
        lose_everything(c);
        c->identity.trust = TRUST_FOREIGN;
}

/* The first store that we ever hear of is taken on; any other is foreign. What was listed of one foreign store says
 * nothing of the next. */
static void judge_store(Core *c, const Answer *a) {
        if (!a->store || (streq(a->store, c->identity.store_seen) && streq(a->store, c->identity.store)))
                return;
        if (c->identity.trust == TRUST_FOREIGN && !streq(a->store, c->identity.store_seen)) {
                lose_found(c);
                forget(c);
        }
        str_copy(c->identity.store_seen, sizeof(c->identity.store_seen), a->store);
        if (!c->identity.store[0] && c->identity.trust != TRUST_FOREIGN) {
                str_copy(c->identity.store, sizeof(c->identity.store), a->store);
                c->memory.changed = true;
        }
        if (!streq(c->identity.store, a->store))
                turn_foreign(c, a->store);
}

static void fall_back(Core *c, uint64_t revision) {
        output_report(c, (Report){ .kind = REPORT_REGISTRY_FELL_BACK });
        lose_everything(c);
        c->identity.revision = revision;
        c->identity.trust = TRUST_NONE;
        c->identity.silence = true;
        pause_lose(c);
        c->identity.silence_until = 0;
        c->identity.floor_wanted = 0;
        c->memory.changed = true;
}

/* known is the revision that we had seen when the question was asked. What a watch tells was not asked for, and is
 * not judged here. */
void identity_answer(Core *c, uint64_t known, const Answer *answer) {
        judge_store(c, answer);
        if (c->identity.trust == TRUST_OK && answer->revision < known)
                fall_back(c, answer->revision);
}

/* A record was seen at a higher revision than it has now: the registry fell back while we were away, and has grown
 * since beyond all that we had seen. */
void identity_contradicted(Core *c, const Answer *answer) {
        if (c->identity.trust == TRUST_OK)
                fall_back(c, answer->revision);
}

/* A watch does not answer a question of ours, so its report is not judged. But if it lists a state older than we
 * have seen, we ask for everything ourselves, and judge that answer. */
bool identity_watch(Core *c, const Answer *answer) {
        judge_store(c, answer);
        if (c->identity.trust != TRUST_OK || !answer->complete || answer->revision >= c->identity.revision)
                return true;
        intake_ask_anew(c);
        return false;
}

void identity_txn(Core *c, const Answer *answer) {
        c->meta.txn = 0;
        if (answer->outcome == OUTCOME_UNKNOWN ||
                        (answer->outcome == OUTCOME_REFUSED && c->identity.trust != TRUST_OK))
                c->meta.retry_at = c->now.boottime + c->own.timeline.round / 2;
        if (answer->outcome == OUTCOME_REFUSED && c->identity.trust != TRUST_OK)
                forget(c); /* the registry may have been replaced by an older state of itself since we looked */
        else if (answer->outcome == OUTCOME_COMMITTED)
                intake_apply(c, RECORD_META, "", &c->meta.next, answer->revision);
}

static void put_meta(Core *c, const MetaRecord *value) {
        TxnBuilder b = txn_begin(c);

        must(c->meta.txn == 0);
        must(c->meta.seen.revision == 0 || c->meta.damaged || value->index_floor >= c->meta.value.index_floor);
        txn_compare(&b, RECORD_META, "", c->meta.seen.revision);
        txn_put(&b, RECORD_META, "", value, sizeof(*value));
        c->meta.next = *value;
        c->meta.txn = txn_send(&b);
}

static void make_uuid(Core *c, char ret[static UUID_SIZE]) {
        static const char hex[] = "0123456789abcdef";
        uint64_t random[2] = { core_random(c), core_random(c) };
        size_t at = 0;

        random[0] = (random[0] & ~UINT64_C(0xf000)) | 0x4000; /* version 4, variant 1 */
        random[1] = (random[1] & ~(UINT64_C(0xc) << 60)) | UINT64_C(0x8) << 60;
        for (size_t i = 0; i < 32; i++) {
                if (i == 8 || i == 12 || i == 16 || i == 20)
                        ret[at++] = '-';
                ret[at++] = hex[random[i / 16] >> (60 - i % 16 * 4) & 15];
        }
        ret[at] = '\0';
}

/* Gives what the registry's floor must be at least: the wall clock, or where that is behind, the highest Index or
 * floor that is remembered. */
static uint64_t least_floor(const Core *c) {
        uint64_t floor = MAX(c->identity.floor, c->now.realtime / USEC_PER_MSEC);

        for (const Lease *l = c->leases; l; l = l->hh.next)
                floor = MAX(floor, l->remembered);
        return MIN(floor, FLOOR_MAX);
}

/* Writes the meta record again (law 11): it is damaged or deleted, and this is our registry. With its name, and a
 * floor above every one that the old record may have had. */
static void mend_meta(Core *c) {
        MetaRecord value = { .format = 1, .index_floor = least_floor(c) };

        str_copy(value.uuid, sizeof(value.uuid), c->identity.uuid);
        put_meta(c, &value);
}

/* Whether this is the registry that this machine has known for longer than a TTL, and no older state of it. */
static bool is_former(const Core *c) {
        return c->identity.former.uuid[0] && streq(c->identity.former.uuid, c->identity.uuid) &&
               streq(c->identity.former.store, c->identity.store) && c->heard.revision >= c->identity.former.revision;
}

static void begin_trusting(Core *c) {
        if (c->heard.revision < c->identity.revision)
                fall_back(c, c->heard.revision);
        if (!mirror_is_complete(c))
                return;
        c->identity.trust = TRUST_OK;
        c->identity.revision = c->heard.revision;
        /* There may have been another registry in this one's place, by which units run elsewhere, or did here: what
         * was held by it has run out after a TTL. Who remembers a registry would have noticed. */
        if (c->identity.newcomer && is_former(c)) {
                c->identity.newcomer = false;
                c->memory.changed = true;
        }
        if (c->identity.newcomer && c->identity.newcomer_until == 0) {
                c->identity.newcomer_until = c->now.boottime + ttl_take_after(c->here.ttl);
                c->identity.acquire_not_before = MAX(c->identity.acquire_not_before, c->identity.newcomer_until);
        }
        if (c->identity.silence) {
                c->identity.silence_until = c->now.boottime + SILENCE;
                c->identity.acquire_not_before = MAX(c->identity.acquire_not_before, c->identity.silence_until);
                c->identity.floor_wanted = least_floor(c);
        }
        rounds_begin(c);
}

bool identity_may_accept(const Core *c, const char *uuid) {
        return c->identity.trust == TRUST_FOREIGN && c->identity.found_uuid[0] && streq(c->identity.found_uuid, uuid);
}

void identity_list_answer(Core *c, const Answer *answer) {
        c->identity.list_read = 0;
        if (answer->outcome == OUTCOME_UNKNOWN)
                lose_found(c);
}

/* The old registry's revision means nothing in the one that is accepted. Whoever still runs by the old registry is
 * waited out, and no Index of it is handed out again. */
void identity_accept(Core *c, const char *uuid) {
        if (!identity_may_accept(c, uuid))
                return;
        str_copy(c->identity.uuid, sizeof(c->identity.uuid), c->identity.found_uuid);
        str_copy(c->identity.store, sizeof(c->identity.store), c->identity.found_store);
        lose_found(c);
        forget(c);
        c->identity.revision = 0;
        c->identity.trust = TRUST_NONE;
        c->identity.silence = true;
        pause_lose(c);
        c->identity.silence_until = 0;
        c->memory.changed = true;
        output_report(c, (Report){ .kind = REPORT_REGISTRY_ACCEPTED, .registry = c->identity.uuid });
}

/* Whether this is our registry although its meta record cannot be read: the store is ours, is no older than we have
 * seen, and has our machine's record (law 11). */
static bool is_known_without_meta(const Core *c) {
        return c->identity.uuid[0] && c->identity.trust == TRUST_NONE && (c->meta.damaged || !c->identity.silence) &&
               mirror_is_complete(c) && c->heard.revision >= c->identity.revision && c->self &&
               c->self->seen.revision > 0 && streq(c->identity.store, c->identity.store_seen);
}

/* Nothing was ever written into the registry. */
static bool is_new(const Core *c) {
        for (const Lease *l = c->leases; l; l = l->hh.next)
                if (l->seen.revision > 0)
                        return false;
        for (const Session *s = c->sessions; s; s = s->hh.next)
                if (s->beat.revision > 0 || s->fence.revision > 0)
                        return false;
        for (const Machine *m = c->machines; m; m = m->hh.next)
                if (m->seen.revision > 0)
                        return false;
        return !c->meta.damaged;
}

/* Whether the registry may be given a name: it is new; or its name is lost, and no machine that knows it has
 * written it again for longer than any session lives (law 11). */
static bool may_be_named(Core *c) {
        if (is_new(c))
                return true;
        c->meta.lost_at = c->meta.lost_at ?: c->now.boottime;
        return c->now.boottime >= usec_add(c->meta.lost_at, SILENCE);
}

/* An operator can accept the registry that has just been listed. */
static void note_found(Core *c) {
        str_copy(c->identity.found_uuid, sizeof(c->identity.found_uuid), c->meta.value.uuid);
        str_copy(c->identity.found_store, sizeof(c->identity.found_store), c->identity.store_seen);
}

static void judge_meta(Core *c) {
        MetaRecord value = { .format = 1 };
        bool ours;

        lose_found(c);
        if (c->meta.seen.revision == 0 || c->meta.damaged) {
                if (is_known_without_meta(c))
                        mend_meta(c);
                else if (mirror_is_complete(c) && may_be_named(c)) {
                        make_uuid(c, value.uuid);
                        value.index_floor = is_new(c) ? 0 : least_floor(c);
                        put_meta(c, &value);
                }
                return;
        }
        c->meta.lost_at = 0;
        if (!c->identity.uuid[0] && c->identity.trust != TRUST_FOREIGN) {
                str_copy(c->identity.uuid, sizeof(c->identity.uuid), c->meta.value.uuid);
                c->memory.changed = true;
        }
        ours = streq(c->identity.uuid, c->meta.value.uuid) &&
               (!c->identity.store_seen[0] || streq(c->identity.store, c->identity.store_seen));
        if (!ours) {
                turn_foreign(c, c->meta.value.uuid);
                note_found(c);
        } else if (c->identity.trust == TRUST_FOREIGN) { /* our registry is back: everything in it is looked at anew */
                forget(c);
                c->identity.trust = TRUST_NONE;
        } else if (mirror_is_complete(c))
                begin_trusting(c);
}

static void raise_floor(Core *c) {
        MetaRecord value = c->meta.value;

        if (!c->meta.seen.known)
                return;
        if (c->meta.damaged || (c->meta.seen.revision == 0 && !c->identity.silence)) {
                mend_meta(c);
                return;
        }
        if (c->identity.floor_wanted == 0)
                return;
        if (c->meta.seen.revision == 0) { /* emptied since: it is given a new name, as any empty registry */
                fall_back(c, c->heard.revision);
                return;
        }
        if (value.index_floor >= c->identity.floor_wanted) {
                c->identity.floor_wanted = 0;
                return;
        }
        value.index_floor = c->identity.floor_wanted;
        put_meta(c, &value);
}

void identity_advance(Core *c) {
        if (c->identity.trust == TRUST_OK && c->identity.silence && c->identity.silence_until > 0 &&
                        c->now.boottime >= c->identity.silence_until && c->identity.floor_wanted == 0) {
                c->identity.silence = false;
                c->identity.silence_until = 0;
                c->memory.changed = true;
                for (Lease *l = c->leases; l; l = l->hh.next)
                        l->blank = l->seen.known && l->seen.revision == 0;
        }
        if (c->identity.newcomer && c->identity.newcomer_until > 0 && c->now.boottime >= c->identity.newcomer_until) {
                c->identity.newcomer = false;
                c->memory.changed = true;
        }
        if (c->meta.txn || c->now.boottime < c->meta.retry_at)
                return;
        if (c->identity.trust == TRUST_FOREIGN && !c->identity.list_read &&
                        c->now.boottime >= c->identity.list_retry_at)
                forget(c); /* asked again from time to time, for our own registry may come back */
        if (!c->meta.seen.known || !mirror_is_complete(c)) {
                if (!c->identity.list_read && c->now.boottime >= c->identity.list_retry_at) {
                        c->identity.list_read = txn_read_kinds(c, RECORD_ALL);
                        c->identity.list_retry_at = c->now.boottime + c->own.timeline.round;
                }
                return;
        }
        if (c->identity.trust != TRUST_OK)
                judge_meta(c);
        else if (!c->meta.txn)
                raise_floor(c);
}

usec_t identity_deadline(const Core *c) {
        usec_t t = USEC_INFINITY,
               list_at = MAX(c->identity.list_retry_at, c->meta.retry_at); /* nothing is listed while meta waits */

        if (c->identity.silence && c->identity.silence_until > c->now.boottime)
                t = c->identity.silence_until;
        if (c->identity.newcomer && c->identity.newcomer_until > c->now.boottime)
                t = MIN(t, c->identity.newcomer_until);
        if (c->meta.retry_at > c->now.boottime)
                t = MIN(t, c->meta.retry_at);
        if (c->meta.lost_at > 0 && c->identity.trust != TRUST_OK &&
                        usec_add(c->meta.lost_at, SILENCE) > c->now.boottime)
                t = MIN(t, usec_add(c->meta.lost_at, SILENCE));
        if ((!c->meta.seen.known || !mirror_is_complete(c) || c->identity.trust == TRUST_FOREIGN) &&
                        !c->identity.list_read && !c->meta.txn)
                t = MIN(t, list_at);
        return t;
}
