# SPDX-License-Identifier: Apache-2.0
"""What a benchmark is given: machines to play on, and a place for what it finds."""

import signal
import sys

import guests
from figures import Figure
from waiting import Failure, now


class Stage:
    """One run of one benchmark."""

    def __init__(self, name, box, layer, build, quick, most=0, seconds=0):
        self.name = name
        self.quick = quick
        self._most = most
        self._seconds = seconds
        self._over = False
        self.build = build
        self.figures = []
        self.charts = []
        self._box = box
        self._layer = layer
        self._began = now()
        self._parts = 0

    def begin(self):
        """From now on the benchmark has its time. When it is over, whatever is waited for fails, and whatever is begun then."""
        if self._seconds:
            signal.signal(signal.SIGALRM, self._no_more)
            signal.alarm(self._seconds)

    def end(self):
        signal.alarm(0)
        self._over = False

    def _no_more(self, *_):
        self._over = True
        raise Failure(f"the {self._seconds / 60:g} minutes of this benchmark were over")

    def sizes(self, full, quick):
        """The numbers of units or machines to play, in their order, without those that are too large for this run."""
        return [number for number in (quick if self.quick else full) if not self._most or number <= self._most]

    def say(self, text):
        """Progress: what begins now."""
        if self._over:
            raise Failure("the time of this benchmark was over")
        print(f"{now() - self._began:>7.1f} s  {self.name}: {text}", file=sys.stderr, flush=True)

    def figure(self, goal, what, measured, unit, **more):
        self.figures.append(Figure(self.name, goal, what, measured, unit, **more))

    def chart(self, chart):
        chart.bench = self.name
        self.charts.append(chart)

    def cluster(self, **options):
        """Context manager: machines of its own, see guests.cluster()."""
        self._parts += 1
        self.say("machines boot")
        return guests.cluster(self._box, self._layer, f"{self.name}-{self._parts}", **options)
