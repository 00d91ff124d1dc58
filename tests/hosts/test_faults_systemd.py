# SPDX-License-Identifier: Apache-2.0
"""PID 1 and the bus: slow, deaf, gone for a moment. A row of the fault matrix each."""

from cluster import DAEMON
from faults import STUBBORN, lose_lease_and_return, stall_first_process, start_unit, wait_until, wake_first_process
from harm import GENERATOR, slow_reloads
from scene import scene
from waiting import now, require, wait_for


@scene(registry="etcd")
def reload_of_systemd_that_takes_8_s_disturbs_no_unit(cluster):
    unit, holder = start_unit(cluster, "reload.service")
    before = unit.tenure
    slow_reloads(holder)
    began, reload = now(), holder.start("systemctl", "daemon-reload")
    wait_for("systemd has reloaded", lambda: reload.poll() is not None, 30, unit.story)
    holder.remove(GENERATOR)
    require(f"it took 8 s, not {now() - began:.1f}", now() - began >= 8, unit.story)
    unit.hold_running(on=holder, duration=cluster.ttl)
    unit.require_undisturbed(before)


@scene(registry="etcd", only_at_length=True)
def reload_of_systemd_that_takes_8_s_while_the_lease_is_lost_saves_no_unit(cluster):
    unit, holder = start_unit(cluster, "reload-and-cut.service", STUBBORN)
    slow_reloads(holder)
    reloads = []

    def reload(began):
        wait_until(began + 1.0)
        reloads.append(holder.start("systemctl", "daemon-reload"))

    lose_lease_and_return(cluster, unit, holder, reload)
    wait_for("systemd has reloaded", lambda: reloads[0].poll() is not None, 30, unit.story)
    holder.remove(GENERATOR)


@scene(registry="etcd")
def reexecution_of_systemd_disturbs_no_unit(cluster):
    unit, holder = start_unit(cluster, "reexec.service")
    before = unit.tenure
    for _ in range(3):
        holder.systemctl("daemon-reexec")
        unit.hold_running(on=holder, duration=1.0)
    unit.hold_running(on=holder, duration=cluster.takeover)
    unit.require_undisturbed(before)
    holder.run("leasectl", "release", unit.name)
    unit.wait_running(but=holder)


@scene(registry="etcd", only_at_length=True)
def reexecution_of_systemd_while_the_lease_is_lost_saves_no_unit(cluster):
    unit, holder = start_unit(cluster, "reexec-and-cut.service", STUBBORN)
    commands = []

    def reexecute(began):
        for at in (3.0, 3.6, 4.2):  # around the moment of the stop, and that of the kill
            wait_until(began + at)
            commands.append(holder.start("systemctl", "daemon-reexec"))

    lose_lease_and_return(cluster, unit, holder, reexecute)
    for command in commands:
        command.wait(30)


@scene(registry="etcd", only_at_length=True)
def storm_of_reexecutions_of_systemd_stops_no_unit_and_no_move(cluster):
    """On every machine, one after the other without a pause, also while the lease goes from machine to machine."""
    unit = cluster.unit("reexec-storm.service")
    unit.options("HoldDownSec=1s")  # it goes round
    holder = unit.enable().wait_running()
    storms = [machine.start("sh", "-c", "i=0; while [ $i -lt 30 ]; do systemctl daemon-reexec || :; i=$((i + 1)); done")
              for machine in cluster]
    before = unit.tenure
    unit.hold_running(on=holder, duration=cluster.ttl)
    unit.require_undisturbed(before)
    for _ in range(3):
        holder.run("leasectl", "release", unit.name, deadline=60)
        holder = unit.wait_running(but=holder)
    for storm in storms:
        storm.wait(120)
    unit.hold_running(on=holder, duration=cluster.ttl)
    unit.require_tenures(4)


@scene(registry="etcd")
def restart_of_the_bus_disturbs_no_unit(cluster):
    unit, holder = start_unit(cluster, "bus.service")
    before = unit.tenure
    holder.systemctl("restart", "dbus.service")
    unit.hold_running(on=holder, duration=cluster.takeover)
    unit.require_undisturbed(before)
    cluster.wait_ready(holder)
    holder.run("leasectl", "release", unit.name)
    unit.wait_running(but=holder)


@scene(registry="etcd")
def bus_that_stands_still_while_the_lease_is_lost_saves_no_unit(cluster):
    unit, holder = start_unit(cluster, "bus-and-cut.service", STUBBORN)
    bus = holder.bus_process
    lose_lease_and_return(cluster, unit, holder, lambda began: holder.run("kill", "-STOP", bus))
    holder.run("kill", "-CONT", bus)
    cluster.wait_ready(holder)


ALWAYS_AGAIN = "Restart=always\nRestartSec=20ms\n[Unit]\nStartLimitIntervalSec=0\n[Service]"


@scene(registry="etcd", only_at_length=True)
def unit_that_systemd_starts_again_by_itself_needs_its_gate_for_that(cluster):
    unit = cluster.unit("again.service", STUBBORN, ALWAYS_AGAIN).enable()
    holder = unit.wait_running()
    bus = holder.bus_process  # over which the guard would have the unit stopped
    lose_lease_and_return(cluster, unit, holder, lambda began: holder.run("kill", "-STOP", bus))
    holder.run("kill", "-CONT", bus)
    cluster.wait_ready(holder)


@scene(registry="etcd")
def first_process_that_stands_still_while_the_lease_is_lost_saves_no_unit(cluster):
    unit, holder = start_unit(cluster, "stalled.service", STUBBORN)

    def stall(began):
        stall_first_process(holder)

    heir = None
    try:
        began = now()
        holder.drop_packets()
        stall(began)
        heir = unit.wait_running(but=holder, deadline=cluster.takeover + 10)
        unit.require_stopped_in_time(unit.tenures[0], began)
        unit.hold_running(on=heir, duration=max(0.0, began + 10 - now()))
    finally:
        wake_first_process(holder)
    holder.heal_network()
    cluster.etcd.wait_healthy(holder)
    unit.hold_running(on=heir, duration=cluster.ttl)
    wait_for(f"leased is active on {holder}", lambda: holder.state(DAEMON) == "active", 20, unit.story)
    unit.require_tenures(2)
