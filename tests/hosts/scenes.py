# SPDX-License-Identifier: Apache-2.0
"""Runs the scenes: scenes.py --build=DIR [--list] [--all] [--addresses] [--pause-minutes=N] [--lanes=N] [--stop-early] [--repeat=N] [--log=FILE]
[NAME...]

A NAME is any part of a scene's name or of its file's. Scenes are handed to workers (worker.py), of which several play
side by side: most of a scene is waiting. A scene that fails among others is played once more, alone, since a machine that
has too much to do is late with everything, and at most once more after that; not so if a unit ran twice, its token did
not grow or a law was broken, which is nobody's load. Ends with the margin between two machines over all scenes, and "N
passed, N failed, N skipped"; exit code 0 if none failed, and 77 if this machine cannot boot guests. With --repeat, nothing
is played again, and a table of the gaps over all trials comes before that.
"""

import argparse
import json
import os
import selectors
import signal
import statistics
import subprocess
import sys

from scene import load_scenes
from timeline import margin_line

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77


class Interrupted(Exception):
    pass


log = None


def say(text):
    print(text, flush=True)
    if log is not None:
        print(text, file=log, flush=True)


class Lane:
    """A worker, and what it plays now."""

    def __init__(self, build, *options):
        self.scene = None
        self.process = subprocess.Popen(
            [sys.executable, "-u", os.path.join(HERE, "worker.py"), f"--build={build}", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def play(self, scene):
        self.scene = scene
        self.process.stdin.write(scene.__name__ + "\n")
        self.process.stdin.flush()

    def listen(self):
        """What it says; None if it says nothing any more."""
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def dismiss(self, at_once=False):
        if at_once:
            self.process.terminate()
        self.process.stdin.close()
        self.process.wait()


class Program:
    """What is to be played, and how it went."""

    def __init__(self, scenes, stop_early):
        self._left = list(scenes)
        self._stop_early = stop_early
        self.results = []
        self.late = set()  # names of those that only passed alone
        self.unavailable = None

    @property
    def passed(self):
        return sum(not each["problems"] for each in self.results)

    @property
    def failed(self):
        return len(self.results) - self.passed

    def next_after(self, scene, others):
        """One for the machines that are booted already; otherwise of those of which most are left, machines that no
        other lane has rather than machines that one has."""
        if not self._left or (self._stop_early and self.failed):
            return None
        kinds = [each.kind for each in self._left]
        if scene is not None and scene.kind in kinds:
            kind = scene.kind
        else:
            kind = max(kinds, key=lambda each: (each not in others, kinds.count(each)))
        found = next(each for each in self._left if each.kind == kind)
        self._left.remove(found)
        return found

    def next_round(self, scenes):
        """What failed in any way but by running twice is to be played again. Returns how many that are."""
        again = {each["name"] for each in self.results if each["problems"] and not each["unsafe"]}
        if self._stop_early or self.unavailable is not None:
            return 0
        self.results = [each for each in self.results if each["name"] not in again]
        self._left = [each for each in scenes if each.__name__ in again]
        self.late |= again
        return len(self._left)

    def note(self, result):
        self.results.append(result)
        gaps = " ".join(f"{gap:.3f}" for gap in result["gaps"])
        figures = f"{'gap ' + gaps + ' s' if gaps else 'no gap':<22} overlap {result['overlap']:.3f} s"
        say(f"{'FAIL' if result['problems'] else 'ok':<5} {result['name']:<70} "
            f"{figures if not result['problems'] else ''}  ({result['seconds']:.1f} s, {result['processor']:.1f} s of a processor)")
        for problem in result["problems"]:
            say("      " + problem.replace("\n", "\n      "))


def run(program, lanes):
    """Feeds the lanes until nothing is left."""
    waiter = selectors.DefaultSelector()
    for lane in lanes:
        waiter.register(lane.process.stdout, selectors.EVENT_READ, lane)
    while waiter.get_map():
        for key, _ in waiter.select():
            lane = key.data
            answer = lane.listen()
            if answer is None:
                program.note({"name": lane.scene.__name__ if lane.scene else "a worker", "gaps": [], "margins": [], "overlap": 0,
                              "seconds": 0, "processor": 0, "problems": ["the worker died"], "unsafe": False})
            elif "unavailable" in answer:
                program.unavailable = answer["unavailable"]
            elif "name" in answer:
                program.note(answer)
            scene = None
            if answer is not None and program.unavailable is None:
                others = [each.scene.kind for each in lanes if each is not lane and each.scene]
                scene = program.next_after(lane.scene, others)
            if scene is not None:
                lane.play(scene)
            else:
                waiter.unregister(lane.process.stdout)
                lane.dismiss()


def tell_table(results):
    """The gaps of each scene over its trials; of a scene with several handovers, the longest of each trial."""
    say(f"\n{'scene':<70} {'trials':>6} {'min':>8} {'median':>8} {'max':>8}   overlap")
    for name in dict.fromkeys(each["name"] for each in results):
        trials = [each for each in results if each["name"] == name and not each["problems"]]
        gaps = [max(each["gaps"]) for each in trials if each["gaps"]]
        figures = (f"{min(gaps):>6.2f} s {statistics.median(gaps):>6.2f} s {max(gaps):>6.2f} s" if gaps
                   else f"{'-':>8} {'-':>8} {'-':>8}")
        say(f"{name:<70} {len(trials):>6} {figures}   {max((each['overlap'] for each in trials), default=0):.3f} s")
    say("")


def _catch_signals():
    def interrupt(number, _frame):
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", help="a build directory of meson, built")
    parser.add_argument("--log", type=argparse.FileType("w"), help="write there, too, what is said")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--all", action="store_true", help="scenes at full length, and those that only take long")
    parser.add_argument("--addresses", action="store_true", help="each unit has an address, which may not be on two machines")
    parser.add_argument("--pause-minutes", type=float, default=0.5, help="so long has the scene about it no etcd at all")
    parser.add_argument("--lanes", type=int, default=min(4, os.cpu_count() + 2),
                        help="so many scenes at once")
    parser.add_argument("--stop-early", action="store_true", help="stop at the first scene that fails")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    global log
    log = arguments.log

    scenes = [each for each in load_scenes() if any(name in f"{each.__module__}.{each.__name__}" for name in arguments.names) or
              (not arguments.names and (arguments.all or not each.only_at_length))]
    if arguments.list:
        print("\n".join(each.__name__ for each in scenes))
        return 0
    if not scenes or not arguments.build:
        parser.error("no such scene" if arguments.build else "--build is missing")

    lacking = [each for each in scenes if not all(map(os.path.exists, each.needs))]
    for each in lacking:
        say(f"skipped: {each.__name__}: needs {' '.join(each.needs)}")
    scenes = [each for each in scenes if each not in lacking]
    if not scenes:
        say(f"0 passed, 0 failed, {len(lacking)} skipped")
        return SKIPPED
    program = Program(scenes * arguments.repeat, arguments.stop_early)
    _catch_signals()
    options = ["--at-length"] * arguments.all + ["--addresses"] * arguments.addresses + \
        [f"--pause-minutes={arguments.pause_minutes}"]
    lanes = [Lane(arguments.build, *options) for _ in range(max(1, min(arguments.lanes, len(scenes))))]
    try:
        run(program, lanes)
        for which in ("alone", "the last time"):
            if arguments.repeat > 1 or not program.next_round(scenes):
                break
            say(f"once more, {which}:")
            lanes = [Lane(arguments.build, *options)]
            run(program, lanes)
    except Interrupted as reason:
        for lane in lanes:
            lane.dismiss(at_once=True)
        say(f"interrupted by {reason}")
        return 130
    if program.unavailable is not None:
        say(f"this machine cannot boot guests: {program.unavailable}")
        say(f"0 passed, 0 failed, {len(scenes) + len(lacking)} skipped")
        return SKIPPED
    if arguments.repeat > 1:
        tell_table(program.results)
    say(margin_line([margin for each in program.results if not each["problems"] for margin in each["margins"]]))
    for result in program.results:
        if result["problems"]:
            say(f"FAIL  {result['name']}")
        elif result["name"] in program.late:
            say(f"only alone: {result['name']}")
    say(f"{program.passed} passed, {program.failed} failed, {len(lacking)} skipped")
    return 1 if program.failed else 0


if __name__ == "__main__":
    sys.exit(main())
