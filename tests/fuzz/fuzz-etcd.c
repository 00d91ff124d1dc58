/* SPDX-License-Identifier: Apache-2.0 */
/* What etcd's gateway, or whoever answers in its place, may say: every decoder survives it, and frees what it made. */
#include <errno.h>

#include "fuzz.h"
#include "registry/etcd/judge.h"
#include "registry/etcd/version.h"

static void check_key_values(EtcdKeyValues *k) {
        for (size_t i = 0; i < k->n; i++)
                must(!k->items[i].key || strlen(k->items[i].key) <= k->items[i].key_size);
        etcd_decode_done(k);
}

static void check_answer(const json_t *root, size_t n_reads) {
        _cleanup_free_ char *token = NULL;
        char version[ETCD_VERSION_SIZE] = "";
        EtcdKeyValues k = {};
        EtcdMemberStatus status = {};
        EtcdHeader header = {};
        EtcdError error = {};
        bool succeeded = false;

        (void) etcd_decode_header(root, &header);
        if (etcd_decode_error(root, &error)) {
                must(strnlen(error.message, sizeof(error.message)) < sizeof(error.message));
                (void) etcd_judge(&error);
                (void) etcd_judge_leaderless(&error);
                (void) etcd_judge_leader_change(&error);
        }
        if (etcd_decode_range(root, &k) == 0)
                check_key_values(&k);
        k = (EtcdKeyValues){};
        if (etcd_decode_txn(root, n_reads, &succeeded, &k) == 0) {
                must(succeeded || k.n == n_reads);
                check_key_values(&k);
        }
        (void) etcd_decode_token(root, &token);
        (void) etcd_decode_status(root, &status);
        if (etcd_decode_version(root, version) == 0) {
                (void) etcd_version_warning(version);
                (void) etcd_version_is_supported(version);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Input in = { data, size };
        size_t n_reads = input_byte(&in) % 4;
        const char *text = (const char *) in.data;
        EtcdWatchLine line;
        json_t *root;

        root = etcd_decode_object(text, in.size);
        if (root)
                check_answer(root, n_reads);
        json_decref(root);
        if (etcd_decode_watch(text, in.size, &line) == 0)
                check_key_values(&line.changes);
        return 0;
}
