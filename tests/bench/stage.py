# SPDX-License-Identifier: Apache-2.0
"""What a benchmark is given: machines to play on, and a place for what it finds."""

import sys

import guests
from figures import Figure
from waiting import now


class Stage:
    """One run of one benchmark."""

    def __init__(self, name, box, layer, build, quick):
        self.name = name
        self.quick = quick
        self.build = build
        self.figures = []
        self.charts = []
        self._box = box
        self._layer = layer
        self._began = now()
        self._parts = 0

    def say(self, text):
        """Progress: what begins now."""
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
