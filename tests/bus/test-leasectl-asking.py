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

from leasectl_beta import BETA, TwoSecondCase, WithBeta, put
from leasectl_guest import ENVIRONMENT, SLEEPER, ctl, main, property_of, read, run, wait_for, write

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

    def test_a_unit_that_stands_by_here_is_released_where_it_is(self):
        unit = self.enable("stands-by.service", SLEEPER + "[X-Leased]\nRequire=rack=b1\n", "waiting")
        put(f"leases/{unit}", self.lease("held", 7))
        self.addCleanup(put, f"leases/{unit}", self.lease("free", 1000))
        wait_for("beta holds it", lambda: self.row(unit)["machine_id"] == BETA)
        asking = self.begin("release", unit)
        self.assertEqual(self.answer("begun")["verb"], "release")
        put(f"leases/{unit}", self.lease("free", 8))
        self.assertEnds(asking, 0, f"{unit}: released, nobody holds it yet\n")

    def test_what_the_holder_refuses_is_told_with_its_reason(self):
        unit = self.theirs_alone("refused.service")
        asking = self.begin("restart", unit)
        self.answer("refused", code=180)
        self.assertEnds(asking, 1, "", f"leasectl: {unit}: It cannot be: it is just being started or stopped there.\n")
        asking = self.begin("transfer", unit, self.here()["machine_id"])
        self.answer("refused", code=38)
        said = asking.communicate(timeout=60)[1]
        self.assertEqual(asking.returncode, 1)
        self.assertRegex(said, rf"\Aleasectl: {unit}: It cannot go to {os.uname().nodename} \(\w+\): draining\.\n")
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
        self.assertEnds(asking, 1, "", f"leasectl: {unit}: It cannot be: the machine that was asked did not answer.\n")
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
