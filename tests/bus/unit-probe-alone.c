/* SPDX-License-Identifier: Apache-2.0 */
/* How a unit ends by itself, comes not to start, or is started by others, as a real PID 1 lets it be seen: each
 * setting of systemd.service(5) and systemd.unit(5) that has to do with that. */
#include "unit-world.h"

#include <sys/xattr.h>

#define SERVICES "/usr/share/dbus-1/system-services/"
#define BUSCTL "busctl --expect-reply=no call org.freedesktop.DBus / org.freedesktop.DBus "
#define SLOW "probe-slow.service"
#define GROUP CGROUP_ROOT "/system.slice/" UNIT

static void install_and_start(const char *unit_section, const char *service) {
        _cleanup_free_ char *text = NULL;

        assert_true(asprintf(&text, "[Unit]\n%s\n", unit_section) > 0);
        put(UNITS UNIT ".d/setting.conf", text);
        install(service);
        begin(USEC_PER_HOUR);
        watch(UNIT);
        assert_int_equal(pid1_unit_start(unit), 0);
}

static bool has_run(void) {
        static const uint8_t none[16];

        return memcmp(status()->invocation_id, none, sizeof(none)) != 0;
}

static bool ended_by_itself(void) {
        UnitEnd end = status()->end;

        return (is(UNIT_INACTIVE) || is(UNIT_FAILED)) && has_run() &&
               (end == UNIT_END_OWN || end == UNIT_END_CRASHED) && !status()->foreign_job;
}

/* ---- ended ---- */

static void what_systemd_ends_because_of_a_limit_has_failed(void **state) {
        static const char *const all[] = {
                "RuntimeMaxSec=200ms\n" SLEEP,
                "WatchdogSec=200ms\n" SLEEP,
                "Type=notify\nTimeoutStartSec=200ms\n" SLEEP,
                "ExecCondition=/bin/false\n" SLEEP,
        };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                install_and_start("", all[i]);
                wait_for(ended_by_itself());
                assert_true(status()->failed);
                clean(NULL);
        }
}

/* As systemd-oomd does it for ManagedOOMSwap= and ManagedOOMMemoryPressure=, and as the kernel's killer ends the main
 * process, whatever OOMPolicy= says. */
static void what_was_killed_for_its_memory_has_failed(void **state) {
        static const char *const all[] = { "OOMPolicy=stop\n" SLEEP, "OOMPolicy=continue\n" SLEEP,
                "ManagedOOMSwap=kill\nManagedOOMMemoryPressure=kill\n" SLEEP };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                install_and_start("", all[i]);
                wait_for(is(UNIT_ACTIVE));
                assert_int_equal(setxattr(GROUP, "user.oomd_ooms", "1", 1, 0), 0);
                assert_int_equal(cgroup_kill(GROUP), 0);
                wait_for(ended_by_itself());
                assert_true(status()->failed);
                clean(NULL);
        }
}

static void success_exit_status_decides_whether_it_ended_well(void **state) {
        for (int well = 0; well < 2; well++) {
                install_and_start("", well ? "SuccessExitStatus=3\nExecStart=/bin/sh -c 'exit 3'\n"
                                           : "ExecStart=/bin/sh -c 'exit 3'\n");
                wait_for(ended_by_itself());
                assert_int_equal(status()->failed, !well);
                clean(NULL);
        }
}

static void a_restart_that_is_prevented_is_an_end(void **state) {
        install_and_start("", "Restart=always\nRestartMode=direct\nRestartPreventExitStatus=3\nExecStart=/bin/sh -c "
                              "'exit 3'\n");
        wait_for(ended_by_itself());
        assert_true(status()->failed);
}

/* systemd 257 starts a unit in place of restarting it, from a state in which it takes its asserts for met. */
static bool asserts_are_asked_for_a_restart(void) {
        return system("test $(systemctl --version | sed -n 's/^systemd \\([0-9]*\\).*/\\1/p') -lt 257") == 0;
}

static void a_forced_restart_is_no_end_and_needs_the_gate(void **state) {
        install_and_start("StartLimitIntervalSec=0",
                        "RestartForceExitStatus=3 SIGKILL\nRestartSec=10ms\nExecStartPre=/bin/sh -c 'echo "
                        ">>/run/probe-starts'\n"
                        "ExecStart=/bin/sh -c 'test -e /run/probe-ready || exit 3; exec sleep infinity'\n");
        put("/run/probe-ready", "");
        wait_for(is(UNIT_ACTIVE));
        assert_int_equal(status()->end, UNIT_END_OWN);
        if (asserts_are_asked_for_a_restart()) {
                sh("rm " GATE "; truncate -s 0 /run/probe-starts; systemctl kill --signal=KILL " UNIT);
                wait_for(seen.refused > 0);
        } else {
                /* so a gate never closes without a stop, and that ends a restart that waits */
                put(UNITS UNIT ".d/later.conf", "[Service]\nRestartSec=1s\n");
                sh("systemctl daemon-reload; rm " GATE
                   "; truncate -s 0 /run/probe-starts; systemctl kill --signal=KILL " UNIT);
                wait_for(status()->known && status()->active == UNIT_ACTIVATING);
                assert_int_equal(pid1_unit_stop(unit), 0);
                wait_for(is(UNIT_INACTIVE) || is(UNIT_FAILED));
                sh("sleep 1.5");
        }
        settle(unit);
        assert_false(status()->active == UNIT_ACTIVE);
        sh("test ! -s /run/probe-starts");
}

/* ---- not started ---- */

static void what_does_not_let_it_start_leaves_no_run_behind(void **state) {
        static const char *const all[] = {
                "ConditionPathExists=/nowhere",
                "ConditionKernelCommandLine=nowhere",
                "AssertPathExists=/nowhere",
                "JobTimeoutSec=300ms\nWants=" SLOW "\nAfter=" SLOW,
                "Requires=" SLOW "\nAfter=" SLOW,
        };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                put(UNITS SLOW, "[Service]\nType=oneshot\nTimeoutStartSec=2s\n" SLEEP);
                install_and_start(all[i], SLEEP);
                settle(unit);
                wait_for(is(UNIT_INACTIVE));
                assert_false(has_run());
                assert_false(status()->foreign_job);
                assert_int_equal(status()->end, UNIT_END_OWN);
                (void) system("systemctl kill --signal=KILL " SLOW " 2>/dev/null");
                clean(NULL);
        }
}

/* PID 1 lets go of the job alone: the unit is the one that it was. */
static void a_job_that_ran_too_long_leaves_the_unit_as_it_is(void **state) {
        static const char *const all[] = { "JobRunningTimeoutSec=200ms", "JobTimeoutSec=200ms" };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                sh("mkfifo /run/probe-go");
                install_and_start(all[i], "ExecStartPre=/bin/sh -c 'read x </run/probe-go'\n" SLEEP);
                wait_for(has_run() && is(UNIT_ACTIVATING));
                sh("echo now >/run/probe-go");
                wait_for(is(UNIT_ACTIVE));
                assert_int_equal(status()->end, UNIT_END_OWN);
                clean(NULL);
        }
}

/* ---- started by others ---- */

/* PID 1 reads SYSTEMD_WANTS= of a device as Wants= of its unit. */
static void who_else_starts_it_needs_the_gate(void **state) {
        static const struct {
                const char *setting, *file, *text, *prepare, *start;
        } all[] = {
                { "Sockets=probe.socket\n", UNITS "probe.socket", "[Socket]\nListenFIFO=/run/probe-fifo\n",
                                "systemctl daemon-reload; systemctl start probe.socket",
                                "timeout 5 sh -c 'echo >/run/probe-fifo'" },
                /* A name of which the start has failed is not asked for again for a while: each has one. */
                { "", "/run/probe-bus",
                                "[D-BUS "
                                "Service]\nName=org.leased.ProbeN\nExec=/bin/false\nUser=root\nSystemdService=" UNIT
                                "\n",
                                "for n in 0 1; do sed s/ProbeN/Probe$n/ /run/probe-bus >" SERVICES
                                "org.leased.Probe$n.service; done;" BUSCTL "ReloadConfig",
                                "test ! -e " GATE "; " BUSCTL "StartServiceByName su org.leased.Probe$? 0" },
                { "", UNITS "probe-device.target", "[Unit]\nWants=" UNIT "\n", "systemctl daemon-reload",
                                "systemctl start probe-device.target" },
        };

        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                for (int gate = 0; gate < 2; gate++) {
                        _cleanup_free_ char *service = NULL;

                        assert_true(asprintf(&service, "%s" SLEEP, all[i].setting) > 0);
                        put(all[i].file, all[i].text);
                        install(service);
                        sh(all[i].prepare);
                        begin(USEC_PER_HOUR);
                        watch(UNIT);
                        if (!gate)
                                sh("rm " GATE);
                        (void) system(all[i].start);
                        if (gate)
                                wait_for(is(UNIT_ACTIVE));
                        else
                                wait_for(seen.refused > 0);
                        settle(unit);
                        assert_int_equal(is(UNIT_ACTIVE), gate);
                        /* Each by its own call: systemctl 262 stops none of several units if one of them is not
                         * loaded. */
                        sh("for u in probe.socket probe-device.target; do systemctl stop $u 2>/dev/null; done; true");
                        sh("rm -f " SERVICES "org.leased.Probe*");
                        clean(NULL);
                }
}

#define TEST(f) cmocka_unit_test_teardown(f, clean)
const struct CMUnitTest alone_tests[] = {
        TEST(what_systemd_ends_because_of_a_limit_has_failed),
        TEST(what_was_killed_for_its_memory_has_failed),
        TEST(success_exit_status_decides_whether_it_ended_well),
        TEST(a_restart_that_is_prevented_is_an_end),
        TEST(a_forced_restart_is_no_end_and_needs_the_gate),
        TEST(what_does_not_let_it_start_leaves_no_run_behind),
        TEST(a_job_that_ran_too_long_leaves_the_unit_as_it_is),
        TEST(who_else_starts_it_needs_the_gate),
};
const size_t n_alone_tests = ELEMENTSOF(alone_tests);
