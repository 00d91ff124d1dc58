/* SPDX-License-Identifier: Apache-2.0 */
/* What leased and leasectl conclude alike from what PID 1 says of a unit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/strv.h"
#include "util/unit-facts.h"

#define GATE "/run/leased/held/a.service"

static void only_a_plain_assert_of_the_gate_keeps_a_unit_from_starting(void **state) {
        assert_true(unit_facts_is_gate("AssertPathExists", false, false, GATE, GATE));
        assert_false(unit_facts_is_gate("AssertPathExists", true, false, GATE, GATE));
        assert_false(unit_facts_is_gate("AssertPathExists", false, true, GATE, GATE));
        assert_false(unit_facts_is_gate("AssertPathIsDirectory", false, false, GATE, GATE));
        assert_false(unit_facts_is_gate("AssertPathExists", false, false, GATE "/", GATE));
}

static void a_gate_is_loaded_only_if_nothing_is_lacking(void **state) {
        const UnitFacts good = {
                .id = "a.service", .load_state = "loaded", .gate_asserted = true, .guard_bound = true
        };
        UnitFacts f = good;

        assert_true(unit_facts_gate_loaded(&f, "a.service"));
        assert_false(unit_facts_gate_loaded(&f, "alias.service"));
        f.gate_asserted = false;
        assert_false(unit_facts_gate_loaded(&f, "a.service"));
        f = good;
        f.guard_bound = false;
        assert_false(unit_facts_gate_loaded(&f, "a.service"));
        f = good;
        f.need_reload = true;
        assert_false(unit_facts_gate_loaded(&f, "a.service"));
        f = good;
        f.load_state = "bad-setting";
        assert_false(unit_facts_gate_loaded(&f, "a.service"));
}

static void what_must_be_up_already_is_not_brought_along(void **state) {
        assert_true(unit_facts_pulls("Wants"));
        assert_true(unit_facts_pulls("Requires"));
        assert_true(unit_facts_pulls("BindsTo"));
        assert_true(unit_facts_pulls("Upholds"));
        assert_false(unit_facts_pulls("Requisite"));
        assert_false(unit_facts_pulls("After"));
}

static void assert_covers(const char *unit, bool accept, const char *first, const char *second) {
        char *triggers[] = { (char *) "t.service", NULL };
        char *bound_by[] = { (char *) "side.service", (char *) "loose.service", NULL };
        char *pulled[] = { (char *) "side.service", (char *) "other.service", NULL };
        UnitFacts f = { .accept = accept, .triggers = triggers, .bound_by = bound_by, .pulled = pulled };
        _cleanup_(strv_freep) char **list = NULL;

        assert_int_equal(unit_facts_add_covered(&f, unit, &list), 0);
        assert_int_equal(unit_facts_add_covered(&f, unit, &list), 0); /* nothing twice */
        assert_int_equal(strv_length(list), second ? 2 : 1);
        assert_string_equal(list[0], first);
        if (second)
                assert_string_equal(list[1], second);
}

static void a_lease_covers_what_its_unit_brings(void **state) {
        UnitFacts nothing = {};
        char **list = NULL;

        assert_covers("a.timer", false, "t.service", NULL);
        assert_covers("a.path", false, "t.service", NULL);
        assert_covers("a.automount", false, "t.service", NULL);
        assert_covers("a.socket", false, "t.service", NULL);
        assert_covers("a.socket", true, "a@.service", NULL);
        assert_covers("a.target", false, "side.service", "loose.service");
        assert_covers("a.service", false, "side.service", NULL);
        assert_covers("a.mount", false, "side.service", NULL);
        assert_int_equal(unit_facts_add_covered(&nothing, "a.service", &list), 0);
        assert_null(list);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_a_plain_assert_of_the_gate_keeps_a_unit_from_starting),
                cmocka_unit_test(a_gate_is_loaded_only_if_nothing_is_lacking),
                cmocka_unit_test(what_must_be_up_already_is_not_brought_along),
                cmocka_unit_test(a_lease_covers_what_its_unit_brings),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
