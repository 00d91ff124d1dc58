#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A unit's own journal tells what leased did with it, and why.

    run-in-guest test-leasectl-journal.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
                                           MESSAGE_IDS CATALOG
"""

import json
import os
import re
import socket
import time

from leasectl_beta import BETA, BETA_SESSION, REGISTRY, WithBeta, put, shown
from leasectl_guest import HERE, ctl, main, property_of, read, run, wait_for

IDS = dict(re.findall(r'^#define MESSAGE_(\w+) +"([0-9a-f]{32})"', read(os.path.join(HERE, "message-ids.h")), re.MULTILINE))
NAMES = {value: name for name, value in IDS.items()}


def entries(unit):
    """What leased and its guard have written into the unit's journal, in order."""
    run("journalctl", "--sync")
    lines = run("journalctl", "-b", "-o", "json", f"OBJECT_SYSTEMD_UNIT={unit}", "--no-pager").stdout.splitlines()
    return [entry for entry in map(json.loads, lines) if entry.get("MESSAGE_ID") in NAMES]


def events(unit):
    return [NAMES[entry["MESSAGE_ID"]] for entry in entries(unit)]


def sent(entry):
    """When the entry was sent, which may be before journald took it."""
    return int(entry["_SOURCE_REALTIME_TIMESTAMP"])


def fill_journal():
    """Leaves no room in the queue of journald's socket, while journald stands still. Each sender has a limit of its own besides."""
    sent = 1
    while sent > 0:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
            journal.connect("/run/systemd/journal/socket")
            sent = 0
            try:
                while True:
                    journal.send(b"A=x\n", socket.MSG_DONTWAIT)
                    sent += 1
            except BlockingIOError:
                pass


def history(unit):
    run("journalctl", "--sync")
    return shown("history", unit)


class Journal(WithBeta):
    def last(self, unit, name):
        wait_for(f"{unit}: {name} is told", lambda: name in events(unit))
        return [entry for entry in entries(unit) if NAMES[entry["MESSAGE_ID"]] == name][-1]

    def test_every_step_of_a_tenure_is_told_once_and_no_renewal(self):
        unit = self.enable("steps.service")
        wait_for("it has started", lambda: "STARTED" in events(unit))
        end = time.monotonic() + 2
        wait_for("five more beats were due", lambda: time.monotonic() > end)
        self.assertEqual(events(unit), ["ACQUIRED", "STARTED"])
        ctl("release", unit, check=True)
        wait_for("it stands back", lambda: "STANDS_BACK" in events(unit))
        self.assertEqual(sorted(events(unit)[2:]), ["RELEASED", "STANDS_BACK", "STOPPED"])

    def test_an_entry_has_the_fields_that_it_is_found_by(self):
        unit = self.enable("fields.service", "[Service]\nExecStart=/bin/sleep infinity\n[X-Leased]\nLease=other-name\n")
        entry = self.last(unit, "STARTED")
        self.assertEqual((entry["UNIT"], entry["LEASE"], entry["LEASE_INDEX"], entry["SYSLOG_IDENTIFIER"], entry["PRIORITY"]),
                         (unit, "other-name", str(self.index(unit)), "leased", "5"))
        ctl("release", unit, check=True)
        self.assertEqual(self.last(unit, "STOPPED")["REASON"], "released")

    def test_a_robbed_unit_says_last_who_has_it(self):
        unit = self.enable("robbed.service")
        put(f"leases/{unit}", self.lease("held", self.index(unit) + 1))
        self.addCleanup(put, f"leases/{unit}", self.lease("free", 1000))
        entry = self.last(unit, "STOPPED")
        self.assertEqual((entry["MACHINE"], entry["LEASE_MACHINE_ID"], entry["REASON"]), ("beta (beefbeef)", BETA, "lost"))
        self.assertIn("LOST", events(unit))
        shown = run("systemctl", "status", "--no-pager", unit, check=False).stdout.rstrip().splitlines()[-1]
        self.assertTrue(shown.endswith("stopped: lost; beta (beefbeef) has it"), shown)

    def test_a_start_without_the_lease_is_told(self):
        unit = self.enable("refused.service")
        ctl("release", unit, check=True)
        self.assertNotEqual(run("systemctl", "start", unit, check=False).returncode, 0)
        self.assertEqual(self.last(unit, "NOT_STARTED")["LEASE"], unit)

    def assertNotDone(self, unit, reason, lease):
        entry = self.last(unit, "NOT_DONE")
        self.assertEqual([entry.get(each) for each in ("UNIT", "LEASE", "REASON", "MESSAGE")],
                         [unit, lease, reason, f"{unit}: what was asked for is not done: {reason}"])

    def test_a_word_that_is_refused_or_cannot_be_any_more_is_told(self):
        """Here, and asked of another machine, where it waits: refused there, taken back, and never answered."""
        unit = self.enable("word.service")
        self.assertNotEqual(run("busctl", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "AskUnit", "sss", unit, "rearm", "",
                                check=False).returncode, 0)
        self.assertNotDone(unit, "it cannot be any more", unit)
        for unit, end, reason in (("refusal.service", lambda asking: self.answer("refused", code=180), "it is just being started or stopped there"),
                                  ("taken-back.service", self.interrupt, "it was taken back"),
                                  ("unanswered.service", lambda asking: None, "the machine that was asked did not answer")):
            self.offer(self.enable(unit))
            put(f"leases/{unit}", self.lease("held", 1000))
            wait_for("beta holds it", lambda unit=unit: (self.row(unit)["state"], self.row(unit)["index"]) == ("elsewhere", 1000))
            asking = self.begin("restart", unit)
            wait_for("beta is asked", self.asked)
            end(asking)
            asking.communicate(timeout=60)
            self.assertNotEqual(asking.returncode, 0)
            self.assertNotDone(unit, reason, unit)

    def test_a_transfer_is_told_with_the_machine_that_has_the_unit(self):
        unit = self.enable("handed-on.service", "[Service]\nExecStart=/bin/sleep infinity\n[X-Leased]\nLease=of-handed-on\n")
        put(f"offers/{BETA}/{unit}", {"lease": "of-handed-on", "version": 0, "conflicts": "", "replaces": "", "why": ""})
        wait_for("beta offers it", lambda: self.line(unit) not in (None, "it is not enabled there"))
        ctl("transfer", unit, "beta", check=True)
        self.addCleanup(put, "leases/of-handed-on", self.lease("free", 1000))
        entry = self.last(unit, "HANDED_ON")
        self.assertEqual([entry[each] for each in ("UNIT", "LEASE", "MACHINE", "LEASE_MACHINE_ID", "REASON")],
                         [unit, "of-handed-on", "beta (beefbeef)", BETA, "transfer"])

    def test_what_pid_1_refuses_is_told(self):
        unit = self.enable("changed.service", "[Service]\nExecStart=/bin/sleep infinity\n[X-Leased]\nLease=of-changed\nHoldDownSec=1s\n")
        self.last(unit, "STARTED")
        self.unit(unit, "[Unit]\nRequires=other.target\nConflicts=other.target\n[Service]\nExecStart=/bin/sleep infinity\n")
        run("systemctl", "daemon-reload")
        ctl("release", unit, check=True)
        self.assertEqual(self.last(unit, "PID1_REFUSES")["LEASE"], "of-changed")

    def test_what_another_machines_operator_asks_for_is_told(self):
        unit = self.enable("told.service")
        put(f"requests/{self.here()['machine_id']}/{BETA_SESSION}.0011223344556677",
            {"verb": "restart", "unit": unit, "machine_id": "", "index": self.index(unit), "within": 10000000, "stage": "asked",
             "by": "anna@beta"})
        entry = self.last(unit, "ASKED")
        self.assertIn(": restart asked for by anna@beta, ", entry["MESSAGE"])
        self.assertEqual((entry["REQUESTED_BY"], entry["LEASE"]), ("anna@beta", unit))

    def test_the_journal_keeps_more_tenures_than_the_record(self):
        unit = self.enable("often.service", "[Service]\nExecStart=/bin/sleep infinity\n[X-Leased]\nHoldDownSec=1s\n")
        first = self.index(unit)
        for index in range(first, first + 18):
            wait_for(f"it runs with Index {index}", lambda: (self.row(unit)["state"], self.index(unit)) == ("running", index))
            ctl("release", unit, check=True)
        wait_for("the last one is kept", lambda: len(history(unit)) >= 18)
        self.assertEqual([each["index"] for each in history(unit)][:18], list(range(first, first + 18)))
        self.assertTrue(all(each["why"] == "released" and each["code"] for each in history(unit)[:18]), history(unit))
        self.assertEqual(len({each["by"] for each in history(unit)[:18]}), 1, history(unit))
        ends = [(each["from_usec"], each["to_usec"]) for each in history(unit)[:18]]
        self.assertEqual([usec for each in ends for usec in each], sorted(usec for each in ends for usec in each), ends)
        self.assertTrue(history(unit)[0]["by"].endswith("@" + os.uname().nodename), history(unit)[0])
        record = json.loads(run("busctl", "--json=short", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "GetHistory",
                                "s", unit).stdout)["data"][0]
        self.assertEqual(len(record), 16)

    def test_the_tenure_in_which_the_machine_went_down_is_noted_after_its_boot(self):
        unit = self.enable("crashed.service")
        index, us = self.index(unit), self.here()["machine_id"]
        run("systemctl", "stop", "leased.service")
        ours = [{"machine_id": us, "index": index + n, "from": 10 + n, "to": 20 + n, "why": "expired", "by": ""} for n in (10, 20)]
        theirs = {"machine_id": BETA, "index": index + 30, "from": 50, "to": 60, "why": "expired", "by": ""}
        put(f"leases/{unit}", {**self.lease("held", index + 40), "tenures": [*ours, theirs]})
        self.addCleanup(put, f"leases/{unit}", self.lease("free", 1000))

        def noted():
            run("journalctl", "--sync")
            lines = run("journalctl", "-b", "-o", "json", "--no-pager", f"LEASE={unit}", f"MESSAGE_ID={IDS['TENURE']}").stdout
            return [int(json.loads(line)["LEASE_INDEX"]) - index for line in lines.splitlines() if int(json.loads(line)["LEASE_INDEX"]) > index]

        for booted in (False, True):
            if booted:
                os.unlink("/run/leased/last.conf")
            run("systemctl", "restart", "leased.service")
            wait_for("it has heard who holds it", lambda: (self.row(unit) or {}).get("state") == "elsewhere")
            if booted:
                wait_for("the tenure is noted", noted)
            self.assertEqual(noted(), [20] if booted else [])

    def test_a_tenure_that_ended_unseen_and_that_the_record_has_forgotten_is_shown_with_its_outages(self):
        unit = self.enable("unseen.service")
        index = self.index(unit)
        run("systemctl", "stop", unit)
        wait_for("it stays down", lambda: self.row(unit)["state"] == "stopped")
        run("systemctl", "start", unit)
        wait_for("it runs again", lambda: events(unit).count("STARTED") == 2)
        run("systemctl", "kill", "-s", "STOP", "leased.service")
        put(f"leases/{unit}", {**self.lease("held", index + 40), "since": int(time.time() * 1e6), "tenures": []})
        last = property_of("leased.service", "MainPID")
        run("systemctl", "kill", "-s", "KILL", "leased.service")
        wait_for("it is there again", lambda: property_of("leased.service", "MainPID") not in ("0", last) and
                 property_of("leased.service", "ActiveState") == "active")
        self.addCleanup(put, f"leases/{unit}", self.lease("free", 1000))
        wait_for("it has heard who holds it", lambda: (self.row(unit) or {}).get("state") == "elsewhere")
        rows = history(unit)
        self.assertEqual([each["index"] for each in rows], [index, index + 40])
        self.assertEqual((rows[0]["hostname"], rows[0]["to_usec"], [each["why"] for each in rows[0]["outages"]]),
                         (os.uname().nodename, None, ["stopped by hand"]))
        self.assertRegex(ctl("history", "--here", unit).stdout, rf"(?m)^  {os.uname().nodename} +{index} .* \? ")

    def test_an_outage_within_a_tenure_is_shown(self):
        unit = self.enable("outage.service")
        os.rename(REGISTRY, REGISTRY + ".away")
        try:
            wait_for("it is stopped", lambda: "STOPPED" in events(unit))
        finally:
            os.rename(REGISTRY + ".away", REGISTRY)
        wait_for("it runs again", lambda: self.row(unit)["state"] == "running" and events(unit).count("STARTED") == 2)
        last = wait_for("it is told", lambda: history(unit))[-1]
        if "RESUMED" not in events(unit):  # another tenure has begun instead
            self.assertGreater(len(history(unit)), 1)
        else:
            self.assertEqual(len(last["outages"]), 1, last)
        self.assertRegex(ctl("history", unit).stdout, r"(?m)^  \d\d:\d\d:\d\d to \d\d:\d\d:\d\d down \S+: ")

    def test_a_time_in_which_the_unit_was_frozen_is_an_outage(self):
        unit = self.enable("frost.service", "[Service]\nExecStart=/bin/sleep infinity\n[X-Leased]\nOnOutage=freeze\n")
        os.rename(REGISTRY, REGISTRY + ".away")
        try:
            frozen = self.last(unit, "GUARD_FREEZES")
        finally:
            os.rename(REGISTRY + ".away", REGISTRY)
        thawed = self.last(unit, "GUARD_THAWS")
        outage = history(unit)[-1]["outages"][0]
        self.assertEqual((outage["from_usec"], outage["to_usec"]), tuple(sent(each) for each in (frozen, thawed)))
        self.assertEqual(outage["why"], "frozen, no beat came in time")

    def test_a_stop_by_hand_is_an_outage_until_somebody_starts_it_again(self):
        unit = self.enable("resting.service")
        run("systemctl", "stop", unit)
        stopped = self.last(unit, "BY_HAND")
        outage = history(unit)[-1]["outages"][-1]
        self.assertEqual((outage["why"], outage["code"], outage["to_usec"]), ("stopped by hand", 121, None))
        self.assertEqual(outage["from_usec"], sent(stopped))
        self.assertRegex(ctl("history", unit).stdout, r"(?m)^  \d\d:\d\d:\d\d to now down \S+: stopped by hand$")
        self.assertIn("\n  down ", ctl("history", "--picture", unit, check=True).stdout)
        run("systemctl", "start", unit)
        wait_for("it is told", lambda: events(unit)[-1] == "STARTED")
        outage = history(unit)[-1]["outages"][-1]
        self.assertGreater(outage["to_usec"], outage["from_usec"])
        self.assertRegex(ctl("history", unit).stdout, r"(?m)^  \d\d:\d\d:\d\d to \d\d:\d\d:\d\d down \S+: stopped by hand$")

    def test_a_stop_by_hand_lasts_to_the_end_of_its_tenure(self):
        unit = self.enable("rested.service")
        run("systemctl", "stop", unit)
        stopped = self.last(unit, "BY_HAND")
        wait_for("a second is over", lambda: time.time() > sent(stopped) / 1e6 + 1)
        ctl("release", unit, check=True)
        rows = wait_for("the tenure is over", lambda: [each for each in history(unit) if each["to_usec"]])
        self.assertEqual([(each["from_usec"], each["to_usec"], each["why"]) for each in rows[0]["outages"]],
                         [(sent(stopped), rows[0]["to_usec"], "stopped by hand")])

    def test_a_stop_that_was_asked_of_leased_says_by_whom(self):
        unit = self.enable("asked-down.service")
        put(f"requests/{self.here()['machine_id']}/{BETA_SESSION}.0011223344556688",
            {"verb": "stop", "unit": unit, "machine_id": "", "index": self.index(unit), "within": 10000000, "stage": "asked", "by": "anna@beta"})
        self.assertEqual(self.last(unit, "BY_HAND")["REQUESTED_BY"], "anna@beta")
        self.assertEqual(history(unit)[-1]["outages"][-1]["by"], "anna@beta")
        self.assertRegex(ctl("history", unit).stdout, r"(?m)^  \d\d:\d\d:\d\d to now down \S+: stopped by hand, anna@beta$")
        ctl("start", unit, check=True)
        wait_for("it runs again", lambda: events(unit)[-1] == "STARTED")
        run("systemctl", "stop", unit)  # which nobody has asked leased for
        wait_for("it is told", lambda: events(unit).count("BY_HAND") == 2)
        self.assertNotIn("REQUESTED_BY", self.last(unit, "BY_HAND"))
        self.assertEqual([each.get("by") for each in history(unit)[-1]["outages"]], ["anna@beta", None])
        run("systemctl", "start", unit)
        wait_for("it runs again", lambda: events(unit)[-1] == "STARTED")
        ctl("stop", unit, check=True)
        self.assertEqual(history(unit)[-1]["outages"][-1]["by"], f"root@{os.uname().nodename}")

    def test_a_job_that_was_refused_while_its_timer_was_up_is_shown(self):
        """By an Assert= of its own: a gate that is hidden is there again, or the timer is stopped, before a test can look."""
        self.unit("hidden.service", "[Unit]\nAssertPathExists=/is-there\n[Service]\nType=oneshot\nExecStart=/bin/true\n")
        unit = self.enable("hidden.timer", "[Timer]\nOnCalendar=*:*:*\nAccuracySec=1us\nPersistent=yes\n")
        refused = self.last("hidden.service", "NOT_STARTED")
        outage = [each for each in history(unit)[-1]["outages"] if "refused" in each][0]
        self.assertEqual((outage["refused"], outage["code"]), ("hidden.service", int(refused["REASON_CODE"])))
        self.assertEqual((refused["LEASE"], refused["LEASE_INDEX"]), (unit, str(self.index(unit))))
        self.assertEqual(outage["from_usec"], outage["to_usec"])
        text = " ".join(ctl("history", unit).stdout.split())
        self.assertRegex(text, r"\d\d:\d\d:\d\d hidden\.service not started: its gate was hidden, or another Assert= did not hold")

    def test_an_outage_is_dated_by_when_it_was_told_and_not_by_when_journald_heard_of_it(self):
        unit = self.enable("slowly-heard.service")
        wait_for("its start is told", lambda: "STARTED" in events(unit))
        pid = run("systemctl", "show", "-p", "MainPID", "--value", "systemd-journald.service").stdout.strip()
        run("kill", "-STOP", pid)
        self.addCleanup(run, "kill", "-CONT", pid)
        os.rename(REGISTRY, REGISTRY + ".away")
        try:
            wait_for("it is stopped", lambda: run("systemctl", "is-active", unit, check=False).stdout.strip() != "active")
            stopped = time.time()
        finally:
            os.rename(REGISTRY + ".away", REGISTRY)
        wait_for("it runs again", lambda: self.row(unit)["state"] == "running")
        run("kill", "-CONT", pid)
        wait_for("its second start is told", lambda: events(unit).count("STARTED") == 2)
        if "RESUMED" in events(unit):
            self.assertLess(history(unit)[-1]["outages"][-1]["from_usec"] / 1e6, stopped)

    def test_what_journald_does_not_take_is_told_later_and_with_its_time(self):
        unit = self.enable("unheard.service")
        pid = run("systemctl", "show", "-p", "MainPID", "--value", "systemd-journald.service").stdout.strip()
        before = time.time()
        run("kill", "-STOP", pid)
        self.addCleanup(run, "kill", "-CONT", pid)
        fill_journal()
        os.rename(REGISTRY, REGISTRY + ".away")
        try:
            wait_for("it is stopped", lambda: run("systemctl", "is-active", unit, check=False).stdout.strip() != "active")
        finally:
            os.rename(REGISTRY + ".away", REGISTRY)
        wait_for("it runs again", lambda: self.row(unit)["state"] == "running")
        again = time.time()
        run("kill", "-CONT", pid)
        wait_for("its second start is told", lambda: events(unit).count("STARTED") == 2)
        stopped = self.last(unit, "STOPPED")
        self.assertTrue(before < int(stopped["LEASE_AT_USEC"]) / 1e6 < again, stopped)
        self.assertLess(events(unit).index("STOPPED"), len(events(unit)) - 1 - events(unit)[::-1].index("STARTED"))
        if "RESUMED" in events(unit):
            outage = history(unit)[-1]["outages"][-1]
            self.assertLess(before, outage["from_usec"] / 1e6)
            self.assertLess(outage["from_usec"], outage["to_usec"])
            self.assertLess(outage["to_usec"] / 1e6, again)

    def test_a_failure_is_told_with_what_to_do(self):
        unit = self.unit("broken.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n")
        ctl("enable", unit, check=True)
        self.last(unit, "FAILED")
        run("journalctl", "--update-catalog")
        explained = run("journalctl", "-b", "-x", "--no-pager", f"MESSAGE_ID={IDS['FAILED']}").stdout
        self.assertIn(f'leasectl steal {unit}', explained)

    def test_the_journal_is_whole(self):
        run("journalctl", "--sync")
        self.assertEqual(run("journalctl", "--verify", check=False).returncode, 0)

    def test_a_unit_that_the_guard_has_stopped_says_since_when_no_beat_came(self):
        unit = self.enable("silent.service", "[Service]\nExecStart=/bin/sh -c 'trap : TERM; while :; do sleep 1; done'\n"
                                             "[X-Leased]\nLease=told\n")
        pid = run("systemctl", "show", "-p", "MainPID", "--value", "leased.service").stdout.strip()
        run("kill", "-STOP", pid)
        self.addCleanup(run, "kill", "-CONT", pid)
        wait_for("the guard has stopped it", lambda: run("systemctl", "is-active", unit, check=False).stdout.strip() != "active")
        stops = self.last(unit, "GUARD_STOPS")
        self.assertEqual(stops["REASON"], "no beat came in time")
        self.last(unit, "GUARD_DOWN")
        self.assertIn("GUARD_KILLS", events(unit))
        run("kill", "-CONT", pid)
        wait_for("it runs again", lambda: events(unit)[-1] in ("RESUMED", "STARTED") and events(unit).count("STARTED") == 2)
        if "EXPIRED" in events(unit):
            self.assertRegex(self.last(unit, "STOPPED")["MESSAGE"], r"stopped: no beat since \d\d:\d\d:\d\d; ")
        self.assertEqual({(entry.get("UNIT"), entry.get("LEASE"), "LEASE_INDEX" in entry) for entry in entries(unit)}, {(unit, "told", True)})
        if "RESUMED" in events(unit):  # the outage began when the guard stopped it, and not when the daemon heard of it
            outage = history(unit)[-1]["outages"][-1]
            self.assertEqual((outage["from_usec"], outage["why"]), (sent(stops), "expired"))


if __name__ == "__main__":
    os.makedirs("/usr/lib/systemd/catalog", exist_ok=True)
    run("cp", f"{HERE}/leased.catalog", "/usr/lib/systemd/catalog/")
    main()
