#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator calls a unit or a machine is what leasectl takes it for, in every verb.

    run-in-guest test-leasectl-names.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
"""

import json
import os

from leasectl_guest import HERE, SLEEPER, SYSTEM, UNITS, CaseWithDaemon, ctl, main, property_of, read, run, wait_for, write

REGISTRY = "/var/lib/leased/registry"
OLD, NEW = "0dd" + "0" * 29, "e44" + "0" * 29
NEW_SESSION = "e44e44e44e44e44e-60000"


def put(key, value):
    run(f"{HERE}/put-record", REGISTRY, key, json.dumps(value))


class Aliases(CaseWithDaemon):
    LEASED_CONF = "[Leased]\nTTL=2s\n"

    def alias(self, alias, unit):
        os.symlink(unit, f"{SYSTEM}/{alias}")
        self.addCleanup(os.unlink, f"{SYSTEM}/{alias}")
        run("systemctl", "daemon-reload")
        return alias

    def test_every_verb_takes_an_alias_for_its_unit(self):
        self.unit("true.service")
        alias = self.alias("also.service", "true.service")
        self.assertIn("true.service", ctl("check", alias).stdout.splitlines()[0])
        said = ctl("enable", "true.service", alias, "also", check=True).stdout
        self.assertEqual(len(said.splitlines()), 1, said)
        wait_for("it runs", lambda: (self.row("true.service") or {}).get("state") == "running")
        for typed in (alias, "also"):
            self.assertIn("Unit: true.service", ctl("status", typed, check=True).stdout)
            self.assertEqual(json.loads(ctl("status", "--json=short", typed).stdout)["unit"], "true.service")
            self.assertEqual(ctl("is-held", typed, check=True).stdout, "held\n")
            self.assertIn("true.service", ctl("history", typed, check=True).stdout)
            self.assertEqual(ctl("steal", typed, check=True).stdout, "true.service: is held by this machine already\n")
            self.assertIn(os.uname().nodename, ctl("prove", typed).stdout)  # it has had a tenure
            self.assertIn("true.service", ctl("cat", typed, check=True).stdout)
            self.assertSays(ctl("logs", typed), 0)
            self.assertSays(ctl("forget", typed), 1, "true.service: cannot be forgotten: a unit with this lease is enabled on ...")
            self.assertSays(ctl("rearm", typed), 1, "true.service: is not done but running, there is nothing to rearm")
            self.assertEqual(ctl("transfer", typed, os.uname().nodename, check=True).stdout,
                             f"true.service: is held by {os.uname().nodename} already\n")
        self.assertTrue(ctl("release", alias, check=True).stdout.startswith("true.service: released"))
        self.assertEqual(ctl("is-held", alias).returncode, 3)
        self.assertEqual(ctl("disable", alias, check=True).stdout.splitlines()[-1], "true.service: disabled")
        self.assertUntouched("true.service")

    def test_what_cannot_be_written_is_a_failure(self):
        self.enable("true.service")
        for verb in ("list", "machines", "list --json", "status true", "cat true", "history"):
            done = run("sh", "-c", f"leasectl {verb} > /dev/full", check=False)
            self.assertEqual((verb, done.returncode, done.stderr), (verb, 1, "leasectl: cannot write: No space left on device\n"))

    def test_a_monitor_whose_lines_cannot_be_written_has_failed(self):
        for options in ("", "--json"):
            done = run("sh", "-c", f"leasectl monitor {options} >/dev/full", check=False)
            self.assertEqual((done.returncode, done.stderr), (1, "leasectl: cannot write: No space left on device\n"))

    def test_a_standard_descriptor_that_is_closed_is_nobody_elses(self):
        """No other file gets its number: else what is written to it ends in that file, or a program that leasectl runs is given it."""
        unit = self.enable("true.service")
        lines = wait_for("its journal has lines", lambda: ctl("logs", unit, check=True).stdout)
        done = run("sh", "-c", f"leasectl logs {unit} <&-", check=False)
        self.assertEqual((done.returncode, done.stdout), (0, lines))
        done = run("sh", "-c", f"leasectl logs {unit} <&- 2>&-", check=False)
        self.assertEqual((done.returncode, done.stdout), (0, lines))
        done = run("sh", "-c", f"leasectl logs {unit} >&-", check=False)
        self.assertEqual((done.returncode, done.stderr), (1, "leasectl: cannot write: Bad file descriptor\n"))

    def test_each_verb_names_what_may_have_been_meant(self):
        self.enable("true.service")
        for verb in (("set", "tru", "Version=2"), ("edit", "tru")):
            self.assertSays(ctl(*verb), 4, "tru.service: is not enabled here, did you mean 'true.service'?")
        self.assertSays(ctl("disable", "tru"), 4, "tru.service: is not enabled on this machine, did you mean 'true.service'?")
        self.assertSays(ctl("cat", "tru"), 4, "tru.service: there is no such unit on this machine, did you mean 'true.service'?")
        self.assertIn("Lease=true.service", ctl("cat", "tr*", check=True).stdout)
        self.assertSays(ctl("logs", "tru"), 4, "tru.service: not enabled on any machine, did you mean 'true.service'?")
        for verb in ("history", "is-held"):
            self.assertSays(ctl(verb, "tru"), 3, "tru: nobody has ever held such a lease, did you mean 'true.service'?")

    def test_a_name_that_is_nobodys_alias_stays_as_it_was_typed(self):
        self.assertSays(ctl("status", "nowhere"), 4, "nowhere.service: not enabled on this machine, see: leasectl")
        self.assertSays(ctl("is-held", "nowhere"), 3, "nowhere: nobody has ever held such a lease, see: leasectl list --all")
        plain = self.alias("plain-too.service", self.unit("plain.service"))
        self.assertSays(ctl("release", plain), 4, "plain.service: not enabled on any machine, see: leasectl")

    def test_a_leased_unit_whose_name_has_become_an_alias_can_be_disabled(self):
        unit = self.enable("before.service")
        ctl("release", unit, check=True)
        os.unlink(f"{SYSTEM}/{unit}")
        self.unit("after.service")
        self.alias(unit, "after.service")
        self.addCleanup(lambda: os.path.exists(f"{UNITS}/{unit}") and os.unlink(f"{UNITS}/{unit}"))
        self.assertSays(ctl("disable", unit), 0)
        self.assertUntouched(unit)


class Machines(CaseWithDaemon):
    LEASED_CONF = "[Leased]\nTTL=2s\n"

    @staticmethod
    def machine(machine_id, session):
        put(f"machines/{machine_id}", {"hostname": "web", "boot_id": "b" * 32, "session": session, "metadata": "",
                                      "version": "0", "draining": False})

    @staticmethod
    def listed():
        return {each["machine_id"]: each["up"] for each in json.loads(ctl("machines", "--json=short", check=True).stdout)}

    def test_a_host_name_means_the_machine_that_is_up(self):
        wait_for("the registry is there", lambda: json.loads(ctl("registry", "--json=short").stdout)["uuid"])
        self.machine(OLD, "0dd0dd0dd0dd0dd0-2000")
        self.machine(NEW, "aaaaaaaaaaaaaaaa-2000")
        wait_for("both are known", lambda: OLD in self.listed() and NEW in self.listed())
        unit = self.enable("moves.service")
        both = ("web: more than one machine is called that, and none of them is up; give a machine id: "
                f"{OLD} or {NEW}")
        self.assertSays(ctl("transfer", unit, "web"), 1, both)
        put(f"fences/{NEW_SESSION}", {"counter": 0, "names": []})
        put(f"beats/{NEW_SESSION}", {"machine_id": NEW, "nonce": "e44e44e44e44e44e-1"})
        self.machine(NEW, NEW_SESSION)
        wait_for("it is up", lambda: self.listed()[NEW])
        self.assertSays(ctl("transfer", unit, "web"), 1, f"{unit}: cannot go to web: it is not enabled there")
        self.assertIn(f"Not on web ({OLD[:8]}): ", ctl("status", unit).stdout)
        self.assertSays(ctl("drain", "web"), 0)
        self.assertSays(ctl("undrain", "web"), 0)
        self.assertEqual(property_of(unit, "ActiveState"), "active")

    def test_an_empty_name_means_no_machine_no_unit_and_no_lease(self):
        """As of a variable that is not set. The record of one machine cannot be read, so its host name is not known."""
        put(f"machines/{'e' * 32}", {})
        wait_for("it is listed", lambda: "e" * 32 in self.listed())
        unit = self.enable("stays.service")
        for verb in (("drain", ""), ("undrain", ""), ("confirm-dead", ""), ("transfer", unit, "")):
            self.assertSays(ctl(*verb), 1, "a machine is to be named, and the name is empty, see: leasectl machines")
        self.assertIn("e" * 32, self.listed())
        for verb in (("release", ""), ("stop", ""), ("start", ""), ("restart", ""), ("rearm", ""), ("steal", ""), ("enable", ""), ("disable", ""),
                     ("set", "", "Version=1"), ("cat", ""), ("logs", ""), ("status", ""), ("list", ""), ("check", ""), ("is-held", ""),
                     ("history", ""), ("forget", ""), ("prove", ""), ("registry", "accept", ""), ("registry", "forget", "")):
            done = ctl(*verb)
            self.assertIn(done.returncode, (1, 2, 3, 4), verb)
        self.assertEqual(self.row(unit)["state"], "running")


class Forgers(CaseWithDaemon):
    """A machine that says of itself what it likes, and then falls silent."""
    LEASED_CONF = "[Leased]\nTTL=2s\nFenceCommand=/opt/leased-test/off\n"
    ID, SESSION = "f0e" + "0" * 29, "f0ef0ef0ef0ef0e0-2000"
    FORGED = "web\n[Service]\nExecStopPost=/bin/touch /run/forged\nX=\\"

    @classmethod
    def setUpClass(cls):
        # PID 1 reads the files of transient units anew whenever somebody says daemon-reload.
        write("/opt/leased-test/off", """#!/bin/sh
systemctl daemon-reload
unit=$(sed -n 's,^0::.*/,,p' /proc/self/cgroup)
systemctl show -p ExecStopPost,Description "$unit" >/run/fence.shown
printf %s "$HOSTNAME" >/run/fence.name
""")
        os.chmod("/opt/leased-test/off", 0o755)
        super().setUpClass()

    def test_the_name_of_a_machine_is_no_setting_of_the_unit_that_switches_it_off(self):
        wait_for("the registry is there", lambda: json.loads(ctl("registry", "--json=short").stdout)["uuid"])
        put(f"fences/{self.SESSION}", {"counter": 0, "names": []})
        put("leases/forgers.service", {"state": "held", "machine_id": self.ID, "session": self.SESSION, "version": 0, "index": 1,
                                       "since": 1, "period": 0, "debts": [], "tenures": []})
        put(f"machines/{self.ID}", {"hostname": self.FORGED, "boot_id": "b" * 32, "session": self.SESSION, "metadata": "",
                                    "version": "0", "draining": False})
        for i in range(3):
            put(f"beats/{self.SESSION}", {"machine_id": self.ID, "nonce": f"f0ef0ef0ef0ef0e0-{i}"})
            wait_for("it is up", lambda: Machines.listed().get(self.ID))
        wait_for("it is switched off", lambda: os.path.exists("/run/fence.name"))
        shown = read("/run/fence.shown")
        self.assertIn("Description=FenceCommand= of leased for web", shown)
        self.assertNotIn("touch", shown.replace("\\x0aExecStopPost=/bin/touch", ""))
        self.assertEqual(read("/run/fence.name"), r"web\x0a[Service]\x0aExecStopPost=/bin/touch /run/forged\x0aX=" + "\\")
        wait_for("it has ended", lambda: not run("sh", "-c", "ls /run/systemd/transient | grep leased-fence", check=False).stdout)
        self.assertFalse(os.path.exists("/run/forged"))


if __name__ == "__main__":
    main()
