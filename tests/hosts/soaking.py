# SPDX-License-Identifier: Apache-2.0
"""How tests/soak watches its units, what it has besides services, and the switch that cuts the power of a machine."""

import contextlib
import os
import subprocess
from dataclasses import dataclass
from typing import Callable

import layer
import timeline
from cluster import Unit
from strikes import boot
from waiting import Failure, now


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
        self._told = {unit: set() for unit in units}  # whose starts were told
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

    def starts(self, until):
        """Of each unit: when, where and with which token its processes began that are told for the first time, until then."""
        told = [(unit, [key for key, (first, _) in runs.items() if key not in self._told[unit] and first.at / 1e9 < until])
                for unit, runs in self._runs.items()]
        for unit, keys in told:
            self._told[unit].update(keys)
        return [(unit.name, [(first.at / 1e9, first.machine, first.index) for first, _ in map(self._runs[unit].get, keys)])
                for unit, keys in told]

    def overlap(self):
        return sum(timeline.overlap_of(self._ends(unit)) for unit in self._runs)

    def _told_of(self, unit):
        """What each machine that answers says of the unit, and has said."""
        told = ""
        for machine in self._cluster:
            for command in (("leasectl", "status", unit.name),
                            ("journalctl", "--quiet", "--no-pager", "--output=short-monotonic", "--since=-10min", f"UNIT={unit.name}")):
                with contextlib.suppress(Failure):
                    told += f"  {machine.name}: {' '.join(command)}\n{machine.run(*command, check=False).stdout}"
        return told

    def require_none_forgotten(self, began, patience):
        """A unit that was down everywhere for so long is down for ever."""
        for unit in self._runs:
            last = max([began, *(stamp.at / 1e9 for stamp in self._ends(unit))])
            if now() - last > patience:
                raise Failure(f"{unit.name} has run nowhere for {now() - last:.0f} s\n{self._told_of(unit)}{self._story(unit)}")

    def gaps(self):
        return {unit.name: [each.gap for each in timeline.handovers_of(self._ends(unit))] for unit in self._runs}

    def margins(self):
        return [margin for unit in self._runs for margin in timeline.margins_of(self._ends(unit))]

    def tokens(self):
        return sum(len(set(timeline.tokens_of(self._ends(unit)))) for unit in self._runs)


class Submitted:
    """A unit that comes with the cluster, and can be signed on any machine. Before boot()."""

    KEY = "/srv/key"

    def __init__(self, cluster, name, service):
        self.name, self.version = name, 0
        stamps = f"stamps-{cluster.number_stamps()}-{name}"
        self._text = f"[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart={layer.STAMPER} --interval=0.01 /shared/{stamps}\n{service}\n"
        self.unit = Unit.of_stamps(cluster, name, stamps)
        key = os.path.join(cluster.rack.shared, "key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key], check=True)
        with open(key) as private, open(f"{key}.pub") as public:
            private, public = private.read(), public.read()
        for machine in cluster:
            machine.write(self.KEY, private, 0o600)
            machine.write("/etc/leased/allowed_signers", f"alice@example.com {public}")
            machine.write("/etc/leased/leased.conf.d/accept.conf", "[Leased]\nAcceptUnits=etc\n")

    def submit(self, machine):
        """In a new version each time."""
        self.version += 1
        machine.write(f"/srv/{self.name}", f"# {self.version}\n{self._text}")
        return machine.start("leasectl", "submit", f"--key={self.KEY}", f"/srv/{self.name}")


class Slots:
    """A command that each machine wants to run, and so many at once: "leasectl run --slots="."""

    def __init__(self, cluster, lease, number):
        stamps = f"stamps-{cluster.number_stamps()}-{lease}"
        self.units = [Unit.of_stamps(cluster, f"{lease}#{i}", f"{stamps}-{i}") for i in range(1, number + 1)]
        self._command = ("sh", "-c", 'leasectl run "$@"; exit $?', "sh", f"--slots={number}", lease, "sh", "-c",
                         f'exec {layer.STAMPER} --interval=0.01 --ignore-term /shared/{stamps}-"${{LEASE_NAME#*#}}"')
        self._clients = {machine: None for machine in cluster}

    def look_again(self):
        """Whoever has run it to its end, or was switched off meanwhile, wants to run it again."""
        for machine, client in self._clients.items():
            if machine.is_on and (client is None or client.poll() is not None):
                self._clients[machine] = machine.start(*self._command)


class Switch:
    """What FenceCommand= calls: a power switch outside of all machines. It works for each second machine on the average, and for
    none that is being shut down or drained, so that what has begun there also ends there. Before boot()."""

    COMMAND = "/usr/local/sbin/switch-off"
    SCRIPT = f"""\
#!/bin/sh
file=/shared/switch/$SESSION.$$
echo "$HOSTNAME" >"$file.new" && mv "$file.new" "$file.asked"
until [ -e "$file.answer" ]; do sleep 0.05; done
exit "$(cat "$file.answer")"
"""
    NAME = "power cut by FenceCommand="
    LEFT_ALONE = ("orderly reboot", "reboot for which others wait", "drain", "drain until its reboot")

    def __init__(self, cluster):
        self.has_power = True
        self._place = os.path.join(cluster.rack.shared, "switch")
        os.makedirs(self._place)
        for machine in cluster:
            machine.write(self.COMMAND, self.SCRIPT, 0o755)
            machine.write("/etc/leased/leased.conf.d/fence.conf", f"[Leased]\nFenceCommand={self.COMMAND}\n")

    def look(self, soak):
        for name in sorted(os.listdir(self._place)):
            path = os.path.join(self._place, name)
            if not name.endswith(".asked"):
                continue
            with open(path) as file:
                machine = soak.cluster[file.read().strip()]
            os.unlink(path)
            works = self._press(soak, machine)
            with open(path + ".new", "w") as file:
                file.write("0" if works else "1")
            os.rename(path + ".new", path.removesuffix(".asked") + ".answer")

    def _press(self, soak, machine):
        ill = soak.ill.get(machine)
        works = self.has_power and soak.chance.random() < 0.5 and (ill is None or ill.name not in self.LEFT_ALONE)
        soak.note(machine, "FenceCommand= for it: " + ("switched off" if works else "the switch fails"))
        if not works:
            return False
        soak.counts[self.NAME] += 1
        if machine.is_on:
            machine.power_cut()
            soak.ill[machine] = Ill(self.NAME, soak.chance.uniform(0.2, 10) + now(), lambda: boot(soak, machine, None))
        return True
