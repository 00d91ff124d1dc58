#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""leasectl prove, on journals that the test makes: what is proven of a unit's tenures, and what is not, and why.

    test-leasectl-prove.py LEASECTL MESSAGE_IDS SCHEMA
"""

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import unittest

from schema import Schema

LEASECTL, IDS, SCHEMA = (sys.argv.pop(1) for _ in range(3))
ID = dict(re.findall(r'MESSAGE_(\w+) "(\w+)"', open(IDS).read()))
ENDED, START = "7ad2d189f7e94e70a38c781354912448", "39f53479d3a045ac8e11786248231fbf"
UNIT = "web.service"


class Machine:
    """A journal in the making. at: seconds after an hour of 2026, by the machine's clock."""

    def __init__(self, name):
        self.name, self.boot, self.lines = name, "b1", []

    def _add(self, at, **fields):
        self.lines.append(json.dumps({"_MACHINE_ID": self.name * 4, "_HOSTNAME": self.name, "_BOOT_ID": self.boot,
                                      "__REALTIME_TIMESTAMP": str(int(1795000000e6 + at * 1e6)), "__CURSOR": f"{self.name}{len(self.lines)}",
                                      "__MONOTONIC_TIMESTAMP": str(int(at * 1e6)), **fields}))
        return self

    def leased(self, at, what, index, revision=None, **fields):
        if revision is not None:
            fields["LEASE_REVISION"] = str(revision)
        return self._add(at, _PID="7", _SYSTEMD_UNIT="leased.service", UNIT=UNIT, LEASE=UNIT, MESSAGE_ID=ID[what], LEASE_INDEX=str(index),
                         **fields)

    def guard_down(self, at, index):
        return self._add(at, _PID="8", _SYSTEMD_UNIT="leased-guard.service", UNIT=UNIT, MESSAGE_ID=ID["GUARD_DOWN"], LEASE_INDEX=str(index))

    def pid1(self, at, run, what):
        return self._add(at, _PID="1", UNIT=UNIT, MESSAGE_ID=what, INVOCATION_ID=run)

    def other(self, at, **fields):
        return self._add(at, MESSAGE="of something else", **fields)

    def acquires(self, at, index, revision):
        return self.leased(at, "ACQUIRED", index, revision).pid1(at + 0.1, f"run{index}", START).leased(at + 0.2, "STARTED", index)

    def says(self, at, run):
        return self._add(at, _PID="99", _SYSTEMD_UNIT=UNIT, _SYSTEMD_INVOCATION_ID=run)

    def ends(self, at, index):
        return self.pid1(at, f"run{index}", ENDED)

    def releases(self, at, index, revision):
        return self.ends(at, index).leased(at + 0.1, "STOPPED", index).leased(at + 0.2, "RELEASED", index, revision)

    def boots(self, at):
        self.boot += "'"
        return self.other(at)


class Prove(unittest.TestCase):
    def prove(self, *machines, options=(), raw=None):
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for number, machine in enumerate(machines):
                paths.append(os.path.join(directory, f"{number}-{machine.name}"))
                with open(paths[-1], "w") as file:
                    file.write("\n".join(machine.lines) + "\n" if raw is None else raw)
            return subprocess.run([LEASECTL, *options, "prove", UNIT, *paths], capture_output=True, text=True, timeout=60,
                                  env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere"})

    def values(self, *machines, options=()):
        done = self.prove(*machines, options=["--json=short", *options])
        said = json.loads(done.stdout)
        self.assertEqual(Schema(SCHEMA).faults("prove", said), [])
        return said, done.returncode

    def first(self, *machines, options=()):
        """The exit code, and verdict, means and reason of the first move."""
        said, code = self.values(*machines, options=options)
        move = said["moves"][0]
        return code, move["verdict"], move["by"], move["why"]

    def test_a_lease_that_was_given_away_is_proven_by_revisions_whatever_the_clocks_say(self):
        alpha = Machine("alpha").acquires(1, 1, 10).releases(3, 1, 20)
        for at in (3.5, 2.0, -3600):
            done = self.prove(alpha, Machine("beta").acquires(at, 2, 21).says(at + 9, "run2"))
            self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
            self.assertIn("alpha 1 -> beta 2: proven, by the order of revisions in the registry", done.stdout)
            self.assertIn("alpha: leased: the lease is given away, revision 20\n", done.stdout)
            self.assertIn("beta: leased: the lease is acquired, revision 21\n", done.stdout)
            self.assertEqual([line for line in done.stdout.splitlines() if len(line) > 80], [])
            self.assertEqual("the second was first" in done.stdout, at < 3)
        self.assertEqual(self.first(Machine("beta").acquires(9, 2, 19).other(20), alpha)[1:], ("unproven", None, "clocks"))

    def test_each_tenure_has_its_index_and_where_its_entries_are_found(self):
        said, _ = self.values(Machine("alpha").acquires(1, 4, 10).releases(3, 4, 20))
        tenure = said["tenures"][0]
        self.assertEqual((tenure["index"], tenure["boot_id"], tenure["invocations"]), (4, "b1", ["run4"]))
        self.assertEqual([tenure[mark]["cursor"] for mark in ("acquired", "first", "ended", "empty", "left")],
                         ["alpha0", "alpha1", "alpha3", "alpha4", "alpha5"])
        self.assertEqual((tenure["left"]["revision"], tenure["ended"]["monotonic_usec"]), (20, 3000000))

    def test_what_was_taken_by_time_is_ordered_by_clocks_only_and_as_sure_as_these(self):
        alpha = Machine("alpha").acquires(1, 1, 10).ends(3, 1).guard_down(3.1, 1).other(9)
        beta = Machine("beta").acquires(3.6, 2, 30).other(9)
        self.assertEqual(self.first(alpha, beta), (6, "unproven", None, "clocks"))
        self.assertIn("only two clocks say that 0.500 s lay between", " ".join(self.prove(alpha, beta).stdout.split()))
        self.assertEqual(self.first(alpha, beta, options=["--clocks=100ms"]), (0, "proven", "clocks", None))
        self.assertEqual(self.first(alpha, beta, options=["--clocks=600ms"]), (6, "unproven", None, "clocks"))

    def test_no_end_is_taken_for_granted(self):
        beta = Machine("beta").acquires(20, 2, 30).other(30)
        for alpha, why in ((Machine("alpha").acquires(1, 1, 10), "no-end"),
                           (Machine("alpha").acquires(1, 1, 10).other(9), "no-end"),
                           (Machine("alpha").acquires(1, 1, 10).ends(3, 1).other(9), "not-empty"),
                           (Machine("alpha").acquires(1, 1, 10).ends(3, 1).leased(3.1, "STOPPED", 1, LEASE_AT_USEC="1795000003050000").other(9),
                            "not-empty"),  # journald did not take it when it was written
                           (Machine("alpha").acquires(1, 1, 10).releases(3, 1, 11).says(5, "run1").other(9), "wrote-later"),
                           (Machine("alpha").acquires(1, 1, 10).boots(25), "journal-breaks-off")):
            self.assertEqual(self.first(alpha, beta, options=["--clocks=1ms"]), (6, "unproven", None, why))
            self.assertIn("not proven, the journal of alpha", " ".join(self.prove(alpha, beta).stdout.split()))
        early = Machine("alpha").acquires(1, 1, 10).boots(15)
        self.assertEqual(self.first(early, beta, options=["--clocks=1ms"]), (0, "proven", "clocks", None))

    def test_a_journal_that_is_missing_is_named(self):
        alpha, gamma = Machine("alpha").acquires(1, 1, 10).releases(3, 1, 20), Machine("gamma").acquires(9, 3, 40).other(10)
        self.assertEqual(self.first(alpha, gamma), (6, "unproven", None, "no-journal"))
        self.assertIn("no journal here tells of Index 2, which another machine may have had",
                      " ".join(self.prove(alpha, gamma).stdout.split()))
        gamma.leased(10, "TENURE", 2, MACHINE="beta (1234)")
        self.assertIn("Index 2, which beta (1234) had", " ".join(self.prove(alpha, gamma).stdout.split()))
        beta = Machine("beta").acquires(4, 2, 20).releases(6, 2, 30)
        self.assertEqual(self.prove(alpha, beta, gamma).returncode, 0)

    def test_tenures_that_overlap_also_where_they_are_not_neighbours(self):
        alpha = Machine("alpha").acquires(1, 1, 10).says(3.8, "run1").ends(4, 1).other(9)
        self.assertEqual(self.first(alpha, Machine("beta").acquires(3.5, 2, 20).other(9)), (1, "overlap", None, None))
        said, code = self.values(alpha, Machine("beta").acquires(2, 2, 20).releases(2.5, 2, 30), Machine("gamma").acquires(3, 3, 30).other(9))
        self.assertEqual((code, [(each["from"], each["to"], each["verdict"]) for each in said["moves"]]),
                         (1, [(0, 1, "overlap"), (0, 2, "overlap"), (1, 2, "proven")]))

    def test_the_beginning_is_before_the_write_or_the_order_proves_nothing(self):
        alpha = Machine("alpha").acquires(1, 1, 10).releases(3, 1, 20)
        beta = Machine("beta").pid1(3.5, "run2", START).leased(4, "ACQUIRED", 2, 21).other(9)
        self.assertEqual(self.first(alpha, beta), (6, "unproven", None, "clocks"))

    def test_a_run_of_which_leased_says_nothing_proves_nothing(self):
        self.assertEqual(self.first(Machine("alpha").pid1(1, "i", START).pid1(2, "i", ENDED).other(3), Machine("beta").acquires(4, 2, 20)),
                         (6, "unproven", None, "no-index"))

    def test_what_others_wrote_of_the_unit_does_not_count(self):
        forged = {"UNIT": UNIT, "MESSAGE_ID": ENDED, "INVOCATION_ID": "run1", "_PID": "5"}
        alpha = Machine("alpha").acquires(1, 1, 10).other(2, **forged)
        alpha.other(2.1, UNIT=UNIT, MESSAGE_ID=ID["RELEASED"], LEASE_INDEX="1", LEASE_REVISION="11", _SYSTEMD_UNIT="web.service")
        alpha.other(9)
        self.assertEqual(self.first(alpha, Machine("beta").acquires(3, 2, 20).other(9))[1:], ("unproven", None, "no-end"))

    def test_a_unit_with_copies_is_refused_for_two_of_them_may_live_at_once(self):
        alpha, beta = (Machine(name).leased(5, "ACQUIRED", 1, 10) for name in ("alpha", "beta"))
        beta.lines = [line.replace(f'"LEASE": "{UNIT}"', f'"LEASE": "{UNIT}#2"') for line in beta.lines]
        done = self.prove(alpha, beta)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("web.service has copies", done.stderr)

    def test_no_tenure_and_files_that_cannot_be_read(self):
        done = self.prove(Machine("alpha").other(1))
        self.assertEqual((done.returncode, done.stdout.strip()), (0, "No tenure of it is in these journals."))
        done = self.prove(Machine("alpha"), raw='{"_MACHINE_ID": "a"}\nNov 28 alpha systemd[1]: Started.\n')
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r'^leasectl: .*alpha:2: no entry of a journal; expected is what "journalctl -o json" writes\n$')
        done = self.prove(Machine("alpha").other(1), Machine("alpha").other(2))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "alpha:1: an entry of a machine of which another file has entries; give one file for each machine")
        missing = subprocess.run([LEASECTL, "prove", UNIT, "/nowhere"], capture_output=True, text=True)
        self.assertEqual((missing.returncode, missing.stderr), (1, "leasectl: /nowhere: No such file or directory\n"))

    def test_a_file_without_an_end_takes_neither_all_memory_nor_for_ever(self):
        def bound():
            resource.setrlimit(resource.RLIMIT_AS, (512 * 1024 * 1024,) * 2)
        done = subprocess.run([LEASECTL, "prove", UNIT, "/dev/zero"], capture_output=True, text=True, timeout=60, preexec_fn=bound)
        self.assertEqual((done.returncode, done.stderr),
                         (1, "leasectl: /dev/zero:1: a line of more than 1 MiB, or more runs and tenures than can be judged\n"))
        alpha = Machine("alpha")
        for n in range(2001):
            alpha.leased(n, "ACQUIRED", n + 1, n + 1)
        done = self.prove(alpha)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("alpha:2001: a line of more than 1 MiB, or more runs and tenures than can be judged", done.stderr)

    def test_what_the_command_line_may_say(self):
        for options, told in ((["--clocks=much"], "--clocks=much: expected is a span"), (["--since=$(id)"], "expected is a time"),
                              (["--since=today"], "--since= is for journals that are asked for")):
            done = self.prove(Machine("alpha").other(1), options=options)
            self.assertEqual(done.returncode, 2)
            self.assertIn(told, done.stderr)
        done = subprocess.run([LEASECTL, "prove", "a/b", "/dev/null"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (4, "leasectl: a/b: is no name of a unit\n"))


if __name__ == "__main__":
    unittest.main()
