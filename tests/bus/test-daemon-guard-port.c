/* SPDX-License-Identifier: Apache-2.0 */

/* The daemon's end of the guard's socket, against a guard that this test plays. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/guard-port.h"
#include "guard/protocol.h"

#define DEADLINE (10 * USEC_PER_SEC)

typedef struct Fixture {
        sd_event *event;
        GuardPort *client;
        char directory[64], path[128];
        int listener, guard;
        unsigned missing, up, synced, down, entries;
        usec_t work; /* that each entry leads to */
        Event entry; /* the last one */
        char unit[NAME_SIZE];
} Fixture;

static void on_event(const Event *e, void *userdata) {
        Fixture *f = userdata;

        f->up += e->kind == EVENT_GUARD_UP;
        f->synced += e->kind == EVENT_GUARD_SYNCED;
        f->down += e->kind == EVENT_GUARD_DOWN;
        if (e->kind == EVENT_GUARD) {
                f->entries++;
                f->entry = *e;
                str_copy(f->unit, sizeof(f->unit), e->unit);
                for (usec_t until = now_boottime() + f->work; now_boottime() < until;)
                        ;
        }
}

static void on_missing(void *userdata) {
        ((Fixture *) userdata)->missing++;
}

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(Fixture));

        f->listener = f->guard = -1;
        str_copy(f->directory, sizeof(f->directory), "/tmp/test-daemon-guard-XXXXXX");
        assert_non_null(mkdtemp(f->directory));
        snprintf(f->path, sizeof(f->path), "%s/guard.sock", f->directory);
        assert_true(sd_event_new(&f->event) >= 0);
        assert_int_equal(guard_port_new(f->event, f->path, on_event, on_missing, f, &f->client), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        guard_port_free(f->client);
        sd_event_unref(f->event);
        if (f->listener >= 0)
                (void) close(f->listener);
        if (f->guard >= 0)
                (void) close(f->guard);
        (void) unlink(f->path);
        (void) rmdir(f->directory);
        free(f);
        return 0;
}

/* Runs the loop until *counter has reached at_least. */
static void run_until(Fixture *f, const unsigned *counter, unsigned at_least) {
        usec_t end = now_boottime() + DEADLINE;

        while (*counter < at_least) {
                assert_true(now_boottime() < end);
                assert_true(sd_event_run(f->event, 100 * USEC_PER_MSEC) >= 0);
        }
}

static void guard_listens(Fixture *f) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        str_copy(address.sun_path, sizeof(address.sun_path), f->path);
        f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(f->listener, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(listen(f->listener, 4), 0);
}

static void guard_says(Fixture *f, uint32_t type, const char *unit, uint64_t index, uint32_t flags) {
        GuardMessage m = { .version = GUARD_PROTOCOL, .type = type, .index = index, .flags = flags, .serial = 99 };

        str_copy(m.unit, sizeof(m.unit), unit);
        assert_int_equal(send(f->guard, &m, sizeof(m), MSG_NOSIGNAL), sizeof(m));
}

static void guard_accepts(Fixture *f) {
        usec_t end = now_boottime() + DEADLINE;

        while ((f->guard = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) < 0) {
                assert_int_equal(errno, EAGAIN);
                assert_true(now_boottime() < end);
                assert_true(sd_event_run(f->event, 20 * USEC_PER_MSEC) >= 0);
        }
        guard_says(f, GUARD_HELLO, "", 42, 0);
}

static void connect_them(Fixture *f) {
        guard_listens(f);
        guard_accepts(f);
        run_until(f, &f->up, f->up + 1);
}

static GuardMessage guard_hears(Fixture *f) {
        usec_t end = now_boottime() + DEADLINE;
        GuardMessage m;

        while (recv(f->guard, &m, sizeof(m), 0) < 0) {
                assert_int_equal(errno, EAGAIN);
                assert_true(now_boottime() < end);
                assert_true(sd_event_run(f->event, 20 * USEC_PER_MSEC) >= 0);
        }
        assert_true(guard_message_is_valid(&m, sizeof(m)));
        return m;
}

static void a_guard_that_is_not_there_is_asked_for_and_found_later(void **state) {
        Fixture *f = *state;

        run_until(f, &f->missing, 3);
        assert_int_equal(f->up, 0);
        guard_listens(f);
        guard_accepts(f);
        run_until(f, &f->up, 1);
        assert_true(guard_port_connected(f->client));
}

static void entries_are_reported_as_the_guard_says_them(void **state) {
        Fixture *f = *state;

        connect_them(f);
        guard_says(f, GUARD_ENTRY, "a.service", 7, GUARD_FLAG_OPEN);
        run_until(f, &f->entries, 1);
        assert_string_equal(f->unit, "a.service");
        assert_int_equal(f->entry.guard.index, 7);
        assert_int_equal(f->entry.guard.serial, 99);
        assert_true(f->entry.guard.open);
        assert_false(f->entry.guard.expired);

        guard_says(f, GUARD_ENTRY, "a.service", 7, GUARD_FLAG_EXPIRED);
        run_until(f, &f->entries, 2);
        assert_false(f->entry.guard.open);
        assert_true(f->entry.guard.expired);

        guard_says(f, GUARD_ENTRY, "a.service", 7, GUARD_FLAG_LOST | GUARD_FLAG_DOWN);
        run_until(f, &f->entries, 3);
        assert_true(f->entry.guard.expired);

        assert_int_equal(f->synced, 0);
        guard_says(f, GUARD_SYNCED, "", 0, 0);
        run_until(f, &f->synced, 1);
}

static void the_version_is_that_of_the_guard_that_is_connected(void **state) {
        Fixture *f = *state;

        assert_string_equal(guard_port_version(f->client), "");
        connect_them(f);
        guard_says(f, GUARD_VERSION, "0.2.0+next", 0, 0);
        guard_says(f, GUARD_SYNCED, "", 0, 0);
        run_until(f, &f->synced, 1);
        assert_string_equal(guard_port_version(f->client), "0.2.0+next");
        assert_int_equal(close(f->guard), 0);
        run_until(f, &f->down, 1);
        assert_string_equal(guard_port_version(f->client), "");
        guard_accepts(f); /* one of 0.1.0 */
        guard_says(f, GUARD_SYNCED, "", 0, 0);
        run_until(f, &f->synced, 2);
        assert_string_equal(guard_port_version(f->client), "");
}

static void deadlines_count_from_the_beat_that_was_committed(void **state) {
        Fixture *f = *state;
        GuardMessage m;

        connect_them(f);
        guard_port_act(f->client,
                        &(Action){ .kind = ACTION_GUARD_ARM,
                                        .id = 3,
                                        .unit = "a.service",
                                        .index = 7,
                                        .t0 = 1000,
                                        .stop = 600,
                                        .kill = 900 },
                        5000);
        m = guard_hears(f);
        assert_int_equal(m.type, GUARD_ARM);
        assert_string_equal(m.unit, "a.service");
        assert_int_equal(m.index, 7);
        assert_int_equal(m.serial, 3);
        assert_int_equal(m.stop_at, 1600);
        assert_int_equal(m.kill_at, 1900);
        assert_int_equal(m.stop_offset, 600);
        assert_int_equal(m.kill_offset, 900);

        guard_port_act(f->client, &(Action){ .kind = ACTION_GUARD_BEAT, .t0 = 3000 }, 5000);
        m = guard_hears(f);
        assert_int_equal(m.type, GUARD_BEAT);
        assert_int_equal(m.t0, 3000);

        /* A lost one has so long from now. */
        guard_port_act(f->client, &(Action){ .kind = ACTION_GUARD_LOSE, .unit = "a.service", .index = 7, .kill = 250 },
                        5000);
        m = guard_hears(f);
        assert_int_equal(m.type, GUARD_LOSE);
        assert_int_equal(m.kill_at, 5250);
}

static void gates_are_asked_for_by_name(void **state) {
        static const struct {
                ActionKind action;
                uint32_t type;
        } pairs[] = {
                { ACTION_GATE_OPEN, GUARD_OPEN },
                { ACTION_GATE_CLOSE, GUARD_CLOSE },
                { ACTION_GUARD_DISARM, GUARD_DISARM },
        };
        Fixture *f = *state;

        connect_them(f);
        for (size_t i = 0; i < ELEMENTSOF(pairs); i++) {
                GuardMessage m;

                guard_port_act(f->client, &(Action){ .kind = pairs[i].action, .unit = "a.service", .index = 8 }, 1);
                m = guard_hears(f);
                assert_int_equal(m.type, pairs[i].type);
                assert_string_equal(m.unit, "a.service");
                assert_int_equal(m.index, 8);
        }
}

static void a_slow_guard_loses_nothing(void **state) {
        const uint64_t n = 5000; /* more than the socket holds */
        Fixture *f = *state;

        connect_them(f);
        for (uint64_t i = 1; i <= n; i++)
                guard_port_act(f->client, &(Action){ .kind = ACTION_GUARD_BEAT, .t0 = i }, i);
        for (uint64_t i = 1; i <= n; i++)
                assert_int_equal(guard_hears(f).t0, i);
        assert_int_equal(f->down, 0);
}

/* An entry may lead to the start of a unit, and there may be a thousand. */
static void many_entries_hold_no_turn_for_long(void **state) {
        enum { N = 40 };
        Fixture *f = *state;
        usec_t end = now_boottime() + DEADLINE;

        connect_them(f);
        f->work = USEC_PER_MSEC;
        for (unsigned i = 0; i < N; i++)
                guard_says(f, GUARD_ENTRY, "a.service", i + 1, 0);
        for (unsigned before = 0; f->entries < N; before = f->entries) {
                assert_true(now_boottime() < end);
                assert_true(sd_event_run(f->event, 20 * USEC_PER_MSEC) >= 0);
                assert_in_range(f->entries - before, 0, 3);
        }
}

static void a_guard_that_goes_is_reported_and_the_next_one_found(void **state) {
        Fixture *f = *state;

        connect_them(f);
        (void) close(f->guard);
        (void) close(f->listener);
        (void) unlink(f->path);
        f->guard = f->listener = -1;
        run_until(f, &f->down, 1);
        assert_false(guard_port_connected(f->client));
        guard_port_act(f->client, &(Action){ .kind = ACTION_GUARD_BEAT, .t0 = 1 }, 1); /* to nobody */
        run_until(f, &f->missing, 1);

        connect_them(f);
        assert_int_equal(f->down, 1);
        guard_port_act(f->client, &(Action){ .kind = ACTION_GUARD_BEAT, .t0 = 2 }, 2);
        assert_int_equal(guard_hears(f).t0, 2);
}

static void what_is_not_a_message_is_ignored(void **state) {
        Fixture *f = *state;
        GuardMessage m = { .version = GUARD_PROTOCOL, .type = GUARD_ENTRY, .index = 1 };

        connect_them(f);
        assert_int_equal(send(f->guard, "?", 1, MSG_NOSIGNAL), 1);
        memset(m.unit, 'x', sizeof(m.unit)); /* not terminated */
        assert_int_equal(send(f->guard, &m, sizeof(m), MSG_NOSIGNAL), sizeof(m));
        str_copy(m.unit, sizeof(m.unit), "../x");
        assert_int_equal(send(f->guard, &m, sizeof(m), MSG_NOSIGNAL), sizeof(m));
        guard_says(f, 99, "", 0, 0); /* of a later protocol */
        guard_says(f, GUARD_SYNCED, "", 0, 0);
        run_until(f, &f->synced, 1);
        assert_int_equal(f->entries, 0);
        assert_int_equal(f->down, 0);
}

/* Of another protocol: nothing that it says is understood. */
static void a_guard_that_does_not_greet_counts_as_missing(void **state) {
        usec_t end = now_boottime() + DEADLINE;
        Fixture *f = *state;
        GuardMessage m = { .version = GUARD_PROTOCOL + 1, .type = GUARD_HELLO };
        unsigned before;

        guard_listens(f);
        while ((f->guard = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) < 0) {
                assert_true(now_boottime() < end);
                assert_true(sd_event_run(f->event, 20 * USEC_PER_MSEC) >= 0);
        }
        assert_int_equal(send(f->guard, &m, sizeof(m), MSG_NOSIGNAL), sizeof(m));
        before = f->missing;
        run_until(f, &f->missing, before + 2);
        assert_false(guard_port_connected(f->client));
        assert_true(guard_port_down_since(f->client) < now_boottime());
        assert_int_equal(f->up, 0);
}

static void a_guard_that_greets_and_never_reports_counts_as_missing(void **state) {
        Fixture *f = *state;
        unsigned before;

        connect_them(f);
        before = f->missing;
        run_until(f, &f->missing, before + 1);
        assert_true(guard_port_down_since(f->client) < now_boottime());
        guard_says(f, GUARD_SYNCED, "", 0, 0);
        run_until(f, &f->synced, 1);
        assert_true(guard_port_down_since(f->client) == USEC_INFINITY);
}

static void a_guard_that_owes_an_answer_and_says_nothing_is_dropped(void **state) {
        Fixture *f = *state;

        connect_them(f);
        guard_says(f, GUARD_SYNCED, "", 0, 0);
        run_until(f, &f->synced, 1);
        guard_port_act(f->client, &(Action){ .kind = ACTION_GATE_CLOSE, .id = 3, .unit = "a.service", .index = 8 }, 1);
        guard_says(f, GUARD_ENTRY, "a.service", 8, 0); /* with serial 99 */
        run_until(f, &f->entries, 1);
        guard_port_act(f->client, &(Action){ .kind = ACTION_GUARD_BEAT, .id = 100, .t0 = 1 }, 1); /* has no answer */
        guard_port_act(f->client, &(Action){ .kind = ACTION_GATE_CLOSE, .id = 101, .unit = "a.service", .index = 8 },
                        1);
        run_until(f, &f->down, 1);
        assert_true(guard_port_down_since(f->client) < USEC_INFINITY);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                a_guard_that_is_not_there_is_asked_for_and_found_later, setup, teardown),
                cmocka_unit_test_setup_teardown(entries_are_reported_as_the_guard_says_them, setup, teardown),
                cmocka_unit_test_setup_teardown(the_version_is_that_of_the_guard_that_is_connected, setup, teardown),
                cmocka_unit_test_setup_teardown(deadlines_count_from_the_beat_that_was_committed, setup, teardown),
                cmocka_unit_test_setup_teardown(gates_are_asked_for_by_name, setup, teardown),
                cmocka_unit_test_setup_teardown(a_slow_guard_loses_nothing, setup, teardown),
                cmocka_unit_test_setup_teardown(many_entries_hold_no_turn_for_long, setup, teardown),
                cmocka_unit_test_setup_teardown(a_guard_that_goes_is_reported_and_the_next_one_found, setup, teardown),
                cmocka_unit_test_setup_teardown(what_is_not_a_message_is_ignored, setup, teardown),
                cmocka_unit_test_setup_teardown(a_guard_that_does_not_greet_counts_as_missing, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                a_guard_that_greets_and_never_reports_counts_as_missing, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                a_guard_that_owes_an_answer_and_says_nothing_is_dropped, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
