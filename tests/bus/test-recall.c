/* SPDX-License-Identifier: Apache-2.0 */
/* For how long a unit that PID 1 has stopped by itself cannot run, also after a restart of leased; and what begins
 * with a clean slate along with it. */
#include "neighbours-fixture.h"

/* Somebody stops what the unit needs, and PID 1 stops the unit along with that. */
static void stop_along_with(World *w, const char *need) {
        const Pid1UnitStatus *s = pid1_unit_status(w->unit);

        set(w, need, "active", 10);
        set(w, UNIT, "deactivating", 11);
        tell(w, "JobNew", 10, need);
        tell(w, "JobNew", 11, UNIT);
        set(w, UNIT, "inactive", 0);
        set(w, need, "inactive", 0);
        tell(w, "JobRemoved", 11, UNIT);
        tell(w, "JobRemoved", 10, need);
        turn_until(s->active == UNIT_INACTIVE && s->end == UNIT_END_NEED && s->need != NEED_BACK);
        assert_string_equal(s->cause, need);
}

static void start_need(World *w) {
        set(w, NEED, "active", 0);
        tell(w, "JobNew", 12, NEED);
        tell(w, "JobRemoved", 12, NEED);
        turn_until(pid1_unit_status(w->unit)->need == NEED_BACK);
}

/* It comes up again as soon as the unit is started. */
static void nobody_keeps_a_slice_down(void **state) {
        World *w = *state;

        played(w, UNIT)->need = SLICE;
        watch_unit(w);
        stop_along_with(w, SLICE);
        settle(w);
        assert_int_equal(pid1_unit_status(w->unit)->need, NEED_SLICE);
}

/* Somebody has taken the Requires= out of the unit's file. */
static void what_the_unit_needs_no_longer_keeps_it_from_running_no_longer(void **state) {
        World *w = *state;
        const Pid1UnitStatus *s;

        watch_unit(w);
        s = pid1_unit_status(w->unit);
        stop_along_with(w, NEED);
        assert_int_equal(s->need, NEED_DOWN);
        played(w, UNIT)->need = OTHERS_NEED;
        reload(w, false);
        turn_until(s->need == NEED_BACK || s->end != UNIT_END_NEED);
        assert_int_equal(s->end, UNIT_END_NEED);
        settle(w);
        assert_int_equal(s->end, UNIT_END_NEED);
        assert_int_equal(s->need, NEED_BACK);
}

/* Another process of leased, which is told of this end of the unit. */
static void begin_again(World *w, const Pid1Ending *ending) {
        (void) pid1_free(w->pid1);
        assert_int_equal(pid1_new(w->event, USEC_PER_HOUR, &w->pid1), 0);
        assert_int_equal(pid1_attach(w->pid1, w->bus), 0);
        w->unit = watch(w, UNIT);
        assert_int_equal(pid1_unit_recall(w->unit, ending), 0);
        turn_until(pid1_unit_status(w->unit)->known);
}

static void what_has_stopped_the_unit_is_known_after_a_restart_of_leased(void **state) {
        World *w = *state;
        Pid1Ending ending;

        for (uint8_t run = 0; run < 2; run++) { /* without one, PID 1 has forgotten the unit */
                played(w, UNIT)->run = 7;
                set(w, UNIT, "active", 0);
                set(w, NEED, "active", 0);
                if (run == 0)
                        watch_unit(w);
                else {
                        begin_again(w, &(Pid1Ending){ .end = UNIT_END_BUS });
                        settle(w);
                }
                assert_int_equal(pid1_unit_ending(w->unit, &ending), 0);
                stop_along_with(w, NEED);
                assert_int_equal(pid1_unit_ending(w->unit, &ending), 1);
                played(w, UNIT)->run = run == 0 ? 7 : 0;
                begin_again(w, &ending);
                assert_int_equal(pid1_unit_status(w->unit)->end, UNIT_END_NEED);
                assert_int_equal(pid1_unit_status(w->unit)->need, NEED_DOWN);
                assert_string_equal(pid1_unit_status(w->unit)->cause, NEED);
                settle(w);
                assert_int_equal(pid1_unit_status(w->unit)->need, NEED_DOWN);
                start_need(w);
                settle(w);
                assert_int_equal(pid1_unit_status(w->unit)->end, UNIT_END_NEED);
        }
        job_of_unit(w, 20, "inactive"); /* somebody has it stopped once more */
        turn_until(pid1_unit_status(w->unit)->end == UNIT_END_HAND);
        assert_int_equal(pid1_unit_ending(w->unit, &ending), 0);
}

static void what_had_stopped_an_earlier_run_says_nothing_of_the_last_one(void **state) {
        World *w = *state;
        Pid1Ending ending;

        played(w, UNIT)->run = 7;
        watch_unit(w);
        stop_along_with(w, NEED);
        assert_int_equal(pid1_unit_ending(w->unit, &ending), 1);
        played(w, UNIT)->run = 8;
        begin_again(w, &ending);
        assert_int_equal(pid1_unit_status(w->unit)->end, UNIT_END_OWN);
        assert_int_equal(pid1_unit_ending(w->unit, &ending), -ENODATA);
}

static void what_the_unit_needs_begins_with_a_clean_slate_too(void **state) {
        World *w = *state;

        watch_unit(w);
        assert_int_equal(pid1_unit_reset_failed(w->unit), 1);
        settle(w);
        assert_string_equal(w->reset, UNIT " " NEED " ");
        played(w, UNIT)->need = OTHER; /* which is leased itself */
        w->other = watch(w, OTHER);
        reload(w, false);
        turn_until(w->lasting > 1);
        settle(w);
        w->reset[0] = '\0';
        assert_int_equal(pid1_unit_reset_failed(w->unit), 1);
        settle(w);
        assert_string_equal(w->reset, UNIT " ");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(nobody_keeps_a_slice_down, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                what_the_unit_needs_no_longer_keeps_it_from_running_no_longer, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                what_has_stopped_the_unit_is_known_after_a_restart_of_leased, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                what_had_stopped_an_earlier_run_says_nothing_of_the_last_one, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_the_unit_needs_begins_with_a_clean_slate_too, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
