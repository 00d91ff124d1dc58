#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A verb is refused when it cannot be, ends when its command ends, and never acts later.

    run-in-guest test-leasectl-refusals.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
"""

import os
import re
import signal
import subprocess
import time

from leasectl_beta import BETA, REGISTRY, WithBeta, put, shown
from leasectl_guest import ENVIRONMENT, SLEEPER, SYSTEM, ctl, main, property_of, read, run, wait_for, write

PROMPT = 20  # s: a verb that cannot be must say so well before that
JOB = "[Service]\nType=oneshot\nExecStart=/bin/true\n"


class Refusals(WithBeta):
    def theirs(self, name, text=SLEEPER):
        """A unit that is enabled here, and held by beta."""
        put(f"leases/{name}", self.lease("held", 7))
        self.addCleanup(put, f"leases/{name}", self.lease("free", 1000))
        return self.enable(name, text, "elsewhere")

    def beats_pass(self, n=3):
        """So many rounds in which the daemon could have done what it was asked for."""
        for _ in range(n):
            last = shown("registry")["last_beat_usec"]
            wait_for("there is another beat", lambda: shown("registry")["last_beat_usec"] != last)

    def assertRefused(self, unit, *lines, code=1, verb="steal"):
        begun = time.monotonic()
        self.assertSays(ctl(verb, unit), code, *lines)
        self.assertLess(time.monotonic() - begun, PROMPT)

    def own_line(self, unit):
        """What keeps it away from here, if it is the unit's file."""
        line = self.line(unit, self.here()["machine_id"])
        return line if re.search("gate|file|masked", line or "") else None

    def assertStaysAway(self, unit):
        self.beats_pass()
        self.assertEqual((self.row(unit)["machine_id"], self.row(unit)["index"]), (BETA, 7))

    def test_a_steal_without_the_units_file_is_refused_and_does_not_strike_when_it_is_back(self):
        unit = self.theirs("moved.service")
        os.rename(f"{SYSTEM}/{unit}", "/etc/systemd/moved.service")
        run("systemctl", "daemon-reload")
        wait_for("it is missed", lambda: self.own_line(unit))
        begun = time.monotonic()
        done = ctl("steal", unit)
        self.assertLess(time.monotonic() - begun, PROMPT)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(f"{unit}: cannot run here: ", done.stderr)
        os.rename("/etc/systemd/moved.service", f"{SYSTEM}/{unit}")
        run("systemctl", "daemon-reload")
        wait_for("it could run here", lambda: not self.own_line(unit))
        self.assertStaysAway(unit)
        done = ctl("steal", "--no-wait", unit)
        self.assertSays(done, 0)
        self.assertIn("taken from beta", done.stdout)

    def test_a_steal_of_a_masked_unit_is_refused(self):
        unit = self.theirs("masked-too.service")
        os.unlink(f"{SYSTEM}/{unit}")
        os.symlink("/dev/null", f"{SYSTEM}/{unit}")
        run("systemctl", "daemon-reload")
        wait_for("it is masked", lambda: property_of(unit, "LoadState") == "masked")
        wait_for("leased knows", lambda: self.own_line(unit))
        self.assertEqual(ctl("steal", unit).returncode, 1)
        os.unlink(f"{SYSTEM}/{unit}")
        write(f"{SYSTEM}/{unit}", SLEEPER)
        run("systemctl", "daemon-reload")
        self.assertStaysAway(unit)

    def test_a_steal_where_it_must_not_run_is_refused(self):
        unit = self.theirs("wanting.service", SLEEPER + "[X-Leased]\nRequire=rack=b1\n")
        self.assertRefused(unit, f"{unit}: cannot run here: missing metadata rack=b1")
        self.assertStaysAway(unit)

    def test_a_steal_of_what_is_done_is_refused(self):
        unit = self.enable("over.service", JOB, "done")
        self.assertRefused(unit, f"{unit}: cannot run here: its job is done (leasectl rearm)")

    def test_a_steal_while_draining_is_refused(self):
        unit = self.theirs("drained-away.service")
        ctl("drain", "--no-wait", check=True)
        self.addCleanup(ctl, "undrain", check=True)
        self.assertRefused(unit, f"{unit}: This machine is draining: it takes no leases.")

    def test_a_steal_of_what_a_scheduler_holds_is_refused(self):
        unit = self.theirs("scheduled.service")
        put(f"leases/{unit}", {**self.lease("held", 7), "session": "", "period": 3600 * 10 ** 6})
        wait_for("it is known", lambda: "D-Bus API" in ctl("steal", "--no-wait", unit).stderr)
        self.assertStaysAway(unit)

    def test_what_is_not_done_is_not_rearmed(self):
        unit = self.enable("busy.service")
        done = run("busctl", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "RearmUnit", "s", unit, check=False)
        self.assertEqual((done.returncode, done.stderr.strip()), (1, f"Call failed: {unit} is not done: there is nothing to rearm."))
        self.assertRefused(unit, f"{unit}: is not done but running, there is nothing to rearm", verb="rearm")

    def test_a_verb_that_waits_for_the_registry_ends_with_its_command(self):
        unit = self.enable("kept.service")
        os.rename(REGISTRY, REGISTRY + ".away")
        try:
            wait_for(f"{unit} is stopped in time", lambda: property_of(unit, "ActiveState") == "inactive")
            asker = subprocess.Popen(("leasectl", "release", unit), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
            self.assertIn("; registry: ", asker.stderr.readline())
            asker.kill()
            asker.communicate()
            for verb in (("drain", "beta"), ("registry", "accept", "0" * 36), ("start", unit), ("stop", unit), ("restart", unit)):
                begun = time.monotonic()
                done = ctl(*verb)
                self.assertEqual((verb, done.returncode), (verb, 1), done.stderr)
                self.assertLess(time.monotonic() - begun, PROMPT)
        finally:
            os.rename(REGISTRY + ".away", REGISTRY)
        wait_for("it runs again", lambda: self.row(unit)["state"] == "running")
        self.beats_pass()
        self.assertTrue(self.row(unit)["local"])
        self.assertFalse(self.beta()["draining"])

    def test_a_command_that_was_killed_while_the_daemon_hung_has_asked_for_nothing(self):
        unit = self.enable("calm.service")
        index, daemon = self.index(unit), int(property_of("leased.service", "MainPID"))
        invocation = property_of(unit, "InvocationID")
        asked = [("ReleaseUnit", "s", unit), ("TransferUnit", "ss", unit, BETA), ("StealUnit", "s", unit), ("Drain",), ("Pause",),
                 ("DrainMachine", "s", BETA), ("DrainMachineUntilReboot", "s", self.here()["machine_id"]),
                 ("AcquireLease", "ssxt", "nobodys", "", "0", "60000000"), ("PutUnitFile", "sts", "nobodys.service", "0", "x")]
        asked += [("AskUnit", "sss", unit, verb, "") for verb in ("release", "stop", "restart")]
        askers = []
        os.kill(daemon, signal.SIGSTOP)
        try:
            for method in asked:
                askers.append(subprocess.Popen(("busctl", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", *method),
                                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                               env=ENVIRONMENT))
            for asker in askers:
                wait_for("it waits for the answer", lambda: read(f"/proc/{asker.pid}/stat").split()[2] == "S")  # pylint: disable=cell-var-from-loop
        finally:
            for asker in askers:
                asker.kill()
                asker.communicate()
            os.kill(daemon, signal.SIGCONT)
        self.beats_pass(5)
        self.assertEqual((self.row(unit)["state"], self.index(unit), property_of(unit, "InvocationID")),
                         ("running", index, invocation))
        self.assertFalse(self.here()["draining"] or self.beta()["draining"])
        self.assertIn("leased_paused 0\n", ctl("metrics").stdout)
        self.assertNotIn("nobodys", ctl("list", "--all").stdout + ctl("list-files").stdout)

    def test_each_verb_says_of_a_unit_that_is_not_enabled_that_it_is_not(self):
        self.assertRefused("nowhere.service", "nowhere.service: not enabled on this machine, see: leasectl", code=4)
        for verb in ("release", "rearm", "stop", "start", "restart"):
            self.assertRefused("nowhere.service", "nowhere.service: not enabled on any machine, see: leasectl", code=4, verb=verb)


if __name__ == "__main__":
    main()
