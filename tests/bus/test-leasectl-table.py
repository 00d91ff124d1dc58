#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What leased makes of a unit that does not start, or that systemd ends: lines of the table in leased.unit(5).

    run-in-guest test-leasectl-table.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN
                                         MAN_PAGE...
"""

import contextlib
import ctypes
import os
import re
import socket
import stat
import time

from leasectl_beta import REGISTRY, TwoSecondCase
from leasectl_guest import CONF, HERE, SLEEPER, ctl, main, property_of, read, run, wait_for, write

# Settings of a unit, a service or a timer by which systemd starts, stops or ends something, by their names. (RestartUSecNext is
# no setting: what systemd 254 and later make of the others.)
DECIDES = (r"Action$|JobMode$|^Refuse|^StopWhen|^Restart(?!USecNext)|Timeout(?!Clean|.*Argument)|^RuntimeM|^RuntimeR|^Watchdog(USec|Signal)$|"
           r"^OOMPolicy$|^ExitType$|^StartLimit|Survive|TriggerLimit|^RemainAfter|^KillMode$|SIGKILL|^FinalKill|(?<!^Can)Isolate$|^DefaultDep|Unmount$")
# Lists that PID 1 has of a unit: the other ends of dependencies, and what is none.
OTHER_ENDS = {"RequiredBy", "RequisiteOf", "WantedBy", "BoundBy", "UpheldBy", "ConsistsOf", "ConflictedBy", "OnSuccessOf",
              "OnFailureOf", "Triggers", "TriggeredBy", "SliceOf"}
PIDFD_GETFD = 438  # the number of the system call
NO_DEPENDENCIES = {"CanClean", "Names", "Documentation", "DropInPaths", "Markers", "Refs"}


def journal_of(unit):
    return run("journalctl", "-b", "-o", "cat", "_PID=1", f"UNIT={unit}", "--no-pager").stdout


def cut_off_from_the_bus(pid):
    """Ends the connections of a process to the system bus, as the kernel would if the bus itself ended them."""
    process, cut = os.pidfd_open(pid), 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        copy = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, process, int(fd), 0)
        if copy < 0:
            continue
        if not stat.S_ISSOCK(os.fstat(copy).st_mode):
            os.close(copy)
            continue
        with socket.socket(fileno=copy) as each, contextlib.suppress(OSError):
            if each.getpeername() == "/run/dbus/system_bus_socket":
                each.shutdown(socket.SHUT_RDWR)
                cut += 1
    os.close(process)
    assert cut > 0, "no connection to the bus was found"


class Table(TwoSecondCase):
    def enabled(self, name, unit_section="", service=SLEEPER):
        unit = self.unit(name, f"[Unit]\n{unit_section}\n{service}")
        ctl("enable", "--", unit, check=True)
        return unit

    def wait_for_state(self, unit, state):
        wait_for(f"{unit} is {state}", lambda: (self.row(unit) or {}).get("state") == state)

    def assertStandsBack(self, unit):
        self.wait_for_state(unit, "failed")
        wait_for(f"{unit} is said to stand back", lambda: "stands back" in ctl("status", unit).stdout)

    def test_every_dependency_that_pid1_has_is_in_the_table(self):
        """One that a later systemd brings needs a decision."""
        name = "org.freedesktop.systemd1"
        lines = run("busctl", "introspect", "--no-pager", name,
                    "/org/freedesktop/systemd1/unit/basic_2etarget", f"{name}.Unit").stdout
        lists = set(re.findall(r"^\.(\w+) +property +as ", lines, re.MULTILINE)) - OTHER_ENDS - NO_DEPENDENCIES
        self.assertLessEqual({"Requires", "BindsTo", "After"}, lists)
        table = read(os.path.join(HERE, "leased.unit.5")).split(".SH WHAT SYSTEMD STOPS")[1].split(".SH ENV")[0]
        self.assertEqual({each for each in lists if not re.search(rf"\b{each}=", table)}, set())

    def test_every_setting_by_which_pid1_starts_or_stops_something_is_in_the_table(self):
        """Likewise."""
        name, found = "org.freedesktop.systemd1", set()
        self.unit("table-look.timer", "[Timer]\nOnActiveSec=1h\nUnit=table-look.service\n")
        self.unit("table-look.socket", "[Socket]\nListenStream=/run/table-look\n")
        self.unit("table-look.service", SLEEPER)
        self.unit("tablelook.mount", "[Mount]\nWhat=tmpfs\nType=tmpfs\nWhere=/tablelook\n")
        for kind in ("Service", "Timer", "Socket", "Mount"):
            path = run("busctl", "call", name, "/org/freedesktop/systemd1", f"{name}.Manager", "LoadUnit", "s",
                       f"{'tablelook' if kind == 'Mount' else 'table-look'}.{kind.lower()}").stdout.split('"')[1]
            for interface in ("Unit", kind):
                lines = run("busctl", "introspect", "--no-pager", name, path, f"{name}.{interface}").stdout
                found |= set(re.findall(r"^\.(\w+) +property +[sbtuix(] ", lines, re.MULTILINE))
        settings = {each.replace("USec", "Sec") for each in found if re.search(DECIDES, each) and "Timestamp" not in each}
        self.assertLessEqual({"RuntimeMaxSec", "RefuseManualStop", "FailureAction", "RemainAfterElapse", "TriggerLimitBurst", "LazyUnmount"}, settings)
        page = read(os.path.join(HERE, "leased.unit.5")).replace("\\", "")
        self.assertEqual({each for each in settings if not re.search(rf"\b{each}=", page)}, set())

    def test_a_timer_that_does_not_remain_after_its_elapse_is_done(self):
        self.unit("table-once.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n")
        unit = self.unit("table-once.timer", "[Timer]\nOnActiveSec=100ms\nAccuracySec=1ms\nRemainAfterElapse=no\n")
        ctl("enable", "--", unit, check=True)
        self.wait_for_state(unit, "done")

    def test_a_socket_that_is_triggered_too_often_has_failed(self):
        self.unit("table-flood@.service", "[Service]\nExecStart=/bin/true\n")
        unit = self.unit("table-flood.socket", "[Socket]\nListenStream=/run/table-flood\nAccept=yes\nTriggerLimitIntervalSec=1h\n"
                                               "TriggerLimitBurst=2\n")
        ctl("enable", "--", unit, check=True)
        self.wait_for_state(unit, "running")
        for _ in range(4):
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
                client.connect("/run/table-flood")
        self.assertStandsBack(unit)
        self.assertEqual(property_of(unit, "Result"), "trigger-limit-hit")
        self.assertSays(ctl("steal", "--no-wait", unit), 0)  # a tenure begins with a clean slate
        self.wait_for_state(unit, "running")

    def test_a_start_that_is_refused_is_tried_five_times_and_then_a_failure(self):
        self.unit("table-broken.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n")
        self.unit("table-slow.service", "[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n")
        slow = "Wants=table-slow.service\nAfter=table-slow.service\nJobTimeoutSec=100ms"
        units = {
            self.enabled("table-condition.service", "ConditionPathExists=/nowhere"): "skipped because|condition check",
            self.enabled("table-assert.service", "AssertPathExists=/nowhere"): "asserts failed",
            self.enabled("table-requires.service", "Requires=table-broken.service\nAfter=table-broken.service"):
                "Dependency failed",
            self.enabled("table-timeout.service", slow): "timed out",
        }
        for unit, word in units.items():
            with self.subTest(unit):
                self.assertStandsBack(unit)
                # leased asks five times. A slow PID 1 makes one job of a start and the next, and a slow journal comes later.
                wait_for("the tries are in the journal", lambda: len(
                    [line for line in journal_of(unit).splitlines() if re.search(word, line)]) >= 3)  # pylint: disable=cell-var-from-loop
                self.assertNotEqual(property_of(unit, "ActiveState"), "active")

    def test_what_systemd_ends_because_of_a_limit_is_a_failure(self):
        units = [self.enabled(f"table-{name}.service", "", f"[Service]\n{setting}\nExecStart=/bin/sleep infinity\n")
                 for name, setting in (("runtime", "RuntimeMaxSec=200ms\nRuntimeRandomizedExtraSec=50ms"), ("watchdog", "WatchdogSec=200ms"),
                                       ("start", "Type=notify\nTimeoutStartSec=200ms"), ("exec", "ExecCondition=/bin/false"))]
        for unit in units:
            with self.subTest(unit):
                self.assertStandsBack(unit)

    def test_a_restart_by_systemd_ends_no_tenure(self):
        unit = self.enabled("table-restart.service", "", "[Service]\nRestart=always\nRestartSec=50ms\nRestartSteps=2\n"
                            "RestartMaxDelaySec=100ms\nRestartRandomizedDelaySec=50ms\n"
                            "ExecStart=/bin/sh -c 'echo >>/run/table-restarts; [ $$(wc -l </run/table-restarts) -gt 2 ] && exec sleep infinity'\n")
        self.addCleanup(run, "rm", "-f", "/run/table-restarts")
        wait_for("it runs for the third time", lambda: property_of(unit, "ActiveState") == "active" and
                 os.path.exists("/run/table-restarts") and len(read("/run/table-restarts")) > 2)
        self.wait_for_state(unit, "running")
        self.assertEqual(self.index(unit), 1)

    def test_a_service_whose_name_has_gone_with_the_bus_runs_again(self):
        name, policy = "org.freedesktop.PolicyKit1", "/etc/dbus-1/system.d/table-named.conf"
        write(policy, f'<busconfig><policy user="root"><allow own="{name}"/></policy></busconfig>')
        self.addCleanup(os.unlink, policy)
        run("systemctl", "reload", "dbus.service")
        # A service that does not end with the bus, and ends well when it is stopped.
        unit = self.enabled("table-named.service", "", f"[Service]\nType=dbus\nBusName={name}\nExecStart=/bin/sh -c 'trap \"exit 0\" TERM; "
                            f"{HERE}/polkit-stub & while :; do sleep 0.1; done'\n")
        self.wait_for_state(unit, "running")
        before = property_of(unit, "InvocationID")
        run("systemctl", "restart", "dbus.service")
        wait_for("it runs again", lambda: property_of(unit, "InvocationID") != before and property_of(unit, "ActiveState") == "active")
        self.wait_for_state(unit, "running")

    def test_a_systemd_that_has_left_the_bus_is_told_to_come_back(self):
        """It comes back by itself only when somebody has it read its files again, and until then leased starts nothing."""
        on_the_bus = lambda: run("busctl", "--no-pager", "status", "org.freedesktop.systemd1", check=False).returncode == 0
        unit = self.enabled("table-bus.service")
        self.wait_for_state(unit, "running")
        before = property_of(unit, "InvocationID")
        cut_off_from_the_bus(1)
        self.assertFalse(on_the_bus())
        wait_for("systemd is on the bus again", on_the_bus)
        wait_for("it is asked again", lambda: (self.row(unit) or {}).get("active_state") == "active")
        self.wait_for_state(unit, "running")
        self.assertEqual(property_of(unit, "InvocationID"), before)
        said = run("journalctl", "-b", "-o", "cat", "-u", "leased.service", "--no-pager").stdout
        self.assertIn("systemd has not been on the bus for 5 s: it is told to come back (SIGUSR1)", said)
        self.assertIn("systemd is on the bus again", said)

    def test_a_mount_that_somebody_unmounts_was_stopped_by_hand(self):
        unit = self.unit("run-table.mount", "[Mount]\nWhat=tmpfs\nType=tmpfs\nWhere=/run/table\n")
        ctl("enable", "--", unit, check=True)
        self.wait_for_state(unit, "running")
        run("umount", "/run/table")
        self.wait_for_state(unit, "stopped")
        run("systemctl", "start", unit)
        self.wait_for_state(unit, "running")
        self.assertEqual(self.index(unit), 1)

    def test_what_crashes_while_the_daemon_is_down_was_not_stopped_by_hand(self):
        unit = self.enabled("table-crash.service")
        self.wait_for_state(unit, "running")
        self.looks_rarely()  # with a TTL that lasts until leased is back
        pid = property_of("leased.service", "MainPID")
        run("sh", "-c", f"kill -STOP {pid}; kill -SEGV {property_of(unit, 'MainPID')}; kill -KILL {pid}")
        wait_for("it is down", lambda: property_of(unit, "ActiveState") == "failed")
        wait_for("leased is back", lambda: property_of("leased.service", "MainPID") not in ("0", pid) and
                 property_of("leased.service", "ActiveState") == "active")
        self.assertStandsBack(unit)

    def waits_through_a_restart(self, unit, word, back):
        self.wait_for_state(unit, "running")
        self.looks_rarely()  # with a TTL that lasts until leased is back
        run("systemctl", word, "table-need.service")
        wait_for("it is stopped", lambda: property_of(unit, "ActiveState") == "inactive")
        wait_for("that is told", lambda: "table-need.service" in ctl("status", unit).stdout)
        run("systemctl", "restart", "leased.service")
        wait_for("that is told again", lambda: "table-need.service" in ctl("status", unit).stdout)
        self.assertEqual(property_of(unit, "ActiveState"), "inactive")
        self.assertEqual(property_of("table-need.service", "ActiveState"), "inactive" if word == "stop" else "active")
        run("systemctl", back, "table-need.service")
        self.wait_for_state(unit, "running")
        self.assertEqual(self.index(unit), 1)

    def test_what_waits_for_a_need_waits_on_through_a_restart_of_leased(self):
        self.unit("table-need.service", SLEEPER)
        unit = self.enabled("table-waits.service", "Requires=table-need.service\nAfter=table-need.service", SLEEPER + "[X-Leased]\nOnFailure=hold\n")
        self.waits_through_a_restart(unit, "stop", "start")

    def test_what_waits_for_the_end_of_a_conflict_waits_on_through_a_restart_of_leased(self):
        self.unit("table-need.service", SLEEPER)
        unit = self.enabled("table-yields.service", "Conflicts=table-need.service", SLEEPER + "[X-Leased]\nOnFailure=hold\n")
        self.waits_through_a_restart(unit, "start", "stop")

    def test_a_start_that_is_refused_leaves_the_lease_here_with_hold(self):
        waits = "[X-Leased]\nOnFailure=hold\nHoldDownSec=3s\n"
        unit = self.enabled("table-held.service", "ConditionPathExists=/run/table-held", SLEEPER + waits)
        self.wait_for_state(unit, "failed")
        self.assertIn("OnFailure=hold keeps its lease here", ctl("status", unit).stdout)
        run("touch", "/run/table-held")
        self.addCleanup(run, "rm", "/run/table-held")
        self.wait_for_state(unit, "running")
        self.assertEqual(self.index(unit), 1)

    def looks_rarely(self):
        """Where rounds are so far apart, nothing is found in time by asking PID 1 again and again."""
        self.addCleanup(ctl, "reload")
        self.addCleanup(write, CONF, self.LEASED_CONF)
        write(CONF, "[Leased]\nTTL=60s\n")
        ctl("reload", check=True)

    def test_a_restart_by_systemd_has_its_token_whatever_was_done_to_the_environment_file(self):
        unit = self.enabled("table-token.service", "StartLimitIntervalSec=0", "[Service]\nRestart=always\nRestartSec=0\n"
                            "ExecStart=/bin/sh -c 'echo \"token $LEASE_INDEX\" >>/run/table-tokens; exec sleep infinity'\n")
        self.addCleanup(run, "rm", "-f", "/run/table-tokens")
        self.wait_for_state(unit, "running")
        wait_for("it has said its token", lambda: os.path.exists("/run/table-tokens"))
        self.looks_rarely()
        folder = "/run/leased/env"
        write("/run/table-other", "LEASE_INDEX=1000\n")
        self.addCleanup(run, "rm", "-rf", "/run/table-other", "/run/table-away")
        for i, damage in enumerate((f"rm {folder}/{unit}", f"mv {folder}/{unit} /run/table-away", f"echo >{folder}/{unit}",
                                    f"cp /run/table-other {folder}/copy; mv {folder}/copy {folder}/{unit}",
                                    f"ln -sf /run/table-other {folder}/{unit}", f"rm -rf {folder}", f"rm {folder}/{unit}",
                                    f"rm -r /run/table-away; mv {folder} /run/table-away", f"rm {folder}/{unit}")):
            with self.subTest(damage):
                pid = property_of(unit, "MainPID")
                run("sh", "-c", damage, check=False)  # rm -r may find the folder filled again
                for _ in range(3):  # leased has had its turns, and no reason to ask PID 1
                    ctl("list")
                run("kill", "-KILL", pid)
                wait_for("it runs again", lambda: len(read("/run/table-tokens").splitlines()) > i + 1)  # pylint: disable=cell-var-from-loop
                self.assertEqual(read("/run/table-tokens").splitlines(), ["token 1"] * (i + 2))
                wait_for("its file is there again", lambda: "LEASE_INDEX=1\n" in read(f"{folder}/{unit}"))
        self.assertEqual(self.index(unit), 1)

    def test_what_goes_by_a_lease_is_told_to_the_guard_again_whatever_was_done_to_its_file(self):
        self.unit("table-member.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n")
        unit = self.unit("table-member.timer", "[Timer]\nOnCalendar=yearly\nPersistent=yes\n")
        ctl("enable", "--", unit, check=True)
        self.wait_for_state(unit, "running")
        folder = "/run/leased/members"
        path = f"{folder}/{unit}"
        wait_for("it is told", lambda: os.path.exists(path))
        right = read(path)
        self.assertIn("table-member.service\n", right)
        self.looks_rarely()
        began = time.monotonic()
        for damage in (f"rm {path}", f"echo >{path}", f"echo other.service >{path}", f"mv {path} {folder}/other", f"rm -r {folder}",
                       f"mv {folder} /run/table-away", f"rm {path}"):
            with self.subTest(damage):
                run("sh", "-c", damage, check=False)  # rm -r may find the folder filled again
                wait_for("it is told again", lambda: os.path.exists(path) and read(path) == right)
        self.assertLess(time.monotonic() - began, 60)  # PID 1 would have been asked seven times in 210 s
        run("rm", "-rf", "/run/table-away")

    def test_a_unit_has_ended_when_systemd_says_so(self):
        unit = self.enabled("table-exit.service", "", "[Service]\nExitType=cgroup\nExecStart=/bin/sh -c "
                            "'(until test -e /run/table-exit; do sleep 0.1; done) &'\n")
        self.wait_for_state(unit, "running")
        run("touch", "/run/table-exit")
        self.addCleanup(run, "rm", "/run/table-exit")
        self.wait_for_state(unit, "done")

    def test_what_systemd_is_not_to_kill_is_killed_in_time(self):
        unit = self.enabled("table-unkilled.service", "SurviveFinalKillSignal=yes",
                            "[Service]\nKillMode=mixed\nSendSIGKILL=no\nFinalKillSignal=SIGTERM\nRestartKillSignal=SIGTERM\n"
                            "WatchdogSignal=SIGTERM\nTimeoutSec=300ms\nTimeoutStopSec=300ms\nTimeoutAbortSec=300ms\n"
                            "TimeoutStartFailureMode=terminate\nTimeoutStopFailureMode=terminate\n"
                            "ExecStart=/bin/sh -c 'trap : TERM; while :; do sleep 1; done'\n")
        self.addCleanup(run, "systemctl", "kill", "--signal=KILL", unit)
        self.wait_for_state(unit, "running")
        pid = property_of(unit, "MainPID")
        os.rename(REGISTRY, REGISTRY + ".away")
        try:
            wait_for("the guard has killed it", lambda: not os.path.exists(f"/proc/{pid}"))
        finally:
            os.rename(REGISTRY + ".away", REGISTRY)
        self.wait_for_state(unit, "running")

    def test_success_exit_status_decides_whether_it_is_done(self):
        ending = "[Service]\nExecStart=/bin/sh -c 'exit 3'\n"
        well = self.enabled("table-well.service", "", ending + "SuccessExitStatus=3\n")
        badly = self.enabled("table-badly.service", "", ending)
        self.wait_for_state(well, "done")
        self.assertStandsBack(badly)

    def test_a_job_that_takes_too_long_is_no_end_of_the_unit(self):
        unit = self.enabled("table-running.service", "JobRunningTimeoutSec=100ms",
                            "[Service]\nType=notify\nNotifyAccess=all\n"
                            "ExecStart=/bin/sh -c 'until test -e /run/table-ready; do sleep 0.1; done; systemd-notify --ready; "
                            "exec sleep infinity'\n")
        wait_for("PID 1 has let go of the job", lambda: "timed out" in journal_of(unit))
        self.assertEqual(property_of(unit, "ActiveState"), "activating")
        run("touch", "/run/table-ready")
        self.addCleanup(run, "rm", "/run/table-ready")
        wait_for("it is up", lambda: property_of(unit, "ActiveState") == "active")
        self.wait_for_state(unit, "running")

    def test_a_mount_that_somebody_has_stopped_is_waited_for(self):
        self.unit("tablemount.mount", "[Mount]\nWhat=tmpfs\nType=tmpfs\nWhere=/tablemount\n")
        unit = self.enabled("table-mounted.service", "RequiresMountsFor=/tablemount/data")
        self.wait_for_state(unit, "running")
        run("systemctl", "stop", "tablemount.mount")
        wait_for("it is stopped along", lambda: property_of(unit, "ActiveState") == "inactive")
        wait_for("that is told", lambda: "tablemount.mount" in ctl("status", unit).stdout)
        run("systemctl", "start", "tablemount.mount")
        wait_for("it runs again", lambda: property_of(unit, "ActiveState") == "active")

    def test_a_slice_that_somebody_has_stopped_comes_up_with_the_unit(self):
        self.unit("table.slice", "[Slice]\n")
        unit = self.enabled("table-sliced.service", "", SLEEPER + "Slice=table.slice\n")
        self.wait_for_state(unit, "running")
        run_before = property_of(unit, "InvocationID")
        run("systemctl", "stop", "table.slice")
        wait_for("it runs again", lambda: property_of(unit, "ActiveState") == "active" and property_of(unit, "InvocationID") != run_before)
        self.wait_for_state(unit, "running")

    def test_a_socket_that_the_unit_names_as_its_own_is_leased_in_its_place(self):
        self.unit("table-own.socket", "[Socket]\nListenStream=/run/table-own\n")
        unit = self.unit("table-own.service", SLEEPER + "Sockets=table-own.socket\n")
        done = ctl("enable", unit)
        self.assertEqual(done.returncode, 1)
        self.assertIn("leasectl enable table-own.socket", done.stderr)
        self.assertUntouched(unit)


if __name__ == "__main__":
    main()
