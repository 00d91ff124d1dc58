/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The codec alone. The corpus are answers as etcd 3.4.23 gave them and as 3.5, 3.6 and 3.7 word them; each is also
 * cut at every byte and changed at every byte, which must never be worse than -EBADMSG.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/record.h"
#include "registry/etcd/base64.h"
#include "registry/etcd/encode.h"
#include "registry/etcd/judge.h"
#include "registry/etcd/version.h"

#define HEADER                                                                                                        \
        "\"header\":{\"cluster_id\":\"15985099378392235387\",\"member_id\":\"10276657743932975437\","                 \
        "\"revision\":\"4\",\"raft_term\":\"2\"}"

static json_t *parse(const char *text) {
        json_t *root = etcd_decode_object(text, strlen(text));

        assert_non_null(root);
        return root;
}

/* ---- base64 ---- */

static void base64_is_the_standard_one(void **state) {
        static const char *const plain[] = { "", "f", "fo", "foo", "foob", "fooba", "foobar" };
        static const char *const coded[] = { "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };

        for (size_t i = 0; i < ELEMENTSOF(plain); i++) {
                _cleanup_free_ char *back = NULL;
                char text[16];
                size_t n = base64_encode(plain[i], strlen(plain[i]), text);

                assert_int_equal(n, base64_size(strlen(plain[i])));
                assert_int_equal(n, strlen(coded[i]));
                assert_memory_equal(text, coded[i], n);
                assert_int_equal(base64_decode(coded[i], n, &back, &n), 0);
                assert_int_equal(n, strlen(plain[i]));
                assert_string_equal(back, plain[i]);
        }
}

static void base64_keeps_every_byte(void **state) {
        char bytes[256], text[512];
        _cleanup_free_ char *back = NULL;
        size_t n;

        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (char) i;
        n = base64_encode(bytes, sizeof(bytes), text);
        assert_int_equal(base64_decode(text, n, &back, &n), 0);
        assert_int_equal(n, sizeof(bytes));
        assert_memory_equal(back, bytes, n);
}

static void what_is_not_base64_is_refused(void **state) {
        static const char *const bad[] = { "Z", "Zg", "Zg=", "Z===", "====", "Zm9v!mFy", "Zm9v\nmFy", "Zm-_",
                "=g==", "Z=g=", "Zg==Zg==" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                char *back = NULL;
                size_t n;

                assert_int_equal(base64_decode(bad[i], strlen(bad[i]), &back, &n), -EBADMSG);
                assert_null(back);
        }
}

/* ---- requests ---- */

static void a_txn_is_written_as_etcd_reads_it(void **state) {
        RegistryCompare compares[] = { { "beats/a", 7 }, { "leases/x", 0 } };
        RegistryRecord put = { .key = "beats/a", .value = "\0x", .size = 2 };
        const char *deletes[] = { "requests/x" }, *reads[] = { "beats/a" };
        RegistryTxn txn = {
                .compares = compares,
                .n_compares = 2,
                .puts = &put,
                .n_puts = 1,
                .deletes = deletes,
                .n_deletes = 1,
                .reads = reads,
                .n_reads = 1,
        };
        _cleanup_free_ char *text = etcd_encode_txn(&txn, "/l/");

        assert_string_equal(text, "{\"compare\":["
                                  "{\"key\":\"L2wvYmVhdHMvYQ==\",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_"
                                  "revision\":\"7\"},"
                                  "{\"key\":\"L2wvbGVhc2VzL3g=\",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_"
                                  "revision\":\"0\"}],"
                                  "\"success\":[{\"request_put\":{\"key\":\"L2wvYmVhdHMvYQ==\",\"value\":\"AHg=\"}},"
                                  "{\"request_delete_range\":{\"key\":\"L2wvcmVxdWVzdHMveA==\"}}],"
                                  "\"failure\":[{\"request_range\":{\"key\":\"L2wvYmVhdHMvYQ==\"}}]}");
}

static void a_txn_that_only_compares_reads_something_too(void **state) {
        RegistryCompare compare = { "a", 7 };
        _cleanup_free_ char *text = etcd_encode_txn(&(RegistryTxn){ .compares = &compare, .n_compares = 1 }, "/l/");

        assert_non_null(strstr(text, "\"success\":[{\"request_range\":{\"key\":\"L2wvYQ==\""));
}

static void other_requests_are_written_as_etcd_reads_them(void **state) {
        _cleanup_free_ char *range = NULL, *watch = NULL, *login = NULL, *compaction = NULL;

        range = etcd_encode_range(&(EtcdRange){
                        .key = "a\0", .key_size = 2, .end = "b", .end_size = 1, .revision = 9, .limit = 500 });
        assert_string_equal(range, "{\"key\":\"YQA=\",\"range_end\":\"Yg==\",\"revision\":\"9\",\"limit\":\"500\"}");
        watch = etcd_encode_watch("/l/", "/l0", NULL, 10);
        assert_string_equal(watch,
                        "{\"create_request\":{\"key\":\"L2wv\",\"range_end\":\"L2ww\",\"start_revision\":\"10\","
                        "\"progress_notify\":true}}");
        login = etcd_encode_authenticate("me \"and\" you", "back\\slash\n");
        assert_string_equal(login, "{\"name\":\"me \\\"and\\\" you\",\"password\":\"back\\\\slash\\n\"}");
        compaction = etcd_encode_compaction(18446744073709551615u);
        assert_string_equal(compaction, "{\"revision\":\"18446744073709551615\"}");
}

static void the_end_of_a_prefix_is_the_next_one(void **state) {
        _cleanup_free_ char *a = etcd_encode_range_end("/leased/"), *b = etcd_encode_range_end("a\xff\xff"),
                            *c = etcd_encode_range_end("\xff");

        assert_string_equal(a, "/leased0");
        assert_string_equal(b, "b");
        assert_string_equal(c, "");
}

/* ---- answers ---- */

static void a_header_is_read(void **state) {
        json_t *root = parse("{" HEADER "}");
        EtcdHeader h;

        assert_int_equal(etcd_decode_header(root, &h), 0);
        assert_true(h.cluster_id == 15985099378392235387u);
        assert_int_equal(h.revision, 4);
        assert_int_equal(h.raft_term, 2);
        json_decref(root);
}

static void the_highest_revision_that_is_believed_leaves_room_for_an_index(void **state) {
        json_t *root = parse("{\"header\":{\"cluster_id\":\"1\",\"revision\":\"4503599627370495\"}}");
        EtcdHeader h;

        assert_int_equal(etcd_decode_header(root, &h), 0);
        assert_true(h.revision == FLOOR_MAX && h.revision + FLOOR_MAX < INDEX_MAX);
        json_decref(root);
}

static void a_bad_header_is_refused(void **state) {
        static const char *const bad[] = {
                "{}",
                "{\"header\":[]}",
                "{\"header\":{}}",
                "{\"header\":{\"cluster_id\":\"\"}}",
                "{\"header\":{\"cluster_id\":\"-1\"}}",
                "{\"header\":{\"cluster_id\":\"18446744073709551616\"}}",
                "{\"header\":{\"cluster_id\":\"0\"}}",
                "{\"header\":{\"cluster_id\":\"1x\"}}",
                "{\"header\":{\"cluster_id\":1.5}}",
                "{\"header\":{\"cluster_id\":-1}}",
                "{\"header\":{\"cluster_id\":\"1\",\"revision\":{}}}",
                /* no cluster lives so long, and what is heard once is remembered */
                "{\"header\":{\"cluster_id\":\"1\",\"revision\":\"9000000000000000000\"}}",
                "{\"header\":{\"cluster_id\":\"1\",\"revision\":\"4503599627370496\"}}",
                "{\"header\":{\"cluster_id\":\"1\",\"revision\":\"4\",\"raft_term\":\"18446744073709551615\"}}",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                json_t *root = parse(bad[i]);
                EtcdHeader h;

                assert_int_equal(etcd_decode_header(root, &h), -EBADMSG);
                json_decref(root);
        }
}

static void a_range_is_read(void **state) {
        json_t *root = parse(
                        "{" HEADER ",\"kvs\":[{\"key\":\"YQ==\",\"create_revision\":\"2\",\"mod_revision\":\"3\","
                        "\"version\":\"2\",\"value\":\"AHg=\",\"lease\":\"7\"},{\"key\":\"YgBj\",\"mod_revision\":4}],"
                        "\"more\":true,\"count\":\"17\",\"novelty\":{}}");
        EtcdKeyValues k;

        assert_int_equal(etcd_decode_range(root, &k), 0);
        assert_int_equal(k.n, 2);
        assert_true(k.more);
        assert_string_equal(k.items[0].key, "a");
        assert_int_equal(k.items[0].mod_revision, 3);
        assert_int_equal(k.items[0].size, 2);
        assert_memory_equal(k.items[0].value, "\0x", 2);
        assert_int_equal(k.items[1].key_size, 3); /* with a NUL inside */
        assert_int_equal(k.items[1].size, 0);
        assert_non_null(k.items[1].value);
        etcd_decode_done(&k);
        json_decref(root);
}

static void an_empty_range_is_read(void **state) {
        json_t *root = parse("{" HEADER "}");
        EtcdKeyValues k;

        assert_int_equal(etcd_decode_range(root, &k), 0);
        assert_int_equal(k.n, 0);
        assert_false(k.more);
        etcd_decode_done(&k);
        json_decref(root);
}

static void a_bad_range_is_refused(void **state) {
        static const char *const bad[] = {
                "{" HEADER ",\"kvs\":{}}",
                "{" HEADER ",\"kvs\":[1]}",
                "{" HEADER ",\"kvs\":[{}]}",
                "{" HEADER ",\"kvs\":[{\"key\":\"YQ==\"}]}",
                "{" HEADER ",\"kvs\":[{\"key\":\"YQ=\",\"mod_revision\":\"3\"}]}",
                "{" HEADER ",\"kvs\":[{\"key\":7,\"mod_revision\":\"3\"}]}",
                "{" HEADER ",\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":\"3\",\"value\":\"!\"}]}",
                "{" HEADER ",\"more\":\"yes\"}",
                "{" HEADER ",\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":\"0\"}]}",
                /* newer than the answer, or than any revision can be */
                "{" HEADER ",\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":\"5\"}]}",
                "{" HEADER ",\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":\"18446744073709551615\"}]}",
                "{\"header\":{\"cluster_id\":\"1\",\"revision\":\"9223372036854775808\"}}",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                json_t *root = parse(bad[i]);
                EtcdKeyValues k;

                assert_int_equal(etcd_decode_range(root, &k), -EBADMSG);
                json_decref(root);
        }
}

static void a_txn_that_was_committed_is_read(void **state) {
        json_t *root = parse(
                        "{" HEADER
                        ",\"succeeded\":true,\"responses\":[{\"response_put\":{\"header\":{\"revision\":\"4\"}}}]}");
        EtcdKeyValues k;
        bool succeeded;

        assert_int_equal(etcd_decode_txn(root, 5, &succeeded, &k), 0);
        assert_true(succeeded);
        etcd_decode_done(&k);
        json_decref(root);
}

static void a_txn_that_was_refused_reads_back(void **state) {
        json_t *root = parse("{" HEADER ",\"responses\":[{\"response_range\":{\"header\":{\"revision\":\"4\"}}},"
                             "{\"response_range\":{\"header\":{\"revision\":\"4\"},\"kvs\":[{\"key\":\"YQ==\","
                             "\"create_revision\":\"2\",\"mod_revision\":\"2\",\"version\":\"1\",\"value\":\"eA==\"}],"
                             "\"count\":\"1\"}}]}");
        EtcdKeyValues k;
        bool succeeded;

        assert_int_equal(etcd_decode_txn(root, 2, &succeeded, &k), 0);
        assert_false(succeeded);
        assert_int_equal(k.n, 2);
        assert_int_equal(k.items[0].mod_revision, 0);
        assert_int_equal(k.items[1].mod_revision, 2);
        assert_string_equal(k.items[1].value, "x");
        etcd_decode_done(&k);
        /* Another number of answers than of questions is no answer. */
        assert_int_equal(etcd_decode_txn(root, 1, &succeeded, &k), -EBADMSG);
        assert_int_equal(etcd_decode_txn(root, 3, &succeeded, &k), -EBADMSG);
        json_decref(root);
}

static void expect_error(const char *text, int code, const char *message) {
        json_t *root = parse(text);
        EtcdError e;

        assert_true(etcd_decode_error(root, &e));
        assert_int_equal(e.code, code);
        assert_string_equal(e.message, message);
        json_decref(root);
}

static void all_shapes_of_errors_are_read(void **state) {
        json_t *root;
        EtcdError e;

        /* 3.4, 3.5 */
        expect_error("{\"error\":\"etcdserver: no leader\",\"message\":\"etcdserver: no leader\",\"code\":14}", 14,
                        "etcdserver: no leader");
        /* 3.6, 3.7 */
        expect_error("{\"code\":16,\"message\":\"etcdserver: invalid auth token\",\"details\":[]}", 16,
                        "etcdserver: invalid auth token");
        /* streams up to 3.5, and from 3.6 */
        expect_error("{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":\"etcdserver: no leader\","
                     "\"http_status\":\"Service Unavailable\"}}",
                        14, "etcdserver: no leader");
        expect_error("{\"error\":{\"code\":14,\"message\":\"etcdserver: no leader\",\"details\":[]}}", 14,
                        "etcdserver: no leader");
        expect_error("{\"error\":\"Not Found\",\"code\":\"5\"}", 5, "Not Found");
        /* never more than one printable line */
        expect_error("{\"message\":\"a\\nb\\u001b[31m\xc3\xa4\",\"code\":99}", 0, "a?b?[31m??");
        root = parse("{" HEADER "}");
        assert_false(etcd_decode_error(root, &e));
        json_decref(root);
}

static void errors_are_judged_by_what_they_prove(void **state) {
        static const struct {
                int code;
                const char *message;
                EtcdVerdict verdict;
        } cases[] = {
                { 14, "etcdserver: no leader", ETCD_VERDICT_ELSEWHERE },
                { 14, "etcdserver: request timed out", ETCD_VERDICT_UNCLEAR },
                { 14, "etcdserver: leader changed", ETCD_VERDICT_UNCLEAR },
                { 14, "etcdserver: request timed out, possibly due to previous leader failure", ETCD_VERDICT_UNCLEAR },
                { 2, "context deadline exceeded", ETCD_VERDICT_UNCLEAR },
                { 8, "etcdserver: mvcc: database space exceeded", ETCD_VERDICT_UNCLEAR },
                { 16, "etcdserver: invalid auth token", ETCD_VERDICT_TOKEN },
                { 3, "etcdserver: user name is empty", ETCD_VERDICT_TOKEN },
                { 3, "etcdserver: revision of auth store is old", ETCD_VERDICT_TOKEN },
                { 3, "etcdserver: authentication failed, invalid user ID or password", ETCD_VERDICT_FINAL },
                { 7, "etcdserver: permission denied", ETCD_VERDICT_FINAL },
                { 11, "etcdserver: mvcc: required revision has been compacted", ETCD_VERDICT_FINAL },
                { 0, "whatever", ETCD_VERDICT_UNCLEAR },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                EtcdError e = { .code = cases[i].code };

                str_copy(e.message, sizeof(e.message), cases[i].message);
                assert_int_equal(etcd_judge(&e), cases[i].verdict);
        }
}

static void a_token_is_read_if_it_can_be_a_header(void **state) {
        static const char *const bad[] = { "{}", "{\"token\":\"\"}", "{\"token\":7}", "{\"token\":\"a b\"}",
                "{\"token\":\"a\\r\\nX: y\"}" };
        json_t *root = parse("{" HEADER ",\"token\":\"sssvIpwfnLAcWAQH.9\"}");
        _cleanup_free_ char *token = NULL;

        assert_int_equal(etcd_decode_token(root, &token), 0);
        assert_string_equal(token, "sssvIpwfnLAcWAQH.9");
        json_decref(root);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                char *none = NULL;

                root = parse(bad[i]);
                assert_int_equal(etcd_decode_token(root, &none), -EBADMSG);
                json_decref(root);
        }
}

static void a_member_tells_its_room_and_alarms(void **state) {
        json_t *root = parse(
                        "{" HEADER ",\"version\":\"3.4.23\",\"dbSize\":\"24576\",\"leader\":\"10276657743932975437\","
                        "\"raftIndex\":\"4\",\"raftTerm\":\"2\",\"raftAppliedIndex\":\"4\","
                        "\"errors\":[\"memberID:1 alarm:NOSPACE \"],\"dbSizeInUse\":\"16384\"}");
        EtcdMemberStatus s;

        assert_int_equal(etcd_decode_status(root, &s), 0);
        assert_string_equal(s.version, "3.4.23");
        assert_int_equal(s.size, 24576);
        assert_int_equal(s.quota, 0);
        assert_true(s.has_leader);
        assert_true(s.no_space);
        assert_false(s.corrupt);
        json_decref(root);
        root = parse("{" HEADER ",\"version\":\"3.6.9\",\"dbSize\":\"1\",\"dbSizeQuota\":\"2147483648\","
                     "\"storageVersion\":\"3.6.0\"}");
        assert_int_equal(etcd_decode_status(root, &s), 0);
        assert_true(s.quota == (uint64_t) 2147483648u);
        assert_false(s.has_leader);
        assert_false(s.no_space);
        json_decref(root);
}

static void versions_with_known_bugs_are_named(void **state) {
        static const char *const buggy[] = { "3.4.23", "3.4.41", "3.5.0", "3.5.27", "3.6.0", "3.6.8", "3.6.0-rc.1" };
        static const char *const fine[] = { "3.4.42", "3.4.45", "3.5.28", "3.6.9", "3.7.0", "4.0.0", "", "next" };

        for (size_t i = 0; i < ELEMENTSOF(buggy); i++)
                assert_non_null(etcd_version_warning(buggy[i]));
        for (size_t i = 0; i < ELEMENTSOF(fine); i++)
                assert_null(etcd_version_warning(fine[i]));
        assert_false(etcd_version_is_supported("3.3.27"));
        assert_false(etcd_version_is_supported("2.3.8"));
        assert_true(etcd_version_is_supported("3.4.0"));
        assert_true(etcd_version_is_supported(""));
}

/* ---- the stream ---- */

static const struct {
        const char *line;
        int r;
        EtcdWatchEvent event;
} lines[] = {
        { "{\"result\":{" HEADER ",\"watch_id\":\"5\",\"created\":true}}", 0, ETCD_WATCH_CREATED },
        { "{\"result\":{" HEADER
          ",\"events\":[{\"kv\":{\"key\":\"YQ==\",\"create_revision\":\"2\",\"mod_revision\":\"3\","
          "\"version\":\"2\",\"value\":\"eA==\"}},{\"type\":\"DELETE\",\"kv\":{\"key\":\"Yg==\",\"mod_revision\":"
          "\"4\"}}]}}",
                        0, ETCD_WATCH_CHANGES },
        { "{\"result\":{" HEADER "}}", 0, ETCD_WATCH_PROGRESS },
        { "{\"result\":{\"header\":{\"cluster_id\":\"1\",\"member_id\":\"2\",\"raft_term\":\"2\"},\"canceled\":true,"
          "\"compact_revision\":\"1200\"}}",
                        0, ETCD_WATCH_CANCELED },
        { "{\"result\":{" HEADER ",\"watch_id\":\"-1\",\"created\":true,\"canceled\":true,\"cancel_reason\":"
          "\"rpc error: code = Unauthenticated desc = etcdserver: invalid auth token\"}}",
                        0, ETCD_WATCH_CANCELED },
        { "{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":\"etcdserver: no leader\",\"http_status\":"
          "\"Service Unavailable\"}}",
                        0, ETCD_WATCH_ERROR },
        { "{\"error\":{\"code\":14,\"message\":\"etcdserver: no leader\",\"details\":[]}}", 0, ETCD_WATCH_ERROR },
        { "{\"result\":{\"created\":true}}", -EBADMSG, 0 },
        { "{\"result\":{" HEADER
          ",\"events\":[{\"type\":\"MERGE\",\"kv\":{\"key\":\"YQ==\",\"mod_revision\":\"3\"}}]}}",
                        -EBADMSG, 0 },
        { "{\"result\":{" HEADER ",\"events\":[{}]}}", -EBADMSG, 0 },
        { "{\"result\":7}", -EBADMSG, 0 },
        { "{}", -EBADMSG, 0 },
        { "[]", -EBADMSG, 0 },
        { "<html>", -EBADMSG, 0 },
};

static void every_line_of_a_watch_is_understood(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                EtcdWatchLine l;

                assert_int_equal(etcd_decode_watch(lines[i].line, strlen(lines[i].line), &l), lines[i].r);
                if (lines[i].r < 0)
                        continue;
                assert_int_equal(l.event, lines[i].event);
                if (l.event == ETCD_WATCH_CHANGES) {
                        assert_int_equal(l.changes.n, 2);
                        assert_false(l.changes.items[0].deleted);
                        assert_string_equal(l.changes.items[0].value, "x");
                        assert_true(l.changes.items[1].deleted);
                        assert_string_equal(l.changes.items[1].key, "b");
                } else if (l.event == ETCD_WATCH_CANCELED || l.event == ETCD_WATCH_ERROR) {
                        assert_true(l.error.message[0]);
                }
                etcd_decode_done(&l.changes);
        }
}

/* Everything at once, on anything. */
static void decode_all(const char *text, size_t size) {
        json_t *root = etcd_decode_object(text, size);
        char version[ETCD_VERSION_SIZE], *token = NULL;
        EtcdMemberStatus status;
        EtcdKeyValues k = {};
        EtcdWatchLine l = {};
        EtcdHeader h;
        EtcdError e;
        bool succeeded;

        if (etcd_decode_watch(text, size, &l) == 0)
                etcd_decode_done(&l.changes);
        if (!root)
                return;
        (void) etcd_decode_header(root, &h);
        (void) etcd_decode_error(root, &e);
        (void) etcd_decode_status(root, &status);
        (void) etcd_decode_version(root, version);
        if (etcd_decode_token(root, &token) == 0)
                free(token);
        if (etcd_decode_range(root, &k) == 0)
                etcd_decode_done(&k);
        if (etcd_decode_txn(root, 1, &succeeded, &k) == 0)
                etcd_decode_done(&k);
        json_decref(root);
}

static void nothing_that_is_cut_or_changed_does_harm(void **state) {
        static const char changes[] = "\0\"{}[]:,0-x\xff";
        static const char *const more[] = {
                "{" HEADER ",\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":\"3\",\"value\":\"eA==\"}],\"more\":true}",
                "{" HEADER
                ",\"responses\":[{\"response_range\":{\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":\"2\"}]}}]}",
                "{" HEADER ",\"token\":\"abc.1\",\"dbSize\":\"1\",\"errors\":[\"NOSPACE\"],\"version\":\"3.4.23\"}",
                "{\"etcdserver\":\"3.4.23\",\"etcdcluster\":\"3.4.0\"}",
        };

        for (size_t i = 0; i < ELEMENTSOF(lines) + ELEMENTSOF(more); i++) {
                const char *text = i < ELEMENTSOF(lines) ? lines[i].line : more[i - ELEMENTSOF(lines)];
                size_t size = strlen(text);

                for (size_t at = 0; at <= size; at++) {
                        _cleanup_free_ char *copy = malloc(at + 1); /* so small that a read beyond it is noticed */

                        assert_non_null(copy);
                        memcpy(copy, text, at);
                        decode_all(copy, at);
                }
                for (size_t at = 0; at < size; at++)
                        for (size_t k = 0; k < sizeof(changes) - 1; k++) {
                                _cleanup_free_ char *copy = strdup(text);

                                assert_non_null(copy);
                                copy[at] = changes[k];
                                decode_all(copy, size);
                        }
        }
}

static void a_swarm_of_values_is_no_answer(void **state) {
        static const char *const chunks[] = { "0,", "{},", "[[],{\"\":1}],", "\"\\\"\",", "null," };
        enum { SIZE = 4 * 1024 * 1024 };
        _cleanup_free_ char *text = malloc(SIZE + 1);

        assert_non_null(text);
        for (size_t i = 0; i < ELEMENTSOF(chunks); i++) {
                size_t n = (size_t) sprintf(text, "{\"a\":["), m = strlen(chunks[i]);

                for (; n + m + 3 < SIZE; n += m)
                        memcpy(text + n, chunks[i], m);
                strcpy(text + n, "0]}");
                assert_null(etcd_decode_object(text, n + 3));
        }
        /* One long text in it is fine. */
        memset(text, ',', SIZE);
        memcpy(text, "{\"a\":\"", 6);
        memcpy(text + SIZE - 2, "\"}", 2);
        json_t *root = etcd_decode_object(text, SIZE);
        assert_non_null(root);
        json_decref(root);
}

static void deep_nesting_does_no_harm(void **state) {
        enum { DEPTH = 100000 };
        _cleanup_free_ char *text = malloc(DEPTH + 1);

        assert_non_null(text);
        memset(text, '[', DEPTH);
        memcpy(text, "{\"a\":", 5);
        assert_null(etcd_decode_object(text, DEPTH));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(base64_is_the_standard_one),
                cmocka_unit_test(base64_keeps_every_byte),
                cmocka_unit_test(what_is_not_base64_is_refused),
                cmocka_unit_test(a_txn_is_written_as_etcd_reads_it),
                cmocka_unit_test(a_txn_that_only_compares_reads_something_too),
                cmocka_unit_test(other_requests_are_written_as_etcd_reads_them),
                cmocka_unit_test(the_end_of_a_prefix_is_the_next_one),
                cmocka_unit_test(a_header_is_read),
                cmocka_unit_test(a_bad_header_is_refused),
                cmocka_unit_test(the_highest_revision_that_is_believed_leaves_room_for_an_index),
                cmocka_unit_test(a_range_is_read),
                cmocka_unit_test(an_empty_range_is_read),
                cmocka_unit_test(a_bad_range_is_refused),
                cmocka_unit_test(a_txn_that_was_committed_is_read),
                cmocka_unit_test(a_txn_that_was_refused_reads_back),
                cmocka_unit_test(all_shapes_of_errors_are_read),
                cmocka_unit_test(errors_are_judged_by_what_they_prove),
                cmocka_unit_test(a_token_is_read_if_it_can_be_a_header),
                cmocka_unit_test(a_member_tells_its_room_and_alarms),
                cmocka_unit_test(versions_with_known_bugs_are_named),
                cmocka_unit_test(every_line_of_a_watch_is_understood),
                cmocka_unit_test(nothing_that_is_cut_or_changed_does_harm),
                cmocka_unit_test(a_swarm_of_values_is_no_answer),
                cmocka_unit_test(deep_nesting_does_no_harm),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
