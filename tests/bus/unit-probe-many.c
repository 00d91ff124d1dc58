/* SPDX-License-Identifier: Apache-2.0 */
/* What unit-probe proves of hundreds of units: what they cost PID 1, and that they do not get in each other's way. */
#include <limits.h>

#include "pid1/pid1-internal.h"
#include "unit-world.h"

enum { N = 300 };

static Pid1Unit *many[N];

static void name_of(unsigned i, char *ret, size_t size) {
        (void) snprintf(ret, size, "probe-many%u.service", i);
}

static void watch_many(usec_t poll, const char *service) {
        char name[64], path[128];

        install(service);
        for (unsigned i = 0; i < N; i++) {
                _cleanup_free_ char *text = NULL;

                name_of(i, name, sizeof(name));
                (void) snprintf(path, sizeof(path), UNITS "%s", name);
                assert_true(asprintf(&text, "[Service]\n%s", service) > 0);
                put(path, text);
        }
        sh("systemctl daemon-reload");
        begin(poll);
        watch(UNIT);
        for (unsigned i = 0; i < N; i++) {
                name_of(i, name, sizeof(name));
                assert_int_equal(pid1_unit_new(manager, name, GATE, GUARD, &callbacks, NULL, &many[i]), 0);
        }
        for (unsigned i = 0; i < N; i++)
                wait_for(pid1_unit_status(many[i])->known);
}

static unsigned count(Pid1Active active) {
        unsigned n = 0;

        for (unsigned i = 0; i < N; i++) {
                const Pid1UnitStatus *s = pid1_unit_status(many[i]);

                n += s->known && s->active == active && !s->job;
        }
        return n;
}

/* How many messages this connection has sent: they are numbered. */
static uint64_t sent(void) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        uint64_t cookie;

        assert_true(sd_bus_message_new_method_call(bus, &m, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                    "org.freedesktop.DBus", "GetId") >= 0);
        assert_true(sd_bus_message_set_expect_reply(m, false) >= 0);
        assert_true(sd_bus_send(bus, m, &cookie) >= 0);
        return cookie;
}

/* The broker lets none of them through any more. (To Unsubscribe() is not enough: PID 1 goes on telling who references
 * a unit of its changes.) */
static void lose_signals(void) {
#define SIGNAL(interface, rest) "type='signal',sender='org.freedesktop.systemd1'," rest ",interface='" interface "',"
#define MANAGER(member)                                                                                               \
        SIGNAL("org.freedesktop.systemd1.Manager", "path='/org/freedesktop/systemd1'") "member='" member "'"
        static const char *const rules[] = {
                MANAGER("JobNew"),
                MANAGER("JobRemoved"),
                MANAGER("Reloading"),
                SIGNAL("org.freedesktop.DBus.Properties",
                                "path_namespace='/org/freedesktop/systemd1/unit'") "member='PropertiesChanged',"
                                                                                   "arg0='org.freedesktop.systemd1."
                                                                                   "Unit'",
        };

        for (size_t i = 0; i < ELEMENTSOF(rules); i++)
                assert_true(sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                            "org.freedesktop.DBus", "RemoveMatch", NULL, NULL, "s", rules[i]) >= 0);
}

/* A poll that read each unit would send 301 messages a second. */
static void lost_signals_of_many_cost_few_calls(void **state) {
        uint64_t before, after;

        watch_many(USEC_PER_SEC, SLEEP);
        assert_int_equal(pid1_unit_start(unit), 0);
        assert_int_equal(pid1_unit_start(many[N / 2]), 0);
        wait_for(is(UNIT_ACTIVE) && count(UNIT_ACTIVE) == 1);
        lose_signals();
        for (unsigned i = 0; i < 4; i++)
                settle(unit); /* what is under way is over */

        before = sent();
        sh("systemctl --no-block stop probe-many150.service");
        wait_for(count(UNIT_ACTIVE) == 0);
        sh("systemctl --no-block start probe-many299.service");
        wait_for(count(UNIT_ACTIVE) == 1);
        sh("systemctl --no-block stop probe-many299.service");
        wait_for(count(UNIT_ACTIVE) == 0);
        after = sent();
        print_message("%" PRIu64 " messages for what happened to %u units\n", after - before, N);
        assert_true(after - before <= DEADLINE / USEC_PER_SEC * 10);
        assert_false(seen.was_unknown);
}

static bool is_gated(unsigned i) {
        return pid1_unit_status(many[i])->gate_loaded;
}

/* No row says it, and few units are read in full in a round. */
static void a_lost_signal_of_a_reload_is_noticed(void **state) {
        watch_many(USEC_PER_SEC, SLEEP);
        assert_false(is_gated(N - 1));
        lose_signals();
        for (unsigned i = 0; i < 4; i++)
                settle(unit);
        put(UNITS "probe-many299.service.d/zzzz-leased.conf",
                        "[Unit]\nAssertPathExists=" GATE "\nBindsTo=" GUARD "\nAfter=" GUARD "\n");
        sh("systemctl daemon-reload");
        wait_for(is_gated(N - 1));
}

/* dbus-daemon refuses calls beyond the limit. Nothing of that is a fault of a unit, and the bus is not flooded with
 * calls that it refuses. */
static void a_bus_without_room_fails_no_unit(void **state) {
        static const char *const reload = "busctl call org.freedesktop.DBus /org/freedesktop/DBus "
                                          "org.freedesktop.DBus ReloadConfig";
        static const char *const file = "/etc/dbus-1/system.d/probe-limit.conf";
        uint64_t before, after;

        watch_many(USEC_PER_HOUR, "Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n");
        put(file, "<busconfig><limit name=\"max_replies_per_connection\">6</limit></busconfig>\n");
        sh(reload);
        before = sent();
        for (unsigned i = 0; i < N; i++)
                assert_int_equal(pid1_unit_start(many[i]), 0);
        for (unsigned n = 0; n < N; n++) /* on a busy machine each one may take seconds */
                wait_for(count(UNIT_ACTIVE) > n);
        wait_for(count(UNIT_ACTIVE) == N);
        if (seen.failed > 0)
                fail_msg("%u starts failed: %s", seen.failed, seen.message);
        for (unsigned i = 0; i < N; i++)
                assert_int_equal(pid1_unit_stop(many[i]), 0);
        for (unsigned n = N; n > 0; n--)
                wait_for(count(UNIT_ACTIVE) < n);
        wait_for(count(UNIT_INACTIVE) == N);
        assert_int_equal(seen.failed, 0);
        after = sent();
        print_message("%" PRIu64 " messages for the start and stop of %u units\n", after - before, N);
        assert_true(after - before <= 16 * N);
        assert_int_equal(unlink(file), 0);
        sh(reload);
}

typedef struct Order {
        unsigned jobs, stop_at; /* how many jobs PID 1 has told of, and which of them was the stop */
} Order;

static int on_job(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Order *order = userdata;
        const char *name;

        assert_true(sd_bus_message_read(m, "uos", NULL, NULL, &name) >= 0);
        order->jobs++;
        if (order->stop_at == 0 && streq(name, UNIT))
                order->stop_at = order->jobs;
        return 0;
}

/* A stop has a deadline. It is asked for last, and PID 1 has it before most starts. */
static void a_stop_does_not_wait_behind_starts(void **state) {
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        Order order = {};

        watch_many(USEC_PER_HOUR, SLEEP);
        start_and_wait();
        assert_true(sd_bus_match_signal(bus, &slot, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                    "org.freedesktop.systemd1.Manager", "JobNew", on_job, &order) >= 0);
        for (unsigned i = 0; i < N; i++)
                assert_int_equal(pid1_unit_start(many[i]), 0);
        assert_true(pid1_unit_status(many[N - 1])->known);
        assert_int_equal(pid1_unit_stop(unit), 0);
        wait_for(is(UNIT_INACTIVE));
        wait_for(order.stop_at > 0);
        print_message("the stop was job %u\n", order.stop_at);
        assert_in_range(order.stop_at, 1, 40);

        /* One that waits for its start has a job to come, and is not started any more once it is to be stopped. */
        settle(many[N - 1]);
        assert_true(pid1_unit_status(many[N - 1])->job || pid1_unit_status(many[N - 1])->active == UNIT_ACTIVE);
        assert_int_equal(pid1_unit_stop(many[N - 1]), 0);
        /* The unit may have been up when it was stopped: then N - 1 may be active while one of the others still
         * starts. */
        wait_for(count(UNIT_ACTIVE) == N - 1 && pid1_unit_status(many[N - 1])->active == UNIT_INACTIVE);
        settle(many[N - 1]);
        assert_true(pid1_unit_status(many[N - 1])->active == UNIT_INACTIVE);
        assert_int_equal(seen.failed, 0);
        sh("systemctl kill -s KILL 'probe-many*'");
}

/* dbus-daemon allows a connection 128 calls without an answer, and goes on counting those that leased has given up. */
static void a_frozen_pid1_is_asked_few_questions(void **state) {
        uint64_t before;
        usec_t end;

        watch_many(USEC_PER_HOUR, SLEEP);
        for (unsigned i = 0; i < 4; i++)
                settle(unit);
        outside("freeze");
        before = sent();
        pid1_read_all(manager); /* asks about all units, as after a reload */
        end = now_boottime() + 2 * QUESTION_TIMEOUT + 3 * USEC_PER_SEC;
        while (now_boottime() < end)
                assert_true(sd_event_run(event, 100000) >= 0);
        print_message("%" PRIu64 " messages\n", sent() - before);
        assert_in_range(sent() - before, 1, 90);
        outside("thaw");
        for (unsigned i = 0; i < N; i++)
                wait_for(pid1_unit_status(many[i])->known);
}

static int on_other_turn(sd_event_source *source, uint64_t usec, void *userdata) {
        *(unsigned *) userdata = seen.reports;
        return 0;
}

/* When the connection is lost, all units have something to report at once. Another source must get its turn before a
 * tenth of them has been reported. */
static void reports_leave_other_sources_their_turn(void **state) {
        _cleanup_(sd_event_source_disable_unrefp) sd_event_source *other = NULL;
        unsigned before, then = UINT_MAX;

        watch_many(USEC_PER_HOUR, SLEEP);
        before = seen.reports;
        pid1_detach(manager);
        wait_for(seen.reports > before);
        assert_true(sd_event_add_time(event, &other, CLOCK_BOOTTIME, now_boottime(), 1, on_other_turn, &then) >= 0);
        wait_for(then != UINT_MAX);
        wait_for(seen.reports - before > N);
        assert_in_range(then - before, 1, N / 10);
}

#define TEST(f) cmocka_unit_test_teardown(f, clean)
const struct CMUnitTest many_tests[] = {
        TEST(lost_signals_of_many_cost_few_calls),
        TEST(a_lost_signal_of_a_reload_is_noticed),
        TEST(a_bus_without_room_fails_no_unit),
        TEST(a_stop_does_not_wait_behind_starts),
        TEST(reports_leave_other_sources_their_turn),
        TEST(a_frozen_pid1_is_asked_few_questions),
};
const size_t n_many_tests = ELEMENTSOF(many_tests);
