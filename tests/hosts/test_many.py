# SPDX-License-Identifier: Apache-2.0
"""Hundreds of units on real machines: what is asked of leased then keeps it from nothing else."""

import json
import sys

import layer
from cluster import DAEMON
from fleet import Fleet, quantiles
from scene import scene
from waiting import now, require, wait_for


def tell(text):
    print(text, file=sys.stderr, flush=True)


def _longest_turn(machine):
    """Milliseconds."""
    return json.loads(machine.run("busctl", "--json=short", "get-property", "org.leased1", "/org/leased1", "org.leased1.Manager",
                                  "LongestTurnUSec").stdout)["data"] / 1000


def _reload(cluster, fleet, patience):
    """Gives every unit other options, and lets leased and PID 1 read their files again."""
    for machine in cluster:
        path = f"/etc/systemd/system/{fleet.name}@.service"
        machine.write(path, machine.read(path) + "\n[X-Leased]\nHoldDownSec=7s\n")
        machine.run("leasectl", "reload", deadline=patience)
        machine.systemctl("daemon-reload", deadline=patience)


def _lives(unit):
    return [(each.machine, each.invocation) for each in unit.tenures]


def _reload_and_lose_a_machine(cluster, number):
    """A reload must disturb no unit. Then the machine is cut off that runs most of them. These units ignore SIGTERM, so
    the guard has to kill them, and each must run elsewhere, while the other units are not disturbed."""
    patience = 120 + number
    fleet = Fleet(cluster, "crowd", number, layer.STAMPER, service="TimeoutStopSec=3s", interval=0.2, how="--ignore-term")
    for machine in cluster:
        fleet.enable(machine, "--no-wait")
    fleet.wait_all_running(patience)
    daemons = {machine.name: machine.main_pid(DAEMON) for machine in cluster}
    lives = {unit.name: _lives(unit) for unit in fleet.units}

    _reload(cluster, fleet, patience)
    began = now()
    wait_for("two TTL are over", lambda: now() > began + 2 * cluster.ttl, 3 * cluster.ttl)
    moved = [unit.name for unit in fleet.units if _lives(unit) != lives[unit.name]]
    require(f"the reload disturbed no unit, but: {moved}", not moved, cluster.journals)

    victim = max(cluster, key=lambda machine: len(fleet.on(machine)))
    lost = fleet.on(victim)
    stayed = [unit for unit in fleet.units if unit not in lost]
    began = now()
    victim.drop_packets()
    fleet.wait_moved(lost, victim, patience)
    ends = [unit.tenures[-2].last - began for unit in lost]
    gaps = quantiles([unit.gaps[-1] for unit in lost])
    require(f"the guard had ended them all {max(ends):.2f} s after the last beat at the latest", max(ends) <= cluster.killed_within,
            cluster.journals)
    for unit in stayed:
        require(f"{unit.name} was not disturbed by the takeover", _lives(unit) == lives[unit.name], unit.story)
    for machine in cluster:
        require(f"leased was not restarted on {machine}", machine.main_pid(DAEMON) == daemons[machine.name], cluster.journals)
    victim.heal_network()
    cluster.etcd.wait_healthy(victim)
    turns = {machine.name: f"{_longest_turn(machine):.0f} ms" for machine in cluster}
    tell(f"  {number} units, {len(lost)} of them lost: the last was killed after {max(ends):.2f} s, gap p50 {gaps[0]:.2f} s, "
        f"p99 {gaps[1]:.2f} s; longest turns {turns}")


@scene(registry="etcd", only_at_length=True)
def a_reload_and_a_takeover_with_100_units_disturb_no_other(cluster):
    _reload_and_lose_a_machine(cluster, 100)


@scene(registry="etcd", only_at_length=True)
def a_reload_and_a_takeover_with_300_units_disturb_no_other(cluster):
    _reload_and_lose_a_machine(cluster, 300)
