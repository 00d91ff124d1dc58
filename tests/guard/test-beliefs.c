/* SPDX-License-Identifier: Apache-2.0 */
/* Whom and what the guard believes: the clock of the host (law 14), PID 1 (law 7), and who is connected to it. */
#include "unit-world.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "guard/host.h"
#include "util/strv.h"

#define NOON (1700000000 * SEC) /* by the clock of the host */
#define PAUSED (10 * SEC)

/* The guard has looked at the clock of the host just now, and the machine is paused from then on. Nothing turns
 * meanwhile. */
static void pause_unseen(World *w, usec_t span) {
        host_look(w->guard, 0);
        host_clock_shows(w, NOON + span);
}

/* The machine is paused, and the guard sees that. The clock shows whole seconds. */
static void pause_seen(World *w) {
        pause_unseen(w, PAUSED + 2 * SEC);
        host_look(w->guard, 0);
        turn(w);
}

static void begin_clock(World *w) {
        host_clock_shows(w, NOON);
        host_open(w->guard, w->top);
}

static void send_all(World *w, GuardMessage m, usec_t t0) {
        m.version = GUARD_PROTOCOL;
        m.t0 = t0;
        m.serial = ++w->serial;
        assert_int_equal(send(w->fd, &m, sizeof(m), MSG_NOSIGNAL), sizeof(m));
}

/* ---- the clock of the host ---- */

/* Not even for the moment until the next look at the clock. */
static void a_gate_is_not_opened_after_a_pause_that_was_not_seen_yet(void **state) {
        World *w = *state;
        GuardMessage m = request(GUARD_ARM, "unit.service");

        make_unit(w, "system.slice", "unit.service");
        begin_clock(w);
        m.stop_offset = 20 * SEC;
        m.kill_offset = 25 * SEC;
        m.stop_at = now_boottime() + m.stop_offset;
        m.kill_at = now_boottime() + m.kill_offset;
        ask(w, m);
        pause_unseen(w, 40 * SEC);
        for (usec_t later = now_boottime() + 2 * HOST_BEFORE_OPEN; now_boottime() < later;)
                ;
        ask(w, request(GUARD_OPEN, "unit.service"));
        assert_false(w->told.flags & GUARD_FLAG_OPEN);
        assert_false(exists(w, "held/unit.service"));
}

static void a_beat_from_before_a_pause_gives_no_more_time_than_it_had(void **state) {
        World *w = *state;
        usec_t t0;

        make_unit(w, "system.slice", "unit.service");
        begin_clock(w);
        (void) run_unit(w, "unit.service", 20 * SEC, 25 * SEC);
        t0 = now_boottime();
        pause_seen(w);
        send_all(w, request(GUARD_BEAT, ""), t0);
        ask(w, request(GUARD_OPEN, "unit.service")); /* it answers with the entry, as it is now */
        assert_true(w->told.stop_at <= t0 + 20 * SEC - PAUSED);
        assert_true(w->told.kill_at <= t0 + 25 * SEC - PAUSED);
        t0 = now_boottime();
        send_all(w, request(GUARD_BEAT, ""), t0);
        ask(w, request(GUARD_OPEN, "unit.service"));
        assert_true(w->told.kill_at == t0 + 25 * SEC);
}

/* The same for the beat from which units count again when a pause of the cluster ends. */
static void the_end_of_a_pause_of_the_cluster_counts_from_before_a_pause_of_the_machine(void **state) {
        World *w = *state;
        GuardMessage keep = request(GUARD_KEEP, "");
        usec_t t0;

        make_unit(w, "system.slice", "unit.service");
        begin_clock(w);
        (void) run_unit(w, "unit.service", 20 * SEC, 25 * SEC);
        keep.flags = GUARD_FLAG_KEEPS;
        send_all(w, keep, 0);
        ask(w, request(GUARD_OPEN, "unit.service"));
        t0 = now_boottime();
        pause_seen(w);
        keep.flags = 0;
        send_all(w, keep, t0);
        ask(w, request(GUARD_OPEN, "unit.service"));
        assert_true(w->told.stop_at <= t0 + 20 * SEC - PAUSED);
        assert_true(w->told.kill_at <= t0 + 25 * SEC - PAUSED);
}

/* A successor goes by the later one of what the mark says and of what the last beat gives. */
static void a_guard_counts_the_last_beat_of_a_dead_one_from_before_the_pause(void **state) {
        World *w = *state;
        usec_t t0;

        make_unit(w, "system.slice", "unit.service");
        begin_clock(w);
        (void) run_unit(w, "unit.service", 20 * SEC, 25 * SEC);
        t0 = now_boottime();
        send_all(w, request(GUARD_BEAT, ""), t0);
        ask(w, request(GUARD_OPEN, "unit.service"));
        pause_seen(w);
        turn_until(mark_of(w, "unit.service").kill_at <= t0 + 25 * SEC - PAUSED);
        guard_dies(w);
        guard_begins(w);
        turn_until(w->told.kill_at != 0);
        assert_string_equal(w->told.unit, "unit.service");
        assert_true(w->told.kill_at <= t0 + 25 * SEC - PAUSED);
}

/* ---- PID 1 ---- */

/* Law 7. PID 1 answers late: the question was asked before the gate was closed, and a start may have passed since. */
static void what_pid_one_was_asked_before_the_gate_was_closed_proves_nothing(void **state) {
        UnitAnswer answer = { .known = true };
        World *w = *state;
        GuardMessage m;

        make_unit(w, "system.slice", "unit.service");
        m = run_unit(w, "unit.service", 200 * MS, 20 * SEC);
        pid_one->silent = true;
        turn_until(strv_contains(pid_one->asked, "?unit.service unit.service"));
        assert_false(exists(w, "held/unit.service"));
        put_in_group(w, "system.slice/unit.service", "cgroup.events", "populated 0\n");
        unit_is_inactive("unit.service");
        answer.asked_at = m.stop_at - MS;
        pid_one->callbacks->reported("unit.service", "unit.service", &answer, pid_one->userdata);
        turn(w);
        assert_false(w->told.flags & GUARD_FLAG_DOWN);
        assert_true(exists(w, "guard/unit.service"));
        pid_one->silent = false;
        turn_until(w->told.flags & GUARD_FLAG_DOWN);
}

/* ---- who is connected ---- */

/* From within its folder, since those above may be closed to others. */
static int connect_as_nobody(World *w) {
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "guard.sock" };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0 && back >= 0);
        assert_int_equal(chdir(w->run) | chmod(".", 0755) | chmod(address.sun_path, 0666), 0);
        assert_int_equal(seteuid(65534), 0);
        assert_int_equal(connect(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(fchdir(back), 0);
        close(back);
        return fd;
}

/* The socket's mode keeps others away. But somebody may have changed it. */
static void nobody_but_root_is_heard(void **state) {
        World *w = *state;
        GuardMessage lose = request(GUARD_LOSE, "unit.service");
        int fd;

        if (geteuid() != 0)
                skip();
        make_unit(w, "system.slice", "unit.service");
        (void) run_unit(w, "unit.service", 20 * SEC, 25 * SEC);
        fd = connect_as_nobody(w);
        lose.version = GUARD_PROTOCOL;
        lose.kill_at = now_boottime();
        assert_int_equal(send(fd, &lose, sizeof(lose), MSG_NOSIGNAL), sizeof(lose));
        turn_through(w, now_boottime() + 50 * MS);
        ask(w, request(GUARD_OPEN, "unit.service")); /* the connection of root is still there */
        assert_int_equal(w->told.flags, GUARD_FLAG_OPEN);
        assert_true(exists(w, "held/unit.service"));
        close(fd);
}

int beliefs_tests(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                a_gate_is_not_opened_after_a_pause_that_was_not_seen_yet, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_beat_from_before_a_pause_gives_no_more_time_than_it_had, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                the_end_of_a_pause_of_the_cluster_counts_from_before_a_pause_of_the_machine, set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                a_guard_counts_the_last_beat_of_a_dead_one_from_before_the_pause, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                what_pid_one_was_asked_before_the_gate_was_closed_proves_nothing, set_up, tear_down),
                cmocka_unit_test_setup_teardown(nobody_but_root_is_heard, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
