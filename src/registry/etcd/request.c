/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/etcd/request.h"

#include <assert.h>
#include <errno.h>

#include "util/must.h"

static void result_done(EtcdResult *x) {
        for (size_t i = 0; i < x->n; i++) {
                free((char *) x->records[i].key);
                free((void *) x->records[i].value);
        }
        free(x->records);
        *x = (EtcdResult){};
}

void etcd_request_clear(RegistryRequest *q) {
        result_done(&q->result);
}

int etcd_request_reserve(RegistryRequest *q, size_t n) {
        EtcdResult *x = &q->result;
        RegistryRecord *p;
        size_t room;

        assert(x->n <= x->room);
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

bool etcd_request_key_is_valid(const char *key) {
        return !isempty(key) && strnlen(key, REGISTRY_KEY_MAX + 1) <= REGISTRY_KEY_MAX;
}

/* The answer is taken out of the request first: its owner may free the request in the callback. */
void etcd_request_finish(RegistryRequest *q, RegistryOutcome outcome, const char *store, const char *error) {
        char text[ETCD_TEXT_SIZE], name[32];
        EtcdResult result = q->result;
        RegistryAnswer answer = { .outcome = outcome };
        registry_answer_t f = TAKE_PTR(q->f);

        must(f && q->etcd);
        must(outcome == REGISTRY_UNKNOWN ? !isempty(error) : !isempty(store));
        assert(result.n <= result.room);
        for (size_t i = 0; i < ELEMENTSOF(q->slots); i++)
                q->slots[i].call = etcd_call_free(q->slots[i].call);
        q->result = (EtcdResult){};
        str_copy(text, sizeof(text), strempty(error));
        str_copy(name, sizeof(name), strempty(store));
        if (outcome == REGISTRY_UNKNOWN) { /* law 8: without an answer nothing is known of the records */
                etcd_state_note_trouble(q->etcd, text);
                answer.error = text;
        } else {
                answer.revision = result.revision;
                answer.store = name;
                answer.records = result.records;
                answer.n_records = result.n;
                answer.total = result.total;
        }
        f(&answer, q->userdata);
        result_done(&result);
}

void etcd_request_bad_answer(RegistryRequest *q, int r) {
        etcd_request_finish(
                        q, REGISTRY_UNKNOWN, NULL, r == -ENOMEM ? "out of memory" : "etcd's answer makes no sense");
}

bool etcd_request_note(RegistryRequest *q, const EtcdHeader *h) {
        if (q->result.cluster_id == 0) {
                q->result.cluster_id = h->cluster_id;
                q->result.revision = h->revision;
        }
        q->result.revision = MIN(q->result.revision, h->revision);
        return q->result.cluster_id == h->cluster_id;
}

RegistryRequest *etcd_request_new(Etcd *e, usec_t timeout, registry_answer_t f, void *userdata) {
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

void etcd_request_detach(Etcd *e) {
        RegistryRequest *q;

        while ((q = LIST_FIRST(&e->requests))) {
                for (size_t i = 0; i < ELEMENTSOF(q->slots); i++)
                        q->slots[i].call = etcd_call_free(q->slots[i].call);
                LIST_REMOVE(q, all);
                q->etcd = NULL;
        }
}

int etcd_request_copy_keys(RegistryRequest *q, const char *const *keys, size_t n) {
        assert(n > 0 && !q->keys);
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

bool etcd_request_is_about(const RegistryRequest *q, const EtcdKeyValue *kv, const char *key) {
        size_t n = strlen(q->etcd->prefix);

        return kv->key_size == n + strlen(key) && memcmp(kv->key, q->etcd->prefix, n) == 0 &&
               memcmp(kv->key + n, key, kv->key_size - n) == 0;
}
