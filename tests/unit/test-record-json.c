/* SPDX-License-Identifier: Apache-2.0 */
/* The records' codec: what is written is what is read, and no bytes do harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include <jansson.h>

#include "registry/record-json.h"

#define SESSION "1f2e3d4c5b6a7988-10000"
#define MACHINE "0123456789abcdef0123456789abcdef"

/* One well-formed text of each kind, and texts to be mangled. */
static const struct {
        RecordKind kind;
        const char *text;
} corpus[] = {
        { RECORD_META, "{\"uuid\":\"5f3c7d0e-1b2a-4c3d-8e9f-001122334455\",\"index_floor\":0,\"format\":1}" },
        { RECORD_META, "{\"uuid\":\"x\",\"index_floor\":9007199254740991,\"format\":4294967295,\"new\":[1,{}]}" },
        { RECORD_MACHINE, "{\"hostname\":\"a\",\"boot_id\":\"" MACHINE "\",\"session\":\"" SESSION "\","
                          "\"metadata\":\"region=eu rack=a1\",\"version\":\"0.1.0\",\"draining\":false}" },
        { RECORD_BEAT, "{\"machine_id\":\"" MACHINE "\",\"nonce\":\"0011223344556677-12\"}" },
        { RECORD_FENCE, "{\"counter\":3,\"names\":[\"a.service\",\"b.service\",\"c.timer\"]}" },
        { RECORD_FENCE, "{\"counter\":0,\"names\":[]}" },
        { RECORD_LEASE, "{\"state\":\"free\",\"machine_id\":\"\",\"session\":\"\",\"version\":0,\"index\":0,"
                        "\"since\":0,\"period\":0,\"debts\":[],\"tenures\":[]}" },
        { RECORD_LEASE, "{\"state\":\"held\",\"machine_id\":\"" MACHINE "\",\"session\":\"" SESSION "\","
                        "\"version\":-3,\"index\":7,\"since\":1700000000000000,\"period\":0,"
                        "\"debts\":[{\"session\":\"" SESSION "\",\"index\":6,\"note\":\"kept\"}],"
                        "\"tenures\":[{\"machine_id\":\"" MACHINE "\",\"index\":6,\"from\":1,\"to\":2,"
                        "\"why\":\"stolen\",\"by\":\"root\"}],\"later\":{\"a\":null}}" },
        { RECORD_OFFER, "{\"lease\":\"foo\",\"version\":9,\"conflicts\":\"bar@*.service\","
                        "\"replaces\":\"\",\"why\":\"stands back\"}" },
        { RECORD_LEASE, "{\"state\":\"free\",\"machine_id\":\"\",\"session\":\"\",\"version\":0,\"index\":7,"
                        "\"since\":0,\"period\":0,\"debts\":[],\"tenures\":[{\"machine_id\":\"" MACHINE
                        "\",\"index\":6,"
                        "\"from\":1,\"to\":2,\"why\":\"drain\",\"code\":7},{\"machine_id\":\"" MACHINE
                        "\",\"index\":7,"
                        "\"from\":2,\"to\":3,\"why\":\"later\",\"code\":65535}]}" },
        { RECORD_OFFER, "{\"lease\":\"foo\",\"version\":9,\"conflicts\":\"\",\"replaces\":\"\","
                        "\"why\":\"missing metadata a=b\",\"code\":81,\"about\":\"a=b\"}" },
        { RECORD_FENCE, "{\"counter\":0,\"names\":[],\"over\":true,\"silence\":9}" },
        { RECORD_FENCE, "{\"counter\":0,\"names\":[],\"keeps\":true,\"keeper\":\"" MACHINE "\"}" },
        { RECORD_PAUSE, "{\"stage\":\"on\",\"since\":1764370800000000,\"by\":\"anna@alpha\"}" },
        { RECORD_PAUSE, "{\"stage\":\"ending\",\"since\":0,\"by\":\"\",\"fell_back\":true}" },
        { RECORD_MACHINE, "{\"hostname\":\"\",\"boot_id\":\"\",\"session\":\"\",\"metadata\":\"\","
                          "\"version\":\"\",\"draining\":true,\"drained_boot\":\"" MACHINE "\",\"beats_every\":3}" },
        { RECORD_MACHINE, "{\"hostname\":\"\",\"boot_id\":\"\",\"session\":\"\",\"metadata\":\"\",\"version\":\"\","
                          "\"draining\":false,\"up_since\":1764370800000000,\"up_session\":\"" SESSION "\"}" },
};

static const char *lease_text(void) {
        return corpus[7].text;
}

static int decode(RecordKind kind, const char *text, RecordValue *ret, const char **ret_why) {
        return record_decode(kind, text, strlen(text), ret, ret_why);
}

/* ---- keys ---- */

static void a_key_names_its_kind_and_record(void **state) {
        static const struct {
                RecordKind kind;
                const char *name, *key;
        } table[] = {
                { RECORD_META, "", "meta" },
                { RECORD_MACHINE, MACHINE, "machines/" MACHINE },
                { RECORD_BEAT, SESSION, "beats/" SESSION },
                { RECORD_FENCE, SESSION, "fences/" SESSION },
                { RECORD_LEASE, "foo@1.service", "leases/foo@1.service" },
                { RECORD_OFFER, MACHINE "/foo.service", "offers/" MACHINE "/foo.service" },
                { RECORD_PAUSE, "", "pause" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                RecordKind kind;
                const char *name;
                char key[512];

                assert_int_equal(record_key(table[i].kind, table[i].name, key, sizeof(key)), 0);
                assert_string_equal(key, table[i].key);
                assert_true(startswith(key, record_prefix(table[i].kind)));
                assert_true(record_parse_key(key, &kind, &name));
                assert_int_equal(kind, table[i].kind);
                assert_string_equal(name, table[i].name);
        }
}

static void a_key_that_does_not_fit_is_invalid(void **state) {
        char key[11];

        assert_int_equal(record_key(RECORD_LEASE, "abc", key, sizeof(key)), 0);
        assert_int_equal(record_key(RECORD_LEASE, "abcd", key, sizeof(key)), -EINVAL);
        assert_int_equal(record_key(RECORD_META, "", key, 4), -EINVAL);
}

static void other_keys_are_nobodys(void **state) {
        static const char *const keys[] = { "", "met", "meta/", "metadata", "leases", "leases/", "lease/x",
                "x/leases/y", "/meta" };
        char key[7 + NAME_SIZE + 1] = "leases/";
        const char *name;
        RecordKind kind;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                assert_false(record_parse_key(keys[i], &kind, &name));
        memset(key + 7, 'x', NAME_SIZE - 1);
        assert_true(record_parse_key(key, &kind, &name));
        key[7 + NAME_SIZE - 1] = 'x';
        assert_false(record_parse_key(key, &kind, &name));
}

/* ---- decoding and encoding ---- */

static void every_kind_comes_back_as_it_was_written(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(corpus); i++) {
                RecordValue value, again;
                Record record = { .kind = corpus[i].kind, .value = &value };
                const char *why = NULL;
                char *text = NULL;

                memset(&value, 0, sizeof(value));
                memset(&again, 0, sizeof(again));
                assert_int_equal(decode(corpus[i].kind, corpus[i].text, &value, &why), 0);
                assert_int_equal(record_encode(&record, NULL, 0, &text), 0);
                assert_int_equal(decode(corpus[i].kind, text, &again, &why), 0);
                assert_memory_equal(&value, &again, sizeof(value));
                free(text);
                /* With the text it replaces, nothing at all is different. */
                assert_int_equal(record_encode(&record, corpus[i].text, strlen(corpus[i].text), &text), 0);
                assert_string_equal(text, corpus[i].text);
                free(text);
        }
}

static void a_lease_is_read_to_the_letter(void **state) {
        RecordValue value;
        const LeaseRecord *l = &value.lease;

        assert_int_equal(decode(RECORD_LEASE, lease_text(), &value, NULL), 0);
        assert_int_equal(l->state, LEASE_HELD);
        assert_string_equal(l->machine_id, MACHINE);
        assert_string_equal(l->session, SESSION);
        assert_int_equal(l->version, -3);
        assert_int_equal(l->index, 7);
        assert_int_equal(l->since, 1700000000000000);
        assert_int_equal(l->n_debts, 1);
        assert_true(lease_has_debt(l, SESSION, 6));
        assert_int_equal(l->n_tenures, 1);
        assert_string_equal(l->tenures[0].why, "stolen");
}

static void the_fullest_lease_fits(void **state) {
        RecordValue value = {}, again = {};
        LeaseRecord *l = &value.lease;
        Record record = { .kind = RECORD_LEASE, .lease = l };
        char *text = NULL;

        l->state = LEASE_HELD;
        l->index = INDEX_MAX;
        l->version = INT64_MIN;
        memset(l->machine_id, 'a', MACHINE_SIZE - 1);
        memset(l->session, '1', SESSION_SIZE - 1);
        for (unsigned i = 0; i < DEBTS_MAX; i++) {
                char session[SESSION_SIZE];

                session_format(i + 1, 60 * USEC_PER_SEC, session);
                assert_true(lease_add_debt(l, session, i + 1));
        }
        for (unsigned i = 0; i < TENURES_MAX; i++) {
                lease_end_tenure(l, i + 1, WHY_DEPENDENCY);
                str_copy(l->tenures[i].why, sizeof(l->tenures[i].why), "exactly fifteen");
        }
        assert_int_equal(record_encode(&record, NULL, 0, &text), 0);
        assert_int_equal(decode(RECORD_LEASE, text, &again, NULL), 0);
        assert_memory_equal(&value, &again, sizeof(value));
        free(text);
}

static void what_is_unknown_is_kept_when_a_record_is_rewritten(void **state) {
        RecordValue value;
        Record record = { .kind = RECORD_LEASE, .lease = &value.lease };
        const char *before = lease_text();
        char *text = NULL;
        json_t *o, *element;

        assert_int_equal(decode(RECORD_LEASE, before, &value, NULL), 0);
        lease_end_tenure(&value.lease, 1800000000000000, WHY_RELEASED);
        assert_true(lease_add_debt(&value.lease, SESSION, 7));
        value.lease.state = LEASE_FREE;
        value.lease.session[0] = '\0';
        assert_int_equal(record_encode(&record, before, strlen(before), &text), 0);
        o = json_loads(text, 0, NULL);
        assert_non_null(json_object_get(json_object_get(o, "later"), "a"));
        assert_string_equal(json_string_value(json_object_get(o, "state")), "free");
        /* In lists too, each with the element that it belongs to. */
        element = json_array_get(json_object_get(o, "debts"), 0);
        assert_string_equal(json_string_value(json_object_get(element, "note")), "kept");
        element = json_array_get(json_object_get(o, "debts"), 1);
        assert_null(json_object_get(element, "note"));
        element = json_array_get(json_object_get(o, "tenures"), 0);
        assert_string_equal(json_string_value(json_object_get(element, "by")), "root");
        assert_int_equal(json_array_size(json_object_get(o, "tenures")), 2);
        json_decref(o);
        free(text);
}

/* ---- beside leased 0.1.0, which knows no numbers of reasons ---- */

static void a_reason_that_0_1_0_wrote_is_understood(void **state) {
        static const struct {
                const char *word;
                Why why;
        } table[] = {
                { "expired", WHY_EXPIRED },
                { "released", WHY_RELEASED },
                { "transfer", WHY_TRANSFER },
                { "failback", WHY_FAILBACK },
                { "upgrade", WHY_UPGRADE },
                { "placement", WHY_PLACEMENT },
                { "drain", WHY_DRAIN },
                { "disabled", WHY_DISABLED },
                { "shutdown", WHY_SHUTDOWN },
                { "sleep", WHY_SLEEP },
                { "dependency", WHY_DEPENDENCY },
                { "done", WHY_DONE },
                { "failed", WHY_FAILED },
                { "stray", WHY_STRAY },
                { "lost", WHY_LOST },
                { "stolen", WHY_STOLEN },
                { "unfit", WHY_UNFIT },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                RecordValue value;
                char text[512];

                (void) snprintf(text, sizeof(text),
                                "{\"state\":\"free\",\"machine_id\":\"\",\"session\":\"\",\"version\":0,\"index\":7,"
                                "\"since\":0,\"period\":0,\"debts\":[],\"tenures\":[{\"machine_id\":\"" MACHINE "\","
                                "\"index\":7,\"from\":1,\"to\":2,\"why\":\"%s\"}]}",
                                table[i].word);
                assert_int_equal(decode(RECORD_LEASE, text, &value, NULL), 0);
                assert_int_equal(tenure_why(value.lease.tenures), table[i].why);
                assert_string_equal(value.lease.tenures[0].why, table[i].word);
        }
}

typedef struct OldMember {
        const char *name;
        json_type type;
        size_t size; /* of a string: 0.1.0 takes the record for damaged if it is not shorter */
} OldMember;

/* All that 0.1.0 asks of a record: a member that it does not know it leaves alone. */
static void must_suit_0_1_0(const json_t *object, const OldMember *members, size_t n) {
        for (size_t i = 0; i < n; i++) {
                json_t *value = json_object_get(object, members[i].name);

                assert_non_null(value);
                assert_int_equal(json_typeof(value), members[i].type);
                if (members[i].type == JSON_STRING)
                        assert_true(json_string_length(value) < members[i].size);
        }
}

static void a_tenure_with_a_number_can_be_read_by_0_1_0(void **state) {
        static const OldMember members[] = {
                { "machine_id", JSON_STRING, 33 },
                { "index", JSON_INTEGER, 0 },
                { "from", JSON_INTEGER, 0 },
                { "to", JSON_INTEGER, 0 },
                { "why", JSON_STRING, 16 },
        };

        for (Why why = WHY_EXPIRED; why <= WHY_UNFIT; why++) {
                LeaseRecord lease = { .state = LEASE_FREE, .machine_id = MACHINE, .index = 7, .since = 1 };
                Record record = { .kind = RECORD_LEASE, .lease = &lease };
                char *text = NULL;
                json_t *o, *tenure;

                lease_end_tenure(&lease, 2, why);
                assert_int_equal(record_encode(&record, NULL, 0, &text), 0);
                o = json_loads(text, 0, NULL);
                tenure = json_array_get(json_object_get(o, "tenures"), 0);
                must_suit_0_1_0(tenure, members, ELEMENTSOF(members));
                assert_string_equal(json_string_value(json_object_get(tenure, "why")), why_word(why));
                assert_int_equal(json_integer_value(json_object_get(tenure, "code")), why);
                json_decref(o);
                free(text);
        }
}

static void an_offer_with_a_number_can_be_read_by_0_1_0(void **state) {
        static const OldMember members[] = {
                { "lease", JSON_STRING, 256 },
                { "version", JSON_INTEGER, 0 },
                { "conflicts", JSON_STRING, 256 },
                { "replaces", JSON_STRING, 256 },
                { "why", JSON_STRING, 80 },
        };
        OfferRecord offer = { .lease = "foo",
                .code = WHY_METADATA,
                .about = "disk=ssd",
                .why = "missing metadata disk=ssd",
                .active = "failed",
                .result = "exit-code",
                .since = 1700000000000000 };
        Record record = { .kind = RECORD_OFFER, .offer = &offer };
        RecordValue value = {};
        char *text = NULL;
        json_t *o;

        assert_int_equal(record_encode(&record, NULL, 0, &text), 0);
        o = json_loads(text, 0, NULL);
        must_suit_0_1_0(o, members, ELEMENTSOF(members));
        json_decref(o);
        assert_int_equal(decode(RECORD_OFFER, text, &value, NULL), 0);
        assert_int_equal(value.offer.code, WHY_METADATA);
        assert_string_equal(value.offer.about, "disk=ssd");
        assert_string_equal(value.offer.active, "failed");
        assert_string_equal(value.offer.result, "exit-code");
        assert_int_equal(value.offer.since, 1700000000000000);
        free(text);
}

/* 0.1.0 says nothing of the unit's state, and a value that is none is damage. */
static void an_offer_without_a_state_has_none(void **state) {
        static const char bare[] =
                        "{\"lease\":\"foo\",\"version\":9,\"conflicts\":\"\",\"replaces\":\"\",\"why\":\"\"";
        static const char *const wrong[] = { "\"active\":7", "\"active\":\"0123456789abcdef\"", "\"result\":null",
                "\"since\":-1", "\"since\":\"\"", "\"result\":\"0123456789abcdef01234567\"" };
        RecordValue value = {};
        char text[300];

        (void) snprintf(text, sizeof(text), "%s}", bare);
        assert_int_equal(decode(RECORD_OFFER, text, &value, NULL), 0);
        assert_string_equal(value.offer.active, "");
        assert_string_equal(value.offer.result, "");
        assert_int_equal(value.offer.since, 0);
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                (void) snprintf(text, sizeof(text), "%s,%s}", bare, wrong[i]);
                assert_int_equal(decode(RECORD_OFFER, text, &value, NULL), -EBADMSG);
        }
}

/* A machine that went back to 0.1.0 writes its new sentence over the old one, and keeps the number of that. */
static void a_number_that_0_1_0_left_behind_is_not_believed(void **state) {
        static const char *const texts[] = {
                "{\"lease\":\"foo\",\"version\":9,\"conflicts\":\"\",\"replaces\":\"\",\"why\":\"stands back\","
                "\"code\":81,\"about\":\"a=b\"}",
                "{\"lease\":\"foo\",\"version\":9,\"conflicts\":\"\",\"replaces\":\"\",\"why\":\"\",\"code\":70}",
                "{\"lease\":\"foo\",\"version\":9,\"conflicts\":\"\",\"replaces\":\"\",\"why\":\"x\",\"code\":\"70\"}",
                "{\"lease\":\"foo\",\"version\":9,\"conflicts\":\"\",\"replaces\":\"\",\"why\":\"x\",\"code\":-1}",
                "{\"lease\":\"foo\",\"version\":9,\"conflicts\":\"\",\"replaces\":\"\",\"why\":\"x\",\"code\":65000}",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                RecordValue value = {};

                assert_int_equal(decode(RECORD_OFFER, texts[i], &value, NULL), 0);
                assert_int_equal(value.offer.code, WHY_NONE);
                assert_string_equal(value.offer.about, "");
        }
}

static void unreadable_text_is_replaced(void **state) {
        static const char *const previous[] = { "", "[]", "{", "{\"nonce\":{}}", "nonsense", "{\"a\":1,\"a\":2}" };
        BeatRecord beat = { .machine_id = MACHINE, .nonce = "1-1" };
        Record record = { .kind = RECORD_BEAT, .beat = &beat };

        for (size_t i = 0; i < ELEMENTSOF(previous); i++) {
                RecordValue value = {};
                char *text = NULL;

                assert_int_equal(record_encode(&record, previous[i], strlen(previous[i]), &text), 0);
                assert_int_equal(decode(RECORD_BEAT, text, &value, NULL), 0);
                assert_memory_equal(&value.beat, &beat, sizeof(beat));
                free(text);
        }
}

static void text_that_is_not_utf8_can_still_be_written(void **state) {
        MachineRecord machine = { .hostname = "caf\xe9", .metadata = "rack=\xc3\xa4 x=\xc3", .session = SESSION };
        Record record = { .kind = RECORD_MACHINE, .machine = &machine };
        RecordValue value = {};
        char *text = NULL;

        assert_int_equal(record_encode(&record, NULL, 0, &text), 0);
        assert_int_equal(decode(RECORD_MACHINE, text, &value, NULL), 0);
        assert_string_equal(value.machine.hostname, "caf?");
        assert_string_equal(value.machine.metadata, "rack=?? x=?");
        free(text);
}

static void a_number_that_json_cannot_hold_is_not_written(void **state) {
        LeaseRecord lease = { .index = (uint64_t) INT64_MAX + 1 };
        Record record = { .kind = RECORD_LEASE, .lease = &lease };
        char *text = NULL;

        assert_int_equal(record_encode(&record, NULL, 0, &text), -ERANGE);
        assert_null(text);
}

/* ---- what is wrong ---- */

static void must_be_wrong(RecordKind kind, const char *text, size_t size) {
        RecordValue value, before;
        const char *why = NULL;

        memset(&value, 0x5a, sizeof(value));
        memset(&before, 0x5a, sizeof(before));
        assert_int_equal(record_decode(kind, text, size, &value, &why), -EBADMSG);
        assert_true(why && why[0]);
        assert_memory_equal(&value, &before, sizeof(value)); /* untouched on failure */
        assert_int_equal(record_decode(kind, text, size, &value, NULL), -EBADMSG);
}

static void what_is_not_a_record_is_refused(void **state) {
        static const char *const texts[] = { "", " ", "null", "true", "1", "\"x\"", "[]", "{}", "{", "}", "{\"a\":}",
                "\xff\xfe", "{}{}", "{\"uuid\":\"x\"} x" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                for (RecordKind kind = 0; kind < _RECORD_KIND_MAX; kind++)
                        must_be_wrong(kind, texts[i], strlen(texts[i]));
        must_be_wrong(RECORD_BEAT, NULL, 0);
        must_be_wrong(RECORD_BEAT, "{\"machine_id\":\"a\",\"nonce\":\"b\"}\0", 31); /* a byte after its end */
        must_be_wrong(RECORD_BEAT, "{\"machine_id\":\"a\\u0000b\",\"nonce\":\"b\"}", 37);
        must_be_wrong(RECORD_BEAT, "{\"machine_id\":\"a\",\"nonce\":\"b\",\"nonce\":\"c\"}", 42);
}

/* Each member of each text in turn is left out, and replaced by each other type of JSON. */
static void every_member_must_be_there_and_of_its_type(void **state) {
        static const char *const others[] = { "null", "true", "1", "-1", "1.5", "\"word\"", "[1]", "[{}]",
                "{\"a\":1}" };

        for (size_t i = 0; i < ELEMENTSOF(corpus); i++) {
                RecordValue value, got;
                Record record = { .kind = corpus[i].kind, .value = &value };
                char *plain = NULL, *text;
                json_t *object, *less, *v;
                const char *name;

                memset(&value, 0, sizeof(value));
                assert_int_equal(decode(corpus[i].kind, corpus[i].text, &value, NULL), 0);
                assert_int_equal(record_encode(&record, NULL, 0, &plain), 0); /* only what is known */
                object = json_loads(plain, 0, NULL);
                json_object_foreach(object, name, v) {
                        if (streq(name, "code") || streq(name, "about") || streq(name, "over") ||
                                        streq(name, "silence") || streq(name, "keeps") || streq(name, "fell_back") ||
                                        streq(name, "drained_boot") || startswith(name, "up_") ||
                                        streq(name, "beats_every") || streq(name, "keeper"))
                                continue; /* younger than the format: may be missing */
                        less = json_deep_copy(object);
                        assert_int_equal(json_object_del(less, name), 0);
                        text = json_dumps(less, 0);
                        must_be_wrong(corpus[i].kind, text, strlen(text));
                        free(text);
                        for (size_t j = 0; j < ELEMENTSOF(others); j++) {
                                json_t *other = json_loads(others[j], JSON_DECODE_ANY, NULL);
                                bool same_type = json_typeof(other) == json_typeof(v) ||
                                                 (json_is_boolean(other) && json_is_boolean(v));

                                json_object_set_new(less, name, other);
                                text = json_dumps(less, 0);
                                if (!same_type)
                                        must_be_wrong(corpus[i].kind, text, strlen(text));
                                else /* of its type, it may be read or refused, but do no harm */
                                        (void) decode(corpus[i].kind, text, &got, NULL);
                                free(text);
                        }
                        json_decref(less);
                }
                json_decref(object);
                free(plain);
        }
}

static void what_does_not_fit_is_refused(void **state) {
        static const struct {
                const char *from, *to;
        } changes[] = {
                { "\"held\"", "\"HELD\"" },
                { "\"held\"", "\"\"" },
                { "\"index\":7", "\"index\":-7" },
                { "\"index\":7", "\"index\":9223372036854775807" },
                { "\"index\":7", "\"index\":9007199254740992" },
                { "\"index\":7", "\"index\":9223372036854775808" },
                { "\"index\":7", "\"index\":7.0" },
                { "\"since\":17", "\"since\":-17" },
                { "\"machine_id\":\"0", "\"machine_id\":\"00" },
                { "\"session\":\"1f", "\"session\":\"1f1f" },
                { "\"why\":\"stolen\"", "\"why\":\"stolen by somebody\"" },
                { "\"debts\":[{", "\"debts\":[{},{" },
                { "\"debts\":[{", "\"debts\":[[],{" },
                { "\"tenures\":[{", "\"tenures\":[1,{" },
        };

        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                const char *at = strstr(lease_text(), changes[i].from);
                char text[1024];

                assert_non_null(at);
                (void) snprintf(text, sizeof(text), "%.*s%s%s", (int) (at - lease_text()), lease_text(), changes[i].to,
                                at + strlen(changes[i].from));
                must_be_wrong(RECORD_LEASE, text, strlen(text));
        }
        must_be_wrong(RECORD_META, "{\"uuid\":\"x\",\"index_floor\":0,\"format\":4294967296}", 48);
}

/* ["element", "element", …] inside the text of a record */
static char *with_list(const char *head, const char *element, size_t n, const char *tail) {
        size_t size = strlen(head) + n * (strlen(element) + 1) + strlen(tail) + 1;
        char *text = malloc(size), *p;

        assert_non_null(text);
        p = stpcpy(text, head);
        for (size_t i = 0; i < n; i++)
                p = stpcpy(stpcpy(p, i ? "," : ""), element);
        (void) stpcpy(p, tail);
        return text;
}

static void a_debt_that_does_not_fit_makes_a_record_unreadable(void **state) {
        static const char head[] = "{\"state\":\"free\",\"machine_id\":\"\",\"session\":\"\",\"version\":0,"
                                   "\"index\":0,\"since\":0,\"period\":0,\"tenures\":[],\"debts\":[";
        static const char debt[] = "{\"session\":\"" SESSION "\",\"index\":6}";
        _cleanup_free_ char *fits = with_list(head, debt, DEBTS_MAX, "]}");
        _cleanup_free_ char *not = with_list(head, debt, DEBTS_MAX + 1, "]}");
        RecordValue value;

        assert_int_equal(decode(RECORD_LEASE, fits, &value, NULL), 0);
        assert_int_equal(value.lease.n_debts, DEBTS_MAX);
        must_be_wrong(RECORD_LEASE, not, strlen(not ));
}

static void of_too_many_names_the_newest_are_read(void **state) {
        _cleanup_free_ char *text = with_list("{\"counter\":65,\"names\":[\"old\",", "\"new\"", FENCE_NAMES_MAX, "]}");
        RecordValue value;

        assert_int_equal(decode(RECORD_FENCE, text, &value, NULL), 0);
        assert_int_equal(value.fence.counter, 65);
        assert_int_equal(value.fence.n_names, FENCE_NAMES_MAX);
        for (size_t i = 0; i < FENCE_NAMES_MAX; i++)
                assert_string_equal(value.fence.names[i], "new");
}

static void deep_nesting_is_no_harm(void **state) {
        enum { DEPTH = 100000 };
        char *text = malloc(2 * DEPTH + 16);

        assert_non_null(text);
        memset(text, '[', DEPTH);
        must_be_wrong(RECORD_LEASE, text, DEPTH);
        memcpy(text, "{\"later\":", 9);
        must_be_wrong(RECORD_LEASE, text, DEPTH);
        free(text);
}

/* ---- any bytes in ---- */

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t random_below(uint64_t n) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return random_state % n;
}

/* Cuts, flips, overwrites, doubles and splices; returns the new length. */
static size_t mangle(char *text, size_t n, size_t room) {
        static const char *const pieces[] = { "\"", "{", "}", "[", "]", ",", ":", "\\u0000", "\\ud800", "-", "1e999",
                "99999999999999999999", "null", "\xc3", "\"debts\":", "\"names\":[\"a\"]", "\"index\":" };
        const char *piece = pieces[random_below(ELEMENTSOF(pieces))];
        size_t at = random_below(n + 1), length = random_below(n - at + 1);

        switch (random_below(6)) {
        case 0:
                return at;
        case 1:
                if (at < n)
                        text[at] ^= (char) (1 << random_below(8));
                return n;
        case 2:
                if (at < n)
                        text[at] = (char) random_below(256);
                return n;
        case 3: /* a piece is cut out */
                memmove(text + at, text + at + length, n - at - length);
                return n - length;
        case 4: /* a piece is doubled */
                if (n + length > room)
                        return n;
                memmove(text + at + length, text + at, n - at);
                return n + length;
        default:
                if (n + strlen(piece) > room)
                        return n;
                memmove(text + at + strlen(piece), text + at, n - at);
                memcpy(text + at, piece, strlen(piece));
                return n + strlen(piece);
        }
}

static void no_bytes_do_harm(void **state) {
        enum { ROUNDS = 40000, ROOM = 4096 };
        unsigned good = 0, bad = 0;

        for (unsigned round = 0; round < ROUNDS; round++) {
                size_t i = random_below(ELEMENTSOF(corpus)), n = strlen(corpus[i].text);
                /* Exactly as large as the text, so that a sanitizer sees each byte read behind it. */
                char *exact, text[ROOM], *again = NULL;
                RecordValue value, twice;
                const char *why = NULL;
                Record record = { .kind = corpus[i].kind, .value = &value };
                int r;

                memset(&value, 0, sizeof(value));
                memcpy(text, corpus[i].text, n);
                for (unsigned k = 1 + (unsigned) random_below(4); k > 0; k--)
                        n = mangle(text, n, ROOM);
                exact = malloc(n + !n);
                assert_non_null(exact);
                memcpy(exact, text, n);
                r = record_decode(corpus[i].kind, exact, n, &value, &why);
                assert_true(r == 0 || r == -EBADMSG);
                if (r < 0) {
                        assert_non_null(why);
                        bad++;
                } else {
                        /* What could be read can be written over what it was, and reads the same. */
                        memset(&twice, 0, sizeof(twice));
                        assert_int_equal(record_encode(&record, exact, n, &again), 0);
                        assert_int_equal(decode(corpus[i].kind, again, &twice, NULL), 0);
                        assert_memory_equal(&value, &twice, sizeof(value));
                        free(again);
                        good++;
                }
                free(exact);
        }
        assert_true(good > ROUNDS / 100); /* else the mangling is too rough to prove anything */
        assert_true(bad > ROUNDS / 2);
}

/* A record from before timers were told of, and one from after. */
static void the_last_trigger_is_kept_and_need_not_be_there(void **state) {
        _cleanup_free_ char *text = NULL, *without = NULL;
        RecordValue value;
        const char *why;

        assert_int_equal(decode(RECORD_LEASE, lease_text(), &value, &why), 0);
        assert_int_equal(value.lease.last_trigger, 0);
        assert_int_equal(record_encode(&(Record){ .kind = RECORD_LEASE, .name = "a.timer", .value = &value.lease },
                                         NULL, 0, &without),
                        0);
        assert_true(!strstr(without, "last_trigger") && !strstr(without, "kept_for"));
        value.lease.last_trigger = value.lease.kept_for = 1700000000000001;
        assert_int_equal(record_encode(&(Record){ .kind = RECORD_LEASE, .name = "a.timer", .value = &value.lease },
                                         NULL, 0, &text),
                        0);
        assert_non_null(strstr(text, "\"last_trigger\":1700000000000001,\"kept_for\":1700000000000001"));
        assert_int_equal(decode(RECORD_LEASE, text, &value, &why), 0);
        assert_true(value.lease.last_trigger == 1700000000000001 && value.lease.kept_for == 1700000000000001);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_last_trigger_is_kept_and_need_not_be_there),
                cmocka_unit_test(a_key_names_its_kind_and_record),
                cmocka_unit_test(a_key_that_does_not_fit_is_invalid),
                cmocka_unit_test(other_keys_are_nobodys),
                cmocka_unit_test(every_kind_comes_back_as_it_was_written),
                cmocka_unit_test(a_lease_is_read_to_the_letter),
                cmocka_unit_test(the_fullest_lease_fits),
                cmocka_unit_test(what_is_unknown_is_kept_when_a_record_is_rewritten),
                cmocka_unit_test(a_reason_that_0_1_0_wrote_is_understood),
                cmocka_unit_test(a_tenure_with_a_number_can_be_read_by_0_1_0),
                cmocka_unit_test(an_offer_with_a_number_can_be_read_by_0_1_0),
                cmocka_unit_test(an_offer_without_a_state_has_none),
                cmocka_unit_test(a_number_that_0_1_0_left_behind_is_not_believed),
                cmocka_unit_test(unreadable_text_is_replaced),
                cmocka_unit_test(text_that_is_not_utf8_can_still_be_written),
                cmocka_unit_test(a_number_that_json_cannot_hold_is_not_written),
                cmocka_unit_test(what_is_not_a_record_is_refused),
                cmocka_unit_test(every_member_must_be_there_and_of_its_type),
                cmocka_unit_test(what_does_not_fit_is_refused),
                cmocka_unit_test(a_debt_that_does_not_fit_makes_a_record_unreadable),
                cmocka_unit_test(of_too_many_names_the_newest_are_read),
                cmocka_unit_test(deep_nesting_is_no_harm),
                cmocka_unit_test(no_bytes_do_harm),
        };

        return cmocka_run_group_tests_name("record-json", tests, NULL, NULL);
}
