#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""leasectl without a verb: the cluster on one screen, beside beta, a machine made of records.

    run-in-guest test-leasectl-screen.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN
                                          PUT_RECORD
"""

import json
import os
import pty
import re
import select
import subprocess
import termios
import time

from leasectl_beta import BETA, BETA_SESSION, REGISTRY, WithBeta, put, shown
from leasectl_guest import ENVIRONMENT, HERE, SYSTEM, ctl, main, run, wait_for, write

MEMBERS = {"unit", "machine_id", "lease", "state", "active_state", "result", "since_usec", "holds", "index",
           "held_since_usec", "code", "why", "copies"}
NOW = int(time.time() * 1e6)


def cluster():
    done = ctl("--json=short")
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def wrong(unit):
    return [each["kind"] for each in cluster()["wrong"] if each["subject"] == unit]


class ScreenCase(WithBeta):
    def at_beta(self, unit, active, result="", index=7):
        """beta holds the lease, and then tells how the unit is."""
        self.offer(unit, active="", since=0)
        put(f"leases/{unit}", self.lease("held", index))
        wait_for("the lease is seen", lambda: any(each["holds"] and each["machine_id"] == BETA for each in self.units(unit)))
        self.offer(unit, active=active, result=result, since=NOW)

    @staticmethod
    def units(unit):
        return [each for machine in cluster()["machines"] for each in machine["units"] if each["unit"] == unit]

    def state_at_beta(self, unit):
        return next((each["state"] for each in self.units(unit) if each["machine_id"] == BETA), None)

    def assertFits(self, text):
        for line in text.splitlines():
            self.assertLessEqual(len(line), 80, line)
            self.assertTrue(line.isprintable(), repr(line))


class ScreenOfAWellCluster(ScreenCase):
    """Has a class of its own: records of beta stay until a class is over, and those of other tests show faults."""

    def test_a_machine_that_drains_is_shown_so_and_not_as_wrong(self):
        wait_for("all is well", lambda: cluster()["well"])
        ctl("drain", check=True)
        try:
            done = wait_for("it drains", lambda: re.search(r"\(here\): up.*, drains,", (shot := ctl("-1")).stdout) and shot)
            self.assertEqual((done.returncode, done.stdout[:6], cluster()["wrong"]), (0, "well: ", []))
            self.assertTrue(ctl("-s").stdout.startswith("OK: 2 machines up"), ctl("-s").stdout)
        finally:
            ctl("undrain", check=True)

    def test_what_runs_here_and_there_is_shown_with_its_machine(self):
        here = self.enable("screen-here.service")
        self.enable("screen-there.service", state="running")
        self.at_beta("screen-there.service", "active")
        wait_for("beta's is seen", lambda: self.state_at_beta("screen-there.service") == "running")
        wait_for("all is well", lambda: cluster()["well"])
        done = ctl()
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertFits(done.stdout)
        lines = done.stdout.splitlines()
        self.assertTrue(lines[0].startswith("well: 2 of 2 machines up, 2 of 2 units running; registry local, ok"), lines[0])
        at = {line.split(":")[0]: i for i, line in enumerate(lines) if line and not line.startswith(" ") and i > 0}
        self.assertEqual([name.split(" ")[0] for name in at][0], "beta")
        beta = next(i for i, line in enumerate(lines) if line.startswith("beta: up"))
        own = next(i for i, line in enumerate(lines) if " (here): up" in line)
        self.assertIn(", leased 0", lines[beta])
        self.assertRegex("\n".join(lines[beta:]), r"screen-there\.service +running +since \d\d:\d\d:\d\d")
        self.assertRegex("\n".join(lines[own:]), rf"{here} +running +since \d\d:\d\d:\d\d")
        self.assertRegex(lines[own], r" \(here\): up since \d\d:\d\d:\d\d, leased 0", "about itself a machine needs not say when it was heard")
        self.assertRegex(lines[beta], r"beta: up, last heard ", "an older leased says nothing of it")
        self.put_beta(up_since=(int(time.time()) - 2 * 86400) * 10 ** 6, up_session=BETA_SESSION)
        wait_for("beta says so, too", lambda: re.search(r"(?m)^beta: up since \d{4}-\d\d-\d\d \d\d:\d\d, last heard ", ctl("-1").stdout))
        self.assertEqual([type(each["up_since_usec"]) for each in cluster()["machines"]], [int, int])
        self.put_beta(up_since=int(time.time()) * 10 ** 6, up_session=BETA_SESSION.replace("-", "0-")[1:])
        wait_for("that was another session", lambda: self.beta()["up_since_usec"] is None)
        line = ctl("-s")
        self.assertEqual((line.returncode, line.stdout), (0, "OK: 2 machines up, 2 of 2 units running\n"))
        self.check_units_on_their_way()
        run("systemctl", "restart", "leased.service")
        line = ctl("-s")  # beta, which does not beat, is not known to be up then
        self.assertEqual((line.returncode, line.stdout), (0, "OK: 1 machine up, 2 of 2 units running\n"), "right after a restart")


    def check_units_on_their_way(self):
        """The line of a well cluster says of each unit that does not run what it does."""
        done = self.enable("screen-job.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n", state="done")
        unfit = self.enable("screen-unfit.service", "[Service]\nExecStart=/bin/sleep infinity\n[X-Leased]\nGlobal=yes\nRequire=no=such\n",
                            state="waiting")
        self.theirs_alone("screen-fresh.service", active="")
        put("leases/screen-fresh.service", {**self.lease("held", 8), "since": int(time.time() * 1e6)})
        self.theirs_alone("screen-ending.service", active="deactivating")
        put(f"offers/{BETA}/screen-ending.service", {"lease": "screen-ending.service", "version": 0, "conflicts": "", "replaces": "",
                                                     "why": "", "active": "deactivating", "since": 2})
        wait_for("both are on their way", lambda: [each["state"] for name in ("screen-fresh.service", "screen-ending.service")
                                                   for each in self.units(name)] == ["starting", "stopping"])
        self.assertTrue(cluster()["well"], cluster()["wrong"])
        counts = "2 of 5 units running, 1 starting, 1 stopping, 1 done"
        line = ctl("-s")
        self.assertEqual((line.returncode, line.stdout), (0, f"OK: 2 machines up, {counts}\n"))
        self.assertIn(f"well: 2 of 2 machines up, {counts}; registry local, ok", " ".join(ctl("-1").stdout.split()))
        self.assertFits(ctl("-1").stdout)
        put(f"offers/{BETA}/screen-fresh.service", {"lease": "screen-fresh.service", "version": 0, "conflicts": "", "replaces": "", "why": ""})
        put("leases/screen-fresh.service", self.lease("held", 9))
        wait_for("a machine that never tells is known to hold", lambda: [each["state"] for each in self.units("screen-fresh.service")] == ["held"])
        self.assertEqual(ctl("-s").stdout, "OK: 2 machines up, 2 of 5 units running, 1 stopping, 1 done, 1 held\n")
        for unit in (done, unfit):
            ctl("disable", unit, check=True)
        for unit in ("screen-fresh.service", "screen-ending.service"):
            run(f"{HERE}/put-record", REGISTRY, f"offers/{BETA}/{unit}", "")
        wait_for("they are gone", lambda: ctl("-s").stdout == "OK: 2 machines up, 2 of 2 units running\n")


class Screen(ScreenCase):
    def test_what_is_wrong_comes_first_and_is_an_exit_code(self):
        self.enable("screen-broken.service", state="running")
        self.at_beta("screen-broken.service", "failed", "exit-code")
        wait_for("it is wrong", lambda: wrong("screen-broken.service") == ["unit-failed"])
        done = ctl("-1")
        self.assertEqual(done.returncode, 1)
        self.assertFits(done.stdout)
        self.assertRegex(done.stdout.splitlines()[2], r"^  screen-broken\.service +has failed on beta, for .*: exit-code;")
        self.assertIn("; see: leasectl logs screen-broken.service", " ".join(done.stdout.split()))
        line = ctl("-s")
        self.assertEqual(line.returncode, 1)
        self.assertEqual(len(line.stdout.splitlines()), 1)
        self.assertTrue(line.stdout.startswith("WRONG: screen-broken.service has failed on beta"), line.stdout)

    def test_what_is_wrong_says_what_to_do_next(self):
        unit = self.enable("screen-stopped.service", state="running")
        self.at_beta(unit, "inactive")
        wait_for("it is wrong", lambda: wrong(unit) == ["unit-stopped"])
        line = next(each for each in cluster()["wrong"] if each["subject"] == unit)
        self.assertEqual((line["text"], line["next"]), ("was stopped by hand on beta", f"until: leasectl start {unit}"))
        self.assertIn(f"was stopped by hand on beta; until: leasectl start {unit}", " ".join(ctl("-1").stdout.split()))
        for each in cluster()["wrong"]:
            self.assertRegex(each["text"] + each["next"], "leasectl |systemctl |journalctl ", each)

    def test_a_unit_that_is_frozen_is_counted_and_wrong_and_the_monitor_tells_it(self):
        """By its own machine, which knows it without the registry. beta, which has the unit as well, is not known of then."""
        unit = self.enable("screen-frozen.service", "[Service]\nExecStart=/bin/sleep infinity\n[X-Leased]\nOnOutage=freeze\n")
        self.offer(unit)
        monitor = self.begin("monitor")
        self.addCleanup(monitor.communicate)
        self.addCleanup(monitor.terminate)
        while "is followed from here on" not in monitor.stdout.readline():
            pass
        os.rename(REGISTRY, REGISTRY + ".away")
        try:
            wait_for("it is frozen", lambda: self.row(unit)["state"] == "frozen")
            wait_for("it is counted", lambda: "1 frozen" in ctl("-1").stdout)
            wait_for("others are not known of", lambda: not cluster()["known"])
            faults = [(each["kind"], each["text"], each["next"]) for each in cluster()["wrong"] if each["subject"] == unit]
            screen = ctl("-1")
        finally:
            os.rename(REGISTRY + ".away", REGISTRY)
        here = os.uname().nodename
        self.assertEqual(faults, [("unit-frozen", f"is frozen since no beat came in time, on {here}", f"see: leasectl status {unit}")])
        self.assertIn("what other machines do is not known, 1 frozen here;", " ".join(screen.stdout.split()))
        self.assertEqual(screen.returncode, 1)
        self.assertFits(screen.stdout)
        wait_for("it goes on", lambda: self.row(unit)["state"] == "running")
        told = []
        while not told or "thawed" not in told[-1]:  # the guest's test ends by its time limit if that is never told
            line = monitor.stdout.readline()
            told += [line.split(f"{unit}: ")[1].rstrip()] if f" {unit}: " in line else []
        self.assertEqual(told, [f"frozen on {here} (no beat came in time)",
                                f"thawed on {here} (Index {self.index(unit)})"])

    def next_for_beta(self):
        return next((each["text"], each["next"]) for each in cluster()["wrong"] if (each["kind"], each["subject"]) == ("machine-silent", "beta"))

    def test_of_a_silent_machine_only_what_is_known_is_said(self):
        """Whether it is on, nobody can tell. One that took its beat away was stopped, and that may be a second ago."""
        session = "feedfeedfeedfeed-2000"
        stopped = "there: systemctl enable --now leased; if it is gone for good: leasectl forget beta"
        put(f"fences/{session}", {"counter": 0, "names": []})
        put(f"beats/{session}", {"machine_id": BETA, "nonce": "feedfeedfeedfeed-1"})
        self.put_beta(session=session)
        wait_for("its beat is over", lambda: self.beta()["up"] is False)
        text, after = self.next_for_beta()
        self.assertRegex(text, r"^is silent, last heard \S+ ago$")
        self.assertEqual(after, "if it is on, there: systemctl status leased; if it is gone for good: leasectl forget beta")
        self.assertFits(ctl("-1").stdout)
        run(f"{HERE}/put-record", REGISTRY, f"beats/{session}", "")
        wait_for("that is seen", lambda: self.beta()["heard_ago_usec"] is None)
        self.assertEqual(self.next_for_beta(), ("is silent: leased was stopped there, or is not heard", stopped))
        self.assertIsNone(self.beta()["stopped_ago_usec"])  # it was silent before
        put(f"beats/{session}", {"machine_id": BETA, "nonce": "feedfeedfeedfeed-2"})
        wait_for("it beats again", lambda: self.beta()["up"] is True)
        run(f"{HERE}/put-record", REGISTRY, f"beats/{session}", "")
        wait_for("that is seen", lambda: self.beta()["stopped_ago_usec"] is not None)
        text, after = self.next_for_beta()
        self.assertRegex(text, r"^is silent: leased was stopped there \S+ ago$")
        self.assertEqual(after, stopped)
        self.assertRegex(ctl("-1").stdout, r"(?m)^beta: silent since \d\d:\d\d:\d\d, leased")

    def held_at_beta(self, unit, since, told="inactive"):
        """beta takes the lease, and has told before how the unit was without it, or nothing yet."""
        self.enable(unit, state="running")
        self.offer(unit, active=told, since=1)
        wait_for("that is seen", lambda: any(each["machine_id"] == BETA and each["active_state"] == told for each in self.units(unit)))
        put(f"leases/{unit}", {**self.lease("held", 1000), "since": since})
        wait_for("beta holds it", lambda: any(each["machine_id"] == BETA and each["holds"] for each in self.units(unit)))
        return re.search(rf"(?m)^  {unit} +(\w+) +since (\S+)", ctl("-1").stdout[ctl("-1").stdout.index("\nbeta"):]).groups()

    def test_what_was_just_taken_starts_and_is_not_wrong(self):
        """It is shown since when it is held, and not since when the machine did not run it."""
        unit, since = "screen-taken.service", int(time.time())
        self.assertEqual(self.held_at_beta(unit, since * 10 ** 6), ("starting", time.strftime("%H:%M:%S", time.localtime(since))))
        self.assertEqual(wrong(unit), [])
        self.assertSaidAlike(unit)

    def assertSaidAlike(self, unit):
        """Every screen and program is told the same."""
        self.assertEqual(self.state_at_beta(unit), "starting")
        self.assertEqual([each["state"] for each in shown("list", "beta") if each["unit"] == unit], ["starting"])
        self.assertRegex(ctl("list", "beta").stdout, rf"(?m)^{unit} +starting ")
        self.assertRegex(ctl("status", unit).stdout, r"(?m)^ +State on beta: starting since \d\d:\d\d:\d\d$")

    def test_what_was_just_enabled_and_taken_starts_before_its_machine_tells_anything(self):
        unit, since = "screen-enabled.service", int(time.time())
        self.assertEqual(self.held_at_beta(unit, since * 10 ** 6, ""), ("starting", time.strftime("%H:%M:%S", time.localtime(since))))
        self.assertEqual(wrong(unit), [])
        self.assertSaidAlike(unit)

    def test_what_is_held_for_long_and_not_started_is_wrong(self):
        unit, since = "screen-overdue.service", int(time.time()) - 100
        self.assertEqual(self.held_at_beta(unit, since * 10 ** 6), ("held", time.strftime("%H:%M:%S", time.localtime(since))))
        self.assertEqual(wrong(unit), ["unit-held"])
        self.assertRegex(" ".join(ctl("-1").stdout.split()), rf"{unit} is held by beta for \S.*, and not started; see: leasectl status {unit}")

    def test_a_unit_that_runs_nowhere_is_said_with_the_reason(self):
        unit = self.enable("screen-nowhere.service", "[Unit]\n[Service]\nExecStart=/bin/sleep infinity\n[X-Leased]\nRequire=no=such\n",
                           state="waiting")
        wait_for("it is wrong", lambda: wrong(unit) == ["unit-nowhere"])
        self.assertFalse(any(each["holds"] for each in self.units(unit)))
        self.assertIn("missing metadata no=such", next(each["text"] for each in cluster()["wrong"] if each["subject"] == unit))

    def test_what_a_conflict_keeps_away_is_said_as_status_says_it(self):
        """The machine's own word in the registry tells nothing of units that run beside the unit there."""
        first = self.enable("screen-first.service", state="running")
        unit = self.unit("screen-second.service", f"[Service]\nExecStart=/bin/sleep infinity\n[X-Leased]\nConflicts={first}\n")
        ctl("enable", unit, check=True)
        wait_for("it is wrong", lambda: wrong(unit) == ["unit-nowhere"])
        line = next(each["text"] for each in cluster()["wrong"] if each["subject"] == unit)
        reason = self.line(unit, self.here()["machine_id"])
        self.assertEqual(reason, f"conflict with {first}")
        self.assertRegex(line, rf"^runs nowhere, for \S.* \({os.uname().nodename}: {reason}\)$")
        self.assertNotIn("may take it", line)

    def test_what_may_be_taken_is_wrong_only_when_it_was_not_for_long(self):
        """No process of beta is there that could take it."""
        unit, free = "screen-not-yet.service", {**self.lease("free", 7), "since": int(time.time() * 1e6)}
        put(f"offers/{BETA}/{unit}", {"lease": unit, "version": 0, "conflicts": "", "replaces": "", "why": "", "active": "inactive", "since": 0})
        self.addCleanup(put, f"offers/{BETA}/{unit}", {"lease": unit, "version": 0, "conflicts": "", "replaces": "", "why": "no more"})
        wait_for("it is seen", lambda: self.state_at_beta(unit) == "waiting")
        self.assertEqual(wrong(unit), [], "nobody has ever held it")
        put(f"leases/{unit}", free)
        self.assertEqual(wrong(unit), [], "beta has had no time to take it")
        put(f"leases/{unit}", {**free, "index": 8, "since": free["since"] - 100 * 10 ** 6})
        wait_for("it is wrong", lambda: wrong(unit) == ["unit-nowhere"])
        self.assertIn("beta may take it", next(each["text"] for each in cluster()["wrong"] if each["subject"] == unit))

    def test_a_bad_line_of_a_unit_is_wrong_until_it_is_mended_and_stops_nothing(self):
        unit = self.enable("screen-typo.service", state="running")
        path = f"{SYSTEM}/{unit}.d/typo.conf"
        write(path, "[X-Leased]\nStopGrace=3\n")
        self.addCleanup(run, "rm", "-f", path)
        run("systemctl", "daemon-reload")
        self.assertSays(ctl("reload"), 1, f"{path}:2: StopGrace=: unknown option...")
        wait_for("it is wrong", lambda: wrong("options") == ["configuration"])
        self.assertEqual([each["state"] for each in self.units(unit)], ["running"])
        self.assertRegex(ctl("status").stdout, rf"Bad lines.*{path}:2: StopGrace=")
        os.unlink(path)
        run("systemctl", "daemon-reload")
        ctl("reload", check=True)
        wait_for("it is right again", lambda: wrong("options") == [])

    def test_of_copies_all_machines_are_named_and_what_is_missing(self):
        unit = self.enable("screen-copies.service", "[Unit]\n[Service]\nExecStart=/bin/sleep infinity\n[X-Leased]\nCopies=2\n", state="running")
        wait_for("one is missing", lambda: wrong(unit) == ["unit-copies"])
        self.assertRegex(ctl("-1").stdout, rf"{unit}  has 1 of 2 copies: no other machine is there for it")
        taken = run("busctl", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "AcquireLease", "ssxt", f"{unit}#2", "", "0",
                    "5000000", check=False)
        self.assertIn("lease of a unit", taken.stderr, "a copy's lease is no scheduler's")
        self.offer(unit, lease=f"{unit}#1", copies=2, active="active", since=NOW)
        put(f"leases/{unit}#2", self.lease("held", 7))
        self.addCleanup(put, f"leases/{unit}#2", self.lease("free", 1000))
        wait_for("both are there", lambda: wrong(unit) == [])
        self.offer(unit, lease=f"{unit}#1", copies=2, active="inactive", since=NOW)
        wait_for("the copy is named that is stopped", lambda: re.search(rf"until: leasectl\s+start\s+{unit}#2\n", ctl("-1").stdout))
        self.offer(unit, lease=f"{unit}#1", copies=2, active="active", since=NOW)
        wait_for("both are there again", lambda: wrong(unit) == [])
        row = next(each for each in shown("list") if each["unit"] == unit)
        self.assertEqual([each["lease"] for each in row["copy_holders"]], [f"{unit}#1", f"{unit}#2"])
        self.assertEqual((row["copies"], row["copy_holders"][1]["hostname"], row["lease"]), (2, "beta", f"{unit}#1"))
        status = ctl("status", unit).stdout
        self.assertRegex(status, rf"Copies.*2 of 2\n.*{unit}#1 on .* \(this machine\): running\n.*{unit}#2 on beta:")
        self.assertRegex(status, rf"On beta.*runs another copy, by {unit}#2")
        self.assertRegex(status, rf"(?m)^ +Here: holds {unit}#1$")
        self.assertEqual({each["lease"] for each in shown("history", unit)}, {f"{unit}#1", f"{unit}#2"})
        put(f"leases/{unit}#3", self.lease("free", 3))  # of a time when there were more copies
        wait_for("it is listed", lambda: [each["kind"] for each in shown("list", "--all") if each["lease"].startswith(unit)] == ["unit"] * 3)
        put(f"leases/{unit}#2", self.lease("free", 8))
        self.offer(unit, active="active", since=NOW)  # as a version tells that knows no copies
        put(f"leases/{unit}", self.lease("held", 3))
        wait_for("the machine without copies is named", lambda: re.search(rf"{unit}  has no Copies= on beta, or", ctl("-1").stdout))
        self.assertEqual(wrong(unit), ["unit-copies"])

    def test_of_copies_that_others_hold_all_holders_are_named(self):
        unit, gamma, session = "screen-pool.service", "cafe" * 8, "cafecafecafecafe-60000"
        put(f"fences/{session}", {"counter": 0, "names": []})
        put(f"beats/{session}", {"machine_id": gamma, "nonce": "cafecafecafecafe-1"})
        put(f"machines/{gamma}", {"hostname": "gamma", "boot_id": "c" * 32, "session": session, "metadata": "", "version": "0", "draining": False})
        for number, machine, of in (1, BETA, BETA_SESSION), (2, gamma, session):
            put(f"offers/{machine}/{unit}", {"lease": f"{unit}#1", "version": 0, "conflicts": "", "replaces": "", "why": "", "copies": 2,
                                             "active": "active", "since": 1})
            put(f"leases/{unit}#{number}", {**self.lease("held", 7), "machine_id": machine, "session": of})
            self.addCleanup(put, f"leases/{unit}#{number}", self.lease("free", 1000))
        self.addCleanup(run, f"{HERE}/put-record", REGISTRY, f"machines/{gamma}", "")
        self.unit(unit, "[Service]\nExecStart=/bin/sleep infinity\n[X-Leased]\nCopies=2\n")
        wait_for("gamma is up", lambda: any(each["hostname"] == "gamma" and each["up"] for each in shown("machines")))
        self.assertEqual(ctl("enable", unit, check=True).stdout, f"{unit}: enabled; it is held by beta, gamma, and this machine stands by\n")

    def test_of_copies_it_is_said_for_which_machine_the_last_one_waits(self):
        name = "screen-left.service"
        unit = self.unit(name, "[Service]\nExecStart=/bin/sleep infinity\n[X-Leased]\nCopies=2\n")
        put(f"offers/{BETA}/{unit}", {"lease": unit, "version": 0, "conflicts": "", "replaces": "", "why": "", "active": "active", "since": NOW})
        put(f"leases/{unit}#1", self.lease("held", 7))
        for lease in unit, f"{unit}#1":
            self.addCleanup(put, f"leases/{lease}", self.lease("free", 1000))
        done = ctl("enable", unit, check=True)
        self.assertRegex(done.stdout, rf"^{unit}: enabled; \d of 2 copies (is|are) held, and none here: the last copy waits for beta, where "
                                      r"Copies= is not in force\n$")

    def test_signals_have_revisions_and_since_tells_all_that_was_missed(self):
        """Whoever reads ListClusterUnits with the revision of the last signal misses no change."""
        watch = subprocess.Popen(["busctl", "--json=short", "--match=type='signal',interface='org.leased1.Manager',member='UnitStateChanged'",
                                  "monitor"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENVIRONMENT)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.terminate)
        self.addCleanup(watch.stdout.close)

        def changes(since, machine="", *metadata):
            done = run("busctl", "--json=short", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "ListClusterUnits", "sast",
                       machine, str(len(metadata)), *metadata, str(since))
            revision, rows = json.loads(done.stdout)["data"]
            return revision, {(row[0], row[1]) for row in rows}

        def hears():
            run("busctl", "emit", "/probe", "org.leased1.Manager", "UnitStateChanged", "s", "probe")
            return select.select([watch.stdout], [], [], 0.2)[0]

        wait_for("the monitor listens", hears)
        unit = "screen-since.service"
        before = changes(0)[0]
        self.enable(unit, state="running")
        self.at_beta(unit, "active", index=9)
        signals = []
        for line in watch.stdout:
            said = json.loads(line)["payload"]["data"]
            if said[0] == unit:
                signals.append((said[1], said[2], said[-1]))
                if said[1] == BETA and said[2] == "running":
                    break
        revisions = [revision for _, _, revision in signals]
        self.assertEqual(revisions, sorted(revisions))
        # A signal says up to where all has been told, which may be before the list that was read.
        for since in (before, revisions[0]):
            self.assertIn((unit, BETA), changes(since)[1])
        self.assertIn((unit, BETA), changes(revisions[-1] - 1)[1], "what the last signal told")
        wait_for("nothing more has changed", lambda: (unit, BETA) not in changes(changes(0)[0])[1])
        self.assertEqual({machine for _, machine in changes(0, "", "rack=b1")[1]}, {BETA})
        self.assertEqual({machine for _, machine in changes(0, BETA)[1]}, {BETA})
        self.assertNotIn(BETA, {machine for _, machine in changes(0, "", "rack=a1")[1]})

    def test_what_has_not_been_told_is_not_said(self):
        """leased 0.1.0 does not tell the states of its units. Of such a machine it is only known that it holds the lease."""
        self.enable("screen-old.service", state="running")
        self.at_beta("screen-old.service", "")
        wait_for("it is seen", lambda: self.state_at_beta("screen-old.service") == "held")

    def test_a_long_name_is_cut_and_nothing_is_wider_than_the_terminal(self):
        unit = "screen-" + "long-" * 30 + "name.service"
        self.enable(unit)
        done = ctl()
        self.assertFits(done.stdout)
        self.assertIn("screen-long-long-", done.stdout)
        self.assertIn("…", done.stdout)

    def test_a_unit_that_runs_everywhere_is_shown_and_its_failure_is_wrong(self):
        unit = self.enable("screen-everywhere.service", "[Service]\nExecStart=/bin/sleep infinity\n[X-Leased]\nGlobal=yes\n")
        self.assertRegex(ctl("-1").stdout, rf"(?m)^  {unit} +running ")
        self.assertEqual(wrong(unit), [])
        failing = self.unit("screen-nowhere-well.service", "[Service]\nExecStart=/bin/false\n[X-Leased]\nGlobal=yes\n")
        ctl("enable", failing)
        wait_for("it has failed", lambda: wrong(failing) == ["unit-failed"])

    def test_programs_get_all_of_it(self):
        self.enable("screen-json.service")
        told = cluster()
        self.assertEqual(set(told), {"well", "known", "registry", "wrong", "machines", "revision"})
        for machine in told["machines"]:
            for unit in machine["units"]:
                self.assertEqual(set(unit), MEMBERS)

    def test_it_refreshes_until_q_and_leaves_the_terminal_as_it_was(self):
        self.assertEqual(ctl("-w").returncode, 2)
        main_end, other = pty.openpty()
        before = termios.tcgetattr(other)
        process = subprocess.Popen(["leasectl", "-w"], stdin=other, stdout=other, stderr=other,
                                   env={**ENVIRONMENT, "TERM": "xterm"})
        drawn = b""
        while drawn.count(b"\x1b[J") < 2:
            self.assertTrue(select.select([main_end], [], [], 20)[0], drawn)
            drawn += os.read(main_end, 65536)
        os.write(main_end, b"q")
        while select.select([main_end], [], [], 1)[0]:
            drawn += os.read(main_end, 65536)
        self.assertIn(process.wait(timeout=20), (0, 1))
        self.assertNotIn(b"\x1b[2J", drawn)  # to clear the screen before it is drawn makes it flicker
        self.assertTrue(drawn.rstrip().endswith(b"\x1b[?1049l"), drawn[-100:])
        self.assertEqual(termios.tcgetattr(other)[3], before[3])
        os.close(main_end)
        os.close(other)


if __name__ == "__main__":
    main()
