/* SPDX-License-Identifier: Apache-2.0 */
/* What docs/wire.md shows is what the codec reads and writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>

#include <jansson.h>

#include "registry/record-json.h"

/* An example is a fenced block of two lines, the key and the value. */
static void the_examples_of_the_documentation_are_read_and_written_as_they_are(void **state) {
        _cleanup_free_ char *line = NULL, *key = NULL;
        size_t size = 0, n[_RECORD_KIND_MAX] = {};
        FILE *file = fopen(WIRE, "re");

        assert_non_null(file);
        while (getline(&line, &size, file) > 0) {
                _cleanup_free_ char *again = NULL;
                const char *name, *why = "";
                json_t *said, *written;
                RecordKind kind;
                RecordValue value;

                line[strcspn(line, "\n")] = '\0';
                if (line[0] != '{') {
                        free(key);
                        key = strdup(line);
                        continue;
                }
                assert_true(record_parse_key(key, &kind, &name));
                if (record_decode(kind, line, strlen(line), &value, &why) < 0)
                        fail_msg("%s: %s", key, why);
                assert_int_equal(record_encode(&(Record){ .kind = kind, .name = name, .value = &value }, NULL, 0,
                                                 &again),
                                0);
                said = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
                written = json_loads(again, 0, NULL);
                assert_true(json_equal(said, written));
                json_decref(said);
                json_decref(written);
                n[kind]++;
        }
        (void) fclose(file);
        for (RecordKind kind = 0; kind < _RECORD_KIND_MAX; kind++)
                assert_true(n[kind] > 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_examples_of_the_documentation_are_read_and_written_as_they_are),
        };

        return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
