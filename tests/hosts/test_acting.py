# SPDX-License-Identifier: Apache-2.0
"""The verbs by which an operator changes options, moves what they ask for, and clears away what is not wanted any more."""

import json

import layer
from cluster import UNIT, Unit
from scene import scene
from waiting import require, wait_for

RACKS = {"alpha": "a", "beta": "a", "gamma": "b"}


def instances(cluster, prefix, number):
    """So many instances of one template, each with stamps of its own."""
    stamps = f"stamps-{cluster.number_stamps()}-{prefix}"
    for machine in cluster:
        machine.write(f"/etc/systemd/system/{prefix}@.service", UNIT.format(command=f"{layer.STAMPER} /shared/{stamps}-%i", service=""))
        machine.systemctl("daemon-reload")
    units = [Unit.of_stamps(cluster, f"{prefix}@{i + 1}.service", f"{stamps}-{i + 1}") for i in range(number)]
    cluster.units += units
    return units


def leasectl(machine, *arguments, **options):
    return machine.run("leasectl", *arguments, **options)


def everywhere(cluster, *arguments):
    for machine in cluster:
        leasectl(machine, *arguments)


def options_of(machine, unit):
    return leasectl(machine, "cat", unit).stdout


def moves(machine, *arguments):
    """What a dry run says: (unit, where it goes)."""
    names = {row["machine_id"]: row["hostname"] for row in json.loads(leasectl(machine, "--json", "machines").stdout)}
    rows = json.loads(leasectl(machine, "--json", *arguments, "--dry-run").stdout)
    return [(row["unit"], names[row["to"]]) for row in rows if row["to"]]


def gather(cluster, units, target):
    """Moves the units there; asked of a machine that need not hold them."""
    for unit in units:
        if unit.running_on is not target:
            leasectl(cluster["beta"], "transfer", unit.name, target.name)
        unit.wait_running(on=target)


@scene(registry="etcd", only_at_length=True)
def operator_goes_the_round_of_acting_verbs(cluster):
    alpha, beta, gamma = cluster
    units = one, two = instances(cluster, "round", 2)
    for machine in cluster:
        leasectl(machine, "set-metadata", f"rack={RACKS[machine.name]}")
    for unit in units:
        unit.enable()
        unit.wait_running()

    # two instances on two machines at once, of three (docs/placement.md)
    for unit in units:
        everywhere(cluster, "set", unit.name, "Conflicts=round@*.service")
    wait_for("they are apart", lambda: None not in (one.running_on, two.running_on) and one.running_on is not two.running_on,
             20, one.story)
    victim, stays = one.running_on, two.running_on
    refused = leasectl(beta, "transfer", one.name, stays.name, check=False)
    victim.power_cut()
    one.wait_running(but=victim, deadline=cluster.takeover + 5)
    require("the third machine has it", one.running_on is not stays and two.running_on is stays, one.story)
    victim.boot()
    cluster.wait_ready(victim)
    wait_for("its beats are heard again", lambda: "silent" not in leasectl(beta, "machines").stdout, 20, one.story)

    # options: set, edit, cat
    for unit in units:
        said = leasectl(alpha, "set", unit.name, "Conflicts=", "Spread=rack", "HoldDownSec=0").stdout
        require(f"what changes is told: {said}", "Spread" in said and "Conflicts" in said, unit.story)
        for machine in (beta, gamma):
            leasectl(machine, "set", unit.name, "Conflicts=", "Spread=rack", "HoldDownSec=0")
    everywhere(cluster, "set", one.name, "PreferNot=rack=b")
    for machine in cluster:
        machine.run("env", "SYSTEMD_EDITOR=sed -i /^Spread=/aStopGraceSec=700ms", "leasectl", "edit", two.name)
        require(f"it is in force on {machine}", "StopGraceSec=700ms" in options_of(machine, two.name)
                and "PreferNot=rack=b" in options_of(machine, one.name), two.story)
    bad = leasectl(alpha, "set", one.name, "Spread=a=b", check=False)
    require("what is wrong changes nothing", bad.returncode != 0 and "Spread=rack" in options_of(alpha, one.name), one.story)

    # rebalance: the fewest moves; the group is spread over the racks, and no unit goes where it rather would not be
    gather(cluster, units, alpha)
    wait_for("where it would go is told", lambda: moves(beta, "rebalance") == [(two.name, "gamma")], 20,
             lambda: str(moves(beta, "rebalance")) + leasectl(beta, "--json", "rebalance", "-n").stdout)
    require("a dry run moves nothing", one.running_on is alpha and two.running_on is alpha, two.story)
    leasectl(beta, "rebalance")
    two.wait_running(on=gamma)
    require("it is even", one.running_on is alpha and moves(gamma, "rebalance") == [], two.story)

    # forget: a machine that is gone for good, and a lease that nobody wants
    up = leasectl(alpha, "forget", gamma.name, check=False)
    require(f"a machine that beats is kept: {up}", up.returncode != 0, two.story)
    gamma.power_cut()
    two.wait_running(but=gamma, deadline=cluster.takeover + 5)
    wait_for("gamma can be forgotten", lambda: leasectl(alpha, "forget", gamma.name, check=False).returncode == 0, 20, two.story)
    require("it is listed no more", "gamma" not in leasectl(beta, "machines").stdout, two.story)
    gamma.boot()
    cluster.wait_ready(gamma)
    wait_for("it is back by itself", lambda: "gamma" in leasectl(beta, "machines").stdout, 20, two.story)
    two.disable()
    wait_for("its lease can be forgotten", lambda: leasectl(beta, "forget", two.name, check=False).returncode == 0, 20, two.story)
    require("it is listed no more", two.name not in leasectl(beta, "list", "--all").stdout, two.story)
    for machine in cluster:
        leasectl(machine, "set-metadata", "rack=")
    require(f"a move beside a conflict was refused: {refused}", refused.returncode != 0, one.story)
