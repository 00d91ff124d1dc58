# SPDX-License-Identifier: Apache-2.0
"""Who holds what when nobody schedules: units spread, follow, avoid and prefer."""

import json
import sys

import layer
from cluster import DAEMON
from fleet import Fleet, quantiles
from scene import scene
from waiting import hold_for, now, require, wait_for


def tell(text):
    print(f"      {text}", file=sys.stderr, flush=True)


def leasectl(machine, *arguments, **options):
    return machine.run("leasectl", *arguments, **options)


def start_all_at_once(cluster):
    """Every daemon, none of them earlier than it must be."""
    for machine in cluster:
        machine.systemctl("start", "--no-block", DAEMON)
    for machine in cluster:
        cluster.wait_ready(machine)


def enable_at_once(cluster, fleet):
    """On every machine, before any of them can have one."""
    for machine in cluster:
        machine.systemctl("stop", DAEMON)
    for machine in cluster:
        fleet.enable(machine)
    start_all_at_once(cluster)


def set_metadata(machine, *pairs):
    leasectl(machine, "set-metadata", *pairs)


def forget_metadata(cluster, key):
    for machine in cluster:
        set_metadata(machine, f"{key}=")


def daemon_pids(cluster):
    return [machine.main_pid(DAEMON) for machine in cluster]


def lost_acquires(cluster):
    """How often a machine asked for a lease and was too late, on all of them."""
    total = 0
    for machine in cluster:
        said = leasectl(machine, "metrics").stdout
        total += sum(int(line.split()[1]) for line in said.splitlines() if line.startswith("leased_lost_acquires_total "))
    return total


@scene(registry="etcd", only_at_length=True)
def crash_of_one_of_three_spreads_its_units_over_the_rest(cluster):
    fleet = Fleet(cluster, "many", 60, layer.STAMPER)
    enable_at_once(cluster, fleet)
    fleet.wait_all_running(30)
    counts = fleet.require_even(cluster, 3)
    victim = cluster["beta"]
    moved = fleet.on(victim)
    stayed = [unit for unit in fleet.units if unit not in moved]
    victim.power_cut()
    rest = [machine for machine in cluster if machine is not victim]
    fleet.wait_moved(moved, victim, cluster.takeover + 10)
    after = fleet.require_even(rest, 4)
    for unit in stayed:
        unit.require_tenures(1)
    p50, p99 = quantiles([unit.gaps[-1] for unit in moved])
    tell(f"{counts} -> {after}: gap p50 {p50:.3f} s, p99 {p99:.3f} s; bare systemctl start of {len(moved)} units: "
         f"{_bare_start(rest[0], len(moved)):.3f} s")
    require(f"p99 {p99:.3f} s within {cluster.takeover + 1:.3f} s", p99 <= cluster.takeover + 1, cluster.journals)


def _bare_start(machine, number):
    """Seconds until so many units that are not leased have been started there by hand."""
    machine.write("/etc/systemd/system/bare@.service", f"[Service]\nExecStart={layer.STAMPER} --interval=0.05 /run/bare-%i\n")
    machine.systemctl("daemon-reload")
    names = [f"bare@{i}.service" for i in range(number)]
    began = now()
    machine.systemctl("start", *names)
    took = now() - began
    machine.systemctl("stop", *names)
    return took


@scene(registry="etcd")
def drained_machine_hands_its_units_over_and_takes_none_until_undrained(cluster):
    fleet = Fleet(cluster, "drained", 30, layer.STAMPER)
    enable_at_once(cluster, fleet)
    fleet.wait_all_running(30)
    machine = cluster["alpha"]
    moved = fleet.on(machine)
    done = leasectl(machine, "drain", deadline=60)
    require(f"leasectl drain ends well: {done.stdout}", done.returncode == 0)
    fleet.wait_moved(moved, machine, 2)
    rest = [each for each in cluster if each is not machine]
    fleet.require_even(rest, 3)
    p50, p99 = quantiles([unit.gaps[-1] for unit in moved])
    tell(f"{len(moved)} units handed over: gap p50 {p50:.3f} s, p99 {p99:.3f} s")
    machine.power_cut()
    machine.boot()
    cluster.wait_ready(machine)
    wait_for("it drains still", lambda: "draining" in cluster.status(machine), 10, lambda: cluster.status(machine))
    leasectl(machine, "undrain")
    wait_for("it competes again", lambda: cluster.competes(machine), 3 * cluster.ttl, cluster.journals)
    require("nothing came back by itself", not fleet.on(machine), cluster.journals)


@scene(registry="etcd")
def drain_does_not_end_while_a_unit_has_nowhere_to_go(cluster):
    machine = cluster["alpha"]
    unit = cluster.unit("bound.service")
    unit.options("Require=disk=ssd")
    set_metadata(machine, "disk=ssd")
    try:
        unit.enable()
        unit.wait_running(on=machine)
        done = leasectl(cluster["beta"], "drain", "alpha", check=False, deadline=60)
        require(f"leasectl drain says that it cannot: {done.stdout}",
                done.returncode != 0 and "bound.service" in done.stdout and "disk=ssd" in done.stdout)
        unit.hold_running(machine, cluster.ttl / 5)
        set_metadata(cluster["gamma"], "disk=ssd")
        unit.wait_running(on=cluster["gamma"])
        unit.require_gap(2.0)
    finally:
        leasectl(machine, "undrain")
        forget_metadata(cluster, "disk")


@scene(registry="etcd", only_at_length=True)
def higher_version_gets_the_unit_once(cluster):
    unit = cluster.unit("versioned.service")
    unit.options("Version=1")
    unit.enable()
    first = unit.wait_running()
    newer = next(machine for machine in cluster if machine is not first)
    newer.write(f"/etc/systemd/system/{unit.name}.d/options.conf", "[X-Leased]\nVersion=2\n")
    newer.systemctl("daemon-reload")
    leasectl(newer, "reload")
    unit.wait_running(on=newer)
    unit.require_gap(2.0)
    unit.hold_running(newer, cluster.ttl)
    leasectl(newer, "release", unit.name)  # and is not fetched back again and again
    back = unit.wait_running(but=newer)
    unit.hold_running(back, 2 * cluster.ttl)
    unit.require_tenures(3)


def met_on_one_machine(a, b):
    """Seconds in which both lived on the same machine."""
    return sum(max(0.0, min(x.last, y.last) - max(x.first, y.first))
               for x in a.tenures for y in b.tenures if x.machine == y.machine)


@scene(registry="etcd", only_at_length=True)
def conflicting_units_never_share_a_machine_also_through_crashes(cluster):
    a, b = cluster.unit("apart-a.service"), cluster.unit("apart-b.service")
    for machine in cluster:
        machine.write(f"/etc/systemd/system/{a.name}.d/fleet.conf", "[X-Fleet]\nConflicts=apart-*.service\n")
        machine.systemctl("daemon-reload")
    a.enable()
    b.enable()
    for _ in range(2):
        a.wait_running()
        b.wait_running()
        victim = a.running_on
        victim.power_cut()
        a.wait_running(but=victim, deadline=cluster.takeover + 5)
        victim.boot()
        cluster.wait_ready(victim)
    require(f"they met for {met_on_one_machine(a, b):.3f} s", met_on_one_machine(a, b) == 0, a.story)
    others = [machine for machine in cluster if machine is not a.running_on]
    b.wait_running()
    for machine in others:  # one machine is left for the two
        machine.power_cut()
    for machine in others:
        machine.boot(wait=False)
    for machine in others:
        machine.wait_booted()
        cluster.wait_ready(machine)
    a.wait_running(deadline=40)
    b.wait_running(deadline=40)
    require(f"they met for {met_on_one_machine(a, b):.3f} s", met_on_one_machine(a, b) == 0, a.story)


@scene(registry="etcd", only_at_length=True)
def unit_follows_the_one_that_it_must_run_beside(cluster):
    leader, follower = cluster.unit("leader.service"), cluster.unit("follower.service")
    for machine in cluster:
        machine.write(f"/etc/systemd/system/{follower.name}.d/fleet.conf", "[X-Fleet]\nMachineOf=leader.service\n")
        machine.systemctl("daemon-reload")
    follower.enable()
    leader.enable()
    first = leader.wait_running()
    follower.wait_running(on=first)
    target = next(machine for machine in cluster if machine is not first)
    leasectl(first, "transfer", leader.name, target.name)
    leader.wait_running(on=target)
    follower.wait_running(on=target)
    target.power_cut()
    third = leader.wait_running(but=target, deadline=cluster.takeover + 5)
    follower.wait_running(on=third, deadline=cluster.takeover + 5)


@scene(registry="etcd", only_at_length=True)
def unit_fails_back_to_the_machine_that_it_prefers(cluster):
    home = cluster["gamma"]
    unit = cluster.unit("homing.service")
    unit.options("Prefer=home=yes\nFailback=yes\nFailbackSec=3s")
    set_metadata(home, "home=yes")
    try:
        unit.enable(home, cluster["alpha"], cluster["beta"])
        unit.wait_running(on=home)
        home.power_cut()
        away = unit.wait_running(but=home, deadline=cluster.takeover + 5)
        home.boot()
        cluster.wait_ready(home)
        came = now()
        unit.wait_running(on=home, deadline=3 * cluster.ttl)
        require("not before it had been there for a while", unit.tenure.first - came > 2, unit.story)
        unit.require_gap(2.0)
        unit.hold_running(home, cluster.ttl)
        require(f"it went there from {away}", unit.tenures[-2].machine == away.name, unit.story)
    finally:
        forget_metadata(cluster, "home")


@scene(registry="etcd", only_at_length=True)
def metadata_changed_at_run_time_move_the_units(cluster):
    unit, everywhere = cluster.unit("where.service"), cluster.unit("everywhere.service")
    unit.options("Require=disk=ssd")
    everywhere.met = 0.0  # it is meant to run on several machines
    for machine in cluster:
        machine.write(f"/etc/systemd/system/{everywhere.name}.d/fleet.conf",
                      "[X-Fleet]\nGlobal=true\nMachineMetadata=disk=ssd\n")
        machine.systemctl("daemon-reload")
    pids = daemon_pids(cluster)
    alpha, beta, gamma = cluster
    set_metadata(alpha, "disk=ssd")
    try:
        unit.enable()
        everywhere.enable()
        unit.wait_running(on=alpha)
        wait_for("the global unit runs on alpha", lambda: alpha.state(everywhere.name) == "active", 10, everywhere.story)
        require("and only there", beta.state(everywhere.name) == "inactive", everywhere.story)
        set_metadata(beta, "disk=ssd")
        wait_for("the global unit runs on beta, too", lambda: beta.state(everywhere.name) == "active", 10, everywhere.story)
        set_metadata(alpha, "disk=tape")
        unit.wait_running(on=beta)
        unit.require_gap(2.0)
        wait_for("the global unit is gone from alpha", lambda: alpha.state(everywhere.name) == "inactive", 10,
                 everywhere.story)
        require("no daemon was restarted", daemon_pids(cluster) == pids, cluster.journals)
        lines = json.loads(leasectl(beta, "status", "--json", unit.name).stdout)["why_not"]
        require(f"what keeps it from gamma is said: {lines}", any("disk=ssd" in each["why"] for each in lines))
    finally:
        forget_metadata(cluster, "disk")


@scene(registry="etcd", only_at_length=True)
def machines_that_boot_at_once_start_each_unit_once(cluster):
    fleet = Fleet(cluster, "booting", 30, layer.STAMPER)
    enable_at_once(cluster, fleet)
    fleet.wait_all_running(30)
    fleet.require_even(cluster, 3)
    for machine in cluster:
        machine.power_cut()
    for machine in cluster:
        machine.boot(wait=False)
    for machine in cluster:
        machine.wait_booted()
    for machine in cluster:
        cluster.wait_ready(machine)
    wait_for("each unit runs for a second time", lambda: all(len(unit.tenures) == 2 and unit.running_on for unit in fleet.units),
             4 * cluster.ttl + 20, cluster.journals)
    hold_for("nothing moves any more", lambda: all(unit.running_on for unit in fleet.units), cluster.ttl / 5, cluster.journals)
    for unit in fleet.units:
        unit.require_tenures(2)
    counts = fleet.require_even(cluster, 4)
    tell(f"{len(fleet)} units on machines that booted at once: {counts}, {lost_acquires(cluster)} acquires lost")
