/* SPDX-License-Identifier: Apache-2.0 */
/* What unit-probe proves of a PID 1 that is late, silent or gone, of strangers, and of jobs that cannot be. */
#include "unit-world.h"

/* ---- PID 1 late, silent, gone ---- */

void a_slow_reload_makes_nothing_unknown(void **state) {
        install(SLEEP);
        begin(USEC_PER_HOUR);
        watch(UNIT);
        start_and_wait();
        put("/etc/systemd/system-generators/probe-slow", "#!/bin/sh\nexec sleep 3\n");
        sh("chmod +x /etc/systemd/system-generators/probe-slow");
        Answered a = {};
        assert_int_equal(pid1_reload(manager, on_answer, &a), 0);
        settle(unit);
        wait_for(a.done);
        assert_int_equal(a.error, 0);
        assert_false(seen.was_unknown);
        sh("rm /etc/systemd/system-generators/probe-slow");
}

void a_frozen_pid1_is_unknown_in_time_and_known_again(void **state) {
        usec_t asked;

        install(SLEEP);
        begin(USEC_PER_SEC);
        watch(UNIT);
        start_and_wait();
        outside("freeze");
        asked = now_boottime();
        assert_int_equal(pid1_unit_read(unit), 0);
        assert_int_equal(pid1_unit_stop(unit), 0);
        wait_for(seen.was_unknown);
        assert_false(status()->known);
        assert_true(status()->asked_at >= asked);
        print_message("unknown after %.3f s\n", (double) (seen.unknown_at - asked) / 1e6);
        assert_in_range(seen.unknown_at - asked, 4 * USEC_PER_SEC, 6 * USEC_PER_SEC);
        wait_for(seen.failed == 1);
        assert_int_equal(seen.error, -ETIMEDOUT);
        unsigned reports = seen.reports;
        wait_for(seen.reports > reports); /* and it goes on saying so */
        assert_false(status()->known);
        outside("thaw");
        wait_for(status()->known);
        /* The stop that was asked for long ago is carried out now, and is still ours. */
        wait_for(is(UNIT_INACTIVE));
        assert_false(status()->foreign_job);
        assert_int_equal(seen.failed, 1);
}

/* More jobs than the bus lets one connection wait for: none is refused, they wait, and are all carried out. */
void a_frozen_pid1_is_asked_for_no_more_jobs_than_the_bus_allows(void **state) {
        enum { N = 160 };
        Pid1Unit *many[N];
        usec_t end;

        install(SLEEP);
        put(UNITS "probe-many@.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n");
        sh("systemctl daemon-reload && systemctl start $(seq -f probe-many@%g.service 0 159)");
        begin(USEC_PER_HOUR);
        for (unsigned i = 0; i < N; i++) {
                char name[64];

                (void) snprintf(name, sizeof(name), "probe-many@%u.service", i);
                assert_int_equal(pid1_unit_new(manager, name, GATE, GUARD, &callbacks, NULL, &many[i]), 0);
        }
        for (unsigned i = 0; i < N; i++)
                wait_for(pid1_unit_status(many[i])->known && pid1_unit_status(many[i])->active == UNIT_ACTIVE);
        outside("freeze");
        for (unsigned i = 0; i < N; i++)
                assert_int_equal(pid1_unit_stop(many[i]), 0);
        for (end = now_boottime() + USEC_PER_SEC; now_boottime() < end;)
                assert_true(sd_event_run(event, 10000) >= 0);
        if (seen.failed > 0)
                fail_msg("%u jobs failed: %s", seen.failed, seen.message);
        outside("thaw");
        for (unsigned i = 0; i < N; i++)
                wait_for(pid1_unit_status(many[i])->known && pid1_unit_status(many[i])->active == UNIT_INACTIVE);
        for (unsigned i = 0; i < N; i++)
                (void) pid1_unit_free(many[i]);
        assert_int_equal(seen.failed, 0);
}

void pid1_executing_itself_anew_is_survived(void **state) {
        install(SLEEP);
        begin(USEC_PER_HOUR);
        watch(UNIT);
        start_and_wait();
        for (unsigned i = 0; i < 3; i++) {
                sh("systemctl daemon-reexec");
                wait_for(reloads > i);
                settle(unit);
                assert_true(is(UNIT_ACTIVE));
                assert_false(status()->foreign_job);
                assert_true(status()->gate_loaded);
        }
        assert_false(seen.was_unknown);
        /* Signals come again, with nobody else subscribed. */
        sh("systemctl --no-block stop " UNIT);
        wait_for(is(UNIT_INACTIVE));
        assert_true(status()->foreign_job);
}

static bool bus_is_gone(void) {
        return sd_bus_is_open(bus) <= 0;
}

void a_new_broker_is_survived(void **state) {
        install(SLEEP);
        begin(USEC_PER_HOUR);
        watch(UNIT);
        start_and_wait();

        uint32_t broker;
        assert_true(sd_bus_get_property_trivial(bus, "org.freedesktop.systemd1",
                                    "/org/freedesktop/systemd1/unit/dbus_2eservice",
                                    "org.freedesktop.systemd1.Service", "MainPID", NULL, 'u', &broker) >= 0);
        assert_true(broker > 1);

        Answered a = {};
        outside("freeze");
        assert_int_equal(pid1_job_type(manager, UNIT, on_answer, &a), 0);
        assert_true(sd_bus_flush(bus) >= 0);
        assert_int_equal(kill((pid_t) broker, SIGKILL), 0);
        wait_for(bus_is_gone() && !status()->known);
        outside("thaw");
        pid1_detach(manager);
        wait_for(a.done);
        assert_true(a.error < 0);
        assert_false(pid1_attached(manager));
        assert_int_equal(pid1_unit_stop(unit), -ENOTCONN);
        assert_int_equal(pid1_reload(manager, on_answer, &a), -ENOTCONN);

        bus = sd_bus_close_unref(bus);
        for (usec_t end = now_boottime() + DEADLINE; now_boottime() < end && !bus;) {
                sd_bus *new = NULL;

                if (system("busctl status org.freedesktop.systemd1 >/dev/null 2>&1") == 0 &&
                                sd_bus_open_system(&new) >= 0)
                        bus = new;
        }
        assert_non_null(bus);
        assert_true(sd_bus_attach_event(bus, event, 0) >= 0);
        assert_int_equal(pid1_attach(manager, bus), 0);
        assert_int_equal(pid1_attach(manager, bus), -EISCONN);
        wait_for(is(UNIT_ACTIVE));
        assert_false(status()->foreign_job);
        assert_int_equal(pid1_unit_stop(unit), 0);
        wait_for(is(UNIT_INACTIVE));
}

/* As PID 1s before 256 do when their connection to the bus breaks. */
void a_lost_subscription_only_costs_time(void **state) {
        install(SLEEP);
        begin(USEC_PER_SEC);
        watch(UNIT);
        start_and_wait();
        assert_true(sd_bus_call_method(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                    "org.freedesktop.systemd1.Manager", "Unsubscribe", NULL, NULL, NULL) >= 0);
        sh("systemctl --no-block stop " UNIT);
        wait_for(is(UNIT_INACTIVE));
}

/* ---- whom to believe ---- */

/* A question, and then all that follows from it, and from what was said before. */
static void settle_and_listen(void) {
        settle(unit);
        for (usec_t end = usec_add(now_boottime(), 400 * USEC_PER_MSEC); now_boottime() < end;)
                assert_true(sd_event_run(event, 100000) >= 0);
}

/* Waits until a question leads to one report, and no other follows: a start is read once more with the next tick, and
 * PID 1 may tell of a unit that is up that its program has been executed. */
static void settle_down(void) {
        unsigned before;

        do {
                before = seen.reports;
                settle_and_listen();
        } while (seen.reports != before + 1);
}

void a_signal_that_is_not_pid1s_is_not_believed(void **state) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *stranger = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *a = NULL, *b = NULL, *c = NULL;
        const char *us;
        unsigned before;

        install(SLEEP);
        begin(USEC_PER_HOUR);
        watch(UNIT);
        start_and_wait();
        settle_down();
        before = seen.reports;
        assert_true(sd_bus_get_unique_name(bus, &us) >= 0);
        assert_true(sd_bus_open_system(&stranger) >= 0);
#define FORGE(m, member)                                                                                              \
        assert_true(sd_bus_message_new_signal(stranger, &m, "/org/freedesktop/systemd1",                              \
                                    "org.freedesktop.systemd1.Manager", member) >= 0 &&                               \
                        sd_bus_message_set_destination(m, us) >= 0)
        FORGE(a, "JobNew");
        assert_true(sd_bus_message_append(a, "uos", 4000000, "/org/freedesktop/systemd1/job/4000000", UNIT) >= 0);
        FORGE(b, "JobRemoved");
        assert_true(sd_bus_message_append(
                                    b, "uoss", 4000000, "/org/freedesktop/systemd1/job/4000000", UNIT, "assert") >= 0);
        FORGE(c, "Reloading");
        assert_true(sd_bus_message_append(c, "b", false) >= 0);
        assert_true(sd_bus_send(stranger, a, NULL) >= 0 && sd_bus_send(stranger, b, NULL) >= 0 &&
                        sd_bus_send(stranger, c, NULL) >= 0);
        assert_true(sd_bus_flush(stranger) >= 0);
        /* The broker has passed them on before it answers this, and we read what it passes on in order. */
        assert_true(sd_bus_call_method(stranger, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                    "org.freedesktop.DBus", "GetId", NULL, NULL, NULL) >= 0);
        settle_and_listen();
        settle_and_listen();
        assert_int_equal(seen.reports, before + 2); /* nothing was read anew but what we asked for */
        sh("systemctl stop " GUARD);                /* the real one: the unit is bound to it */
        wait_for(is(UNIT_INACTIVE));
        assert_int_equal(seen.refused, 0);
}

/* ---- jobs that cannot be ---- */

void a_refused_call_comes_through_the_callback(void **state) {
        begin(USEC_PER_HOUR);
        watch("probe-missing.service");
        assert_string_equal(status()->load_state, "not-found");
        assert_false(status()->gate_loaded);
        assert_true(status()->empty);
        assert_int_equal(pid1_unit_start(unit), 0);
        wait_for(seen.failed == 1);
        assert_true(seen.error < 0);
        assert_non_null(strstr(seen.message, "not found"));

        /* and when it appears, all is well */
        put(UNITS "probe-missing.service", "[Service]\n" SLEEP);
        sh("systemctl daemon-reload");
        wait_for(streq(status()->load_state, "loaded"));
        start_and_wait();
        assert_int_equal(pid1_unit_stop(unit), 0);
        wait_for(is(UNIT_INACTIVE));
}
