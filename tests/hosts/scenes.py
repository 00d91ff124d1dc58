# SPDX-License-Identifier: Apache-2.0
"""Runs the scenes: scenes.py --build=DIR [--list] [--stop-early] [--repeat=N] [--log=FILE] [NAME...]

A NAME is any part of a scene's name. Ends with "N passed, N failed, N skipped"; exit code 0 if none failed, and 77 if
this machine cannot boot guests.
"""

import argparse
import glob
import importlib
import os
import sys
import traceback

import layer
import sandbox
from cluster import Cluster
from machines import probe
from scene import SCENES
from waiting import Failure, now

SKIPPED = 77


def load_scenes():
    here = os.path.dirname(os.path.abspath(__file__))
    for path in sorted(glob.glob(os.path.join(here, "test_*.py"))):
        name = os.path.basename(path)[:-3]
        if name != "test_timeline":
            importlib.import_module(name)


log = None


def say(text):
    print(text, flush=True)
    if log is not None:
        print(text, file=log, flush=True)


class Stage:
    """The cluster on which the scenes play: one after the other on the same machines while they leave it clean."""

    def __init__(self, box, layer_directory):
        self._box = box
        self._layer = layer_directory
        self._number = 0
        self._cluster = None
        self._kind = None

    def cluster(self, kind):
        if self._cluster is None or self._kind != kind:
            self.strike()
            self._number += 1
            self._kind = kind
            self._cluster = Cluster(self._box.part(f"cluster-{self._number}"), self._layer, kind.machines, kind.ttl,
                                    kind.registry)
            self._cluster.boot()
        return self._cluster

    def strike(self):
        """The machines go: the next scene has new ones."""
        if self._cluster is not None:
            self._cluster.tear_down()
            self._cluster = None

    def play(self, scene):
        """Returns what went wrong, as texts."""
        problems = []
        figures = ""
        began = now()
        try:
            cluster = self.cluster(scene.kind)
            scene(cluster)
            problems = cluster.problems()
            gaps = [gap for unit in cluster.units for gap in unit.gaps]
            overlap = sum(unit.overlap for unit in cluster.units)
            words = "gap " + " ".join(f"{gap:.3f}" for gap in gaps) + " s" if gaps else "no gap"
            figures = f"{words:<22} overlap {overlap:.3f} s"
            if not problems:
                cluster.forget_units()
        except Failure as error:
            problems.append(str(error))
        except Exception:
            problems.append(traceback.format_exc())
        say(f"{'FAIL' if problems else 'ok':<5} {scene.__name__:<70} {figures}  ({now() - began:.1f} s)")
        for problem in problems:
            say("      " + problem.replace("\n", "\n      "))
        if problems:
            self.strike()
        return problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", help="a build directory of meson, built")
    parser.add_argument("--log", type=argparse.FileType("w"), help="write there, too, what is said")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--stop-early", action="store_true", help="stop at the first scene that fails")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    global log
    log = arguments.log

    load_scenes()
    scenes = [each for each in SCENES if not arguments.names or any(name in each.__name__ for name in arguments.names)]
    scenes.sort(key=lambda each: (each.kind.registry != "local", each.kind.ttl, each.kind.machines))
    if arguments.list:
        print("\n".join(each.__name__ for each in scenes))
        return 0
    if not scenes or not arguments.build:
        parser.error("no such scene" if arguments.build else "--build is missing")

    build = os.path.abspath(arguments.build)
    try:
        box = sandbox.enter()
        probe(box)
    except sandbox.Unavailable as error:
        say(f"this machine cannot boot guests: {error}")
        say(f"0 passed, 0 failed, {len(scenes)} skipped")
        return SKIPPED
    passed = failed = 0
    stage = Stage(box, layer.install(build, box.path("layer")))
    for each in scenes * arguments.repeat:
        if stage.play(each):
            failed += 1
            if arguments.stop_early:
                break
        else:
            passed += 1
    stage.strike()
    say(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except sandbox.Interrupted as signal:
        say(f"interrupted by {signal}")
        sys.exit(130)
