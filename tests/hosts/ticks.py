# SPDX-License-Identifier: Apache-2.0
"""A timer's job under the soak's faults: which of its elapses had a run, which had two, and why the others had none."""

import collections
import json
import os

from waiting import Failure, now

PERIOD = 2  # seconds from one elapse to the next
LOOK = 15  # and between two looks at the history, which has the last sixteen tenures
NAME = "ticks"

TIMER = f"[Timer]\nOnCalendar=*:*:0/{PERIOD}\nAccuracySec=1us\nPersistent=yes\n"
SERVICE = f"""\
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo "$TRIGGER_TIMER_REALTIME_USEC $LEASE_INDEX $(hostname)" >> /shared/{NAME}'
"""


class Ticks:
    """The timer, enabled everywhere. A run belongs to the last elapse before it was triggered: one at a takeover, to the elapse
    that it makes up for."""

    def __init__(self, cluster):
        self._cluster = cluster
        self._tenures = {}  # index: (from, to or None, why), seconds of CLOCK_REALTIME
        self._next_look = 0
        for machine in cluster:
            machine.write(f"/etc/systemd/system/{NAME}.timer", TIMER)
            machine.write(f"/etc/systemd/system/{NAME}.service", SERVICE)
            machine.systemctl("daemon-reload")
            machine.run("leasectl", "enable", f"{NAME}.timer")

    def look(self, machines, at_once=False):
        """Remembers who has held the lease, as one of these machines tells it."""
        if not at_once and now() < self._next_look:
            return
        self._next_look = now() + LOOK
        for machine in machines:
            try:
                said = machine.run("timeout", "2", "leasectl", "history", "--json=short", f"{NAME}.timer", check=False, deadline=5)
                rows = json.loads(said.stdout)
            except (Failure, ValueError):
                continue
            for row in rows:
                if row["index"] in self._tenures and row["to_usec"] is None:
                    continue
                self._tenures[row["index"]] = (row["from_usec"] / 1e6, row["to_usec"] and row["to_usec"] / 1e6, row["why"])
            return

    def _why_none(self, elapse):
        """Why the elapse had no run, by the history; None if somebody held the lease all the while."""
        before = None
        for begin, end, why in sorted(self._tenures.values(), key=lambda each: each[0]):
            if begin > elapse:
                return before[1] if before and before[0] is not None and before[0] <= elapse else None
            before = end, why
        return None

    def verdict(self):
        """(elapses, those that had two runs, why others had none: how often; those that had none under a holder)."""
        with open(os.path.join(self._cluster.rack.shared, NAME)) as file:
            runs = [int(line.split()[0]) // 1000000 // PERIOD * PERIOD for line in file if line.split()[0].isdigit()]
        count = collections.Counter(runs)
        elapses = range(min(runs), max(runs) + 1, PERIOD)
        whys = [self._why_none(each) for each in elapses if each not in count]
        return (len(elapses), [each for each in sorted(count) if count[each] > 1],
                collections.Counter(why for why in whys if why), whys.count(None))
