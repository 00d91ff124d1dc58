/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the unit layer promises, against a real PID 1: this program runs as root inside a guest (see run-in-guest),
 * whose units, system bus and PID 1 it may do anything to. The "outside" is systemctl, run by system().
 *
 * The slow poll is an hour unless a test is about it: what is seen is seen by signals. No test sleeps; each waits for
 * a state, and a state that must not come is fenced by a later question's answer.
 */
#include "pid1/pid1-internal.h"
#include "unit-world.h"

/* ---- what is seen ---- */

static void our_start_and_stop_are_seen_and_are_ours(void **state) {
        install(SLEEP "TimeoutStopSec=7\n");
        begin(USEC_PER_HOUR);
        watch(UNIT);
        assert_true(is(UNIT_INACTIVE));
        assert_true(status()->empty);
        assert_true(status()->gate_loaded);
        assert_true(status()->timeout_stop == 7 * USEC_PER_SEC);

        start_and_wait();
        assert_string_equal(status()->sub_state, "running");
        assert_false(status()->empty);
        assert_string_equal(status()->control_group, "/system.slice/" UNIT);
        assert_false(status()->foreign_job);

        assert_int_equal(pid1_unit_stop(unit), 0);
        wait_for(is(UNIT_INACTIVE));
        assert_true(status()->empty);
        assert_false(status()->failed);
        assert_false(status()->foreign_job);
        assert_int_equal(seen.failed + seen.refused, 0);
}

static void a_start_and_a_stop_from_outside_are_seen(void **state) {
        install(SLEEP);
        begin(USEC_PER_HOUR);
        watch(UNIT);
        sh("systemctl start " UNIT);
        wait_for(is(UNIT_ACTIVE));
        sh("systemctl stop " UNIT);
        wait_for(is(UNIT_INACTIVE));
        assert_true(status()->foreign_job);
        /* and ours, later, begins a new count */
        start_and_wait();
        assert_false(status()->foreign_job);
        sh("systemctl stop " UNIT);
        wait_for(is(UNIT_INACTIVE));
        assert_true(status()->foreign_job);
}

static void a_restart_is_over_when_the_unit_runs_again(void **state) {
        uint8_t first[16];

        install(SLEEP);
        begin(USEC_PER_HOUR);
        watch(UNIT);
        start_and_wait();
        memcpy(first, status()->invocation_id, sizeof(first));
        sh("systemctl restart " UNIT);
        wait_for(is(UNIT_ACTIVE) && memcmp(first, status()->invocation_id, sizeof(first)) != 0);
        assert_false(status()->foreign_job);
}

/* PID 1 restarts it by a job of its own, and then it ends well by itself: nobody stopped it. */
static void an_end_after_an_automatic_restart_is_the_units_own(void **state) {
        install("Restart=on-failure\nRestartSec=10ms\n"
                "ExecStart=/bin/sh -c 'if rm /run/probe-first; then exit 3; fi; read x </run/probe-go'\n");
        put("/run/probe-first", "");
        sh("mkfifo /run/probe-go");
        begin(USEC_PER_HOUR);
        watch(UNIT);
        assert_int_equal(pid1_unit_start(unit), 0);
        /* The loop stands still in here: neither the restart nor the running unit are seen as they happen. */
        sh("echo now >/run/probe-go");
        wait_for(is(UNIT_INACTIVE));
        assert_false(status()->failed);
        assert_false(status()->foreign_job);
        sh("rm /run/probe-go");
}

/* PID 1's last restart job of a crash loop is the one that it then refuses. */
static void a_unit_that_fails_for_good_has_done_so_by_itself(void **state) {
        static const char *const delays[] = { "0", "1ms", "50ms" };

        begin(USEC_PER_HOUR);
        for (size_t i = 0; i < ELEMENTSOF(delays); i++) {
                _cleanup_free_ char *text = NULL;

                assert_true(asprintf(&text, "Restart=always\nRestartSec=%s\nExecStart=/bin/false\n", delays[i]) > 0);
                install(text);
                watch(UNIT);
                assert_int_equal(pid1_unit_start(unit), 0);
                wait_for(is(UNIT_FAILED));
                settle(unit);
                assert_true(is(UNIT_FAILED));
                assert_true(status()->failed);
                assert_false(status()->foreign_job);
                unit = pid1_unit_free(unit);
                sh("systemctl reset-failed " UNIT);
        }
}

static void how_a_unit_ended_is_kept(void **state) {
        static const uint8_t none[16];

        install("ExecStart=/bin/false\n");
        begin(USEC_PER_HOUR);
        watch(UNIT);
        assert_int_equal(pid1_unit_start(unit), 0);
        wait_for(is(UNIT_FAILED));
        settle(unit); /* a start is not asked for again before PID 1 has said what has become of the one before */
        assert_true(status()->failed);
        assert_true(status()->empty);
        assert_false(status()->foreign_job);

        put(UNITS UNIT, "[Service]\nType=oneshot\nExecStart=/bin/true\n");
        sh("systemctl daemon-reload");
        assert_int_equal(pid1_unit_start(unit), 0);
        wait_for(is(UNIT_INACTIVE) && !status()->failed);
        /* An unreferenced unit would be unloaded now, and this forgotten. */
        settle(unit);
        assert_memory_not_equal(status()->invocation_id, none, sizeof(none));
        assert_false(status()->foreign_job);
}

static void a_process_left_over_makes_an_inactive_unit_not_empty(void **state) {
        install("KillMode=process\nExecStart=/bin/sh -c 'sleep 1000 & >/run/probe-forked; exec sleep 1000'\n");
        begin(USEC_PER_HOUR);
        watch(UNIT);
        start_and_wait();
        wait_for(access("/run/probe-forked", F_OK) >= 0);
        assert_int_equal(pid1_unit_stop(unit), 0);
        wait_for(is(UNIT_INACTIVE));
        settle(unit);
        assert_true(is(UNIT_INACTIVE));
        assert_false(status()->empty);

        assert_int_equal(cgroup_kill(CGROUP_ROOT "/system.slice/" UNIT), 0);
        wait_for(status()->empty); /* without being asked, though PID 1 has nothing to tell */
        assert_true(is(UNIT_INACTIVE));
}

/* ---- gate ---- */

static void a_start_without_the_gate_is_refused_and_told(void **state) {
        install(SLEEP);
        begin(USEC_PER_HOUR);
        watch(UNIT);
        sh("rm " GATE);
        (void) system("systemctl start " UNIT " 2>/dev/null");
        wait_for(seen.refused == 1);
        assert_int_equal(pid1_unit_start(unit), 0);
        wait_for(seen.refused == 2);
        settle(unit);
        assert_true(is(UNIT_INACTIVE));
        assert_true(status()->empty);
        assert_int_equal(seen.failed, 0);
}

static void the_gate_is_believed_only_as_pid1_has_loaded_it(void **state) {
        install(SLEEP);
        sh("rm " DROPIN "; systemctl daemon-reload");
        begin(USEC_PER_HOUR);
        watch(UNIT);
        assert_false(status()->gate_loaded);
        assert_false(status()->need_reload);

        put(DROPIN, "[Unit]\nAssertPathExists=" GATE "\nBindsTo=" GUARD "\nAfter=" GUARD "\n");
        settle(unit);
        assert_true(status()->need_reload);
        assert_false(status()->gate_loaded);

        Answered a = {};
        assert_int_equal(pid1_reload(manager, on_answer, &a), 0);
        wait_for(a.done && reloads == 1);
        assert_int_equal(a.error, 0);
        wait_for(status()->gate_loaded);
        assert_false(status()->need_reload);

        put(LATER_DROPIN, "[Unit]\nAssertPathExists=\n");
        sh("systemctl daemon-reload");
        wait_for(!status()->gate_loaded);
        put(LATER_DROPIN, "[Unit]\nAssertPathExists=\nAssertPathExists=|" GATE "\nAssertPathExists=|/\n");
        sh("systemctl daemon-reload");
        wait_for(reloads == 3);
        settle(unit);
        assert_false(status()->gate_loaded);
        put(LATER_DROPIN, "[Unit]\nAssertPathExists=|/\n");
        sh("systemctl daemon-reload");
        wait_for(status()->gate_loaded);

        sh("systemctl mask --runtime " UNIT " 2>/dev/null; rm " UNITS UNIT "; systemctl daemon-reload");
        wait_for(!status()->gate_loaded);
        sh("systemctl unmask --runtime " UNIT " 2>/dev/null");
}

/* ---- every type ---- */

static bool is_read(void) {
        return !unit->asking.question && !unit->asking.queued;
}

/* PID 1 is asked about a unit by parts or as a whole (pid1/question.h). Both must give the same status. */
static void must_be_the_same_as_a_whole(void) {
        Pid1UnitStatus parts;

        settle(unit);
        wait_for(is_read());
        pid1_read_all(manager);
        wait_for(is_read());
        assert_false(unit->asking.looked_up);
        parts = *status();
        pid1_unit_wish_whole(unit);
        pid1_pump(manager);
        wait_for(is_read());
        assert_true(unit->asking.looked_up);
        parts.asked_at = status()->asked_at;
        assert_memory_equal(&parts, status(), sizeof(parts));
}

static void every_type_of_unit_is_read(void **state) {
        static const struct {
                const char *name, *text;
                bool group;
        } types[] = {
                { "probe-type.service", "[Service]\n" SLEEP, true },
                { "probe-type.socket", "[Socket]\nListenStream=/run/probe.socket\nTimeoutSec=9\n", true },
                { "probe-type.timer", "[Timer]\nOnActiveSec=1h\n", false },
                { "probe-type.path", "[Path]\nPathExists=/run/never\n", false },
                { "probe-type.target", "[Unit]\nDescription=x\n", false },
                { "probe.mount", "[Mount]\nWhat=tmpfs\nWhere=/probe\nType=tmpfs\n", true },
                { "probe-type.slice", "[Slice]\n", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                _cleanup_free_ char *path = NULL;

                assert_true(asprintf(&path, UNITS "%s", types[i].name) > 0);
                put(path, types[i].text);
        }
        sh("systemctl daemon-reload");
        begin(USEC_PER_HOUR);
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                watch(types[i].name);
                assert_true(is(UNIT_INACTIVE));
                assert_true(status()->empty);
                must_be_the_same_as_a_whole();
                start_and_wait();
                must_be_the_same_as_a_whole();
                /* systemd 262 makes no group for a socket without a command. */
                if (*status()->control_group || !endswith(types[i].name, ".socket"))
                        assert_int_equal(*status()->control_group != 0, types[i].group);
                assert_false(status()->failed);
                if (endswith(types[i].name, ".socket"))
                        assert_true(status()->timeout_stop == 9 * USEC_PER_SEC);
                if (endswith(types[i].name, ".timer"))
                        assert_true(status()->timeout_stop == USEC_INFINITY);
                assert_int_equal(pid1_unit_stop(unit), 0);
                wait_for(is(UNIT_INACTIVE));
                assert_true(status()->empty);
                assert_false(status()->foreign_job);
                unit = pid1_unit_free(unit);
        }
}

/* ---- PID 1's questions ---- */

static void the_job_of_a_unit_is_told(void **state) {
        Answered a = {}, b = {}, c = {};

        install("ExecStart=/bin/sleep infinity\nExecStop=/bin/sh -c 'read x </run/probe-go'\nTimeoutStopSec=20\n");
        sh("mkfifo /run/probe-go");
        begin(USEC_PER_HOUR);
        assert_int_equal(pid1_start_unit(manager, UNIT, on_answer, &a), 0);
        wait_for(a.done);
        assert_int_equal(a.error, 0);
        watch(UNIT);
        wait_for(is(UNIT_ACTIVE));
        assert_int_equal(pid1_job_type(manager, UNIT, on_answer, &b), 0);
        wait_for(b.done);
        assert_int_equal(b.error, 0);
        assert_string_equal(b.text, "");
        sh("systemctl --no-block restart " UNIT);
        wait_for(status()->job);
        assert_true(status()->foreign_job);
        assert_int_equal(pid1_job_type(manager, UNIT, on_answer, &c), 0);
        wait_for(c.done);
        assert_string_equal(c.text, "restart");
        sh("echo now >/run/probe-go");
        wait_for(is(UNIT_ACTIVE));
        assert_false(status()->foreign_job);
        sh("systemctl kill -s KILL " UNIT "; rm /run/probe-go");
}

/* ---- lifetimes ---- */

static void a_unit_may_be_freed_in_its_callback_and_watched_again(void **state) {
        install(SLEEP);
        begin(USEC_PER_HOUR);
        watch(UNIT);
        Pid1Unit *twice;
        assert_int_equal(pid1_unit_new(manager, UNIT, GATE, GUARD, &callbacks, NULL, &twice), -EEXIST);
        seen.free_inside = true;
        assert_int_equal(pid1_unit_start(unit), 0);
        wait_for(!unit);
        seen.free_inside = false;
        watch(UNIT);
        wait_for(is(UNIT_ACTIVE));
}

static void free_all(Pid1Unit *u, const Pid1UnitStatus *s, void *userdata) {
        unit = NULL;
        manager = pid1_free(manager);
}

static void all_may_be_freed_while_under_way(void **state) {
        static const Pid1UnitCallbacks killer = { .status = free_all };
        Answered a = {};

        install(SLEEP);
        begin(USEC_PER_HOUR);
        watch(UNIT);
        outside("freeze");
        assert_int_equal(pid1_unit_read(unit) + pid1_unit_start(unit) + pid1_unit_stop(unit), 0);
        assert_int_equal(pid1_job_type(manager, UNIT, on_answer, &a), 0);
        assert_int_equal(pid1_reload(manager, on_answer, &a), 0);
        manager = pid1_free(manager);
        assert_false(a.done);
        outside("thaw");

        begin(USEC_PER_HOUR);
        assert_int_equal(pid1_unit_new(manager, UNIT, GATE, GUARD, &killer, NULL, &unit), 0);
        wait_for(!manager);
}

/* A unit that tells its status all the time must not keep PID 1 busy with our questions. */
static void a_talkative_unit_is_not_asked_about_every_word(void **state) {
        usec_t begun, spent;
        unsigned before;

        put("/opt/leased-test/talk", "import os, signal, socket, time\n"
                                     "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                                     "s.connect(os.environ['NOTIFY_SOCKET'])\n"
                                     "end = time.monotonic() + 3\n"
                                     "while time.monotonic() < end:\n"
                                     "    s.send(b'STATUS=%f' % time.monotonic())\n"
                                     "    time.sleep(0.003)\n"
                                     "open('/run/probe-said', 'w')\n"
                                     "signal.pause()\n");
        install("NotifyAccess=all\nExecStart=/usr/bin/python3 /opt/leased-test/talk\n");
        begin(USEC_PER_HOUR);
        watch(UNIT);
        begun = now_boottime();
        before = seen.reports;
        start_and_wait();
        wait_for(access("/run/probe-said", F_OK) >= 0);
        settle(unit);
        spent = now_boottime() - begun;
        print_message("%u reports in %.3f s\n", seen.reports - before, (double) spent / 1e6);
        assert_in_range(seen.reports - before, 1, 20 + (20 + 4) * (spent / USEC_PER_SEC + 1));
        /* and its end is seen as fast as any other's */
        assert_int_equal(pid1_unit_stop(unit), 0);
        wait_for(is(UNIT_INACTIVE));
}

static void wait_for_all(Pid1Unit **units, size_t n, usec_t since) {
        for (size_t i = 0; i < n; i++) {
                const Pid1UnitStatus *s = pid1_unit_status(units[i]);

                /* Each of them within the deadline of one: PID 1 is slow in loading a unit, and the more the slower.
                 */
                wait_for(s->known && s->asked_at >= since);
        }
}

static void many_units_make_none_unknown(void **state) {
        static Pid1Unit *many[200];
        usec_t t;

        put(UNITS "probe-many@.service", "[Service]\n" SLEEP);
        sh("systemctl daemon-reload");
        begin(USEC_PER_HOUR);
        t = now_boottime();
        for (size_t i = 0; i < ELEMENTSOF(many); i++) {
                char name[64];

                (void) snprintf(name, sizeof(name), "probe-many@%zu.service", i);
                assert_int_equal(pid1_unit_new(manager, name, GATE, GUARD, &callbacks, NULL, &many[i]), 0);
        }
        wait_for_all(many, ELEMENTSOF(many), t);
        print_message("%zu units loaded and read in %.3f s\n", ELEMENTSOF(many), (double) (now_boottime() - t) / 1e6);

        t = now_boottime();
        for (size_t i = 0; i < ELEMENTSOF(many); i++)
                assert_int_equal(pid1_unit_read(many[i]), 0);
        wait_for_all(many, ELEMENTSOF(many), t);
        print_message("and read again in %.3f s\n", (double) (now_boottime() - t) / 1e6);
        assert_false(seen.was_unknown);
}

int main(int argc, char **argv) {
#define TEST(f) cmocka_unit_test_teardown(f, clean)
        static const struct CMUnitTest tests[] = {
                TEST(our_start_and_stop_are_seen_and_are_ours),
                TEST(a_start_and_a_stop_from_outside_are_seen),
                TEST(a_restart_is_over_when_the_unit_runs_again),
                TEST(an_end_after_an_automatic_restart_is_the_units_own),
                TEST(a_unit_that_fails_for_good_has_done_so_by_itself),
                TEST(how_a_unit_ended_is_kept),
                TEST(a_process_left_over_makes_an_inactive_unit_not_empty),
                TEST(a_start_without_the_gate_is_refused_and_told),
                TEST(the_gate_is_believed_only_as_pid1_has_loaded_it),
                TEST(a_slow_reload_makes_nothing_unknown),
                TEST(a_frozen_pid1_is_unknown_in_time_and_known_again),
                TEST(a_frozen_pid1_is_asked_for_no_more_jobs_than_the_bus_allows),
                TEST(pid1_executing_itself_anew_is_survived),
                TEST(a_lost_subscription_only_costs_time),
                TEST(a_signal_that_is_not_pid1s_is_not_believed),
                TEST(a_refused_call_comes_through_the_callback),
                TEST(every_type_of_unit_is_read),
                TEST(the_job_of_a_unit_is_told),
                TEST(a_unit_may_be_freed_in_its_callback_and_watched_again),
                TEST(all_may_be_freed_while_under_way),
                TEST(a_talkative_unit_is_not_asked_about_every_word),
                TEST(many_units_make_none_unknown),
                TEST(a_new_broker_is_survived),
        };

        (void) setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        return cmocka_run_group_tests(tests, open_world, close_world) +
               _cmocka_run_group_tests("who ended it", ending_tests, n_ending_tests, open_world, close_world) +
               _cmocka_run_group_tests("how it ended", alone_tests, n_alone_tests, open_world, close_world) +
               _cmocka_run_group_tests("many units", many_tests, n_many_tests, open_world, close_world);
}
