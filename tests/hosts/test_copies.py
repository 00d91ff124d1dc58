# SPDX-License-Identifier: Apache-2.0
"""Copies=: a unit on several machines at once, on each by another one of its leases."""

import json
import sys

import layer
from cluster import DAEMON, UNIT, Unit
from scene import scene
from test_submit import KEY, Submitted
from timeline import runs_of
from waiting import require, wait_for

SCRIPT = "/bin/sh -c 'exec {stamper} --ignore-term /shared/{stamps}-\"$${{LEASE_NAME##*#}}\"'"


class Copies(Unit):
    """Each of the leases of one unit: what runs by it, on whatever machine."""

    def __init__(self, cluster, name, stamps, number):
        self._begin(cluster, f"{name}#{number}", f"{stamps}-{number}")
        self.whole = name
        cluster.units.append(self)

    def disable(self):
        """The unit has many copies, and is disabled once."""
        for machine in [] if self._over else self.cluster:
            machine.run("leasectl", "disable", self.whole, check=False)
        self._over = True


def start_copies(cluster, prefix, number, leases):
    """A unit of which there are so many copies, enabled everywhere. Gives what runs by each of so many leases."""
    name, stamps = f"{prefix}.service", f"stamps-{cluster.number_stamps()}-{prefix}"
    for machine in cluster:
        machine.write(f"/etc/systemd/system/{name}", UNIT.format(command=SCRIPT.format(stamper=layer.STAMPER, stamps=stamps),
                                                                 service="TimeoutStopSec=1"))
        machine.write(f"/etc/systemd/system/{name}.d/options.conf", f"[X-Leased]\nCopies={number}\nHoldDownSec=0\n")
        machine.systemctl("daemon-reload")
    copies = [Copies(cluster, name, stamps, i + 1) for i in range(leases)]
    for machine in cluster:
        machine.run("leasectl", "enable", name)
    return copies


def set_copies(cluster, name, number):
    for machine in cluster:
        machine.run("leasectl", "set", name, f"Copies={number}")


def wait_apart(copies):
    """Until each copy runs, on a machine of its own. Gives these machines."""

    def machines():
        found = [copy.running_on for copy in copies]
        return found if None not in found and len(set(found)) == len(found) else None

    return wait_for("each copy runs on a machine of its own", machines, 30, copies[0].story)


def listed(machine, name):
    """Who holds the unit's copies, as leasectl says there."""
    rows = json.loads(machine.run("leasectl", "--json", "list").stdout)
    return [each["hostname"] for row in rows if row["unit"] == name for each in row["copy_holders"]]


@scene(registry="etcd")
def copy_of_a_machine_without_power_runs_where_there_is_none(cluster):
    first, second, _ = copies = start_copies(cluster, "copied", 2, 3)
    victim, stays = wait_apart(copies[:2])
    before = second.tenure
    third = next(machine for machine in cluster if machine not in (victim, stays))
    for machine in cluster:
        wait_for(f"{machine} knows both", lambda each=machine: listed(each, first.whole) == [victim.name, stays.name], 10, first.story)
    stays.systemctl("restart", "leased")
    cluster.wait_ready(stays)
    refused = third.run("leasectl", "transfer", f"{first.whole}#1", stays.name, check=False)
    require(f"no machine gets two copies: {refused}", refused.returncode != 0 and "another copy of it runs there" in refused.stderr, first.story)
    victim.power_cut()
    first.wait_running(on=third, deadline=cluster.takeover + 5)
    require("the other copy was not disturbed", second.running_on is stays and len(second.tenures) == 1
            and second.tenure.invocation == before.invocation, second.story)
    victim.boot()
    cluster.wait_ready(victim)
    require("two copies are enough", not copies[2].stamps, copies[2].story)


@scene(registry="etcd", only_at_length=True)
def operator_moves_and_counts_copies(cluster):
    copies = start_copies(cluster, "counted", 2, 3)
    first, second, third = copies
    name = first.whole
    one, two = wait_apart(copies[:2])
    free = next(machine for machine in cluster if machine not in (one, two))
    before = first.tenure

    # of several copies elsewhere, one must be named
    refused = free.run("leasectl", "release", name, check=False)
    require(f"the copy must be named: {refused}", refused.returncode != 0 and "#" in refused.stderr, first.story)
    said = json.loads(free.run("leasectl", "--json", "transfer", f"{name}#2", free.name, "--dry-run").stdout)
    require(f"a dry run says where it goes: {said}", [row["unit"] for row in said if row["to"]] == [f"{name}#2"], first.story)
    free.run("leasectl", "transfer", f"{name}#2", free.name)
    second.wait_running(on=free)
    two.run("leasectl", "release", f"{name}#2")
    second.wait_running(on=two)
    free.run("leasectl", "restart", f"{name}#2")
    second.wait_running(on=two)
    two.run("leasectl", "drain")
    second.wait_running(on=free)
    require("nothing is wrong but that it drains", "copies" not in one.run("leasectl", "-1", check=False).stdout, second.story)

    # more copies than machines that may have one, then enough, then a surplus
    set_copies(cluster, name, 3)
    wait_for("what is missing is told", lambda: "has 2 of 3 copies" in one.run("leasectl", "-s", check=False).stdout, 15, first.story)
    two.run("leasectl", "undrain")
    require("each of three has one", len(set(wait_apart(copies))) == 3, third.story)
    status = one.run("leasectl", "status", name, check=False).stdout
    require(f"status names all: {status}", all(f"{name}#{i} on " in status for i in (1, 2, 3)), third.story)
    set_copies(cluster, name, 2)
    third.wait_gone()
    history = one.run("leasectl", "history", name).stdout
    require(f"the history says why: {history}", "surplus" in history, third.story)
    require("the first copy was never disturbed", len(first.tenures) == 1 and first.tenure.invocation == before.invocation
            and first.running_on is one, first.story)
    wait_apart(copies[:2])


def submit_copies(fleet, prefix, number, leases, mark):
    """The same for a unit that is submitted, and its next version."""
    cluster, path = fleet.cluster, f"/srv/{prefix}.service"
    stamps = f"stamps-{cluster.number_stamps()}-{prefix}" if mark == "first" else fleet.units[prefix]
    fleet.units[prefix] = stamps
    command = SCRIPT.format(stamper=layer.STAMPER, stamps=stamps)
    fleet.source.write(path, f"# {mark}\n[Service]\nExecStart={command}\nTimeoutStopSec=1\n")
    fleet.source.run("leasectl", "submit", "--no-wait", f"--key={KEY}", f"--copies={number}", path, deadline=60)
    return [Copies(cluster, f"{prefix}.service", stamps, i + 1) for i in range(leases)] if mark == "first" else []


def down(copy, until):
    """When nothing of the copy lived, since it first did."""
    runs = runs_of(copy.stamps)
    return [(before.last, after.first) for before, after in zip(runs, runs[1:])] + [(runs[-1].last, until)] * (copy.running_on is None)


def require_one_at_a_time(copies):
    spans = sorted(span for copy in copies for span in down(copy, float("inf")))
    print(f"      {copies[0].whole}: nothing ran {[f'{end - begin:.2f}' for begin, end in spans]} s", file=sys.stderr, flush=True)
    for before, after in zip(spans, spans[1:]):
        require(f"two copies were down at once: {spans}", after[0] >= before[1], lambda: "".join(copy.story() for copy in copies))


@scene(registry="etcd", ttl=5.0, machines=("alpha", "beta", "gamma", "delta"), only_at_length=True)
def copies_go_over_to_a_new_version_one_after_the_other(cluster):
    """Two copies on three machines, which move, and three, which restart where they are."""
    fleet = Submitted(cluster, cluster["delta"])
    for prefix, number in (("moving", 2), ("staying", 3)):
        copies = submit_copies(fleet, prefix, number, number, "first")
        name = copies[0].whole
        wait_apart(copies)
        before = {copy.name: copy.tenure.invocation for copy in copies}
        submit_copies(fleet, prefix, number, number, "second")
        wait_for("each copy has begun anew", lambda: all(copy.running_on and copy.tenure.invocation != before[copy.name] for copy in copies),
                 90, copies[0].story)
        for machine in fleet.takers:
            wait_for(f"{machine} has the new version", lambda each=machine: fleet.outcome(each, name) == 220 and
                     "# second\n" in each.read(f"/etc/systemd/system/{name}"), 60, copies[0].story)
        wait_apart(copies)
        require_one_at_a_time(copies)
        for copy in copies:
            copy.require_tenures(2)
        fleet.source.run("leasectl", "destroy", f"--key={KEY}", name)
        for copy in copies:
            copy.wait_gone(deadline=40)
    for machine in fleet.takers:
        machine.remove("/etc/leased/leased.conf.d/accept.conf")
        machine.run("systemctl", "restart", DAEMON)
    for machine in cluster:
        cluster.wait_ready(machine)
