#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command of "leasectl run" is gone before the key of its lease in fleet's registry is.

    run-in-guest test-leasectl-fleet-run.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN
                                            LEASECTL_FLEET
"""

import os
import signal
import subprocess
import time

from leasectl_fleet import WithFleetsRegistry, boottime
from leasectl_beta import shown
from leasectl_guest import DEADLINE, ENVIRONMENT, POLL, main, property_of, read, run, wait_for

STAMPS = "/run/stamps"
STUBBORN = f"""
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open("{STAMPS}", "a", buffering=1) as file:
    while True:
        file.write(f"{{time.clock_gettime(time.CLOCK_BOOTTIME)}} {{os.getpid()}}\\n")
        POLL = 0.005
        time.sleep(POLL)
"""


class Commands(WithFleetsRegistry):
    def setUp(self):
        super().setUp()
        if os.path.exists(STAMPS):
            os.unlink(STAMPS)

    def begin(self, name):
        command = subprocess.Popen(["leasectl", "run", name, "python3", "-c", STUBBORN], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        self.addCleanup(command.communicate)
        self.addCleanup(command.kill)
        wait_for("it lives", lambda: os.path.exists(STAMPS) and read(STAMPS))
        return command

    @staticmethod
    def leased_run():
        return property_of(next(each["unit"] for each in shown("list") if each["unit"].startswith("leased-run-")), "MainPID")

    def assertGoneBeforeFleetHas(self, name):
        end = boottime() + 40
        while self.fleet.acquire(name)[0] != 201:
            self.assertLess(boottime(), end, "fleet never gets it")
            time.sleep(POLL)
        taken = boottime()
        last, process = read(STAMPS).split("\n")[-2].split()
        self.assertFalse(os.path.exists(f"/proc/{process}"))
        margin = taken - float(last)
        print(f"the last stamp came {margin:.3f} s before fleet had the lease", flush=True)
        self.assertGreater(margin, 0)

    def test_when_renewals_are_lost(self):
        command = self.begin("cut")
        self.proxy.mode = "hole"
        self.assertGoneBeforeFleetHas("cut")
        self.assertNotEqual(command.wait(DEADLINE), 0)

    def test_when_leasectl_is_stopped(self):
        command = self.begin("frozen")
        command.send_signal(signal.SIGSTOP)
        self.assertGoneBeforeFleetHas("frozen")
        command.send_signal(signal.SIGCONT)

    def test_when_leasectl_is_killed(self):
        self.begin("killed").kill()
        self.assertGoneBeforeFleetHas("killed")

    def test_when_leased_run_is_killed_and_nobody_renews(self):
        command = self.begin("run-killed")
        self.proxy.mode = "hole"
        run("kill", "-KILL", self.leased_run())
        self.assertGoneBeforeFleetHas("run-killed")
        self.assertNotEqual(command.wait(DEADLINE), 0)

    def test_when_leased_run_and_leasectl_stand_still(self):
        command = self.begin("both-frozen")
        self.addCleanup(command.send_signal, signal.SIGCONT)
        run("kill", "-STOP", self.leased_run(), str(command.pid))
        self.assertGoneBeforeFleetHas("both-frozen")

    def test_when_its_whole_unit_is_frozen(self):
        command = self.begin("unit-frozen")
        unit = next(each["unit"] for each in shown("list") if each["unit"].startswith("leased-run-"))
        self.proxy.mode = "hole"
        run("systemctl", "freeze", unit)
        self.assertGoneBeforeFleetHas("unit-frozen")
        self.assertNotEqual(command.wait(DEADLINE), 0)

    def test_when_leased_is_killed_for_good(self):
        self.begin("dead")
        self.addCleanup(run, "systemctl", "start", "leased.service")
        run("systemctl", "kill", "-s", "KILL", "leased.service")
        run("systemctl", "stop", "leased.service", check=False)
        self.assertGoneBeforeFleetHas("dead")

    def test_a_restart_of_leased_is_not_noticed(self):
        command = self.begin("restarted")
        run("systemctl", "restart", "leased.service")
        index = self.fleet.get("restarted")["modifiedIndex"]
        wait_for("it is renewed by the new one", lambda: (self.fleet.get("restarted") or {}).get("modifiedIndex", 0) > index)
        process = read(STAMPS).split()[1]
        self.assertTrue(os.path.exists(f"/proc/{process}"))
        self.assertIsNone(command.poll())
        command.kill()

    def test_when_fleet_takes_it_by_force(self):
        command = self.begin("stolen")
        index = self.fleet.get("stolen")["modifiedIndex"]
        while self.fleet.renew("stolen", index, machine="thief", ttl=1)[0] != 200:  # a renewal came between
            index = self.fleet.get("stolen")["modifiedIndex"]
        done = command.communicate(timeout=60)  # it gets SIGTERM, which it ignores, and is killed when its time is over
        self.assertIn("has given the lease to somebody else", done[1])
        self.assertFalse(os.path.exists(f"/proc/{read(STAMPS).split()[-1]}"))


if __name__ == "__main__":
    main()
