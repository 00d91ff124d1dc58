#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""leasectl run on a local registry: a command is there only while its lease is ours.

    run-in-guest test-leasectl-run.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY
"""

import json
import os
import signal
import subprocess
import time

from leasectl_guest import DEADLINE, ENVIRONMENT, CaseWithDaemon, ctl, main, read, run, wait_for, write

REGISTRY = "/var/lib/leased/registry"
STAMPS = "/run/stamps"
# Says every 5 ms that it lives. SIGTERM does not impress it.
STUBBORN = f"""
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open("{STAMPS}", "w", buffering=1) as file:
    while True:
        file.write(f"{{time.clock_gettime(time.CLOCK_BOOTTIME)}} {{os.getpid()}}\\n")
        POLL = 0.005
        time.sleep(POLL)
"""


def boottime():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def lease(name):
    """(held, path, machine id, version, index, microseconds left)"""
    done = run("busctl", "--json=short", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "GetLease", "s", name,
               check=False)
    return json.loads(done.stdout)["data"] if done.returncode == 0 else [False] + 5 * [0]


def steal(name, index):
    """Returns after how many microseconds the thief may act."""
    done = run("busctl", "--json=short", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "StealLease", "ssxtt",
               name, "", "0", "10000000", str(index))
    return json.loads(done.stdout)["data"][2]


def stamps():
    """(when, process) of all."""
    lines = read(STAMPS).split("\n")[:-1] if os.path.exists(STAMPS) else []
    return [(float(line.split()[0]), int(line.split()[1])) for line in lines]


class Run(CaseWithDaemon):
    LEASED_CONF = "[Leased]\nTTL=2s\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        wait_for("leases can be had", lambda: ctl("run", "--no-wait", "first", "true").returncode == 0)

    def setUp(self):
        if os.path.exists(STAMPS):
            os.unlink(STAMPS)

    def start(self, *arguments):
        process = subprocess.Popen(["leasectl", "run", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def end(self, process):
        out, err = process.communicate(timeout=DEADLINE)
        return process.returncode, out, err

    def start_stubborn(self, name, period):
        process = self.start(f"--period={period}s", name, "python3", "-c", STUBBORN)
        wait_for("it lives", stamps)
        return process

    # how it should go

    def test_a_command_finds_its_lease_in_the_environment_and_its_exit_code_comes_back(self):
        done = ctl("run", "own", "sh", "-c", "echo $LEASE_NAME $LEASE_INDEX $LEASE_MACHINE_ID; exit 7")
        self.assertEqual((done.returncode, done.stderr), (7, ""))
        machine = json.loads(ctl("status", "--json=short").stdout)["MachineID"]
        self.assertEqual(done.stdout, f"own {lease('own')[4]} {machine}\n")
        self.assertFalse(lease("own")[0])
        self.assertEqual(ctl("run", "own", "sh", "-c", "kill -KILL $$").returncode, 128 + 9)

    def test_its_own_options_are_the_commands(self):
        self.assertEqual(ctl("run", "--period=2s", "own", "echo", "--json", "-h").stdout, "--json -h\n")
        self.assertEqual(ctl("--period=2s", "run", "own", "--", "--help").returncode, 127)

    def test_it_is_kept_for_longer_than_its_period(self):
        process = self.start("--period=2s", "kept", "sleep", "5")
        wait_for("it is held", lambda: lease("kept")[0])
        first = lease("kept")
        left = []
        while process.poll() is None:
            now = lease("kept")
            left.append(now[5])
            if process.poll() is None:
                self.assertEqual((now[0], now[3]), (True, first[3]))
        self.assertGreater(min(left[:-1]), 0)
        self.assertEqual(self.end(process), (0, "", ""))
        self.assertGreater(lease("kept")[4], first[4])
        self.assertFalse(lease("kept")[0])

    def test_one_after_the_other_has_it(self):
        script = "echo begin $0 >>/run/order; sleep 0.3; echo end $0 >>/run/order"
        processes = [self.start("queue", "sh", "-c", script, str(number)) for number in range(4)]
        for process in processes:
            self.assertEqual(self.end(process)[0], 0)
        words = read("/run/order").split()
        self.assertEqual(words[0::4] + words[2::4], 4 * ["begin"] + 4 * ["end"])
        self.assertEqual(sorted(words[1::4]), ["0", "1", "2", "3"])
        self.assertEqual(words[1::4], words[3::4])

    def test_who_does_not_want_to_wait_is_told_who_has_it(self):
        process = self.start("taken", "sleep", "100")
        wait_for("it is held", lambda: lease("taken")[0])
        self.assertSays(ctl("run", "--no-wait", "taken", "true"), 3, f"taken: held by {os.uname().nodename}")
        waiting = self.start("taken", "echo", "mine")
        self.assertEqual(waiting.stderr.readline(), f"leasectl: taken: waiting, held by {os.uname().nodename}\n")
        process.terminate()
        self.assertEqual(self.end(process)[0], 128 + signal.SIGTERM)
        self.assertEqual(self.end(waiting)[:2], (0, "mine\n"))

    def test_what_the_command_leaves_behind_is_ended_before_the_lease_is_given_back(self):
        write("/run/stubborn.py", STUBBORN)
        process = self.start("--period=4s", "left", "sh", "-c",
                             f"setsid -f python3 /run/stubborn.py; until [ -s {STAMPS} ]; do sleep 0.05; done; exit 5")
        wait_for("it lives", stamps)
        waiting = self.start("left", "python3", "-c", "import time; print(time.clock_gettime(time.CLOCK_BOOTTIME))")
        self.assertEqual(self.end(process), (5, "", ""))
        self.assertGreater(float(self.end(waiting)[1]), stamps()[-1][0])
        self.assertFalse(os.path.exists(f"/proc/{stamps()[-1][1]}"))

    # how it may go wrong

    def test_a_lease_that_was_taken_by_force_ends_the_command_before_the_thief_may_act(self):
        process = self.start_stubborn("robbed", 4)
        wait = steal("robbed", lease("robbed")[4])
        may_act = boottime() + wait / 1e6
        self.assertEqual(self.end(process), (3, "", "leasectl: robbed: lost, ending the command\n"))
        self.assertLess(stamps()[-1][0], may_act)

    def test_a_lease_that_was_released_for_us_ends_the_command(self):
        process = self.start("--period=3s", "freed", "sleep", "100")
        wait_for("it is held", lambda: lease("freed")[0])
        _, path, _, _, index, _ = lease("freed")
        run("busctl", "call", "org.leased1", path, "org.leased1.Lease", "Release", "t", str(index), check=False)
        self.assertEqual(self.end(process), (3, "", "leasectl: freed: lost, ending the command\n"))

    def test_a_registry_that_is_silent_ends_the_command_in_time(self):
        process = self.start_stubborn("silent", 3)
        wait_for("it has been renewed", lambda: lease("silent")[4] > 1)
        os.rename(REGISTRY, REGISTRY + ".away")
        renewed = boottime()
        code, _, err = self.end(process)
        os.rename(REGISTRY + ".away", REGISTRY)
        self.assertEqual(code, 3)
        self.assertRegex(err, r"\Aleasectl: silent: no renewal has come through in time \(.*\), ending the command\n"
                              r"leasectl: silent: not released, and held for another .*\n\Z")
        self.assertLess(stamps()[-1][0], renewed + 3)
        wait_for("leases can be had", lambda: ctl("run", "--no-wait", "silent", "true").returncode == 0)

    def silence_with(self, name, stderr):
        """The registry falls silent while leasectl's words go to stderr. Whether the command was gone in time."""
        process = subprocess.Popen(["leasectl", "run", "--period=3s", name, "python3", "-c", STUBBORN],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, env=ENVIRONMENT)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(lambda: [os.kill(pid, signal.SIGKILL) for pid in {pid for _, pid in stamps()}
                                 if os.path.exists(f"/proc/{pid}")])
        wait_for("it lives", stamps)
        wait_for("it has been renewed", lambda: lease(name)[4] > 1)
        yield process
        os.rename(REGISTRY, REGISTRY + ".away")
        renewed = boottime()
        self.addCleanup(wait_for, "leases can be had", lambda: ctl("run", "--no-wait", name, "true").returncode == 0)
        self.addCleanup(os.rename, REGISTRY + ".away", REGISTRY)
        wait_for("its time is over", lambda: boottime() > renewed + 3.5)
        self.assertLess(stamps()[-1][0], renewed + 3)
        self.assertEqual(process.wait(DEADLINE), 3)

    def test_a_reader_that_has_gone_does_not_keep_the_command_alive(self):
        reader, writer = os.pipe()
        for _ in self.silence_with("unread", writer):
            os.close(writer)
            os.close(reader)

    def test_a_reader_that_stalls_does_not_keep_the_command_alive(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        filler = os.open(f"/proc/self/fd/{writer}", os.O_WRONLY | os.O_NONBLOCK)
        with self.assertRaises(BlockingIOError):
            while True:
                os.write(filler, b"x" * 4096)
        for _ in self.silence_with("stalled", writer):
            os.close(writer)
            os.close(filler)

    def test_a_signal_that_would_end_it_goes_to_the_command(self):
        process = self.start("--period=3s", "signals", "sh", "-c", "trap 'touch /run/trapped' USR1; touch /run/traps; "
                             "while :; do sleep 0.05; done")
        wait_for("it listens", lambda: os.path.exists("/run/traps"))
        process.send_signal(signal.SIGUSR1)
        wait_for("it has heard", lambda: os.path.exists("/run/trapped"))
        process.send_signal(signal.SIGALRM)
        self.assertEqual(self.end(process), (128 + signal.SIGALRM, "", ""))

    def test_a_restart_of_the_daemon_disturbs_nothing(self):
        process = self.start("--period=5s", "steady", "sleep", "6")
        wait_for("it is held", lambda: lease("steady")[0])
        version = lease("steady")[3]
        for _ in range(3):
            run("systemctl", "restart", "leased.service")
            wait_for("the lease is known", lambda: lease("steady")[0])
        self.assertEqual(lease("steady")[3], version)
        self.assertEqual(self.end(process), (0, "", ""))
        self.assertFalse(lease("steady")[0])

    def test_a_daemon_that_is_gone_ends_the_command_in_time(self):
        process = self.start_stubborn("orphan", 3)
        run("systemctl", "stop", "leased.service")
        stopped = boottime()
        self.addCleanup(run, "systemctl", "start", "leased.service")
        code, _, err = self.end(process)
        self.assertEqual(code, 3)
        self.assertIn("no renewal has come through in time", err)
        self.assertLess(stamps()[-1][0], stopped + 3)

    def test_a_command_does_not_outlive_who_keeps_its_lease(self):
        process = self.start_stubborn("killed", 3)
        process.kill()
        process.wait(DEADLINE)
        wait_for("it is dead", lambda: not os.path.exists(f"/proc/{stamps()[-1][1]}"))
        wait_for("its lease passes on", lambda: ctl("run", "--no-wait", "killed", "true").returncode == 0)

    # what cannot be meant

    def test_what_cannot_be_run_is_told(self):
        unit = self.enable("unit.service")
        no_name = ("A lease's name is a unit's, or 1 to 255 of A-Z a-z 0-9 : _ . \\ @ -, not beginning with a dot.")
        for name in ("", "a/b", "..", "x" * 256):
            self.assertSays(ctl("run", name, "true"), 1, f"{name}: {no_name}")
        self.assertSays(ctl("run", unit, "true"), 1, f"{unit}: {unit} is the lease of a unit.")
        self.assertSays(ctl("run", "own"), 2, "usage: leasectl run LEASE COMMAND...")
        self.assertSays(ctl("run", "--period=soon", "own", "true"), 2, "--period=soon: expected is a time span, e.g. 10s")
        for span in ("1s", "25h"):
            self.assertSays(ctl("run", f"--period={span}", "own", "true"), 2,
                            "--period=: expected is a time span from 2s to 24h, e.g. 10s")
        self.assertSays(ctl("run", "own", "/nowhere/to/be"), 127, "cannot execute /nowhere/to/be: No such file or directory")
        self.assertSays(ctl("run", "own", "/etc"), 126, "cannot execute /etc: Permission denied")
        self.assertFalse(lease("own")[0])
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "leasectl")
        self.assertSays(run(*nobody, "run", "own", "true", check=False), 1, "own: not allowed, do it as root")


if __name__ == "__main__":
    main()
