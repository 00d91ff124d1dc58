# SPDX-License-Identifier: Apache-2.0
"""docs/standby.md: a unit that runs on the machines that do not have the lease."""

import os
import re

import layer
from cluster import DAEMON, Unit
from scene import scene
from test_placement import met_on_one_machine
from waiting import require, wait_for

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "standby.md")


def files_of_document():
    """The primary's unit file and the standby's, with commands that stamp."""
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    names = re.findall(r"`/etc/systemd/system/([\w.-]+)`:", text)
    return dict(zip(names, (re.sub(r"(?m)^ExecStart=.*$", "ExecStart=STAMP", block)
                            for block in re.findall(r"(?ms)^```ini\n(.*?)^```", text))))


def commands_of_document():
    with open(DOCUMENT, encoding="utf-8") as file:
        return [line.split() for line in re.findall(r"(?m)^    (\S.*)$", file.read())]


class Pair:
    """The primary and its standbys."""

    def __init__(self, cluster):
        self.cluster = cluster
        (primary, text), (standby, other) = files_of_document().items()
        self.primary = cluster.unit(primary, files={primary: text})
        self.primary.options("HoldDownSec=1s")
        stamps = f"stamps-{cluster.number_stamps()}-standby"
        self.standby = Unit.of_stamps(cluster, standby, stamps)
        for machine in cluster:
            machine.write(f"/etc/systemd/system/{standby}", other.replace("STAMP", f"{layer.STAMPER} /shared/{stamps}"))
            machine.systemctl("daemon-reload")
            for command in commands_of_document():
                machine.run(*command)

    def states(self):
        return {machine.name: (machine.state(self.primary.name), machine.state(self.standby.name)) for machine in self.cluster
                if machine.is_on}

    def wait_settled(self, but=None, deadline=30):
        """Until the primary runs on one machine and the standby on every other one that is on. Returns the first."""
        def settled():
            holder = self.primary.running_on
            return holder is not but and holder is not None and holder.is_on and all(
                [state == "active" for state in states] == [name == holder.name, name != holder.name] and
                not {"activating", "deactivating"} & set(states) for name, states in self.states().items()) and holder

        return wait_for("the primary runs on one machine, and the standby on the others", settled, deadline,
                        lambda: f"{self.states()}\n{self.primary.story()}{self.cluster.journals(self.standby.name)}")

    def require_apart(self):
        met = met_on_one_machine(self.primary, self.standby)
        require(f"primary and standby met on one machine for {met:.3f} s", met == 0, self.primary.story)

    def end(self):
        for machine in self.cluster:
            if machine.is_on:
                machine.systemctl("disable", "--now", self.standby.name)


@scene(registry="etcd")
def standby_runs_wherever_the_lease_is_not_held(cluster):
    pair = Pair(cluster)
    try:
        holder = pair.wait_settled()
        holder.run("leasectl", "release", pair.primary.name)
        second = pair.wait_settled(but=holder)
        second.kill(pair.primary.name)  # it fails there: another machine has it
        third = pair.wait_settled(but=second)
        third.kill(DAEMON)
        cluster.wait_ready(third)
        pair.wait_settled()
        require("a restart of leased moves nothing", pair.primary.running_on is third, pair.primary.story)
        third.power_cut()
        fourth = pair.wait_settled(but=third, deadline=cluster.takeover + 20)
        third.boot()
        cluster.wait_ready(third)
        require("a boot moves nothing", pair.wait_settled() is fourth, pair.primary.story)
        pair.require_apart()
    finally:
        pair.end()
        pair.primary.disable()
        for machine in cluster:
            machine.systemctl("stop", pair.standby.name)
