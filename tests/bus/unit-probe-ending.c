/* SPDX-License-Identifier: Apache-2.0 */
/* Who ended a unit, as a real PID 1 lets it be seen: each setting by which it stops one by itself, and the hand. */
#include "unit-world.h"

#define NEED "probe-need.service"
#define PART UNITS NEED

/* The unit has this relation to NEED, which runs, and runs itself. */
static void install_with(const char *relation, const char *need) {
        _cleanup_free_ char *text = NULL, *other = NULL;

        assert_true(asprintf(&text, "[Unit]\n%s\n", relation) > 0);
        assert_true(asprintf(&other, "[Unit]\n%s\n[Service]\n" SLEEP, need) > 0);
        put(PART, other);
        put(UNITS UNIT ".d/relation.conf", text);
        install(SLEEP);
        begin(USEC_PER_HOUR);
        watch(UNIT);
        if (strstr(relation, "Requisite="))
                sh("systemctl start " NEED);
        start_and_wait();
}

static bool ended(UnitEnd end, NeedState need) {
        const Pid1UnitStatus *s = status();

        return s->known && !s->job && (s->active == UNIT_INACTIVE || s->active == UNIT_FAILED) && s->end == end &&
               s->need == need;
}

static void what_is_stopped_along_waits_until_that_is_back(void **state) {
        static const struct {
                const char *relation, *need;
        } all[] = {
                { "Requires=" NEED, "" },
                { "Requires=" NEED "\nAfter=" NEED, "" },
                { "Requisite=" NEED "\nAfter=" NEED, "" },
                { "BindsTo=" NEED "\nAfter=" NEED, "" },
                { "Wants=" NEED "\nPartOf=" NEED, "" },
                { "Wants=" NEED "\nStopPropagatedFrom=" NEED, "" },
                { "Wants=" NEED, "PropagatesStopTo=" UNIT },
        };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                install_with(all[i].relation, all[i].need);
                sh("systemctl stop " NEED);
                wait_for(ended(UNIT_END_NEED, NEED_DOWN));
                assert_string_equal(status()->cause, NEED);
                sh("systemctl start " NEED);
                wait_for(ended(UNIT_END_NEED, NEED_BACK));
                start_and_wait();
                assert_int_equal(status()->end, UNIT_END_OWN);
                /* at once: what needs it is stopped, and it is started again, before anybody looks */
                sh("systemctl stop " NEED "; systemctl start " NEED);
                wait_for(ended(UNIT_END_NEED, NEED_BACK));
                clean(NULL);
        }
}

static void a_mount_or_a_slice_that_is_stopped_takes_the_unit_along_until_it_is_back(void **state) {
        static const struct {
                const char *setting, *need;
                NeedState down;
        } all[] = {
                { "[Unit]\nRequiresMountsFor=/probemount/data\n", "probemount.mount", NEED_DOWN },
                { "[Service]\nSlice=probe.slice\n", "probe.slice", NEED_SLICE },
        };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                _cleanup_free_ char *stop = NULL, *start = NULL;

                assert_true(asprintf(&stop, "systemctl stop %s", all[i].need) > 0);
                assert_true(asprintf(&start, "systemctl start %s", all[i].need) > 0);
                put(UNITS "probe.slice", "[Slice]\n");
                put(UNITS "probemount.mount", "[Mount]\nWhat=tmpfs\nType=tmpfs\nWhere=/probemount\n");
                put(UNITS UNIT ".d/relation.conf", all[i].setting);
                install(SLEEP);
                begin(USEC_PER_HOUR);
                watch(UNIT);
                start_and_wait();
                sh(stop);
                wait_for(ended(UNIT_END_NEED, all[i].down));
                assert_string_equal(status()->cause, all[i].need);
                sh(start);
                wait_for(ended(UNIT_END_NEED, NEED_BACK));
                start_and_wait();
                if (i == 0) {
                        sh("umount /probemount"); /* which is no stop */
                        settle(unit);
                        assert_true(is(UNIT_ACTIVE));
                }
                sh("systemctl stop " UNIT);
                sh(stop);
                clean(NULL);
        }
}

static void what_needs_nothing_of_another_unit_is_not_stopped_with_it(void **state) {
        static const char *const all[] = {
                "Wants=" NEED,
                "WantsMountsFor=/probemount",
                "After=" NEED,
                "Before=" NEED,
                "PropagatesReloadTo=" NEED,
                "ReloadPropagatedFrom=" NEED,
                "JoinsNamespaceOf=" NEED,
                "AllowIsolate=yes",
                "CollectMode=inactive-or-failed",
                "Upholds=" NEED,
                "PropagatesStopTo=" NEED,
        };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                install_with(all[i], "");
                sh("systemctl start " NEED);
                sh("systemctl stop " NEED " 2>&1");
                settle(unit);
                assert_true(is(UNIT_ACTIVE));
                assert_int_equal(status()->end, UNIT_END_OWN);
                clean(NULL);
        }
}

static void what_ends_by_itself_leaves_running_what_is_not_bound_to_it(void **state) {
        static const char *const all[] = { "Requires=" NEED "\nAfter=" NEED, "Requisite=" NEED "\nAfter=" NEED,
                "Wants=" NEED "\nPartOf=" NEED };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                install_with(all[i], "");
                sh("systemctl kill --signal=KILL " NEED);
                wait_for(system("systemctl -q is-failed " NEED) == 0);
                settle(unit);
                assert_true(is(UNIT_ACTIVE));
                assert_int_equal(status()->end, UNIT_END_OWN);
                clean(NULL);
        }
}

static void what_is_upheld_is_started_along_and_not_stopped_with_it(void **state) {
        install_with("Upholds=" NEED, "");
        wait_for(system("systemctl -q is-active " NEED) == 0);
        assert_int_equal(pid1_unit_stop(unit), 0);
        wait_for(is(UNIT_INACTIVE));
        sh("systemctl -q is-active " NEED);
}

static void what_is_bound_goes_with_what_ends_by_itself(void **state) {
        static const char *const relations[] = { "BindsTo=" NEED "\nAfter=" NEED, "BindsTo=" NEED,
                "Wants=" NEED "\nStopPropagatedFrom=" NEED };

        for (size_t i = 0; i < ELEMENTSOF(relations); i++) {
                install_with(relations[i], "");
                sh("systemctl kill --signal=KILL " NEED);
                wait_for(ended(UNIT_END_NEED, NEED_FAILED));
                assert_string_equal(status()->cause, NEED);
                clean(NULL);
        }
}

static void what_is_restarted_along_runs_again_and_has_not_ended(void **state) {
        install_with("Requires=" NEED "\nAfter=" NEED, "");
        sh("systemctl restart " NEED);
        wait_for(is(UNIT_ACTIVE));
        assert_int_equal(status()->end, UNIT_END_OWN);
        assert_false(status()->foreign_job);
}

static void a_conflict_lasts_while_the_other_runs(void **state) {
        install_with("Conflicts=" NEED, "");
        sh("systemctl start " NEED);
        wait_for(ended(UNIT_END_CONFLICT, NEED_DOWN));
        assert_string_equal(status()->cause, NEED);
        sh("systemctl stop " NEED);
        wait_for(ended(UNIT_END_CONFLICT, NEED_BACK));
        clean(NULL);
        put(PART ".d/once.conf", "[Service]\nType=oneshot\nExecStart=\nExecStart=/bin/true\n");
        install_with("Conflicts=" NEED, "");
        sh("systemctl start " NEED); /* and is over at once */
        wait_for(ended(UNIT_END_CONFLICT, NEED_BACK));
        sh("rm -r " PART ".d");
        clean(NULL);
        install_with("", "Conflicts=" UNIT); /* the other way round */
        sh("systemctl start " NEED);
        wait_for(ended(UNIT_END_CONFLICT, NEED_DOWN));
}

static void a_hand_is_told_from_all_of_that(void **state) {
        static const char *const relations[] = {
                "",
                "Requires=" NEED "\nAfter=" NEED,
                "BindsTo=" NEED "\nAfter=" NEED,
                "BindsTo=" NEED,
                "PartOf=" NEED,
                "Conflicts=" NEED,
        };

        for (size_t i = 0; i < ELEMENTSOF(relations); i++) {
                install_with(relations[i], "StopWhenUnneeded=yes");
                sh("systemctl stop " UNIT);
                wait_for(ended(UNIT_END_HAND, NEED_BACK));
                sh("systemctl stop " NEED); /* afterwards makes no difference */
                settle(unit);
                assert_true(ended(UNIT_END_HAND, NEED_BACK));
                clean(NULL);
        }
}

static void a_hand_beside_a_job_on_another_is_a_hand(void **state) {
        install_with("Conflicts=" NEED, "");
        sh("systemctl stop " NEED " " UNIT); /* the first is down already */
        wait_for(ended(UNIT_END_HAND, NEED_BACK));
        start_and_wait();
        sh("systemctl start " NEED);
        wait_for(ended(UNIT_END_CONFLICT, NEED_DOWN));
        start_and_wait(); /* the first has run, but before the unit did */
        sh("systemctl stop " NEED " " UNIT);
        wait_for(ended(UNIT_END_HAND, NEED_BACK));
        clean(NULL);
        put(PART ".d/once.conf", "[Service]\nType=oneshot\nExecStart=\nExecStart=/bin/true\n");
        install_with("Requires=" NEED "\nAfter=" NEED, "");
        sh("systemctl start " NEED "; systemctl stop " UNIT);
        wait_for(ended(UNIT_END_HAND, NEED_BACK));
        sh("rm -r " PART ".d");
}

static void a_stop_of_what_is_down_already_is_a_hand(void **state) {
        install_with("Requires=" NEED "\nAfter=" NEED, "");
        sh("systemctl stop " NEED);
        wait_for(ended(UNIT_END_NEED, NEED_DOWN));
        sh("systemctl stop " UNIT);
        wait_for(ended(UNIT_END_HAND, NEED_BACK));
        start_and_wait();
        sh("systemctl stop " NEED "; systemctl stop " UNIT); /* before anybody looks */
        wait_for(ended(UNIT_END_HAND, NEED_BACK));
        clean(NULL);
        install_with("BindsTo=" NEED "\nAfter=" NEED, "");
        sh("systemctl kill --signal=KILL " NEED);
        wait_for(ended(UNIT_END_NEED, NEED_FAILED));
        sh("systemctl stop " UNIT);
        wait_for(ended(UNIT_END_HAND, NEED_BACK));
}

static void a_restart_by_hand_that_fails_is_a_failure(void **state) {
        install_with("", "");
        put(UNITS UNIT ".d/fails.conf", "[Service]\nExecStartPre=/bin/false\n");
        sh("systemctl daemon-reload; ! systemctl restart " UNIT);
        wait_for(ended(UNIT_END_FAILED, NEED_BACK));
}

/* When JobTimeoutSec= runs out, the job of a stop ends, but the stop itself goes on. A restart ends the same way, and
 * PID 1 does not start the unit again after it: so the restart has failed. */
static void a_stop_by_hand_that_ran_too_long_is_a_hand(void **state) {
        install_with("JobTimeoutSec=1s", "");
        put(UNITS UNIT ".d/slow.conf", "[Service]\nExecStop=/bin/sleep 2\n");
        sh("systemctl daemon-reload; systemctl --no-block stop " UNIT);
        wait_for(ended(UNIT_END_HAND, NEED_BACK));
        start_and_wait();
        sh("systemctl --no-block restart " UNIT);
        wait_for(ended(UNIT_END_FAILED, NEED_BACK));
}

static void a_signal_is_no_good_end(void **state) {
        install_with("", "");
        sh("systemctl kill " UNIT);
        wait_for(is(UNIT_INACTIVE));
        assert_false(status()->failed);
        assert_true(status()->killed);
        assert_int_equal(status()->end, UNIT_END_OWN);
}

static void a_start_limit_is_forgotten_when_that_is_asked_for(void **state) {
        put(UNITS UNIT ".d/limit.conf", "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=2\n");
        install("Restart=always\nRestartSec=1ms\nExecStart=/bin/sh -c 'test -e /run/probe-mended && exec sleep "
                "infinity'\n");
        begin(USEC_PER_HOUR);
        watch(UNIT);
        assert_int_equal(pid1_unit_start(unit), 0);
        wait_for(is(UNIT_FAILED));
        put("/run/probe-mended", "");
        sh("! systemctl start " UNIT); /* and a reload would make PID 1 forget it, too */
        assert_int_equal(pid1_unit_reset_failed(unit), 1);
        start_and_wait();
        assert_int_equal(seen.failed, 0);
}

#define TEST(f) cmocka_unit_test_teardown(f, clean)
const struct CMUnitTest ending_tests[] = {
        TEST(what_is_stopped_along_waits_until_that_is_back),
        TEST(a_mount_or_a_slice_that_is_stopped_takes_the_unit_along_until_it_is_back),
        TEST(what_needs_nothing_of_another_unit_is_not_stopped_with_it),
        TEST(what_ends_by_itself_leaves_running_what_is_not_bound_to_it),
        TEST(what_is_upheld_is_started_along_and_not_stopped_with_it),
        TEST(what_is_bound_goes_with_what_ends_by_itself),
        TEST(what_is_restarted_along_runs_again_and_has_not_ended),
        TEST(a_conflict_lasts_while_the_other_runs),
        TEST(a_hand_is_told_from_all_of_that),
        TEST(a_hand_beside_a_job_on_another_is_a_hand),
        TEST(a_stop_of_what_is_down_already_is_a_hand),
        TEST(a_restart_by_hand_that_fails_is_a_failure),
        TEST(a_stop_by_hand_that_ran_too_long_is_a_hand),
        TEST(a_signal_is_no_good_end),
        TEST(a_start_limit_is_forgotten_when_that_is_asked_for),
};
const size_t n_ending_tests = ELEMENTSOF(ending_tests);
