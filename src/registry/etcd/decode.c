/* SPDX-License-Identifier: Apache-2.0 */

/*
 * No answer is trusted: what has the wrong type or does not fit is -EBADMSG, never a default that could pass for a
 * fact. A member may be absent only if etcd really leaves it out when it is zero.
 */

#include "registry/etcd/decode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "core/record.h"
#include "registry/etcd/base64.h"
#include "registry/values.h"

enum {
        VALUES_MAX = 200000, /* an honest answer has a few thousand values at most */
        TOKEN_MAX = 8192,
};

json_t *etcd_decode_object(const char *text, size_t size) {
        json_t *root = values_are_few(text, size, VALUES_MAX) ? json_loadb(text, size, 0, NULL) : NULL;

        if (root && !json_is_object(root)) {
                json_decref(root);
                return NULL;
        }
        return root;
}

/* Reads an integer: a string of digits, or a JSON number. If it is absent, *ret is 0. */
static int get_number(const json_t *object, const char *name, uint64_t *ret) {
        const json_t *j = json_object_get(object, name);
        const char *s;
        uint64_t n = 0;

        if (!j || json_is_null(j)) {
                *ret = 0;
                return 0;
        }
        if (json_is_integer(j)) {
                if (json_integer_value(j) < 0)
                        return -EBADMSG;
                *ret = (uint64_t) json_integer_value(j);
                return 0;
        }
        s = json_string_value(j);
        if (isempty(s))
                return -EBADMSG;
        for (; *s; s++)
                if (*s < '0' || *s > '9' || __builtin_mul_overflow(n, (uint64_t) 10, &n) ||
                                __builtin_add_overflow(n, (uint64_t) (*s - '0'), &n))
                        return -EBADMSG;
        *ret = n;
        return 0;
}

/* Reads what etcd counts up, by one at a time. A higher number than this no cluster can have reached, and it would not
 * be forgotten: after it, every true answer would be one of a registry that fell back. Nor does the sum of a revision
 * and of a floor exceed INDEX_MAX. */
static int get_count(const json_t *object, const char *name, uint64_t *ret) {
        int r = get_number(object, name, ret);

        return r < 0 ? r : *ret > FLOOR_MAX ? -EBADMSG : 0;
}

static int get_bool(const json_t *object, const char *name, bool *ret) {
        const json_t *j = json_object_get(object, name);

        if (j && !json_is_boolean(j))
                return -EBADMSG;
        *ret = json_is_true(j);
        return 0;
}

/* Reads an array, borrowed. If it is absent, *ret is NULL. */
static int get_array(const json_t *object, const char *name, const json_t **ret) {
        const json_t *j = json_object_get(object, name);

        if (j && !json_is_array(j))
                return -EBADMSG;
        *ret = j;
        return 0;
}

/* Reads bytes in base64. If they are absent, *ret is empty. */
static int get_bytes(const json_t *object, const char *name, char **ret, size_t *ret_size) {
        const json_t *j = json_object_get(object, name);

        if (!j)
                return base64_decode("", 0, ret, ret_size);
        if (!json_is_string(j))
                return -EBADMSG;
        return base64_decode(json_string_value(j), json_string_length(j), ret, ret_size);
}

int etcd_decode_header(const json_t *root, EtcdHeader *ret) {
        const json_t *j = json_object_get(root, "header");
        EtcdHeader h;

        if (!json_is_object(j) || get_number(j, "cluster_id", &h.cluster_id) < 0 ||
                        get_number(j, "member_id", &h.member_id) < 0 || get_count(j, "raft_term", &h.raft_term) < 0 ||
                        get_count(j, "revision", &h.revision) < 0 || h.cluster_id == 0)
                return -EBADMSG;
        *ret = h;
        return 0;
}

/* Text from the network that is going to be shown: one printable line. */
static void copy_printable(char *ret, size_t size, const char *s) {
        size_t n = 0;

        for (; *s && n + 1 < size; s++)
                ret[n++] = (unsigned char) *s < ' ' || (unsigned char) *s >= 0x7f ? '?' : *s;
        ret[n] = '\0';
}

bool etcd_decode_error(const json_t *root, EtcdError *ret) {
        const json_t *e = json_object_get(root, "error"), *where = json_is_object(e) ? e : root;
        const char *message = json_string_value(json_object_get(where, "message"));
        uint64_t code = 0;

        if (!message && json_is_string(e))
                message = json_string_value(e);
        if (!message)
                return false;
        if (get_number(where, "code", &code) < 0 || (code == 0 && get_number(where, "grpc_code", &code) < 0) ||
                        code > ETCD_CODE_UNAUTHENTICATED)
                code = 0;
        ret->code = (int) code;
        copy_printable(ret->message, sizeof(ret->message), message);
        return true;
}

void etcd_decode_done(EtcdKeyValues *k) {
        for (size_t i = 0; i < k->n; i++) {
                free(k->items[i].key);
                free(k->items[i].value);
        }
        free(k->items);
        *k = (EtcdKeyValues){};
}

/* newest: the revision of the whole answer; no record in the answer can be newer. */
static int decode_key_value(const json_t *j, uint64_t newest, EtcdKeyValue *ret) {
        int r;

        if (!json_is_object(j) || get_count(j, "mod_revision", &ret->mod_revision) < 0 || ret->mod_revision == 0 ||
                        ret->mod_revision > newest)
                return -EBADMSG;
        r = get_bytes(j, "key", &ret->key, &ret->key_size);
        if (r < 0)
                return r;
        return get_bytes(j, "value", &ret->value, &ret->size);
}

static int key_values_new(size_t n, EtcdKeyValues *ret) {
        *ret = (EtcdKeyValues){ .items = calloc(MAX(n, (size_t) 1), sizeof(EtcdKeyValue)), .n = n };
        return ret->items ? 0 : -ENOMEM;
}

int etcd_decode_range(const json_t *root, EtcdKeyValues *ret) {
        EtcdKeyValues k = {};
        const json_t *kvs;
        uint64_t count;
        EtcdHeader h;
        bool more;
        int r;

        if (etcd_decode_header(root, &h) < 0 || get_array(root, "kvs", &kvs) < 0 ||
                        get_bool(root, "more", &more) < 0 || get_number(root, "count", &count) < 0)
                return -EBADMSG;
        r = key_values_new(json_array_size(kvs), &k);
        for (size_t i = 0; r == 0 && i < k.n; i++)
                r = decode_key_value(json_array_get(kvs, i), h.revision, &k.items[i]);
        if (r < 0) {
                etcd_decode_done(&k);
                return r;
        }
        k.more = more;
        k.count = count;
        *ret = k;
        return 0;
}

/* One response_range of a single key. */
static int decode_read(const json_t *response, uint64_t newest, EtcdKeyValue *ret) {
        const json_t *range = json_object_get(response, "response_range"), *kvs;

        if (!json_is_object(range) || get_array(range, "kvs", &kvs) < 0 || json_array_size(kvs) > 1)
                return -EBADMSG;
        return json_array_size(kvs) == 0 ? 0 : decode_key_value(json_array_get(kvs, 0), newest, ret);
}

int etcd_decode_txn(const json_t *root, size_t n_reads, bool *ret_succeeded, EtcdKeyValues *ret_kvs) {
        EtcdKeyValues k = {};
        const json_t *responses;
        bool succeeded;
        EtcdHeader h;
        int r;

        if (etcd_decode_header(root, &h) < 0 || get_bool(root, "succeeded", &succeeded) < 0 ||
                        get_array(root, "responses", &responses) < 0)
                return -EBADMSG;
        if (!succeeded && json_array_size(responses) != n_reads)
                return -EBADMSG;
        r = key_values_new(succeeded ? 0 : n_reads, &k);
        for (size_t i = 0; r == 0 && i < k.n; i++)
                r = decode_read(json_array_get(responses, i), h.revision, &k.items[i]);
        if (r < 0) {
                etcd_decode_done(&k);
                return r;
        }
        *ret_succeeded = succeeded;
        *ret_kvs = k;
        return 0;
}

int etcd_decode_token(const json_t *root, char **ret) {
        const char *s = json_string_value(json_object_get(root, "token"));
        char *copy;

        if (isempty(s) || strlen(s) > TOKEN_MAX)
                return -EBADMSG;
        for (const char *p = s; *p; p++)
                if (*p <= ' ' || *p >= 0x7f) /* it becomes part of a header */
                        return -EBADMSG;
        copy = strdup(s);
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

static bool has_alarm(const json_t *errors, const char *name) {
        for (size_t i = 0; i < json_array_size(errors); i++) {
                const char *s = json_string_value(json_array_get(errors, i));

                if (s && strstr(s, name))
                        return true;
        }
        return false;
}

int etcd_decode_status(const json_t *root, EtcdMemberStatus *ret) {
        const char *version = json_string_value(json_object_get(root, "version"));
        const json_t *errors;
        EtcdMemberStatus s = {};
        uint64_t leader;

        if (get_number(root, "dbSize", &s.size) < 0 || get_number(root, "dbSizeQuota", &s.quota) < 0 ||
                        get_number(root, "leader", &leader) < 0 || get_array(root, "errors", &errors) < 0)
                return -EBADMSG;
        s.has_leader = leader != 0;
        s.no_space = has_alarm(errors, "NOSPACE");
        s.corrupt = has_alarm(errors, "CORRUPT");
        copy_printable(s.version, sizeof(s.version), strempty(version));
        *ret = s;
        return 0;
}

int etcd_decode_version(const json_t *root, char ret[static ETCD_VERSION_SIZE]) {
        const char *s = json_string_value(json_object_get(root, "etcdserver"));

        if (isempty(s))
                return -EBADMSG;
        copy_printable(ret, ETCD_VERSION_SIZE, s);
        return 0;
}

static int decode_event(const json_t *j, uint64_t newest, EtcdKeyValue *ret) {
        const json_t *type = json_object_get(j, "type"), *kv = json_object_get(j, "kv");
        const char *name = type ? json_string_value(type) : "PUT";
        int r;

        if (!name || (!streq(name, "PUT") && !streq(name, "DELETE")))
                return -EBADMSG;
        r = decode_key_value(kv, newest, ret);
        ret->deleted = streq(name, "DELETE");
        return r;
}

static int decode_events(const json_t *result, uint64_t newest, EtcdKeyValues *ret) {
        EtcdKeyValues k = {};
        const json_t *events;
        int r;

        if (get_array(result, "events", &events) < 0)
                return -EBADMSG;
        r = key_values_new(json_array_size(events), &k);
        for (size_t i = 0; r == 0 && i < k.n; i++)
                r = decode_event(json_array_get(events, i), newest, &k.items[i]);
        if (r < 0) {
                etcd_decode_done(&k);
                return r;
        }
        *ret = k;
        return 0;
}

static void describe_cancel(const json_t *result, uint64_t compacted, EtcdError *ret) {
        const char *reason = json_string_value(json_object_get(result, "cancel_reason"));

        ret->code = 0;
        if (!isempty(reason))
                copy_printable(ret->message, sizeof(ret->message), reason);
        else if (compacted > 0)
                (void) snprintf(ret->message, sizeof(ret->message), "compacted up to revision %" PRIu64, compacted);
        else
                copy_printable(ret->message, sizeof(ret->message), "canceled");
}

static int decode_watch_result(const json_t *result, EtcdWatchLine *w) {
        bool created, canceled;
        uint64_t compacted, id;
        int r;

        if (!json_is_object(result) || get_bool(result, "created", &created) < 0 ||
                        get_bool(result, "canceled", &canceled) < 0 ||
                        get_number(result, "compact_revision", &compacted) < 0)
                return -EBADMSG;
        r = etcd_decode_header(result, &w->header);
        if (r < 0)
                return r;
        if (canceled || compacted > 0) {
                w->event = ETCD_WATCH_CANCELED;
                describe_cancel(result, compacted, &w->error);
                return 0;
        }
        if (get_number(result, "watch_id", &id) < 0)
                return -EBADMSG;
        r = decode_events(result, w->header.revision, &w->changes);
        if (r < 0)
                return r;
        w->id = id;
        w->event = created ? ETCD_WATCH_CREATED : w->changes.n > 0 ? ETCD_WATCH_CHANGES : ETCD_WATCH_PROGRESS;
        return 0;
}

int etcd_decode_watch(const char *line, size_t size, EtcdWatchLine *ret) {
        EtcdWatchLine w = {};
        json_t *root = etcd_decode_object(line, size);
        int r = 0;

        if (!root)
                return -EBADMSG;
        if (etcd_decode_error(root, &w.error))
                w.event = ETCD_WATCH_ERROR;
        else
                r = decode_watch_result(json_object_get(root, "result"), &w);
        json_decref(root);
        if (r == 0)
                *ret = w;
        return r;
}
