# SPDX-License-Identifier: Apache-2.0
"""OnOutage=freeze: in a silence of the registry the unit is frozen, and goes on afterwards with the same process; one whose lease
is taken is killed frozen, also before PID 1 would thaw it to stop it. An address that goes with it is taken away meanwhile."""

import sys

from cluster import GUARD
from etcd import SERVICE
from faults import GONE
from scene import scene
from waiting import hold_for, now, require, wait_for


def _is_frozen(machine, unit):
    return "frozen 1" in machine.run("cat", f"/sys/fs/cgroup/system.slice/{unit.name}/cgroup.events", check=False).stdout


def _wait_frozen(cluster, machine, unit, deadline):
    wait_for(f"{unit.name} is frozen on {machine}", lambda: _is_frozen(machine, unit), deadline, unit.story)
    hold_for("and not stopped", lambda: _is_frozen(machine, unit) and machine.state(unit.name) == "active", cluster.ttl, unit.story)


def _take_while_frozen(cluster, unit, holder):
    """The holder is cut off: it freezes the unit, and another machine takes it."""
    holder.cut_network()
    heir = unit.wait_running(but=holder, deadline=cluster.takeover + 10)
    require("the old one is frozen, and not gone", _is_frozen(holder, unit) and holder.main_pid(unit.name), unit.story)
    return heir


def _executed(unit, machine, since):
    """How often it executed on that machine since then, when PID 1 had thawed it."""
    return len([each for each in unit.stamps if each.machine == machine.name and each.at / 1e9 > since])


ADDRESS = "10.77.0.203"
KEEPER = "leased-address@cold.service"
WITH_ADDRESS = {
    "cold.service": f"[Unit]\nWants={KEEPER}\n[Service]\nExecStart=STAMP\n",
    f"{KEEPER}.d/cold.conf": "[Unit]\nBindsTo=cold.service\nAfter=cold.service\n[Service]\n"
                             f"Environment=ADDRESSES=host0/{ADDRESS}/32\n",
}


def _has_address(machine):
    return ADDRESS in machine.run("ip", "address", "show", "dev", "host0").stdout


@scene(registry="etcd", ttl=3.0)
def unit_that_freezes_in_an_outage_goes_on_and_is_killed_frozen_if_its_lease_was_taken(cluster):
    unit = cluster.unit("cold.service", files=WITH_ADDRESS)
    unit.options("OnOutage=freeze")
    unit.enable()
    holder = unit.wait_running()
    wait_for("its address is there", lambda: _has_address(holder), 15, unit.story)
    first, process = unit.tenure, holder.main_pid(unit.name)

    cluster.etcd.freeze()
    _wait_frozen(cluster, holder, unit, cluster.ttl + 10)
    hold_for("it executes nothing", lambda: unit.running_on is None, cluster.ttl, unit.story)
    require("its address has gone", not _has_address(holder), unit.story)
    require("leasectl says so", "frozen" in holder.run("leasectl", "status", unit.name, check=False).stdout, unit.story)
    reload = holder.systemctl("reload", "--no-block", GUARD)  # waits for a calm moment, and disturbs nothing
    cluster.etcd.thaw()
    unit.wait_running(on=holder, deadline=30)
    require(f"it is the same process {reload.stderr}", holder.main_pid(unit.name) == process, unit.story)
    wait_for("its address is back", lambda: _has_address(holder), 15, unit.story)
    require("it is the same tenure", len(unit.tenures) == 1 and unit.tenure.invocation == first.invocation, unit.story)

    heir = _take_while_frozen(cluster, unit, holder)
    holder.heal_network()
    wait_for("it is killed as it is", lambda: holder.state(unit.name) in GONE, 20, unit.story)
    unit.hold_running(on=heir, duration=cluster.ttl)

    require(f"nothing executed twice: {unit.overlap:.3f} s", unit.overlap == 0.0, unit.story)
    gap = unit.gaps[-1]

    last = _take_while_frozen(cluster, unit, heir)
    taken = now()
    heir.systemctl("stop", "--no-block", unit.name)  # PID 1 thaws what it stops
    wait_for("it is killed before that", lambda: heir.state(unit.name) in GONE, 5, unit.story)
    heir.heal_network()
    unit.hold_running(on=last, duration=cluster.ttl)
    require("it executed nothing", _executed(unit, heir, taken) == 0, unit.story)
    print(f"      gap {gap:.3f} s", file=sys.stderr, flush=True)


@scene(registry="etcd", ttl=2.0, only_at_length=True)
def guard_that_dies_over_a_frozen_unit_takes_the_unit_with_it(cluster):
    """PID 1 stops, and so thaws, what is bound to the guard; the guard's --wipe kills it."""
    unit = cluster.unit("alone.service", service="Slice=alone.slice")
    unit.options("OnOutage=freeze\nSlice=alone.slice")
    unit.enable()
    holder = unit.wait_running()
    holder.cut_network()
    heir = unit.wait_running(but=holder, deadline=cluster.takeover + 10)
    events = "/sys/fs/cgroup/alone.slice/cgroup.events"
    require("its slice is frozen, too", "frozen 1" in holder.run("cat", events, check=False).stdout, unit.story)
    taken = now()
    holder.kill(GUARD)
    wait_for("it is gone", lambda: holder.state(unit.name) in GONE, 10, unit.story)
    require("it executed nothing", _executed(unit, holder, taken) == 0, unit.story)
    holder.heal_network()
    unit.hold_running(on=heir, duration=cluster.ttl)
    wait_for("there is a guard again", lambda: holder.state(GUARD) == "active", 20, unit.story)
    require("its slice is not frozen any more", "frozen 1" not in holder.run("cat", events, check=False).stdout, unit.story)


@scene(registry="etcd", ttl=2.0, only_at_length=True)
def frozen_unit_executes_nothing_while_its_machine_shuts_down(cluster):
    """Without logind nobody is told before PID 1 stops, and so thaws, all units."""
    unit = cluster.unit("cold.service")
    unit.options("OnOutage=freeze")
    unit.enable()
    holder = unit.wait_running()
    for verb in ("poweroff", "reboot"):
        heir = _take_while_frozen(cluster, unit, holder)
        taken = now()
        holder.kill(SERVICE)  # without the other members it takes long to stop
        holder.shut_down(verb=verb)
        unit.hold_running(on=heir, duration=cluster.ttl)
        require("it executed nothing", _executed(unit, holder, taken) == 0, unit.story)
        holder.boot()
        cluster.wait_ready(holder)
        holder = heir
