# SPDX-License-Identifier: Apache-2.0
"""A registry that is not what it was: empty, or older than what was seen of it. Who believed it without a word from an
operator would run units twice, or give tokens twice."""

import json

from cluster import DAEMON
from scene import scene
from waiting import now, require, wait_for

SILENCE = 60 * 1.02  # seconds in which every holder of a forgotten time has surely stopped


def _registry(machine):
    # The exit code says whether the registry can be believed.
    return json.loads(machine.run("leasectl", "status", "--json=short", check=False).stdout)


def _found(machine):
    return _registry(machine).get("registry_found_uuid")


def _wiped(cluster, new_identity):
    unit = cluster.unit("wiped.service").enable()
    unit.wait_running()
    began = now()
    cluster.etcd.wipe(new_identity)
    unit.wait_gone(deadline=cluster.ttl)
    unit.require_stopped_in_time(unit.tenure, began)
    uuids = [wait_for(f"{machine} has found another registry", lambda each=machine: _found(each), 20, unit.story)
             for machine in cluster]
    require(f"all have found the same one, not {uuids}", len(set(uuids)) == 1, unit.story)
    said = cluster.status(cluster["alpha"])
    require(f"leasectl status says what to do, but:\n{said}", f"registry accept {uuids[0]}" in said, unit.story)

    patience = now() + (120 if cluster.at_length else 2 * cluster.ttl)
    wait_for("nothing runs for a while", lambda: now() > patience or len(unit.tenures) > 1, 130)
    unit.require_tenures(1)

    accepted = now()
    for machine in cluster:
        machine.run("leasectl", "registry", "accept", uuids[0])
    holder = unit.wait_running(deadline=SILENCE + cluster.takeover + 10)
    require("the silence was kept", unit.tenure.first >= accepted + SILENCE - 0.5, unit.story)
    unit.hold_running(on=holder, duration=cluster.ttl)
    unit.require_tenures(2)


@scene(registry="etcd", only_at_length=True)
def emptied_registry_starts_nothing_until_an_operator_accepts_it(cluster):
    _wiped(cluster, new_identity=False)


@scene(registry="etcd", only_at_length=True)
def another_registry_in_its_place_starts_nothing_until_an_operator_accepts_it(cluster):
    _wiped(cluster, new_identity=True)


@scene(registry="etcd", only_at_length=True)
def registry_restored_from_a_snapshot_is_followed_after_a_silence(cluster):
    unit = cluster.unit("restored.service").enable()
    unit.wait_running()
    snapshot = cluster.etcd.snapshot()
    for _ in range(2):
        old = unit.wait_running()
        old.run("leasectl", "release", unit.name)
        unit.wait_running(but=old)
    tenures = len(unit.tenures)

    began = now()
    cluster.etcd.restore(snapshot)
    unit.wait_gone(deadline=cluster.ttl)
    unit.require_stopped_in_time(unit.tenure, began)
    holder = unit.wait_running(deadline=SILENCE + cluster.takeover + 20)
    require("the silence was kept", unit.gaps[-1] >= SILENCE - cluster.ttl, unit.story)
    unit.hold_running(on=holder, duration=cluster.ttl)
    unit.require_tenures(tenures + 1)


@scene(registry="etcd", ttl=10.0, only_at_length=True)  # etcd changes no member for seconds after another change
def members_that_are_replaced_one_after_the_other_disturb_no_unit(cluster):
    unit = cluster.unit("replaced.service").enable()
    holder = unit.wait_running()
    before = unit.tenure
    for machine in [cluster.other(holder), holder, *(each for each in cluster if each not in (holder, cluster.other(holder)))]:
        cluster.etcd.replace(machine)
        unit.hold_running(on=holder, duration=1.0)
    unit.require_undisturbed(before)
    holder.run("leasectl", "release", unit.name)
    unit.wait_running(but=holder)


@scene(registry="etcd", only_at_length=True)
def member_that_began_a_cluster_of_its_own_is_left_out_and_stops_nothing(cluster):
    unit = cluster.unit("beside.service").enable()
    holder = unit.wait_running()
    odd = cluster.other(holder)
    cluster.etcd.move_leader(holder)
    before = len(unit.tenures)
    cluster.etcd.begin_alone(odd)
    for machine in cluster:
        machine.systemctl("restart", DAEMON)
    for machine in cluster:
        cluster.wait_ready(machine)
        wait_for(f"{machine} competes, and names the odd one",
                 lambda each=machine: cluster.competes(each) and f"{odd.address}:2379 is of another etcd cluster"
                 in _registry(each).get("registry_warning", ""), 20, unit.story)
    unit.hold_running(on=holder, duration=2 * cluster.ttl)
    require("it was not disturbed", len(unit.tenures) == before, unit.story)
    # It can go to another machine as ever, also to the one on which the odd member is.
    holder.run("leasectl", "release", unit.name)
    unit.wait_running(but=holder)
    cluster.etcd.come_back(odd)
    for machine in cluster:
        machine.systemctl("restart", DAEMON)  # looks at all of them at once, and not within a minute
    wait_for("nothing is odd any more", lambda: all("another etcd cluster" not in _registry(each).get("registry_warning", "")
                                                    for each in cluster), 20, unit.story)
