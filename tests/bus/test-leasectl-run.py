#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""leasectl run on a local registry: a command is there only while its lease is ours, and somebody waits for its end.

    run-in-guest test-leasectl-run.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN
                                      POLKIT_STUB
"""

import fcntl
import glob
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios

from leasectl_guest import DEADLINE, ENVIRONMENT, HERE, POLL, TARGETS, CaseWithDaemon, ctl, main, property_of, read, run, wait_for, write
import time

REGISTRY = "/var/lib/leased/registry"
STAMPS = "/run/stamps/all"
TTL = 2
USER = 4711
GROUPS = (4711, 20, 4)
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
POLKIT_POLICY = """<busconfig><policy user="root"><allow own="org.freedesktop.PolicyKit1"/></policy>
<policy context="default"><allow send_destination="org.freedesktop.PolicyKit1"/></policy></busconfig>"""


def boottime():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def lease(name):
    """(held, path, machine id, version, index, microseconds left)"""
    done = run("busctl", "--json=short", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "GetLease", "s", name,
               check=False)
    return json.loads(done.stdout)["data"] if done.returncode == 0 else [False] + 5 * [0]


def stamps():
    """(when, process) of all."""
    lines = read(STAMPS).split("\n")[:-1] if os.path.exists(STAMPS) else []
    return [(float(line.split()[0]), int(line.split()[1])) for line in lines]


def units():
    """The transient units that PID 1 knows."""
    return [line.split()[0] for line in run("systemctl", "list-units", "--all", "--plain", "--no-legend",
                                            "leased-run-*").stdout.splitlines()]


def pid_of(service):
    return int(property_of(service, "MainPID"))


def is_alive(pid):
    return os.path.exists(f"/proc/{pid}")


class Run(CaseWithDaemon):
    LEASED_CONF = f"[Leased]\nTTL={TTL}s\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.makedirs(os.path.dirname(STAMPS), exist_ok=True)
        os.chmod(os.path.dirname(STAMPS), 0o777)
        with open("/etc/passwd", "a") as passwd, open("/etc/group", "a") as group:
            passwd.write(f"batch:x:{USER}:{USER}::/:/bin/sh\n")
            group.write(f"batch:x:{USER}:\n")
        wait_for("leases can be had", lambda: ctl("run", "--no-wait", "first", "true").returncode == 0)

    def setUp(self):
        if os.path.exists(STAMPS):
            os.unlink(STAMPS)

    def start(self, *arguments, **how):
        how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True,
               "env": ENVIRONMENT, **how}
        process = subprocess.Popen(["leasectl", "run", *arguments], **how)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.addCleanup(process.send_signal, signal.SIGCONT)
        return process

    def end(self, process):
        out, err = process.communicate(timeout=DEADLINE)
        return process.returncode, out, err

    def start_stubborn(self, name, **how):
        process = self.start(name, "python3", "-c", STUBBORN, **how)
        wait_for("it lives", stamps)
        return process

    def assertWasEnded(self, name, done):
        """The command had no say in it."""
        self.assertEqual(done[:2], (3, ""), done)
        self.assertRegex(done[2], rf"\Aleasectl: {name}: the command was ended, for the lease could not be kept, or somebody has "
                                  r"stopped it; see: journalctl -u leased-run-[^\n]*\.service\n(leasectl: .*not given back yet.*\n)?\Z")

    def assertNothingLeft(self):
        """Of the run that has just ended: no unit, as soon as PID 1 has read that leased is done with it; no gate, no entry, no file.
        Where no daemon held the unit PID 1 may have dropped it before the next daemon is done with it."""
        wait_for("no unit is left", lambda: not units())
        for folder in ("held", "env", "guard", "members", "runs"):
            wait_for(f"nothing is left in {folder}", lambda: not glob.glob(f"/run/leased/{folder}/leased-run-*"))
        self.assertEqual(glob.glob("/run/systemd/transient/leased-run-*"), [])

    def test_a_command_whose_gate_a_drop_in_takes_away_is_ended(self):
        dropin = "/run/systemd/system/leased-run-.service.d/empty.conf"
        write(dropin, "[Unit]\nAssertPathExists=\n")
        self.addCleanup(run, "systemctl", "daemon-reload")
        self.addCleanup(shutil.rmtree, os.path.dirname(dropin))
        run("systemctl", "daemon-reload")
        process = self.start("ungated", "sleep", "1000")
        self.assertWasEnded("ungated", self.end(process))
        self.assertIn("takes its gate away (AssertPathExists=): ending the command",
                      run("journalctl", "-b", "-o", "cat", "-u", "leased.service").stdout)
        wait_for("nothing is left", lambda: not units())
        self.assertNothingLeft()

    def stop_until_cleanup(self, *pids):
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
            self.addCleanup(lambda pid=pid: is_alive(pid) and os.kill(pid, signal.SIGCONT))

    # how it should go

    def test_a_command_finds_its_lease_in_the_environment_and_its_exit_code_comes_back(self):
        done = ctl("run", "own", "sh", "-c", "echo $LEASE_NAME $LEASE_INDEX $LEASE_MACHINE_ID; exit 7")
        self.assertEqual((done.returncode, done.stderr), (7, ""))
        machine = json.loads(ctl("status", "--json=short").stdout)["machine_id"]
        self.assertEqual(done.stdout, f"own {lease('own')[4]} {machine}\n")
        self.assertFalse(lease("own")[0])
        self.assertNothingLeft()
        self.assertEqual(ctl("run", "own", "sh", "-c", "kill -KILL $$").returncode, 128 + 9)

    def test_its_own_options_are_the_commands(self):
        self.assertEqual(ctl("run", "own", "echo", "--json", "-h").stdout, "--json -h\n")
        self.assertEqual(ctl("run", "own", "--", "echo", "--", "-h").stdout, "-- -h\n")
        self.assertEqual(ctl("run", "own", "--", "--help").returncode, 127)

    def test_it_is_kept_for_longer_than_the_ttl(self):
        process = self.start("kept", "sleep", str(2.5 * TTL))
        wait_for("it is held", lambda: lease("kept")[0])
        first = lease("kept")
        left = []
        while process.poll() is None:
            now = lease("kept")
            left.append(now[5])
            if process.poll() is None and now[0]:
                self.assertEqual(now[2:5], first[2:5])
        self.assertGreater(min(left[:-2]), 0)
        self.assertEqual(self.end(process), (0, "", ""))
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

    def test_so_many_at_once_as_there_are_slots(self):
        say = ("sh", "-c", "echo $LEASE_NAME; exec sleep 100")
        running = [self.start("--slots=2", "jobs", *say) for _ in range(2)]
        self.assertEqual(sorted(process.stdout.readline() for process in running), ["jobs#1\n", "jobs#2\n"])
        self.assertSays(ctl("run", "--no-wait", "--slots=2", "jobs", "true"), 3, "jobs: all 2 slots are held")
        third = self.start("--slots=2", "jobs", "sh", "-c", "echo $LEASE_NAME")
        self.assertEqual(third.stderr.readline(), "leasectl: jobs: waiting, all 2 slots are held\n")
        run("systemctl", "restart", "leased.service")
        wait_for("the leases are known", lambda: lease("jobs#1")[0] and lease("jobs#2")[0])
        running[0].terminate()
        self.assertEqual(self.end(running[0])[0], 128 + signal.SIGTERM)
        self.assertIn(self.end(third)[:2], [(0, f"{name}\n") for name in ("jobs#1", "jobs#2")])
        self.assertIsNone(running[1].poll())
        self.assertSays(ctl("run", "--slots=0", "jobs", "true"), 2, "--slots=0: expected is a number from 1 to 64")
        self.assertSays(ctl("run", "--slots=2", "jobs#1", "true"), 1, "jobs#1: A lease's name is a unit's, or 1 to 255 of "
                        "A-Z a-z 0-9 : _ . \\ @ - #, not beginning with a dot or #.")

    def test_what_the_command_leaves_behind_is_ended_before_the_lease_is_given_back(self):
        write("/run/stubborn.py", STUBBORN)
        process = self.start("left", "sh", "-c",
                             f"setsid -f python3 /run/stubborn.py; until [ -s {STAMPS} ]; do sleep 0.05; done; exit 5")
        wait_for("it lives", stamps)
        waiting = self.start("left", "python3", "-c", "import time; print(time.clock_gettime(time.CLOCK_BOOTTIME))")
        self.assertEqual(self.end(process), (5, "", ""))
        self.assertGreater(float(self.end(waiting)[1]), stamps()[-1][0])
        self.assertFalse(is_alive(stamps()[-1][1]))

    def test_it_shows_like_any_unit_with_its_holder(self):
        process = self.start("shown", "sleep", "100")
        unit = wait_for("it is there", units)[0]
        row = wait_for("it runs", lambda: (self.row(unit) or {}).get("state") == "running" and self.row(unit))
        self.assertEqual((row["lease"], row["hostname"], row["held"]), ("shown", os.uname().nodename, True))
        self.assertIn(unit, ctl("list", "--no-pager").stdout)
        self.assertRegex(ctl("list", "--all", "--no-pager").stdout, rf"\nshown +{re.escape(unit)} +{os.uname().nodename} +\d+ ")
        self.assertIn("shown", ctl("status", unit, "--no-pager").stdout)
        self.assertEqual(property_of(unit, "BindsTo"), "leased-guard.service")
        process.terminate()
        self.end(process)
        self.assertIsNone(self.row(unit))

    def test_the_command_is_where_its_caller_is(self):
        os.makedirs("/run/some where", exist_ok=True)
        done = subprocess.run(["leasectl", "run", "own", "sh", "-c", 'pwd; umask; echo "$WORD"; cat'], cwd="/run/some where",
                              env={**ENVIRONMENT, "WORD": "it's\na word"}, umask=0o077, input="in", stdout=subprocess.PIPE,
                              text=True, check=True, timeout=DEADLINE)
        self.assertEqual(done.stdout, "/run/some where\n0077\nit's\na word\nin")
        for options, directory in ((("--working-directory=/usr/bin",), "/usr/bin"), (("--working-directory=lib",), "/usr/lib")):
            done = subprocess.run(["leasectl", "run", *options, "-E", "WORD=a b", "--setenv=LANG", "own", "sh", "-c",
                                   "pwd; echo $WORD $LANG"], cwd="/usr", env=ENVIRONMENT, stdout=subprocess.PIPE, text=True,
                                  check=True, timeout=DEADLINE)
            self.assertEqual(done.stdout, f"{directory}\na b C.UTF-8\n")

    def test_nobody_else_sees_its_environment(self):
        process = self.start("secret", "sleep", "100", env={**ENVIRONMENT, "TOKEN": "very-secret"})
        unit = wait_for("it is there", units)[0]
        wait_for("it runs", lambda: property_of(unit, "ActiveState") == "active")
        self.assertNotIn("very-secret", run("systemctl", "show", unit).stdout)
        self.assertNotIn("very-secret", run("grep", "-rs", "very-secret", "/run/leased", "/run/systemd/transient",
                                            check=False).stdout)
        process.terminate()
        self.end(process)

    def test_signals_are_as_a_shell_would_have_left_them(self):
        done = ctl("run", "own", "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status")
        self.assertEqual(re.findall(r"\w+$", done.stdout, re.M), 2 * [16 * "0"])

    # standard input and output

    def test_a_pipe_goes_through(self):
        data = os.urandom(1 << 20)
        done = subprocess.run(["leasectl", "run", "piped", "cat"], input=data, stdout=subprocess.PIPE, env=ENVIRONMENT,
                              timeout=DEADLINE, check=True)
        self.assertEqual(done.stdout, data)

    def test_a_reader_that_goes_ends_the_writer(self):
        process = self.start("yes", "yes")
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        self.assertEqual(self.end(process)[0], 128 + signal.SIGPIPE)

    def test_what_is_closed_is_empty(self):
        done = subprocess.run("leasectl run closed sh -c 'cat; echo end' <&-", shell=True, stdout=subprocess.PIPE, text=True,
                              env=ENVIRONMENT, timeout=DEADLINE, check=True)
        self.assertEqual(done.stdout, "end\n")

    def on_terminal(self, *arguments):
        """leasectl run with a terminal of our own: (process id, our side of it)."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execvpe("leasectl", ["leasectl", "run", *arguments], {**ENVIRONMENT, "TERM": "xterm"})
        self.addCleanup(os.close, fd)
        return pid, fd

    def see(self, fd, pattern):
        """What is printed until it matches."""
        seen, end = "", time.monotonic() + DEADLINE
        while not re.search(pattern, seen, re.S):
            self.assertLess(time.monotonic(), end, seen)
            if select.select([fd], [], [], POLL)[0]:
                try:
                    seen += os.read(fd, 4096).decode()
                except OSError:
                    self.fail(seen)
        return seen

    def test_a_terminal_that_stands_still_keeps_no_signal_from_the_command(self):
        """Nobody reads it any more, as after Ctrl-S, or where an ssh hangs."""
        pid, fd = self.on_terminal("unseen", "sh", "-c", "trap 'touch /run/ended; exit 7' TERM; yes & while :; do sleep 0.05; done")
        waiting = []

        def is_full():
            waiting.append(struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0])
            return waiting[-1] > 0 and waiting[-10:] == 10 * waiting[-1:]

        wait_for("it stands still", is_full)
        os.kill(pid, signal.SIGTERM)
        wait_for("the command has heard", lambda: os.path.exists("/run/ended"))
        self.assertEqual(self.end_on_terminal(pid), 7)

    def end_on_terminal(self, pid):
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_on_a_terminal_it_has_one_of_its_own(self):
        pid, fd = self.on_terminal("typed", "sh", "-c", "tty; ps -o tpgid= -o pid= -p $$; read line; echo got $line; exit 4")
        seen = self.see(fd, r"/dev/pts/\d+\r\n *\d+ +\d+\r\n")
        self.assertNotEqual(re.search(r"/dev/pts/\d+", seen).group(), os.ttyname(fd) if os.isatty(fd) else "")
        group, process = re.search(r"\n *(\d+) +(\d+)\r", seen).groups()
        self.assertEqual(group, process)
        os.write(fd, b"a line\n")
        self.see(fd, "got a line\r\n")
        self.assertEqual(self.end_on_terminal(pid), 4)

    def test_ctrl_c_goes_to_the_command(self):
        pid, fd = self.on_terminal("ctrl", "sh", "-c", "trap 'echo trapped; exit 9' INT; echo ready; while :; do sleep 0.05; done")
        self.see(fd, "ready")
        os.write(fd, b"\003")
        self.see(fd, "trapped")
        self.assertEqual(self.end_on_terminal(pid), 9)

    def test_its_terminal_has_the_size_of_ours(self):
        pid, fd = self.on_terminal("sized", "sh", "-c",
                                   "trap 'stty size; exit' WINCH; stty size; echo ready; while :; do sleep 0.05; done")
        self.see(fd, "ready")
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 44, 0, 0))
        self.see(fd, "33 44")
        self.assertEqual(self.end_on_terminal(pid), 0)

    def test_the_terminal_is_put_back(self):
        pid, fd = self.on_terminal("sane", "true")
        before = termios.tcgetattr(fd)
        self.assertEqual(self.end_on_terminal(pid), 0)
        self.assertEqual(termios.tcgetattr(fd), before)

    def test_a_terminal_that_is_closed_ends_the_command(self):
        pid, fd = self.on_terminal("hangup", "python3", "-c",
                                   "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + STUBBORN)
        wait_for("it lives", stamps)
        os.dup2(os.open("/dev/null", os.O_RDWR), fd)
        self.assertNotEqual(self.end_on_terminal(pid), 0)
        wait_for("it is dead", lambda: not is_alive(stamps()[-1][1]))
        wait_for("its lease passes on", lambda: ctl("run", "--no-wait", "hangup", "true").returncode == 0)

    def test_a_terminal_can_be_had_and_be_refused(self):
        done = subprocess.run(["leasectl", "run", "--pty", "asked", "sh", "-c", "tty; cat"], input="half a line", text=True,
                              stdout=subprocess.PIPE, env=ENVIRONMENT, timeout=DEADLINE, check=True)
        self.assertRegex(done.stdout, r"/dev/pts/\d+\n")
        self.assertEqual(done.stdout.count("half a line"), 2)  # the terminal's echo, and cat's
        pid, fd = self.on_terminal("--pipe", "refused", "sh", "-c", "tty; ps -o tty= -p $$")
        self.assertRegex(self.see(fd, r"/dev/pts/\d+\r\n.*\r\n"), r"\?\s*\r\n\Z")
        self.assertEqual(self.end_on_terminal(pid), 0)

    # how it may go wrong

    def test_nobody_takes_its_lease_as_a_schedulers(self):
        process = self.start("robbed", "sleep", "100")
        wait_for("it is held", lambda: lease("robbed")[0])
        for call in (("org.leased1.Manager", "StealLease", "ssxtt", "robbed", "", "0", "10000000", str(lease("robbed")[4])),
                     ("org.leased1.Manager", "AcquireLease", "ssxt", "robbed", "", "0", "10000000")):
            done = run("busctl", "call", "org.leased1", "/org/leased1", *call, check=False)
            self.assertIn("robbed is the lease of a unit", done.stderr)
        process.terminate()
        self.end(process)

    def test_a_release_ends_the_command(self):
        process = self.start("freed", "sleep", "100")
        unit = wait_for("it is there", units)[0]
        wait_for("it runs", lambda: (self.row(unit) or {}).get("state") == "running")
        ctl("release", unit, check=True)
        self.assertWasEnded("freed", self.end(process))
        self.assertFalse(lease("freed")[0])
        self.assertNothingLeft()

    def test_a_release_before_the_command_begins_is_told_as_one_too(self):
        """leasectl is slow: when it reads that leased-run is ready, leased-run has been ended."""
        first = self.start("early", "sleep", "100")
        before = wait_for("it is there", units)
        process = self.start("early", "sleep", "100")
        process.stderr.readline()  # it waits
        os.kill(process.pid, signal.SIGSTOP)
        first.terminate()
        unit = wait_for("its turn has come", lambda: [each for each in units() if each not in before])[0]
        wait_for("it runs", lambda: (self.row(unit) or {}).get("state") == "running")
        ctl("release", unit, check=True)
        os.kill(process.pid, signal.SIGCONT)
        self.assertWasEnded("early", self.end(process))
        self.assertFalse(lease("early")[0])

    def test_a_release_before_leased_run_begins_is_told_as_one_too(self):
        dropin = "/run/systemd/system/leased-run-.service.d/slow.conf"
        write(dropin, "[Service]\nExecStartPre=+/bin/sleep 1000\n")
        self.addCleanup(run, "systemctl", "daemon-reload")
        self.addCleanup(shutil.rmtree, os.path.dirname(dropin))
        run("systemctl", "daemon-reload")
        process = self.start("begins", "sleep", "100")
        unit = wait_for("it is being started", units)[0]
        wait_for("its ExecStartPre= runs", lambda: property_of(unit, "ControlPID") not in ("", "0"))
        ctl("release", unit, check=True)
        self.assertWasEnded("begins", self.end(process))
        self.assertFalse(lease("begins")[0])
        wait_for("nothing is left", lambda: not units())
        self.assertNothingLeft()

    def test_who_stops_the_unit_ends_the_command(self):
        process = self.start("stopped", "sleep", "100")
        unit = wait_for("it is there", units)[0]
        wait_for("it runs", lambda: (self.row(unit) or {}).get("state") == "running")
        run("systemctl", "stop", unit)
        self.assertWasEnded("stopped", self.end(process))
        self.assertFalse(lease("stopped")[0])
        self.assertNothingLeft()

    def away(self, name):
        """The registry is silent from now on; returns since when."""
        os.rename(REGISTRY, REGISTRY + ".away")
        self.addCleanup(wait_for, "leases can be had", lambda: ctl("run", "--no-wait", name, "true").returncode == 0)
        self.addCleanup(os.rename, REGISTRY + ".away", REGISTRY)
        return boottime()

    def test_a_registry_that_is_silent_ends_the_command_in_time(self):
        process = self.start_stubborn("silent")
        since = self.away("silent")
        self.assertWasEnded("silent", self.end(process))
        self.assertLess(stamps()[-1][0], since + TTL)

    def silence_with(self, name, stderr):
        """The registry falls silent while leasectl's words go to stderr. Whether the command was gone in time."""
        process = subprocess.Popen(["leasectl", "run", name, "python3", "-c", STUBBORN],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, env=ENVIRONMENT)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_for("it lives", stamps)
        yield process
        since = self.away(name)
        wait_for("its time is over", lambda: boottime() > since + TTL + 0.5)
        self.assertLess(stamps()[-1][0], since + TTL)
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
        process = self.start("signals", "sh", "-c", "trap 'touch /run/trapped' USR1; touch /run/traps; "
                             "while :; do sleep 0.05; done")
        wait_for("it listens", lambda: os.path.exists("/run/traps"))
        process.send_signal(signal.SIGUSR1)
        wait_for("it has heard", lambda: os.path.exists("/run/trapped"))
        process.send_signal(signal.SIGALRM)
        self.assertEqual(self.end(process), (128 + signal.SIGALRM, "", ""))

    def test_a_restart_of_the_daemon_disturbs_nothing(self):
        process = self.start("steady", "sh", "-c",
                             "touch /run/begun-steady; until [ -e /run/end-steady ]; do sleep 0.05; done; exit 7")
        wait_for("leasectl has its answer, and the command has begun", lambda: os.path.exists("/run/begun-steady"))
        before = lease("steady")[2:5]
        for how in ("restart", "kill", "restart"):
            run("systemctl", *(("kill", "-s", "KILL") if how == "kill" else (how,)), "leased.service")
            wait_for("the new daemon has sent a beat", lambda: lease("steady")[0] and lease("steady")[5] > 0.7 * TTL * 1e6)
        self.assertEqual(lease("steady")[2:5], before)
        write("/run/end-steady", "")
        self.assertEqual(self.end(process), (7, "", ""))
        self.assertFalse(lease("steady")[0])
        self.assertNothingLeft()

    def test_who_waits_goes_on_waiting_over_a_restart_of_the_daemon(self):
        process = self.start("patient", "sleep", "100")
        wait_for("it is held", lambda: lease("patient")[0])
        waiting = self.start("patient", "echo", "mine")
        waiting.stderr.readline()
        run("systemctl", "restart", "leased.service")
        wait_for("the lease is known", lambda: lease("patient")[0])
        process.terminate()
        self.end(process)
        self.assertEqual(self.end(waiting)[:2], (0, "mine\n"))

    def test_what_ended_while_no_daemon_was_there_is_given_back_by_the_next(self):
        process = self.start("between", "sh", "-c", "touch /run/begun-between; until [ -e /run/end ]; do sleep 0.05; done; exit 6")
        wait_for("leasectl has its answer, and the command has begun", lambda: os.path.exists("/run/begun-between"))
        run("systemctl", "kill", "-s", "STOP", "leased.service")
        write("/run/end", "")
        process.wait(DEADLINE)
        self.assertEqual(self.end(process), (6, "", ""))
        run("systemctl", "kill", "-s", "KILL", "leased.service")
        wait_for("it is given back", lambda: not lease("between")[0] and lease("between")[4] > 0)
        wait_for("nothing is left", lambda: not units())
        self.assertNothingLeft()

    def test_the_end_of_the_daemon_ends_the_command_first(self):
        process = self.start_stubborn("orphan")
        run("systemctl", "stop", "leased.service")
        self.addCleanup(wait_for, "leases can be had", lambda: ctl("run", "--no-wait", "orphan", "true").returncode == 0)
        self.addCleanup(run, "systemctl", "start", "leased.service")
        self.assertFalse(is_alive(stamps()[-1][1]))
        self.assertWasEnded("orphan", self.end(process))

    def test_the_end_of_the_guard_ends_the_command(self):
        process = self.start_stubborn("unguarded")
        run("systemctl", "kill", "-s", "KILL", "leased-guard.service")
        self.assertWasEnded("unguarded", self.end(process))
        wait_for("leases can be had", lambda: ctl("run", "--no-wait", "unguarded", "true").returncode == 0)
        self.assertFalse(is_alive(stamps()[-1][1]))

    def test_a_command_does_not_outlive_who_waits_for_its_end(self):
        process = self.start_stubborn("killed")
        process.kill()
        process.wait(DEADLINE)
        wait_for("it is dead", lambda: not is_alive(stamps()[-1][1]))
        wait_for("its lease passes on", lambda: ctl("run", "--no-wait", "killed", "true").returncode == 0)
        self.assertNothingLeft()

    def test_not_even_while_the_daemon_stands_still(self):
        process = self.start("killed-2", "sh", "-c", "sleep 1000 & echo $!; wait")
        child = int(process.stdout.readline())
        self.stop_until_cleanup(pid_of("leased.service"))
        process.kill()
        wait_for("it is dead", lambda: not is_alive(child))

    def test_a_daemon_that_stands_still_ends_the_command_in_time(self):
        process = self.start_stubborn("still")
        self.addCleanup(wait_for, "leases can be had", lambda: ctl("run", "--no-wait", "still", "true").returncode == 0)
        since = boottime()
        self.stop_until_cleanup(pid_of("leased.service"), process.pid)
        wait_for("its time is over", lambda: boottime() > since + TTL + 0.5)
        self.assertLess(stamps()[-1][0], since + TTL)
        self.assertFalse(is_alive(stamps()[-1][1]))

    def test_one_who_stands_still_himself_keeps_his_lease(self):
        process = self.start_stubborn("asleep")
        index = lease("asleep")[4]
        os.kill(process.pid, signal.SIGSTOP)
        since = boottime()
        wait_for("two TTLs have passed", lambda: boottime() > since + 2 * TTL)
        self.assertGreater(stamps()[-1][0], since + 2 * TTL - 0.5)
        self.assertEqual((lease("asleep")[0], lease("asleep")[4]), (True, index))
        os.kill(process.pid, signal.SIGCONT)
        process.send_signal(signal.SIGQUIT)
        self.assertEqual(self.end(process)[0], 128 + signal.SIGQUIT)

    def test_nothing_begins_when_nobody_waits_any_more(self):
        first = self.start("given-up", "sleep", "100")
        wait_for("it is held", lambda: lease("given-up")[0])
        waiting = [self.start("given-up", "touch", "/run/begun") for _ in range(3)]
        for process in waiting:
            process.stderr.readline()
        waiting[0].kill()
        waiting[1].terminate()
        pid = pid_of("leased.service")
        os.kill(pid, signal.SIGSTOP)
        waiting[2].kill()
        first.terminate()
        for process in waiting:
            process.wait(DEADLINE)
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(self.end(first)[0], 128 + signal.SIGTERM)
        wait_for("another can have it", lambda: ctl("run", "--no-wait", "given-up", "true").returncode == 0)
        self.assertFalse(os.path.exists("/run/begun"))
        self.assertNothingLeft()

    def test_who_stands_still_as_his_turn_comes_is_waited_for(self):
        first = self.start("turn", "sleep", "100")
        wait_for("it is held", lambda: lease("turn")[0])
        waiting = self.start("turn", "touch", "/run/turn")
        waiting.stderr.readline()
        os.kill(waiting.pid, signal.SIGSTOP)
        index = lease("turn")[4]
        first.terminate()
        self.end(first)
        wait_for("it is the next one's", lambda: lease("turn")[0] and lease("turn")[4] > index)
        self.assertFalse(os.path.exists("/run/turn"))
        os.kill(waiting.pid, signal.SIGCONT)
        self.assertEqual(self.end(waiting)[0], 0)
        self.assertTrue(os.path.exists("/run/turn"))

    def test_a_drain_lets_it_end_and_none_begin(self):
        process = self.start("drained", "sh", "-c", "until [ -e /run/drained ]; do sleep 0.05; done")
        wait_for("it is held", lambda: lease("drained")[0])
        self.addCleanup(wait_for, "leases can be had", lambda: ctl("run", "--no-wait", "drained", "true").returncode == 0)
        self.addCleanup(ctl, "undrain", check=True)
        ctl("drain", "--no-wait", check=True)
        self.assertSays(ctl("run", "--no-wait", "other", "true"), 1, "other: cannot run here:...")
        write("/run/drained", "")
        self.assertEqual(self.end(process), (0, "", ""))

    # other users

    def allow(self, *actions):
        write("/etc/dbus-1/system.d/polkit.conf", POLKIT_POLICY)
        run("busctl", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "ReloadConfig")
        stub = subprocess.Popen([os.path.join(HERE, os.path.basename(sys.argv[1 + len(TARGETS)])), *actions],
                                stdout=subprocess.PIPE, text=True)
        self.addCleanup(stub.communicate)
        self.addCleanup(stub.kill)
        wait_for("polkit is there", lambda: "org.freedesktop.PolicyKit1" in run("busctl", "list", "--acquired").stdout)
        return stub

    def as_user(self, *command, groups=GROUPS, **how):
        prefix = ["setpriv", f"--reuid={USER}", f"--regid={groups[0]}",
                  f"--groups={','.join(map(str, groups[1:]))}" if groups[1:] else "--clear-groups"]
        return subprocess.run([*prefix, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
                              timeout=DEADLINE, cwd="/", check=False, **how)

    def test_a_user_runs_it_as_that_user_where_polkit_lets_him(self):
        stub = self.allow("org.leased1.manage-leases")
        for groups in (GROUPS, (USER,), (20, 4)):
            done = self.as_user("leasectl", "run", "theirs", "sh", "-c",
                                "id -u; id -ru; id -g; id -G; grep -E '^(NoNewPrivs|Cap|Uid|Gid|Groups)' /proc/self/status; "
                                "cat /proc/self/cgroup", groups=groups)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            lines = done.stdout.splitlines()
            self.assertEqual(lines[:3], [str(USER), str(USER), str(groups[0])])
            self.assertEqual(sorted(map(int, lines[3].split())), sorted(groups))
            self.assertIn(f"Uid:\t{USER}\t{USER}\t{USER}\t{USER}", lines)
            self.assertIn(f"Gid:\t{groups[0]}\t{groups[0]}\t{groups[0]}\t{groups[0]}", lines)
            self.assertIn("NoNewPrivs:\t1", lines)
            for name in ("Inh", "Prm", "Eff", "Amb"):
                self.assertIn(f"Cap{name}:\t{16 * '0'}", lines)
            self.assertRegex(done.stdout, rf"0::/user.slice/user-{USER}.slice/leased-run-theirs-\w+\.service")
        self.assertEqual(stub.stdout.readline(), "org.leased1.manage-leases verb=RunCommand unit= lease=theirs machine=\n")
        self.assertNothingLeft()

    def test_a_user_cannot_use_what_only_root_can(self):
        self.allow("org.leased1.manage-leases")
        write("/run/root-only", "secret")
        os.chmod("/run/root-only", 0o600)
        os.makedirs("/run/root-directory", exist_ok=True)
        os.chmod("/run/root-directory", 0o700)
        done = self.as_user("leasectl", "run", "theirs", "cat", "/run/root-only")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        done = self.as_user("leasectl", "run", "--working-directory=/run/root-directory", "theirs", "true")
        self.assertSays(done, 126, "cannot go to the working directory: Permission denied")
        done = self.as_user("leasectl", "run", "theirs", "su", "-c", "id -u")
        self.assertNotEqual(done.returncode, 0)

    def test_a_user_cannot_choose_whose_name_stands_in_the_audit_log(self):
        if not os.path.exists("/proc/self/loginuid"):
            self.skipTest("no audit")
        self.allow("org.leased1.manage-leases")
        unset = read("/proc/1/loginuid") == str(2**32 - 1)
        done = self.as_user("leasectl", "run", "theirs", "sh", "-c", "cat /proc/self/loginuid; echo 12 >/proc/self/loginuid")
        self.assertEqual(done.stdout, str(USER) if unset else read("/proc/1/loginuid"))
        self.assertNotEqual(done.returncode, 0)

    def test_a_library_of_the_users_is_loaded_by_nobody_but_the_user(self):
        self.allow("org.leased1.manage-leases")
        write("/run/stamps/who.c", '#include <stdio.h>\n#include <unistd.h>\n__attribute__((constructor)) static void f(void) {\n'
              'FILE *o = fopen("/run/stamps/who", "a"); if (o) { fprintf(o, "%d %d\\n", getuid(), geteuid()); fclose(o); } }\n')
        if subprocess.run(["cc", "-shared", "-fPIC", "-o", "/run/stamps/who.so", "/run/stamps/who.c"], check=False).returncode != 0:
            self.skipTest("no compiler")
        done = self.as_user("env", "LD_PRELOAD=/run/stamps/who.so", "leasectl", "run", "theirs", "true")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(set(read("/run/stamps/who").split()), {str(USER)})

    def test_a_user_whom_polkit_does_not_let_runs_nothing(self):
        self.allow("org.leased1.manage-units")
        done = self.as_user("leasectl", "run", "theirs", "touch", "/run/stamps/theirs")
        self.assertSays(done, 1, "theirs: not allowed, do it as root")
        self.assertFalse(os.path.exists("/run/stamps/theirs"))
        self.assertFalse(lease("theirs")[0])

    def test_a_user_may_end_his_command_and_nothing_else_of_it(self):
        self.allow("org.leased1.manage-leases")
        prefix = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        process = subprocess.Popen([*prefix, "leasectl", "run", "theirs", "sleep", "100"], env=ENVIRONMENT, cwd="/",
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        unit = wait_for("it is there", units)[0]
        wait_for("it runs", lambda: property_of(unit, "ActiveState") == "active")
        self.assertNotEqual(self.as_user("leasectl", "release", unit).returncode, 0)
        group = "/sys/fs/cgroup" + property_of(unit, "ControlGroup")
        self.assertNotEqual(self.as_user("sh", "-c", f"echo $$ >{group}/cgroup.procs").returncode, 0)
        process.terminate()
        self.assertEqual(self.end(process), (128 + signal.SIGTERM, "", ""))

    # what would run on

    def test_a_command_whose_work_lies_elsewhere_is_refused(self):
        os.makedirs("/srv", exist_ok=True)
        write("/srv/job", "#!/bin/sh\n[ ! -e /is-there ] || systemd-run true\n")
        os.chmod("/srv/job", 0o755)
        for what, *command in (("docker run", "docker", "run", "image"), ("systemd-run", "systemd-run", "--quiet", "touch", "/run/ran"),
                               ("su -l", "su", "-", "batch", "-c", "true"), ("systemd-run", "sh", "-c", "cd /; exec systemd-run touch /run/ran"),
                               ("podman run", "nice", "timeout", "9", "podman", "run", "-d", "image"), ("at", "at", "now")):
            self.assertSays(ctl("run", "own", *command), 1,
                            f"run: the work of {what} lies in another control group, and would run on beside the next holder's: make it a "
                            "unit (leasectl enable says what to write), or give --anyway")
        self.assertFalse(os.path.exists("/run/ran"))
        self.assertSays(ctl("run", "--anyway", "own", "sh", "-c", "exit 7; systemd-run true"), 7)
        self.assertSays(ctl("run", "own", "sh", "-c", "exit 7; docker ps"), 7)
        done = ctl("run", "own", "/srv/job")
        self.assertEqual((done.returncode, done.stdout), (0, ""), done)
        self.assertEqual(" ".join(done.stderr.split()), "leasectl: note: /srv/job has systemd-run: what that starts may lie in another "
                         "control group, and is not killed then")
        self.assertSays(ctl("run", "--no-legend", "own", "/srv/job"), 0)

    # what cannot be meant

    def test_what_cannot_be_run_is_told(self):
        unit = self.enable("unit.service")
        no_name = ("A lease's name is a unit's, or 1 to 255 of A-Z a-z 0-9 : _ . \\ @ - #, not beginning with a dot or #.")
        for name in ("", "a/b", "..", "x" * 256):
            self.assertSays(ctl("run", name, "true"), 1, f"{name}: {no_name}")
        self.assertEqual(ctl("run", "x" * 255, "true").returncode, 0)
        self.assertEqual(ctl("run", "a@b\\x2d@", "true").returncode, 0)
        self.assertSays(ctl("run", unit, "true"), 1, f"{unit}: {unit} is the lease of a unit.")
        self.assertSays(ctl("run", "own"), 2, "usage: leasectl run LEASE COMMAND...")
        self.assertSays(ctl("run", "own", "--"), 2, "usage: leasectl run LEASE COMMAND...")
        self.assertSays(ctl("run", "--period=10s", "own", "true"), 2,
                        "--period=: is no more: the lease is kept with this machine's beats (TTL= in leased.conf), leave it out")
        self.assertSays(ctl("run", "--setenv==x", "own", "true"), 2, "--setenv==x: expected is NAME=VALUE")
        self.assertSays(ctl("run", "own", "/nowhere/to/be"), 127, "cannot execute /nowhere/to/be: No such file or directory")
        self.assertSays(ctl("run", "own", "/etc"), 126, "cannot execute /etc: Permission denied")
        self.assertSays(ctl("run", "--working-directory=/nowhere", "own", "true"), 126,
                        "cannot go to the working directory: No such file or directory")
        self.assertFalse(lease("own")[0])
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "leasectl")
        self.assertSays(run(*nobody, "run", "own", "true", check=False), 1, "own: not allowed, do it as root")
        self.assertNothingLeft()

    def test_it_is_nothing_to_be_started_by_hand(self):
        done = run("/usr/lib/leased/leased-run", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing runs without its lease", done.stderr)


if __name__ == "__main__":
    main()
