# SPDX-License-Identifier: Apache-2.0
"""The story of tests/quickstart: a unit on exactly one machine, whose power is cut."""

import argparse
import os
import sys

import layer
import sandbox
import timeline
from cluster import Cluster
from machines import probe
from waiting import Failure, now, wait_for

UNIT = "ticker.service"


class Narrator:
    """Says what is being done, with the time since the beginning, and shows what commands print."""

    def __init__(self):
        self._began = now()

    def say(self, text):
        print(f"[{now() - self._began:5.1f} s] {text}", flush=True)

    def show(self, machine, *command):
        self.say(f"{machine}# {' '.join(command)}")
        done = machine.run(*command)
        for line in (done.stdout + done.stderr).splitlines():
            print(f"            {line}", flush=True)


def wait_telling(narrator, unit, old, deadline):
    """Waits until the unit runs on another machine than the old one, with a sign of life every second."""
    told = now()

    def arrived():
        nonlocal told
        if now() >= told + 1:
            told += 1
            narrator.say("... it runs nowhere")
        return unit.running_on if unit.running_on is not old else None

    return wait_for(f"{unit.name} runs on a machine other than {old}", arrived, deadline, unit.story)


def build_cluster(narrator, box, build, registry):
    directory = layer.install(build, box.path("layer"))
    corner = box.part("machines")
    if registry == "local":
        narrator.say("booting two machines, alpha and beta, that share the directory /shared")
        cluster = Cluster(corner, directory)
        cluster.boot()
        return cluster
    narrator.say("booting three machines, alpha, beta and gamma, each with a member of etcd")
    cluster = Cluster(corner, directory, names=("alpha", "beta", "gamma"), registry="etcd")
    cluster.boot()
    return cluster


def play(box, build, registry):
    """Returns the exit code."""
    narrator = Narrator()
    cluster = build_cluster(narrator, box, build, registry)
    unit = cluster.unit(UNIT)
    for machine in cluster:
        narrator.show(machine, "leasectl", "enable", UNIT)
    holder = unit.wait_running()
    narrator.say(f"{UNIT} runs on {holder}, and nowhere else")
    narrator.show(holder, "leasectl", "list")
    narrator.show(holder, "busctl", "--list", "tree", "org.leased1")

    wait_for("a second of it", lambda: unit.tenure.last - unit.tenure.first >= 1, 10, unit.story)
    narrator.say(f"cutting the power of {holder}")
    holder.power_cut()
    heir = wait_telling(narrator, unit, holder, cluster.takeover + 10)
    narrator.say(f"{UNIT} runs on {heir}")
    wait_for("a second of it", lambda: unit.tenure.last - unit.tenure.first >= 1, 10, unit.story)
    narrator.show(heir, "leasectl", "list")

    print(f"\n{UNIT}, from the time stamps that it writes itself (TTL {cluster.ttl:g} s):")
    print(timeline.table_of(unit.stamps))
    problems = cluster.problems()
    print(f"gap {unit.gaps[-1]:.3f} s")
    print(f"overlap {unit.overlap:.3f} s")
    print(f"tokens {' -> '.join(str(tenure.index) for tenure in unit.tenures)}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--registry", choices=("local", "etcd"), default="local")
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    try:
        box = sandbox.enter()
        probe(box)
        return play(box, build, arguments.registry)
    except sandbox.Unavailable as error:
        print(f"this machine cannot boot guests: {error}", file=sys.stderr)
        return 77
    except Failure as error:
        print(f"FAIL  {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except sandbox.Interrupted as signal:
        print(f"interrupted by {signal}; everything is cleaned up", file=sys.stderr)
        sys.exit(130)
