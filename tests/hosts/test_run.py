# SPDX-License-Identifier: Apache-2.0
"""leasectl run on several machines: its command is gone before another machine's begins, whoever stands still or is dead."""

import contextlib

import layer
from cluster import DAEMON, GUARD, Unit
from faults import require_passed_on, set_watchdog, stall_first_process, wait_until, wake_first_process
from scene import scene
from waiting import now, require, wait_for

AWKWARD = ("--ignore-term", "--children=2")


class Command(Unit):
    """A command under a lease of its own, wanted on several machines at once."""

    def __init__(self, cluster, lease, *options):
        stamps = f"stamps-{cluster.number_stamps()}-{lease}"
        self._begin(cluster, lease, stamps)
        self.command = (layer.STAMPER, *(options or AWKWARD), f"/shared/{stamps}")
        self.clients = []
        cluster.units.append(self)

    def want(self, *machines):
        """In a shell of its own: nsenter, which is outside of the machine, stops when what it has started is stopped."""
        for machine in machines or self.cluster:
            self.clients.append(machine.start("sh", "-c", 'leasectl run "$@"; exit $?', "sh", self.name, *self.command))
        return self

    def disable(self):
        """Nobody wants it any more."""
        for machine in self.cluster:
            machine.run("pkill", "-CONT", "-x", "leasectl", check=False)
            machine.run("pkill", "-KILL", "-x", "leasectl", check=False)
        for client in self.clients:
            client.communicate(timeout=30)
        for machine in self.cluster:
            wait_for(f"nothing is left of it on {machine}", lambda each=machine: not units_on(each), 30, self.story)

    def story(self):
        return super().story() + "".join(machine.journal(30) for machine in self.cluster)


class Slot(Command):
    """One of the leases of "leasectl run --slots=": what runs by it, whoever asked."""

    def __init__(self, cluster, lease, stamps, number):
        self._begin(cluster, f"{lease}#{number}", f"{stamps}-{number}")
        self.clients = []
        cluster.units.append(self)


def start_in_slots(cluster, lease, number):
    """Each machine wants to run a command, and so many may run at once. Gives the slots."""
    stamps = f"stamps-{cluster.number_stamps()}-{lease}"
    slots = [Slot(cluster, lease, stamps, i + 1) for i in range(number)]
    script = f'exec {layer.STAMPER} {" ".join(AWKWARD)} /shared/{stamps}-"${{LEASE_NAME#*#}}"'
    for machine in cluster:
        slots[0].clients.append(machine.start("sh", "-c", 'leasectl run "$@"; exit $?', "sh", f"--slots={number}", lease,
                                              "sh", "-c", script))
    return slots


def units_on(machine):
    return machine.systemctl("list-units", "--all", "--plain", "--no-legend", "leased-run-*").stdout.split()


def waiting_on(machine):
    """The units that leased knows there, waiting or running."""
    rows = machine.run("leasectl", "--no-legend", "--no-pager", "list", check=False).stdout.splitlines()
    return [row.split()[0] for row in rows if row.startswith("leased-run-")]


def start_command(cluster, lease, *options):
    """It runs on one machine, and the others wait for it."""
    command = Command(cluster, lease, *options).want(cluster["alpha"])
    holder = command.wait_running()
    command.want(*(machine for machine in cluster if machine is not holder))
    return command, holder


def client_on(machine, signal):
    machine.run("pkill", f"-{signal}", "-x", "leasectl")


def require_over(command, heir, holder):
    """The holder of before is well again: nothing of its command is left there, and none begins."""
    command.hold_running(on=heir, duration=command.cluster.ttl)
    wait_for(f"nothing is left on {holder}", lambda: not units_on(holder), 30, command.story)
    command.require_tenures(2)


@contextlib.contextmanager
def without_watchdog(cluster, machine):
    set_watchdog(cluster, machine, on=False)
    yield
    set_watchdog(cluster, machine, on=True)


def awake(cluster, machine):
    machine.run("pkill", "-CONT", "-x", "leasectl", check=False)
    machine.kill(DAEMON, "CONT")
    cluster.wait_ready(machine)


@scene(registry="etcd")
def command_is_gone_in_time_when_its_leasectl_and_leased_stand_still(cluster):
    with without_watchdog(cluster, cluster["alpha"]):
        command, holder = start_command(cluster, "run-both-still")
        began = now()
        client_on(holder, "STOP")
        holder.kill(DAEMON, "STOP")
        heir = require_passed_on(cluster, command, holder, began)
        awake(cluster, holder)
        require_over(command, heir, holder)


@scene(registry="etcd", only_at_length=True)
def command_is_gone_in_time_when_leased_stands_still(cluster):
    with without_watchdog(cluster, cluster["alpha"]):
        command, holder = start_command(cluster, "run-still")
        began = now()
        holder.kill(DAEMON, "STOP")
        heir = require_passed_on(cluster, command, holder, began)
        awake(cluster, holder)
        require_over(command, heir, holder)


@scene(registry="etcd", only_at_length=True)
def command_is_gone_in_time_when_both_are_killed(cluster):
    command, holder = start_command(cluster, "run-both-killed")
    began, pid = now(), str(holder.main_pid(DAEMON))
    holder.run("sh", "-c", f"pkill -KILL -x leasectl; kill -KILL {pid}")
    heir = command.wait_running(but=holder, deadline=cluster.takeover + 20)
    command.require_tenures(2)
    require("it was ended within ten seconds", command.tenures[0].last < began + 10 + 1, command.story)
    cluster.wait_ready(holder)
    require_over(command, heir, holder)


@scene(registry="etcd", only_at_length=True)
def command_is_gone_in_time_when_its_leasectl_is_killed_and_leased_stands_still(cluster):
    with without_watchdog(cluster, cluster["alpha"]):
        command, holder = start_command(cluster, "run-killed-still")
        began = now()
        holder.kill(DAEMON, "STOP")
        client_on(holder, "KILL")
        heir = require_passed_on(cluster, command, holder, began)
        awake(cluster, holder)
        require_over(command, heir, holder)


@scene(registry="etcd", only_at_length=True)
def command_ends_with_its_leasectl_and_the_lease_goes_on(cluster):
    command, holder = start_command(cluster, "run-killed")
    began = now()
    client_on(holder, "KILL")
    heir = command.wait_running(but=holder, deadline=20)
    require("it was ended within ten seconds", command.tenures[0].last < began + 10 + 1, command.story)
    command.require_gap(2)
    require_over(command, heir, holder)


@scene(registry="etcd", only_at_length=True)
def command_is_kept_while_its_leasectl_stands_still(cluster):
    command, holder = start_command(cluster, "run-kept")
    before = command.tenure
    client_on(holder, "STOP")
    command.hold_running(on=holder, duration=3 * cluster.ttl)
    command.require_undisturbed(before)
    client_on(holder, "CONT")


@scene(registry="etcd", only_at_length=True)
def command_goes_on_over_restarts_and_crashes_of_leased(cluster):
    command, holder = start_command(cluster, "run-steady")
    before = command.tenure
    for how in ("restart", "kill", "restart", "kill"):
        if how == "kill":
            holder.kill(DAEMON)
        else:
            holder.systemctl("restart", DAEMON)
        cluster.wait_ready(holder)
        command.hold_running(on=holder, duration=cluster.ttl)
    holder.systemctl("daemon-reexec")
    command.hold_running(on=holder, duration=cluster.ttl)
    command.require_undisturbed(before)


@scene(registry="etcd", only_at_length=True)
def killed_guard_takes_a_command_with_it(cluster):
    command, holder = start_command(cluster, "run-unguarded")
    holder.kill(GUARD)
    began = now()  # until then the guard may have heard of a beat
    heir = command.wait_running(but=holder, deadline=2 * cluster.takeover)
    command.require_stopped_in_time(command.tenures[0], began)
    wait_for("the guard is back", lambda: holder.state(GUARD) == "active", 10, command.story)
    require_over(command, heir, holder)


@scene(registry="etcd", only_at_length=True)
def command_on_a_machine_that_is_cut_off_is_gone_in_time(cluster):
    command, holder = start_command(cluster, "run-cut")
    began = now()
    holder.drop_packets()
    heir = require_passed_on(cluster, command, holder, began)
    holder.heal_network()
    cluster.etcd.wait_healthy(holder)
    require_over(command, heir, holder)


@scene(registry="etcd", only_at_length=True)
def command_does_not_come_back_with_its_machine(cluster):
    command, holder = start_command(cluster, "run-power")
    holder.power_cut()
    heir = command.wait_running(but=holder, deadline=cluster.takeover + 10)
    holder.boot()
    cluster.wait_ready(holder)
    cluster.etcd.wait_healthy(holder)
    require("nothing is left of it", not holder.run("sh", "-c", "ls /run/leased/runs 2>/dev/null", check=False).stdout)
    require_over(command, heir, holder)


@scene(registry="etcd", only_at_length=True)
def command_of_a_leasectl_that_waits_no_more_never_begins(cluster):
    """PID 1 stands still as the lease comes, and hears of the start when nobody waits for it any more."""
    command, holder = start_command(cluster, "run-late", "--children=1")
    next_one = next(machine for machine in cluster if machine is not holder)
    for machine in cluster:
        wait_for(f"it is wanted on {machine}", lambda each=machine: waiting_on(each), 10, command.story)
    for machine in cluster:
        if machine not in (holder, next_one):
            client_on(machine, "KILL")
    stall_first_process(next_one)
    client_on(holder, "TERM")
    command.wait_gone()
    wait_for("the lease has come", lambda: cluster.lease(next_one, command.name)[4] > 1, 15, command.story)
    client_on(next_one, "KILL")
    wait_until(now() + 1)
    wake_first_process(next_one)
    wait_for("the lease is given back", lambda: not cluster.lease(holder, command.name)[0], 20, command.story)
    command.require_tenures(1)


@scene(registry="etcd", only_at_length=True)
def steal_ends_a_command_before_the_thief_begins_another(cluster):
    command, holder = start_command(cluster, "run-stolen")
    thief = next(machine for machine in cluster if machine is not holder)
    thief.run("leasectl", "steal", wait_for("it waits there", lambda: waiting_on(thief), 10, command.story)[0])
    heir = command.wait_running(on=thief, deadline=cluster.takeover + 10)
    require_over(command, heir, holder)


@scene(registry="etcd", only_at_length=True)
def as_many_commands_run_at_once_as_there_are_slots(cluster):
    one, other = start_in_slots(cluster, "workers", 2)
    holder, second = one.wait_running(), other.wait_running()
    require("each slot is another machine's", holder is not second, one.story)
    third = next(machine for machine in cluster if machine not in (holder, second))
    before = other.tenure
    require(f"{third} waits", len(waiting_on(third)) == 1 and not units_on(third), one.story)
    holder.power_cut()
    one.wait_running(on=third, deadline=cluster.takeover + 5)
    other.require_undisturbed(before)
    require("never more than two run", one.running_on is third and other.running_on is second, one.story)
