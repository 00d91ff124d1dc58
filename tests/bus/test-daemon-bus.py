#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon on a bus of its own: what it introspects is what dbus/ describes, and who may call what.

    test-daemon-bus.py LEASED DBUS_DIRECTORY PUT_RECORD POLKIT_STUB CALL_FLOOD CALL_BEHIND SLOW_READER ENGINE_LEADER
"""

import contextlib
import json
import os
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import unittest
import xml.etree.ElementTree as ElementTree

from catching_up import CatchingUp
from daemon_world import DBUS, DEADLINE, LEASED, LEASE_PATH, NAME, PATH, UNIT, UNIT_PATH, World, busctl, call, get, main, wait_for
from fleet_rows import FleetRows
from wrong_calls import WrongCalls

NO_GUARD = {"leased-guard.service does not answer": 57, "leased-guard.service does not run": 58}  # why no unit runs, by core/why.h
PUT_RECORD, POLKIT, FLOOD, BEHIND, SLOW_READER, ENGINE = (os.path.abspath(path) for path in sys.argv[3:9])


def members(interface):
    """An interface's XML as a comparable value: everything that a caller relies on."""
    found = {}
    for member in interface:
        if member.tag not in ("method", "signal", "property"):
            continue
        arguments = [(a.get("name"), a.get("type"), a.get("direction", "out" if member.tag == "signal" else "in"))
                     for a in member.findall("arg")]
        annotations = {a.get("name"): a.get("value") for a in member.findall("annotation")}
        if member.tag == "property":  # the default, which may be left out
            annotations.setdefault("org.freedesktop.DBus.Property.EmitsChangedSignal", "true")
        found[member.get("name")] = (member.tag, member.get("type"), member.get("access"), arguments, annotations)
    return found


def described(interface):
    tree = ElementTree.parse(os.path.join(DBUS, interface + ".xml"))
    return members(tree.getroot().find(f"interface[@name='{interface}']"))


def introspected(path, interface):
    answer = busctl("--xml-interface", "introspect", NAME, path)
    if answer.returncode != 0:
        raise AssertionError(answer.stderr)
    found = ElementTree.fromstring(answer.stdout).find(f"interface[@name='{interface}']")
    if found is None:
        raise AssertionError(f"no {interface} at {path}")
    return members(found)


class DaemonOnABus(CatchingUp, FleetRows, WrongCalls, unittest.TestCase):
    maxDiff = None
    SLOW_READER = SLOW_READER
    call, busctl, wait_for = staticmethod(call), staticmethod(busctl), staticmethod(wait_for)

    def machine_id(self):
        return get(PATH, "org.leased1.Manager", "MachineID")

    @staticmethod
    def get(name):
        return get(PATH, "org.leased1.Manager", name)

    def put_record(self, key, value, *number):
        subprocess.run([PUT_RECORD, "/var/lib/leased/registry", key, value, *number], check=True)

    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.world.start_bus()
        cls.world.start_daemon()
        cls.world.add_lease(PUT_RECORD)

    def setUp(self):
        self.assertIsNone(self.world.daemon.poll(), "the daemon has ended")

    def assert_error(self, answer, text):
        self.assertNotEqual(answer.returncode, 0, answer.stdout)
        self.assertIn(text, answer.stderr)

    def compare(self, path, interface):
        self.assertEqual(introspected(path, interface), described(interface))

    # what is there

    def test_manager_is_as_described(self):
        self.compare(PATH, "org.leased1.Manager")

    def test_unit_is_as_described(self):
        self.compare(UNIT_PATH, "org.leased1.Unit")

    def test_lease_is_as_described(self):
        self.compare(LEASE_PATH, "org.leased1.Lease")

    def test_every_property_can_be_read(self):
        for path, interface in ((PATH, "org.leased1.Manager"), (UNIT_PATH, "org.leased1.Unit"),
                                (LEASE_PATH, "org.leased1.Lease")):
            for name, member in described(interface).items():
                if member[0] == "property":
                    answer = busctl("get-property", NAME, path, interface, name)
                    self.assertEqual(answer.returncode, 0, f"{interface}.{name}: {answer.stderr}")
                    self.assertEqual(answer.stdout.split()[0], member[1], name)

    def test_objects_are_in_the_tree(self):
        tree = busctl("tree", "--list", NAME).stdout.split()
        self.assertIn(UNIT_PATH, tree)
        self.assertIn(LEASE_PATH, tree)
        answer = busctl("call", NAME, PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn(UNIT_PATH, answer.stdout)

    def test_what_is_known_of_the_machine_is_shown(self):
        self.assertEqual(get(PATH, "org.leased1.Manager", "Metadata"), {"region": "eu", "rack": "a1"})
        self.assertRegex(get(PATH, "org.leased1.Manager", "MachineID"), "^[0-9a-f]{32}$")
        self.assertEqual(get(PATH, "org.leased1.Manager", "Registry"), "local")
        wait_for("the registry", lambda: get(PATH, "org.leased1.Manager", "RegistryState") == "ok")
        wait_for("a beat", lambda: get(PATH, "org.leased1.Manager", "LastBeatUSec"))
        self.assertEqual(get(PATH, "org.leased1.Manager", "TTLUSec"), 2000000)
        machine = get(PATH, "org.leased1.Manager", "MachineID")
        wait_for("our own record", lambda: machine in call("ListMachines").stdout)

    def test_a_unit_without_pid_1_is_unknown_and_says_why_it_does_not_run(self):
        self.assertEqual(get(UNIT_PATH, "org.leased1.Unit", "ActiveState"), "unknown")
        self.assertTrue(get(UNIT_PATH, "org.leased1.Unit", "WhyNot"))

    # other machines, made of records

    def add_machine(self, name, digit, alive=True, **record):
        """Up for as long as one beat of it lasts: a minute. Returns its id."""
        session = f"{digit * 16}-60000"
        self.put_record(f"machines/{digit * 32}", json.dumps({
            "hostname": name, "boot_id": "b" * 32, "session": session, "metadata": "", "version": "0", "draining": False,
            **record}))
        if alive:
            self.put_record(f"fences/{session}", json.dumps({"counter": 0, "names": []}))
            self.put_record(f"beats/{session}", json.dumps({"machine_id": digit * 32, "nonce": f"{digit * 16}-1"}))
        wait_for(f"{name} is known", lambda: self.row_of(digit * 32))
        return digit * 32

    @staticmethod
    def row_of(machine_id):
        """machine_id hostname boot_id metadata held draining"""
        rows = json.loads(busctl("--json=short", "call", NAME, PATH, "org.leased1.Manager", "ListMachines").stdout)["data"][0]
        return next((row for row in rows if row[0] == machine_id), None)

    def offer(self, machine_id, unit, why="", **more):
        self.put_record(f"offers/{machine_id}/{unit}", json.dumps({
            "lease": unit, "version": 0, "conflicts": "", "replaces": "", "why": why, **more}))

    @staticmethod
    def add_unit(name, options="[X-Leased]\n"):
        with open("/etc/leased/units/" + name, "w", encoding="utf-8") as f:
            f.write(options)
        answer = call("Reload")
        if answer.returncode != 0:
            raise AssertionError(answer.stderr)
        return PATH + "/unit/" + name.replace(".", "_2e").replace("-", "_2d")

    @staticmethod
    def lines(path):
        pairs = get(path, "org.leased1.Unit", "WhyNot")
        return dict(map(tuple, pairs)) if pairs else {}

    def test_each_machine_is_told_with_one_line(self):
        self.wait_competing()
        path = self.add_unit("line.service", "[X-Leased]\nRequire=disk=ssd disk=nvme\n")
        by, other, back, without = (self.add_machine(f"line{i}", str(i), metadata="disk=ssd") for i in range(1, 5))
        lacking, silent = self.add_machine("line5", "5"), self.add_machine("line6", "6", alive=False)
        draining = self.add_machine("line7", "7", metadata="disk=nvme", draining=True)
        for each in (by, other, lacking, silent, draining):
            self.offer(each, "line.service")
        until = int(time.time()) + 86400 * 2
        self.offer(back, "line.service", "stands back", until=until * 1000000)
        self.wait_for("all is told", lambda: "stands back" in self.lines(path).get(back, "") and len(self.lines(path)) >= 8)
        lines = self.lines(path)
        self.assertEqual(lines[back], time.strftime("stands back until %Y-%m-%d %H:%M:%S", time.localtime(until)))
        self.assertEqual({lines[by], lines[other]}, {"stands by, first in line", "stands by, after 1 other"})
        self.assertEqual((lines[without], lines[lacking], lines[silent], lines[draining]),
                         ("it is not enabled there", "missing metadata disk=ssd", "it is silent", "draining"))
        own = get(path, "org.leased1.Unit", "WhyNot")[0]
        self.assertEqual(own[0], self.machine_id())
        self.assertEqual(len(get(path, "org.leased1.Unit", "WhyNot")), len(lines))

        # Beside each line its number (leased-reasons(7)). That of an offer in its own words is 50, unless it bears another.
        codes = dict(map(tuple, get(path, "org.leased1.Unit", "WhyNotCodes")))
        self.assertEqual(list(codes), list(lines))
        self.assertEqual({codes[by], codes[other]}, {132, 133})
        self.assertEqual((codes[back], codes[without], codes[lacking], codes[silent], codes[draining]), (50, 51, 81, 134, 38))
        self.offer(back, "line.service", "stands back", until=until * 1000000, code=70)
        self.wait_for("the number is told", lambda: [back, 70] in get(path, "org.leased1.Unit", "WhyNotCodes"))
        self.assertEqual(self.lines(path)[back], lines[back])

    def test_it_tells_where_a_unit_would_run(self):
        self.wait_competing()
        near, far, draining = (self.add_machine(f"where{i}", c, **more) for i, (c, more) in enumerate(
            (("b", {"metadata": "shelf=top"}), ("c", {}), ("d", {"metadata": "shelf=top", "draining": True}))))
        os.makedirs("/etc/systemd/system", exist_ok=True)
        with open("/etc/systemd/system/where.service", "w", encoding="utf-8") as f:
            f.write("[Service]\nExecStart=/bin/true\n[X-Leased]\nRequire=shelf=top\n")
        answer = busctl("--json=short", "call", NAME, PATH, "org.leased1.Manager", "ExplainUnit", "s", "where.service", user=65534)
        rows = json.loads(answer.stdout)["data"][0]
        self.assertEqual(rows[0], [near, "where0", True, False, 0, 0, ""])
        told = {row[0]: row[1:] for row in rows}
        self.assertEqual(told[far], ["where1", False, False, 0, 81, "missing metadata shelf=top"])
        self.assertEqual(told[draining], ["where2", False, False, 0, 38, "draining"])
        self.assertEqual(told[self.machine_id()][1:], [False, False, 0, 81, "missing metadata shelf=top"])
        self.assert_error(call("GetUnit", "s", "where.service"), "where.service")  # it is not enabled, and is not by this

        with open("/etc/systemd/system/where.service", "a", encoding="utf-8") as f:
            f.write("Global=perhaps\n")
        self.assert_error(call("ExplainUnit", "s", "where.service"), "/etc/systemd/system/where.service:5")
        os.unlink("/etc/systemd/system/where.service")

    def test_an_end_is_told_with_its_number_whoever_wrote_it(self):
        self.wait_competing()
        ends = [("drain", {"code": 7, "by": "anna@alpha"}), ("unfit", {}), ("a later one", {"code": 999}), ("nobody's", {})]
        self.put_record("leases/ended", json.dumps({
            "state": "free", "machine_id": "e" * 32, "session": "", "version": 0, "index": 4, "since": 5, "period": 0, "debts": [],
            "tenures": [{"machine_id": "e" * 32, "index": i, "from": i, "to": i + 1, "why": word, **more}
                        for i, (word, more) in enumerate(ends)]}))
        answer = self.wait_for("it is read", lambda: busctl("--json=short", "call", NAME, PATH, "org.leased1.Manager", "GetHistory",
                                                            "s", "ended").stdout)
        tenures, codes, by = json.loads(answer)["data"]
        self.assertEqual([tenure[4] for tenure in tenures], [word for word, _ in ends])
        self.assertEqual(codes, [7, 17, 999, 0])
        self.assertEqual(by, ["anna@alpha", "", "", ""])

    @staticmethod
    def request_to(machine_id):
        """The key and the record of what is asked of that machine."""
        with contextlib.closing(sqlite3.connect("file:/var/lib/leased/registry/store?mode=ro", uri=True)) as store:
            row = store.execute("SELECT key, value FROM records WHERE key LIKE ? AND value IS NOT NULL",
                                (f"requests/{machine_id}/%",)).fetchone()
        return row and (row[0], json.loads(row[1]))

    def test_the_machine_that_holds_a_unit_is_asked_and_its_answer_is_told(self):
        self.wait_competing()
        holder = self.add_machine("asked", "e")
        self.offer(holder, "asked.service")
        self.put_record("leases/asked.service", json.dumps({
            "state": "held", "machine_id": holder, "session": "e" * 16 + "-60000", "version": 0, "index": 3, "since": 5,
            "period": 0, "debts": [], "tenures": []}))
        self.wait_for("its lease is read", lambda: "asked.service" in call("ListLeases").stdout)
        command = ["busctl", "--system", "--timeout=5", "call", NAME, PATH, "org.leased1.Manager", "AskUnit", "sss",
                   "asked.service", "stop", ""]
        for stage, code, said in (("begun", 0, ""), ("refused", 180, "it is just being started or stopped there"), (None, 0, "")):
            with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as asking:
                key, record = self.wait_for("it is asked", lambda: self.request_to(holder))
                self.assertEqual([record[each] for each in ("verb", "unit", "machine_id", "index", "stage", "by")],
                                 ["stop", "asked.service", "", 3, "asked", f"root@{os.uname().nodename}"[:39]])
                if stage:
                    self.put_record(key, json.dumps({**record, "stage": stage, "code": code}))
                else:
                    asking.kill()  # whoever asked is gone
                self.assertIn(said, asking.communicate()[1])
                self.assertEqual(asking.returncode, {"begun": 0, "refused": 1, None: -9}[stage])
            self.wait_for("the request is deleted", lambda: not self.request_to(holder))
        self.assert_error(call("AskUnit", "sss", "asked.service", "dance", ""), "nothing that can be asked")
        self.assert_error(call("AskUnit", "sss", "asked.service", "transfer", ""), "A machine id is due")
        self.assert_error(call("AskUnit", "sss", "nobodys.service", "stop", ""), "not enabled")

    def test_why_it_takes_no_leases_has_a_number(self):
        self.wait_for("both agree", lambda: NO_GUARD.get(self.get("WhyNot")) == self.get("WhyNotCode"))
        self.assertEqual(call("Drain").returncode, 0)
        self.wait_for("it drains", lambda: get(PATH, "org.leased1.Manager", "WhyNotCode") == 38)
        self.assertEqual(get(PATH, "org.leased1.Manager", "WhyNot"), "this machine is draining")
        self.assertEqual(call("Undrain").returncode, 0)

    def test_who_listens_hears_when_a_line_changes(self):
        self.wait_competing()
        path, other = self.add_unit("heard.service"), self.add_unit("unheard.service")
        machine = self.add_machine("heard8", "8")
        monitor = subprocess.Popen(["stdbuf", "-oL", "dbus-monitor", "--system", f"sender='{NAME}'"],
                                   stdout=subprocess.PIPE, text=True)
        try:
            while "member=NameAcquired" not in next(monitor.stdout):
                pass
            self.wait_for("it is told", lambda: machine in self.lines(path) and machine in self.lines(other))
            self.offer(machine, "heard.service")
            of = None
            for line in monitor.stdout:  # the test ends by its time limit if nothing comes
                if line.startswith("signal"):
                    of = next(word[5:-1] for word in line.split() if word.startswith("path="))
                elif "stands by" in line and of in (path, other):
                    break
            self.assertEqual(of, path)
        finally:
            monitor.kill()
            monitor.communicate()

    def test_another_machine_is_drained_through_its_record(self):
        self.wait_competing()
        up, silent = self.add_machine("drain9", "9"), self.add_machine("drainA", "a", alive=False)
        for machine in (up, silent):
            self.assertEqual(call("DrainMachine", "s", machine).returncode, 0)
            self.wait_for("it is to drain", lambda: self.row_of(machine)[5])  # pylint: disable=cell-var-from-loop
        self.assertFalse(get(PATH, "org.leased1.Manager", "Draining"))
        self.assertEqual(call("UndrainMachine", "s", up).returncode, 0)
        self.wait_for("that has ended", lambda: not self.row_of(up)[5])
        self.assert_error(call("UndrainMachine", "s", silent), "say leasectl undrain there")
        self.assertTrue(self.row_of(silent)[5])
        for method in ("DrainMachine", "UndrainMachine"):
            self.assert_error(call(method, "s", "0" * 32), "The registry names no machine")
            self.assert_error(call(method, "s", ""), "The registry names no machine")

    def test_a_machine_that_lives_is_not_confirmed_dead(self):
        self.wait_competing()
        up, silent = self.add_machine("dead9", "9"), self.add_machine("deadA", "a", alive=False)
        self.wait_for("both are there", lambda: self.row_of(up) and self.row_of(silent))
        self.assert_error(call("ConfirmDeadMachine", "s", up), "is not off: its last sign of life came less than two rounds ago")
        self.assertEqual(call("ConfirmDeadMachine", "s", silent).returncode, 0)
        self.assert_error(call("ConfirmDeadMachine", "s", self.machine_id()), "is this machine, and not off")
        self.assert_error(call("ConfirmDeadMachine", "s", "0" * 32), "The registry names no machine")

    def test_a_machine_whose_record_is_gone_and_that_keeps_leases_is_confirmed_dead_by_its_id(self):
        self.wait_competing()
        machine, session = "5afe" * 8, "5afe5afe5afe5afe-1000"
        self.put_record(f"fences/{session}", json.dumps({"counter": 0, "names": [], "keeps": True}))
        self.put_record(f"beats/{session}", json.dumps({"machine_id": machine, "nonce": "5afe5afe5afe5afe-1"}))
        self.put_record("leases/kept", json.dumps({"state": "held", "machine_id": machine, "session": session, "version": 0, "index": 3,
                                                   "since": 5, "period": 0, "debts": [], "tenures": []}))
        self.wait_for("it is listed, as silent", lambda: self.row_of(machine))
        self.assertEqual(self.row_of(machine)[1:], ["", "", {}, 1, False])
        self.assertEqual(get(PATH, "org.leased1.Manager", "UnconfirmedMachines"), [machine])
        self.assert_error(call("ForgetLease", "s", "kept"), "somebody holds it")
        self.assert_error(call("ForgetMachine", "s", machine), "The registry has nothing of")
        self.assertEqual(call("ConfirmDeadMachine", "s", machine).returncode, 0)
        self.wait_for("nobody waits for it", lambda: not self.row_of(machine))

    def test_a_pause_that_nobody_waits_for_any_more_is_not_said_to_be_not_done(self):
        self.wait_competing()
        machine = self.add_machine("reads5", "5")  # beats, holds a lease, and never reads of the pause
        self.put_record("leases/unread", json.dumps({"state": "held", "machine_id": machine, "session": "5" * 16 + "-60000", "version": 0,
                                                     "index": 3, "since": 5, "period": 0, "debts": [], "tenures": []}))
        self.wait_for("its lease is read", lambda: "unread" in call("ListLeases").stdout)
        asker = subprocess.Popen(["busctl", "--system", "call", NAME, PATH, "org.leased1.Manager", "Pause"])
        try:
            self.wait_for("it is in force", lambda: get(PATH, "org.leased1.Manager", "Paused") == "on")
            self.assertIsNone(asker.poll())
        finally:
            asker.kill()
            asker.wait()
        self.wait_for("that is told", lambda: "nobody waits any more until each machine has read of the pause" in self.world.said())
        self.assertEqual(get(PATH, "org.leased1.Manager", "Paused"), "on")
        self.assertEqual(call("Resume").returncode, 0)
        self.put_record("leases/unread", json.dumps({"state": "free", "machine_id": machine, "session": "", "version": 0, "index": 4,
                                                     "since": 5, "period": 0, "debts": [], "tenures": []}))
        self.wait_for("the end of the pause", lambda: get(PATH, "org.leased1.Manager", "Paused") == "")
        self.wait_competing()

    def test_during_a_pause_nobody_takes_a_lease(self):
        self.wait_competing()
        self.assertEqual(get(PATH, "org.leased1.Manager", "Paused"), "")
        self.assertEqual(call("Pause").returncode, 0)
        self.assertEqual(get(PATH, "org.leased1.Manager", "Paused"), "on")
        self.assertRegex(get(PATH, "org.leased1.Manager", "PausedBy"), "^root@")
        self.assertGreater(get(PATH, "org.leased1.Manager", "PausedSinceUSec"), 0)
        self.assertIn("leasectl resume", get(PATH, "org.leased1.Manager", "WhyNot"))
        self.assertEqual(call("Pause").returncode, 0)
        self.assert_error(call("AcquireLease", "ssxt", "in-a-pause", "", "0", "10000000"), "")
        self.assertEqual(call("Resume").returncode, 0)
        self.wait_for("the end of the pause", lambda: get(PATH, "org.leased1.Manager", "Paused") == "")
        self.assertEqual(call("Resume").returncode, 0)
        self.wait_competing()

    def test_this_machine_can_be_named_too(self):
        self.wait_competing()
        self.wait_for("our own record", lambda: self.row_of(self.machine_id()))
        self.assertEqual(call("DrainMachine", "s", self.machine_id()).returncode, 0)
        self.assertTrue(get(PATH, "org.leased1.Manager", "Draining"))
        self.assertFalse(get(PATH, "org.leased1.Manager", "DrainsUntilReboot"))
        self.assertEqual(call("DrainMachineUntilReboot", "s", self.machine_id()).returncode, 0)
        self.assertTrue(get(PATH, "org.leased1.Manager", "DrainsUntilReboot"))
        self.assertEqual(call("UndrainMachine", "s", self.machine_id()).returncode, 0)
        self.assertFalse(get(PATH, "org.leased1.Manager", "Draining"))
        self.assertFalse(get(PATH, "org.leased1.Manager", "DrainsUntilReboot"))

    # who may do what

    def test_anybody_may_look(self):
        for user in (None, 65534):
            for method, *arguments in (("ListUnits",), ("ListUnitStates",), ("ListLeases",), ("ListMachines",),
                                       ("ListClusterUnits", "sast", "", "0", "0")):
                answer = call(method, *arguments, user=user)
                self.assertEqual(answer.returncode, 0, f"{method}: {answer.stderr}")
            self.assertIn("foo.service", call("ListUnits", user=user).stdout)
            self.assertIn(UNIT_PATH, call("GetUnit", "s", UNIT, user=user).stdout)

    def test_the_states_of_all_units_are_told_at_once(self):
        answer = busctl("--json=short", "call", NAME, PATH, "org.leased1.Manager", "ListUnitStates")
        row = next(row for row in json.loads(answer.stdout)["data"][0] if row[0] == UNIT)
        self.assertEqual(row[1], get(UNIT_PATH, "org.leased1.Unit", "State"))
        self.assertEqual(row[2:4], ["unknown", UNIT])
        self.assertEqual(row[4:7], [get(UNIT_PATH, "org.leased1.Unit", name)
                                    for name in ("MachineID", "HolderKnown", "LeaseIndex")])

    @staticmethod
    def cluster_units(machine="", metadata=(), since=0):
        answer = busctl("--json=short", "call", NAME, PATH, "org.leased1.Manager", "ListClusterUnits", "sast", machine,
                        str(len(metadata)), *metadata, str(since))
        revision, units = json.loads(answer.stdout)["data"]
        return revision, [dict(zip(("unit", "machine", "lease", "state"), row[:4])) for row in units]

    def test_the_units_of_all_machines_are_told(self):
        self.wait_competing()
        machine = self.machine_id()
        def agree():
            """Whether the calls agree. Something may change between two of them, so this is tried until it holds."""
            units = self.cluster_units()[1]
            row = next((row for row in units if (row["unit"], row["machine"]) == (UNIT, machine)), None)
            return row and row["lease"] == UNIT and row["state"] == get(UNIT_PATH, "org.leased1.Unit", "State") and \
                self.cluster_units(machine)[1] == [row for row in units if row["machine"] == machine]
        self.wait_for("what is told of all units is what is told of one, and of one machine's", agree)
        revision = self.cluster_units()[0]
        self.assertEqual(self.cluster_units("0" * 32)[1], [])
        self.assertEqual(self.cluster_units(metadata=["no=such"])[1], [])
        self.assertGreaterEqual(self.cluster_units(since=revision)[0], revision)
        # A machine may write an offer between two calls; some time later nothing new is told.
        self.wait_for("nothing has changed since", lambda: self.cluster_units(since=self.cluster_units()[0])[1] == [])
        self.assert_error(call("ListClusterUnits", "sast", "", "1", "no word", "0"), "Metadata are words")

    def test_a_unit_that_was_disabled_elsewhere_while_leased_was_down_is_not_kept(self):
        """Nobody can say any more that it is gone, so whoever asks what has changed is told to begin again."""
        self.wait_competing()
        machine = self.add_machine("while-down", "9")
        self.offer(machine, "while-down.service")
        def rows(since=0):
            return [row["state"] for row in self.cluster_units(machine, since=since)[1]]
        self.wait_for("it is read", rows)
        revision = self.cluster_units()[0]
        self.world.stop_daemon()
        self.put_record(f"offers/{machine}/while-down.service", "")
        self.world.start_daemon()
        self.wait_competing()
        self.wait_for("it is gone, or the caller begins again",
                      lambda: self.cluster_units(since=revision) == (0, []) or rows(revision) == ["gone"])
        present = self.cluster_units()[0]
        self.assertGreater(present, revision)
        self.assertEqual(rows(), [])
        self.assertGreaterEqual(self.cluster_units(since=present)[0], present)
        self.offer(machine, "while-down.service")
        self.wait_for("what has changed is told again", lambda: rows(present) != [])

    def test_its_longest_turn_is_told(self):
        self.assertGreater(get(PATH, "org.leased1.Manager", "LongestTurnCPUUSec"), 0)
        self.assertGreater(get(PATH, "org.leased1.Manager", "LongestTurnUSec"), get(PATH, "org.leased1.Manager", "LongestTurnCPUUSec") / 2)

    def test_only_root_may_change_something(self):
        for method, *arguments in (("ReleaseUnit", "s", UNIT), ("TransferUnit", "ss", UNIT, "0" * 32),
                                   ("StealUnit", "s", UNIT), ("RearmUnit", "s", UNIT),
                                   ("AskUnit", "sss", UNIT, "stop", ""), ("Drain",), ("Undrain",),
                                   ("DrainMachine", "s", "0" * 32), ("UndrainMachine", "s", "0" * 32),
                                   ("DrainMachineUntilReboot", "s", "0" * 32),
                                   ("ConfirmDeadMachine", "s", "0" * 32), ("Pause",), ("Resume",), ("Reload",), ("ListUnitFiles",),
                                   ("GetUnitFile", "s", UNIT), ("PutUnitFile", "sts", UNIT, "0", "x" * 2000),
                                   ("SetUnitFileOutcome", "sxsus", UNIT, "1", "", "231", "")):
            self.assert_error(call(method, *arguments, user=65534), "Access denied")
        self.assertFalse(get(PATH, "org.leased1.Manager", "Draining"))
        # It was the daemon that refused, not the bus (busctl does not show the difference).
        answer = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "dbus-send", "--system",
                                 "--print-reply", f"--dest={NAME}", PATH, "org.leased1.Manager.Drain"],
                                capture_output=True, text=True, check=False)
        self.assert_error(answer, "Only root may call Drain()")

    def test_polkit_is_asked_about_anybody_else(self):
        self.wait_competing()
        polkit = subprocess.Popen([POLKIT, "org.leased1.manage-units", "?org.leased1.manage-leases"],
                                  stdout=subprocess.PIPE, text=True)
        try:
            wait_for("polkit", lambda: busctl("status", "org.freedesktop.PolicyKit1").returncode == 0)
            self.assert_error(call("ReleaseUnit", "s", UNIT, user=65534), "not held here")
            self.assertEqual(polkit.stdout.readline(), f"org.leased1.manage-units verb=ReleaseUnit unit={UNIT} lease= machine=\n")
            # The same details wherever the holder is.
            self.assert_error(call("AskUnit", "sss", "nobodys.service", "release", "", user=65534), "not enabled on any")
            self.assertEqual(polkit.stdout.readline(), "org.leased1.manage-units verb=ReleaseUnit unit=nobodys.service lease= machine=\n")
            self.assert_error(call("AskUnit", "sss", "nobodys.service", "transfer", "a" * 32, user=65534), "not enabled on any")
            self.assertEqual(polkit.stdout.readline(),
                             f"org.leased1.manage-units verb=TransferUnit unit=nobodys.service lease= machine={'a' * 32}\n")
            self.assert_error(call("TransferUnit", "ss", UNIT, "a" * 32, user=65534), "not held here")
            self.assertEqual(polkit.stdout.readline(),
                             f"org.leased1.manage-units verb=TransferUnit unit={UNIT} lease= machine={'a' * 32}\n")
            self.assert_error(call("Reload", user=65534), "Access denied")
            self.assertEqual(polkit.stdout.readline(), "org.leased1.reload verb=Reload unit= lease= machine=\n")
            answer = call("StealLease", "ssxtt", "engine", "", "1", "5000000", "1", user=65534)
            self.assert_error(answer, "who authenticates to polkit")
            self.assertEqual(polkit.stdout.readline(), "org.leased1.manage-leases verb=StealLease unit= lease=engine machine=\n")
            for verb in ("DrainMachine", "DrainMachineUntilReboot"):
                self.assert_error(call(verb, "s", "0" * 32, user=65534), "The registry names no machine")
                self.assertEqual(polkit.stdout.readline(), f"org.leased1.manage-units verb={verb} unit= lease= machine={'0' * 32}\n")
            self.assertEqual(call("ListUnits", user=65534).returncode, 0)
        finally:
            polkit.kill()
            polkit.communicate()
        self.assert_error(call("ReleaseUnit", "s", UNIT, user=65534), "Access denied")

    def test_polkit_is_asked_about_each_method_that_changes_something(self):
        """Whatever its arguments are, and about what they name. Those methods are all that the bus lets anybody call and that do
        more than read."""
        self.wait_competing()
        lease = f"{PATH}/lease/asked"
        self.assertEqual(call("AcquireLease", "ssxt", "asked", "", "1", "60000000").returncode, 0)
        calls = {"AcquireLease": ("ssxt", "engine", "", "1", "2000000"), "StealLease": ("ssxtt", "engine", "", "1", "2000000", "1"),
                 "LimitCommand": ("sttt", UNIT, "1", "2", "3"), "ReleaseUnit": ("s", UNIT), "TransferUnit": ("ss", UNIT, "a" * 32),
                 "StealUnit": ("s", UNIT), "AskUnit": ("sss", UNIT, "stop", ""), "RearmUnit": ("s", UNIT), "Drain": (), "Undrain": (),
                 "DrainMachine": ("s", "a" * 32), "DrainMachineUntilReboot": ("s", "a" * 32), "UndrainMachine": ("s", "a" * 32),
                 "ConfirmDeadMachine": ("s", "a" * 32), "Pause": (), "Resume": (), "AcceptRegistry": ("s", "0" * 36),
                 "ForgetIndex": ("s", "engine"), "LowerIndex": ("st", "engine", "1"), "ForgetMachine": ("s", "a" * 32),
                 "ForgetLease": ("s", "engine"), "ListUnitFiles": (), "GetUnitFile": ("s", UNIT), "PutUnitFile": ("sts", UNIT, "0", "x"),
                 "SetUnitFileOutcome": ("sxsus", UNIT, "1", "", "231", ""), "Reload": (), "Renew": ("tt", "1", "2000000"), "Release": ("t", "1")}
        with open(os.path.join(DBUS, "org.leased1.conf")) as f:
            changing = re.findall(r'send_member="(\w+)"', f.read().partition("<!-- changing")[2])
        self.assertEqual(set(changing) - {"RunCommand", "RunCommandInSlots"}, set(calls))  # those take a descriptor (leasectl-run)
        polkit = self.start(POLKIT)
        wait_for("polkit", lambda: busctl("status", "org.freedesktop.PolicyKit1").returncode == 0)
        for method, arguments in calls.items():
            path, interface = (lease, "org.leased1.Lease") if method in ("Renew", "Release") else (PATH, "org.leased1.Manager")
            self.assert_error(busctl("call", NAME, path, interface, method, *arguments, user=65534), "Access denied")
            self.assertTrue(select.select([polkit.stdout], [], [], 0)[0], f"polkit is asked about {method}")
            unit, named, machine = (name if name in arguments else "" for name in (UNIT, "engine", "a" * 32))
            self.assertRegex(polkit.stdout.readline(), rf"\Aorg\.leased1\.[a-z-]+ verb={'StopUnit' if method == 'AskUnit' else method} "
                                                       rf"unit={unit} lease={lease if path == lease else named} machine={machine}\n\Z")

    def start(self, *command, user=None, stdin=None, stdout=subprocess.PIPE):
        """A process of the test's whose lines can be read, gone at its end."""
        if user is not None:
            command = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command)
        process = subprocess.Popen(command, stdin=stdin, stdout=stdout, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def start_flood(self, user):
        """400 calls of one user: the bus lets one connection wait for no more than 128 answers. Returns the processes and what
        they print."""
        reading, writing = os.pipe()
        floods = [self.start(FLOOD, "100", user=user, stdout=writing) for _ in range(4)]
        os.close(writing)
        lines = os.fdopen(reading)
        self.addCleanup(lines.close)
        return floods, lines

    def test_a_polkit_that_hangs_keeps_nobody_waiting_but_a_few(self):
        """A few calls of one user are asked about, the others are refused at once, and root is served meanwhile."""
        polkit = self.start(POLKIT, "hang")
        wait_for("polkit", lambda: busctl("status", "org.freedesktop.PolicyKit1").returncode == 0)
        floods, answers = self.start_flood(user=65534)
        refused = [answers.readline().strip() for _ in range(392)]
        self.assertEqual(set(refused), {"org.freedesktop.DBus.Error.LimitsExceeded"})
        for _ in range(8):
            self.assertIn("verb=AcquireLease", polkit.stdout.readline())
        self.assert_error(call("ReleaseUnit", "s", UNIT), "not held here")
        self.assertEqual(call("ListUnits", user=65534).returncode, 0)
        # Another user has questions of his own; whoever is gone is asked about no longer.
        other = self.start(FLOOD, "1", user=1)
        self.assertIn("verb=AcquireLease", polkit.stdout.readline())
        for process in (other, *floods):
            process.kill()
        for _ in range(9):
            self.assertEqual(polkit.stdout.readline(), "taken back\n")
        self.start(FLOOD, "1", user=65534)
        self.assertIn("verb=AcquireLease", polkit.stdout.readline())

    def test_the_bus_is_not_asked_again_about_a_caller_who_calls_again(self):
        self.wait_competing()
        owner = busctl("--json=short", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner",
                       "s", NAME)
        owner = json.loads(owner.stdout)["data"][0]
        monitor = self.start("stdbuf", "-oL", "dbus-monitor", "--system", "destination='org.freedesktop.DBus'")
        while "member=NameAcquired" not in next(monitor.stdout):  # from then on it hears everything
            pass
        flood = self.start(FLOOD, "20", "in-turn")
        self.assertEqual([flood.stdout.readline() for _ in range(20)], ["ok\n"] * 20)
        busctl("call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "ListActivatableNames")
        asked = []
        for line in monitor.stdout:
            if "member=ListActivatableNames" in line:
                break
            if f"sender={owner} " in line:
                asked.append(line.rpartition("member=")[2].strip())
        self.assertEqual([asked.count(each) for each in ("GetConnectionCredentials", "AddMatch", "NameHasOwner")], [1, 1, 1])

    def test_a_question_to_polkit_has_an_end(self):
        polkit = self.start(POLKIT, "hang")
        wait_for("polkit", lambda: busctl("status", "org.freedesktop.PolicyKit1").returncode == 0)
        flood = self.start(FLOOD, "1", user=65534)
        self.assertIn("verb=AcquireLease", polkit.stdout.readline())
        self.assertEqual(flood.stdout.readline(), "org.freedesktop.DBus.Error.AccessDenied\n")
        self.assertEqual(polkit.stdout.readline(), "taken back\n")

    def test_a_call_with_a_long_text_is_not_kept(self):
        self.assert_error(call("AcquireLease", "ssxt", "x" * 100000, "", "1", "2000000", user=65534), "too long")

    def test_few_calls_of_one_caller_wait_for_a_registry_that_does_not_answer(self):
        with contextlib.closing(sqlite3.connect("/var/lib/leased/registry/store", isolation_level=None)) as store:
            store.execute("BEGIN EXCLUSIVE")
            flood = self.start(FLOOD, "100", "files")
            refused = [flood.stdout.readline().strip() for _ in range(84)]
            self.assertEqual(set(refused), {"org.freedesktop.DBus.Error.LimitsExceeded"})
            store.execute("ROLLBACK")
        for _ in range(16):
            self.assertNotEqual(flood.stdout.readline().strip(), "org.freedesktop.DBus.Error.LimitsExceeded")
        wait_for("the registry", lambda: get(PATH, "org.leased1.Manager", "RegistryState") == "ok")
        self.assertEqual(call("GetUnitFile", "s", "flood.service").returncode, 0)

    def test_no_question_of_anybody_is_longer_than_a_turn_can_be(self):
        many, long = ["x"] * 4097, "x\n" * 40000
        self.assert_error(call("Rehearse", "sass", "release", str(len(many)), *many, "", user=65534), "4096 units at most")
        self.assert_error(call("ExplainOptions", "ss", UNIT, long, user=65534), "65536 bytes at most")
        self.assert_error(call("ListClusterUnits", "sast", long, "0", "0", user=65534), "That is no machine id")
        self.assertEqual(call("Rehearse", "sass", "release", "4096", *many[1:], "", user=65534).returncode, 0)
        self.assertEqual(call("ExplainOptions", "ss", UNIT, "[X-Leased]\n" + "\n" * 60000, user=65534).returncode, 0)

    def test_callers_share_no_connection_with_pid_1(self):
        """What PID 1 would be told goes over a connection that bears no name, and that nobody can ask anything of."""
        rows = json.loads(busctl("--json=short", "list").stdout)
        ours = {row["name"] for row in rows if row.get("pid") == self.world.daemon.pid and row["name"].startswith(":")}
        named = {row["connection"] for row in rows if row["name"] == NAME}
        self.assertEqual(len(ours), 2)
        self.assertEqual(len(ours - named), 1)

    def test_records_of_submitted_units_are_carried_as_they_are(self):
        def answer(*arguments):
            done = busctl("--json=short", "call", NAME, PATH, "org.leased1.Manager", *arguments)
            return json.loads(done.stdout)["data"]

        unit, text = "carried.service", '{"signed":"\\"ä\\n","signature":""}'
        self.assertEqual(answer("GetUnitFile", "s", unit), ["", 0])
        for each in (text, "x" * 100000, text):
            self.assertEqual(call("PutUnitFile", "sts", unit, str(answer("GetUnitFile", "s", unit)[1]), each).returncode, 0)
            self.assertEqual(answer("GetUnitFile", "s", unit)[0], each)
        self.assertIn("meanwhile", call("PutUnitFile", "sts", unit, "1", text).stderr)
        self.assertEqual(answer("ListUnitFiles"), [[unit]])
        self.assertEqual(get(PATH, "org.leased1.Manager", "UnitFiles"), [])
        for version, about, shown in ((1, "no", "leasectl enable refuses it: no"), (2, "nor", "leasectl enable refuses it: nor")):
            self.assertEqual(call("SetUnitFileOutcome", "sxsus", unit, str(version), "alice", "231", about).returncode, 0)
            self.assertEqual(get(PATH, "org.leased1.Manager", "UnitFiles"), [[unit, version, "alice", 231, shown]])
        self.assertEqual(call("SetUnitFileOutcome", "sxsus", unit, "2", "", "0", "").returncode, 0)
        self.assertEqual(get(PATH, "org.leased1.Manager", "UnitFiles"), [])

    def test_what_cannot_be_meant_is_refused(self):
        self.assert_error(call("ReleaseUnit", "s", UNIT), "not held here")
        self.assert_error(call("ReleaseUnit", "s", "bar.service"), "not enabled")
        self.assert_error(call("GetUnit", "s", "bar.service"), "not enabled")
        for name in ("", "foo", "../foo.service", "foo@.service"):
            self.assert_error(call("RearmUnit", "s", name), "not the name of a unit")
        for name in ("", "a/b", "..", "x" * 256):
            self.assert_error(call("GetLease", "s", name), "not the name of a lease")
        wait_for("the registry", lambda: get(PATH, "org.leased1.Manager", "RegistryState") == "ok")
        self.assert_error(call("GetLease", "s", "nobody-ever"), "Nobody has ever held")

    def test_draining_is_seen_and_ends(self):
        self.assertEqual(call("Drain").returncode, 0)
        wait_for("draining", lambda: get(PATH, "org.leased1.Manager", "Draining"))
        self.assertEqual(call("Undrain").returncode, 0)
        wait_for("the end of it", lambda: get(PATH, "org.leased1.Manager", "Draining") is False)

    # a scheduler's own leases

    def is_well(self):
        """Nothing is wrong but that no guard is there."""
        return self.get("LastError") in ("", *NO_GUARD) and self.get("WhyNot") in ("", *NO_GUARD)

    def wait_competing(self):
        try:
            wait_for("a machine that competes", lambda: self.is_well() and get(PATH, "org.leased1.Manager", "LastBeatUSec"))
        except AssertionError as error:
            told = {name: get(PATH, "org.leased1.Manager", name) for name in ("LastError", "WhyNot", "LastBeatUSec",
                                                                              "RoundTripUSec", "LongestTurnUSec")}
            raise AssertionError(f"{error}: {told}") from None

    def test_a_scheduler_keeps_a_lease(self):
        self.wait_competing()
        period, path = "5000000", PATH + "/lease/engine_2dleader"
        taken = call("AcquireLease", "ssxt", "engine-leader", "", "1", period)
        self.assertEqual(taken.stdout.split()[:3], ["bot", "true", f'"{path}"'], taken.stderr)
        index = int(taken.stdout.split()[3])
        self.assertGreater(index, 0)
        again = call("AcquireLease", "ssxt", "engine-leader", "", "1", period)
        self.assertEqual(again.stdout.split(), ["bot", "false", f'"{path}"', str(index)], again.stderr)

        renewed = busctl("call", NAME, path, "org.leased1.Lease", "Renew", "tt", str(index), period)
        self.assertEqual(renewed.stdout.split()[0], "t", renewed.stderr)
        newer = int(renewed.stdout.split()[1])
        self.assertGreater(newer, index)
        stale = busctl("call", NAME, path, "org.leased1.Lease", "Renew", "tt", str(index), period)
        self.assertNotEqual(stale.returncode, 0)

        stolen = call("StealLease", "ssxtt", "engine-leader", "", "2", period, str(newer))
        self.assertEqual(stolen.stdout.split()[0], "ott", stolen.stderr)
        newest = stolen.stdout.split()[2]
        self.assertGreater(int(newest), newer)
        given = busctl("call", NAME, path, "org.leased1.Lease", "Release", "t", newest)
        self.assertEqual(given.returncode, 0, given.stderr)
        self.assert_error(busctl("call", NAME, path, "org.leased1.Lease", "Release", "t", newest), "held")

    def test_the_example_of_the_documentation_leads(self):
        self.wait_competing()
        done = subprocess.run([ENGINE, "2"], capture_output=True, text=True, check=False, timeout=DEADLINE)
        self.assertEqual(done.stderr, "")
        first, second = (int(line.removeprefix("leading at Index ")) for line in done.stdout.splitlines())
        self.assertEqual(second, first + 1)
        self.assertIn("b false", call("GetLease", "s", "engine-leader").stdout.replace("bosxtt ", "b "))

    def test_a_schedulers_machines_need_not_be_ours(self):
        self.wait_competing()
        self.assertIn("true", call("AcquireLease", "ssxt", "slot-1", "m1", "0", "5000000").stdout)
        self.assertIn('"m1"', call("GetLease", "s", "slot-1").stdout)
        self.assertIn("false", call("AcquireLease", "ssxt", "slot-1", "m2", "0", "5000000").stdout)
        call("StealLease", "ssxtt", "slot-1", "0" * 32, "0", "5000000", "1")
        self.assertIn('"' + "0" * 32 + '"', call("GetLease", "s", "slot-1").stdout)

    def test_what_no_scheduler_may_have_is_refused(self):
        self.wait_competing()
        self.assert_error(call("AcquireLease", "ssxt", UNIT, "", "0", "5000000"), "lease of a unit")
        self.assert_error(call("AcquireLease", "ssxt", "../x", "", "0", "5000000"), "A lease's name is")
        self.assert_error(call("AcquireLease", "ssxt", "short", "", "0", "1"), "A period is")
        for machine in ("../x", "m" * 33, "m 1", "\u00e9"):
            self.assert_error(call("AcquireLease", "ssxt", "far", machine, "0", "5000000"), "a machine id has")
        self.assert_error(call("StealLease", "ssxtt", "never", "", "0", "5000000", "1"), "Nobody has ever held")

    def test_a_change_of_holder_is_told(self):
        self.wait_competing()
        listener = subprocess.Popen(["busctl", "--json=short", "--match", f"sender='{NAME}',member='LeaseChanged'",
                                     "--match", "member='Listening'", "monitor"], stdout=subprocess.PIPE, text=True)
        heard = map(json.loads, listener.stdout)
        try:
            # That it listens is told by busctl up to systemd 256 only.
            self.wait_for("it listens", lambda: busctl("emit", "/", "org.leased1.Test", "Listening").returncode == 0 and
                          select.select([listener.stdout], [], [], 0.1)[0])
            self.assertEqual(call("AcquireLease", "ssxt", "told", "", "4", "5000000").returncode, 0)
            self.assertEqual(call("StealLease", "ssxtt", "told", "", "5", "5000000", "1").returncode, 0)
            for method, *arguments in (("Renew", "tt", "2", "5000000"), ("Release", "t", "3")):
                self.assertEqual(busctl("call", NAME, PATH + "/lease/told", "org.leased1.Lease", method, *arguments).returncode, 0)
            machine = self.machine_id()
            for expected in (["told", machine, 4, 1, "acquired", 18], ["told", machine, 5, 2, "stolen", 16],
                             ["told", machine, 5, 3, "renewed", 19], ["told", "", 5, 3, "released", 2]):
                told = next(each for each in heard if each["member"] != "Listening")
                self.assertEqual(told["payload"]["data"][:-1], expected)
                self.assertGreater(told["payload"]["data"][-1], 0)
        finally:
            listener.kill()
            listener.communicate()

    # changes

    def test_a_bad_line_changes_nothing(self):
        with open("/etc/leased/units/bad.service", "w", encoding="utf-8") as f:
            f.write("[X-Leased]\nStopGraceSec=soon\n")
        self.assert_error(call("Reload"), "/etc/leased/units/bad.service:2")
        self.assertIn(UNIT, call("ListUnits").stdout)
        self.assertNotIn("bad.service", call("ListUnits").stdout)
        os.unlink("/etc/leased/units/bad.service")
        self.assertEqual(call("Reload").returncode, 0)

    def test_the_configuration_can_be_checked_beforehand(self):
        def check():
            return subprocess.run([LEASED, "--config-check"], capture_output=True, text=True, check=False, timeout=DEADLINE)

        good = check()
        self.assertEqual((good.returncode, good.stderr), (0, ""))
        self.assertIn("Metadata=region=eu rack=a1\nTTL=2s\n", good.stdout)
        self.assertIn(f"# enabled: {UNIT}, lease {UNIT}\n", good.stdout)
        for line in ("StopGraceSec=soon", "StopGraceSec=1s"):  # the latter would be right with a longer TTL
            with open("/etc/leased/units/checked.service", "w", encoding="utf-8") as f:
                f.write(f"[X-Leased]\n{line}\n")
            bad = check()
            self.assertEqual(bad.returncode, 1)
            self.assertIn("/etc/leased/units/checked.service:2: StopGraceSec=", bad.stderr)
            self.assertNotIn("checked.service", bad.stdout)
        os.unlink("/etc/leased/units/checked.service")

    def test_a_unit_comes_with_a_reload_and_with_sighup(self):
        for name, reload in (("one.service", lambda: call("Reload")),
                             ("two.service", lambda: self.world.daemon.send_signal(signal.SIGHUP))):
            open("/etc/leased/units/" + name, "w", encoding="utf-8").close()
            reload()
            wait_for(name, lambda: name in call("ListUnits").stdout)  # pylint: disable=cell-var-from-loop

    def test_what_a_unit_wishes_of_its_machine_is_told_by_a_reload(self):
        with open("/etc/leased/units/placed.service", "w", encoding="utf-8") as f:
            f.write("[X-Leased]\n")
        call("Reload")
        with open("/etc/leased/units/placed.service", "w", encoding="utf-8") as f:
            f.write("[X-Leased]\nRequire=region=eu region=us\nPrefer=disk=ssd\nFailback=yes\nConflicts=%p-*.service\n"
                    "MachineOf=other.service\n")
        self.assertEqual(call("Reload").returncode, 0)
        self.assertEqual(sorted(get(PATH, "org.leased1.Manager", "ReloadChanges")),
                         ["placed.service: " + each for each in (
                             "Conflicts=placed-*.service", "Failback=yes (was no)", "MachineOf=other.service",
                             "Prefer=disk=ssd", "Require=region=eu region=us")])
        with open("/etc/leased/units/placed.service", "w", encoding="utf-8") as f:
            f.write("[X-Leased]\nGlobal=yes\nConflicts=a.service\n")
        self.assertEqual(call("Reload").returncode, 0)
        changes = get(PATH, "org.leased1.Manager", "ReloadChanges")
        self.assertIn("placed.service: Global=yes (was no)", changes)
        self.assertIn("placed.service: Lease=placed.service is no longer set", changes)
        self.assertIn("placed.service: Conflicts=a.service (was placed-*.service)", changes)
        with open("/etc/leased/units/placed.service", "a", encoding="utf-8") as f:
            f.write("MachineID=01234567\n")
        self.assert_error(call("Reload"), "/etc/leased/units/placed.service:4: MachineID=: cannot stand together with Global= "
                                          "(/etc/leased/units/placed.service:2)")
        self.assertIn("placed.service", call("ListUnits").stdout)
        os.unlink("/etc/leased/units/placed.service")
        self.assertEqual(call("Reload").returncode, 0)

    def test_new_metadata_are_in_force_at_once(self):
        monitor = subprocess.Popen(["dbus-monitor", "--system", f"sender='{NAME}'"], stdout=subprocess.PIPE, text=True)

        def hear(text):
            self.assertTrue(any(text in line for line in monitor.stdout), "the bus monitor ended")

        os.makedirs("/etc/leased/leased.conf.d", exist_ok=True)
        path = "/etc/leased/leased.conf.d/metadata.conf"
        try:
            hear("member=NameAcquired")
            with open(path, "w", encoding="utf-8") as f:
                f.write("[Leased]\nMetadata=disk=nvme region=us disk=ssd\n")
            self.assertEqual(call("Reload").returncode, 0)
            self.assertEqual(get(PATH, "org.leased1.Manager", "Metadata"), {"disk": "nvme ssd", "region": "us"})
            self.assertEqual(get(PATH, "org.leased1.Manager", "ReloadChanges"),
                             ["leased.conf: Metadata=disk=nvme region=us disk=ssd (was region=eu rack=a1)"])
            hear('"Metadata"')
        finally:
            os.unlink(path)
            call("Reload")
            monitor.kill()
            monitor.communicate()
        self.assertEqual(get(PATH, "org.leased1.Manager", "Metadata"), {"region": "eu", "rack": "a1"})

    def test_listeners_hear_of_changes(self):
        monitor = subprocess.Popen(["dbus-monitor", "--system", f"sender='{NAME}'"], stdout=subprocess.PIPE, text=True)

        def hear(member, text):
            heard = False
            for line in monitor.stdout:
                heard = f"member={member}" in line or (heard and not line.startswith("signal"))
                if heard and text in line:
                    return
            self.fail("the bus monitor ended")

        try:
            hear("NameAcquired", "member")
            open("/etc/leased/units/three.service", "w", encoding="utf-8").close()
            call("Reload")
            hear("InterfacesAdded", PATH + "/unit/three_2eservice")
            call("Drain")
            hear("PropertiesChanged", '"Draining"')
            call("Undrain")
        finally:
            monitor.kill()
            monitor.communicate()

    # the daemon itself

    def test_status_says_what_it_holds(self):
        wait_for("STATUS=", lambda: any(line.startswith("STATUS=Holding 0 of ") for line in self.world.notifications()))

    def test_it_goes_on_while_nobody_reads_its_notifications(self):
        self.world.notifications()
        for _ in range(12):  # more than the socket's queue holds; nobody reads it meanwhile
            self.assertEqual(call("Drain").returncode, 0)
            wait_for("draining", lambda: get(PATH, "org.leased1.Manager", "Draining"))
            self.assertEqual(call("Undrain").returncode, 0)
            wait_for("the end of it", lambda: get(PATH, "org.leased1.Manager", "Draining") is False)
        self.world.heard = []
        wait_for("the last status", lambda: [line for line in self.world.notifications()
                                             if line.startswith("STATUS=Holding")][-1:] and
                 "draining" not in self.world.heard[-1])

    @unittest.skipUnless(shutil.which("strace"), "no strace")
    def test_no_call_of_the_daemon_waits(self):
        """libsystemd waits for an answer with ppoll(), its loop with epoll: the first must not be seen in the loop's thread,
        whatever is asked, with polkit or without."""
        self.wait_competing()
        tracer = subprocess.Popen(["strace", "--trace=poll,ppoll,select,pselect6,nanosleep,clock_nanosleep,epoll_wait,epoll_pwait,"
                                   "epoll_pwait2", "--output=/run/strace", f"--attach={self.world.daemon.pid}"],
                                  stderr=subprocess.PIPE, text=True)
        self.addCleanup(tracer.communicate)
        self.addCleanup(tracer.terminate)
        self.assertIn("attached", tracer.stderr.readline())
        polkit = subprocess.Popen([POLKIT, "org.leased1.manage-units"], stdout=subprocess.DEVNULL)
        self.addCleanup(polkit.wait)
        self.addCleanup(polkit.kill)
        wait_for("polkit", lambda: busctl("status", "org.freedesktop.PolicyKit1").returncode == 0)
        for user in (None, 65534):
            for method, *arguments in (("ListUnits",), ("ListLeases",), ("ListMachines",), ("GetUnit", "s", UNIT), ("Reload",),
                                       ("GetLease", "s", UNIT), ("ReleaseUnit", "s", UNIT), ("RearmUnit", "s", UNIT),
                                       ("StealUnit", "s", UNIT), ("AcquireLease", "ssxt", "waits", "", "1", "2000000"),
                                       ("GetHistory", "s", UNIT), ("TransferUnit", "ss", UNIT, "0" * 32)):
                call(method, *arguments, user=user)
        busctl("call", NAME, PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        beat = get(PATH, "org.leased1.Manager", "LastBeatUSec")
        wait_for("another beat", lambda: get(PATH, "org.leased1.Manager", "LastBeatUSec") > beat)
        tracer.terminate()
        tracer.wait(DEADLINE)
        with open("/run/strace", encoding="utf-8") as f:
            calls = [line.split("(")[0] for line in f if "(" in line and not re.search(r"^poll\(.*, 0\) += ", line)]  # a look
        self.assertGreater(sum(each.startswith("epoll") for each in calls), 20)
        self.assertEqual([each for each in calls if not each.startswith("epoll")], [])

    def test_a_second_daemon_is_refused(self):
        second = subprocess.run([LEASED], capture_output=True, text=True, check=False, timeout=DEADLINE)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn("another leased runs", second.stderr)
        self.assertEqual(call("ListUnits").returncode, 0)

    def test_it_comes_back_after_the_bus_was_restarted(self):
        self.world.stop_bus()
        self.world.start_bus()
        wait_for("the name", lambda: call("ListUnits").returncode == 0)
        self.assertIsNone(self.world.daemon.poll())
        self.assertEqual(self.world.said().count("the connection to the system bus is lost"), 1)

    def test_a_restart_over_a_bad_leased_conf_goes_on_with_the_last_good_one(self):
        self.world.stop_daemon()
        os.makedirs("/etc/leased", exist_ok=True)
        path, text = "/etc/leased/leased.conf", None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                text = f.read()
        with open(path, "a", encoding="utf-8") as f:
            f.write("[Leased]\nTTL=soon\n")
        try:
            self.world.start_daemon()
            self.assertIn(UNIT, call("ListUnits").stdout)
            self.assertIn("last in force", self.world.said())
        finally:
            if text is None:
                os.unlink(path)
            else:
                with open(path, "w", encoding="utf-8") as f:
                    f.write(text)

    def test_the_session_is_carried_on_after_a_crash(self):
        def session():
            try:
                with open("/run/leased/session", encoding="utf-8") as f:
                    return f.read()
            except FileNotFoundError:
                return None

        before = wait_for("a session", session)
        wait_for("a beat", lambda: get(PATH, "org.leased1.Manager", "LastBeatUSec"))
        self.world.stop_daemon(signal.SIGKILL)
        self.world.start_daemon()
        wait_for("a beat", lambda: get(PATH, "org.leased1.Manager", "LastBeatUSec"))
        self.assertEqual(session(), before)

    def test_without_a_stop_job_sigterm_leaves_everything(self):
        begun = time.monotonic()
        self.assertEqual(self.world.stop_daemon(), 0)
        self.assertLess(time.monotonic() - begun, 10)
        self.assertIn("leaving units and leases as they are", self.world.said())
        self.assertTrue(os.path.exists("/run/leased/session"))
        with open("/var/lib/leased/state.json", encoding="utf-8") as f:
            self.assertTrue(json.load(f)["uuid"])
        self.world.start_daemon()

    @classmethod
    def tearDownClass(cls):
        cls.world.end()


if __name__ == "__main__":
    main(paths=8)
