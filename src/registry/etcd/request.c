/* SPDX-License-Identifier: Apache-2.0 */

/*
 * get, list and txn of the contract, made of calls.
 *
 * Reads are linearizable ranges: of a Txn that only reads a member may answer from its own, old state. get asks for
 * each key by itself, a few at a time, and reports the lowest revision. list pages at the revision of its first page;
 * if that is compacted away meanwhile, it begins anew. A page that is too large is asked for again, shorter.
 *
 * A Txn is sent once (etcd-call.c). Should something on the way deliver it twice all the same (a proxy that retries),
 * the second evaluation is refused because the first has landed; what it reads back is then our own write. So is the
 * refusal of a Txn that repeats one whose outcome was unknown: whoever is refused must look at what was read.
 */

#include <errno.h>
#include <stdio.h>

#include "registry/etcd/etcd.h"

enum {
        GET_PARALLEL = 4,
        PAGE = 500, /* more would hold the loop for more than a few milliseconds */
        LIST_BYTES_MAX = 256 * 1024 * 1024,
};

typedef struct Slot {
        RegistryRequest *request;
        EtcdCall *call;
        size_t index; /* of the key that is being read */
} Slot;

/* Records with all that they point to. */
typedef struct Result {
        RegistryRecord *records;
        size_t n, room, bytes;
        uint64_t revision;
        uint64_t cluster_id; /* of the answers so far; 0: none yet */
} Result;

struct RegistryRequest {
        Etcd *etcd; /* NULL: the registry was freed */
        LIST_ENTRY(RegistryRequest) all;
        registry_answer_t f;
        void *userdata;
        usec_t deadline;
        Result result;
        Slot slots[GET_PARALLEL];
        char **keys; /* get: what is read; txn: its reads. Relative */
        size_t n_keys, next, n_done;
        char *put_key;             /* txn: one that it puts */
        char *prefix, *from, *end; /* list: of the keys as etcd knows them; from is where the next page begins */
        size_t from_size, end_size;
        uint32_t page;
};

static void result_done(Result *x) {
        for (size_t i = 0; i < x->n; i++) {
                free((char *) x->records[i].key);
                free((void *) x->records[i].value);
        }
        free(x->records);
        *x = (Result){};
}

static int result_reserve(Result *x, size_t n) {
        RegistryRecord *p;
        size_t room;

        if (n <= x->room)
                return 0;
        room = MAX(n, x->room * 2);
        p = realloc(x->records, room * sizeof(RegistryRecord));
        if (!p)
                return -ENOMEM;
        memset(p + x->room, 0, (room - x->room) * sizeof(RegistryRecord));
        x->records = p;
        x->room = room;
        return 0;
}

static void keys_free(char **keys, size_t n) {
        for (size_t i = 0; keys && i < n; i++)
                free(keys[i]);
        free(keys);
}

static bool key_is_valid(const char *key) {
        return !isempty(key) && strnlen(key, REGISTRY_KEY_MAX + 1) <= REGISTRY_KEY_MAX;
}

/* Ends the request. What is given to its owner no longer belongs to it: he may free it. */
static void request_finish(RegistryRequest *q, RegistryOutcome outcome, const char *store, const char *error) {
        char text[ETCD_TEXT_SIZE], name[32];
        Result result = q->result;
        RegistryAnswer answer = { .outcome = outcome };

        for (size_t i = 0; i < ELEMENTSOF(q->slots); i++)
                q->slots[i].call = etcd_call_free(q->slots[i].call);
        q->result = (Result){};
        str_copy(text, sizeof(text), strempty(error));
        str_copy(name, sizeof(name), strempty(store));
        if (outcome == REGISTRY_UNKNOWN) {
                etcd_note_trouble(q->etcd, text);
                answer.error = text;
        } else {
                answer.revision = result.revision;
                answer.store = name;
                answer.records = result.records;
                answer.n_records = result.n;
        }
        q->f(&answer, q->userdata);
        result_done(&result);
}

static void request_bad_answer(RegistryRequest *q, int r) {
        request_finish(q, REGISTRY_UNKNOWN, NULL, r == -ENOMEM ? "out of memory" : "etcd's answer makes no sense");
}

/* Several answers make one only if they are of one store. */
static bool request_note(RegistryRequest *q, const EtcdHeader *h) {
        if (q->result.cluster_id == 0) {
                q->result.cluster_id = h->cluster_id;
                q->result.revision = h->revision;
        }
        q->result.revision = MIN(q->result.revision, h->revision);
        return q->result.cluster_id == h->cluster_id;
}

DEFINE_TRIVIAL_CLEANUP(RegistryRequest *, etcd_request_free)

static RegistryRequest *request_new(Etcd *e, usec_t timeout, registry_answer_t f, void *userdata) {
        RegistryRequest *q = calloc(1, sizeof(*q));

        if (!q)
                return NULL;
        q->etcd = e;
        q->f = f;
        q->userdata = userdata;
        q->deadline = usec_add(now_boottime(), timeout);
        for (size_t i = 0; i < ELEMENTSOF(q->slots); i++)
                q->slots[i].request = q;
        LIST_INSERT_HEAD(&e->requests, q, all);
        return q;
}

RegistryRequest *etcd_request_free(RegistryRequest *q) {
        if (!q)
                return NULL;
        if (q->etcd)
                LIST_REMOVE(q, all);
        for (size_t i = 0; i < ELEMENTSOF(q->slots); i++)
                (void) etcd_call_free(q->slots[i].call);
        result_done(&q->result);
        keys_free(q->keys, q->n_keys);
        free(q->put_key);
        free(q->prefix);
        free(q->from);
        free(q->end);
        free(q);
        return NULL;
}

void etcd_requests_detach(Etcd *e) {
        RegistryRequest *q;

        while ((q = LIST_FIRST(&e->requests))) {
                for (size_t i = 0; i < ELEMENTSOF(q->slots); i++)
                        q->slots[i].call = etcd_call_free(q->slots[i].call);
                LIST_REMOVE(q, all);
                q->etcd = NULL;
        }
}

static int copy_keys(RegistryRequest *q, const char *const *keys, size_t n) {
        q->keys = calloc(n, sizeof(char *));
        if (!q->keys)
                return -ENOMEM;
        for (q->n_keys = 0; q->n_keys < n; q->n_keys++) {
                q->keys[q->n_keys] = strdup(keys[q->n_keys]);
                if (!q->keys[q->n_keys])
                        return -ENOMEM;
        }
        return 0;
}

/* --- get --- */

static void on_key(const EtcdReply *reply, void *userdata);

static int get_next(Slot *s) {
        RegistryRequest *q = s->request;
        _cleanup_free_ char *key = NULL;
        char *body;

        s->index = q->next++;
        if (asprintf(&key, "%s%s", q->etcd->prefix, q->keys[s->index]) < 0) {
                key = NULL;
                return -ENOMEM;
        }
        body = etcd_encode_range(&(EtcdRange){ .key = key, .key_size = strlen(key) });
        return etcd_call_new(q->etcd, "/v3/kv/range", body, q->deadline, 0, on_key, s, &s->call);
}

/* Whether an answer is about the key that was asked for: another one's record would pass for it. */
static bool is_about(const RegistryRequest *q, const EtcdKeyValue *kv, const char *key) {
        size_t n = strlen(q->etcd->prefix);

        return kv->key_size == n + strlen(key) && memcmp(kv->key, q->etcd->prefix, n) == 0 &&
               memcmp(kv->key + n, key, kv->key_size - n) == 0;
}

/* The answer for one key; takes the value over. */
static int get_store(RegistryRequest *q, size_t i, const json_t *root) {
        RegistryRecord *record = &q->result.records[i];
        EtcdKeyValues k;
        int r = etcd_decode_range(root, &k);

        if (r < 0)
                return r;
        if (k.n > 1 || (k.n == 1 && !is_about(q, &k.items[0], record->key)))
                r = -EBADMSG;
        if (k.n == 1 && r == 0) {
                record->value = TAKE_PTR(k.items[0].value);
                record->size = k.items[0].size;
                record->mod_revision = k.items[0].mod_revision;
        }
        etcd_decode_done(&k);
        return r;
}

static void on_key(const EtcdReply *reply, void *userdata) {
        Slot *s = userdata;
        RegistryRequest *q = s->request;
        int r;

        s->call = etcd_call_free(s->call);
        if (!reply->answered) {
                request_finish(q, REGISTRY_UNKNOWN, NULL, reply->text);
                return;
        }
        r = request_note(q, &reply->header) ? get_store(q, s->index, reply->root) : -EBADMSG;
        if (r == 0 && q->next < q->n_keys)
                r = get_next(s);
        if (r < 0)
                request_bad_answer(q, r);
        else if (++q->n_done == q->n_keys)
                request_finish(q, REGISTRY_COMMITTED, reply->store, NULL);
}

int etcd_get(Registry *registry, const char *const *keys, size_t n, usec_t timeout, registry_answer_t f,
                void *userdata, RegistryRequest **ret) {
        _cleanup_(etcd_request_freep) RegistryRequest *q = NULL;
        int r;

        if (n == 0)
                return -EINVAL;
        for (size_t i = 0; i < n; i++)
                if (!key_is_valid(keys[i]))
                        return -EINVAL;
        q = request_new(etcd_of(registry), timeout, f, userdata);
        if (!q)
                return -ENOMEM;
        r = copy_keys(q, keys, n);
        if (r < 0 || (r = result_reserve(&q->result, n)) < 0)
                return r;
        for (q->result.n = 0; q->result.n < n; q->result.n++) {
                q->result.records[q->result.n].key = strdup(keys[q->result.n]);
                if (!q->result.records[q->result.n].key)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < GET_PARALLEL && i < n; i++) {
                r = get_next(&q->slots[i]);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(q);
        return 0;
}

/* --- list --- */

static void on_page(const EtcdReply *reply, void *userdata);

static int list_page(RegistryRequest *q) {
        char *body = etcd_encode_range(&(EtcdRange){
                        .key = q->from,
                        .key_size = q->from_size,
                        .end = q->end,
                        .end_size = q->end_size,
                        .revision = q->result.revision,
                        .limit = q->page,
        });

        return etcd_call_new(q->etcd, "/v3/kv/range", body, q->deadline, ETCD_CALL_SHRINKS, on_page, &q->slots[0],
                        &q->slots[0].call);
}

static int list_begin(RegistryRequest *q) {
        result_done(&q->result);
        free(q->from);
        q->from = strdup(q->prefix);
        if (!q->from)
                return -ENOMEM;
        q->from_size = strlen(q->from);
        return list_page(q);
}

/* The next page begins right behind that key. */
static int list_continue(RegistryRequest *q, const EtcdKeyValue *last) {
        char *from = malloc(last->key_size + 1);

        if (!from)
                return -ENOMEM;
        memcpy(from, last->key, last->key_size);
        from[last->key_size] = '\0';
        free(q->from);
        q->from = from;
        q->from_size = last->key_size + 1;
        return 0;
}

/* Whether the keys go up from where the page was to begin. Pages that do not would have no end. */
static bool list_ascends(const RegistryRequest *q, const EtcdKeyValues *k) {
        const char *last = q->from;
        size_t size = q->from_size;

        for (size_t i = 0; i < k->n; i++) {
                const EtcdKeyValue *kv = &k->items[i];
                int order = memcmp(kv->key, last, MIN(kv->key_size, size));

                if (order < 0 || (order == 0 && (i == 0 ? kv->key_size < size : kv->key_size <= size)))
                        return false;
                last = kv->key;
                size = kv->key_size;
        }
        return true;
}

static int list_add(RegistryRequest *q, EtcdKeyValues *k) {
        size_t skip = strlen(q->etcd->prefix);
        int r = result_reserve(&q->result, q->result.n + k->n);

        for (size_t i = 0; r == 0 && i < k->n; i++) {
                EtcdKeyValue *kv = &k->items[i];
                RegistryRecord *record = &q->result.records[q->result.n];

                if (!startswith(kv->key, q->prefix))
                        return -EBADMSG;
                if (strlen(kv->key) != kv->key_size)
                        continue; /* a NUL inside: somebody else's, and not to be named here */
                record->key = strdup(kv->key + skip);
                if (!record->key)
                        return -ENOMEM;
                record->value = TAKE_PTR(kv->value);
                record->size = kv->size;
                record->mod_revision = kv->mod_revision;
                q->result.n++;
                q->result.bytes += kv->size + kv->key_size;
        }
        return r;
}

/* Returns 1 if there is a further page, 0 if this was the last. */
static int list_store(RegistryRequest *q, const EtcdReply *reply) {
        EtcdKeyValues k;
        int r;

        if (!request_note(q, &reply->header))
                return -EBADMSG;
        r = etcd_decode_range(reply->root, &k);
        if (r < 0)
                return r;
        if (!list_ascends(q, &k)) {
                etcd_decode_done(&k);
                return -EBADMSG;
        }
        r = k.more && k.n == 0 ? -EBADMSG : k.more ? list_continue(q, &k.items[k.n - 1]) : 0;
        if (r == 0)
                r = list_add(q, &k);
        if (r == 0)
                r = k.more;
        etcd_decode_done(&k);
        return r;
}

static void on_page(const EtcdReply *reply, void *userdata) {
        Slot *s = userdata;
        RegistryRequest *q = s->request;
        int r;

        s->call = etcd_call_free(s->call);
        if (reply->answered) {
                r = list_store(q, reply);
                if (r == 0)
                        request_finish(q, REGISTRY_COMMITTED, reply->store, NULL);
                else if (r > 0 && q->result.bytes > LIST_BYTES_MAX)
                        request_finish(q, REGISTRY_UNKNOWN, NULL, "there is too much under the prefix");
                else if (r < 0 || (r = list_page(q)) < 0)
                        request_bad_answer(q, r);
        } else if (reply->too_large && q->page > 1) {
                q->page = MAX(q->page / 8, 1u);
                r = list_page(q);
                if (r < 0)
                        request_bad_answer(q, r);
        } else if (reply->error.code == ETCD_CODE_OUT_OF_RANGE) {
                r = list_begin(q);
                if (r < 0)
                        request_bad_answer(q, r);
        } else {
                request_finish(q, REGISTRY_UNKNOWN, NULL, reply->text);
        }
}

int etcd_list(Registry *registry, const char *prefix, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret) {
        Etcd *e = etcd_of(registry);
        _cleanup_(etcd_request_freep) RegistryRequest *q = NULL;
        int r;

        if (!prefix || strnlen(prefix, REGISTRY_KEY_MAX + 1) > REGISTRY_KEY_MAX)
                return -EINVAL;
        q = request_new(e, timeout, f, userdata);
        if (!q)
                return -ENOMEM;
        q->page = PAGE;
        if (asprintf(&q->prefix, "%s%s", e->prefix, prefix) < 0) {
                q->prefix = NULL;
                return -ENOMEM;
        }
        q->end = etcd_encode_range_end(q->prefix);
        if (!q->end)
                return -ENOMEM;
        q->end_size = MAX(strlen(q->end), (size_t) 1);
        r = list_begin(q);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(q);
        return 0;
}

/* --- txn --- */

static bool named_twice(const char *const *keys, size_t n) {
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < i; k++)
                        if (streq(keys[i], keys[k]))
                                return true;
        return false;
}

/* etcd would refuse these, too, but only after a round trip, and as something unclear. */
static bool txn_is_valid(const RegistryTxn *t) {
        const char *written[2 * REGISTRY_TXN_MAX];
        size_t n = 0;

        if (t->n_compares > REGISTRY_TXN_MAX || t->n_puts > REGISTRY_TXN_MAX || t->n_deletes > REGISTRY_TXN_MAX ||
                        t->n_puts + t->n_deletes > REGISTRY_TXN_MAX || t->n_reads > REGISTRY_TXN_MAX ||
                        t->n_compares + t->n_puts + t->n_deletes == 0)
                return false;
        for (size_t i = 0; i < t->n_compares; i++)
                if (!key_is_valid(t->compares[i].key))
                        return false;
        for (size_t i = 0; i < t->n_reads; i++)
                if (!key_is_valid(t->reads[i]))
                        return false;
        for (size_t i = 0; i < t->n_puts; i++) {
                if (!key_is_valid(t->puts[i].key) || t->puts[i].size > REGISTRY_VALUE_MAX ||
                                (!t->puts[i].value && t->puts[i].size > 0))
                        return false;
                written[n++] = t->puts[i].key;
        }
        for (size_t i = 0; i < t->n_deletes; i++) {
                if (!key_is_valid(t->deletes[i]))
                        return false;
                written[n++] = t->deletes[i];
        }
        return !named_twice(written, n);
}

/* The records that a refused Txn read back. */
static int txn_store(RegistryRequest *q, EtcdKeyValues *k) {
        int r = result_reserve(&q->result, k->n);

        for (size_t i = 0; i < k->n; i++)
                if (k->items[i].mod_revision > 0 && !is_about(q, &k->items[i], q->keys[i]))
                        return -EBADMSG;
        for (size_t i = 0; r == 0 && i < k->n; i++) {
                RegistryRecord *record = &q->result.records[i];

                record->key = TAKE_PTR(q->keys[i]);
                q->result.n++;
                if (k->items[i].mod_revision == 0)
                        continue;
                record->value = TAKE_PTR(k->items[i].value);
                record->size = k->items[i].size;
                record->mod_revision = k->items[i].mod_revision;
        }
        return r;
}

static void on_txn(const EtcdReply *reply, void *userdata) {
        Slot *s = userdata;
        RegistryRequest *q = s->request;
        EtcdKeyValues k;
        bool succeeded;
        int r;

        s->call = etcd_call_free(s->call);
        if (!reply->answered) {
                request_finish(q, REGISTRY_UNKNOWN, NULL, reply->text);
                return;
        }
        r = etcd_decode_txn(reply->root, q->n_keys, &succeeded, &k);
        if (r == 0) {
                (void) request_note(q, &reply->header);
                r = succeeded ? 0 : txn_store(q, &k);
                etcd_decode_done(&k);
        }
        if (r < 0) {
                request_bad_answer(q, r);
                return;
        }
        if (succeeded && q->put_key)
                etcd_watches_expect(q->etcd, q->put_key, reply->header.revision);
        request_finish(q, succeeded ? REGISTRY_COMMITTED : REGISTRY_REFUSED, reply->store, NULL);
}

int etcd_txn(Registry *registry, const RegistryTxn *txn, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret) {
        Etcd *e = etcd_of(registry);
        _cleanup_(etcd_request_freep) RegistryRequest *q = NULL;
        int r;

        if (!txn_is_valid(txn))
                return -EINVAL;
        q = request_new(e, timeout, f, userdata);
        if (!q)
                return -ENOMEM;
        if (txn->n_reads > 0) {
                r = copy_keys(q, txn->reads, txn->n_reads);
                if (r < 0)
                        return r;
        }
        if (txn->n_puts > 0) {
                q->put_key = strdup(txn->puts[0].key);
                if (!q->put_key)
                        return -ENOMEM;
        }
        r = etcd_call_new(e, "/v3/kv/txn", etcd_encode_txn(txn, e->prefix), q->deadline, ETCD_CALL_ONCE, on_txn,
                        &q->slots[0], &q->slots[0].call);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(q);
        return 0;
}
