/* SPDX-License-Identifier: Apache-2.0 */

/* Each key is read by itself, a few at a time, as a linearizable range; the lowest revision is reported. (Of a Txn
 * that only reads, a member may answer from its own, old state.) */

#include "registry/etcd/get.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "registry/etcd/encode.h"
#include "registry/etcd/request.h"

static void on_key(const EtcdReply *reply, void *userdata);

static int get_next(EtcdSlot *s) {
        RegistryRequest *q = s->request;
        _cleanup_free_ char *key = NULL;
        char *body;

        assert(!s->call && q->next < q->n_keys);
        s->index = q->next++;
        if (asprintf(&key, "%s%s", q->etcd->prefix, q->keys[s->index]) < 0) {
                key = NULL;
                return -ENOMEM;
        }
        body = etcd_encode_range(&(EtcdRange){ .key = key, .key_size = strlen(key) });
        return etcd_call_new(q->etcd, "/v3/kv/range", body, q->deadline, 0, on_key, s, &s->call);
}

/* The answer for one key; takes the value over. */
static int get_store(RegistryRequest *q, size_t i, const json_t *root) {
        RegistryRecord *record = &q->result.records[i];
        EtcdKeyValues k;
        int r = etcd_decode_range(root, &k);

        if (r < 0)
                return r;
        if (k.n > 1 || (k.n == 1 && !etcd_request_is_about(q, &k.items[0], record->key)))
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
        EtcdSlot *s = userdata;
        RegistryRequest *q = s->request;
        int r;

        assert(s->call && q->n_done < q->next);
        s->call = etcd_call_free(s->call);
        if (!reply->answered) {
                etcd_request_finish(q, REGISTRY_UNKNOWN, NULL, reply->text);
                return;
        }
        r = etcd_request_note(q, &reply->header) ? get_store(q, s->index, reply->root) : -EBADMSG;
        if (r == 0 && q->next < q->n_keys)
                r = get_next(s);
        if (r < 0)
                etcd_request_bad_answer(q, r);
        else if (++q->n_done == q->n_keys)
                etcd_request_finish(q, REGISTRY_COMMITTED, reply->store, NULL);
}

int etcd_get(Registry *registry, const char *const *keys, size_t n, usec_t timeout, registry_answer_t f,
                void *userdata, RegistryRequest **ret) {
        _cleanup_(etcd_request_freep) RegistryRequest *q = NULL;
        int r;

        if (n == 0)
                return -EINVAL;
        for (size_t i = 0; i < n; i++)
                if (!etcd_request_key_is_valid(keys[i]))
                        return -EINVAL;
        q = etcd_request_new(etcd_state_of(registry), timeout, f, userdata);
        if (!q)
                return -ENOMEM;
        r = etcd_request_copy_keys(q, keys, n);
        if (r < 0 || (r = etcd_request_reserve(q, n)) < 0)
                return r;
        for (q->result.n = 0; q->result.n < n; q->result.n++) {
                q->result.records[q->result.n].key = strdup(keys[q->result.n]);
                if (!q->result.records[q->result.n].key)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < ETCD_REQUEST_PARALLEL && i < n; i++) {
                r = get_next(&q->slots[i]);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(q);
        return 0;
}
