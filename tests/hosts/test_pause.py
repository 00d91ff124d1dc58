# SPDX-License-Identifier: Apache-2.0
"""A pause: etcd is dead for several TTLs and all its members are replaced, and no unit is stopped; a machine that is cut off when
the pause ends keeps its unit, and nobody else runs it."""

import sys

import timeline
from cluster import DAEMON, GUARD
from faults import start_unit
from scene import scene
from waiting import hold_for, now, require, wait_for


def _pause(machine):
    """As soon as the registry answers in time, which it may not on a busy machine."""
    wait_for("leasectl pause", lambda: machine.run("leasectl", "pause", check=False).returncode == 0, 30)
    require("the pause is shown", "paused since" in machine.run("leasectl", "list").stdout)


def _resume(machine):
    """As soon as the registry answers, which may just have lost its leader."""
    wait_for("leasectl resume", lambda: machine.run("leasectl", "resume", check=False).returncode == 0, 30)


def _paused(cluster, machine):
    return cluster.property(machine, "Paused")


def _keeps(cluster, machine):
    return cluster.property(machine, "Keeps")


def _restart_leased_and_its_guard(cluster, unit, holder):
    holder.systemctl("restart", DAEMON)
    holder.systemctl("reload", GUARD)
    cluster.wait_ready(holder)
    unit.hold_running(on=holder, duration=cluster.ttl)


def _work_on_etcd(cluster, unit, holder):
    """No member lives for three TTLs; then all are others, with what the leader had at its end."""
    database = cluster.etcd.stop_for_good()
    unit.hold_running(on=holder, duration=2 * cluster.ttl)
    _restart_leased_and_its_guard(cluster, unit, holder)
    cluster.etcd.restore(database, is_copy=True)
    unit.hold_running(on=holder, duration=cluster.ttl)


@scene(registry="etcd", ttl=2.0)
def pause_lets_etcd_be_replaced_and_a_machine_that_is_cut_off_at_its_end_keeps_its_unit(cluster):
    unit, holder = start_unit(cluster, "paused.service")
    first = unit.tenure
    other = cluster.other(holder)
    _pause(other)
    require("the holder has read it when pause returns", _keeps(cluster, holder), unit.story)
    refused = holder.run("leasectl", "release", unit.name, check=False)
    require(f"it cannot be released: {refused.stderr}", refused.returncode != 0 and "paused" in refused.stderr, unit.story)
    _work_on_etcd(cluster, unit, holder)

    holder.cut_network()
    _resume(other)
    wait_for("the pause is over for all others",
             lambda: all(_paused(cluster, each) == "" for each in cluster if each is not holder), 2 * cluster.ttl + 10, unit.story)
    hold_for("nobody takes what a machine keeps that is cut off", lambda: unit.running_on is holder, 2 * cluster.ttl, unit.story)
    wait_for("that is told", lambda: all("confirm-dead" in other.run("leasectl", *verb, check=False).stdout for verb in
                                         (("machines",), ("status", unit.name), ("status",), ("check", unit.name), ("history", unit.name), ("-1",))), 2 * cluster.ttl, unit.story)
    refused = other.run("leasectl", "forget", holder.name, check=False)
    require(f"it is not forgotten: {refused.stderr}", refused.returncode != 0 and "confirm-dead" in refused.stderr, unit.story)
    unit.require_undisturbed(first)
    holder.heal_network()
    wait_for("it reads the end", lambda: not _keeps(cluster, holder), 20, unit.story)
    unit.hold_running(on=holder, duration=cluster.ttl)
    unit.require_undisturbed(first)

    # From now on it is like any other.
    holder.cut_network()
    unit.wait_running(but=holder, deadline=cluster.takeover + 10)
    unit.require_gap(cluster.takeover)
    holder.heal_network()


@scene(registry="etcd", ttl=5.0, only_at_length=True)
def machine_that_is_said_to_be_dead_after_a_pause_and_is_not_runs_beside_its_heir_until_it_is_heard(cluster):
    """As docs/operations.md warns: a machine that is cut off has no deadline since the pause. Once it is heard, its unit goes at once."""
    unit, holder = start_unit(cluster, "not-dead.service")
    unit.met = 0.0
    other = cluster.other(holder)
    _pause(other)
    require("the holder has read it when pause returns", _keeps(cluster, holder), unit.story)
    holder.cut_network()
    refused = other.run("leasectl", "confirm-dead", holder.name, check=False)
    require(f"a machine that has just beaten is not dead: {refused.stderr}", refused.returncode != 0 and "is not off" in refused.stderr)
    _resume(other)
    wait_for("the pause is over for all others",
             lambda: all(_paused(cluster, each) == "" for each in cluster if each is not holder), 2 * cluster.ttl + 10, unit.story)
    hold_for("nobody takes what it keeps", lambda: unit.running_on is holder, 2 * cluster.ttl, unit.story)
    other.run("leasectl", "confirm-dead", holder.name)
    wait_for("another machine runs it", lambda: len(unit.tenures) == 2, cluster.takeover + 10, unit.story)
    heir = cluster[unit.tenure.machine]
    meet = now() + 2 * cluster.ttl
    wait_for("both run it, for longer than a lease", lambda: all(each.last > meet for each in unit.tenures), 3 * cluster.ttl, unit.story)
    healed = now()
    holder.heal_network()
    wait_for("it has let go", lambda: not _keeps(cluster, holder) and unit.tenures[0].last < now() - 1.0, 30, unit.story)
    unit.hold_running(on=heir, duration=cluster.ttl)
    unit.require_tenures(2)
    late = unit.tenures[0].last - healed
    unit.met = timeline.overlap_of(unit.stamps)
    print(f"      both ran for {unit.met:.3f} s, as long as it was cut off, and {late:.3f} s after it was heard", file=sys.stderr, flush=True)
    require(f"it ran on for {late:.3f} s after its network was back", late < cluster.ttl + 5, unit.story)
    require("the token tells them apart", timeline.tokens_grow(unit.stamps), unit.story)
    history = heir.run("leasectl", "history", unit.name).stdout
    require(f"the history says who said so: {history}", "confirmed dead by root@" in history)


@scene(registry="etcd", ttl=5.0, only_at_length=True)
def machine_that_boots_in_a_pause_runs_nothing_and_is_confirmed_dead_after_it(cluster):
    unit, holder = start_unit(cluster, "boots.service")
    other = cluster.other(holder)
    _pause(other)
    holder.power_cut()
    holder.boot()
    cluster.wait_ready(holder)
    unit.wait_gone()
    hold_for("it runs nowhere", lambda: unit.running_on is None, 2 * cluster.ttl, unit.story)
    _resume(other)
    wait_for("the pause is over", lambda: _paused(cluster, other) == "", 2 * cluster.ttl + 10, unit.story)
    hold_for("nobody takes what the dead session keeps", lambda: unit.running_on is None, 2 * cluster.ttl, unit.story)
    other.run("leasectl", "confirm-dead", holder.name)
    unit.wait_running(deadline=cluster.takeover + 10)
    require("the token has grown", unit.tenure.index > unit.tenures[0].index, unit.story)


DEAD = 30.0  # seconds for which no member of etcd lives, where the scene is not about that time


@scene(registry="etcd", ttl=10.0, only_at_length=True)  # etcd changes no member for seconds after another change
def all_work_on_etcd_in_a_pause_stops_nothing(cluster):
    """Its members are replaced one by one, then none lives, while one machine boots, and then all are others at once."""
    unit, holder = start_unit(cluster, "worked-on.service")
    first = unit.tenure
    other, third = (each for each in cluster if each is not holder)
    _pause(other)
    for machine in (third, holder, other):
        cluster.etcd.replace(machine)
        unit.hold_running(on=holder, duration=1.0)
    database = cluster.etcd.stop_for_good()
    began = now()
    other.power_cut()
    other.boot(wait=False)
    other.wait_up()  # its etcd waits for the others, and its leased for its etcd
    _restart_leased_and_its_guard(cluster, unit, holder)
    hold_for("it runs on", lambda: unit.running_on is holder, began + DEAD - now(), unit.story)
    require("the machine that has booted runs nothing", other.state(unit.name) == "inactive", unit.story)
    print(f"      no member of etcd for {now() - began:.0f} s", file=sys.stderr, flush=True)
    cluster.etcd.restore(database, is_copy=True)
    cluster.etcd.wait_healthy(*cluster)
    _resume(third)
    wait_for("the pause is over", lambda: all(_paused(cluster, each) == "" for each in cluster), 2 * cluster.ttl + 20, unit.story)
    unit.hold_running(on=holder, duration=cluster.ttl)
    unit.require_undisturbed(first)
    holder.run("leasectl", "release", unit.name)
    unit.wait_running(but=holder)
    unit.require_gap(2.0)


CALM = 90.0  # seconds for which a living process may stamp nothing in an hour, on a machine whose other work starves it


def _restart_everything(machine):
    machine.systemctl("restart", DAEMON)
    machine.systemctl("reload", GUARD)


def _hold_all(homes, firsts, duration):
    """Each unit stays for so long what it was when the pause began. A look is a second: the stamps tell of the time between."""
    end = now() + duration
    while now() < end:
        next_look = now() + 1.0
        for unit, home in homes.items():
            last = unit.stamps[-1]
            require(f"{unit.name} runs on {home}, stamped {now() - last.at / 1e9:.3f} s ago",
                    (last.machine, last.invocation) == (home.name, firsts[unit].invocation) and last.at / 1e9 > now() - CALM, unit.story)
        wait_for("the next look", lambda: now() >= next_look, 5)


@scene(registry="etcd", ttl=10.0, only_at_length=True)
def pause_with_dead_etcd_stops_nothing_on_three_machines_one_of_which_is_cut_off_at_its_end(cluster):
    """For scenes.py --pause-minutes=N no member of etcd lives; members are replaced before that one by one, after it all at once.
    On each machine leased is restarted, and its guard reloaded, four times in the pause."""
    homes = {}
    for home in cluster:
        unit, holder = start_unit(cluster, f"home-{home.name}.service", "--interval=0.05")
        if holder is not home:
            holder.run("leasectl", "transfer", unit.name, home.name)
        homes[unit] = unit.wait_running(on=home)
    firsts, moved = {unit: unit.tenure for unit in homes}, {unit: len(unit.tenures) for unit in homes}
    first, cut, third = cluster
    _pause(first)
    for machine in cluster:
        cluster.etcd.replace(machine)
        _restart_everything(machine)
        _hold_all(homes, firsts, 1.0)
    database, began = cluster.etcd.stop_for_good(), now()
    for part in range(1, 4):
        for machine in cluster:
            _restart_everything(machine)
            _hold_all(homes, firsts, 1.0)
        _hold_all(homes, firsts, began + part * cluster.pause_minutes * 60 / 3 - now())
    print(f"      no member of etcd for {now() - began:.0f} s", file=sys.stderr, flush=True)
    cluster.etcd.restore(database, is_copy=True)
    cluster.etcd.wait_healthy(*cluster)
    cut.cut_network()
    _resume(first)
    wait_for("the pause is over for all others",
             lambda: all(_paused(cluster, each) == "" for each in cluster if each is not cut), 2 * cluster.ttl + 20)
    _hold_all(homes, firsts, 3 * cluster.ttl)
    cut.heal_network()
    wait_for("it reads the end", lambda: not _keeps(cluster, cut), 30)
    _hold_all(homes, firsts, 2 * cluster.ttl)
    for unit in homes:
        unit.require_tenures(moved[unit])
        require("it is one process", len(unit.tenure.runs) == 1, unit.story)
        require(f"its longest silence was {unit.tenure.silence:.3f} s", unit.tenure.silence < CALM, unit.story)
        print(f"      {unit.name}: one process for {unit.tenure.last - unit.tenure.first:.0f} s, silent for {unit.tenure.silence:.3f} s at most",
              file=sys.stderr, flush=True)
    # From now on each is like any other.
    for unit, home in homes.items():
        home.run("leasectl", "release", unit.name)
        unit.wait_running(but=home, deadline=30)
