#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looking at units by patterns, on other machines and in their journals; and what is suggested for a name that was mistyped.

    run-in-guest test-leasectl-looking.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
"""

import json
import os
import pty
import signal

from leasectl_beta import BETA, TwoSecondCase, WithBeta, put, shown
from leasectl_guest import ENVIRONMENT, ctl, main, read, run, wait_for, write


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

    def test_a_machine_that_takes_leases_has_no_reason_why_not(self):
        self.enable("well.service")
        properties = [run("busctl", "get-property", "org.leased1", "/org/leased1", "org.leased1.Manager", name).stdout.strip()
                      for name in ("WhyNotCode", "WhyNot", "LastError")]
        self.assertEqual(properties, ["u 0", 's ""', 's ""'])

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
        self.assertSays(ctl("list", "nowhere-at-all"), 4, "nowhere-at-all: no such machine, and no such unit is enabled here, see: leasectl")
        self.assertSays(ctl("list", "--all", host), 2, "list: --all lists the leases of all machines, so leave out MACHINE and UNIT")

    def test_units_are_listed_by_their_names_and_by_patterns(self):
        units, host = [self.enable(name) for name in ("job@1.service", "job@2.service", "jobs.service")], os.uname().nodename
        for typed, expected in ((("job@*",), units[:2]), (("jobs",), units[2:]), (("jobs", "job@1", "job@1.*"), [units[0], units[2]])):
            self.assertEqual([each["unit"] for each in shown("list", *typed)], expected)
            lines = ctl("list", *typed, check=True).stdout.splitlines()
            self.assertEqual([line.split()[0] for line in lines], ["UNIT", *expected])
            self.assertTrue(all(line.split()[1:3] == ["running", host] for line in lines[1:]), lines)
        self.assertSays(ctl("list", "nothing*"), 4, "nothing*: fits no unit that is enabled here, see: leasectl list")
        neither = "no such machine, and no such unit is enabled here, did you mean"
        self.assertSays(ctl("list", "jbos"), 4, f"jbos: {neither} '{units[2]}'?")
        self.assertSays(ctl("list", "jobs", "jbos"), 4, f"jbos: {neither} '{units[2]}'?")
        self.assertSays(ctl("list", host + "x"), 4, f"{host}x: {neither} '{host}'?")
        self.assertSays(ctl("list", "jobs", host), 2, f"list: {host} is a machine, and is listed alone")

    def test_a_name_with_what_a_shell_reads_is_quoted_in_commands(self):
        unit = self.unit(r"inst@a\x2db.service")
        self.assertSays(ctl("set", unit, "Version=1"), 4, f"{unit}: is not enabled here: leasectl enable '{unit}'")
        self.enable(unit)
        ctl("stop", unit, check=True)
        self.assertRegex(" ".join(ctl("-1").stdout.split()), r"; until: leasectl start 'inst@a\\x2db\.service' ")

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


class OnlyElsewhere(WithBeta):
    def test_a_unit_that_is_only_elsewhere_is_listed_there(self):
        unit = self.theirs_alone("away.service")
        self.assertSays(ctl("list", "away"), 4, f"{unit}: not enabled here, but on beta: leasectl list beta")
        self.assertEqual([each["unit"] for each in shown("list", "beta") if each["unit"] == unit], [unit])


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
        self.assertRegex(ctl("status", unit).stdout, rf"Journal: on beta: journalctl -u {unit}\n\Z")

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

    def test_a_machine_that_answers_without_end_is_given_up(self):
        self.addCleanup(os.unlink, "/usr/local/sbin/ssh")
        unit = self.enable("endless.service", state="running")
        self.offer(unit, active="active", since=1)
        put(f"leases/{unit}", self.lease("held", 70))
        wait_for("beta has it", lambda: "On beta" in ctl("status", unit).stdout)
        for script in ("exec yes", "exec cat /dev/zero", "exec yes >&2"):
            self.ssh(script)
            for verb in ("logs", "prove"):
                done = run("prlimit", f"--as={1 << 30}", f"--fsize={1 << 29}", "leasectl", verb, unit, check=False)
                self.assertEqual(done.returncode, {"logs": 1, "prove": 6}[verb], done.stderr)
                self.assertIn("the journal of beta cannot be read over SSH, it is too long", done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertRegex(ctl("status", unit).stdout, rf"Journal: on beta: journalctl -u {unit}\n\Z")

    def test_ctrl_c_ends_the_ssh_that_is_waited_for(self):
        self.addCleanup(os.unlink, "/usr/local/sbin/ssh")
        unit = self.enable("hasty.service", state="running")
        self.offer(unit, active="active", since=1)
        put(f"leases/{unit}", self.lease("held", 70))
        wait_for("beta has it", lambda: "On beta" in ctl("status", unit).stdout)
        self.ssh("echo $$ >/run/ssh-new; mv /run/ssh-new /run/ssh-runs; exec sleep infinity")
        for verb in ("logs", "prove", "history"):
            pid, terminal = pty.fork()
            if pid == 0:
                signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell has us ignore it if we run in its background
                os.execvpe("leasectl", ["leasectl", "--no-pager", verb, unit], ENVIRONMENT)
            self.addCleanup(os.close, terminal)
            ssh = wait_for("ssh runs", lambda: os.path.exists("/run/ssh-runs") and read("/run/ssh-runs").strip())
            os.unlink("/run/ssh-runs")
            os.write(terminal, b"\x03")
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), -signal.SIGINT, verb)
            wait_for(f"the ssh of {verb} is gone", lambda ssh=ssh: not os.path.exists(f"/proc/{ssh}"))

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


class Elsewhere(WithBeta):
    """beta had the lease from 1 to 2 o'clock, and from 5 to 6; nobody has had it since. What beta's own journal knows comes over SSH."""
    HOUR = 3600 * 10 ** 6

    def setUp(self):
        super().setUp()
        put("leases/away.service", {**self.lease("free", 7), "tenures": [
            {"machine_id": BETA, "index": 6, "from": 1 * self.HOUR, "to": 2 * self.HOUR, "why": "released"},
            {"machine_id": BETA, "index": 7, "from": 5 * self.HOUR, "to": 6 * self.HOUR, "why": "expired"}]})
        wait_for("it is known", lambda: ctl("history", "--here", "away.service").returncode == 0)
        self.addCleanup(os.unlink, "/usr/local/sbin/ssh")

    def ssh(self, script):
        write("/usr/local/sbin/ssh", f"#!/bin/sh\necho \"$@\" >>/run/ssh-was\n{script}\n")
        os.chmod("/usr/local/sbin/ssh", 0o755)
        write("/run/ssh-was", "")

    def told(self, number, *outages, **more):
        """A row as beta would print it."""
        return {"lease": "away.service", "machine_id": BETA, "hostname": "beta", "index": number, "from_usec": 5 * self.HOUR, "to_usec": 6 * self.HOUR,
                "why": "expired", "code": 1, "by": "", "outages": list(outages), "outages_known": True, **more}

    def outage(self, **more):
        return {"from_usec": 5 * self.HOUR + 60 * 10 ** 6, "to_usec": 5 * self.HOUR + 120 * 10 ** 6, "why": "stopped by hand", "code": 121, **more}

    def says(self, *rows):
        write("/run/beta-says", json.dumps(rows) if rows and isinstance(rows[0], dict) else rows[0])
        self.ssh("cat /run/beta-says")

    NOTE = "Outages on beta are not known here: leasectl history away.service there"

    def test_outages_on_another_machine_are_shown(self):
        outage = self.outage(by="root@gamma")
        self.says(self.told(7, outage), self.told(6, from_usec=self.HOUR, to_usec=2 * self.HOUR))
        rows = shown("history", "away")
        self.assertEqual([(each["index"], each["outages"], each["outages_known"]) for each in rows], [(6, [], True), (7, [outage], True)])
        self.assertIn("-o BatchMode=yes", read("/run/ssh-was"))
        self.assertIn(" -- beta leasectl history --here --json=short -- 'away.service'\n", read("/run/ssh-was"))
        said = ctl("history", "away", check=True).stdout
        self.assertRegex(said, r"(?m)^  1970-01-01 \d\d:\d\d to \d\d:\d\d down 1min 0s: stopped by hand, root@gamma$")
        self.assertNotIn("not known", said)
        self.assertIn("\n  down ", ctl("history", "--picture", "away", check=True).stdout)
        self.assertIn(" -- beta leasectl history --here --json=short --\n", [ctl("history"), read("/run/ssh-was")][1])

    def test_a_tenure_that_only_its_machine_remembers_is_shown(self):
        self.says(self.told(4, from_usec=self.HOUR // 4, to_usec=self.HOUR // 2, why="transfer", by="anna@beta"), self.told(9),
                  self.told(5, lease="another.service"), self.told(3, machine_id="dead" * 8))
        rows = shown("history", "away")
        self.assertEqual([(each["index"], each["hostname"], each["why"]) for each in rows],
                         [(4, "beta", "transfer"), (6, "beta", "released"), (7, "beta", "expired")])
        self.assertIn("transfer by anna@beta", ctl("history", "away", check=True).stdout)

    def test_a_machine_whose_outages_cannot_be_read_is_named(self):
        self.ssh("exit 255")
        self.assertEqual([each["outages_known"] for each in shown("history", "away")], [False, False])
        for option in ((), ("--picture",)):
            self.assertEqual(ctl("history", *option, "away", check=True).stdout.splitlines()[-1], self.NOTE)
        self.assertNotIn("not known", ctl("history", "--no-legend", "away", check=True).stdout)
        ctl("history", "--picture=/run/away.svg", "away", check=True)
        self.assertIn(f">{self.NOTE}</text>", read("/run/away.svg"))
        self.assertRegex(ctl("history", check=True).stdout, r"(?m)^Outages on beta are not known here: leasectl history there$")

    def test_here_asks_nobody(self):
        self.ssh("exit 255")
        self.assertEqual(ctl("history", "--here", "away", check=True).stdout.splitlines()[-1], self.NOTE)
        self.assertEqual(read("/run/ssh-was"), "")
        self.assertSays(ctl("list", "--here"), 2, "--here: not an option of leasectl list, see: leasectl help list")

    def test_a_machine_that_had_none_of_the_tenures_is_not_asked(self):
        self.ssh("exit 255")
        unit = self.enable("own-only.service")
        self.assertEqual([each["outages_known"] for each in shown("history", unit)], [True])
        self.assertEqual(read("/run/ssh-was"), "")

    def test_an_answer_that_does_not_come_is_waited_for_so_long_and_that_is_told(self):
        self.ssh("exec sleep infinity")
        done = ctl("history", "away")
        self.assertEqual((done.returncode, done.stderr), (0, "history: asks beta for its outages\n"))
        self.assertEqual(done.stdout.splitlines()[-1], self.NOTE)

    def test_what_no_leasectl_says_is_not_believed_and_not_printed(self):
        bad = "\x1b[2J"
        for text in ("", "nonsense", "{}", "[[[[", "[" * 100000, "null", '[{"lease":1}]', '"' + bad + '"', "[null, 7, []]", "\xff"):
            with self.subTest(text[:20]):
                self.says(text)
                self.assertEqual(ctl("history", "away", check=True).stdout.splitlines()[-1], self.NOTE)
        hour = self.HOUR
        for more in ({"from_usec": 1}, {"from_usec": -1}, {"from_usec": "1"}, {"from_usec": 5.5 * hour}, {"from_usec": 8 * hour}, {"to_usec": 5 * hour},
                     {"to_usec": 2 ** 62}, {"to_usec": "now"}, {"to_usec": True}, {"why": 7}, {"why": "x" * 5000}, {"why": None}, {"code": "121"},
                     {"code": -1}, {"code": 10 ** 9}, {"by": []}, {"by": "x" * 500}, {"refused": "no unit"}, {"refused": 1}):
            with self.subTest(more):
                self.says(self.told(7, self.outage(), self.outage(**more)))
                row = shown("history", "away")[-1]
                self.assertEqual((row["outages"], row["outages_known"]), ([], False))
        self.says(self.told(7, 1), self.told(4, index="4"), self.told(4, from_usec=2 ** 62), self.told(-4), self.told(4, why=bad * 1000),
                  self.told(4, to_usec=1), self.told(4, from_usec=1, to_usec=2, outages_known=1))
        self.assertEqual([(each["index"], each["outages"]) for each in shown("history", "away")], [(6, []), (7, [])])
        self.says(self.told(7, self.outage(why=bad, by=bad, more=bad), more=bad, outages_known=True), self.told(5, from_usec=hour // 2, to_usec=hour, why=bad))
        rows = shown("history", "away")
        self.assertEqual(rows[-1]["outages"], [self.outage(why="\\x1b[2J", by="\\x1b[2J")])
        self.assertEqual((rows[0]["index"], rows[0]["why"], "more" in rows[-1]), (5, "\\x1b[2J", False))
        for option in ((), ("--picture",), ("--json",), ("--no-legend",)):
            self.assertNotIn("\x1b", ctl("history", *option, "away", check=True).stdout)

    def test_an_answer_without_an_end_is_cut_off(self):
        self.ssh("exec yes '['")
        self.assertEqual(ctl("history", "away", check=True).stdout.splitlines()[-1], self.NOTE)

    def test_a_name_that_is_none_of_a_host_is_not_asked(self):
        self.addCleanup(self.put_beta)
        self.ssh("echo []")
        for name in ("beta;reboot", "-oProxyCommand=reboot"):
            self.put_beta(hostname=name)
            wait_for("it is known", lambda: any(each["hostname"] == name for each in shown("machines")))
            self.assertIn(f"Outages on {name} are not known here", ctl("history", "away", check=True).stdout)
        self.assertEqual(read("/run/ssh-was"), "")

    def test_host_asks_that_machine_unless_it_is_this_one(self):
        """What stands behind -H is this machine, so that its journal is read here, and beta is asked as ever."""
        unit = self.enable("from-afar.service")
        self.ssh('case "$*" in *stdio-bridge*) exec systemd-stdio-bridge ;; esac; exit 255')
        self.assertEqual([each["outages_known"] for each in json.loads(ctl("-H", "afar", "history", "--json=short", unit).stdout)], [True])
        self.assertEqual(ctl("-H", "afar", "history", "away").stdout.splitlines()[-1], self.NOTE)
        self.assertIn(" -- beta leasectl history ", read("/run/ssh-was"))
        os.rename("/etc/machine-id", "/etc/machine-id-was")
        self.addCleanup(os.rename, "/etc/machine-id-was", "/etc/machine-id")
        write("/etc/machine-id", "5" * 32 + "\n")
        ctl("-H", "afar", "history", unit)
        self.assertIn(f" -- afar leasectl history --here --json=short -- '{unit}'\n", read("/run/ssh-was"))

    def test_who_may_not_read_the_journal_is_told_so(self):
        unit = self.enable("closed.service")
        self.ssh("exit 255")
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "leasectl", "history")
        self.assertEqual(run(*nobody, unit).stdout.splitlines()[-1], "Outages on this machine are not known: you may not read its journal.")


if __name__ == "__main__":
    main()
