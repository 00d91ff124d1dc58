/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Stands between the core, which knows kinds, names and values, and the registry, which knows keys and bytes.
 *
 * Every ACTION_TXN or ACTION_READ becomes one request object, which carries the core's id and ends in one event. Each
 * record is passed on as absent, as damaged, or with its value. A record that cannot be decoded is damaged, never
 * absent. Nothing is decided or retried here; only the texts of records are kept, for the sake of members that this
 * version does not know. A list of ten thousand leases is decoded over many turns of the loop, and delivered in as
 * many parts. If the watch has sent that list, its later changes wait until the last part is delivered. If they come
 * faster than they are taken, they are dropped, and the watch lists everything anew.
 */

#include "daemon/registry-port.h"

#include <errno.h>
#include <utlist.h>

#include "daemon/slices.h"
#include "daemon/texts.h"
#include "registry/record-json.h"
#include "util/log.h"
#include "util/must.h"

typedef struct Put {
        char *key;
        char *text;
        bool more; /* the text may have members that this version of leased does not know: it is kept (texts.h) */
} Put;

typedef struct Request {
        struct Request *prev, *next;
        RegistryPort *registry_port;
        RegistryRequest *request;
        EventKind event;
        uint64_t id;
        unsigned kinds; /* the kinds of a listing */
        uint64_t since; /* for a listing: only of what was not put after that revision; UINT64_MAX: of all, without
                           values; 0: of all, with values */
        Put *puts;
        size_t n_puts;
} Request;

enum {
        SLICE = 250,                    /* records that are decoded and delivered in one turn of the loop ... */
        SHORT = 32 * 1024,              /* bytes of values that may be decoded in the turn in which they come */
        WAITING_MAX = 32 * 1024 * 1024, /* bytes of changes that wait: a hundred times what an honest registry sends */
};
#define SLICE_TIME (5 * USEC_PER_MSEC) /* ... or as many as take so long */

/* A long list or answer that is being decoded in slices, or a change that the watch sent: a long one, or one after
 * such a list. Each slice of a list is delivered as a part of it (core/event.h); a change is delivered as a whole. */
typedef struct Late {
        struct Late *prev, *next;
        Event event; /* to be delivered; its answer gets the records of a slice, or of a change slice by slice */
        char *store;
        char *texts; /* the keys and values of .in */
        RegistryRecord *in;
        bool *deleted;
        size_t n, taken; /* of .in */
        size_t bytes;    /* that wait for their turn */
        unsigned kinds;
        bool listed;
} Late;

struct RegistryPort {
        sd_event *event;
        Slices *slices;
        Late *late;     /* in the order in which they came */
        uint32_t lists; /* how many lists have come in parts */
        struct {
                size_t n;     /* of .late */
                size_t bytes; /* without those of lists */
        } waiting;            /* of what the watch has sent */
        Registry *registry;
        RegistryWatch *watch;
        Texts *texts;
        Request *requests;
        event_sink_t deliver;
        void *userdata;
        const char *other_prefix; /* see registry_port_on_other() */
        void (*on_other)(void *userdata);
        void *other_userdata;
};

/* ---- from the registry to the core ---- */

/* The size of a copy of a value. Each kind has its own, because a fence has 16 kB and a beat 80 bytes, and there may
 * be ten thousand leases. */
static size_t value_size(RecordKind kind) {
        static const size_t sizes[_RECORD_KIND_MAX] = {
                [RECORD_META] = sizeof(MetaRecord),
                [RECORD_MACHINE] = sizeof(MachineRecord),
                [RECORD_BEAT] = sizeof(BeatRecord),
                [RECORD_FENCE] = sizeof(FenceRecord),
                [RECORD_LEASE] = sizeof(LeaseRecord),
                [RECORD_OFFER] = sizeof(OfferRecord),
                [RECORD_REQUEST] = sizeof(RequestRecord),
                [RECORD_PAUSE] = sizeof(PauseRecord),
        };

        return sizes[kind];
}

static void *memdup_or_die(const void *p, size_t size) {
        void *copy = malloc(MAX(size, (size_t) 1));

        /* As in the core: the guard and systemd take over from a daemon that has no memory. */
        if (!copy)
                abort();
        return memcpy(copy, p, size);
}

/* Keeps what is worth to be kept of a record; text is NULL if its text is not. */
static void keep_text(RegistryPort *e, const char *key, uint64_t revision, const void *text, size_t size,
                const char *damage) {
        if (!text && !damage)
                texts_remove(e->texts, key, revision);
        else if (texts_put(e->texts, key, revision, text, text ? size : 0, damage) < 0)
                abort();
}

static void decode(RegistryPort *e, const RegistryRecord *in, bool deleted, uint64_t revision, Record *out) {
        static RecordValue value; /* too large for the stack of a callback */
        const char *why = NULL;
        bool kept = out->kind != RECORD_BEAT, more = false;

        must(out->kind < _RECORD_KIND_MAX && !out->value);
        if (deleted || in->mod_revision == 0) {
                if (kept)
                        texts_remove(e->texts, in->key, deleted ? in->mod_revision : revision);
                return;
        }
        out->mod_revision = in->mod_revision;
        if (in->damaged)
                why = "the registry cannot read it";
        else if (record_decode_more(out->kind, in->value, in->size, &value, &why, &more) < 0)
                why = why ?: "not a record";
        else
                out->value = memdup_or_die(&value, value_size(out->kind));
        out->damaged = !out->value; /* law 11: damaged, never absent */
        more = in->value && in->size <= RECORD_KEPT_MAX && (more || out->damaged);
        if (out->damaged)
                log_debug("record %s at revision %" PRIu64 " is damaged: %s", in->key, in->mod_revision, why);
        if (kept)
                keep_text(e, in->key, in->mod_revision, more ? in->value : NULL, in->size, out->damaged ? why : NULL);
}

static void answer_done(Answer *a) {
        for (size_t i = 0; i < a->n_records; i++)
                free((void *) a->records[i].value);
        free((void *) a->records);
}

#define _cleanup_answer_ _cleanup_(answer_done)

static Record *answer_reserve(Answer *a, size_t n) {
        Record *records = calloc(n + 1, sizeof(Record));

        if (!records)
                abort();
        a->records = records;
        return records;
}

/* Appends records to the answer, which has room for n of them: all n, or as many as are decoded until that time, at
 * least one. Returns how many. */
static size_t answer_fill(RegistryPort *e, const RegistryRecord *in, const bool *deleted, size_t n, unsigned kinds,
                usec_t until, Answer *a) {
        for (size_t i = 0; i < n; i++) {
                Record *r = (Record *) a->records + a->n_records;

                if (i > 0 && until != USEC_INFINITY && now_boottime() > until)
                        return i;
                if (!record_parse_key(in[i].key, &r->kind, &r->name) || !(kinds & 1u << r->kind) ||
                                strnlen(r->name, RECORD_NAME_SIZE) >= RECORD_NAME_SIZE) {
                        log_debug("ignoring key %s", in[i].key);
                        *r = (Record){};
                        continue;
                }
                decode(e, in + i, deleted && deleted[i], a->revision, r);
                a->n_records++;
        }
        return n;
}

static void answer_fill_at_once(
                RegistryPort *e, const RegistryRecord *in, const bool *deleted, size_t n, unsigned kinds, Answer *a) {
        (void) answer_reserve(a, n);
        (void) answer_fill(e, in, deleted, n, kinds, USEC_INFINITY, a);
}

/* A listing without values has only keys and revisions: nothing is decoded or kept. */
static void answer_fill_bare(const RegistryRecord *in, size_t n, unsigned kinds, Answer *a) {
        Record *records = answer_reserve(a, n);
        size_t used = 0;

        for (size_t i = 0; i < n; i++) {
                Record *r = records + used;

                *r = (Record){ .mod_revision = in[i].mod_revision, .bare = true };
                used += record_parse_key(in[i].key, &r->kind, &r->name) && kinds & 1u << r->kind &&
                        strnlen(r->name, RECORD_NAME_SIZE) < RECORD_NAME_SIZE;
        }
        a->n_records = used;
}

/* ---- long lists ---- */

static char *strdup_or_die(const char *s) {
        return s ? memdup_or_die(s, strlen(s) + 1) : NULL;
}

/* Whether a text is so long that it is not decoded: it need not be kept until its turn comes. */
static bool is_too_long(const RegistryRecord *in) {
        return in->size > REGISTRY_VALUE_MAX;
}

/* Whether the records may take longer to decode than one turn of the loop should. Few short records may be decoded as
 * they come: so a beat's answer never waits. */
static bool is_long(const RegistryRecord *in, size_t n) {
        size_t bytes = 0;

        for (size_t i = 0; i < n && n <= SLICE && bytes <= SHORT; i++)
                bytes += is_too_long(in + i) ? 0 : in[i].size;
        return n > SLICE || bytes > SHORT;
}

static void late_free(RegistryPort *e, Late *l) {
        DL_DELETE(e->late, l);
        if (l->event.kind == EVENT_RECORDS) {
                must(e->waiting.n > 0 && e->waiting.bytes >= l->bytes);
                e->waiting.n--;
                e->waiting.bytes -= l->bytes;
        }
        answer_done(&l->event.answer);
        free(l->in);
        free(l->texts);
        free(l->deleted);
        free(l->store);
        free(l);
}

/* Copies the records, with all keys and values in one piece of memory. Returns the size of all. */
static size_t copy_records(Late *l, const RegistryRecord *in, size_t n) {
        size_t size = 1;
        char *p;

        for (size_t i = 0; i < n; i++)
                size += strlen(in[i].key) + 1 + (is_too_long(in + i) ? 0 : in[i].size);
        p = l->texts = malloc(size);
        l->in = calloc(n + 1, sizeof(RegistryRecord));
        if (!l->texts || !l->in)
                abort();
        for (size_t i = 0; i < n; i++) {
                size_t key = strlen(in[i].key) + 1;
                bool copied = in[i].value && !is_too_long(in + i);

                l->in[i] = in[i];
                l->in[i].key = memcpy(p, in[i].key, key);
                p += key;
                l->in[i].value = copied ? memcpy(p, in[i].value, in[i].size) : NULL;
                p += copied ? in[i].size : 0;
        }
        return size + n * (sizeof(RegistryRecord) + sizeof(Record));
}

/* Copies the records, to be decoded in the turns that follow. */
static void late_new(RegistryPort *e, const Event *event, const RegistryRecord *in, const bool *deleted, size_t n,
                unsigned kinds, bool listed) {
        Late *l = calloc(1, sizeof(Late));

        if (!l)
                abort();
        *l = (Late){ .event = *event, .n = n, .kinds = kinds, .listed = listed };
        l->store = strdup_or_die(event->answer.store);
        l->event.answer.store = l->store;
        l->deleted = deleted ? memdup_or_die(deleted, n * sizeof(bool)) : NULL;
        l->bytes = sizeof(Late) + copy_records(l, in, n);
        if (event->answer.complete && n > SLICE)
                l->event.answer.list = ++e->lists ?: ++e->lists;
        else
                (void) answer_reserve(&l->event.answer, n);
        if (event->kind == EVENT_RECORDS) {
                l->bytes = listed ? 0 : l->bytes;
                e->waiting.n++;
                e->waiting.bytes += l->bytes;
        }
        DL_APPEND(e->late, l);
        slices_begin(e->slices);
}

/* Decodes the next slice. */
static void take_slice(RegistryPort *e, Late *l) {
        size_t n = MIN(l->n - l->taken, (size_t) SLICE);
        Answer *a = &l->event.answer;

        if (l->listed && l->taken == 0)
                texts_list_begin(e->texts);
        if (a->list) {
                answer_done(a);
                a->n_records = 0;
                (void) answer_reserve(a, n);
        }
        a->begins = a->list && l->taken == 0;
        l->taken += answer_fill(e, l->in + l->taken, l->deleted ? l->deleted + l->taken : NULL, n, l->kinds,
                        usec_add(now_boottime(), SLICE_TIME), a);
        a->goes_on = a->list && l->taken < l->n;
        if (l->listed && l->taken == l->n)
                texts_list_end(e->texts, a->revision);
}

static bool do_slice(void *userdata) {
        RegistryPort *e = userdata;
        Late *l = e->late;
        bool last, more;

        if (!l)
                return false;
        take_slice(e, l);
        last = l->taken == l->n;
        more = !last || l->next;
        if (last || l->event.answer.list)
                e->deliver(&l->event, e->userdata);
        if (last)
                late_free(e, l);
        return more;
}

/* Drops the changes that wait; and the list, too, if lists. */
static void late_drop(RegistryPort *e, bool lists) {
        Late *l, *next;

        DL_FOREACH_SAFE(e->late, l, next)
                if (l->event.kind == EVENT_RECORDS && (lists || !l->listed))
                        late_free(e, l);
}

/* ---- the watch ---- */

static void tell_other(RegistryPort *e, const RegistryChange *change) {
        bool told = change->listed;

        for (size_t i = 0; e->on_other && i < change->n_records && !told; i++)
                told = startswith(change->records[i].key, e->other_prefix);
        if (told && e->on_other)
                e->on_other(e->other_userdata);
}

static void on_change(const RegistryChange *change, void *userdata) {
        RegistryPort *e = userdata;
        _cleanup_answer_ Answer answer = {
                .outcome = OUTCOME_COMMITTED,
                .revision = change->revision,
                .store = change->store,
                .complete = change->listed ? RECORD_ALL : 0,
        };

        tell_other(e, change);
        if (change->listed)
                late_drop(e, true); /* the list says all that waits, and says it better */
        else if (e->waiting.bytes > WAITING_MAX) {
                late_drop(e, false);
                e->registry->ops->relist(e->watch);
                return;
        }
        if (e->waiting.n > 0 || is_long(change->records, change->n_records)) {
                late_new(e, &(Event){ .kind = EVENT_RECORDS, .answer = answer }, change->records, change->deleted,
                                change->n_records, RECORD_ALL, change->listed);
                return;
        }
        if (change->listed)
                texts_list_begin(e->texts);
        answer_fill_at_once(e, change->records, change->deleted, change->n_records, RECORD_ALL, &answer);
        if (change->listed)
                texts_list_end(e->texts, change->revision);
        e->deliver(&(Event){ .kind = EVENT_RECORDS, .answer = answer }, e->userdata);
}

/* ---- requests ---- */

static Request *request_free(Request *q) {
        if (!q)
                return NULL;
        DL_DELETE(q->registry_port->requests, q);
        if (q->request)
                q->registry_port->registry->ops->request_free(q->request);
        for (size_t i = 0; i < q->n_puts; i++) {
                free(q->puts[i].key);
                free(q->puts[i].text);
        }
        free(q->puts);
        free(q);
        return NULL;
}

static Request *request_new(RegistryPort *e, EventKind event, uint64_t id) {
        Request *q = calloc(1, sizeof(Request));

        if (!q)
                abort();
        q->registry_port = e;
        q->event = event;
        q->id = id;
        DL_APPEND(e->requests, q);
        return q;
}

static void on_answer(const RegistryAnswer *in, void *userdata) {
        static const Outcome outcomes[] = {
                [REGISTRY_COMMITTED] = OUTCOME_COMMITTED,
                [REGISTRY_REFUSED] = OUTCOME_REFUSED,
                [REGISTRY_UNKNOWN] = OUTCOME_UNKNOWN,
        };
        Request *q = userdata;
        RegistryPort *e = q->registry_port;
        Event event = { .kind = q->event, .id = q->id };
        _cleanup_answer_ Answer answer = {
                .outcome = outcomes[in->outcome],
                .revision = in->revision,
                .store = in->store,
        };

        must(q->request);                    /* no registry answers from inside the call that asks (registry.h) */
        if (in->outcome == REGISTRY_UNKNOWN) /* laws 6 and 8: neither done nor refused */
                log_debug("registry request %" PRIu64 ": no answer: %s", q->id, strempty(in->error));
        else {
                /* A listing of some kinds is complete for these kinds alone. */
                answer.complete = q->since == 0 || q->since == UINT64_MAX ? q->kinds : 0;
                answer.since = q->since == UINT64_MAX ? 0 : q->since;
                answer.total = in->total;
                if (q->since > 0)
                        answer_fill_bare(in->records, in->n_records, q->kinds, &answer);
                else if (is_long(in->records, in->n_records)) {
                        event.answer = answer;
                        late_new(e, &event, in->records, NULL, in->n_records, q->kinds ?: RECORD_ALL, false);
                        request_free(q);
                        return;
                } else
                        answer_fill_at_once(e, in->records, NULL, in->n_records, q->kinds ?: RECORD_ALL, &answer);
        }
        for (size_t i = 0; in->outcome == REGISTRY_COMMITTED && i < q->n_puts; i++)
                keep_text(e, q->puts[i].key, in->revision, q->puts[i].more ? q->puts[i].text : NULL,
                                strlen(q->puts[i].text), NULL);
        event.answer = answer;
        /* The request is freed only after this call: the names in the answer belong to the registry. */
        e->deliver(&event, e->userdata);
        request_free(q);
}

/* The request could not be made, so nothing was sent. The core is told the same as when there is no answer: it acts
 * alike on both. */
static void request_fail(Request *q, int error) {
        RegistryPort *e = q->registry_port;
        Event event = { .kind = q->event, .id = q->id, .answer.outcome = OUTCOME_UNKNOWN };

        log_error_errno(error, "registry request %" PRIu64 " could not be made", q->id);
        request_free(q);
        e->deliver(&event, e->userdata);
}

static int key_text(RecordKind kind, const char *name, char **ret) {
        char buffer[REGISTRY_KEY_MAX];
        int r = record_key(kind, strempty(name), buffer, sizeof(buffer));

        if (r < 0)
                return r;
        *ret = strdup(buffer);
        return *ret ? 0 : -ENOMEM;
}

static void keys_done(char ***keys) {
        for (size_t i = 0; *keys && (*keys)[i]; i++)
                free((*keys)[i]);
        free(*keys);
}

#define _cleanup_keys_ _cleanup_(keys_done)

/* The keys' texts, as a list ended by NULL. */
static int keys_texts(const Key *keys, size_t n, char ***ret) {
        _cleanup_keys_ char **texts = calloc(n + 1, sizeof(char *));

        if (!texts)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                int r = key_text(keys[i].kind, keys[i].name, texts + i);

                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(texts);
        return 0;
}

/* The text that the record has at the revision with which the Txn compares it. A text of any other revision says
 * nothing: it may be older than a record of which no text is kept. */
static KeptText previous_of(const Request *q, const Txn *txn, const Record *record, const char *key) {
        KeptText previous = texts_get(q->registry_port->texts, key);

        for (size_t i = 0; i < txn->n_compares; i++) {
                const Key *k = txn->compares + i;

                if (k->kind == record->kind && streq(strempty(k->name), strempty(record->name)) &&
                                k->mod_revision == previous.revision)
                        return previous;
        }
        return (KeptText){};
}

/* Encodes the records to be put. The texts stay with the request: once it is committed, they are what is kept of the
 * records. */
static int encode_puts(Request *q, const Txn *txn, RegistryRecord *records) {
        q->puts = calloc(txn->n_puts + 1, sizeof(Put));
        if (!q->puts)
                return -ENOMEM;
        for (size_t i = 0; i < txn->n_puts; i++) {
                const Record *record = txn->puts + i;
                Put *put = q->puts + q->n_puts++;
                KeptText previous;
                int r;

                r = key_text(record->kind, record->name, &put->key);
                if (r < 0)
                        return r;
                previous = previous_of(q, txn, record, put->key);
                put->more = previous.text;
                r = record_encode(record, previous.text, previous.size, &put->text);
                if (r < 0)
                        return r;
                records[i] = (RegistryRecord){ .key = put->key, .value = put->text, .size = strlen(put->text) };
        }
        return 0;
}

/* Beats are not kept; see texts.h. */
static void forget_beats(Request *q, const Txn *txn) {
        size_t kept = 0;

        for (size_t i = 0; i < q->n_puts; i++) {
                if (txn->puts[i].kind != RECORD_BEAT) {
                        q->puts[kept++] = q->puts[i];
                        continue;
                }
                free(q->puts[i].key);
                free(q->puts[i].text);
        }
        q->n_puts = kept;
}

static int request_txn(Request *q, const Txn *txn, usec_t timeout) {
        Registry *registry = q->registry_port->registry;
        _cleanup_keys_ char **compared = NULL, **deleted = NULL;
        _cleanup_free_ RegistryCompare *compares = calloc(txn->n_compares + 1, sizeof(RegistryCompare));
        _cleanup_free_ RegistryRecord *puts = calloc(txn->n_puts + 1, sizeof(RegistryRecord));
        int r;

        if (!compares || !puts)
                return -ENOMEM;
        r = keys_texts(txn->compares, txn->n_compares, &compared);
        if (r == 0)
                r = keys_texts(txn->deletes, txn->n_deletes, &deleted);
        if (r == 0)
                r = encode_puts(q, txn, puts);
        if (r < 0)
                return r;
        must(txn->n_compares > 0); /* laws 3 and 6: every write compares something that was seen */
        for (size_t i = 0; i < txn->n_compares; i++)
                compares[i] = (RegistryCompare){ .key = compared[i], .mod_revision = txn->compares[i].mod_revision };
        r = registry->ops->txn(registry,
                        &(RegistryTxn){
                                        .compares = compares,
                                        .n_compares = txn->n_compares,
                                        .puts = puts,
                                        .n_puts = txn->n_puts,
                                        .deletes = (const char *const *) deleted,
                                        .n_deletes = txn->n_deletes,
                                        .reads = (const char *const *) compared,
                                        .n_reads = txn->n_compares,
                        },
                        timeout, on_answer, q, &q->request);
        forget_beats(q, txn);
        return r;
}

void registry_port_txn(RegistryPort *e, const Action *action) {
        Request *q = request_new(e, EVENT_TXN, action->id);
        int r = request_txn(q, &action->txn, action->timeout);

        if (r < 0)
                request_fail(q, r);
}

static int request_read(Request *q, const Action *action) {
        Registry *registry = q->registry_port->registry;
        _cleanup_keys_ char **keys = NULL;
        const char *prefix = "";
        int r;

        if (!action->keys) {
                q->kinds = action->list_kinds;
                for (RecordKind k = 0; k < _RECORD_KIND_MAX; k++)
                        if (action->list_kinds == 1u << k)
                                prefix = record_prefix(k);
                q->since = action->since;
                if (q->since > 0)
                        return registry->ops->older(
                                        registry, prefix, q->since, action->timeout, on_answer, q, &q->request);
                return registry->ops->list(registry, prefix, action->timeout, on_answer, q, &q->request);
        }
        r = keys_texts(action->keys, action->n_keys, &keys);
        if (r < 0)
                return r;
        return registry->ops->get(registry, (const char *const *) keys, action->n_keys, action->timeout, on_answer, q,
                        &q->request);
}

void registry_port_read(RegistryPort *e, const Action *action) {
        Request *q = request_new(e, EVENT_READ, action->id);
        int r = request_read(q, action);

        if (r < 0)
                request_fail(q, r);
}

void registry_port_listen(RegistryPort *e, const Action *action) {
        _cleanup_free_ char *from = NULL, *also = NULL;
        bool all = !action->beats_from[0];
        int r = 0;

        if (!all)
                r = key_text(RECORD_BEAT, action->beats_from, &from);
        if (r == 0 && !all)
                r = key_text(RECORD_BEAT, action->session, &also);
        if (r == 0)
                r = e->registry->ops->narrow(e->watch, from, also);
        if (r < 0)
                log_error_errno(r, "the watch cannot be narrowed"); /* then it tells of more than it must */
}

void registry_port_on_other(RegistryPort *e, const char *prefix, void (*f)(void *userdata), void *userdata) {
        e->other_prefix = prefix;
        e->on_other = f;
        e->other_userdata = userdata;
}

const char *registry_port_damage(const RegistryPort *e, RecordKind kind, const char *name) {
        char key[REGISTRY_KEY_MAX];

        if (record_key(kind, name, key, sizeof(key)) < 0)
                return NULL;
        return texts_get(e->texts, key).damage;
}

int registry_port_new(sd_event *event, Registry *registry, event_sink_t deliver, void *userdata, RegistryPort **ret) {
        RegistryPort *e = calloc(1, sizeof(RegistryPort));
        int r;

        if (!e)
                return -ENOMEM;
        e->registry = registry;
        e->deliver = deliver;
        e->userdata = userdata;
        e->texts = texts_new();
        e->event = sd_event_ref(event);
        r = slices_new(event, do_slice, e, &e->slices);
        if (r >= 0)
                r = e->texts ? registry->ops->watch(registry, "", on_change, e, &e->watch) : -ENOMEM;
        if (r < 0) {
                registry_port_free(e);
                return r;
        }
        *ret = e;
        return 0;
}

RegistryPort *registry_port_free(RegistryPort *e) {
        if (!e)
                return NULL;
        while (e->requests)
                request_free(e->requests);
        if (e->watch)
                e->registry->ops->watch_free(e->watch);
        while (e->late)
                late_free(e, e->late);
        slices_free(e->slices);
        sd_event_unref(e->event);
        texts_free(e->texts);
        free(e);
        return NULL;
}
