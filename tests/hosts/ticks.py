# SPDX-License-Identifier: Apache-2.0
"""A timer's job: which of its elapses had a run, which had two, and why the others had none."""

import collections
import json
import os
import time

from waiting import Failure

STOPPING = 1.5  # seconds that a stop may take before the record says that the tenure is over
TIMER = "[Timer]\nOnCalendar={calendar}\nAccuracySec=1us\nPersistent=yes\n"
SERVICE = """\
[Unit]
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/bin/bash -c 'echo "$EPOCHREALTIME $LEASE_INDEX $HOSTNAME" >> /shared/{runs}'
"""
Run = collections.namedtuple("Run", "at index machine")  # at: CLOCK_REALTIME in seconds when it began; systemd 252
# tells later runs as $TRIGGER_TIMER_REALTIME_USEC the time of the first one
Tenure = collections.namedtuple("Tenure", "index begin end why outages")


def wall_clock():
    """Seconds of the clock by which a calendar goes, and which all guests share."""
    return time.clock_gettime(time.CLOCK_REALTIME)


class Ticks:
    """The timer, not enabled yet; it elapses each time that the wall clock is a multiple of so many seconds. A run belongs to the last
    elapse before it: one at a takeover to the last one that it makes up for."""

    def __init__(self, cluster, name, period):
        self.period = period
        runs = f"runs-{cluster.number_stamps()}-{name}"
        self._path = os.path.join(cluster.rack.shared, runs)
        self._cluster = cluster
        self.unit = cluster.unit(f"{name}.timer", files={
            f"{name}.timer": TIMER.format(calendar=f"*:*:0/{period}"), f"{name}.service": SERVICE.format(runs=runs)})

    @property
    def runs(self):
        if not os.path.exists(self._path):
            return []
        with open(self._path) as file:
            words = [line.split() for line in file]
        return sorted(Run(float(each[0]), int(each[1]), each[2]) for each in words if len(each) == 3)

    def elapse_of(self, at):
        return int(at) // self.period * self.period

    def doubled(self):
        """The elapses that had two runs or more."""
        counts = collections.Counter(self.elapse_of(each.at) for each in self.runs)
        return sorted(elapse for elapse, number in counts.items() if number > 1)

    def _tenures(self):
        """What "leasectl history" says, on all machines: each knows more of its own past."""
        found = {}
        for machine in self._cluster:
            try:
                rows = json.loads(machine.run("leasectl", "history", "--json=short", self.unit.name, check=False).stdout)
            except (Failure, ValueError):
                continue
            for row in rows:
                outages = [(each["from_usec"] / 1e6, each["to_usec"] / 1e6, each["why"]) for each in row["outages"]]
                old = found.get(row["index"])
                found[row["index"]] = Tenure(row["index"], row["from_usec"] / 1e6, (row["to_usec"] or 0) / 1e6, row["why"],
                                             outages + (old.outages if old else []))
        return sorted(found.values())

    def _why_none(self, elapse, tenures):
        """Why the elapse had no run, as the history says; None if it says that the timer was up."""
        before = [each for each in tenures if each.begin <= elapse]
        if not before:
            return None
        tenure, past = before[-1], before[-2] if len(before) > 1 else None
        if tenure.end and elapse >= tenure.end - STOPPING:
            return tenure.why
        for begin, end, why in tenure.outages:
            if begin - STOPPING <= elapse <= end:
                return why
        first = min((each.at for each in self.runs if each.index == tenure.index), default=None)
        if past and (first is None or elapse < first):
            return f"{past.why}, and not started yet by the next holder"
        return None

    def story(self):
        """All runs and tenures, for people."""
        return "".join(f"  {each}\n" for each in sorted(self.runs + self._tenures(), key=lambda each: each.at if isinstance(each, Run)
                                                         else each.begin))

    def verdict(self, excuse=lambda elapse, machine: None):
        """(number of elapses, those that had two runs, of the others without a run how many for each reason, those without one).
        excuse: why PID 1 of the machine that ran the one before could not, if that is known from outside."""
        runs = self.runs
        if not runs:
            return 0, [], collections.Counter(), []
        with_run = {self.elapse_of(each.at) for each in runs}
        tenures, whys, unexplained = self._tenures(), collections.Counter(), []
        for elapse in range(min(with_run), max(with_run) + 1, self.period):
            if elapse in with_run:
                continue
            last = [each for each in runs if each.at < elapse][-1]
            why = self._why_none(elapse, tenures) or excuse(elapse, last.machine)
            if why:
                whys[why] += 1
            else:
                unexplained.append(elapse)
        return len(range(min(with_run), max(with_run) + 1, self.period)), self.doubled(), whys, unexplained
