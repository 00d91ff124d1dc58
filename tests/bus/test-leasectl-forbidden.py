#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A setting that `leasectl enable` refuses comes into force while the unit is enabled, as by a drop-in of a package.

Runs inside a guest (run-in-guest), with what leasectl_guest.py and leasectl_beta.py need, and leased-stop@.target."""

import json
import os
import shutil
import socket

from leasectl_beta import BETA, WithBeta, put
from leasectl_guest import HERE, ctl, main, property_of, run, wait_for, write

REFUSES_STOP = "RefuseManualStop=yes"
AGAIN = "[Service]\nExecStart=/bin/sleep infinity\nRestart=always\nRestartSec=200ms\n"
TARGET = "leased-stop@.target"


class Forbidden(WithBeta):
    @classmethod
    def setUpClass(cls):
        shutil.copy(os.path.join(HERE, TARGET), f"/usr/lib/systemd/system/{TARGET}")
        super().setUpClass()

    def forbid(self, unit, setting=REFUSES_STOP, section="Unit"):
        """The drop-in comes, and PID 1 reads it."""
        path = f"/run/systemd/system/{unit}.d/forbids.conf"
        write(path, f"[{section}]\n{setting}\n")
        run("systemctl", "daemon-reload")
        self.addCleanup(self.allow, path)
        return path

    @staticmethod
    def allow(path):
        if os.path.exists(path):
            os.unlink(path)
            run("systemctl", "daemon-reload")

    def status(self, unit):
        return json.loads(ctl("status", unit, "--json=short").stdout)

    def here_why(self, unit):
        return self.line(unit, self.here()["machine_id"])

    def wait_told(self, unit, setting):
        wait_for("LastError tells it", lambda: setting in self.status(unit)["last_error"])

    def assertDown(self, unit):
        self.assertEqual(property_of(unit, "ActiveState"), "inactive")
        wait_for(f"{TARGET} is gone", lambda: "leased-stop@" not in run("systemctl", "list-units", "--no-legend").stdout)

    def test_what_runs_runs_on_and_is_released(self):
        unit = self.enable("released.service", AGAIN)
        process = property_of(unit, "MainPID")
        path = self.forbid(unit)
        self.wait_told(unit, REFUSES_STOP)
        self.assertNotEqual(run("systemctl", "stop", unit, check=False).returncode, 0)
        self.assertEqual((property_of(unit, "MainPID"), self.row(unit)["state"]), (process, "running"))

        self.assertEqual(ctl("release", unit).returncode, 0)
        wait_for("it is not taken again", lambda: self.here_why(unit) ==
                 "RefuseManualStop=yes was set here, for it or for what goes by its lease")
        self.assertDown(unit)
        self.assertFalse(self.row(unit)["machine_id"])

        self.allow(path)
        wait_for("it runs again", lambda: self.row(unit)["state"] == "running")

    def test_it_is_handed_to_another_machine(self):
        unit = self.offer(self.enable("moved.service", AGAIN))
        self.forbid(unit)
        self.wait_told(unit, REFUSES_STOP)
        self.assertEqual(ctl("transfer", unit, "beta").returncode, 0)
        self.assertDown(unit)
        self.assertEqual(self.row(unit)["machine_id"], BETA)

    def test_it_goes_when_the_machine_drains(self):
        unit = self.offer(self.enable("drained.service", AGAIN))
        self.forbid(unit)
        self.wait_told(unit, REFUSES_STOP)
        self.addCleanup(ctl, "undrain")
        self.assertEqual(ctl("drain").returncode, 0)
        self.assertDown(unit)
        self.assertEqual(self.row(unit)["machine_id"], BETA)

    def test_what_was_stolen_is_down(self):
        unit = self.offer(self.enable("stolen.service", AGAIN))
        self.forbid(unit)
        self.wait_told(unit, REFUSES_STOP)
        put(f"leases/{unit}", self.lease("held", self.index(unit) + 1))
        wait_for("it is down", lambda: property_of(unit, "ActiveState") == "inactive")
        self.assertDown(unit)

    def test_it_is_disabled(self):
        unit = self.enable("disabled.service", AGAIN)
        self.forbid(unit)
        self.wait_told(unit, REFUSES_STOP)
        self.assertEqual(ctl("disable", unit).returncode, 0)
        self.assertDown(unit)

    def test_stopped_by_hand_it_stays_down(self):
        unit = self.enable("stopped.service", AGAIN)
        self.forbid(unit)
        self.wait_told(unit, REFUSES_STOP)
        self.assertEqual(ctl("stop", unit).returncode, 0)
        wait_for("it counts as stopped", lambda: self.row(unit)["state"] == "stopped")
        self.assertDown(unit)
        self.assertEqual(ctl("start", unit).returncode, 0)
        wait_for("it runs again", lambda: self.row(unit)["state"] == "running")

    def test_what_goes_by_its_lease_is_stopped_with_it(self):
        self.unit("work.service")
        unit = self.enable("work.timer", "[Timer]\nOnCalendar=2099-01-01\n")
        run("systemctl", "start", "work.service")
        self.forbid("work.service")
        self.wait_told(unit, REFUSES_STOP)
        self.assertEqual(property_of("work.service", "ActiveState"), "active")
        self.assertEqual(ctl("release", unit).returncode, 0)
        self.assertDown("work.service")

    def test_connections_are_ended_with_their_socket(self):
        self.unit("talk@.service", "[Service]\nExecStart=/bin/sleep infinity\nStandardInput=socket\n")
        unit = self.enable("talk.socket", "[Socket]\nListenStream=/run/talk\nAccept=yes\n")
        with socket.socket(socket.AF_UNIX) as talk:
            talk.connect("/run/talk")
            wait_for("it talks", self.instances)
            self.forbid("talk@.service")
            self.wait_told(unit, REFUSES_STOP)
            self.assertEqual(ctl("release", unit).returncode, 0)
            self.assertEqual(self.instances(), "")
        self.assertDown(unit)

    @staticmethod
    def instances():
        return run("systemctl", "list-units", "--no-legend", "--state=active", "talk@*").stdout

    def test_what_cannot_be_started_or_ends_the_machine_is_not_taken(self):
        for setting in ("RefuseManualStart=yes", "SuccessAction=reboot"):
            unit = self.enable("kept.service")
            path = self.forbid(unit, setting)
            self.wait_told(unit, setting.split("=", maxsplit=1)[0])
            self.assertEqual(self.row(unit)["state"], "running")
            self.allow(path)

    def test_a_mount_that_systemd_would_detach_though_busy_is_not_taken(self):
        mount = "[Mount]\nWhat=tmpfs\nType=tmpfs\nWhere=/srv/"
        alone = self.enable("srv-alone.mount", mount + "alone\n")
        self.unit("srv-along.mount", f"[Unit]\nBindsTo=along.target\n{mount}along\n")
        bundle = self.enable("along.target", "[Unit]\nWants=srv-along.mount\n")
        for unit, which in ((alone, alone), (bundle, "srv-along.mount")):
            path = self.forbid(which, "LazyUnmount=yes", "Mount")
            self.wait_told(unit, "LazyUnmount=yes")
            self.assertEqual((self.row(unit)["state"], property_of(which, "ActiveState")), ("running", "active"))
            self.assertEqual(ctl("release", unit).returncode, 0)
            wait_for("it is not taken again", lambda: self.here_why(unit) ==  # pylint: disable=cell-var-from-loop
                     "LazyUnmount=yes was set here, for it or for what goes by its lease")
            self.allow(path)
            wait_for("it runs again", lambda: self.row(unit)["state"] == "running")  # pylint: disable=cell-var-from-loop

    def test_what_systemd_stops_because_nothing_needs_it_is_not_kept_here(self):
        unit = self.enable("unneeded.service", AGAIN)
        path = self.forbid(unit, "StopWhenUnneeded=yes")
        self.wait_told(unit, "StopWhenUnneeded=yes")
        wait_for("it is not held here", lambda: not self.row(unit)["machine_id"])
        self.assertIn("StopWhenUnneeded=yes was set here", self.here_why(unit))
        told = self.told(unit)
        self.assertIn("no unit needs it (StopWhenUnneeded=yes)", told)
        self.assertNotIn("together with", told)
        self.assertRegex(ctl("history", unit).stdout, r"(?m) unneeded$")
        self.allow(path)
        wait_for("it runs again", lambda: self.row(unit)["state"] == "running")

    @staticmethod
    def told(unit):
        run("journalctl", "--sync")
        return run("journalctl", "-b", "-o", "cat", f"OBJECT_SYSTEMD_UNIT={unit}", "--no-pager").stdout

    def test_a_stop_by_hand_stays_one_when_the_setting_comes(self):
        unit, other = self.enable("by-hand.service", AGAIN), self.enable("beside.service", AGAIN)
        run("systemctl", "stop", unit)
        wait_for("it counts as stopped", lambda: self.row(unit)["state"] == "stopped")
        index = self.index(unit)
        self.forbid(unit, "StopWhenUnneeded=yes")
        self.forbid(other, "StopWhenUnneeded=yes")
        wait_for("the other one has gone", lambda: not self.row(other)["machine_id"])
        row = self.row(unit)
        self.assertEqual((row["state"], row["machine_id"], row["index"]), ("stopped", self.here()["machine_id"], index))

    def test_when_the_setting_goes_what_it_stopped_runs_again(self):
        unit = self.enable("gone-again.service", AGAIN)
        path = self.forbid(unit, "StopWhenUnneeded=yes")
        wait_for("systemd has stopped it", lambda: "no unit needs it" in self.told(unit))
        self.allow(path)
        wait_for("it runs again", lambda: self.row(unit)["state"] == "running")
        self.assertNotIn("stopped by hand", self.told(unit))

    def test_another_setting_beside_it_makes_no_difference(self):
        unit = self.enable("both.service", AGAIN)
        self.forbid(unit, "RefuseManualStart=yes\nStopWhenUnneeded=yes")
        wait_for("it is not held here", lambda: not self.row(unit)["machine_id"])
        self.assertNotIn("stopped by hand", self.told(unit))


if __name__ == "__main__":
    main()
