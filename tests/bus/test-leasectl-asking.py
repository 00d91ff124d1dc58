#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A verb is carried out by the machine that holds the unit, on whichever machine it is given.

    run-in-guest test-leasectl-asking.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
"""

import json
import os
import pty
import re
import signal
import subprocess

from leasectl_beta import BETA, REGISTRY, TwoSecondCase, WithBeta, put, shown
from leasectl_guest import ENVIRONMENT, HERE, SLEEPER, ctl, main, property_of, read, run, wait_for, write

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


class Here(TwoSecondCase):
    def test_a_unit_that_is_here_is_stopped_started_and_restarted(self):
        unit, host = self.enable("here.service"), os.uname().nodename
        index, run_before = self.index(unit), property_of(unit, "InvocationID")
        self.assertEqual(ctl("restart", unit, check=True).stdout, f"{unit}: restarted on {host}\n")
        self.assertNotEqual(property_of(unit, "InvocationID"), run_before)
        self.assertEqual(ctl("stop", "here", check=True).stdout, f"{unit}: stopped on {host}, until: leasectl start {unit}\n")
        self.assertEqual(property_of(unit, "ActiveState"), "inactive")
        self.assertEqual(ctl("stop", "here", check=True).stdout, f"{unit}: is stopped on {host} already, until: leasectl start {unit}\n")
        self.assertEqual(ctl("start", unit, check=True).stdout, f"{unit}: started on {host}\n")
        self.assertEqual(ctl("start", unit, check=True).stdout, f"{unit}: runs on {host} already\n")
        self.assertEqual((property_of(unit, "ActiveState"), self.index(unit)), ("active", index))

    def test_what_is_not_waited_for_is_said_to_have_begun(self):
        unit, host = self.enable("begun.service"), os.uname().nodename
        self.assertEqual(ctl("restart", "--no-wait", unit, check=True).stdout, f"{unit}: {host} has begun: restart\n")
        wait_for("it has restarted", lambda: property_of(unit, "ActiveState") == "active")
        self.assertEqual(ctl("release", "--no-wait", unit, check=True).stdout, f"{unit}: this machine has begun: release\n")

    def test_polkits_agent_is_there_while_it_may_be_needed(self):
        program, noted = "/usr/bin/pkttyagent", "/tmp/agent"
        write(program, f'#!/bin/sh\necho "$@" $$ >{noted}\neval "exec $2>&-"\nexec sleep 1000\n')
        os.chmod(program, 0o755)
        self.addCleanup(os.unlink, program)
        unit = self.enable("locked.service")
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        for user, expected in (((), None), (NOBODY, r"\A--notify-fd \d+ --fallback (\d+)\n\Z")):
            subprocess.run([*user, "leasectl", "stop", unit], stdin=slave, capture_output=True, env=ENVIRONMENT, timeout=60)
            self.assertEqual(os.path.exists(noted), expected is not None)
        os.close(slave)
        agent = re.match(expected, read(noted))
        self.assertFalse(os.path.exists(f"/proc/{agent[1]}"))
        os.unlink(noted)

    def test_the_history_keeps_who_asked(self):
        unit = self.enable("asked-for.service")
        ctl("release", unit, check=True)
        answer = run("busctl", "--json=short", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "GetHistory", "s", unit)
        self.assertEqual(json.loads(answer.stdout)["data"][2][-1], f"root@{os.uname().nodename}"[:39])


class Elsewhere(WithBeta):
    def test_a_unit_that_is_not_enabled_here_is_released_where_it_is(self):
        unit = self.theirs_alone("afar.service")
        asking = self.begin("release", "afar")
        record = self.answer("begun")
        self.assertEqual([record[each] for each in ("verb", "unit", "machine_id", "index", "stage", "by")],
                         ["release", unit, "", 7, "asked", f"root@{os.uname().nodename}"[:39]])
        put(f"leases/{unit}", self.lease("free", 8))
        self.assertEnds(asking, 0, f"{unit}: released, nobody holds it yet\n")
        self.assertSays(ctl("release", unit), 3, f"{unit}: nobody holds its lease now, see: leasectl")

    def test_of_a_unit_that_has_failed_it_is_said_where_and_how_it_starts_again(self):
        unit = self.enable("fails.service", "[Service]\nExecStart=/bin/false\n", "failed")
        wait_for("nobody holds it", lambda: not self.row(unit)["held"])
        host = os.uname().nodename
        self.assertSays(ctl("restart", unit), 3, f"{unit}: has failed on {host}; when it is repaired, there: leasectl steal {unit}")
        status = ctl("status", unit).stdout
        self.assertRegex(status, r"Holder: nobody\n +Free since: \S+ .*\n +Index: \d+\n")
        self.assertIn(f" Next: it has failed on {host}; when it is repaired, there: leasectl steal {unit}\n", " ".join(status.split(" ")))
        self.assertRegex(status, rf"(?s)\n\n[^\n]*{unit}.*lease released[^\n]*failed")  # its journal
        self.assertRegex(" ".join(ctl("-1").stdout.split()),
                         rf"{unit} runs nowhere, for \S+ \({host}: failed, exit-code\); on {host}: journalctl -u {unit}")
        self.unit(unit)  # repaired
        wait_for("it has been read anew", lambda: "systemd has not loaded its gate" not in ctl("status", unit).stdout)
        done = ctl("steal", unit, check=True)
        self.assertRegex(done.stdout, rf"(?m)^{unit}: taken: {host} has it \(Index \d+\), and (starts|runs) it$")
        wait_for("it runs", lambda: property_of(unit, "ActiveState") == "active")

    def test_a_unit_that_stands_by_here_is_released_where_it_is(self):
        unit = self.enable("stands-by.service", SLEEPER + "[X-Leased]\nRequire=rack=b1\n", "waiting")
        put(f"leases/{unit}", self.lease("held", 7))
        self.addCleanup(put, f"leases/{unit}", self.lease("free", 1000))
        wait_for("beta holds it", lambda: self.row(unit)["machine_id"] == BETA)
        asking = self.begin("release", unit)
        self.assertEqual(self.answer("begun")["verb"], "release")
        put(f"leases/{unit}", self.lease("free", 8))
        self.assertEnds(asking, 0, f"{unit}: released, nobody holds it yet\n")

    def test_a_release_that_the_holder_has_undone_is_not_waited_for(self):
        unit = self.theirs_alone("undone.service")
        asking = self.begin("release", unit)
        self.answer("begun")
        put(f"offers/{BETA}/{unit}", {"lease": unit, "version": 0, "conflicts": "", "replaces": "", "why": "", "active": "active", "since": 2})
        self.assertEnds(asking, 1, "", f"{unit}: its holder lets go of it\n"
                                       f"leasectl: {unit}: was not released: beta has started it again, as it does when leased is restarted\n")

    def test_a_rearm_is_done_although_nobody_takes_the_unit(self):
        unit = self.theirs_alone("rearmed.service", active="inactive")
        self.put_leases([unit], "done", 8)
        asking = self.begin("rearm", unit)
        self.answer("begun")
        put(f"leases/{unit}", self.lease("free", 8))
        self.assertEnds(asking, 0, f"{unit}: rearmed, nobody holds it yet\n")

    def test_a_job_that_its_machine_has_undone_is_not_waited_for(self):
        unit = self.theirs_alone("in-vain.service")
        for verb, since, active, said in (("stop", 1, "active", "was not stopped, it is running"),
                                          ("restart", 2, "inactive", "was not restarted, it is stopped"),
                                          ("start", 2, "inactive", "was not started, it is stopped")):
            asking = self.begin(verb, unit)
            self.answer("begun")
            put(f"offers/{BETA}/{unit}", {"lease": unit, "version": 0, "conflicts": "", "replaces": "", "why": "", "active": active,
                                          "since": since})
            self.assertEqual(asking.wait(60), 1)
            self.assertEqual(asking.communicate()[1].splitlines()[-1], f"leasectl: {unit}: {said} on beta, see: leasectl status {unit}")

    def test_what_the_holder_refuses_is_told_with_its_reason(self):
        unit = self.theirs_alone("refused.service")
        asking = self.begin("restart", unit)
        self.answer("refused", code=180)
        self.assertEnds(asking, 1, "", f"leasectl: {unit}: cannot be restarted: it is just being started or stopped there\n")
        asking = self.begin("transfer", unit, self.here()["machine_id"])
        self.answer("refused", code=38)
        said = asking.communicate(timeout=60)[1]
        self.assertEqual(asking.returncode, 1)
        self.assertRegex(said, rf"\Aleasectl: {unit}: cannot go to {os.uname().nodename}: draining\n")
        for verb in ("release", "stop", "start", "restart", "rearm"):
            self.assertSays(ctl(verb, "nowhere"), 4, "nowhere.service: not enabled on any machine, see: leasectl")

    def test_a_unit_is_stopped_started_and_restarted_where_it_is(self):
        unit = self.theirs_alone("distant.service")
        for verb, since, said in (("stop", 2, f"stopped on beta, until: leasectl start {unit}"),
                                  ("start", 3, "started on beta"), ("restart", 4, "restarted on beta")):
            asking = self.begin(verb, unit)
            self.assertEqual(self.answer("begun")["verb"], verb)
            put(f"offers/{BETA}/{unit}", {"lease": unit, "version": 0, "conflicts": "", "replaces": "", "why": "", "since": since,
                                          "active": "inactive" if verb == "stop" else "active"})
            self.assertEnds(asking, 0, f"{unit}: {said}\n")
        asking = self.begin("restart", "--no-wait", unit)
        self.answer("begun")
        self.assertEnds(asking, 0, f"{unit}: beta has begun: restart\n")

    def test_many_units_are_asked_for_at_once(self):
        """No unit waits until the one before it has stopped."""
        units = [self.theirs_alone(f"many-{i}.service") for i in range(3)]
        asking = self.begin("stop", "many-*", units[0])
        asked = wait_for("all are asked for", lambda: len(found := self.all_asked()) == 3 and found)
        for key, record in asked:  # all of them first: a machine that does not answer in time is not waited for
            put(key, {**record, "stage": "begun"})
        for _, record in asked:
            put(f"offers/{BETA}/{record['unit']}", {"lease": record["unit"], "version": 0, "conflicts": "", "replaces": "", "why": "",
                                                    "since": 2, "active": "inactive"})
        out = asking.communicate(timeout=60)[0]
        self.assertEqual((asking.returncode, out), (0, "".join(f"{unit}: stopped on beta, until: leasectl start {unit}\n" for unit in units)))
        asking = self.begin("stop", *units)
        wait_for("all are asked for", lambda: len(self.all_asked()) == 3)
        self.interrupt(asking)
        error = asking.communicate(timeout=60)[1]
        self.assertEqual((asking.returncode, sorted(error.splitlines())),
                         (-signal.SIGINT, [f"leasectl: {unit}: taken back, and nothing has begun" for unit in units]))
        self.assertEqual(self.all_asked(), [])

    def ask_for(self, count, *command):
        """A command that asks beta for so many units; none is waited for before all are asked for. The answer is that it began."""
        asking = self.begin(*command)
        asked = wait_for(f"{count} are asked for", lambda: len(found := self.all_asked()) == count and found)
        for key, record in asked:
            put(key, {**record, "stage": "begun"})
        return asking

    def put_gamma(self):
        """A third machine, as beta is: what a lease says of who holds it."""
        held = {"machine_id": "cafe" * 8, "session": "cafecafecafecafe-60000"}
        records = {f"fences/{held['session']}": {"counter": 0, "names": []},
                   f"machines/{held['machine_id']}": {"hostname": "gamma", "boot_id": "c" * 32, "session": held["session"], "metadata": "",
                                                      "version": "0", "draining": False},
                   f"beats/{held['session']}": {"machine_id": held["machine_id"], "nonce": "cafecafecafecafe-1"}}
        for key, value in records.items():
            put(key, value)
            self.addCleanup(run, f"{HERE}/put-record", REGISTRY, key, "")
        wait_for("gamma is up", lambda: any(each["hostname"] == "gamma" and each["up"] for each in shown("machines")))
        return held

    def put_leases(self, units, state, index):
        for unit in units:
            put(f"leases/{unit}", self.lease(state, index))
        wait_for(f"all are {state}", lambda: sum(each["lease"] in units and each["index"] == index for each in shown("list", "--all")) == len(units))

    def test_many_units_are_released_transferred_and_rearmed_at_once(self):
        """Those that are here with those that are elsewhere; what has become of them is told in the order of the command line."""
        here, host = self.enable("m-here.service"), os.uname().nodename
        theirs = [self.theirs_alone(f"m-{letter}.service") for letter in "acz"]  # before and behind "m-here" in the alphabet
        asking = self.ask_for(3, "release", "m-*", theirs[0])
        for unit in theirs:
            put(f"leases/{unit}", self.lease("free", 8))
        self.assertEnds(asking, 0, "".join(f"{unit}: released, nobody holds it yet\n" for unit in (*theirs[:2], here, theirs[2])))
        ctl("steal", here, check=True)

        gamma = self.put_gamma()
        self.put_leases(theirs, "held", 9)
        asking = self.ask_for(3, "transfer", theirs[0], here, *theirs[1:], "nowhere", host)
        for unit in theirs[:2]:
            put(f"leases/{unit}", {**self.lease("held", 10), **gamma})
        put(f"leases/{theirs[2]}", self.lease("free", 10))
        out, error = asking.communicate(timeout=60)
        self.assertEqual((asking.returncode, error.splitlines()),
                         (4, ["leasectl: nowhere.service: not enabled on any machine, see: leasectl",
                              *(f"leasectl: {unit}: was not handed to {host}, see: leasectl history {unit}" for unit in theirs)]))
        self.assertEqual(out, f"{theirs[0]}: handed over: gamma has it (Index 10), and starts it\n{here}: is held by {host} already\n"
                              f"{theirs[1]}: handed over: gamma has it (Index 10), and starts it\n{theirs[2]}: handed over, nobody holds it yet\n")
        self.put_leases(theirs, "held", 11)
        asking = self.ask_for(3, "transfer", *theirs, "gamma")
        for unit in theirs:
            put(f"leases/{unit}", {**self.lease("held", 12), **gamma})
        self.assertEnds(asking, 0, "".join(f"{unit}: handed over: gamma has it (Index 12), and starts it\n" for unit in theirs))

        self.put_leases(theirs, "done", 13)
        asking = self.ask_for(3, "rearm", *theirs, here)
        for unit in theirs:
            put(f"leases/{unit}", self.lease("free", 14))
        self.assertEnds(asking, 1, "".join(f"{unit}: rearmed, nobody holds it yet\n" for unit in theirs),
                        f"leasectl: {here}: is not done but running, there is nothing to rearm\n")

    def test_what_is_wrong_with_one_of_many_is_told_once_and_in_their_order(self):
        units = [self.theirs_alone(f"some-{i}.service") for i in range(3)]
        asking = self.begin("release", "--no-wait", *units)
        wait_for("all are asked for", lambda: len(self.all_asked()) == 3)
        asked = {record["unit"]: (key, record) for key, record in self.all_asked()}
        for unit, more in (units[2], {"stage": "refused", "code": 180}), (units[1], {"stage": "begun"}), (units[0], {"stage": "refused", "code": 38}):
            key, record = asked[unit]
            put(key, {**record, **more})
            wait_for("leased has read that", lambda key=key: key not in dict(self.all_asked()))
        self.assertEnds(asking, 1, f"{units[1]}: beta has begun: release\n",
                        f"leasectl: {units[0]}: cannot be released: draining\n"
                        f"leasectl: {units[2]}: cannot be released: it is just being started or stopped there\n")

    def test_a_command_that_is_interrupted_takes_back_what_has_not_begun(self):
        unit = self.theirs_alone("slow-to-answer.service")
        asking = self.begin("stop", unit)
        key, _ = wait_for("beta is asked", self.asked)
        self.interrupt(asking)
        self.assertEnds(asking, -signal.SIGINT, "", f"leasectl: {unit}: taken back, and nothing has begun\n")
        self.assertIsNone(self.asked(), key)

        asking = self.begin("stop", unit)
        self.answer("taken")
        self.interrupt(asking)
        self.answer("begun")
        self.assertEnds(asking, -signal.SIGINT, "", f"leasectl: {unit}: could not be taken back any more: it has begun, and goes on\n")

    def test_a_holder_that_does_not_answer_is_told_and_not_waited_for_long(self):
        unit = self.theirs_alone("hanging.service")
        asking = self.begin("stop", unit)
        self.assertEqual(asking.stderr.readline(), f"{unit}: beta is asked, and has not answered yet\n")
        self.assertEnds(asking, 1, "", f"leasectl: {unit}: cannot be stopped: the machine that was asked did not answer\n")
        self.assertIsNone(self.asked())

    def test_what_a_killed_command_has_asked_for_is_taken_back(self):
        unit = self.theirs_alone("forsaken.service")
        asking = self.begin("stop", unit)
        wait_for("beta is asked", self.asked)
        asking.kill()
        asking.communicate()
        wait_for("it is taken back", lambda: not self.asked())


if __name__ == "__main__":
    main()
