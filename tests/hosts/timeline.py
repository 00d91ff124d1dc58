# SPDX-License-Identifier: Apache-2.0
"""Who ran when, from the stamps that the unit's own processes write (stamper.c).

A run is the life of one process as far as it is witnessed: from its first stamp to its last. A tenure is the life of a
unit on one machine under one invocation: the hull of its runs. Times are seconds on CLOCK_BOOTTIME.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stamp:
    at: int  # nanoseconds
    machine: str
    pid: int
    index: int | None  # None: the process had no LEASE_INDEX
    invocation: str


@dataclass
class Run:
    """One process; two with one number, before and after a reboot, differ in their invocation."""
    machine: str
    invocation: str
    pid: int
    index: int | None
    first: float
    last: float
    stamps: int = 1
    silence: float = 0.0  # the longest time between two stamps


@dataclass
class Tenure:
    machine: str
    invocation: str
    index: int | None
    first: float
    last: float
    runs: list = field(default_factory=list)

    @property
    def silence(self):
        """The longest time in which no process of it stamped."""
        return max((run.silence for run in self.runs), default=0.0)


def parse_line(line):
    """A Stamp, or None for a line that a power cut left half written."""
    words = line.split()
    if len(words) != 5 or not words[0].isdigit() or not words[2].isdigit():
        return None
    if words[3] != "-" and not words[3].isdigit():
        return None
    return Stamp(int(words[0]), words[1], int(words[2]), None if words[3] == "-" else int(words[3]), words[4])


def parse(text):
    return [stamp for stamp in map(parse_line, text.splitlines()) if stamp is not None]


def runs_of(stamps):
    runs = {}
    for stamp in sorted(stamps, key=lambda each: each.at):
        at = stamp.at / 1e9
        key = (stamp.machine, stamp.invocation, stamp.pid)
        run = runs.get(key)
        if run is None:
            runs[key] = Run(stamp.machine, stamp.invocation, stamp.pid, stamp.index, at, at)
            continue
        run.silence = max(run.silence, at - run.last)
        run.last = at
        run.stamps += 1
    return sorted(runs.values(), key=lambda run: run.first)


def tenures_of(stamps):
    tenures = {}
    for run in runs_of(stamps):
        key = (run.machine, run.invocation)
        tenure = tenures.get(key)
        if tenure is None:
            tenure = tenures[key] = Tenure(run.machine, run.invocation, run.index, run.first, run.last)
        tenure.last = max(tenure.last, run.last)
        tenure.runs.append(run)
    return sorted(tenures.values(), key=lambda tenure: tenure.first)


def overlap_of(stamps):
    """Seconds in which processes of more than one machine lived. 0.0 means: never."""
    edges = []
    for run in runs_of(stamps):
        edges += [(run.first, 0, run.machine), (run.last, 1, run.machine)]
    alive, total, since = {}, 0.0, None
    for at, ends, machine in sorted(edges):
        if since is not None and len(alive) > 1:
            total += at - since
        if ends:
            alive[machine] -= 1
            if alive[machine] == 0:
                del alive[machine]
        else:
            alive[machine] = alive.get(machine, 0) + 1
        since = at
    return total


@dataclass
class Handover:
    old: Tenure
    new: Tenure

    @property
    def gap(self):
        """From the last stamp of the old tenure to the first of the new one; below zero if they met."""
        return self.new.first - self.old.last


def handovers_of(stamps):
    tenures = tenures_of(stamps)
    return [Handover(old, new) for old, new in zip(tenures, tenures[1:])]


def margins_of(stamps):
    """For each tenure on another machine than the one before it: from the last stamp on any other machine to its first."""
    tenures = tenures_of(stamps)
    return [new.first - max(each.last for each in tenures[:number] if each.machine != new.machine)
            for number, new in enumerate(tenures) if number and tenures[number - 1].machine != new.machine]


def margin_line(margins):
    """For people: for how long no process lived when a unit went from one machine to another."""
    margins = sorted(margins)
    return (f"margin between the last process of one machine and the first of the next: {len(margins)} moves, min {margins[0]:.3f} s, "
            f"p50 {margins[len(margins) // 2]:.3f} s, p99 {margins[int(0.99 * (len(margins) - 1))]:.3f} s" if margins else
            "no unit went to another machine")


def tokens_of(stamps):
    return [tenure.index for tenure in tenures_of(stamps)]


def tokens_grow(stamps):
    """From one machine's tenure to another's the token must grow; on one machine it may stay (a unit's restart)."""
    tenures = tenures_of(stamps)
    if any(tenure.index is None for tenure in tenures):
        return False
    return all(new.index > old.index or (new.index == old.index and new.machine == old.machine)
               for old, new in zip(tenures, tenures[1:]))


def table_of(stamps):
    """The story for people, one line a tenure, times counted from the first stamp."""
    tenures = tenures_of(stamps)
    if not tenures:
        return "  nobody ran\n"
    start = tenures[0].first
    lines = [f"  {'machine':<10} {'from':>9} {'to':>9} {'gap before':>11} {'token':>7}"]
    previous = None
    for tenure in tenures:
        gap = f"{tenure.first - previous.last:.3f} s" if previous else "-"
        index = "-" if tenure.index is None else tenure.index
        first, last = tenure.first - start, tenure.last - start
        lines.append(f"  {tenure.machine:<10} {first:>7.3f} s {last:>7.3f} s {gap:>11} {index:>7}")
        previous = tenure
    return "\n".join(lines) + "\n"
