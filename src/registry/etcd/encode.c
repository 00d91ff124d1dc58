/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The requests are built by hand into one growing string: the shapes are few and flat, and values, which may
 * be large, go through base64 straight into their place.
 */

#include "registry/etcd/encode.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include <jansson.h>

#include "registry/etcd/base64.h"

/* A string under construction; failed stays set, so that only the end needs a check. */
typedef struct Text {
        char *data;
        size_t size, room;
        bool failed;
} Text;

static bool text_reserve(Text *t, size_t n) {
        if (t->failed)
                return false;
        if (t->size + n + 1 > t->room) {
                size_t room = MAX(t->size + n + 1, t->room * 2);
                char *p = realloc(t->data, room);

                if (!p) {
                        t->failed = true;
                        return false;
                }
                t->data = p;
                t->room = room;
        }
        return true;
}

static void text_add(Text *t, const char *s) {
        size_t n = strlen(s);

        if (!text_reserve(t, n))
                return;
        memcpy(t->data + t->size, s, n + 1);
        t->size += n;
}

static void text_add_number(Text *t, uint64_t number) {
        char s[32];

        (void) snprintf(s, sizeof(s), "\"%" PRIu64 "\"", number);
        text_add(t, s);
}

/* "<base64 of a followed by b>", quoted. */
static void text_add_bytes(Text *t, const void *a, size_t a_size, const void *b, size_t b_size) {
        _cleanup_free_ char *joined = malloc(a_size + b_size + 1);

        if (!joined || !text_reserve(t, base64_size(a_size + b_size) + 2)) {
                t->failed = true;
                return;
        }
        if (a_size > 0)
                memcpy(joined, a, a_size);
        if (b_size > 0)
                memcpy(joined + a_size, b, b_size);
        t->data[t->size++] = '"';
        t->size += base64_encode(joined, a_size + b_size, t->data + t->size);
        t->data[t->size++] = '"';
        assert(t->size < t->room);
        t->data[t->size] = '\0';
}

/* A JSON string; jansson knows how to escape. */
static void text_add_string(Text *t, const char *s) {
        json_t *j = json_string(s);
        char *encoded = j ? json_dumps(j, JSON_ENCODE_ANY) : NULL;

        if (encoded) {
                text_add(t, encoded);
                explicit_bzero(encoded, strlen(encoded)); /* it may be a password */
        } else {
                t->failed = true;
        }
        free(encoded);
        json_decref(j);
}

static char *text_finish(Text *t) {
        if (t->failed) {
                free(t->data);
                return NULL;
        }
        return t->data;
}

char *etcd_encode_range(const EtcdRange *r) {
        Text t = {};

        text_add(&t, "{\"key\":");
        text_add_bytes(&t, r->key, r->key_size, NULL, 0);
        if (r->end) {
                text_add(&t, ",\"range_end\":");
                text_add_bytes(&t, r->end, r->end_size, NULL, 0);
        }
        if (r->revision > 0) {
                text_add(&t, ",\"revision\":");
                text_add_number(&t, r->revision);
        }
        if (r->limit > 0) {
                text_add(&t, ",\"limit\":");
                text_add_number(&t, r->limit);
        }
        if (r->newest > 0) {
                text_add(&t, ",\"keys_only\":true,\"max_mod_revision\":");
                text_add_number(&t, MIN(r->newest, (uint64_t) INT64_MAX));
        }
        text_add(&t, "}");
        return text_finish(&t);
}

static void add_key(Text *t, const char *prefix, const char *key) {
        text_add(t, "\"key\":");
        text_add_bytes(t, prefix, strlen(prefix), key, strlen(key));
}

static void add_compares(Text *t, const RegistryTxn *txn, const char *prefix) {
        for (size_t i = 0; i < txn->n_compares; i++) {
                text_add(t, i > 0 ? ",{" : "{");
                add_key(t, prefix, txn->compares[i].key);
                text_add(t, ",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":");
                text_add_number(t, txn->compares[i].mod_revision);
                text_add(t, "}");
        }
}

/* Adds a read to a Txn that has no write: without a read, a member would answer from its own, perhaps old, state. */
static void add_anchor(Text *t, const RegistryTxn *txn, const char *prefix) {
        text_add(t, "{\"request_range\":{");
        add_key(t, prefix, txn->n_compares > 0 ? txn->compares[0].key : "");
        text_add(t, ",\"count_only\":true}}");
}

static void add_writes(Text *t, const RegistryTxn *txn, const char *prefix) {
        for (size_t i = 0; i < txn->n_puts; i++) {
                text_add(t, i > 0 ? ",{\"request_put\":{" : "{\"request_put\":{");
                add_key(t, prefix, txn->puts[i].key);
                text_add(t, ",\"value\":");
                text_add_bytes(t, txn->puts[i].value, txn->puts[i].size, NULL, 0);
                text_add(t, "}}");
        }
        for (size_t i = 0; i < txn->n_deletes; i++) {
                text_add(t, i + txn->n_puts > 0 ? ",{\"request_delete_range\":{" : "{\"request_delete_range\":{");
                add_key(t, prefix, txn->deletes[i]);
                text_add(t, "}}");
        }
        if (txn->n_puts == 0 && txn->n_deletes == 0)
                add_anchor(t, txn, prefix);
}

static void add_reads(Text *t, const RegistryTxn *txn, const char *prefix) {
        for (size_t i = 0; i < txn->n_reads; i++) {
                text_add(t, i > 0 ? ",{\"request_range\":{" : "{\"request_range\":{");
                add_key(t, prefix, txn->reads[i]);
                text_add(t, "}}");
        }
}

char *etcd_encode_txn(const RegistryTxn *txn, const char *prefix) {
        Text t = {};

        text_add(&t, "{\"compare\":[");
        add_compares(&t, txn, prefix);
        text_add(&t, "],\"success\":[");
        add_writes(&t, txn, prefix);
        text_add(&t, "],\"failure\":[");
        add_reads(&t, txn, prefix);
        text_add(&t, "]}");
        return text_finish(&t);
}

static void add_watch(Text *t, const char *key, const char *end, uint64_t start_revision) {
        text_add(t, "{\"create_request\":{\"key\":");
        text_add_bytes(t, key, strlen(key), NULL, 0);
        if (end) {
                text_add(t, ",\"range_end\":");
                text_add_bytes(t, end, *end ? strlen(end) : 1, NULL, 0);
        }
        text_add(t, ",\"start_revision\":");
        text_add_number(t, start_revision);
        /* Not "fragment": it would tear a Txn into pieces, and what we write is small. */
        text_add(t, ",\"progress_notify\":true}}");
}

char *etcd_encode_watch(const char *key, const char *end, const char *also, uint64_t start_revision) {
        Text t = {};

        add_watch(&t, key, end, start_revision);
        if (also)
                add_watch(&t, also, NULL, start_revision);
        return text_finish(&t);
}

char *etcd_encode_authenticate(const char *user, const char *password) {
        Text t = {};

        /* All the room is reserved at once: a string that grows leaves copies of the password behind. */
        (void) text_reserve(&t, 6 * (strlen(user) + strlen(password)) + 64);
        text_add(&t, "{\"name\":");
        text_add_string(&t, user);
        text_add(&t, ",\"password\":");
        text_add_string(&t, password);
        text_add(&t, "}");
        return text_finish(&t);
}

char *etcd_encode_compaction(uint64_t revision) {
        Text t = {};

        text_add(&t, "{\"revision\":");
        text_add_number(&t, revision);
        text_add(&t, "}");
        return text_finish(&t);
}

char *etcd_encode_range_end(const char *prefix) {
        size_t n = strlen(prefix);
        char *end = malloc(n + 2);

        if (!end)
                return NULL;
        memcpy(end, prefix, n + 1);
        while (n > 0 && (unsigned char) end[n - 1] == 0xff)
                n--;
        if (n > 0)
                end[n - 1]++;
        end[n] = '\0'; /* nothing left: "\0" is etcd's word for "to the end" */
        return end;
}
