# SPDX-License-Identifier: Apache-2.0
"""Unit files as fleet's users have them, submitted from a fourth machine: scheduled, moved by a crash and by a drain."""

import sys

import layer
from cluster import Unit
from scene import scene
from test_submit import KEY, Submitted
from waiting import now, require, wait_for

DISKS = {"alpha": "ssd", "beta": "ssd", "gamma": "hdd"}

# What a user of fleet writes: a database that wants a disk, its announcer beside it, copies that avoid each other, an
# agent on every machine, and a container with its processes in a slice (here a scope stands for docker's).
FILES = {
    "db.service": "[Unit]\nDescription=Database\n[Service]\nExecStart={db}\nRestart=on-failure\n"
                  "[X-Fleet]\nMachineMetadata=disk=ssd\n",
    "db-announce.service": "[Unit]\nBindsTo=db.service\nAfter=db.service\n[Service]\nExecStart={announce}\n"
                           "[X-Fleet]\nMachineOf=db.service\n",
    "web@.service": "[Unit]\nDescription=Web %i\n[Service]\nExecStart={web}-%i\n[X-Fleet]\nConflicts=web@*.service\n",
    "agent.service": "[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\nGlobal=true\n",
    "app.service": "[Service]\nExecStart=/usr/bin/systemd-run --quiet --collect --scope --slice=app.slice {app}\n"
                   "[X-Leased]\nSlice=app.slice\n",
    "nginx.service": "[Service]\nExecStart=/usr/bin/docker run --rm --name web nginx\n",  # whose container nobody would end in time
}
CHECKED = 231
MOVING = ("db.service", "db-announce.service", "web@1.service", "web@2.service", "app.service")


def stamped(cluster):
    """The units whose stamps are watched, and for each name in FILES its command."""
    commands, units = {}, {}
    for name in MOVING:
        key = name.split(".")[0].split("@")[0].replace("db-", "")
        file = commands.setdefault(key, f"stamps-{cluster.number_stamps()}-{key}")
        units[name] = Unit.of_stamps(cluster, name, f"{file}-{name[4]}" if "@" in name else file)
        units[name].disable = lambda: None  # it is destroyed
    units["app.service"].slice = "app.slice"
    cluster.units += units.values()
    return units, {key: f"{layer.STAMPER} /shared/{file}" for key, file in commands.items()}


def require_placed(units, fleet):
    """Each is where its options let it be."""
    where = {name: unit.wait_running(deadline=30) for name, unit in units.items()}
    story = units["db.service"].story
    require(f"db has its disk on {where['db.service']}", DISKS[where["db.service"].name] == "ssd", story)
    require("its announcer is beside it", where["db-announce.service"] is where["db.service"], units["db-announce.service"].story)
    require("the copies are apart", where["web@1.service"] is not where["web@2.service"], units["web@1.service"].story)
    require("nothing runs where it was submitted", fleet.source not in where.values(), story)
    return where


def wait_settled(units, fleet, lost):
    """Until each has left the machine that is lost, and the announcer has followed."""
    for unit in units.values():
        unit.wait_running(but=lost, deadline=40)
    wait_for("the announcer is where db is", lambda: units["db.service"].running_on is not None and
             units["db.service"].running_on is units["db-announce.service"].running_on, 40, units["db-announce.service"].story)
    return require_placed(units, fleet)


@scene(registry="etcd", ttl=2.0, machines=("alpha", "beta", "gamma", "delta"), only_at_length=True)
def fleets_unit_files_as_they_stand_are_submitted_and_moved_by_crash_and_drain(cluster):
    fleet = Submitted(cluster, cluster["delta"])
    for machine in fleet.takers:
        machine.run("leasectl", "set-metadata", f"disk={DISKS[machine.name]}")
    units, commands = stamped(cluster)
    for name, text in FILES.items():
        fleet.source.write(f"/srv/{name}", text.format(**commands))
    began = now()
    fleet.source.run("leasectl", "submit", f"--key={KEY}", "--copies=2", "/srv/web@.service", deadline=60)
    fleet.source.run("leasectl", "submit", f"--key={KEY}", "--no-wait",
                     *[f"/srv/{name}" for name in FILES if "@" not in name], deadline=60)
    where = require_placed(units, fleet)
    for machine in fleet.takers:
        wait_for(f"{machine} refuses a container that is in no slice", lambda each=machine: fleet.outcome(each, "nginx.service") == CHECKED, 30)
        require("and writes nothing", not machine.exists("/etc/systemd/system/docker.service"))
    print(f"      fleet's units ran after {now() - began:.1f} s", file=sys.stderr, flush=True)
    for machine in fleet.takers:
        wait_for(f"the agent is on {machine}", lambda each=machine: each.state("agent.service") == "active", 30)
    require("and nowhere else", fleet.source.state("agent.service") != "active")

    lost = where["db.service"]
    lost.power_cut()
    where = wait_settled(units, fleet, lost)
    lost.boot()
    cluster.wait_ready(lost)
    wait_for(f"the agent is on {lost} again", lambda: lost.state("agent.service") == "active", 30)

    drained = where["db.service"]
    drained.run("leasectl", "drain", deadline=60)
    wait_settled(units, fleet, drained)
    wait_for("the agent has stopped where nothing is to run", lambda: drained.state("agent.service") == "inactive", 30)
    drained.run("leasectl", "undrain")
    wait_for("and is back", lambda: drained.state("agent.service") == "active", 30)
    for unit in units.values():
        print(f"      {unit.name}: {len(unit.tenures)} tenures, gaps {', '.join(f'{gap:.3f}' for gap in unit.gaps)} s",
              file=sys.stderr, flush=True)

    fleet.source.run("leasectl", "destroy", f"--key={KEY}", *units, "agent.service", "nginx.service")
    for name in (*units, "agent.service", "nginx.service"):
        for machine in fleet.takers:
            wait_for(f"{name} is gone from {machine}",
                     lambda each=machine, unit=name: not each.exists(f"/etc/systemd/system/{unit}") and
                     not each.exists(f"/etc/leased/units/{unit}"), 60, units["db.service"].story)
    for machine in fleet.takers:
        machine.run("leasectl", "set-metadata", "disk=")
        machine.remove("/etc/leased/leased.conf.d/accept.conf")
        machine.run("systemctl", "restart", "leased.service")
    for machine in cluster:
        cluster.wait_ready(machine)
