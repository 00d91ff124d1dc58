# SPDX-License-Identifier: Apache-2.0
"""A registry that is ill. Whatever lasts less than half a lease disturbs nobody; what lasts longer stops units in time."""

from etcd import FAST_ELECTIONS
from scene import scene
from waiting import now, require, wait_for


def _lose_leader(cluster, beside_the_holder):
    unit = cluster.unit("leader.service").enable()
    holder = unit.wait_running()
    before = unit.tenure
    leader = holder if beside_the_holder else cluster.other(holder)
    cluster.etcd.move_leader(leader)
    cluster.etcd.kill(leader)
    unit.hold_running(on=holder, duration=cluster.takeover)
    cluster.etcd.start(leader)
    unit.require_undisturbed(before)


@scene(registry="etcd", ttl=10.0, only_at_length=True)
def loss_of_the_leader_disturbs_no_unit_with_a_lease_of_10_s(cluster):
    _lose_leader(cluster, beside_the_holder=False)


@scene(registry="etcd", ttl=10.0, only_at_length=True)
def loss_of_the_leader_beside_the_holder_disturbs_no_unit_with_a_lease_of_10_s(cluster):
    _lose_leader(cluster, beside_the_holder=True)


@scene(registry="etcd", etcd=FAST_ELECTIONS)
def loss_of_the_leader_disturbs_no_unit_with_a_lease_of_5_s(cluster):
    _lose_leader(cluster, beside_the_holder=False)


@scene(registry="etcd", etcd=FAST_ELECTIONS, only_at_length=True)
def loss_of_the_leader_beside_the_holder_disturbs_no_unit_with_a_lease_of_5_s(cluster):
    _lose_leader(cluster, beside_the_holder=True)


@scene(registry="etcd", only_at_length=True)
def loss_of_the_leader_disturbs_no_unit_with_a_lease_of_5_s_and_an_etcd_as_it_comes(cluster):
    _lose_leader(cluster, beside_the_holder=False)


@scene(registry="etcd", only_at_length=True)
def loss_of_the_leader_beside_the_holder_disturbs_no_unit_with_a_lease_of_5_s_and_an_etcd_as_it_comes(cluster):
    _lose_leader(cluster, beside_the_holder=True)


@scene(registry="etcd")
def short_silence_of_the_registry_disturbs_no_unit(cluster):
    unit = cluster.unit("pause.service").enable()
    holder = unit.wait_running()
    before = unit.tenure
    cluster.etcd.freeze()
    unit.hold_running(on=holder, duration=0.4 * cluster.ttl)
    cluster.etcd.thaw()
    unit.hold_running(on=holder, duration=cluster.takeover)
    unit.require_undisturbed(before)


@scene(registry="etcd")
def long_silence_of_the_registry_stops_the_unit_and_it_comes_back_once(cluster):
    unit = cluster.unit("silence.service").enable()
    unit.wait_running()
    cluster.etcd.freeze()
    began = now()
    unit.wait_gone(deadline=cluster.ttl)
    unit.require_stopped_in_time(unit.tenure, began)
    wait_for("two leases have passed", lambda: now() > began + 2 * cluster.ttl, 3 * cluster.ttl)
    unit.require_tenures(1)
    cluster.etcd.thaw()
    cluster.etcd.wait_healthy()
    holder = unit.wait_running(deadline=2 * cluster.takeover)
    unit.hold_running(on=holder, duration=cluster.takeover)
    unit.require_tenures(2)


@scene(registry="etcd")
def restart_of_each_member_disturbs_no_unit(cluster):
    unit = cluster.unit("rolling.service").enable()
    holder = unit.wait_running()
    before = unit.tenure
    for machine in cluster:
        cluster.etcd.stop(machine)
        cluster.etcd.start(machine)
        cluster.etcd.wait_healthy()
    unit.hold_running(on=holder, duration=cluster.takeover)
    unit.require_undisturbed(before)


@scene(registry="etcd")
def full_store_stops_the_unit_in_time_and_is_named(cluster):
    unit = cluster.unit("full.service").enable()
    holder = unit.wait_running()
    cluster.etcd.set_no_space(True)
    raised = now()
    unit.wait_gone(deadline=cluster.ttl)
    unit.require_stopped_in_time(unit.tenure, raised)
    status = cluster.status(holder)
    require(f"leasectl status says what is wrong, but:\n{status}", "space" in status, unit.story)
    cluster.etcd.set_no_space(False)
    holder = unit.wait_running(deadline=2 * cluster.takeover)
    unit.hold_running(on=holder, duration=cluster.ttl)
    unit.require_tenures(2)
    wait_for("leasectl status is content again", lambda: "etcd, ok" in cluster.status(holder), 5, unit.story)


def _hung_disk(cluster):
    """A leader that cannot write leads on for a while. Returns the unit, its holder, and its tenure of before."""
    unit = cluster.unit("disk.service").enable(cluster["alpha"])
    holder = unit.wait_running()
    unit.enable(cluster["beta"], cluster["gamma"])
    before = unit.tenure
    cluster.etcd.move_leader(cluster["beta"])
    cluster.etcd.hang_disk(cluster["beta"])
    try:
        wait_for("20 s with a hung disk", lambda end=now() + 20: unit.stamps and now() > end, 30)
        holder = unit.wait_running(deadline=cluster.takeover)
    finally:
        cluster.etcd.heal_disks()
    cluster.etcd.wait_healthy()
    unit.hold_running(on=holder, duration=cluster.ttl)
    return unit, before


@scene(registry="etcd", disk_of="beta", only_at_length=True)
def hung_disk_of_the_leader_costs_a_pause_at_most(cluster):
    unit, _ = _hung_disk(cluster)
    for gap in unit.gaps:
        require(f"gap {gap:.3f} s within {cluster.takeover:.3f} s", gap <= cluster.takeover, unit.story)
    require("there is no more than one", len(unit.gaps) <= 1, unit.story)


@scene(registry="etcd", disk_of="beta", ttl=10.0, only_at_length=True)
def hung_disk_of_the_leader_disturbs_no_unit_with_a_lease_of_10_s(cluster):
    unit, before = _hung_disk(cluster)
    unit.require_undisturbed(before)
