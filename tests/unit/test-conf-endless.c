/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Anybody may have leased look at options (ExplainOptions), and leased does nothing else meanwhile. So a text costs no
 * more than its length, whatever stands in it. Here the work is counted: the functions that look for a near name are
 * replaced by these.
 */

#include "conf-fixture.h"
#include "util/suggest.h"

enum { LINES = 6500 };

static size_t searches, looks;

Suggestion suggest_begin(const char *typed) {
        searches++;
        return (Suggestion){ .typed = typed, .distance = SIZE_MAX };
}

void suggest_consider(Suggestion *s, const char *name) {
        looks++;
}

static void a_near_name_is_looked_for_only_where_it_is_told(void **state) {
        _cleanup_(unit_options_freep) UnitOptions *o = NULL;
        _cleanup_(messages_done) Messages m = {};
        _cleanup_free_ char *text = calloc(LINES + 1, strlen("Requirx=1\n"));

        strcpy(text, "[X-Leased]\n");
        for (size_t i = 0, at = strlen(text); i < LINES - 10; i++, at += strlen("Requirx=1\n"))
                strcpy(text + at, "Requirx=1\n");
        (void) unit_options_preview_text("", "a.service", text, strlen(text), &o, &m);
        assert_in_range(m.n, 2, 201);
        assert_in_range(searches, 1, m.n);
        assert_in_range(looks, searches, 100 * m.n);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_near_name_is_looked_for_only_where_it_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
