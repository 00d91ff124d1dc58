/* SPDX-License-Identifier: Apache-2.0 */
/* How a guard hands over to another program (hand-over.c): see unit-world.h. */
#include "unit-world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "guard/entries.h"
#include "util/file-util.h"
#include "util/strv.h"

/* A file that the guard may execute. */
static const char *program_of(World *w) {
        static char path[128];

        snprintf(path, sizeof(path), "%s/new", w->top);
        if (access(path, F_OK) < 0)
                put(path, "");
        return path;
}

static void forget_hand_over(void) {
        if (handed_on > 0) {
                close(handed_on);
                close(handed_over);
        }
        handed_on = 0;
        check_says = EXIT_SUCCESS;
}

/* Another guard goes on with what was handed on. */
static int guard_follows(World *w, size_t cut) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        guard_dies(w);
        assert_int_equal(read_fd(handed_on, 1024 * 1024, &text, &size), 0);
        close(handed_on);
        handed_on = 0;
        assert_int_equal(gates_new(w->run, &w->gates), 0);
        assert_int_equal(guard_new(w->event, w->gates, w->root, &w->guard), 0);
        r = guard_take_over(w->guard, w->socket, text, size - cut, handed_over);
        guard_settle(w->guard);
        w->serial = 0;
        w->told = (GuardMessage){};
        return r;
}

static void a_guard_that_hands_over_stops_nothing(void **state) {
        World *w = *state;
        GuardMessage m;

        make_unit(w, "system.slice", "unit.service");
        make_unit(w, "system.slice", "more.service");
        members(w, "unit.service", "more.service\n");
        run_unit(w, "down.service", 20 * SEC, 30 * SEC);
        m = request(GUARD_LOSE, "down.service");
        m.kill_at = now_boottime() + 10 * SEC;
        ask(w, m);
        turn_until(!exists(w, "guard/down.service"));
        strv_free(TAKE_PTR(pid_one->stopped));
        m = run_unit(w, "unit.service", 2 * SEC, 2500 * MS);
        guard_hand_over(w->guard, program_of(w));
        turn_until(handed_on > 0);
        assert_true(exists(w, "held/unit.service"));
        assert_int_equal(guard_follows(w, 0), 0);
        assert_int_equal(fcntl(handed_over, F_GETFD), FD_CLOEXEC); /* no child gets it */
        members(w, "unit.service", "");                            /* what was a member once is one */

        assert_true(exists(w, "held/unit.service"));
        assert_int_equal(try_connect(w), 0);
        ask(w, request(GUARD_OPEN, "unit.service"));
        assert_int_equal(w->told.flags, GUARD_FLAG_OPEN);
        assert_true(w->told.stop_at == m.stop_at && w->told.kill_at == m.kill_at);
        ask(w, request(GUARD_CLOSE, "down.service"));
        assert_int_equal(w->told.flags, GUARD_FLAG_LOST | GUARD_FLAG_DOWN);
        assert_null(pid_one->stopped);

        turn_until(!exists(w, "held/unit.service"));
        assert_true(now_boottime() >= m.stop_at);
        turn_until(was_killed(w, "system.slice/unit.service") && was_killed(w, "system.slice/more.service"));
        assert_true(now_boottime() >= m.kill_at && now_boottime() < m.kill_at + 500 * MS);
        assert_true(strv_contains(pid_one->stopped, "unit.service") &&
                        strv_contains(pid_one->stopped, "more.service"));
}

/* Law 13: also by the guard that follows, and a guard that was killed kept nothing. */
static void a_guard_that_keeps_its_units_in_a_pause_hands_that_on(void **state) {
        World *w = *state;
        GuardMessage keep = request(GUARD_KEEP, "");

        make_unit(w, "system.slice", "unit.service");
        run_unit(w, "unit.service", 400 * MS, 600 * MS);
        keep.flags = GUARD_FLAG_KEEPS;
        ask(w, keep);
        assert_int_equal(w->told.flags, GUARD_FLAG_OPEN | GUARD_FLAG_KEEPS);
        turn_through(w, now_boottime() + 800 * MS);
        assert_true(exists(w, "held/unit.service") && !pid_one->stopped);
        guard_hand_over(w->guard, program_of(w));
        turn_until(handed_on > 0);
        assert_int_equal(guard_follows(w, 0), 0);
        turn_through(w, now_boottime() + 200 * MS);
        assert_true(exists(w, "held/unit.service") && !pid_one->stopped);

        assert_int_equal(try_connect(w), 0);
        keep.flags = 0;
        keep.t0 = now_boottime();
        ask(w, keep);
        assert_int_equal(w->told.flags, GUARD_FLAG_OPEN);
        turn_until(!exists(w, "held/unit.service"));
        assert_true(now_boottime() >= keep.t0 + 400 * MS);
        turn_until(was_killed(w, "system.slice/unit.service"));
        assert_true(now_boottime() >= keep.t0 + 600 * MS);
}

static void what_was_kept_has_the_time_of_a_beat_when_its_guard_dies(void **state) {
        World *w = *state;
        GuardMessage keep = request(GUARD_KEEP, "");
        usec_t died;

        make_unit(w, "system.slice", "unit.service");
        run_unit(w, "unit.service", 100 * MS, 400 * MS);
        keep.flags = GUARD_FLAG_KEEPS;
        ask(w, keep);
        turn_through(w, now_boottime() + 600 * MS);
        died = now_boottime();
        guard_dies(w);
        guard_begins(w);
        turn_until(!exists(w, "held/unit.service"));
        turn_until(was_killed(w, "system.slice/unit.service"));
        assert_true(now_boottime() >= died + 400 * MS && now_boottime() < died + 400 * MS + patience());
}

/* Its lease is good for a minute, and it is limited to 1.5 s. */
static GuardMessage run_limited(World *w) {
        GuardMessage m;

        make_unit(w, "system.slice", "unit.service");
        run_unit(w, "unit.service", 50 * SEC, 60 * SEC);
        m = request(GUARD_LIMIT, "unit.service");
        m.stop_offset = SEC;
        m.stop_at = now_boottime() + SEC;
        m.kill_at = m.stop_at + 500 * MS;
        ask(w, m);
        assert_int_equal(w->told.flags, GUARD_FLAG_OPEN | GUARD_FLAG_LIMITED);
        return m;
}

static void a_limit_is_kept_by_the_guard_that_follows(void **state) {
        World *w = *state;
        GuardMessage m = run_limited(w);

        guard_hand_over(w->guard, program_of(w));
        turn_until(handed_on > 0);
        assert_int_equal(guard_follows(w, 0), 0);
        assert_true(exists(w, "held/unit.service") && !pid_one->stopped);
        turn_until(!exists(w, "held/unit.service"));
        assert_true(now_boottime() >= m.stop_at);
        turn_until(was_killed(w, "system.slice/unit.service"));
        assert_true(now_boottime() >= m.kill_at && now_boottime() < m.kill_at + 20 * SEC);
        assert_true(strv_contains(pid_one->stopped, "unit.service"));
}

static void a_limit_is_kept_when_its_guard_dies(void **state) {
        World *w = *state;
        GuardMessage m = run_limited(w);

        guard_dies(w);
        guard_begins(w);
        turn_until(was_killed(w, "system.slice/unit.service"));
        assert_true(now_boottime() >= m.kill_at && now_boottime() < m.kill_at + 20 * SEC);
}

static void a_guard_that_cannot_hand_over_goes_on(void **state) {
        World *w = *state;
        GuardMessage m;

        make_unit(w, "system.slice", "unit.service");
        m = run_unit(w, "unit.service", 2 * SEC, 3 * SEC);
        check_says = EXIT_FAILURE;
        guard_hand_over(w->guard, program_of(w));
        turn_through(w, now_boottime() + 200 * MS);
        assert_int_equal(handed_on, 0);
        check_says = EXIT_SUCCESS; /* and then it cannot be executed */
        guard_hand_over(w->guard, program_of(w));
        turn_until(handed_on > 0);
        assert_true(exists(w, "held/unit.service"));
        turn_until(!exists(w, "held/unit.service"));
        assert_true(now_boottime() >= m.stop_at && now_boottime() < m.stop_at + 500 * MS);
        assert_true(strv_contains(pid_one->stopped, "unit.service"));
}

static void a_guard_hands_over_in_a_calm_moment_only(void **state) {
        World *w = *state;
        GuardMessage m;

        make_unit(w, "system.slice", "unit.service");
        m = run_unit(w, "unit.service", 30 * SEC, 40 * SEC);
        m = request(GUARD_LOSE, "unit.service");
        m.kill_at = now_boottime() + 20 * SEC;
        ask(w, m);
        guard_hand_over(w->guard, program_of(w));
        turn_through(w, now_boottime() + 1500 * MS);
        assert_int_equal(handed_on, 0); /* it is being stopped */
        unit_is_inactive("unit.service");
        put_in_group(w, "system.slice/unit.service", "cgroup.events", "populated 0\n");
        turn_until(handed_on > 0);
        forget_hand_over();

        make_unit(w, "system.slice", "short.service");
        m = run_unit(w, "short.service", SEC, 30 * SEC);
        turn_through(w, m.stop_at - 250 * MS);
        guard_hand_over(w->guard, program_of(w));
        turn_through(w, now_boottime() + 1500 * MS);
        assert_int_equal(handed_on, 0); /* its deadline was near, and then it was stopped */
        assert_false(exists(w, "held/short.service"));
}

/* As by a second upgrade, while the guard waits for a calm moment. */
static void a_program_that_was_replaced_after_its_check_is_checked_first(void **state) {
        World *w = *state;
        GuardMessage m;

        make_unit(w, "system.slice", "unit.service");
        run_unit(w, "unit.service", 30 * SEC, 40 * SEC);
        m = request(GUARD_LOSE, "unit.service");
        m.kill_at = now_boottime() + 20 * SEC;
        ask(w, m);
        guard_hand_over(w->guard, program_of(w));
        turn_through(w, now_boottime() + SEC);
        check_says = EXIT_FAILURE;
        put(program_of(w), "newer");
        unit_is_inactive("unit.service");
        put_in_group(w, "system.slice/unit.service", "cgroup.events", "populated 0\n");
        turn_until(w->told.flags & GUARD_FLAG_DOWN);
        turn_through(w, now_boottime() + SEC);
        assert_int_equal(handed_on, 0);
        check_says = EXIT_SUCCESS;
        guard_hand_over(w->guard, program_of(w));
        turn_until(handed_on > 0);
}

static void what_is_not_handed_on_as_a_whole_is_refused(void **state) {
        World *w = *state;

        run_unit(w, "unit.service", 20 * SEC, 30 * SEC);
        guard_hand_over(w->guard, program_of(w));
        turn_until(handed_on > 0);
        assert_int_equal(guard_follows(w, 1), -EBADMSG);
}

/* Also where there is no entry, and nothing but the last line tells how many there are. */
static void what_is_handed_on_without_its_last_line_is_refused(void **state) {
#define HEAD "leased-guard 1\nat 156789\nbeat 1200000\nsocket 27 4711 49536\n"
        static const char whole[] = HEAD "end 0\n", cut[] = HEAD "\n";

        (void) state;
        assert_int_equal(entries_decode(whole, strlen(whole), NULL, NULL), 0);
        assert_int_equal(entries_decode(cut, strlen(cut), NULL, NULL), -EBADMSG);
        assert_int_equal(entries_decode(HEAD, strlen(HEAD), NULL, NULL), -EBADMSG);
#undef HEAD
}

static int no_hand_over(void **state) {
        forget_hand_over();
        return tear_down(state);
}

int hand_over_tests(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_guard_that_hands_over_stops_nothing, set_up, no_hand_over),
                cmocka_unit_test_setup_teardown(
                                a_guard_that_keeps_its_units_in_a_pause_hands_that_on, set_up, no_hand_over),
                cmocka_unit_test_setup_teardown(
                                what_was_kept_has_the_time_of_a_beat_when_its_guard_dies, set_up, no_hand_over),
                cmocka_unit_test_setup_teardown(a_limit_is_kept_by_the_guard_that_follows, set_up, no_hand_over),
                cmocka_unit_test_setup_teardown(a_limit_is_kept_when_its_guard_dies, set_up, no_hand_over),
                cmocka_unit_test_setup_teardown(a_guard_that_cannot_hand_over_goes_on, set_up, no_hand_over),
                cmocka_unit_test_setup_teardown(a_guard_hands_over_in_a_calm_moment_only, set_up, no_hand_over),
                cmocka_unit_test_setup_teardown(
                                a_program_that_was_replaced_after_its_check_is_checked_first, set_up, no_hand_over),
                cmocka_unit_test_setup_teardown(what_is_not_handed_on_as_a_whole_is_refused, set_up, no_hand_over),
                cmocka_unit_test(what_is_handed_on_without_its_last_line_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
