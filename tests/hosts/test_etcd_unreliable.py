# SPDX-License-Identifier: Apache-2.0
"""Every kind of transaction that leased makes, and every way in which one can come to grief between it and etcd: no answer
settles nothing, and whatever was wanted comes to be, once."""

from cluster import DAEMON
from scene import scene
from unreliable import Unreliable
from waiting import require, now, wait_for

KINDS = {"create", "machine", "beat", "fence", "acquire", "release", "transfer", "steal", "strike", "rehang", "expire", "done",
         "rearm", "call-acquire", "call-renew", "call-steal", "call-release"}


def _restart(cluster, endpoints):
    """All go another way to the same etcd, with sessions of their own."""
    for machine in cluster:
        machine.systemctl("stop", DAEMON)
    cluster.configure(f"Registry=etcd\nEndpoints={endpoints}")
    for machine in cluster:
        machine.systemctl("start", "--no-block", DAEMON)
    for machine in cluster:
        cluster.wait_ready(machine)
        wait_for(f"{machine} competes", lambda each=machine: cluster.competes(each), 20, lambda: cluster.status(machine))


def _tell(machine, unit, *verb):
    done = machine.run("leasectl", *verb, check=False)
    require(f"leasectl {' '.join(verb)} on {machine}: {done.stdout}{done.stderr}", done.returncode == 0, unit.story)


def _move_around(cluster, unit):
    """From machine to machine, in every way there is. Returns the number of tenures that makes."""
    first = unit.wait_running()
    _tell(first, unit, "release", unit.name)
    second = unit.wait_running(but=first)
    third = next(each for each in cluster if each not in (first, second))
    _tell(second, unit, "transfer", unit.name, third.name)
    unit.wait_running(on=third)
    wait_for(f"{first} sees that", lambda: cluster.lease(first, unit.name)[4] == unit.tenure.index, 10, unit.story)
    # The answer to its release may come late; until then it is being stopped there.
    wait_for(f"{first} may steal it", lambda: first.run("leasectl", "steal", unit.name, check=False).returncode == 0, 20, unit.story)
    unit.wait_running(on=first)
    first.cut_network()
    unit.wait_running(but=first, deadline=cluster.takeover + 10)
    unit.require_gap(cluster.takeover + 1)
    first.heal_network()
    cluster.etcd.wait_healthy(first)
    last = unit.running_on
    _tell(last, unit, "disable", unit.name)  # the only way in which a lease goes to nobody here
    unit.wait_running(but=last)
    _tell(last, unit, "enable", unit.name)
    return 6


def _stay(cluster, unit, met):
    """A restart of the daemon and another TTL move nothing."""
    holder, tenures, configuration = unit.running_on, len(unit.tenures), "/etc/leased/leased.conf"
    holder.systemctl("restart", DAEMON)
    cluster.wait_ready(holder)
    text = holder.read(configuration)
    holder.write(configuration, text.replace(f"TTL={cluster.ttl:g}s", f"TTL={cluster.ttl + 1:g}s"))
    holder.run("leasectl", "reload")
    wait_for("the lease hangs on another session", lambda: "rehang" in met, 10, unit.story)
    holder.write(configuration, text)
    holder.run("leasectl", "reload")
    wait_for("and is as long as before", lambda: 0 < cluster.lease(holder, unit.name)[5] < 1.05 * cluster.ttl * 1e6, 20, unit.story)
    unit.require_tenures(tenures)


def _end_well(cluster, name):
    """A job is done, is armed again, and runs once more."""
    job = cluster.unit(name, "--life=0.3", "Type=oneshot")
    job.options("HoldDownSec=1")
    job.enable()
    for number in (1, 2):
        wait_for(f"the job has run {number} times", lambda count=number: len(job.tenures) == count, 20, job.story)
        other = cluster.other(cluster[job.tenure.machine])
        wait_for(f"{other} knows that the job is done", lambda: any(row[0] == job.name and row[1] == "done"
                                                                   for row in cluster.call(other, "ListUnits")[0]), 20, job.story)
        if number == 1:
            _tell(other, job, "rearm", job.name)
    return job


def _lease(cluster, machine, name):
    """(held, index) of the lease of the D-Bus API; None where it has never been seen."""
    row = next((row for row in cluster.call(machine, "ListLeases")[0] if row[0] == name), None)
    return row and (row[1] != "", row[3])


def _call(cluster, name):
    """A lease of the D-Bus API: each call does what it says, and its Index grows."""
    alpha, beta, _ = cluster
    period = str(20 * 10**6)
    held, path, first = cluster.call(alpha, "AcquireLease", "ssxt", name, "", "0", period)
    require("alpha has acquired it", held)

    def ask(method, signature, *arguments):
        return alpha.run("busctl", "call", "org.leased1", path, "org.leased1.Lease", method, signature, *map(str, arguments)).stdout

    second = int(ask("Renew", "tt", first, period).split()[1])
    wait_for("beta sees it", lambda: _lease(cluster, beta, name) == (True, second), 10)
    _, third, _ = cluster.call(beta, "StealLease", "ssxtt", name, "", "0", period, str(second))
    require(f"the Index grows: {first}, {second}, {third}", first < second < third)
    beta.run("busctl", "call", "org.leased1", path, "org.leased1.Lease", "Release", "t", str(third))
    wait_for("it is free", lambda: _lease(cluster, alpha, name) == (False, third), 10)


def _meet(cluster, fault, seconds=0.0):
    straight = cluster.etcd.endpoints
    with Unreliable(cluster, fault, seconds) as way:
        try:
            _restart(cluster, way.endpoints)
            trial = cluster.number_stamps()  # what an earlier one has left as done, as --repeat does, would not run
            unit = cluster.unit(f"{fault}-{trial}.service")
            unit.options("HoldDownSec=1")
            unit.enable()
            tenures = _move_around(cluster, unit)
            _stay(cluster, unit, way.met)
            job = _end_well(cluster, f"{fault}-job-{trial}.service")
            _call(cluster, f"{fault}-call-{trial}")
            require(f"all kinds have met it, but not {KINDS - set(way.met)}", KINDS <= set(way.met))
            require(f"all could be told apart, but not {way.state.problems}", not way.state.problems)
            last = max(way.met.values()) + seconds + 1
            wait_for("what was held back has landed", lambda: now() > last, seconds + 5)
            unit.hold_running(on=unit.running_on, duration=1)
            unit.require_tenures(tenures)
            job.require_tenures(2)
            unit.disable()
            job.disable()
        finally:
            _restart(cluster, straight)


@scene(registry="etcd", only_at_length=True)
def each_kind_of_transaction_may_land_20_s_late(cluster):
    _meet(cluster, "hold-request", 20.0)


@scene(registry="etcd", only_at_length=True)
def each_kind_of_transaction_may_be_carried_out_without_an_answer(cluster):
    _meet(cluster, "cut-answer")


@scene(registry="etcd")
def each_kind_of_transaction_may_be_carried_out_twice(cluster):
    _meet(cluster, "duplicate")


@scene(registry="etcd", only_at_length=True)
def each_kind_of_transaction_may_get_lost(cluster):
    _meet(cluster, "cut-request")


@scene(registry="etcd", only_at_length=True)
def each_kind_of_transaction_may_be_cut_in_the_middle_of_the_request(cluster):
    _meet(cluster, "truncate-request")


@scene(registry="etcd", only_at_length=True)
def each_kind_of_transaction_may_be_cut_in_the_middle_of_the_answer(cluster):
    _meet(cluster, "truncate-answer")


@scene(registry="etcd", only_at_length=True)
def each_kind_of_transaction_may_be_answered_too_late(cluster):
    _meet(cluster, "hold-answer", 3.0)


@scene(registry="etcd", only_at_length=True)
def each_kind_of_transaction_may_vanish_in_a_black_hole(cluster):
    _meet(cluster, "black-hole", 3.0)
