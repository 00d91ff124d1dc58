# SPDX-License-Identifier: Apache-2.0
"""A timer's job: which of its elapses had a run, which had two, and why the others had none."""

import collections
import json
import os
import time

from waiting import Failure

STOPPING = 3  # seconds that a stop may take before the record says that the tenure is over, where all wait for a processor
LEAVING = 15  # ... and that a machine may take to give up what it can run no more, as without its guard
CONFIRMED = "confirmed dead"  # why a tenure has ended; when its machine died, nobody knows
TIMER = "[Timer]\nOnCalendar={calendar}\nAccuracySec=1us\nPersistent=yes\n"
SERVICE = """\
[Unit]
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/bin/bash -c 'echo "$(stat -c %%.6Y /var/lib/systemd/timers/stamp-%N.timer) $LEASE_INDEX $HOSTNAME $EPOCHREALTIME" >> /shared/{runs}'
"""
LATE = 0.1  # seconds after its elapse at which PID 1 triggers the job only if it could not sooner
Run = collections.namedtuple("Run", "at index machine end")  # at: CLOCK_REALTIME in seconds when PID 1 triggered it, which is
# the time of the timer's stamp; systemd 252 tells later runs as $TRIGGER_TIMER_REALTIME_USEC the time of the first one
NO_INDEX = 0  # of a run that PID 1 had let pass its gate just before something took its environment away
Tenure = collections.namedtuple("Tenure", "index begin end why outages")


BYSTANDER = """\
[Service]
Type=oneshot
ExecStart=/bin/bash -c 'echo "$(stat -c %%.6Y /var/lib/systemd/timers/stamp-%N.timer) $HOSTNAME" >> /shared/{runs}'
"""
NEAR = 3  # periods before and after an elapse in which a bystander must have run to be a witness of it


def wall_clock():
    """Seconds of the clock by which a calendar goes, and which all guests share."""
    return time.clock_gettime(time.CLOCK_REALTIME)


class Bystanders:
    """A timer on each machine, of which leased knows nothing. An elapse that it misses, too, between others that it does not, is one
    that PID 1 came to late."""

    NAME = "bystander"

    def __init__(self, cluster, period):
        self._period = period
        runs = f"runs-{cluster.number_stamps()}-{self.NAME}"
        self._path = os.path.join(cluster.rack.shared, runs)
        for machine in cluster:
            machine.write(f"/etc/systemd/system/{self.NAME}.timer",
                          TIMER.format(calendar=f"*:*:0/{period}") + "\n[Install]\nWantedBy=timers.target\n")
            machine.write(f"/etc/systemd/system/{self.NAME}.service", BYSTANDER.format(runs=runs))
            machine.systemctl("daemon-reload")
            machine.systemctl("enable", "--now", f"{self.NAME}.timer")

    def _elapses(self):
        """{machine: the elapses that had a run}"""
        found = collections.defaultdict(set)
        if os.path.exists(self._path):
            with open(self._path) as file:
                for words in map(str.split, file):
                    if len(words) == 2:
                        found[words[1]].add(int(float(words[0])) // self._period * self._period)
        return found

    def late(self):
        """A function of an elapse and a machine's name: whether PID 1 came late to what was due there then."""
        found = self._elapses()

        def is_late(elapse, machine):
            near = range(self._period, (NEAR + 1) * self._period, self._period)
            runs = found[machine]
            return elapse not in runs and any(elapse - each in runs for each in near) and any(elapse + each in runs for each in near)

        return is_late


def parse(lines, hidden):
    """The runs, and the lines of those that did not know their Index, though nothing had taken it. hidden: (machine, from, until) by the
    wall clock, of each act that took or changed the files that units need. A run that was triggered before an act was over, and that
    ended after the act had begun, may have passed its gate before the act, and looked for its environment after the act."""
    runs, strange = [], []
    for line in lines:
        at, index, machine, end = line.rstrip("\n").split(" ")
        if at and index:
            runs.append(Run(float(at), int(index), machine, float(end)))
        elif at and any(name == machine and float(at) <= until and float(end) >= begin for name, begin, until in hidden):
            runs.append(Run(float(at), NO_INDEX, machine, float(end)))
        else:
            strange.append(line.strip())
    return sorted(runs), strange


class Ticks:
    """The timer, not enabled yet; it elapses each time that the wall clock is a multiple of so many seconds. A run belongs to the last
    elapse before it: one at a takeover to the last one that it makes up for."""

    def __init__(self, cluster, name, period, hidden=()):
        self.period = period
        self._hidden = hidden  # as of parse()
        runs = f"runs-{cluster.number_stamps()}-{name}"
        self._path = os.path.join(cluster.rack.shared, runs)
        self._cluster = cluster
        self._past = {}  # Tenures by their index
        self.unit = cluster.unit(f"{name}.timer", files={
            f"{name}.timer": TIMER.format(calendar=f"*:*:0/{period}"), f"{name}.service": SERVICE.format(runs=runs)})

    @property
    def runs(self):
        if not os.path.exists(self._path):
            return []
        with open(self._path) as file:
            runs, strange = parse([line for line in file if line.endswith("\n")], self._hidden)
        if strange:
            raise Failure(f"{self.unit.name}: runs that did not know their Index: {strange}")
        return runs

    def elapse_of(self, at):
        return int(at) // self.period * self.period

    def doubled(self):
        """The elapses that had two runs or more."""
        counts = collections.Counter(self.elapse_of(each.at) for each in self.runs)
        return sorted(elapse for elapse, number in counts.items() if number > 1)

    def remember(self, *machines):
        """Asks "leasectl history" on these machines, of which each knows more of its own past. Returns all that they have said so far."""
        for machine in machines:
            try:
                rows = json.loads(machine.run("leasectl", "history", "--here", "--json=short", self.unit.name, check=False).stdout)
            except (Failure, ValueError):
                continue
            for row in rows:
                old = self._past.get(row["index"])
                if old and not row["to_usec"] and not row.get("standing"):  # it has not seen the end
                    row = {**row, "from_usec": old.begin * 1e6, "to_usec": old.end * 1e6, "why": old.why}
                outages = {(each["from_usec"] / 1e6, (each["to_usec"] or 0) / 1e6 or float("inf"), each["why"]) for each in row["outages"]}
                self._past[row["index"]] = Tenure(row["index"], row["from_usec"] / 1e6, (row["to_usec"] or 0) / 1e6, row["why"],
                                                  outages | (old.outages if old else set()))
        return sorted(self._past.values(), key=lambda each: each.index)

    def _why_none(self, elapse, tenures):
        """Why the elapse had no run, as the history says; None if it says that the timer was up."""
        before = [each for each in tenures if each.begin <= elapse]
        if not before:
            return None
        tenure, past = before[-1], before[-2] if len(before) > 1 else None
        runs = [each.at for each in self.runs if each.index == tenure.index]
        stopping = LEAVING if runs and elapse > runs[-1] else STOPPING
        if runs and elapse > runs[-1] and tenure.why == CONFIRMED:  # some time after it had died, as during a pause
            stopping = tenure.end
        if tenure.end and elapse >= tenure.end - stopping:
            return tenure.why
        for begin, end, why in tenure.outages:
            if begin - STOPPING <= elapse <= end if begin < end else self.elapse_of(begin) == elapse:  # without a length: a start refused
                return why
        if past and (not runs or elapse < runs[0]):
            return f"{past.why}, and not started yet by the next holder"
        return None

    def story(self):
        """All runs and tenures, for people."""
        return "".join(f"  {each}\n" for each in sorted(self.runs + self.remember(*self._cluster), key=lambda each: each.at if isinstance(each, Run)
                                                         else each.begin))

    def _why_late(self, elapse, last, following):
        """Why PID 1 left out an elapse between two runs, as far as the runs show it."""
        if last.end > elapse:
            return "the run before was not over"
        late = following.at - self.elapse_of(following.at) > LATE
        same = last.machine == following.machine and (last.index == following.index or NO_INDEX in (last.index, following.index))
        return "PID 1 came to it late" if late and same else None

    def verdict(self, excuse=lambda elapse, machine: None):
        """(number of elapses, those that had two runs, of the others without a run how many for each reason, those without one).
        excuse: why PID 1 of the machine that ran the one before could not, if that is known from outside."""
        runs = self.runs
        if not runs:
            return 0, [], collections.Counter(), []
        tenures, whys, unexplained = self.remember(*self._cluster), collections.Counter(), []
        for last, following in zip(runs, runs[1:]):
            for elapse in range(self.elapse_of(last.at) + self.period, self.elapse_of(following.at), self.period):
                why = self._why_none(elapse, tenures) or excuse(elapse, last.machine) or self._why_late(elapse, last, following)
                if why:
                    whys[why] += 1
                else:
                    unexplained.append(elapse)
        number = (self.elapse_of(runs[-1].at) - self.elapse_of(runs[0].at)) // self.period + 1
        return number, self.doubled(), whys, unexplained
