#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon with many units, and with many who call it, on a bus that hands on as much as one of a machine does: a bus drops an answer
for a caller who has not read what came before.

    test-daemon-many.py LEASED DBUS_DIRECTORY CALL_FLOOD CALL_BEHIND
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest

from daemon_world import MANAGER, NAME, OUTGOING_OF_A_MACHINE, PATH, POLL, World, busctl, call, get, main, wait_for

FLOOD, BEHIND = (os.path.abspath(path) for path in sys.argv[3:5])


class ManyUnits(unittest.TestCase):
    """What is asked of all units takes many turns of the loop, and what is asked behind that is not kept waiting."""
    NAMES = [f"many-{i:03}.service" for i in range(500)]
    PATIENCE = 120  # s; what all of them cost on a busy machine

    @classmethod
    def configure(cls, text):
        for name in cls.NAMES:
            with open("/etc/leased/units/" + name, "w", encoding="utf-8") as f:
                f.write(text)

    @classmethod
    def setUpClass(cls):
        cls.world = World(outgoing=OUTGOING_OF_A_MACHINE)
        cls.configure("")
        cls.world.start_bus()
        cls.world.start_daemon()

    def setUp(self):
        self.assertIsNone(self.world.daemon.poll(), "the daemon has ended")

    def ask(self, path, interface, method, *arguments):
        answer = busctl("--json=short", f"--timeout={self.PATIENCE}", "call", NAME, path, interface, method, *arguments)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return json.loads(answer.stdout)["data"][0] if answer.stdout else None

    def first_answered(self, *calls):
        """Which of two calls, both there when the daemon begins with the first one, is answered first, and how that one is
        answered."""
        self.world.daemon.send_signal(signal.SIGSTOP)
        caller = subprocess.Popen([BEHIND, *calls], stdout=subprocess.PIPE, text=True)
        self.assertEqual(caller.stdout.readline(), "sent\n")
        self.world.daemon.send_signal(signal.SIGCONT)
        return caller.communicate(timeout=self.PATIENCE)[0].split()

    def assert_turns(self, path, interface, method):
        self.assertEqual(self.first_answered(path, interface, method, PATH, MANAGER, "GetUnit", "nobody.service"),
                         ["second", "first", "ok"])

    def test_an_answer_about_all_units_keeps_nobody_waiting(self):
        for method in ("ListUnits", "ListUnitStates"):
            self.assert_turns(PATH, MANAGER, method)
            names = [row[0] for row in self.ask(PATH, MANAGER, method)]
            self.assertEqual(sorted(name for name in names if name in self.NAMES), self.NAMES)
        self.assert_turns(PATH + "/unit", "org.freedesktop.DBus.Introspectable", "Introspect")
        self.assert_turns(PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        text = busctl("call", NAME, PATH + "/unit", "org.freedesktop.DBus.Introspectable", "Introspect").stdout
        self.assertEqual(text.count('<node name=\\"many_2d'), len(self.NAMES))

    def properties(self, path):
        return self.ask(path, "org.freedesktop.DBus.Properties", "GetAll", "s", "org.leased1.Unit")

    def managed_objects(self):
        return self.ask(PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")

    def test_managed_objects_have_all_interfaces_and_properties(self):
        """A unit that has changed between two answers is asked for once more."""
        path = PATH + "/unit/many_2d123_2eservice"

        def asked():
            before, objects, after = self.properties(path), self.managed_objects(), self.properties(path)
            return (objects, before) if before == after else None

        objects, found = wait_for("a unit that stays as it is", asked)
        self.assertEqual(len([path for path in objects if path.startswith(PATH + "/unit/many_2d")]), len(self.NAMES))
        self.assertEqual(objects[path], {"org.leased1.Unit": found, **{
            "org.freedesktop.DBus." + name: {} for name in ("Peer", "Introspectable", "Properties")}})

    def send_rooms(self):
        """Bytes that the kernel takes at once over each connection of the daemon with a bus."""
        told = subprocess.run(["ss", "-xmpH"], capture_output=True, text=True, check=True).stdout
        return [int(room) for room in re.findall(rf"(?m)^u_str .*pid={self.world.daemon.pid},.*\btb(\d+)", told)]

    def test_a_long_answer_is_sent_in_pieces(self):
        self.managed_objects()
        self.assertTrue(any(room <= 512 * 1024 for room in self.send_rooms()), self.send_rooms())

    def test_two_answers_about_all_objects_come_one_after_another(self):
        self.assertEqual(self.first_answered(*[PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"] * 2),
                         ["first", "ok", "second"])

    def test_a_caller_that_goes_away_is_not_waited_for(self):
        for _ in range(5):
            caller = subprocess.Popen(["busctl", "call", NAME, PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"],
                                      stdout=subprocess.DEVNULL)
            time.sleep(POLL)
            caller.kill()
            caller.wait()
        self.assertEqual(call("ListUnits").returncode, 0)
        self.assertGreaterEqual(len(self.managed_objects()), len(self.NAMES))

    def test_a_reload_keeps_nobody_waiting(self):
        """Both calls are authorized, so both are begun in their order."""
        behind = (PATH, MANAGER, "ReleaseUnit", "nobody.service")
        for text in ("", "[X-Leased]\nHoldDownSec=17\n", "[X-Leased]\nHoldDownSec=17\n"):
            self.configure(text)
            self.assertEqual(self.first_answered(PATH, MANAGER, "Reload", *behind), ["second", "first", "ok"])
        self.assertEqual(set(get(PATH, MANAGER, "ReloadChanges")), set())
        self.configure("[X-Leased]\nHoldDownSec=18\n")
        self.ask(PATH, MANAGER, "Reload")
        self.assertEqual(len(get(PATH, MANAGER, "ReloadChanges")), 201)  # and that some are left out

    def test_all_who_ask_for_a_reload_during_one_are_answered_by_the_next(self):
        reload = ["busctl", f"--timeout={self.PATIENCE}", "call", NAME, PATH, MANAGER, "Reload"]
        callers = [subprocess.Popen(reload) for _ in range(8)]
        self.assertEqual([caller.wait(self.PATIENCE) for caller in callers], [0] * 8)

    @classmethod
    def tearDownClass(cls):
        cls.world.end()


class ManyCallers(unittest.TestCase):
    """One user calls over many connections, and root is served all the same."""

    @classmethod
    def setUpClass(cls):
        cls.world = World(outgoing=OUTGOING_OF_A_MACHINE)
        ManyUnits.configure("")
        cls.world.start_bus()
        cls.world.start_daemon()

    def setUp(self):
        self.assertIsNone(self.world.daemon.poll(), "the daemon has ended")
        self.addCleanup(self.world.daemon.send_signal, signal.SIGCONT)

    def flood(self, connections, calls, mode):
        """Returns what reads their answers: all calls are there when the daemon, which stands still, goes on."""
        reading, writing = os.pipe()
        for _ in range(connections):
            flood = subprocess.Popen(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", FLOOD, str(calls), mode],
                                     stdout=writing)
            self.addCleanup(flood.wait)
            self.addCleanup(flood.kill)
        os.close(writing)
        answers = os.fdopen(reading)
        self.addCleanup(answers.close)
        self.assertEqual([answers.readline() for _ in range(connections)], ["sent\n"] * connections)
        return answers

    def behind(self, *root):
        """A call of root's behind these, and what it is answered. Another one, behind it, tells that it is there."""
        caller = subprocess.Popen([BEHIND, *root, PATH, MANAGER, "GetUnit", "nobody.service"], stdout=subprocess.PIPE, text=True)
        self.assertEqual(caller.stdout.readline(), "sent\n")
        self.world.daemon.send_signal(signal.SIGCONT)
        said = caller.communicate(timeout=ManyUnits.PATIENCE)[0].split()
        return said[said.index("first") + 1]

    def test_whoever_calls_without_end_keeps_root_from_no_verb(self):
        wait_for("the registry", lambda: get(PATH, MANAGER, "RegistryState") == "ok")
        self.world.daemon.send_signal(signal.SIGSTOP)
        answers = self.flood(16, 100, "calls")
        self.assertEqual(self.behind(PATH, MANAGER, "Undrain"), "ok")
        refused = [answers.readline().strip().rpartition(".")[2] for _ in range(1600)]
        self.assertEqual(set(refused), {"LimitsExceeded", "AccessDenied"})

    def test_whoever_asks_for_lists_without_end_keeps_root_from_none(self):
        self.world.daemon.send_signal(signal.SIGSTOP)
        answers = self.flood(40, 4, "lists")
        self.assertEqual(self.behind(PATH, MANAGER, "ListUnits"), "ok")
        self.assertEqual([answers.readline() for _ in range(160)], ["ok\n"] * 160)

    def test_a_queue_of_callers_who_have_left_is_passed_over(self):
        self.world.daemon.send_signal(signal.SIGSTOP)
        self.flood(40, 4, "lists")
        self.doCleanups()
        self.assertEqual(self.behind(PATH, MANAGER, "ListUnits"), "ok")
        self.assertEqual(call("ListUnits").returncode, 0)

    @classmethod
    def tearDownClass(cls):
        cls.world.end()


if __name__ == "__main__":
    main(paths=4)
