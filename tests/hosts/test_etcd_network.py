# SPDX-License-Identifier: Apache-2.0
"""A holder that can no longer be heard. The others must not wait for it, and it must not wait for them."""

from cluster import DAEMON
from scene import scene
from waiting import now, require, wait_for


def _cut_off(cluster, cut, duration, pauses=0):
    """The unit moves, once, and stays where it is while the machine is cut off and when it is back, but for so many
    pauses."""
    unit = cluster.unit("cut-off.service").enable()
    holder = unit.wait_running()
    began = now()
    cut(holder)
    heir = unit.wait_running(but=holder, deadline=cluster.takeover + 10)
    unit.require_stopped_in_time(unit.tenures[0], began)
    unit.require_gap(cluster.takeover)
    unit.hold_running(on=heir, duration=max(0.0, began + duration - now()))
    holder.heal_network()
    cluster.etcd.wait_healthy(holder)
    healed = now()
    if pauses == 0:
        unit.hold_running(on=heir, duration=cluster.ttl)
    wait_for("a lease has passed, and it runs", lambda: now() > healed + cluster.ttl and unit.running_on is heir, 2 * cluster.ttl,
             unit.story)
    require(f"it did not leave {heir}", all(each.machine == heir.name for each in unit.tenures[1:]), unit.story)
    require(f"it does not run on {holder}", holder.state(unit.name) in ("inactive", "failed"), unit.story)
    require(f"no more than {pauses} pauses", len(unit.tenures) <= 2 + pauses, unit.story)


@scene(registry="etcd", only_at_length=True)
def holder_cut_from_the_others_stops_before_another_starts(cluster):
    _cut_off(cluster, lambda holder: holder.cut_network(), 60 if cluster.at_length else 3 * cluster.ttl)


@scene(registry="etcd")
def holder_in_a_black_hole_stops_before_another_starts(cluster):
    _cut_off(cluster, lambda holder: holder.drop_packets(), 45 if cluster.at_length else 3 * cluster.ttl)


@scene(registry="etcd", only_at_length=True)
def holder_that_hears_but_is_not_heard_stops_before_another_starts(cluster):
    _cut_off(cluster, lambda holder: holder.drop_packets(incoming=False), 45)


@scene(registry="etcd", only_at_length=True)
def holder_that_is_heard_but_does_not_hear_stops_before_another_starts(cluster):
    _cut_off(cluster, lambda holder: holder.drop_packets(outgoing=False), 45)


@scene(registry="etcd", only_at_length=True, etcd="--pre-vote=false")
def holder_whose_return_deposes_the_leader_costs_a_pause_at_most(cluster):
    _cut_off(cluster, lambda holder: holder.cut_network(), 60, pauses=1)


@scene(registry="etcd", ttl=2.0, only_at_length=True)
def restart_of_the_daemon_beside_a_member_in_a_black_hole_disturbs_no_unit(cluster):
    unit = cluster.unit("beside.service").enable()
    holder = unit.wait_running()
    before, leader = unit.tenure, cluster.etcd.leader()
    silent = next(machine for machine in cluster if machine not in (holder, leader))
    silent.drop_packets()
    for _ in range(4):  # each begins with one of the members at random
        holder.systemctl("restart", DAEMON)
        cluster.wait_ready(holder)
        unit.hold_running(on=holder, duration=cluster.ttl)
    silent.heal_network()
    cluster.etcd.wait_healthy(silent)
    unit.require_undisturbed(before)
