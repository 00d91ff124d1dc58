/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside-pam.h"
#include "outside-fixture.h"

static const struct {
        const char *path, *text;
} pam_files[] = {
        { "/etc/pam.d/common-session", "session [default=1] pam_permit.so\nsession optional pam_systemd.so\n" },
        { "/etc/pam.d/common-session-noninteractive", "session required pam_unix.so\n" },
        { "/etc/pam.d/sudo", "@include common-auth\n@include common-session-noninteractive\n" },
        { "/etc/pam.d/runuser", "auth sufficient pam_rootok.so\nsession required pam_unix.so\n" },
        { "/etc/pam.d/cron", "@include common-session-noninteractive\nsession required pam_limits.so\n" },
        { "/etc/pam.d/sshd", "session required pam_limits.so # limits\n@include common-session\n" },
        { "/etc/pam.d/polkit-1", "@include common-session\n" },
};

static int pam_setup(void **state) {
        int r = fixture_setup(state);

        for (size_t i = 0; r == 0 && i < ELEMENTSOF(pam_files); i++)
                fixture_write(*state, pam_files[i].path, pam_files[i].text);
        outside_pam_set_root(*state);
        return r;
}

static void what_pam_does_for_a_session_is_read_from_its_files(void **state) {
        static const struct {
                const char *text;
                PamSession expected;
        } cases[] = {
                { "", PAM_SESSION_STAYS },
                { "session required pam_unix.so\n", PAM_SESSION_STAYS },
                { "-session optional pam_systemd.so", PAM_SESSION_MOVES },
                { "SESSION\t[success=ok default=ignore]\t/lib/security/pam_systemd.so kill=1\n", PAM_SESSION_MOVES },
                { "session \\\n optional \\\n pam_systemd.so\n", PAM_SESSION_MOVES },
                { "session optional pam_cgfs.so -c memory\n", PAM_SESSION_MOVES },
                { "session include common-session\n", PAM_SESSION_MOVES },
                { "session\tsubstack\tcommon-session\n", PAM_SESSION_MOVES },
                { "  @include common-session\n", PAM_SESSION_MOVES },
                { "session include vendor\n", PAM_SESSION_MOVES },
                { "auth include common-session\n", PAM_SESSION_STAYS },
                { "auth optional pam_systemd.so\n", PAM_SESSION_STAYS },
                { "# session optional pam_systemd.so\n", PAM_SESSION_STAYS },
                { "session required pam_unix.so # not pam_systemd.so\n", PAM_SESSION_STAYS },
                { "session optional pam_echo.so pam_systemd.so\n", PAM_SESSION_STAYS },
                { "session optional pam_systemd_home.so\n", PAM_SESSION_STAYS },
                { "session include missing\n", PAM_SESSION_UNKNOWN },
                { "session include missing\nsession optional pam_systemd.so\n", PAM_SESSION_MOVES },
                { "session include job\n", PAM_SESSION_UNKNOWN },
                { "session include job\nsession include job\nsession include job\n", PAM_SESSION_UNKNOWN },
                { "session", PAM_SESSION_STAYS },
                { "session [", PAM_SESSION_STAYS },
                { "session include", PAM_SESSION_UNKNOWN },
                { "@include", PAM_SESSION_UNKNOWN },
                { "\\\n", PAM_SESSION_STAYS },
        };

        assert_int_equal(outside_pam_session("job"), PAM_SESSION_UNKNOWN);
        fixture_write(*state, "/usr/lib/pam.d/vendor", "session optional pam_systemd.so\n");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                PamSession found;

                fixture_write(*state, "/etc/pam.d/job", cases[i].text);
                found = outside_pam_session("job");
                if (found != cases[i].expected)
                        fail_msg("%s: %d, not %d", cases[i].text, (int) found, (int) cases[i].expected);
        }
        fixture_write(*state, "/etc/pam.d/vendor", "");
        assert_int_equal(outside_pam_session("vendor"), PAM_SESSION_STAYS);
}

static void pam_decides_whether_the_work_of_another_user_stays(void **state) {
        assert_look("sudo -u web job", NULL, OUTSIDE_NO);
        assert_look("sshd -D", NULL, OUTSIDE_YES);
        assert_look("/usr/sbin/sshd -D", "web.slice", OUTSIDE_YES);
        assert_look("/usr/sbin/sshd -D -o UsePAM=no", NULL, OUTSIDE_NO);
        assert_look("cron -f", NULL, OUTSIDE_NO);
        assert_look("pkexec --user web job", NULL, OUTSIDE_YES);
        assert_look("pkexec --version", NULL, OUTSIDE_NO);
        assert_look("doas -u web job", NULL, OUTSIDE_NO);
        /* Where no file says: as what it is there for. */
        assert_look("/usr/sbin/crond -n", NULL, OUTSIDE_NO);
        assert_look("/usr/sbin/agetty -o '-p -- \\u' tty1", NULL, OUTSIDE_YES);
        assert_look("/usr/bin/gdm", NULL, OUTSIDE_YES);

        fixture_write(*state, "/etc/pam.d/system-auth", "-session optional pam_systemd.so\n");
        fixture_write(*state, "/etc/pam.d/sudo", "session include system-auth\n");
        fixture_write(*state, "/etc/pam.d/crond", "session include system-auth\n");
        fixture_write(*state, "/etc/pam.d/doas", "session include system-auth\n");
        assert_look("sudo -u web job", NULL, OUTSIDE_YES);
        assert_look("sudo -nu web -- job", "web.slice", OUTSIDE_YES);
        assert_look("sh -c 'sudo A=1 job'", NULL, OUTSIDE_YES);
        assert_look("sudo -u web -s", NULL, OUTSIDE_YES);
        assert_look("sudo -l", NULL, OUTSIDE_NO);
        assert_look("sudo -nv", NULL, OUTSIDE_NO);
        assert_look("sudo -k", NULL, OUTSIDE_NO);
        assert_look("sudo --list -U web job", NULL, OUTSIDE_NO);
        assert_look("doas -u web job", NULL, OUTSIDE_YES);
        assert_look("/usr/sbin/crond -n", NULL, OUTSIDE_YES);
        assert_look("busybox crond -f", NULL, OUTSIDE_YES);
        assert_look("runuser -u web -- job", NULL, OUTSIDE_NO);
        fixture_write(*state, "/etc/pam.d/runuser", "session include system-auth\n");
        assert_look("runuser -u web -- job", NULL, OUTSIDE_YES);
        fixture_write(*state, "/etc/pam.d/sshd", "session required pam_unix.so\n");
        assert_look("/usr/sbin/sshd -D", NULL, OUTSIDE_NO);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_pam_does_for_a_session_is_read_from_its_files),
                cmocka_unit_test(pam_decides_whether_the_work_of_another_user_stays),
        };

        return cmocka_run_group_tests(tests, pam_setup, fixture_teardown);
}
