/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A Txn is sent once (call.h). Should something on the way deliver it twice all the same (a proxy that retries), the
 * second evaluation is refused because the first has landed, and reads back our own write. The same is true of a Txn
 * that repeats one whose outcome was unknown: whoever is refused must look at what was read.
 */

#include "registry/etcd/txn.h"

#include <assert.h>
#include <errno.h>

#include "registry/etcd/encode.h"
#include "registry/etcd/request.h"
#include "registry/etcd/watch.h"

static bool named_twice(const char *const *keys, size_t n) {
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < i; k++)
                        if (streq(keys[i], keys[k]))
                                return true;
        return false;
}

/* Whether the contract allows the Txn. etcd would refuse any other, too, but only after a round trip, and unclearly.
 */
static bool txn_is_valid(const RegistryTxn *t) {
        const char *written[2 * REGISTRY_TXN_MAX];
        size_t n = 0;

        if (t->n_compares > REGISTRY_TXN_MAX || t->n_puts > REGISTRY_TXN_MAX || t->n_deletes > REGISTRY_TXN_MAX ||
                        t->n_puts + t->n_deletes > REGISTRY_TXN_MAX || t->n_reads > REGISTRY_TXN_MAX ||
                        t->n_compares + t->n_puts + t->n_deletes == 0)
                return false;
        for (size_t i = 0; i < t->n_compares; i++)
                if (!etcd_request_key_is_valid(t->compares[i].key))
                        return false;
        for (size_t i = 0; i < t->n_reads; i++)
                if (!etcd_request_key_is_valid(t->reads[i]))
                        return false;
        for (size_t i = 0; i < t->n_puts; i++) {
                if (!etcd_request_key_is_valid(t->puts[i].key) || t->puts[i].size > REGISTRY_VALUE_MAX ||
                                (!t->puts[i].value && t->puts[i].size > 0))
                        return false;
                written[n++] = t->puts[i].key;
        }
        for (size_t i = 0; i < t->n_deletes; i++) {
                if (!etcd_request_key_is_valid(t->deletes[i]))
                        return false;
                written[n++] = t->deletes[i];
        }
        return !named_twice(written, n);
}

/* The records that a refused Txn read back. */
static int txn_store(RegistryRequest *q, EtcdKeyValues *k) {
        int r;

        assert(k->n == q->n_keys && q->result.n == 0);
        r = etcd_request_reserve(q, k->n);

        for (size_t i = 0; i < k->n; i++)
                if (k->items[i].mod_revision > 0 && !etcd_request_is_about(q, &k->items[i], q->keys[i]))
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
        EtcdSlot *s = userdata;
        RegistryRequest *q = s->request;
        EtcdKeyValues k;
        bool succeeded;
        int r;

        s->call = etcd_call_free(s->call);
        if (!reply->answered) {
                etcd_request_finish(q, REGISTRY_UNKNOWN, NULL, reply->text);
                return;
        }
        r = etcd_decode_txn(reply->root, q->n_keys, &succeeded, &k);
        if (r == 0) {
                (void) etcd_request_note(q, &reply->header);
                r = succeeded ? 0 : txn_store(q, &k);
                etcd_decode_done(&k);
        }
        if (r < 0) {
                etcd_request_bad_answer(q, r);
                return;
        }
        if (succeeded && q->put_key)
                etcd_watch_expect(q->etcd, q->put_key, reply->header.revision);
        etcd_request_finish(q, succeeded ? REGISTRY_COMMITTED : REGISTRY_REFUSED, reply->store, NULL);
}

int etcd_txn(Registry *registry, const RegistryTxn *txn, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret) {
        Etcd *e = etcd_state_of(registry);
        _cleanup_(etcd_request_freep) RegistryRequest *q = NULL;
        int r;

        if (!txn_is_valid(txn))
                return -EINVAL;
        q = etcd_request_new(e, timeout, f, userdata);
        if (!q)
                return -ENOMEM;
        if (txn->n_reads > 0) {
                r = etcd_request_copy_keys(q, txn->reads, txn->n_reads);
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
