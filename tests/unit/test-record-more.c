/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of records that say more than this version understands: each must be kept until its record is rewritten, and
 * any other may be forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry/record-json.h"

#define MACHINE "0123456789abcdef0123456789abcdef"

static const char plain[] =
                "{\"state\":\"free\",\"machine_id\":\"\",\"session\":\"\",\"version\":0,\"index\":8,\"since\":0,"
                "\"period\":0,\"debts\":[],\"tenures\":[{\"machine_id\":\"" MACHINE
                "\",\"index\":6,\"from\":1,\"to\":2,\"why\":\"drain\",\"code\":65535}]}";

static bool says_more(const char *text) {
        RecordValue value;
        bool more;

        assert_int_equal(record_decode_more(RECORD_LEASE, text, strlen(text), &value, NULL, &more), 0);
        return more;
}

static void a_text_that_is_understood_may_be_forgotten(void **state) {
        assert_false(says_more(plain));
}

static void a_text_that_says_more_is_told(void **state) {
        static const struct {
                const char *before, *after; /* what is put in the place of the first */
        } additions[] = {
                { "{", "{\"newer\":1," },
                { "\"debts\":[", "\"debts\":[{\"session\":\"0000000000000001-5000\",\"index\":6,\"newer\":1}" },
                { "\"why\":\"drain\"", "\"why\":\"drain\",\"newer\":null" },
                { "\"code\":65535", "\"code\":65536" },
        };

        for (size_t i = 0; i < ELEMENTSOF(additions); i++) {
                const char *place = strstr(plain, additions[i].before);
                char text[1024];

                assert_non_null(place);
                (void) snprintf(text, sizeof(text), "%.*s%s%s", (int) (place - plain), plain, additions[i].after,
                                place + strlen(additions[i].before));
                assert_true(says_more(text));
        }
}

/* An offer says how many copies there are to be, and 0.1.0 does not. */
static void copies_are_a_number_that_may_be_missing(void **state) {
        static const char bare[] =
                        "{\"lease\":\"foo#1\",\"version\":9,\"conflicts\":\"\",\"replaces\":\"\",\"why\":\"\"";
        static const struct {
                const char *more;
                int r;
                unsigned copies;
        } offers[] = { { "", 0, 0 }, { ",\"copies\":3", 0, 3 }, { ",\"copies\":0", 0, 0 },
                { ",\"copies\":-1", -EBADMSG, 0 }, { ",\"copies\":\"3\"", -EBADMSG, 0 },
                { ",\"copies\":4294967296", -EBADMSG, 0 } };

        for (size_t i = 0; i < ELEMENTSOF(offers); i++) {
                RecordValue value = {};
                char text[300], *again = NULL;

                (void) snprintf(text, sizeof(text), "%s%s}", bare, offers[i].more);
                assert_int_equal(record_decode(RECORD_OFFER, text, strlen(text), &value, NULL), offers[i].r);
                if (offers[i].r < 0)
                        continue;
                assert_int_equal(value.offer.copies, offers[i].copies);
                assert_int_equal(record_encode(&(Record){ .kind = RECORD_OFFER, .offer = &value.offer }, NULL, 0,
                                                 &again),
                                0);
                assert_int_equal(!!strstr(again, "copies"), offers[i].copies > 0);
                free(again);
        }
}

/* It is read as nothing, so nothing of it is understood; but it is to be replaced as a whole. */
static void a_damaged_text_is_damaged_in_the_same_way(void **state) {
        const char *why = NULL;
        RecordValue value;
        bool more = true;

        assert_int_equal(record_decode_more(RECORD_LEASE, "{", 1, &value, &why, &more), -EBADMSG);
        assert_non_null(why);
        assert_false(more);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_text_that_is_understood_may_be_forgotten),
                cmocka_unit_test(a_text_that_says_more_is_told),
                cmocka_unit_test(copies_are_a_number_that_may_be_missing),
                cmocka_unit_test(a_damaged_text_is_damaged_in_the_same_way),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
