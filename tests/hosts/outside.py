# SPDX-License-Identifier: Apache-2.0
"""Who has an address, as the kernel says it, also of a machine whose every process stands still."""

import os

import layer
import timeline
from waiting import now


class Outside:
    """An address as a witness outside of each machine sees it in the kernel: in its network, but not in its control group, so
    that a machine which stands still is seen as well."""

    def __init__(self, cluster, address):
        self._cluster = cluster
        self._name = f"address-{cluster.number_stamps()}"
        self._ends, self._read_to = {}, 0  # of each time that a machine had it: the first stamp and the last
        self._address = address
        self._witnesses = {machine: self._start(machine) for machine in cluster}

    def _start(self, machine):
        return machine.start(layer.STAMPER, f"--address={self._address}", f"/shared/{self._name}")

    def look_again(self):
        """Sends a new witness to each machine that has taken its witness with it when it went off, and is on again."""
        for machine, witness in self._witnesses.items():
            if machine.is_on and witness.poll() is not None:
                self._witnesses[machine] = self._start(machine)

    @property
    def stamps(self):
        """The first and the last of each time that a machine had it; read on from where the last look ended."""
        path = os.path.join(self._cluster.rack.shared, self._name)
        if os.path.exists(path):
            with open(path) as file:
                file.seek(self._read_to)
                text = file.read()
            complete = text.rfind("\n") + 1
            self._read_to += complete
            for stamp in timeline.parse(text[:complete]):
                self._ends.setdefault((stamp.machine, stamp.invocation), [stamp, stamp])[1] = stamp
        return [stamp for ends in self._ends.values() for stamp in ends]

    def last(self, machine):
        """When the machine had it last; 0: never."""
        return max((stamp.at / 1e9 for stamp in self.stamps if stamp.machine == machine.name), default=0)

    def has(self, machine):
        return self.last(machine) > now() - 0.2

    def overlap(self):
        """Seconds in which two machines had it."""
        return timeline.overlap_of(self.stamps)

    def moves(self):
        """The machines that had it, in this order; one that had it twice in a row counts twice."""
        return [run.machine for run in timeline.runs_of(self.stamps)]

    def story(self):
        return timeline.table_of(self.stamps)

    def dismiss(self):
        for machine in self._cluster:
            machine.run("pkill", "-f", f"shared/{self._name}$", check=False)
        for witness in self._witnesses.values():
            witness.wait(10)
