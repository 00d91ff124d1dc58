# SPDX-License-Identifier: Apache-2.0
"""What PID 1 stops by itself is nobody's hand: the unit runs again, here or elsewhere. A row of the fault matrix each."""

import harm
from cluster import DAEMON
from faults import GONE
from scene import scene
from waiting import hold_for, require, wait_for

NEED = "[Service]\nExecStart=/bin/sleep infinity\n{}\n[Unit]\n{}\n"


def start_with(cluster, name, relation, need="", conditions=""):
    """A unit that has this relation to need.service, where it runs, and the other machine."""
    for machine in cluster:
        machine.write("/etc/systemd/system/need.service", NEED.format(need, conditions))
    unit = cluster.unit(name, "", f"[Unit]\n{relation}\n[Service]").enable()
    holder = unit.wait_running()
    return unit, holder, cluster.other(holder)


def clean(cluster):
    for machine in cluster:
        machine.systemctl("stop", "need.service", check=False)
        machine.remove("/etc/systemd/system/need.service")


@scene
def unit_moves_on_when_what_it_is_bound_to_crashes(cluster):
    unit, holder, other = start_with(cluster, "bound.service", "BindsTo=need.service\nAfter=need.service")
    holder.systemctl("kill", "--signal=KILL", "need.service")
    unit.wait_running(on=other, deadline=10)
    clean(cluster)


@scene
def unit_is_back_when_what_it_requires_was_stopped_and_started(cluster):
    unit, holder, other = start_with(cluster, "requiring.service", "Requires=need.service\nAfter=need.service")
    holder.systemctl("stop", "need.service")
    holder.systemctl("start", "need.service")
    wait_for("it runs there again", lambda: len(unit.tenures) == 2 and unit.running_on is holder, 10, unit.story)
    holder.systemctl("stop", "need.service")  # and stays stopped
    unit.wait_running(on=other, deadline=10)
    other.systemctl("stop", "need.service")
    wait_for("it waits on both", lambda: unit.running_on is None, 10, unit.story)
    hold_for("no machine starts what a person has stopped", lambda: holder.state("need.service") in GONE, 4, unit.story)
    holder.systemctl("start", "need.service")
    unit.wait_running(on=holder, deadline=10)
    clean(cluster)


@scene
def unit_moves_on_when_something_is_started_that_it_conflicts_with(cluster):
    unit, holder, other = start_with(cluster, "conflicting.service", "Conflicts=need.service")
    holder.systemctl("start", "need.service")
    unit.wait_running(on=other, deadline=10)
    require("what was started there goes on", holder.state("need.service") == "active", unit.story)
    clean(cluster)


@scene
def isolate_leaves_the_unit_alone(cluster):
    unit = cluster.unit("isolated.service").enable()
    holder = unit.wait_running()
    holder.systemctl("isolate", "multi-user.target")
    unit.hold_running(on=holder, duration=2)
    unit.require_tenures(1)


@scene
def unit_that_is_stopped_by_hand_stays_stopped_although_what_it_needs_goes_with_it(cluster):
    unit, holder, other = start_with(cluster, "stopped.service", "BindsTo=need.service\nAfter=need.service",
                                     conditions="StopWhenUnneeded=yes")
    holder.systemctl("stop", unit.name)
    wait_for("it is said to be stopped", lambda: "stopped by hand" in holder.run("leasectl", "status", unit.name).stdout,
             10, unit.story)
    wait_for("nor is what it needed", lambda: holder.state("need.service") in GONE, 10, unit.story)
    unit.wait_gone()
    hold_for("it runs nowhere", lambda: unit.running_on is None, 4, unit.story)
    holder.systemctl("start", unit.name)
    unit.wait_running(on=holder)
    clean(cluster)


LIMITED = """[Unit]
StartLimitIntervalSec=1h
StartLimitBurst=2

[Service]
ExecStart=/bin/sh -c 'test -e /etc/is-mended && exec STAMP'
Restart=always
RestartSec=50ms
"""


@scene
def unit_that_was_mended_starts_although_it_hit_its_start_limit_everywhere(cluster):
    unit = cluster.unit("limited.service", files={"limited.service": LIMITED}).enable()
    for machine in cluster:
        wait_for(f"{machine} has tried, and PID 1 starts it no more", lambda: "repeated too quickly" in machine.run(
            "journalctl", "-b", "-u", unit.name, check=False).stdout, 20, unit.story)
        wait_for("it stands back", lambda: "stands back" in machine.run("leasectl", "status", unit.name, check=False).stdout,
                 20, unit.story)
        machine.write("/etc/is-mended", "")
    machine = cluster["beta"]
    machine.run("leasectl", "steal", unit.name)
    unit.wait_running(on=machine, deadline=10)
    unit.require_tenures(1)
    for machine in cluster:
        machine.remove("/etc/is-mended")


REFUSES = "/run/systemd/system/{}.d/refuses.conf"
AGAIN = "Restart=always\nRestartSec=300ms\n[Unit]\nStartLimitIntervalSec=0\n[Service]"


def refuse_stops(machine, unit):
    """As a drop-in of a package does it while the unit runs."""
    machine.write(REFUSES.format(unit.name), "[Unit]\nRefuseManualStop=yes\n")
    machine.systemctl("daemon-reload")
    machine.systemctl("stop", unit.name, check=False)
    require("PID 1 refuses the stop", machine.state(unit.name) == "active", unit.story)


def take_stops(machine, unit):
    machine.remove(REFUSES.format(unit.name))
    machine.systemctl("daemon-reload")


@scene
def pid1_that_has_lost_the_bus_is_called_back_and_a_release_goes_on(cluster):
    """It does not come back by itself, and neither a stop nor a start could be asked for."""
    unit = cluster.unit("busless.service").enable()
    holder = unit.wait_running()
    other = cluster.other(holder)
    harm.take_bus_from_pid1(holder)
    require("PID 1 is off the bus", holder.run("busctl", "status", "org.freedesktop.systemd1", check=False).returncode != 0)
    holder.start("leasectl", "release", unit.name)
    unit.wait_running(on=other, deadline=20)


@scene
def unit_that_refuses_stops_ends_before_it_runs_elsewhere(cluster):
    unit = cluster.unit("refusing.service", service=AGAIN).enable()
    holder = unit.wait_running()
    other = cluster.other(holder)
    refuse_stops(holder, unit)
    unit.hold_running(on=holder, duration=1)
    holder.systemctl("kill", "--signal=STOP", DAEMON)
    unit.wait_running(on=other, deadline=cluster.takeover + 3)
    hold_for("PID 1 does not start it again", lambda: holder.state(unit.name) in GONE, 2, unit.story)
    holder.systemctl("kill", "--signal=CONT", DAEMON)
    unit.require_tenures(2)
    take_stops(holder, unit)


@scene(only_at_length=True)
def unit_that_refuses_stops_moves_when_it_is_asked_to(cluster):
    unit = cluster.unit("obedient.service", service=AGAIN).enable()
    holder = unit.wait_running()
    other = cluster.other(holder)
    refuse_stops(holder, unit)
    holder.run("leasectl", "transfer", unit.name, other.name)
    unit.wait_running(on=other, deadline=10)
    wait_for("its first machine does not take it again, and says why", lambda: "RefuseManualStop=yes was set" in holder.run(
        "leasectl", "status", unit.name, check=False).stdout, 10, unit.story)
    take_stops(holder, unit)
    refuse_stops(other, unit)
    other.run("leasectl", "drain")
    unit.wait_running(on=holder, deadline=10)
    other.run("leasectl", "undrain")
    unit.require_tenures(3)
    take_stops(other, unit)
