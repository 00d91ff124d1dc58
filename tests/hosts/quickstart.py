# SPDX-License-Identifier: Apache-2.0
"""The story of tests/quickstart: a unit on exactly one machine, whose power is cut."""

import argparse
import os
import sys

import layer
import machines
import sandbox
import timeline
from cluster import Cluster
from machines import probe
from package import PACKAGE, fresh_cluster
from waiting import Failure, now, wait_for

UNIT = "ticker.service"
LIMIT = 60  # seconds, from the first apt-get until the unit has survived a power cut


class Narrator:
    """Says what is being done, with the time since the beginning, and shows what commands print."""

    def __init__(self):
        self._began = now()

    @property
    def passed(self):
        return now() - self._began

    def say(self, text):
        print(f"[{self.passed:5.1f} s] {text}", flush=True)

    def show_on_each(self, cluster, *command):
        """Runs the same command on all machines at once, and shows the last lines that it prints on the first one."""
        self.say(f"on each machine# {' '.join(command)}")
        running = [machine.start(*command) for machine in cluster]
        said = [each.communicate(timeout=120)[0] for each in running]
        for machine, each, text in zip(cluster, running, said):
            if each.returncode != 0:
                raise Failure(f"{command[0]} on {machine}: {text}")
        for line in said[0].splitlines()[-3:]:
            print(f"            {line}", flush=True)

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
    return survive(narrator, cluster, unit)


def play_packages(box, packages):
    """Begins with machines that have only the package and the distribution's etcd at hand. Returns the exit code."""
    print("booting three machines, alpha, beta and gamma, with the distribution's etcd at hand", flush=True)
    cluster = fresh_cluster(box, packages)
    unit = cluster.unit(UNIT)
    narrator = Narrator()
    narrator.show_on_each(cluster, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-q", "-y", PACKAGE, "etcd-server",
                          "etcd-client")
    narrator.show_on_each(cluster, "leasectl", "setup", *(f"{each.name}={each.address}" for each in cluster))
    narrator.show_on_each(cluster, "leasectl", "enable", UNIT)
    code = survive(narrator, cluster, unit)
    if narrator.passed > LIMIT:
        print(f"FAIL  this took {narrator.passed:.1f} s, more than {LIMIT} s")
        return 1
    return code


def survive(narrator, cluster, unit):
    """Cuts the power of the machine that the unit runs on, and shows who ran when. Returns the exit code."""
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
    parser.add_argument("--build")
    parser.add_argument("--packages")
    parser.add_argument("--base", default="/", help="the root of which the machines are made, instead of this machine's")
    parser.add_argument("--registry", choices=("local", "etcd"), default="local")
    arguments = parser.parse_args()
    try:
        box = sandbox.enter()
        probe(box)
        machines.BASE = arguments.base
        if arguments.packages:
            return play_packages(box, os.path.abspath(arguments.packages))
        return play(box, os.path.abspath(arguments.build), arguments.registry)
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
