# SPDX-License-Identifier: Apache-2.0
"""The machines of the hosts tests, looked at from outside: what their processes cost is read from the kernel, so that the
looking costs the machines nothing. A unit runs while it has a control group."""

import contextlib
import os
import re
import signal
import subprocess
import time

from cluster import DAEMON, GUARD, Cluster
from etcd import FAST_ELECTIONS, Etcd
from waiting import Failure, Timeout, now, wait_for

CGROUPS = "/sys/fs/cgroup"
BUS = "dbus.service"
COMMAND_DEADLINE = 600  # seconds that one command about all units may take

SLEEPER = """\
[Unit]
Description=One of many that do nothing

[Service]
ExecStart=/bin/sleep infinity

[X-Leased]
HoldDownSec=2s
"""


def _read(path):
    with open(path) as file:
        return file.read()


def end(process):
    """Ends what Machine.start() has started, and returns the lines that it said. The process itself is a child of the one that
    entered the machine."""
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
        for child in file.read().split():
            os.kill(int(child), signal.SIGTERM)
    try:
        return process.communicate(timeout=10)[0].splitlines()
    except subprocess.TimeoutExpired:
        process.kill()
        raise Failure("what was started on a machine did not end") from None


def pass_time(seconds):
    """Nothing is waited for but the time itself: the length of what is measured."""
    end = now() + seconds
    wait_for("the time has passed", lambda: now() >= end, seconds + 5)


class Look:
    """One machine that is on, from outside."""

    def __init__(self, machine):
        self.machine = machine
        line = next(line for line in _read(f"/proc/{machine.first_process}/cgroup").splitlines() if line.startswith("0::"))
        self._root = os.path.dirname(CGROUPS + line[3:])

    def cpu(self, group):
        """Seconds of CPU that a control group has used since it was made."""
        try:
            words = _read(f"{self._root}/{group}/cpu.stat").split()
        except OSError:
            raise Failure(f"{group} does not run on {self.machine}") from None
        return int(words[words.index("usage_usec") + 1]) / 1e6

    def processes(self, group):
        """Process ids, as they are outside. None if there is no such group, which may also end while it is read."""
        try:
            return [int(each) for each in _read(f"{self._root}/{group}/cgroup.procs").split()]
        except OSError:
            return []

    def pss(self, group):
        """Bytes of memory, each page that is shared counted as its part."""
        total = 0
        for pid in self.processes(group):
            for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
                if line.startswith("Pss:"):
                    total += 1024 * int(line.split()[1])
        return total

    def wakeups(self, group):
        """How often the threads of its processes have gone to sleep, and so were woken."""
        total = 0
        for pid in self.processes(group):
            for thread in os.listdir(f"/proc/{pid}/task"):
                for line in _read(f"/proc/{pid}/task/{thread}/status").splitlines():
                    if line.startswith("voluntary_ctxt_switches:"):
                        total += int(line.split()[1])
        return total

    def traffic(self):
        """Bytes that the machine has (received, sent)."""
        line = next(line for line in _read(f"/proc/{self.machine.first_process}/net/dev").splitlines() if "host0:" in line)
        words = line.split(":")[1].split()
        return int(words[0]), int(words[8])

    def times(self, names, *properties):
        """{property: [seconds on the clock of now()]} of these units, as PID 1 noted them to the microsecond; 0.0: never."""
        text = self.machine.systemctl("show", *names, *(f"--property={each}TimestampMonotonic" for each in properties),
                                      deadline=COMMAND_DEADLINE).stdout
        ahead = now() - time.clock_gettime(time.CLOCK_MONOTONIC)
        return {each: [int(value) / 1e6 + ahead if int(value) else 0.0 for value in re.findall(rf"^{each}TimestampMonotonic=(\d+)", text, re.M)]
                for each in properties}

    def running(self, template):
        """How many instances of a template run."""
        try:
            return sum(name.endswith(".service") for name in os.listdir(f"{self._root}/system.slice/system-{template}.slice"))
        except FileNotFoundError:
            return 0

    def runs(self, unit):
        template = unit.partition("@")[0]
        return os.path.isdir(f"{self._root}/system.slice/system-{template}.slice/{unit}")


PARTS = {"leased": f"system.slice/{DAEMON}", "guard": f"system.slice/{GUARD}", "PID 1": "init.scope",
         "dbus-daemon": f"system.slice/{BUS}"}


def costs(look, seconds, parts=None):
    """{part: ms of CPU per second} over so many seconds."""
    parts = parts or PARTS
    before, since = {name: look.cpu(group) for name, group in parts.items()}, now()
    pass_time(seconds)
    return {name: 1000 * (look.cpu(group) - before[name]) / (now() - since) for name, group in parts.items()}


def instances(template, number, first=0):
    return [f"{template}@{i}.service" for i in range(first, first + number)]


def write_template(machines, template, text=SLEEPER):
    for machine in machines:
        machine.write(f"/etc/systemd/system/{template}@.service", text)
        machine.systemctl("daemon-reload", deadline=COMMAND_DEADLINE)


def command(machine, *words, check=True, deadline=COMMAND_DEADLINE):
    """Runs it; returns the seconds that it took. What it was is told in a few words if it fails: it may have 10 000 names."""
    began = now()
    try:
        done = machine.run(*words, check=False, deadline=deadline)
    except Timeout:
        raise Timeout(f"{' '.join(words[:3])}: no end after {deadline} s") from None
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(words[:3])}: exit code {done.returncode}: {(done.stderr or done.stdout).strip()[-200:]}")
    return now() - began


def wait_count(look, template, number, deadline):
    """Until exactly so many instances run there."""
    wait_for(f"{number} units run on {look.machine}", lambda: look.running(template) == number, deadline,
             lambda: f"  {look.running(template)} do; leased is {look.machine.state(DAEMON)}")


@contextlib.contextmanager
def cluster(box, layer, part, ttl=10.0, names=("alpha", "beta", "gamma"), without_etcd=()):
    """Machines with a member of etcd each, and some without, and leased on all of them; switched off at the end, whatever
    happened."""
    machines = Cluster(box.part(part), layer, (*names, *without_etcd), ttl)
    machines.etcd = Etcd([machines[name] for name in names], FAST_ELECTIONS)
    machines.configure(f"Registry=etcd\nEndpoints={machines.etcd.endpoints}")
    try:
        machines.boot()
        for machine in machines:
            wait_for(f"leased takes leases on {machine}", lambda each=machine: machines.competes(each), 3 * ttl + 30,
                     lambda each=machine: machines.status(each))
        yield machines
    finally:
        machines.tear_down()
