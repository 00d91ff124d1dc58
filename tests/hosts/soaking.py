# SPDX-License-Identifier: Apache-2.0
"""What tests/soak does to machines, and how it watches the units meanwhile."""

from dataclasses import dataclass
from typing import Callable

import timeline
from cluster import DAEMON, GUARD
from etcd import SERVICE as ETCD
from faults import stall_first_process, wake_first_process
from waiting import Failure, Timeout


@dataclass
class Ill:
    name: str
    until: float
    heal: Callable


class Witness:
    """Reads the stamps as they come. Keeps processes, not stamps: there are millions of those."""

    def __init__(self, cluster, units):
        self._cluster = cluster
        self._runs = {unit: {} for unit in units}
        self._read = {unit: 0 for unit in units}
        self.stamps = 0

    def look(self):
        """Raises Failure if a promise has been broken since the last look."""
        for unit, runs in self._runs.items():
            seen = unit.stamps
            new = seen[self._read[unit]:]
            self.stamps += len(new)
            for stamp in new:
                key = (stamp.machine, stamp.invocation, stamp.pid)
                run = runs.setdefault(key, [stamp, stamp])
                run[1] = stamp
            del seen[:-1]  # the last one tells where it runs
            self._read[unit] = len(seen)
            self._judge(unit)

    def _ends(self, unit):
        return [stamp for run in self._runs[unit].values() for stamp in run]

    def _judge(self, unit):
        ends = self._ends(unit)
        overlap = timeline.overlap_of(ends)
        if overlap > 0:
            raise Failure(f"{unit.name} ran on two machines at once for {overlap:.3f} s\n{self._story(unit)}")
        if ends and not timeline.tokens_grow(ends):
            raise Failure(f"tokens of {unit.name} do not grow: {timeline.tokens_of(ends)}\n{self._story(unit)}")

    def _story(self, unit):
        return timeline.table_of(self._ends(unit)) + self._cluster.journals(unit.name)

    def overlap(self):
        return sum(timeline.overlap_of(self._ends(unit)) for unit in self._runs)

    def gaps(self):
        return {unit.name: [each.gap for each in timeline.handovers_of(self._ends(unit))] for unit in self._runs}

    def margins(self):
        return [margin for unit in self._runs for margin in timeline.margins_of(self._ends(unit))]

    def tokens(self):
        return sum(len(set(timeline.tokens_of(self._ends(unit)))) for unit in self._runs)


# ---- what can happen to a machine ----


def _processes(machine, name):
    """Their numbers, without PID 1's help, which may itself be ill."""
    found = machine.run("pidof", name, check=False).stdout.split()
    return [each for each in found if each.isdigit()]


def _signal(name, signal):
    def send(soak, machine, _token=None):
        numbers = _processes(machine, name)
        if numbers:
            machine.run("kill", f"-{signal}", *numbers, check=False)
        return numbers

    return send


def _continue(soak, machine, numbers):
    if numbers:
        machine.run("kill", "-CONT", *numbers, check=False)


def _command(*command):
    def run(soak, machine):
        return machine.start(*command)

    return run


def _is_over(soak, machine, command):
    try:
        command.wait(60)
    except Exception:
        command.kill()
        raise Failure(f"{machine}: {' '.join(command.args)}: no end after 60 s\n{machine.journal(40)}") from None


def _boot(soak, machine, _token):
    """Not to its end: its etcd may wait for members that are still ill, and get well only when we go on."""
    machine.boot(wait=False)
    machine.wait_up()


def _etcd_back(soak, machine, _token):
    machine.systemctl("start", "--no-block", ETCD, check=False)


def _verb(verb):
    def say(soak, machine):
        unit = soak.chance.choice([*soak.cluster.units, soak.ticks.unit])
        return machine.start("leasectl", verb, unit.name)

    return say


def _crash(soak, machine):
    """Whatever runs here."""
    for unit in soak.cluster.units:
        machine.run("systemctl", "kill", "--signal=KILL", unit.name, check=False)


def _cut(**how):
    return lambda soak, machine: machine.drop_packets(**how)


def _heal(soak, machine, _token):
    machine.heal_network()


def _stall(soak, machine):
    stall_first_process(machine)


def _wake(soak, machine, _token):
    wake_first_process(machine)


def _reboot(soak, machine):
    machine.begin_shutdown()


def _off_and_on(soak, machine, _token):
    """An etcd that is cut off can take its 90 s to end: somebody loses patience and pulls the plug."""
    try:
        machine.wait_off(20)
    except Timeout:
        machine.power_cut()
    _boot(soak, machine, None)


def _undrain(soak, machine, command):
    """Neither is waited for: they may wait for a registry that gets well only when we go on."""
    command.kill()
    command.wait()
    machine.start("leasectl", "undrain", "--no-wait")


def _transfer(soak, machine):
    unit = soak.chance.choice([*soak.cluster.units, soak.ticks.unit])
    return machine.start("leasectl", "transfer", unit.name, soak.chance.choice([each for each in soak.cluster if each is not machine]).name)


def _give_up(soak, machine, command):
    command.kill()
    command.wait()


def _resume(soak, machine, command):
    """Not waited for, as the pause was not; the end of the soak makes sure of it."""
    _give_up(soak, machine, command)
    machine.start("leasectl", "resume")


def _confirm_and_boot(soak, machine, _token):
    """Refused if the machine has beaten a moment ago, or if nobody else reaches the registry."""
    for other in soak.cluster:
        if other is not machine and other not in soak.ill:
            other.start("leasectl", "confirm-dead", machine.name)
            break
    _boot(soak, machine, None)


def _reboot_drained(soak, machine, command):
    _give_up(soak, machine, command)
    _reboot(soak, machine)
    _off_and_on(soak, machine, None)


# name: (weight, the longest it lasts, how it begins, how it ends)
FAULTS = {
    "power cut": (3, 10.0, lambda soak, machine: machine.power_cut(), _boot),
    "orderly reboot": (1, 5.0, _reboot, _off_and_on),
    "daemon killed": (3, 0, _signal("leased", "KILL"), None),
    "daemon stands still": (3, 12.0, _signal("leased", "STOP"), _continue),
    "daemon restarted": (2, 2.0, _command("systemctl", "restart", DAEMON), _is_over),
    "guard killed": (2, 0, _signal("leased-guard", "KILL"), None),
    "guard stands still": (2, 8.0, _signal("leased-guard", "STOP"), _continue),
    "network cut": (3, 15.0, _cut(), _heal),
    "hears nothing": (2, 15.0, _cut(outgoing=False), _heal),
    "is not heard": (2, 15.0, _cut(incoming=False), _heal),
    "etcd killed": (2, 8.0, _signal("etcd", "KILL"), _etcd_back),
    "etcd stands still": (2, 8.0, _signal("etcd", "STOP"), _continue),
    "PID 1 stands still": (2, 8.0, _stall, _wake),
    "PID 1 reloads": (1, 1.0, _command("systemctl", "daemon-reload"), _is_over),
    "PID 1 executes itself anew": (1, 1.0, _command("systemctl", "daemon-reexec"), _is_over),
    "bus restarted": (1, 1.0, _command("systemctl", "restart", "dbus.service"), _is_over),
    "a unit crashes": (2, 0, _crash, None),
    "release": (2, 5.0, _verb("release"), _give_up),
    "transfer": (1, 5.0, _transfer, _give_up),
    "steal": (1, 5.0, _verb("steal"), _give_up),
    "drain": (1, 10.0, _command("leasectl", "drain"), _undrain),
    "drain until its reboot": (1, 8.0, _command("leasectl", "drain", "--until-reboot"), _reboot_drained),
    "guard handed over": (1, 1.0, _command("systemctl", "reload", GUARD), _give_up),
    "cluster paused": (1, 15.0, _command("leasectl", "pause"), _resume),
    "power cut that is confirmed": (1, 10.0, lambda soak, machine: machine.power_cut(), _confirm_and_boot),
}
