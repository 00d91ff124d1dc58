# SPDX-License-Identifier: Apache-2.0
"""Unit files as fleet's users have them, submitted from a fourth machine: scheduled, moved by a crash and by a drain."""

import sys

import layer
from cluster import Unit
from scene import scene
from test_containers import DOCKER, HAS_DOCKER
from test_containers import prepare as prepare_containers
from test_submit import KEY, Submitted
from waiting import now, require, wait_for

METADATA = {"alpha": "disk=ssd region=east platform=metal provider=rackspace",
            "beta": "disk=ssd region=east platform=cloud provider=rackspace",
            "gamma": "disk=hdd region=east platform=cloud provider=amazon"}

# The kinds of unit that fleet's documentation shows, with commands of this test's: a database that wants a disk, its announcer
# beside it, and another without After=; copies that avoid each other, each with a sidekick by %i; three files for three kinds of
# machine; an agent on every machine; and containers, one with its processes in a slice (here a scope stands for docker's).
FILES = {
    "db.service": "[Unit]\nDescription=Database\n[Service]\nExecStart={db}\nRestart=on-failure\n"
                  "[X-Fleet]\nMachineMetadata=disk=ssd\n",
    "db-announce.service": "[Unit]\nBindsTo=db.service\nAfter=db.service\n[Service]\nExecStart={db-announce}\n"
                           "[X-Fleet]\nMachineOf=db.service\n",
    "db-presence.service": "[Unit]\nBindsTo=db.service\n[Service]\nExecStart={db-presence}\n[X-Fleet]\nMachineOf=db.service\n",
    "web@.service": "[Unit]\nDescription=Web %i\n[Service]\nExecStart={web}-%i\n[X-Fleet]\nConflicts=web@*.service\n",
    "web-discovery@.service": "[Unit]\nBindsTo=web@%i.service\nAfter=web@%i.service\n[Service]\nExecStart={web-discovery}-%i\n"
                              "ExecStop=/bin/true %H\n[X-Fleet]\nMachineOf=web@%i.service\n",
    "region.service": "[Service]\nExecStart={region}\n[X-Fleet]\nMachineMetadata=\"region=east\" \"platform=metal\"\n"
                      "MachineMetadata=platform=cloud\n",
    "webapp1.service": "[Service]\nExecStart={webapp1}\n[X-Fleet]\nConflicts=webapp*\nMachineMetadata=provider=rackspace\n"
                       "MachineMetadata=platform=metal\nMachineMetadata=region=east\n",
    "webapp2.service": "[Service]\nExecStart={webapp2}\n[X-Fleet]\nConflicts=webapp*\nMachineMetadata=provider=rackspace\n"
                       "MachineMetadata=platform=cloud\nMachineMetadata=region=east\n",
    "webapp3.service": "[Service]\nExecStart={webapp3}\n[X-Fleet]\nConflicts=webapp*\nMachineMetadata=provider=amazon\n"
                       "MachineMetadata=platform=cloud\nMachineMetadata=region=east\n",
    "agent.service": "[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\nGlobal=true\n",
    "app.service": "[Service]\nExecStart=/usr/bin/systemd-run --quiet --collect --scope --slice=app.slice {app}\n"
                   "[X-Leased]\nSlice=app.slice\n",
    "nginx.service": "[Service]\nExecStart=/usr/bin/docker run --rm --name web nginx\n",  # whose container nobody would end in time
}
CHECKED = 231
BESIDE = {"db-announce.service": "db.service", "db-presence.service": "db.service",
          "web-discovery@1.service": "web@1.service", "web-discovery@2.service": "web@2.service"}
MOVING = ("db.service", *BESIDE, "web@1.service", "web@2.service", "region.service", "app.service")
# Each can run on one machine only, and waits for it.
AT_HOME = {"webapp1.service": "alpha", "webapp2.service": "beta", "webapp3.service": "gamma"}


def stamped(cluster):
    """The units whose stamps are watched, and for each name in FILES its command."""
    commands, units = {}, {}
    for name in (*MOVING, *AT_HOME):
        key, at, instance = name.removesuffix(".service").partition("@")
        file = commands.setdefault(key, f"stamps-{cluster.number_stamps()}-{key}")
        units[name] = Unit.of_stamps(cluster, name, f"{file}-{instance}" if at else file)
        units[name].disable = lambda: None  # it is destroyed
    units["app.service"].slice = "app.slice"
    cluster.units += units.values()
    return units, {key: f"{layer.STAMPER} /shared/{file}" for key, file in commands.items()}


def require_placed(units, fleet):
    """Each is where its options let it be."""
    where = {name: units[name].wait_running(deadline=60) for name in MOVING}
    story = units["db.service"].story
    require(f"db has its disk on {where['db.service']}", "disk=ssd" in METADATA[where["db.service"].name], story)
    for name, other in BESIDE.items():
        require(f"{name} is beside {other}", where[name] is where[other], units[name].story)
    require("the copies are apart", where["web@1.service"] is not where["web@2.service"], units["web@1.service"].story)
    require("nothing runs where it was submitted", fleet.source not in where.values(), story)
    return where


def wait_settled(units, fleet, lost):
    """Until each has left the machine that is lost, and the sidekicks have followed."""
    for name in MOVING:
        units[name].wait_running(but=lost, deadline=60)
    for name, other in BESIDE.items():
        wait_for(f"{name} is where {other} is", lambda: units[other].running_on is not None and
                 units[other].running_on is units[name].running_on, 60, units[name].story)
    return require_placed(units, fleet)


def wait_at_home(units):
    for name, home in AT_HOME.items():
        units[name].wait_running(on=units[name].cluster[home], deadline=60)


def destroy(fleet, units, *more):
    """The units and what else was submitted: until nothing is left of their files."""
    names = (*units, *more)
    fleet.source.run("leasectl", "destroy", f"--key={KEY}", *names, deadline=60)
    for name in names:
        for machine in fleet.takers:
            wait_for(f"{name} is gone from {machine}",
                     lambda each=machine, unit=name: not each.exists(f"/etc/systemd/system/{unit}") and
                     not each.exists(f"/etc/leased/units/{unit}"), 60, next(iter(units.values())).story)
    for machine in fleet.takers:
        machine.remove("/etc/leased/leased.conf.d/accept.conf")
        machine.run("systemctl", "restart", "leased.service")
    for machine in fleet.cluster:
        fleet.cluster.wait_ready(machine)


def tell(units):
    for unit in units.values():
        print(f"      {unit.name}: {len(unit.tenures)} tenures, gaps {', '.join(f'{gap:.3f}' for gap in unit.gaps)} s, "
              f"overlap {unit.overlap:.3f} s", file=sys.stderr, flush=True)


@scene(registry="etcd", ttl=5.0, machines=("alpha", "beta", "gamma", "delta"), only_at_length=True)
def fleets_unit_files_as_they_stand_are_submitted_and_moved_by_crash_and_drain(cluster):
    fleet = Submitted(cluster, cluster["delta"])
    for machine in fleet.takers:
        machine.run("leasectl", "set-metadata", *METADATA[machine.name].split())
    units, commands = stamped(cluster)
    for name, text in FILES.items():
        fleet.source.write(f"/srv/{name}", text.format(**commands))
    began = now()
    fleet.source.run("leasectl", "submit", f"--key={KEY}", "--copies=2", "--no-wait",
                     *[f"/srv/{name}" for name in FILES if "@" in name], deadline=60)
    fleet.source.run("leasectl", "submit", f"--key={KEY}", "--no-wait",
                     *[f"/srv/{name}" for name in FILES if "@" not in name], deadline=60)
    wait_settled(units, fleet, None)
    where = require_placed(units, fleet)
    wait_at_home(units)
    print(f"      fleet's units ran after {now() - began:.1f} s", file=sys.stderr, flush=True)
    for machine in fleet.takers:
        wait_for(f"{machine} refuses a container that is in no slice", lambda each=machine: fleet.outcome(each, "nginx.service") == CHECKED, 30)
        require("and writes nothing", not machine.exists("/etc/systemd/system/docker.service"))
    for machine in fleet.takers:
        wait_for(f"the agent is on {machine}", lambda each=machine: each.state("agent.service") == "active", 30)
    require("and nowhere else", fleet.source.state("agent.service") != "active")

    lost = where["db.service"]
    lost.power_cut()
    where = wait_settled(units, fleet, lost)
    lost.boot()
    cluster.wait_ready(lost)
    wait_for(f"the agent is on {lost} again", lambda: lost.state("agent.service") == "active", 30)
    wait_at_home(units)

    drained = where["db.service"]
    said = drained.run("leasectl", "drain", deadline=60, check=False)
    alone = next(name for name, home in AT_HOME.items() if home == drained.name)
    require(f"{alone} stays, which can run nowhere else: {said.stdout}{said.stderr}",
            said.returncode == 1 and f"{alone}: " in said.stdout + said.stderr)
    wait_settled(units, fleet, drained)
    wait_for("the agent has stopped where nothing is to run", lambda: drained.state("agent.service") == "inactive", 30)
    drained.run("leasectl", "undrain")
    wait_for("and is back", lambda: drained.state("agent.service") == "active", 30)
    wait_at_home(units)
    tell(units)
    for machine in fleet.takers:
        machine.run("leasectl", "set-metadata", *[f"{each.partition('=')[0]}=" for each in METADATA[machine.name].split()])
    destroy(fleet, units, "agent.service", "nginx.service")


# As fleet's guide has it: containers of docker, as copies that avoid each other. The file stays as it stands; what leased needs
# besides is in a drop-in beside it.
APACHE = """[Unit]
Description=My front end
After=dockerd.service
Requires=dockerd.service

[Service]
TimeoutStartSec=0
ExecStartPre=-/usr/bin/docker kill {name}
ExecStartPre=-/usr/bin/docker rm {name}
ExecStart={command}
ExecStop=/usr/bin/docker stop {name}

[X-Fleet]
Conflicts=apache@*.service
"""


@scene(registry="etcd", ttl=5.0, machines=("alpha", "beta", "gamma", "delta"), containers=True, only_at_length=True, needs=HAS_DOCKER)
def fleets_containers_of_docker_are_submitted_with_a_slice_beside_the_file(cluster):
    prepare_containers(cluster, "dockerd")
    fleet = Submitted(cluster, cluster["delta"])
    file = f"stamps-{cluster.number_stamps()}-apache"
    units = {}
    for instance in ("1", "2"):
        unit = units[f"apache@{instance}.service"] = Unit.of_stamps(cluster, f"apache@{instance}.service", f"{file}-{instance}")
        unit.slice = f"apache-{instance}.slice"
        unit.disable = lambda: None  # it is destroyed
    cluster.units += units.values()
    command = DOCKER.replace("--name work", "--name apache-%%i") % f"/shared/{file}-%i"
    fleet.source.write("/srv/apache@.service", APACHE.format(name="apache-%i", command=command.format("")))
    fleet.source.run("leasectl", "submit", f"--key={KEY}", "--no-wait", "--copies=2", "/srv/apache@.service", deadline=60)
    for machine in fleet.takers:
        wait_for(f"{machine} says what is to be written", lambda each=machine: fleet.outcome(each, "apache@1.service") == CHECKED, 30)
        require("and nothing runs", machine.state("apache@1.service") != "active")
    fleet.source.run("mkdir", "-p", "/srv/apache@.service.d")
    fleet.source.write("/srv/apache@.service.d/slice.conf", "[Service]\nExecStart=\nExecStart=" +
                       command.format("--cgroup-parent=apache-%i.slice") + "\n[X-Leased]\nSlice=apache-%i.slice\n")
    fleet.source.run("leasectl", "submit", f"--key={KEY}", "--copies=2", "/srv/apache@.service", deadline=60)
    one, two = units.values()
    lost = one.wait_running(deadline=60)
    require("the copies are apart", two.wait_running(deadline=60) is not lost, two.story)
    lost.power_cut()
    moved = one.wait_running(but=lost, deadline=60)
    lost.boot()
    cluster.wait_ready(lost)
    wait_for(f"{lost} may take it", lambda: f"→ {lost.name}" in moved.run("leasectl", "drain", "-n", check=False).stdout, 60, one.story)
    moved.run("leasectl", "drain", deadline=90)
    one.wait_running(but=moved, deadline=60)
    moved.run("leasectl", "undrain")
    require("the copies are apart", two.wait_running(deadline=60) is not one.running_on, two.story)
    tell(units)
    destroy(fleet, units)
