/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A list is read in pages, all at the revision of the first one; if that is compacted away meanwhile, the list begins
 * anew. A page that is too large is asked for again, shorter.
 */

#include "registry/etcd/list.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "registry/etcd/encode.h"
#include "registry/etcd/request.h"

enum {
        PAGE = 500, /* more would hold the loop for more than a few milliseconds */
        LIST_BYTES_MAX = 256 * 1024 * 1024,
};

static void on_page(const EtcdReply *reply, void *userdata);

static int list_page(RegistryRequest *q) {
        char *body;

        assert(!q->slots[0].call && q->page > 0);
        body = etcd_encode_range(&(EtcdRange){
                        .key = q->from,
                        .key_size = q->from_size,
                        .end = q->end,
                        .end_size = q->end_size,
                        .revision = q->result.revision,
                        .limit = q->page,
                        .newest = q->newest,
        });

        return etcd_call_new(q->etcd, "/v3/kv/range", body, q->deadline, ETCD_CALL_SHRINKS, on_page, &q->slots[0],
                        &q->slots[0].call);
}

static int list_begin(RegistryRequest *q) {
        etcd_request_clear(q);
        free(q->from);
        q->from = strdup(q->prefix);
        if (!q->from)
                return -ENOMEM;
        q->from_size = strlen(q->from);
        return list_page(q);
}

/* The next page begins with the key right behind last. */
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

/* Whether the keys ascend from the page's beginning. Otherwise the pages might never end. */
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
        int r = etcd_request_reserve(q, q->result.n + k->n);

        for (size_t i = 0; r == 0 && i < k->n; i++) {
                EtcdKeyValue *kv = &k->items[i];
                RegistryRecord *record = &q->result.records[q->result.n];

                if (!startswith(kv->key, q->prefix))
                        return -EBADMSG;
                if (strlen(kv->key) != kv->key_size)
                        continue; /* a NUL in the key: it is no key of leased, and has no name here */
                record->key = strdup(kv->key + skip);
                if (!record->key)
                        return -ENOMEM;
                record->value = q->newest > 0 ? NULL : TAKE_PTR(kv->value);
                record->size = record->value ? kv->size : 0;
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

        if (!etcd_request_note(q, &reply->header))
                return -EBADMSG;
        r = etcd_decode_range(reply->root, &k);
        if (r < 0)
                return r;
        if (!list_ascends(q, &k)) {
                etcd_decode_done(&k);
                return -EBADMSG;
        }
        if (q->result.n == 0)
                q->result.total = k.count;
        r = k.more && k.n == 0 ? -EBADMSG : k.more ? list_continue(q, &k.items[k.n - 1]) : 0;
        if (r == 0)
                r = list_add(q, &k);
        if (r == 0)
                r = k.more;
        etcd_decode_done(&k);
        return r;
}

static void on_page(const EtcdReply *reply, void *userdata) {
        EtcdSlot *s = userdata;
        RegistryRequest *q = s->request;
        int r;

        s->call = etcd_call_free(s->call);
        if (reply->answered) {
                r = list_store(q, reply);
                if (r == 0)
                        etcd_request_finish(q, REGISTRY_COMMITTED, reply->store, NULL);
                else if (r > 0 && q->result.bytes > LIST_BYTES_MAX)
                        etcd_request_finish(q, REGISTRY_UNKNOWN, NULL, "there is too much under the prefix");
                else if (r < 0 || (r = list_page(q)) < 0)
                        etcd_request_bad_answer(q, r);
        } else if (reply->too_large && q->page > 1) {
                q->page = MAX(q->page / 8, 1u);
                r = list_page(q);
                if (r < 0)
                        etcd_request_bad_answer(q, r);
        } else if (reply->error.code == ETCD_CODE_OUT_OF_RANGE) {
                r = list_begin(q);
                if (r < 0)
                        etcd_request_bad_answer(q, r);
        } else {
                etcd_request_finish(q, REGISTRY_UNKNOWN, NULL, reply->text);
        }
}

static int list_new(Registry *registry, const char *prefix, uint64_t newest, usec_t timeout, registry_answer_t f,
                void *userdata, RegistryRequest **ret) {
        Etcd *e = etcd_state_of(registry);
        _cleanup_(etcd_request_freep) RegistryRequest *q = NULL;
        int r;

        if (!prefix || strnlen(prefix, REGISTRY_KEY_MAX + 1) > REGISTRY_KEY_MAX)
                return -EINVAL;
        q = etcd_request_new(e, timeout, f, userdata);
        if (!q)
                return -ENOMEM;
        q->page = PAGE;
        q->newest = newest;
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

int etcd_list(Registry *registry, const char *prefix, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret) {
        return list_new(registry, prefix, 0, timeout, f, userdata, ret);
}

int etcd_list_older(Registry *registry, const char *prefix, uint64_t revision, usec_t timeout, registry_answer_t f,
                void *userdata, RegistryRequest **ret) {
        return revision > 0 ? list_new(registry, prefix, revision, timeout, f, userdata, ret) : -EINVAL;
}
