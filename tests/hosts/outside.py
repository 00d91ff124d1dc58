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
        self._seen, self._read_to = [], 0
        self._witnesses = [machine.start(layer.STAMPER, f"--address={address}", f"/shared/{self._name}") for machine in cluster]

    @property
    def stamps(self):
        """All so far; read on from where the last look ended."""
        path = os.path.join(self._cluster.rack.shared, self._name)
        if os.path.exists(path):
            with open(path) as file:
                file.seek(self._read_to)
                text = file.read()
            complete = text.rfind("\n") + 1
            self._read_to += complete
            self._seen += timeline.parse(text[:complete])
        return self._seen

    def last(self, machine):
        """When the machine had it last; 0: never."""
        return next((stamp.at / 1e9 for stamp in reversed(self.stamps) if stamp.machine == machine.name), 0)

    def has(self, machine):
        return self.last(machine) > now() - 0.2

    def overlap(self):
        """Seconds in which two machines had it."""
        return timeline.overlap_of(self.stamps)

    def story(self):
        return timeline.table_of(self.stamps)

    def dismiss(self):
        for machine in self._cluster:
            machine.run("pkill", "-f", f"shared/{self._name}$", check=False)
        for witness in self._witnesses:
            witness.wait(10)
