/* SPDX-License-Identifier: Apache-2.0 */
#include "unit-world.h"

sd_event *event;
sd_bus *bus;
Pid1 *manager;
Pid1Unit *unit;
Seen seen;
unsigned reloads;
static sd_bus_slot *reloading;

/* ---- the outside ---- */

void put(const char *path, const char *text) {
        _cleanup_free_ char *directory = strndup(path, (size_t) (strrchr(path, '/') - path));

        assert_int_equal(mkdir_parents(directory, 0755), 0);
        assert_int_equal(write_file_atomic(path, text, strlen(text), 0644, 0), 0);
}

void outside(const char *request) {
        const char *out = getenv("GUEST_REQUEST"), *in = getenv("GUEST_ANSWER");
        char c = 0;

        assert_non_null(out);
        assert_non_null(in);
        assert_true(dprintf(atoi(out), "%s\n", request) > 0);
        while (c != '\n')
                assert_int_equal(read(atoi(in), &c, 1), 1);
}

void connect_bus(void) {
        assert_true(sd_bus_open_system(&bus) >= 0);
        assert_true(sd_bus_attach_event(bus, event, 0) >= 0);
}

/* ---- waiting ---- */

const Pid1UnitStatus *status(void) {
        return pid1_unit_status(unit);
}

void settle(Pid1Unit *u) {
        usec_t t = now_boottime();

        assert_int_equal(pid1_unit_read(u), 0);
        wait_for(pid1_unit_status(u)->known && pid1_unit_status(u)->asked_at >= t);
}

bool is(Pid1Active active) {
        const Pid1UnitStatus *s = status();

        return s->known && s->active == active && !s->job;
}

static void on_status(Pid1Unit *u, const Pid1UnitStatus *s, void *userdata) {
        seen.reports++;
        if (!s->known) {
                seen.was_unknown = true;
                seen.unknown_at = now_boottime();
        }
        if (seen.free_inside)
                unit = pid1_unit_free(u);
}

static void on_refused(Pid1Unit *u, void *userdata) {
        seen.refused++;
}

static void on_failed(Pid1Unit *u, bool start, int error, const char *message, void *userdata) {
        seen.failed++;
        seen.error = error;
        str_copy(seen.message, sizeof(seen.message), message);
}

/* Of PID 1 itself: it has read all unit files anew, or is another one. */
static int on_reloading(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        int active = 0;

        reloads += !e && sd_bus_message_read(m, "b", &active) >= 0 && !active;
        return 0;
}

void on_answer(int error, const char *text, void *userdata) {
        Answered *a = userdata;

        a->done = true;
        a->error = error;
        str_copy(a->text, sizeof(a->text), text);
}

const Pid1UnitCallbacks callbacks = { on_status, on_refused, on_failed };

/* ---- one world a test ---- */

void begin(usec_t poll) {
        /* A signal of an earlier reload may still be on its way through the bus, and would be counted. Whatever PID 1
         * said before it answers here has arrived with its answer. */
        sh("busctl get-property org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager "
           "Version >/dev/null");
        seen = (Seen){};
        reloads = 0;
        reloading = sd_bus_slot_unref(reloading);
        assert_true(sd_bus_match_signal(bus, &reloading, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                    "org.freedesktop.systemd1.Manager", "Reloading", on_reloading, NULL) >= 0);
        assert_int_equal(pid1_new(event, poll, &manager), 0);
        assert_int_equal(pid1_attach(manager, bus), 0);
}

void install(const char *service) {
        _cleanup_free_ char *text = NULL;

        assert_true(asprintf(&text, "[Service]\n%s", service) > 0);
        put(UNITS UNIT, text);
        put(UNITS GUARD, "[Service]\n" SLEEP);
        put(DROPIN, "[Unit]\nAssertPathExists=" GATE "\nBindsTo=" GUARD "\nAfter=" GUARD "\n");
        put(GATE, "");
        sh("systemctl daemon-reload && systemctl start " GUARD);
}

void watch(const char *name) {
        assert_int_equal(pid1_unit_new(manager, name, GATE, GUARD, &callbacks, NULL, &unit), 0);
        wait_for(pid1_unit_status(unit)->known);
}

int clean(void **state) {
        outside("thaw");
        unit = NULL;
        manager = pid1_free(manager);
        reloading = sd_bus_slot_unref(reloading);
        (void) system("systemctl stop '" UNIT "' " GUARD " 2>/dev/null; systemctl reset-failed 2>/dev/null;"
                      "systemctl kill -s KILL " UNIT " 2>/dev/null;"
                      "rm -rf " UNITS "probe* /run/probe* " GATE "; systemctl daemon-reload");
        return 0;
}

int open_world(void **state) {
        assert_true(sd_event_default(&event) >= 0);
        connect_bus();
        return 0;
}

int close_world(void **state) {
        bus = sd_bus_flush_close_unref(bus);
        event = sd_event_unref(event);
        return 0;
}

void start_and_wait(void) {
        assert_int_equal(pid1_unit_start(unit), 0);
        wait_for(is(UNIT_ACTIVE));
}
