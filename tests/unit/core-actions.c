/* SPDX-License-Identifier: Apache-2.0 */
#include "core-actions.h"

#include <stdlib.h>
#include <string.h>

size_t record_value_size(RecordKind kind) {
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

static void *need(void *p) {
        if (!p)
                abort();
        return p;
}

static char *copy_string(const char *s) {
        return s ? need(strdup(s)) : NULL;
}

static Key *copy_keys(const Key *keys, size_t n) {
        Key *copy = need(calloc(n + 1, sizeof(Key)));

        for (size_t i = 0; i < n; i++) {
                copy[i] = keys[i];
                copy[i].name = copy_string(keys[i].name);
        }
        return copy;
}

static Record *copy_records(const Record *records, size_t n) {
        Record *copy = need(calloc(n + 1, sizeof(Record)));

        for (size_t i = 0; i < n; i++) {
                size_t size = record_value_size(records[i].kind);

                copy[i] = records[i];
                copy[i].name = copy_string(records[i].name);
                copy[i].value = memcpy(need(malloc(size)), records[i].value, size);
        }
        return copy;
}

static void free_keys(const Key *keys, size_t n) {
        for (size_t i = 0; i < n; i++)
                free((void *) keys[i].name);
        free((void *) keys);
}

Action action_copy(const Action *a) {
        Action copy = *a;

        copy.unit = copy_string(a->unit);
        copy.session = copy_string(a->session);
        copy.keys = copy_keys(a->keys, a->n_keys);
        copy.txn.compares = copy_keys(a->txn.compares, a->txn.n_compares);
        copy.txn.deletes = copy_keys(a->txn.deletes, a->txn.n_deletes);
        copy.txn.puts = copy_records(a->txn.puts, a->txn.n_puts);
        return copy;
}

void action_free(Action *a) {
        free((void *) a->unit);
        free((void *) a->session);
        free_keys(a->keys, a->n_keys);
        free_keys(a->txn.compares, a->txn.n_compares);
        free_keys(a->txn.deletes, a->txn.n_deletes);
        for (size_t i = 0; i < a->txn.n_puts; i++) {
                free((void *) a->txn.puts[i].name);
                free((void *) a->txn.puts[i].value);
        }
        free((void *) a->txn.puts);
}
