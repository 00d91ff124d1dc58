#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What leasectl says of who holds what while the registry does not answer, with an etcd in the guest.

    run-in-guest test-leasectl-unknown.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

from leasectl_etcd import URL, Etcd, forget, put_record, record, registry
from leasectl_guest import DEADLINE, ENVIRONMENT, SLEEPER, CaseWithDaemon, ctl, main, property_of, run, wait_for, write


@unittest.skipUnless(shutil.which("etcd"), "no etcd")
class Unknown(CaseWithDaemon):
    """leased is restarted while the registry is away, and a unit runs."""
    LEASED_CONF = f"[Leased]\nRegistry=etcd\nEndpoints={URL}\nTTL=20s\n"

    def setUp(self):
        self.etcd = Etcd("first")
        self.addCleanup(forget)
        self.addCleanup(self.etcd.remove)
        wait_for("beats come through", lambda: registry()["last_beat_usec"] > 0)

    def test_who_holds_what_runs_here_is_unknown_until_the_registry_answers(self):
        unit = self.enable("mine.service")
        self.assertEqual(self.row(unit)["held"], True)
        self.etcd.stop()
        run("systemctl", "restart", "leased.service")
        row = wait_for("leased is there", lambda: (r := self.row(unit)) and r["active_state"] == "active" and r)
        self.assertEqual((row["state"], row["held"], row["machine_id"], row["active_state"]), ("unknown", None, None, "active"))
        done = ctl("status", unit)
        self.assertEqual(done.returncode, 6)
        for text in ("State here: unknown, active", "Holder: unknown", "Without beats: stopped in", "Not here: unknown: the registry does "
                     "not answer; it runs here by an earlier beat"):
            self.assertIn(text, done.stdout)
        self.assertNotIn("nobody", done.stdout)
        done = ctl("is-held", unit)
        self.assertEqual((done.returncode, done.stdout), (6, "unknown\n"))
        for lease in (unit, "a-programs"):
            done = ctl("is-held", lease)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (6, "unknown\n", ""), lease)
            done = ctl("is-held", "--no-legend", lease)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (6, "", ""), lease)
            self.assertEqual(json.loads(ctl("is-held", "--json", lease).stdout), [{"name": lease, "held": None}])
        done = ctl("status")
        self.assertEqual(done.returncode, 6)
        self.assertIn("Units: 1 enabled here, 0 held by this machine, 1 unknown\n", done.stdout)
        self.assertIn(f"{unit}: unknown, active here", done.stdout)
        done = ctl("list", "--no-legend")
        self.assertEqual(done.returncode, 6)
        self.assertRegex(done.stdout, rf"^{unit} +unknown +unknown ")
        self.assertRegex(property_of("leased.service", "StatusText"), "^Holding an unknown number of 1 units; registry [a-z]+: .")
        done = ctl("list", "--all")
        self.assertEqual((done.returncode, done.stdout), (6, "Which leases there are is not known now, see: leasectl registry\n"))
        done = ctl("list", "--all", "--json=short")
        self.assertEqual((done.returncode, json.loads(done.stdout)), (6, []))
        not_here = "no such unit is enabled here, and which machines there are is not known now"
        self.assertSays(ctl("list", "otherhost"), 6, f"otherhost: {not_here}, see: leasectl registry")
        self.assertSays(ctl("list", "mien"), 6, f"mien: {not_here}, did you mean '{unit}'?")
        for done, has in (ctl("enable", "--no-wait", unit), "was enabled already"), (ctl("set", unit, "HoldDownSec=40s"), "changed"):
            self.assertEqual(done.returncode, 0)  # while it runs, or its time without beats is over meanwhile
            self.assertRegex(done.stdout.splitlines()[-1], rf"^{unit}: {has}; who holds it is unknown: the registry does not answer; "
                             "(it runs here|the guard stops what runs here) by an earlier beat")
        metrics = ctl("metrics").stdout
        for unknown in ("leased_held", "leased_paused", f'leased_unit_held{{unit="{unit}"}}'):
            self.assertNotRegex(metrics, rf"(?m)^{re.escape(unknown)} ")
        self.assertIn(f'leased_unit_state{{unit="{unit}",state="unknown"}} 1\n', metrics)
        self.assertEqual([(done := ctl(verb)).returncode for verb in ("machines", "history")], [6, 6])
        for options in (), ("--dry-run",):
            self.assertSays(ctl("rebalance", *options), 6, "rebalance: who holds what is not known now, see: leasectl registry")
        self.assertEqual(done.stdout, "No lease is known yet\n")
        Etcd("first")
        wait_for("it is ours", lambda: self.row(unit)["local"])
        for verb in (("is-held", unit), ("status", unit), ("list",), ("machines",), ("history",)):
            self.assertEqual((verb, ctl(*verb).returncode), (verb, 0))
        self.assertRegex(ctl("metrics").stdout, r"(?s)\nleased_paused 0\n.*\nleased_held 1\n")

    def test_a_drain_is_not_over_while_what_is_held_is_unknown(self):
        """Whoever reads that nothing is held switches the machine off."""
        unit = self.enable("undrained.service")
        self.addCleanup(ctl, "undrain")
        self.etcd.stop()
        run("systemctl", "restart", "leased.service")
        unknown = ("drain: what this machine holds is not known now, see: leasectl registry",
                   "drain: goes on until: leasectl undrain")
        self.assertSays(ctl("drain", "-n"), 6, "drain: who holds what is not known now, see: leasectl registry")
        done = ctl("drain")
        self.assertSays(done, 6, *unknown)
        self.assertEqual(done.stdout, "")
        waiting = subprocess.Popen(["leasectl", "drain"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env=ENVIRONMENT)
        self.addCleanup(waiting.communicate)
        Etcd("first")
        self.assertEqual((waiting.wait(DEADLINE), waiting.stdout.read()), (1, f"{unit}: there is no other machine\n"))
        self.assertRegex(waiting.stderr.read(), r"(?m)^leasectl: drain: 1 unit has nowhere to go and stays on \S+, which takes nothing "
                         r"until: leasectl undrain\n\Z")
        self.assertEqual(property_of(unit, "ActiveState"), "active")

    def test_a_drain_in_a_pause_is_not_over_while_the_registry_is_away(self):
        unit = self.enable("kept.service")

        def end_pause():
            wait_for("the registry is back, and the pause over", lambda: ctl("resume").returncode == 0)

        self.addCleanup(end_pause)  # while it lasts, nothing can be disabled
        ctl("pause", check=True)
        wait_for("it is kept", lambda: "leased_keeps 1" in ctl("metrics").stdout)
        self.etcd.stop()
        run("systemctl", "restart", "leased.service")
        done = ctl("drain")
        self.assertSays(done, 1, "drain: this machine takes nothing, and keeps what it holds until: leasectl resume; to take that back: "
                        "leasectl undrain")
        self.assertEqual((done.stdout, property_of(unit, "ActiveState")), ("", "active"))
        self.assertEqual(ctl("undrain", check=True).stdout,
                         "undrained: this machine takes leases again, but not yet: the cluster is paused; then, for its share: leasectl "
                         "rebalance\n")
        Etcd("first")

    def test_what_is_kept_in_a_pause_is_held_and_all_else_unknown_while_the_registry_is_away(self):
        """What a pause is for: etcd is stopped."""
        unit = self.enable("held.service")
        free = self.enable("free.service", SLEEPER + "[X-Leased]\nRequire=rack=none\n", "waiting")
        gone = self.enable("gone.service")
        ctl("disable", gone, check=True)

        def end_pause():
            wait_for("the registry is back, and the pause over", lambda: ctl("resume").returncode == 0)

        self.addCleanup(end_pause)
        ctl("pause", check=True)
        wait_for("it is kept", lambda: "leased_keeps 1" in ctl("metrics").stdout)
        self.etcd.stop()
        self.addCleanup(Etcd, "first")
        wait_for("the registry has been away for a TTL", lambda: self.row(unit)["held"] is None)
        self.assertEqual((self.row(unit)["state"], self.row(unit)["local"]), ("running", None))
        done = ctl("is-held", unit)
        self.assertEqual((done.returncode, done.stdout), (0, "held\n"))
        self.assertEqual(ctl("is-held", free).returncode, 6)
        screen = " ".join(ctl("-1").stdout.split())
        self.assertNotIn(f"{unit} is not known", screen)
        self.assertIn(f"{free} is not known to run anywhere", screen)
        self.assertSays(ctl("rearm", free), 6, f"{free}: who holds its lease is not known now, see: leasectl status {free}")
        done = ctl("logs", free)
        self.assertSays(done, 6, f"{free}: where it runs is not known now; these lines are of this machine")
        done = ctl("history", gone)
        self.assertEqual(done.returncode, 6)
        self.assertNotIn("to now down", done.stdout)
        self.assertIn("  who has had it since then is not known: the registry does not answer\n", done.stdout)
        self.assertEqual(json.loads(ctl("history", "--json", gone).stdout)[-1]["then"], "unknown")

    def test_a_resume_after_a_fall_back_promises_no_time(self):
        """Beta is off, and holds a lease: nobody knows what the registry has forgotten of it."""
        beta, session, waits = "beef" * 8, "beefbeefbeefbeef-20000", ("until each machine that holds leases beats or is confirmed dead: "
                                                                      "the registry fell back during the pause")

        def waits_for_all():
            return run("busctl", "get-property", "org.leased1", "/org/leased1", "org.leased1.Manager", "PausedUntilConfirmed").stdout

        put_record(f"fences/{session}", {"counter": 0, "names": []})
        put_record(f"beats/{session}", {"machine_id": beta, "nonce": "beefbeefbeefbeef-1"})
        put_record(f"machines/{beta}", {"hostname": "beta", "boot_id": "b" * 32, "session": session, "metadata": "", "version": "0",
                                        "draining": False})
        put_record("leases/theirs.service", {"state": "held", "machine_id": beta, "session": session, "version": 0, "index": 7, "since": 1,
                                             "period": 0, "debts": [], "tenures": []})
        wait_for("beta is silent", lambda: any(each["hostname"] == "beta" and not each["up"]
                                               for each in json.loads(ctl("machines", "--json=short").stdout)))
        ctl("pause", check=True)
        put_record("pause", {**record("pause"), "fell_back": True})
        wait_for("it is read", lambda: waits_for_all() == "b true\n")
        self.assertEqual(ctl("resume", check=True).stdout, f"resumed: no lease moves {waits}\n")
        self.assertEqual(ctl("resume", check=True).stdout, f"resumed already: nothing was paused any more; no lease moves {waits}\n")
        self.assertIn(f"no lease moves {waits}", " ".join(ctl("status").stdout.split()))
        self.assertIn("leasectl confirm-dead", ctl("-1").stdout)
        ctl("confirm-dead", "beta", check=True)
        wait_for("it is over", lambda: "leased_paused 0" in ctl("metrics").stdout)
        self.assertEqual(waits_for_all(), "b false\n")

    def test_a_drain_of_another_machine_is_not_over_while_what_that_holds_is_unknown(self):
        """leased is restarted here between two looks."""
        beta, session, lease = "beef" * 8, "beefbeefbeefbeef-60000", "leases/theirs.service"
        held = {"state": "held", "machine_id": beta, "session": session, "version": 0, "index": 7, "since": 1, "period": 0, "debts": [],
                "tenures": []}
        put_record(f"fences/{session}", {"counter": 0, "names": []})
        put_record(f"beats/{session}", {"machine_id": beta, "nonce": "beefbeefbeefbeef-1"})
        put_record(f"machines/{beta}", {"hostname": "beta", "boot_id": "b" * 32, "session": session, "metadata": "", "version": "0",
                                        "draining": False})
        put_record(lease, held)
        wait_for("beta holds it", lambda: any(each["hostname"] == "beta" and each["held"]
                                              for each in json.loads(ctl("machines", "--json=short").stdout)))
        drain = subprocess.Popen(["leasectl", "drain", "beta"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True, env=ENVIRONMENT)
        self.addCleanup(drain.communicate)
        self.assertEqual(drain.stderr.readline(), "beta: 1 of 1 to go\n")
        drain.send_signal(signal.SIGSTOP)
        self.etcd.stop()
        run("systemctl", "restart", "leased.service")
        drain.send_signal(signal.SIGCONT)
        wait_for("it is waited for", lambda: b"1 of 1 to go; registry" in os.read(drain.stderr.fileno(), 4096) or drain.poll())
        self.assertIsNone(drain.poll())
        Etcd("first")
        put_record(lease, {**held, "state": "free", "session": ""})
        self.assertEqual((drain.wait(DEADLINE), drain.stdout.read()),
                         (0, "drained: beta holds nothing and takes nothing until: leasectl undrain beta\n"))
        self.etcd.stop()
        run("systemctl", "restart", "leased.service")
        for verb in (("drain", "beta"), ("undrain", "beta"), ("confirm-dead", "beta"), ("transfer", "any", "beta")):
            self.assertSays(ctl(*verb), 6, "beta: which machines there are is not known now, see: leasectl registry")
        for call in (("DrainMachine", "s", beta), ("DrainMachineUntilReboot", "s", beta), ("UndrainMachine", "s", beta),
                     ("ConfirmDeadMachine", "s", beta), ("Rehearse", "sass", "drain", "0", beta)):
            done = run("busctl", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", *call, check=False)
            self.assertRegex(done.stderr, "Which machines there are is not known: ", call)

    def test_disable_ends_also_while_the_registry_is_away(self):
        unit = self.enable("leaving.service")
        self.etcd.stop()
        wait_for("that is seen", lambda: registry()["state"] == "trouble")
        began = time.monotonic()
        done = ctl("disable", unit)
        self.assertTrue(10 <= time.monotonic() - began < 40, time.monotonic() - began)
        self.assertEqual(done.returncode, 6)
        self.assertRegex(done.stderr, r"(?m)^leasectl: the registry does not answer, so no lease is given back: .")
        self.assertIn(f"leasectl: {unit}: is down, and stays gated until the registry answers, or leased is stopped; then: leasectl disable "
                      f"{unit}\n", done.stderr)
        self.assertRegex(done.stderr, rf"(?m)^{unit}: .*; registry: ")  # what it waits for, meanwhile
        self.assertNotEqual(run("systemctl", "start", unit, check=False).returncode, 0)
        Etcd("first")
        wait_for("the registry is back", lambda: registry()["state"] == "ok")
        self.assertEqual(ctl("disable", unit, check=True).stdout, f"{unit}: disabled\n")
        self.assertEqual(record(f"leases/{unit}").get("session", ""), "")
        run("systemctl", "start", unit)
        run("systemctl", "stop", unit)

    def test_enable_says_that_nobody_can_tell_who_holds_a_lease_whose_record_cannot_be_read(self):
        put_record("leases/garbled.service", "not a lease")
        unit = self.unit("garbled.service")
        done = ctl("enable", unit)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, rf"^{unit}: enabled; who holds it is unknown: .*cannot be read")

    def restart_without_a_registry(self, unit):
        self.etcd.stop()
        run("systemctl", "restart", "leased.service")
        wait_for("leased is there", lambda: (r := self.row(unit)) and (r["state"], r["active_state"]) == ("unknown", "active"))

    def test_disable_says_that_it_stops_what_runs_here_by_an_earlier_beat(self):
        unit = self.enable("earlier.service")
        self.restart_without_a_registry(unit)
        done = ctl("disable", unit)
        self.assertEqual((done.returncode, property_of(unit, "ActiveState")), (6, "inactive"))
        self.assertEqual(done.stderr.splitlines()[0], f"leasectl: note: {unit}: runs here, and is stopped when the registry answers, or at "
                         "the latest when its time without beats is over, see: leasectl status")
        self.assertIn(f"leasectl: {unit}: is down, and stays gated until the registry answers, or leased is stopped; then: leasectl disable "
                      f"{unit}\n", done.stderr)
        Etcd("first")

    def test_disable_ends_also_while_what_was_kept_in_a_pause_runs_on(self):
        """It has no time without beats that would be over."""
        unit = self.enable("kept-on.service")

        def end_pause():
            wait_for("the registry is back, and the pause over", lambda: ctl("resume").returncode == 0)

        self.addCleanup(end_pause)
        self.addCleanup(Etcd, "first")
        ctl("pause", check=True)
        wait_for("it is kept", lambda: "leased_keeps 1" in ctl("metrics").stdout)
        self.restart_without_a_registry(unit)
        wait_for("the guard says so", lambda: "leased_keeps 1" in ctl("metrics").stdout)
        done = ctl("disable", unit)
        self.assertEqual((done.returncode, property_of(unit, "ActiveState")), (6, "active"))
        self.assertEqual(done.stderr.splitlines()[0],
                         f"leasectl: note: {unit}: runs here, and is stopped when the registry answers, see: leasectl status")
        self.assertIn(f"leasectl: {unit}: runs on, kept since a pause, and stays gated until the registry answers, or leased is stopped; "
                      f"then: leasectl disable {unit}\n", done.stderr)

    def test_without_a_registry_units_become_ordinary_once_leased_is_stopped(self):
        """As the packages do it on a machine whose etcd never comes back."""
        unit, other = self.enable("orphan.service"), self.enable("other.service")
        self.etcd.stop()
        wait_for("that is seen", lambda: registry()["state"] == "trouble")
        done = ctl("disable", "--all")
        self.assertEqual(done.returncode, 6)
        told = [line for line in done.stderr.splitlines() if line.startswith("leasectl: ") and not line.startswith("leasectl: note: ")]
        self.assertRegex(told[0], "^leasectl: the registry does not answer, so no lease is given back: .")
        self.assertEqual(told[1:], [f"leasectl: {unit}, {other}: are down, and stay gated until the registry answers, or leased is stopped; "
                                    "then: leasectl disable --all"], "once for all")
        done = ctl("disable", "--all", "--no-legend")  # whoever asks so goes on by himself
        self.assertEqual((done.returncode, [line for line in done.stderr.splitlines() if line.startswith("leasectl: ")]), (6, told[:1]))
        run("systemctl", "stop", "leased.service")
        self.assertEqual(ctl("disable", "--all", check=True).stdout,
                         "".join(f"{each}: disabled; its lease, if this machine held it, ends within the TTL\n" for each in (unit, other)))
        run("systemctl", "start", unit)
        run("systemctl", "stop", unit)

    def test_it_is_the_registry_that_is_silent_and_not_the_machines(self):
        write("/etc/leased/leased.conf", self.LEASED_CONF.replace("20s", "2s"))
        self.addCleanup(write, "/etc/leased/leased.conf", self.LEASED_CONF)
        forget()
        wait_for("this machine is up", lambda: re.search(r"\(here\) +up ", ctl("machines").stdout))
        self.etcd.stop()
        # The beats end a TTL after the last one that was written, and what the records say a TTL after the last read.
        unknown = r"\(here\) +unknown, last heard [0-9.]+s ago "
        done = wait_for("neither is known", lambda: (d := ctl("machines")).returncode == 6 and re.search(unknown, d.stdout) and d)
        self.assertNotIn("silent", done.stdout)
        self.assertEqual((done.returncode, ctl("history").returncode, ctl("list").returncode), (6, 6, 0))  # no unit is enabled
        self.assertIsNone(json.loads(ctl("machines", "--json=short").stdout)[0]["up"])


if __name__ == "__main__":
    main()
