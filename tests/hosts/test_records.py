# SPDX-License-Identifier: Apache-2.0
"""Records that somebody deleted or wrote over by hand, under a unit that runs and under one whose holder is dead: each of
them has an end, and nothing runs twice. Rows of the fault matrix."""

import base64
import json

from etcd import CLIENT_PORT
from faults import holder_in_registry, start_unit
from scene import scene
from waiting import now, require, wait_for

GARBAGE = "{\"counter\": no number, \0\x7f"


def _base64(text):
    return base64.b64encode(text.encode()).decode()


def _delete(machine, *arguments):
    """By hand, as an operator would."""
    done = machine.run("env", "ETCDCTL_API=3", "etcdctl", f"--endpoints=http://{machine.address}:{CLIENT_PORT}", "del",
                       *arguments)
    require(f"something was deleted, and etcdctl says so: {done.stdout}", int(done.stdout) > 0)


def _write_over(cluster, through, key):
    require(f"etcd takes {key}",
            cluster.etcd.call(through, "/v3/kv/put", {"key": _base64(key), "value": _base64(GARBAGE)}) is not None)


def _fence_of_holder(cluster, unit, through):
    """The key of the record that says what the session holding the lease has given up."""
    answer = cluster.etcd.call(through, "/v3/kv/range", {"key": _base64(f"/leased/leases/{unit.name}")})
    return "/leased/fences/" + json.loads(base64.b64decode(answer["kvs"][0]["value"]))["session"]


def _require_nothing_is_stranded(cluster, unit, holder):
    """It stays where it is, every machine takes leases, and it can be handed on as ever."""
    unit.hold_running(on=holder, duration=cluster.ttl)
    for machine in cluster:
        if machine.is_on:
            wait_for(f"{machine} takes leases", lambda each=machine: cluster.competes(each), 3 * cluster.ttl, unit.story)
    tenures = len(unit.tenures)
    holder.run("leasectl", "release", unit.name)
    unit.wait_running(but=holder)
    unit.require_tenures(tenures + 1)


@scene(registry="etcd", only_at_length=True)
def fences_deleted_under_a_running_unit_cost_one_pause_and_strand_nothing(cluster):
    unit, holder = start_unit(cluster, "unfenced.service")
    began = now()
    _delete(holder, "--prefix", "/leased/fences/")
    wait_for("it was stopped, and runs again", lambda: len(unit.tenures) == 2 and unit.running_on, 2 * cluster.takeover + 10,
             unit.story)
    unit.require_stopped_in_time(unit.tenures[0], began)
    unit.require_gap(cluster.takeover)
    _require_nothing_is_stranded(cluster, unit, unit.running_on)


def _power_cut(cluster, spoil):
    """The others learn of both at once: the time that they wait counts from the last change that they see. The leader is
    not the one that loses power, since an election is not what this is about."""
    unit, holder = start_unit(cluster, "spoilt.service")
    other = cluster.other(holder)
    cluster.etcd.move_leader(other)
    fence = _fence_of_holder(cluster, unit, other)
    began = now()
    holder.power_cut()
    spoil(other, fence)
    later = now() - began
    heir = unit.wait_running(but=holder, deadline=cluster.takeover + later + 10)
    unit.require_gap(cluster.takeover + later)
    unit.require_tenures(2)
    _require_nothing_is_stranded(cluster, unit, heir)


@scene(registry="etcd", only_at_length=True)
def power_cut_of_a_holder_whose_fence_is_damaged_moves_the_unit(cluster):
    _power_cut(cluster, lambda through, fence: _write_over(cluster, through, fence))


@scene(registry="etcd", only_at_length=True)
def power_cut_of_a_holder_whose_fence_is_deleted_moves_the_unit(cluster):
    _power_cut(cluster, _delete)


@scene(registry="etcd", only_at_length=True)
def record_of_a_held_lease_that_is_written_over_or_deleted_disturbs_nothing(cluster):
    unit, holder = start_unit(cluster, "overwritten.service")
    other, before = cluster.other(holder), unit.tenure
    key = f"/leased/leases/{unit.name}"
    for spoil in (lambda: _write_over(cluster, other, key), lambda: _delete(other, key)):
        spoil()
        wait_for("its holder has written it again", lambda: holder_in_registry(cluster, unit, other) is holder, cluster.ttl,
                 unit.story)
        unit.hold_running(on=holder, duration=cluster.takeover)
        unit.require_undisturbed(before)
    _require_nothing_is_stranded(cluster, unit, holder)
