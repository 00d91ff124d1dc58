# SPDX-License-Identifier: Apache-2.0
"""Power cuts where the registry is etcd, with a member on each machine: the holder's is gone with it."""

from etcd import FAST_ELECTIONS
from scene import scene


def _power_cut(cluster, with_leader):
    """Followers learn with the leader's next message that a write counts: if it dies before that, the last beat is seen when
    there is a new leader, and nobody may count from an earlier moment. Hence the fast elections."""
    unit = cluster.unit("power.service").enable()
    holder = unit.wait_running()
    cluster.etcd.move_leader(holder if with_leader else cluster.other(holder))
    holder.power_cut()
    unit.wait_running(but=holder, deadline=cluster.takeover + 10)
    unit.require_gap(cluster.takeover)
    unit.require_tenures(2)


@scene(registry="etcd", ttl=2.0)
def power_cut_of_the_holder_with_a_lease_of_2_s(cluster):
    _power_cut(cluster, with_leader=False)


@scene(registry="etcd", ttl=2.0, etcd=FAST_ELECTIONS, only_at_length=True)
def power_cut_of_the_holder_and_leader_with_a_lease_of_2_s(cluster):
    _power_cut(cluster, with_leader=True)


@scene(registry="etcd", only_at_length=True)
def power_cut_of_the_holder_with_a_lease_of_5_s(cluster):
    _power_cut(cluster, with_leader=False)


@scene(registry="etcd", etcd=FAST_ELECTIONS, only_at_length=True)
def power_cut_of_the_holder_and_leader_with_a_lease_of_5_s(cluster):
    _power_cut(cluster, with_leader=True)


@scene(registry="etcd", ttl=10.0, only_at_length=True)
def power_cut_of_the_holder_with_a_lease_of_10_s(cluster):
    _power_cut(cluster, with_leader=False)


@scene(registry="etcd", ttl=10.0, etcd=FAST_ELECTIONS, only_at_length=True)
def power_cut_of_the_holder_and_leader_with_a_lease_of_10_s(cluster):
    _power_cut(cluster, with_leader=True)
