/* SPDX-License-Identifier: Apache-2.0 */
/* The files of leased 0.1.0's local registry hold any bytes, and have any name, that somebody gave them: no byte
 * beyond them is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "old-store.h"
#include "registry/local/old-file.h"
#include "registry/registry.h"

/* A whole record with a true checksum, as somebody else's program might write it. *ret_size bytes, allocated to fit.
 */
static char *record_text(const char *escaped_key, const char *value, uint64_t revision, size_t *ret_size) {
        char path[] = "/tmp/local-decode.XXXXXX";
        int fd = mkstemp(path);
        char *text = malloc(4096);
        ssize_t n;

        assert_true(fd >= 0);
        assert_non_null(text);
        old_record_write(path, escaped_key, value, strlen(value), revision);
        n = read(fd, text, 4096);
        assert_true(n > 0 && n < 4096);
        (void) close(fd);
        (void) unlink(path);
        *ret_size = (size_t) n;
        text = realloc(text, (size_t) n); /* so small that a read beyond it is noticed */
        assert_non_null(text);
        return text;
}

static int decode(const char *text, size_t size, const char *name) {
        LocalFile file = {};
        int r = local_file_decode(text, size, name, &file);

        if (r == 1) {
                assert_non_null(file.key);
                assert_non_null(file.value);
                assert_true(file.mod_revision > 0 && !file.damaged);
        } else
                assert_null(file.key);
        local_file_clear(&file);
        return r;
}

static int decode_named(const char *name) {
        size_t size;
        _cleanup_free_ char *text = record_text(name, "value", 7, &size);

        return decode(text, size, name);
}

static void an_escape_that_is_cut_off_is_no_key(void **state) {
        static const char *const names[] = { "leases+x%1", "leases+x%", "%1", "%", "leases+%1%1", "a%0", "a%G1",
                "a%1g" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_int_equal(decode_named(names[i]), 0);
        assert_int_equal(decode_named("leases+x"), 1);
        assert_int_equal(decode_named("leases+x%7E"), 1);
}

static void a_key_has_one_name_only(void **state) {
        static const char *const names[] = { "leases+%41", "%2F", "a b", "leases+x%7e", "%00", "x\x01" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_int_equal(decode_named(names[i]), 0);
}

static void a_long_key_that_no_name_holds_is_checked_likewise(void **state) {
        char escaped[400], name[LOCAL_NAME_SIZE];
        _cleanup_free_ char *good = NULL, *bad = NULL;
        size_t size;

        memset(escaped, 'x', sizeof(escaped));
        escaped[399] = '\0';
        local_name(escaped, name);
        good = record_text(escaped, "value", 7, &size);
        assert_int_equal(decode(good, size, name), 1);
        escaped[397] = '%'; /* what is cut off from the name still has to be right */
        escaped[398] = '1';
        local_name(escaped, name);
        bad = record_text(escaped, "value", 7, &size);
        assert_int_equal(decode(bad, size, name), 0);
}

static void a_revision_that_nobody_counts_to_is_damage(void **state) {
        size_t size;
        _cleanup_free_ char *last = record_text("a", "", INT64_MAX, &size);

        assert_int_equal(decode(last, size, "a"), 1);
        _cleanup_free_ char *beyond = record_text("a", "", (uint64_t) INT64_MAX + 1, &size);
        assert_int_equal(decode(beyond, size, "a"), 0);
        _cleanup_free_ char *zero = record_text("a", "", 0, &size);
        assert_int_equal(decode(zero, size, "a"), 0);
}

static void a_file_that_is_cut_or_changed_is_damage(void **state) {
        size_t size;
        _cleanup_free_ char *text = record_text("leases+x", "value\n", 7, &size);

        for (size_t at = 0; at < size; at++) {
                _cleanup_free_ char *copy = malloc(at + (at == 0));

                assert_non_null(copy);
                memcpy(copy, text, at);
                assert_int_equal(decode(copy, at, "leases+x"), 0);
        }
        for (size_t at = 0; at < size; at++)
                for (unsigned bit = 0; bit < 8; bit++) {
                        text[at] ^= (char) (1 << bit);
                        assert_int_equal(decode(text, size, "leases+x"), 0);
                        text[at] ^= (char) (1 << bit);
                }
        assert_int_equal(decode(text, size, "leases+x"), 1);
        assert_int_equal(decode(text, size, "leases+y"), 0);
}

static void file_names_are_readable_and_stay_inside(void **state) {
        static const struct {
                const char *key, *name;
        } table[] = {
                { "leases/foo@1.service", "leases+foo@1.service" },
                { "leases/a\\x2db.service", "leases+a\\x2db.service" },
                { "meta", "meta" },
                { "..", "%2E." },
                { "../../etc/passwd", "%2E.+..+etc+passwd" },
                { "/etc/passwd", "+etc+passwd" },
                { ".hidden", "%2Ehidden" },
                { "a+b", "a%2Bb" },
                { "a%2Bb", "a%252Bb" },
                { "a~", "a%7E" },
                { "\xc3\xa4\n", "%C3%A4%0A" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *escaped = local_escape(table[i].key), *key = NULL;
                char name[LOCAL_NAME_SIZE];

                local_name(escaped, name);
                assert_string_equal(name, table[i].name);
                assert_int_equal(local_unescape(name, &key), 1);
                assert_string_equal(key, table[i].key);
        }
}

static void any_byte_comes_back_from_a_file_name(void **state) {
        for (int a = 1; a < 256; a++)
                for (int b = 1; b < 256; b++) {
                        char key[] = { (char) a, (char) b, (char) a, '\0' }, name[LOCAL_NAME_SIZE];
                        _cleanup_free_ char *escaped = local_escape(key), *back = NULL;

                        local_name(escaped, name);
                        assert_null(strchr(name, '/'));
                        assert_true(name[0] != '.');
                        assert_int_equal(local_unescape(name, &back), 1);
                        assert_string_equal(back, key);
                }
}

static void other_file_names_are_nobodys(void **state) {
        static const char *const names[] = { "", "foo~", "%", "%4", "%41", "%zz", "%2e", "%00", ".foo", "a b", "#x#" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_free_ char *key = NULL;

                assert_int_equal(local_unescape(names[i], &key), 0);
                assert_null(key);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(file_names_are_readable_and_stay_inside),
                cmocka_unit_test(any_byte_comes_back_from_a_file_name),
                cmocka_unit_test(other_file_names_are_nobodys),
                cmocka_unit_test(an_escape_that_is_cut_off_is_no_key),
                cmocka_unit_test(a_key_has_one_name_only),
                cmocka_unit_test(a_long_key_that_no_name_holds_is_checked_likewise),
                cmocka_unit_test(a_revision_that_nobody_counts_to_is_damage),
                cmocka_unit_test(a_file_that_is_cut_or_changed_is_damage),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
