#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looking at units by patterns, on other machines and in their journals; and what is suggested for a name that was mistyped.

    run-in-guest test-leasectl-looking.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
"""

import json
import os

from leasectl_beta import BETA, TwoSecondCase, WithBeta, put, shown
from leasectl_guest import ctl, main, read, wait_for, write


class Looking(TwoSecondCase):
    def test_a_pattern_stands_for_all_units_that_fit(self):
        for name in ("glob@1.service", "glob@2.service", "globe.service"):
            self.enable(name)
        told = [each["unit"] for each in shown("status", "glob@*")]
        self.assertEqual(told, ["glob@1.service", "glob@2.service"])
        self.assertEqual([each["unit"] for each in shown("status", "glob@?")], told)
        self.assertEqual(len(ctl("is-held", "glob*", check=True).stdout.split()), 3)
        self.assertEqual({each["lease"] for each in shown("history", "glob[@]*")}, set(told))
        self.assertSays(ctl("release", "nothing*"), 4, "nothing*: fits no unit that is enabled anywhere, see: leasectl")
        self.assertSays(ctl("release", "nothing*", "globe"), 4,
                        "nothing*: fits no unit that is enabled anywhere, nothing was done, see: leasectl")
        self.assertSays(ctl("history", "nothing*"), 4, "nothing*: fits no unit or lease here, see: leasectl list")
        self.assertEqual([each["unit"] for each in json.loads(ctl("check", "glob@*", "--json=short").stdout)], told)
        done = ctl("disable", "glob@*")
        self.assertEqual((done.returncode, [self.row(name) for name in told]), (0, [None, None]), done.stderr)
        self.assertIsNotNone(self.row("globe.service"))

    def test_a_name_that_was_mistyped_is_suggested(self):
        unit = self.enable("queue-of-mails.service")
        self.assertSays(ctl("release", "queue-of-mials"), 4,
                        f"queue-of-mials.service: not enabled on any machine, did you mean '{unit}'?")
        self.assertSays(ctl("status", "queue-of-mials"), 4,
                        f"queue-of-mials.service: not enabled on this machine, did you mean '{unit}'?")
        self.assertSays(ctl("status", "queue-of"), 4, "queue-of.service: not enabled on this machine, see: leasectl")
        host = os.uname().nodename
        self.assertSays(ctl("drain", host[:-1] + host[-1] * 2), 1,
                        f"{host[:-1] + host[-1] * 2}: no such machine, did you mean '{host}'?")

    def test_a_unit_that_is_not_enabled_yet_is_suggested_by_its_file(self):
        self.unit("quartz.service")
        self.assertSays(ctl("enable", "qartz"), 4, "qartz.service: there is no such unit on this machine, did you mean 'quartz.service'?")

    def test_a_machine_is_listed_with_what_is_enabled_there(self):
        unit = self.enable("listed.service")
        host = os.uname().nodename
        rows = shown("list", host)
        self.assertEqual(next(each["state"] for each in rows if each["unit"] == unit), "running")
        self.assertRegex(ctl("list", host).stdout, rf"(?m)^UNIT +STATE +SINCE +WHY$(.|\n)*^{unit} +running +\d\d:\d\d:\d\d ")
        self.assertSays(ctl("list", "nowhere-at-all"), 1, "nowhere-at-all: no such machine; of a unit: leasectl status nowhere-at-all")
        self.assertSays(ctl("list", "--all", host), 2, "list: --all lists the leases of all machines, so leave out MACHINE")

    def test_the_journal_of_a_unit_is_shown_where_it_runs(self):
        unit = self.enable("talks.service", "[Service]\nExecStart=/bin/sh -c 'echo it talks; exec sleep infinity'\n")
        wait_for("its lines are there", lambda: "it talks" in ctl("logs", unit).stdout)
        self.assertIn("it talks", ctl("status", unit).stdout)
        self.assertEqual(len(ctl("logs", "--lines=1", "talks").stdout.splitlines()), 1)
        self.assertSays(ctl("logs", "--lines=none", unit), 2, "--lines=none: expected is a number from 1 to 10000")


    def test_the_journal_of_what_a_leased_timer_starts_is_shown_without_a_complaint(self):
        self.unit("ticks.service", "[Service]\nType=oneshot\nExecStart=/bin/echo it ticks\n")
        timer = self.enable("ticks.timer", "[Timer]\nOnActiveSec=1h\n")
        self.assertSays(ctl("logs", "ticks"), 0)
        ctl("disable", timer, check=True)


class Proving(WithBeta):
    def ssh(self, script):
        write("/usr/local/sbin/ssh", f"#!/bin/sh\necho \"$@\" >/run/ssh-was\n{script}\n")
        os.chmod("/usr/local/sbin/ssh", 0o755)

    def test_the_status_of_a_unit_ends_with_the_last_lines_of_its_holder(self):
        self.addCleanup(os.unlink, "/usr/local/sbin/ssh")
        self.ssh("echo its last words on beta")
        unit = self.enable("elsewhere.service", state="running")
        self.offer(unit, active="active", since=1)
        put(f"leases/{unit}", self.lease("held", 70))
        wait_for("beta has it", lambda: "On beta" in ctl("status", unit).stdout)
        said = ctl("status", unit).stdout
        self.assertRegex(said, r"Holder: beta, .*\n +State on beta: running since .*\n(.*\n)+\nits last words on beta\n\Z")
        self.assertIn(f"-- beta journalctl --no-pager -n 10 -u '{unit}'", read("/run/ssh-was"))
        self.ssh("exit 255")
        self.assertRegex(ctl("status", unit).stdout, rf"Journal:? leasectl logs {unit}\n\Z")

    def test_a_name_that_is_none_of_a_host_is_not_handed_to_ssh(self):
        self.addCleanup(os.unlink, "/usr/local/sbin/ssh")
        unit = self.enable("hostile.service", state="running")
        self.offer(unit, active="active", since=1)
        self.addCleanup(self.put_beta)
        if os.path.exists("/run/ssh-was"):
            os.unlink("/run/ssh-was")
        for name in ("beta;reboot", "$(reboot)", "-oProxyCommand=reboot", "be ta"):
            self.ssh("echo it was called")
            self.put_beta(hostname=name)
            put(f"leases/{unit}", self.lease("held", 70))
            wait_for("it has it", lambda: f"On {name}" in ctl("status", unit).stdout)
            for verb in ("status", "logs", "prove"):
                self.assertNotIn("it was called", ctl(verb, unit).stdout)
            self.assertFalse(os.path.exists("/run/ssh-was"), name)

    def test_the_journals_of_all_machines_are_asked_for_and_one_that_cannot_be_read_is_told(self):
        put("leases/proved.service", self.lease("free", 6))
        unit = self.enable("proved.service")
        self.addCleanup(os.unlink, "/usr/local/sbin/ssh")
        self.ssh("exit 255")
        done = ctl("prove", "--json=short", unit)
        self.assertEqual(done.returncode, 6)
        self.assertRegex(done.stderr, rf"^leasectl: the journal of beta cannot be read over SSH; there: journalctl [^\n]*-u '{unit}'[^\n]*\n$")
        tenure = json.loads(done.stdout)["tenures"][0]
        self.assertEqual((tenure["hostname"], tenure["index"]), (os.uname().nodename, 7))
        self.assertGreater(tenure["acquired"]["revision"], 0)
        self.assertIn("first", tenure)
        # beta had the Index before: what it says of that is judged together with what is known here.
        entry = {"_MACHINE_ID": BETA, "_BOOT_ID": "1", "_HOSTNAME": "beta", "__REALTIME_TIMESTAMP": "1", "__MONOTONIC_TIMESTAMP": "1",
                 "__CURSOR": "c", "_SYSTEMD_UNIT": "leased.service", "UNIT": unit, "LEASE": unit, "LEASE_INDEX": "6"}
        ids = {"ACQUIRED": "082fbbfe06314af5a6bfe99dbe737e68", "RELEASED": "8b8fc12e1e3e4054b06fdb0d608a2a65"}
        write("/run/beta-journal", "".join(json.dumps({**entry, "MESSAGE_ID": each, "LEASE_REVISION": "1"}) + "\n" for each in ids.values()))
        self.ssh("cat /run/beta-journal")
        done = ctl("prove", "--since=-1h", unit)
        self.assertSays(done, 0)
        self.assertIn(": proven, by the order of revisions in the registry", done.stdout)
        self.assertIn(" -- beta journalctl --quiet --no-pager -o json", read("/run/ssh-was"))
        self.assertIn("--since='-1h'", read("/run/ssh-was"))


if __name__ == "__main__":
    main()
