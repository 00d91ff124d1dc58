/* SPDX-License-Identifier: Apache-2.0 */
/* Anybody may have written what is read: a text that would take long to parse is damaged before it is parsed, and no
 * record that leased writes is such a text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include <jansson.h>

#include "registry/record-json.h"
#include "registry/registry.h"
#include "registry/values.h"

#define BEAT "{\"machine_id\":\"0123456789abcdef0123456789abcdef\",\"nonce\":\"1-1\""

static size_t allocations; /* by jansson */

static void *count_and_allocate(size_t size) {
        allocations++;
        return malloc(size);
}

static int decode(RecordKind kind, const char *text, RecordValue *ret, const char **ret_why) {
        return record_decode(kind, text, strlen(text), ret, ret_why);
}

/* Text that begins with head, has n pieces in a list, and ends with tail. */
static char *with_list(const char *head, const char *piece, size_t n, const char *tail) {
        char *text = malloc(strlen(head) + n * (strlen(piece) + 1) + strlen(tail) + 1), *p;

        assert_non_null(text);
        p = stpcpy(text, head);
        for (size_t i = 0; i < n; i++)
                p = stpcpy(stpcpy(p, i > 0 ? "," : ""), piece);
        (void) stpcpy(p, tail);
        return text;
}

/* A beat of that many bytes, most of them in one string. */
static char *long_beat(size_t size) {
        char *text = malloc(size + 1);
        int n;

        assert_non_null(text);
        n = snprintf(text, size + 1, "%s,\"more\":\"", BEAT);
        memset(text + n, 'x', size - (size_t) n);
        memcpy(text + size - 2, "\"}", 3);
        return text;
}

/* ---- what others wrote ---- */

static void a_text_of_too_many_values_is_damaged_and_never_parsed(void **state) {
        static const char *const pieces[] = { "{}", "[]", "1", "\"\"", "{\"a\":{}}" };

        for (RecordKind kind = 0; kind < _RECORD_KIND_MAX; kind++)
                for (size_t i = 0; i < ELEMENTSOF(pieces); i++) {
                        _cleanup_free_ char *text = with_list("{\"a\":[", pieces[i],
                                        REGISTRY_VALUE_MAX / (strlen(pieces[i]) + 1) - 10, "]}");
                        const char *why = NULL;
                        RecordValue value;

                        assert_in_range(strlen(text), REGISTRY_VALUE_MAX / 2, REGISTRY_VALUE_MAX);
                        allocations = 0;
                        assert_int_equal(decode(kind, text, &value, &why), -EBADMSG);
                        assert_string_equal(why, "it is too long, or has too many values");
                        assert_int_equal(allocations, 0);
                }
}

static void a_text_that_is_too_long_is_damaged_and_never_parsed(void **state) {
        _cleanup_free_ char *longest = long_beat(REGISTRY_VALUE_MAX), *longer = long_beat(REGISTRY_VALUE_MAX + 1);
        RecordValue value;
        const char *why;

        assert_int_equal(decode(RECORD_BEAT, longest, &value, &why), 0);
        allocations = 0;
        assert_int_equal(decode(RECORD_BEAT, longer, &value, &why), -EBADMSG);
        assert_int_equal(allocations, 0);
}

static void values_within_strings_do_not_count(void **state) {
        _cleanup_free_ char *most = with_list(BEAT ",\"more\":[", "{}", RECORD_VALUES_MAX / 2 - 2, "]}"),
                            *quoted = with_list(BEAT ",\"more\":\"\\\"", "[{", 10000, "\\\\\"}");
        RecordValue value;
        const char *why;

        assert_true(values_are_few(most, strlen(most), RECORD_VALUES_MAX));
        assert_int_equal(decode(RECORD_BEAT, most, &value, &why), 0);
        assert_int_equal(decode(RECORD_BEAT, quoted, &value, &why), 0);
}

/* ---- what leased writes ---- */

#define FILL(text) memset(text, c, sizeof(text) - 1)

static void fill_lease(LeaseRecord *l, char c) {
        l->state = LEASE_HELD;
        FILL(l->machine_id);
        FILL(l->session);
        l->version = l->upgraded = INT64_MIN;
        l->index = INDEX_MAX;
        l->since = l->period = l->renewed = l->last_trigger = l->kept_for = INT64_MAX;
        for (l->n_debts = 0; l->n_debts < DEBTS_MAX; l->n_debts++) {
                FILL(l->debts[l->n_debts].session);
                l->debts[l->n_debts].index = INDEX_MAX;
        }
        for (l->n_tenures = 0; l->n_tenures < TENURES_MAX; l->n_tenures++) {
                Tenure *t = l->tenures + l->n_tenures;

                FILL(t->machine_id);
                FILL(t->why);
                FILL(t->by);
                t->index = t->from = t->to = INT64_MAX;
                t->code = UINT16_MAX;
        }
}

static void fill_fence(FenceRecord *f, char c) {
        f->counter = f->silence = INT64_MAX;
        f->over = f->keeps = true;
        FILL(f->keeper);
        FILL(f->over_by);
        for (f->n_names = 0; f->n_names < FENCE_NAMES_MAX; f->n_names++)
                FILL(f->names[f->n_names]);
}

static void fill_machine(MachineRecord *m, char c) {
        FILL(m->hostname);
        FILL(m->boot_id);
        FILL(m->session);
        FILL(m->metadata);
        FILL(m->version);
        FILL(m->drained_by);
        FILL(m->drained_boot);
        FILL(m->up_session);
        m->beats_every = m->up_since = INT64_MAX;
}

static void fill_offer(OfferRecord *o, char c) {
        FILL(o->lease);
        FILL(o->conflicts);
        FILL(o->replaces);
        FILL(o->about);
        FILL(o->why);
        FILL(o->active);
        FILL(o->result);
        o->version = INT64_MIN;
        o->code = UINT16_MAX;
        o->until = o->since = INT64_MAX;
        o->copies = UINT32_MAX;
}

/* The largest record of that kind, whose every text is of that character. */
static void fill(RecordKind kind, RecordValue *v, char c) {
        memset(v, 0, sizeof(*v));
        switch (kind) {
        case RECORD_LEASE:
                fill_lease(&v->lease, c);
                return;
        case RECORD_FENCE:
                fill_fence(&v->fence, c);
                return;
        case RECORD_MACHINE:
                fill_machine(&v->machine, c);
                return;
        case RECORD_OFFER:
                fill_offer(&v->offer, c);
                return;
        case RECORD_META:
                FILL(v->meta.uuid);
                v->meta.index_floor = INDEX_MAX;
                v->meta.format = UINT32_MAX;
                return;
        case RECORD_BEAT:
                FILL(v->beat.machine_id);
                FILL(v->beat.nonce);
                return;
        case RECORD_REQUEST:
                FILL(v->request.unit);
                FILL(v->request.machine_id);
                FILL(v->request.by);
                FILL(v->request.about);
                v->request.index = INDEX_MAX;
                v->request.within = INT64_MAX;
                v->request.code = UINT16_MAX;
                return;
        case RECORD_PAUSE:
                FILL(v->pause.by);
                v->pause.since = INT64_MAX;
                v->pause.fell_back = true;
                return;
        case _RECORD_KIND_MAX:
                break;
        }
        fail();
}

static char *encode(RecordKind kind, const RecordValue *value, const char *previous) {
        char *text = NULL;

        assert_int_equal(record_encode(&(Record){ .kind = kind, .name = "x", .value = value }, previous,
                                         previous ? strlen(previous) : 0, &text),
                        0);
        return text;
}

/* In a name the longest character is a quoted backslash; anywhere, it is one of control, of six bytes. */
static void the_largest_record_of_each_kind_is_far_within_the_bounds(void **state) {
        for (RecordKind kind = 0; kind < _RECORD_KIND_MAX; kind++) {
                static RecordValue value, again;
                _cleanup_free_ char *plain = NULL, *worst = NULL;
                const char *why = "";

                fill(kind, &value, 'x');
                plain = encode(kind, &value, NULL);
                assert_true(values_are_few(plain, strlen(plain), RECORD_VALUES_MAX / 4));
                if (kind != RECORD_FENCE)
                        assert_in_range(strlen(plain), 1, RECORD_KEPT_MAX / 2);
                fill(kind, &value, '\x01');
                worst = encode(kind, &value, NULL);
                assert_true(values_are_few(worst, strlen(worst), RECORD_VALUES_MAX / 4));
                assert_in_range(strlen(worst), strlen(plain), REGISTRY_VALUE_MAX / 2);
                if (decode(kind, worst, &again, &why) < 0)
                        fail_msg("%s: %s", record_prefix(kind), why);
        }
}

/* ---- what is written over what others wrote ---- */

/* Law 11: the text that replaces another one can be read, whatever that one was. */
static void what_is_written_over_a_large_record_can_be_read(void **state) {
        static const char head[] = "{\"state\":\"held\",\"later\":[";
        static RecordValue value, again;

        fill(RECORD_LEASE, &value, 'x');
        for (size_t n = RECORD_VALUES_MAX / 2 - 300; n < RECORD_VALUES_MAX / 2 + 10; n += 5) {
                _cleanup_free_ char *previous = with_list(head, "{}", n, "]}"),
                                    *text = encode(RECORD_LEASE, &value, previous);
                bool fits = n < RECORD_VALUES_MAX / 2 - 200;

                assert_int_equal(decode(RECORD_LEASE, text, &again, NULL), 0);
                assert_int_equal(again.lease.n_tenures, TENURES_MAX);
                if (fits || !values_are_few(previous, strlen(previous), RECORD_VALUES_MAX))
                        assert_int_equal(!!strstr(text, "later"), fits);
        }
}

static void of_a_long_record_unknown_members_are_not_kept(void **state) {
        _cleanup_free_ char *kept = long_beat(RECORD_KEPT_MAX), *lost = long_beat(RECORD_KEPT_MAX + 1), *a = NULL,
                            *b = NULL;
        RecordValue value;

        assert_int_equal(decode(RECORD_BEAT, kept, &value, NULL), 0);
        a = encode(RECORD_BEAT, &value, kept);
        assert_string_equal(a, kept);
        allocations = 0;
        b = encode(RECORD_BEAT, &value, lost);
        assert_null(strstr(b, "more"));
        assert_in_range(allocations, 1, 100);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_text_of_too_many_values_is_damaged_and_never_parsed),
                cmocka_unit_test(a_text_that_is_too_long_is_damaged_and_never_parsed),
                cmocka_unit_test(values_within_strings_do_not_count),
                cmocka_unit_test(the_largest_record_of_each_kind_is_far_within_the_bounds),
                cmocka_unit_test(what_is_written_over_a_large_record_can_be_read),
                cmocka_unit_test(of_a_long_record_unknown_members_are_not_kept),
        };

        json_set_alloc_funcs(count_and_allocate, free);
        return cmocka_run_group_tests_name("record-bounds", tests, NULL, NULL);
}
