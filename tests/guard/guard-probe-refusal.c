/* SPDX-License-Identifier: Apache-2.0 */

/* PID 1 refuses to stop the unit (law 7): a part of guard-probe. */

#include "guard-world.h"

#include <stdio.h>
#include <stdlib.h>

#define REFUSING UNITS "again.service.d/refuses.conf"
/* Long enough for PID 1 to have stopped the unit, and brief enough for what is born anew to be seen. */
#define AGAIN "Restart=always\nRestartSec=300ms\n"

/* As a drop-in of a package does it while the unit runs. */
static GuardMessage run_what_refuses(usec_t stop, usec_t kill) {
        GuardMessage m;

        sh("install -D -m 644 /opt/leased-test/leased-stop@.target /etc/systemd/system/leased-stop@.target");
        write_unit("again.service", "ExecStart=/bin/sleep infinity\n" AGAIN);
        sh("systemctl daemon-reload");
        m = run_unit("again.service", stop, kill);
        put(REFUSING, "[Unit]\nRefuseManualStop=yes\n");
        sh("systemctl daemon-reload");
        assert_false(succeeds("systemctl stop again.service 2>/dev/null"));
        assert_true(is_active("again.service"));
        return m;
}

static void what_refuses_is_left(void) {
        sh("rm " REFUSING "; systemctl daemon-reload");
}

static void a_unit_that_refuses_a_stop_is_stopped_by_a_conflict(void **state) {
        GuardMessage m, other;
        usec_t seen;

        begin();
        run_unit("plain.service", 20 * SEC, 25 * SEC);
        m = run_what_refuses(2 * SEC, 5 * SEC);
        seen = last_seen("again.service");
        tell_late("last process seen, after stop_at", seen, m.stop_at);
        assert_true(seen < m.kill_at - SEC);
        while (now_boottime() < m.kill_at)
                assert_true(is_gone("again.service"));
        /* And nothing else is touched. */
        other = ask(request_for(GUARD_OPEN, "plain.service"));
        assert_int_equal(other.flags, GUARD_FLAG_OPEN);
        assert_true(is_active("plain.service"));
        wait_until(!succeeds("systemctl is-active -q leased-stop@again.service.target"));
        what_refuses_is_left();
}

static void what_cannot_be_stopped_by_a_conflict_either_is_stopped_by_the_guards_end(void **state) {
        GuardMessage m;
        usec_t seen;

        begin();
        sh("systemctl mask --runtime leased-stop@again.service.target");
        m = run_what_refuses(2 * SEC, 5 * SEC);
        disconnect_guard();
        seen = last_seen("again.service");
        tell_late("last process seen, after stop_at", seen, m.stop_at);
        assert_true(seen < m.kill_at - SEC);
        while (now_boottime() < m.kill_at)
                assert_true(is_gone("again.service"));
        sh("systemctl unmask --runtime leased-stop@again.service.target");
        what_refuses_is_left();
}

/* The refusals of a template's instances count as those of any other unit, also where PID 1 answers in between that
 * they are up. */
static void instances_that_cannot_be_stopped_are_stopped_by_the_guards_end(void **state) {
        GuardMessage m;
        usec_t seen;

        begin();
        sh("install -D -m 644 /opt/leased-test/leased-stop@.target /etc/systemd/system/leased-stop@.target");
        write_unit("plain.service", "ExecStart=/bin/sleep infinity\n");
        put(UNITS "talk@.service", "[Unit]\nBindsTo=" GUARD_SERVICE "\nAfter=" GUARD_SERVICE "\nRefuseManualStop=yes\n"
                                   "[Service]\nExecStart=/bin/sleep infinity\n" AGAIN);
        put("/run/leased/members/plain.service", "talk@.service\n");
        sh("systemctl mask --runtime leased-stop@talk@1.service.target leased-stop@talk@2.service.target");
        sh("systemctl daemon-reload");
        m = run_unit("plain.service", 2 * SEC, 6 * SEC);
        sh("systemctl start talk@1.service talk@2.service");
        disconnect_guard();
        seen = last_seen("talk@1.service");
        tell_late("last process seen, after stop_at", seen, m.stop_at);
        assert_true(seen < m.kill_at - SEC);
        while (now_boottime() < m.kill_at)
                assert_true(is_gone("talk@1.service") && is_gone("talk@2.service"));
        sh("systemctl unmask --runtime leased-stop@talk@1.service.target leased-stop@talk@2.service.target");
        sh("rm /run/leased/members/plain.service " UNITS "talk@.service; systemctl daemon-reload");
}

int refusal_tests(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                a_unit_that_refuses_a_stop_is_stopped_by_a_conflict, fresh_guard, no_guard),
                cmocka_unit_test_setup_teardown(
                                what_cannot_be_stopped_by_a_conflict_either_is_stopped_by_the_guards_end, fresh_guard,
                                no_guard),
                cmocka_unit_test_setup_teardown(
                                instances_that_cannot_be_stopped_are_stopped_by_the_guards_end, fresh_guard, no_guard),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
