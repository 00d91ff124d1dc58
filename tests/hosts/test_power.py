# SPDX-License-Identifier: Apache-2.0
"""Machines that go off."""

from scene import scene
from waiting import require


@scene
def power_cut_of_the_holder_moves_the_unit(cluster):
    unit = cluster.unit("power.service").enable()
    holder = unit.wait_running()
    holder.power_cut()
    unit.wait_running(on=cluster.other(holder), deadline=cluster.takeover + 5)
    unit.require_gap(cluster.takeover)


@scene
def machine_that_comes_back_does_not_start_the_unit(cluster):
    unit = cluster.unit("returned.service").enable()
    first = unit.wait_running()
    first.power_cut()
    second = unit.wait_running(on=cluster.other(first), deadline=cluster.takeover + 5)
    first.boot()
    cluster.wait_ready(first)
    unit.hold_running(on=second, duration=2 * cluster.ttl / 5)
    require("its unit is not active there", first.state(unit.name) == "inactive", unit.story)


@scene
def orderly_poweroff_of_the_holder_hands_the_unit_over(cluster):
    unit = cluster.unit("poweroff.service").enable()
    holder = unit.wait_running()
    holder.shut_down()
    unit.wait_running(on=cluster.other(holder))
    unit.require_gap(2.0)


@scene
def power_cut_of_both_leaves_one_holder_after_boot(cluster):
    unit = cluster.unit("blackout.service").enable()
    unit.wait_running()
    for machine in cluster:
        machine.power_cut()
    for machine in cluster:
        machine.boot(wait=False)
    for machine in cluster:
        machine.wait_booted()
    holder = unit.wait_running(deadline=2 * cluster.takeover + 5)
    unit.hold_running(on=holder, duration=cluster.ttl / 5)
