#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Units whose work lies outside of their control group: refused, or kept together by a slice of their own.

    run-in-guest test-leasectl-outside.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN
"""

import glob
import json
import os
import subprocess

from leasectl_guest import Case, CaseWithDaemon, ctl, dropin_of, main, property_of, read, run, wait_for, write

GROUP = "/sys/fs/cgroup"
STRAY = "d008bd30afc04cab8968f647ac6d375c"  # the message id of an alarm, as the journal's catalog has it
RUN = "/usr/bin/systemd-run --unit=payload --collect --wait"
# A shell stands in for engines that are not installed: PID 1 wants the file of a command to be there when it loads the unit.
ENGINES = ("docker", "podman", "nerdctl", "machinectl", "virsh", "lxc-start", "at", "doas", "crond")


def service(*lines, options="", more=""):
    return "[Service]\n" + "".join(f"{line}\n" for line in lines) + f"{more}[X-Leased]\n{options}"


def populated(group):
    try:
        with open(f"{GROUP}/{group}/cgroup.events") as file:
            return "populated 1" in file.read()
    except FileNotFoundError:
        return False


class Refusing(Case):
    """Neither daemon nor registry are needed for it."""
    NOTES = "note: leased is not running...", "note: Registry=local excludes nobody..."  # of the unit that was not refused

    def refusals(self, *lines, options=""):
        unit = self.unit("web.service", service(*lines, options=options))
        done = ctl("enable", unit)
        if done.returncode != 0:
            self.assertUntouched(unit)
        return done

    def severities(self, unit, text):
        found = json.loads(ctl("check", "--json=short", unit).stdout)[0]["findings"]
        return [each["severity"] for each in found if text in each["text"]]

    def test_work_outside_of_the_control_group_is_refused_with_what_to_write(self):
        for line, what, mend in (
                ("/usr/bin/docker run --rm web", "docker run", "write Slice=NAME.slice in [X-Leased] and "
                 "--cgroup-parent=NAME.slice behind docker run"),
                ("/usr/bin/podman run --cgroups=no-conmon web", "podman run", "or --cgroups=split and Delegate=yes"),
                (f"{RUN} sleep 1000", "systemd-run", "and --slice=NAME.slice behind systemd-run"),
                ("/bin/sh -c 'exec nice systemd-run --scope sleep 1000'", "systemd-run", "--slice=NAME.slice"),
                ("@/usr/bin/machinectl other start web", "machinectl start", "Slice= of systemd-nspawn@.service"),
                ("-/usr/bin/env A=1 /usr/bin/virsh start web", "virsh start", "have it run there"),
                ("/bin/su - nobody -c job", "su -l", "User= in [Service]"),
                ("/bin/sh -c 'echo 0 >/sys/fs/cgroup/x/cgroup.procs'", "> cgroup.procs", "start the program itself"),
                ("/usr/bin/systemd-nspawn -D /srv/web", "systemd-nspawn", "write --keep-unit behind systemd-nspawn")):
            done = self.refusals(f"ExecStart={line}")
            self.assertSays(done, 1, f"web.service: ExecStart= has {what}, whose work lies in another control group and would "
                                     f"run on beside the next holder's: ...")
            self.assertIn(mend, done.stderr)
            self.assertIn("AllowOutside=yes", done.stderr)

    def test_every_command_of_the_unit_is_looked_at(self):
        for line in ("ExecCondition", "ExecStartPre", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost"):
            done = self.refusals("ExecStart=/bin/sleep infinity", f"{line}=+/usr/bin/docker run web")
            self.assertSays(done, 1, f"web.service: {line}= has docker run...")

    def test_an_engine_of_another_machine_that_the_environment_names_is_seen(self):
        run_there = "/usr/bin/docker run --cgroup-parent=web.slice web"
        for variable, refused in (("DOCKER_HOST=tcp://other:2375", True), ("DOCKER_CONTEXT=other", True),
                                  ("DOCKER_HOST=unix:///run/docker.sock", False), ("DOCKER_HOSTS=tcp://other:2375", False)):
            for line in (run_there, f"/bin/sh -c 'exec {run_there}'"):
                done = self.refusals(f"Environment=A=1 {variable}", f"ExecStart={line}", options="Slice=web.slice\n")
                self.assertEqual(done.returncode, int(refused), f"{variable} {line}: {done.stderr}")
                if refused:
                    self.assertSays(done, 1, "web.service: ExecStart= has docker run, whose work lies in another control group and "
                                             "would run on beside the next holder's: ...")
                else:
                    ctl("disable", "web.service", check=True)

    def test_an_engine_of_another_machine_is_seen_in_a_script(self):
        write("/srv/start", "#!/bin/sh\nexec docker run --cgroup-parent=web.slice web\n")
        os.chmod("/srv/start", 0o755)
        self.addCleanup(os.unlink, "/srv/start")
        for variable, expected in (("DOCKER_HOST=ssh://other", ["weak"]), ("DOCKER_HOST=unix:///run/docker.sock", [])):
            self.refusals(f"Environment={variable}", "ExecStart=/srv/start", options="Slice=web.slice\n")
            self.assertEqual(self.severities("web.service", "a script with docker run: if it comes to that"), expected, variable)
            ctl("disable", "web.service", check=True)

    def test_what_pid_1_hands_to_a_shell_is_looked_at(self):
        lines = ["/bin/sh -c 'exec docker run web'"]
        if int(run("systemctl", "--version").stdout.split()[1]) >= 258:
            lines += ["|docker run web", "|@docker run web", "-|'true; exec docker run web'"]
        for line in lines:
            self.assertSays(self.refusals(f"ExecStart={line}"), 1, "web.service: ExecStart= has docker run...")

    def test_pam_decides_whether_a_session_leaves_the_control_group(self):
        for name in ("doas", "crond", "taken"):
            self.addCleanup(os.unlink, f"/etc/pam.d/{name}")
        for name in ("doas", "crond"):
            write(f"/etc/pam.d/{name}", "session include taken\n")
        for module, refused in (("required pam_unix.so", False), ("optional pam_systemd.so", True)):
            write("/etc/pam.d/taken", f"-session {module}\n")
            for what, line in (("doas", "/usr/bin/doas -u web job"), ("crond", "/usr/bin/crond -n")):
                done = self.refusals(f"ExecStart={line}")
                self.assertEqual(done.returncode, int(refused), done.stderr)
                if refused:
                    self.assertSays(done, 1, f"web.service: ExecStart= has {what}, whose work lies in another control group and "
                                             f"would run on beside the next holder's: ...")
                    self.assertIn(f"/etc/pam.d/{what})", done.stderr)
                else:
                    ctl("disable", "web.service", check=True)

    def test_what_a_timer_starts_is_looked_at(self):
        self.unit("web.service", service("ExecStart=/usr/bin/docker run web"))
        done = ctl("enable", self.unit("web.timer", "[Timer]\nOnCalendar=daily\nPersistent=yes\n"))
        self.assertSays(done, 1, "web.timer: brings web.service, whose ExecStart= has docker run...")

    def test_an_option_that_keeps_the_work_inside_lets_it_pass(self):
        for line, options in ((f"{RUN} --slice=web.slice sleep 1000", "Slice=web.slice\n"),
                              ("/usr/bin/docker run --cgroup-parent=web.slice web", "Slice=%N.slice\n"),
                              ("/usr/bin/podman run --cgroups=split web job -r --url=x", ""),
                              ("/usr/bin/systemd-nspawn --keep-unit -D /srv/web", ""),
                              ("/usr/bin/docker stop web", "")):
            done = self.refusals(f"ExecStart={line}", options=options)
            self.assertEqual(done.returncode, 0, done.stderr)
            ctl("disable", "web.service", check=True)

    def test_units_as_quadlet_writes_them_pass(self):
        done = self.refusals("Environment=PODMAN_SYSTEMD_UNIT=%n", "KillMode=mixed", "Type=notify", "NotifyAccess=all",
                             "Delegate=yes", "SyslogIdentifier=%N",
                             "ExecStop=/usr/bin/podman rm -v -f -i --cidfile=%t/%N.cid",
                             "ExecStopPost=-/usr/bin/podman rm -v -f -i --cidfile=%t/%N.cid",
                             "ExecStart=/usr/bin/podman run --name systemd-%N --cidfile=%t/%N.cid --replace --rm "
                             "--cgroups=split --sdnotify=conmon -d localhost/web",
                             "ExecReload=/usr/bin/podman exec --cidfile=%t/%N.cid reload")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.severities("web.service", "podman"), [])

    def test_whoever_allows_it_is_told_that_it_is_weak(self):
        done = self.refusals("ExecStart=/usr/bin/docker run web", options="AllowOutside=yes\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.severities("web.service", "it may run beside the next holder's (AllowOutside=yes)"), ["weak"])

    def test_what_the_command_does_not_say_is_weak(self):
        done = self.refusals("ExecStart=/usr/bin/docker start -a web", options="Slice=web.slice\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.severities("web.service", "only in web.slice"), ["weak"])

    def test_what_stands_in_a_script_is_weak_and_no_reason_to_refuse(self):
        for name, text in (("start", "#!/bin/sh -e\n# docker stop web\nexec docker run web\n"), ("calls", "#!/usr/bin/env bash\nset -u\n/srv/start &\nwait\n"),
                           ("apachectl", "#!/bin/sh\n[ -n \"$APACHE_STARTED_BY_SYSTEMD\" ] || exec systemctl start apache2\nexec sleep 1000\n"),
                           ("harmless", "#!/bin/sh\n# docker run web\necho docker run\n"), ("other", "docker run web\n")):
            write(f"/srv/{name}", text)
            os.chmod(f"/srv/{name}", 0o755)
            self.addCleanup(os.unlink, f"/srv/{name}")
        for line in ("/srv/start", "/srv/calls", "/bin/sh -e /srv/start", "/usr/bin/env A=1 /srv/start", "/bin/sh -c 'exec /srv/calls'"):
            done = self.refusals(f"ExecStart={line}")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.severities("web.service", "runs /srv/start, a script with docker run: if it comes to that"), ["weak"], line)
            ctl("disable", "web.service", check=True)
        for line in ("/srv/harmless", "/bin/cat /srv/other", "/bin/sh -c 'cat /srv/start'"):
            self.refusals(f"ExecStart={line}")
            self.assertEqual(self.severities("web.service", "a script with"), [], line)
            ctl("disable", "web.service", check=True)
        for environment, expected in (("A=1", ["weak"]), ("APACHE_STARTED_BY_SYSTEMD=true", [])):
            self.refusals(f"Environment={environment}", "ExecStart=/srv/apachectl start")
            self.assertEqual(self.severities("web.service", "a script with systemctl start"), expected)
            ctl("disable", "web.service", check=True)
        self.refusals("ExecStart=/srv/start", options="AllowOutside=yes\n")
        self.assertEqual(self.severities("web.service", "beside the next holder's (AllowOutside=yes)"), ["weak"])

    def test_a_line_that_came_after_enable_is_refused_by_check(self):
        unit = self.unit("web.service")
        ctl("enable", unit, check=True)
        self.unit(unit, service("ExecStart=/usr/bin/docker run web"))
        self.assertEqual(self.severities(unit, "has docker run"), ["refused"])
        self.assertEqual(ctl("check", unit).returncode, 1)

    def test_a_slice_that_is_not_the_units_own_is_refused(self):
        for name in ("system.slice", "machine.slice", "user.slice", "-.slice", "system-web.slice", "user-0.slice", "web.service",
                     "a--b.slice", "-a.slice", "a-.slice", "a/b.slice"):
            done = self.refusals("ExecStart=/bin/sleep infinity", options=f"Slice={name}\n")
            self.assertSays(done, 1, f"/etc/systemd/system/web.service:4: Slice={name}: expected is a slice of its own, e.g. "
                                     "foo.slice...")

    def test_a_slice_has_one_lease(self):
        self.unit("one.service", service("ExecStart=/bin/sleep infinity", options="Slice=both.slice\n"))
        self.unit("two.service", service("ExecStart=/bin/sleep infinity", options="Slice=both.slice\n"))
        ctl("enable", "one.service", check=True)
        self.assertSays(ctl("enable", "two.service"), 1,
                        "two.service: brings both.slice, which goes by the lease of one.service already")
        ctl("disable", "one.service", check=True)
        self.assertFalse(os.path.exists(dropin_of("both.slice")))

    def test_a_slice_has_one_lease_within_a_command_too(self):
        for name in "one.service", "two.service":
            self.unit(name, service("ExecStart=/bin/sleep infinity", options="Slice=both.slice\n"))
        done = ctl("enable", "one.service", "two.service")
        self.assertSays(done, 1, "two.service: brings both.slice, which would go by the lease of one.service, too", *self.NOTES)
        self.assertEqual(os.listdir("/etc/leased/units"), ["one.service"])
        self.assertIn("/one.service", read(dropin_of("both.slice")))
        ctl("disable", "one.service", check=True)

    def test_a_slice_within_a_slice_has_the_same_lease(self):
        """Whatever is in the inner one is in the outer one, and is stopped and killed with it."""
        outer, inner = "web.slice", "web-api.slice"
        for first, second in ((outer, inner), (inner, outer)):
            self.unit("one.service", service("ExecStart=/bin/sleep infinity", options=f"Slice={first}\n"))
            self.unit("two.service", service("ExecStart=/bin/sleep infinity", options=f"Slice={second}\n"))
            ctl("enable", "one.service", check=True)
            self.assertSays(ctl("enable", "two.service"), 1, f"two.service: brings {second}; {first}, which goes by the lease of "
                                                             "one.service, lies in the same slice")
            ctl("disable", "one.service", check=True)
            self.assertSays(ctl("enable", "one.service", "two.service"), 1,
                            f"two.service: brings {second}, which would go by the lease of one.service, too", *self.NOTES)
            ctl("disable", "one.service", check=True)

    def test_a_unit_that_lies_in_the_slice_of_another_is_refused(self):
        self.unit("one.service", service("ExecStart=/bin/sleep infinity", options="Slice=web.slice\n"))
        self.unit("two.service", service("ExecStart=/bin/sleep infinity\nSlice=web-api.slice"))
        ctl("enable", "one.service", check=True)
        self.assertSays(ctl("enable", "two.service"), 1, "two.service: lies in web.slice, which goes by the lease of one.service: it could "
                                                         "run only beside that unit (Slice= in systemd's unit file)")
        ctl("disable", "one.service", check=True)

    def test_a_slice_that_is_up_must_be_stopped_first(self):
        run("systemd-run", "--slice=web.slice", "--unit=before", "sleep", "infinity")
        self.addCleanup(run, "systemctl", "stop", "before.service", check=False)
        options = "Slice=web.slice\n"
        self.assertSays(self.refusals("ExecStart=/bin/sleep infinity", options=options), 1,
                        "web.service: brings web.slice, which is up: systemctl stop web.slice, or use --stop")
        ctl("enable", "--stop", "web.service", check=True)
        self.assertFalse(populated("web.slice"))


class Together(CaseWithDaemon):
    """The slice is the unit's in every sense."""

    def payload(self, name="web.service", options="Slice=web.slice\n", run_options="--slice=web.slice"):
        unit = self.enable(name, service(f"ExecStart={RUN} {run_options} sleep infinity", options=options))
        wait_for("the payload runs", lambda: property_of("payload.service", "ActiveState") == "active")
        return unit

    def start_as_an_engine(self):
        """A process in a group that PID 1 knows nothing of, as an engine's cgroupfs driver makes it."""
        group = f"{GROUP}/web.slice/engine"
        os.makedirs(group, exist_ok=True)
        process = subprocess.Popen(["/bin/sleep", "infinity"], start_new_session=True)
        self.addCleanup(run, "rmdir", group, check=False)  # systemd 257 does it with the slice
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        write(f"{group}/cgroup.procs", str(process.pid))

    def test_a_slice_in_which_another_leased_unit_lies_is_refused(self):
        self.enable("two.service", service("ExecStart=/bin/sleep infinity\nSlice=web-api.slice"))
        self.unit("one.service", service("ExecStart=/bin/sleep infinity", options="Slice=web.slice\n"))
        self.assertSays(ctl("enable", "one.service"), 1, "one.service: brings web.slice; two.service lies in it, and goes by the lease of "
                                                         "two.service: it would be stopped and killed with this unit, too")

    def test_a_slice_that_comes_later_must_be_free(self):
        unit = self.unit("web.service", service("ExecStart=/bin/sleep infinity\nSlice=web.slice"))
        ctl("enable", unit, check=True)
        run("systemd-run", "--slice=web-api.slice", "--unit=before", "sleep", "infinity")
        self.addCleanup(run, "systemctl", "stop", "before.service", check=False)
        self.assertSays(ctl("set", unit, "Slice=web.slice"), 1,
                        f"{unit}: brings web.slice, in which web-api.slice is up: systemctl stop web-api.slice")
        self.assertFalse(os.path.exists(dropin_of("web.slice")))
        run("systemctl", "stop", "before.service", "web-api.slice")
        self.assertSays(ctl("set", unit, "Slice=web.slice"), 0)

    def test_the_slice_has_the_gate_of_the_unit(self):
        unit = self.payload()
        self.assertTrue(populated("web.slice"))
        run("leasectl", "release", unit)
        wait_for("all is gone", lambda: not populated("web.slice") and (self.row(unit) or {}).get("held") is False)
        self.assertEqual(property_of("payload.service", "LoadState"), "not-found")
        for scope in ((), ("--scope",)):
            done = run("systemd-run", *scope, "--slice=web.slice", "--collect", "--wait" if not scope else "--quiet", "sh", "-c",
                       "touch /run/has-run; sleep 1000", check=False)
            # Of a service that could not be started for its slice, systemd-run 257 waits for no end, and says success.
            self.assertTrue(done.returncode != 0 or (not scope and "Finished with result: success" in done.stderr), done.stderr)
            self.assertFalse(os.path.exists("/run/has-run"))
        self.assertFalse(populated("web.slice"))

    def test_nested_slices_are_found_where_pid_1_makes_them(self):
        unit = self.payload(options="Slice=a-b.slice\n", run_options="--slice=a-b-c.slice")
        self.assertTrue(populated("a.slice/a-b.slice/a-b-c.slice"))
        run("leasectl", "release", unit)
        wait_for("all is gone", lambda: not populated("a.slice/a-b.slice"))

    def test_a_unit_may_lie_in_its_own_slice(self):
        unit = self.enable("in.service", "[Service]\nSlice=in.slice\nExecStart=/bin/sleep infinity\n[X-Leased]\nSlice=in.slice\n")
        self.assertTrue(populated("in.slice/in.service"))
        run("leasectl", "release", unit)
        wait_for("all is gone", lambda: not populated("in.slice"))

    def test_the_end_of_the_unit_is_the_end_of_what_is_in_its_slice(self):
        unit = self.enable("job.service", "[Service]\nType=oneshot\nExecStart=/usr/bin/systemd-run --unit=payload --collect "
                           "--slice=job.slice sleep infinity\n[X-Leased]\nSlice=job.slice\n", state="done")
        self.assertEqual(property_of("payload.service", "LoadState"), "not-found")
        self.assertEqual(property_of("job.slice", "ActiveState"), "inactive")
        self.assertFalse(populated("job.slice"))
        self.assertEqual(self.row(unit)["state"], "done")

    def test_what_failed_in_the_slice_keeps_no_later_tenure_from_starting(self):
        """A transient unit that has failed stays loaded, and PID 1 makes no other one of its name."""
        unit = self.enable("again.service", service("ExecStart=/usr/bin/systemd-run --unit=payload --wait --slice=web-a.slice sleep infinity",
                                                    options="Slice=web.slice\nHoldDownSec=1s\n"))
        for _ in range(2):
            wait_for("the payload runs", lambda: property_of("payload.service", "ActiveState") == "active")
            index = self.row(unit)["index"]
            run("systemctl", "kill", "--signal=KILL", "payload.service")
            wait_for("a later tenure runs", lambda: (self.row(unit) or {}).get("state") == "running" and
                     self.row(unit)["index"] == index + 1)  # pylint: disable=cell-var-from-loop
        wait_for("the payload runs", lambda: property_of("payload.service", "ActiveState") == "active")

    def test_what_somebody_puts_there_without_the_lease_is_stopped(self):
        unit = self.payload()
        run("leasectl", "release", unit)
        wait_for("it waits", lambda: (self.row(unit) or {}).get("held") is False)
        self.start_as_an_engine()
        self.assertTrue(populated("web.slice"))
        wait_for("it is killed", lambda: not populated("web.slice"))
        wait_for("the alarm is given", lambda: "without its lease" in run("journalctl", f"MESSAGE_ID={STRAY}", check=False).stdout)

    def test_groups_that_an_engine_makes_itself_are_killed_before_the_lease_goes(self):
        unit = self.payload()
        self.start_as_an_engine()
        run("leasectl", "release", unit)
        self.assertFalse(populated("web.slice"))

    def test_a_main_process_that_lies_outside_is_told_once(self):
        write("/opt/start", "#!/bin/sh\nsystemd-run --unit=payload --collect sleep infinity\n"
              "systemctl show -p MainPID --value payload >/run/start.pid\n")
        os.chmod("/opt/start", 0o755)
        self.addCleanup(run, "systemctl", "stop", "payload", check=False)
        unit = self.enable("script.service", "[Service]\nType=forking\nPIDFile=/run/start.pid\nExecStart=/opt/start\n")
        wait_for("its main process is the payload's", lambda: property_of(unit, "MainPID") ==
                 property_of("payload.service", "MainPID") != "0")
        pid = property_of(unit, "MainPID")
        line = f"process {pid} of {unit} is in /system.slice/payload.service, outside of its control group"
        wait_for("status tells it", lambda: line in ctl("status", unit).stdout)
        wait_for("the journal has it", lambda: line in run("journalctl", "-u", "leased").stdout)
        run("leasectl", "reload")
        self.assertEqual(run("journalctl", "-u", "leased").stdout.count(line), 1)

    def test_a_line_that_came_after_enable_is_told_by_status(self):
        unit = self.enable("late.service")
        self.assertNotIn("Outside", ctl("status", unit).stdout)
        self.unit(unit, service("ExecStart=/usr/bin/docker run web"))
        self.assertRegex(ctl("status", unit).stdout, r"(?m)^ *Outside: ExecStart= has docker run, ")

    def test_status_shows_the_slice(self):
        unit = self.payload()
        self.assertRegex(ctl("status", unit).stdout, r"(?m)^ *Slice: +web\.slice$")


if __name__ == "__main__":
    for engine in ENGINES:
        if not glob.glob(f"/usr/bin/{engine}"):
            write(f"/usr/bin/{engine}", "#!/bin/sh\nexec sleep infinity\n")
            os.chmod(f"/usr/bin/{engine}", 0o755)
    main()
