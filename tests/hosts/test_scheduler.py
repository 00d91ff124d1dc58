# SPDX-License-Identifier: Apache-2.0
"""docs/examples/scheduler.py on three machines: units are placed as asked, and no two instances lead at once, whatever
happens to the leader."""

import contextlib
import json
import os
import re
import sys

import layer
from fleet import Fleet
from scene import scene
from waiting import now, require, wait_for

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "examples")
SERVICE = "scheduler.service"
PERIOD = 3.0
RACKS = {"alpha": "north", "beta": "north", "gamma": "south"}

# Lies before busctl in the scheduler's PATH. While /run/hold is a pipe, what would change an order waits until something is
# written there, and is sent then.
HELD_BACK = """\
#!/bin/sh
case "$*" in
*" StealLease "*)
        if [ -p /run/hold ]; then
                echo "$*" > /run/held-back
                read -r go < /run/hold
                /usr/bin/busctl "$@" > /run/late 2>&1
                echo "exit code $?" >> /run/late
                exit 1
        fi ;;
esac
exec /usr/bin/busctl "$@"
"""
DROP_IN = f"""\
[Service]
Environment=PATH=/usr/local/lib/held-back:/usr/bin:/bin
ExecStart=
ExecStart=/usr/local/bin/scheduler.py --spread=rack --period={PERIOD:g} --verbose queue@*.service
"""


def example(name):
    with open(os.path.join(EXAMPLES, name), encoding="utf-8") as file:
        return file.read()


def said_by(machine):
    """All that the instance on that machine has said, over all its lives."""
    return machine.run("journalctl", "--quiet", "--output=cat", f"--unit={SERVICE}").stdout


def leaderships(said):
    """From when until when an instance might act as the leader, by its own words."""
    spans = []
    for line in said.splitlines():
        first = re.match(r"leads with Index \d+ from (\S+) until (\S+)$", line)
        longer, over = re.match(r"leads until (\S+)$", line), re.match(r"leads no more, since (\S+)$", line)
        if first:
            spans.append([float(first[1]), float(first[2])])
        elif longer:
            spans[-1][1] = float(longer[1])
        elif over:
            spans[-1][1] = min(spans[-1][1], float(over[1]))
    return spans


def overlap(cluster):
    """Seconds in which two instances might act as the leader."""
    spans = sorted((span for machine in cluster for span in leaderships(said_by(machine))))
    return sum(max(0.0, min(a[1], b[1]) - max(a[0], b[0])) for n, a in enumerate(spans) for b in spans[n + 1:])


def story(cluster):
    return "".join(f"{machine}:\n{said_by(machine)}" for machine in cluster if machine.is_on) + cluster.journals()


def leases(machine):
    """name: (machine id, version, Index), of those that somebody holds."""
    done = machine.run("busctl", "--json=short", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "ListLeases")
    return {row[0]: row[1:4] for row in json.loads(done.stdout)["data"][0] if row[1]}


def leads_now(machine):
    spans = leaderships(said_by(machine))
    return bool(spans) and spans[-1][1] > now()


class Scheduler:
    """The scheduler on all machines of a cluster, and the units that it places."""

    def __init__(self, cluster, units):
        self.cluster = cluster
        self.fleet = Fleet(cluster, "queue", units, layer.STAMPER, options="HoldDownSec=1s")

    def start(self):
        for machine in self.cluster:
            machine.write("/usr/local/bin/scheduler.py", example("scheduler.py"), 0o755)
            machine.write("/usr/local/lib/held-back/busctl", HELD_BACK, 0o755)
            machine.write(f"/etc/systemd/system/{SERVICE}", example(SERVICE))
            machine.write(f"/etc/systemd/system/{SERVICE}.d/scene.conf", DROP_IN)
            machine.run("leasectl", "set-metadata", f"rack={RACKS[machine.name]}")
            machine.systemctl("daemon-reload")
            machine.systemctl("start", SERVICE)
        for machine in self.cluster:
            self.fleet.enable(machine)

    def stop(self):
        for machine in self.cluster:
            if machine.is_on:
                machine.run("pkill", "-CONT", "-f", "scheduler.py", check=False)
                machine.systemctl("stop", SERVICE)
                machine.run("leasectl", "set-metadata", "rack=")
                machine.run("leasectl", "undrain")

    def places(self):
        """How many units run on each machine."""
        return {machine.name: len(self.fleet.on(machine)) for machine in self.cluster}

    def wait_placed(self, deadline=30, **counts):
        wait_for(f"units run as {counts}", lambda: self.places() == counts, deadline,
                 lambda: f"{self.places()}\n{story(self.cluster)}")

    def spans(self):
        """How often an instance has begun to lead, for each machine."""
        return {machine: len(leaderships(said_by(machine))) for machine in self.cluster}

    def wait_leader(self, before=None, deadline=30):
        """Until an instance has begun to lead, besides what spans() gave before. Returns its machine."""
        return wait_for("an instance leads",
                        lambda: next((machine for machine, spans in self.spans().items() if spans > (before or {}).get(machine, 0)), None),
                        deadline, lambda: story(self.cluster))

    def the_leader(self):
        """The machine whose instance leads now."""
        return wait_for("an instance leads", lambda: next((machine for machine in self.cluster if leads_now(machine)), None), 30,
                        lambda: story(self.cluster))

    def orders(self, witness):
        """unit: (machine id, token, Index), as the witness knows them. Those of other scenes' units may be there, too."""
        held = leases(witness)
        return {name: held[f"order-{name}"] for name in self.fleet.names if f"order-{name}" in held}

    def require_one_leader(self):
        found = overlap(self.cluster)
        spans = {machine.name: leaderships(said_by(machine)) for machine in self.cluster}
        print(f"      leaders {spans}: overlap {found:.3f} s", file=sys.stderr, flush=True)
        require(f"two instances led at once, for {found:.3f} s", found == 0, lambda: story(self.cluster))


@contextlib.contextmanager
def scheduler(cluster, units):
    it = Scheduler(cluster, units)
    try:
        it.start()
        yield it
        it.require_one_leader()
    finally:
        it.stop()


@scene(registry="etcd", only_at_length=True)
def example_scheduler_places_units_as_asked_and_outlives_its_leader(cluster):
    with scheduler(cluster, 4) as it:
        it.wait_placed(alpha=1, beta=1, gamma=2)
        cluster["alpha"].run("leasectl", "set-metadata", "rack=south")  # now beta is alone in the north
        it.wait_placed(alpha=1, beta=2, gamma=1)
        before, leader = it.spans(), it.the_leader()
        leader.kill(SERVICE)
        it.wait_leader(before)
        cluster["beta"].run("leasectl", "drain", deadline=60)
        wait_for("the rest has them", lambda: sorted(it.places().values()) == [0, 2, 2], 60, lambda: story(cluster))
        cluster["beta"].run("leasectl", "undrain")
        it.wait_placed(alpha=1, beta=2, gamma=1)


@scene(registry="etcd")
def order_of_a_scheduler_that_was_deposed_meanwhile_is_refused(cluster):
    """Its leader stands still between its look at the clock and the order that it gives, until another one leads."""
    with scheduler(cluster, 2) as it:
        it.fleet.wait_all_running(30)
        leader = it.the_leader()
        other = cluster.other(leader)
        wait_for("each unit has an order", lambda: len(it.orders(other)) == 2, 30, lambda: story(cluster))
        before = it.spans()
        leader.run("mkfifo", "/run/hold")
        it.fleet.units[0].running_on.run("leasectl", "--no-wait", "drain")  # so its order must change
        wait_for("the order is on its way", lambda: leader.exists("/run/held-back"), 30, lambda: story(cluster))
        leader.kill(SERVICE, "STOP")
        token = int(leader.read("/run/held-back").split()[-3])
        heir = it.wait_leader(before)
        require("it is another one", heir is not leader, lambda: story(cluster))
        wait_for("it has given every order anew", lambda: min(each[1] for each in it.orders(heir).values()) > token, 30,
                 lambda: f"{token} {it.orders(heir)}\n{story(cluster)}")
        orders = it.orders(heir)
        leader.run("sh", "-c", "echo go > /run/hold")
        wait_for("the late order was sent", lambda: leader.exists("/run/late") and "exit code" in leader.read("/run/late"), 15,
                 lambda: story(cluster))
        require(f"it was refused: {leader.read('/run/late')}", "exit code 1" in leader.read("/run/late"), lambda: story(cluster))
        require(f"nothing is ordered that was not: {orders}, {it.orders(heir)}",
                {unit: order[:2] for unit, order in it.orders(heir).items()} == {unit: order[:2] for unit, order in orders.items()})
        leader.run("rm", "/run/hold", "/run/held-back", "/run/late")
        leader.kill(SERVICE, "CONT")
        wait_for("it knows that it leads no more", lambda: "leads no more" in said_by(leader).splitlines()[-1], 15,
                 lambda: story(cluster))


@scene(registry="etcd", only_at_length=True)
def scheduler_that_is_cut_off_leads_no_more_before_another_one_does(cluster):
    with scheduler(cluster, 2) as it:
        leader, before = it.the_leader(), it.spans()
        leader.drop_packets()
        heir = it.wait_leader(before)
        require("it is another one", heir is not leader, lambda: story(cluster))
        it.fleet.wait_all_running(30)
        leader.heal_network()
        cluster.etcd.wait_healthy(leader)
