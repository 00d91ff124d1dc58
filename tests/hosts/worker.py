# SPDX-License-Identifier: Apache-2.0
"""A worker plays scenes: worker.py --build=DIR [--at-length] [--addresses] [--pause-minutes=N]

It reads names of scenes from its standard input, a line each, and answers each with one line of JSON (see Result). The
first line that it says is {"ready": true}, or {"unavailable": "why"} where this machine cannot boot guests. It ends
with its input. Each worker has a world of its own (sandbox.py), so that several play side by side.
"""

import argparse
import dataclasses
import json
import os
import sys
import traceback

import layer
import sandbox
from cluster import Cluster
from machines import probe
from scene import load_scenes
from waiting import Failure, now


@dataclasses.dataclass
class Result:
    name: str
    problems: list
    unsafe: bool = False  # a unit ran twice, or with a token that does not grow, or a law was broken
    gaps: list = dataclasses.field(default_factory=list)
    margins: list = dataclasses.field(default_factory=list)  # between two machines
    overlap: float = 0.0
    seconds: float = 0.0
    processor: float = 0.0  # seconds of a processor that the machines have used


class Stage:
    """The cluster on which the scenes play: one after the other on the same machines while they leave it clean."""

    def __init__(self, box, layer_directory, options):
        self._box = box
        self._layer = layer_directory
        self._options = options
        self._number = 0
        self._cluster = None
        self._kind = None

    def cluster(self, kind):
        if self._cluster is None or self._kind != kind:
            self.strike()
            self._number += 1
            self._kind = kind
            self._cluster = Cluster(self._box.part(f"cluster-{self._number}"), self._layer, kind.machines, kind.ttl,
                                    kind.registry, kind.disk_of, kind.etcd, kind.containers, kind.bus)
            self._cluster.at_length = self._options.at_length
            self._cluster.pause_minutes = self._options.pause_minutes
            self._cluster.with_addresses = self._options.addresses and kind.ttl >= 3.0  # which leased-address needs
            self._cluster.log_events()
            self._cluster.boot()
        return self._cluster

    def strike(self):
        """The machines go: the next scene has new ones."""
        if self._cluster is not None:
            self._cluster.tear_down()
            self._cluster = None

    def play(self, scene):
        result = Result(scene.__name__, [])
        began, used = now(), self._box.processor_seconds()
        starts = []
        self._try(result, lambda: scene(self.cluster(scene.kind)))
        if self._cluster is not None:
            self._judge(result)
            starts = self._cluster.starts()
        if not result.problems:
            self._try(result, self._cluster.forget_units)
        if self._cluster is not None:
            self._try(result, lambda: self._judge_by_laws(result, starts))
        result.seconds, result.processor = now() - began, self._box.processor_seconds() - used
        if result.problems:
            self.strike()
        return result

    @staticmethod
    def _try(result, act):
        try:
            act()
        except Failure as error:
            result.problems.append(str(error))
        except Exception:
            result.problems.append(traceback.format_exc())

    def _judge(self, result):
        """What must hold for every unit, however far the scene came."""
        found = self._cluster.problems()
        result.unsafe = bool(found)
        result.problems += found
        result.margins = [margin for unit in self._cluster.all_units for margin in unit.margins]
        result.gaps = [gap for unit in self._cluster.units for gap in unit.gaps]
        result.overlap = sum(unit.overlap for unit in self._cluster.all_units)


    def _judge_by_laws(self, result, starts):
        breaches = self._cluster.law_breaches() + self._cluster.unlawful_starts(starts)
        result.unsafe = result.unsafe or bool(breaches)
        result.problems += breaches


def say(what):
    print(json.dumps(what), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--at-length", action="store_true")
    parser.add_argument("--addresses", action="store_true")
    parser.add_argument("--pause-minutes", type=float, default=0.5)
    arguments = parser.parse_args()
    scenes = {each.__name__: each for each in load_scenes()}
    build = os.path.abspath(arguments.build)
    try:
        box = sandbox.enter()
        probe(box)
    except sandbox.Unavailable as error:
        say({"unavailable": str(error)})
        return
    stage = Stage(box, layer.install(build, box.path("layer")), arguments)
    say({"ready": True})
    for line in sys.stdin:
        say(dataclasses.asdict(stage.play(scenes[line.strip()])))
    stage.strike()


if __name__ == "__main__":
    try:
        main()
    except sandbox.Interrupted:
        sys.exit(130)
