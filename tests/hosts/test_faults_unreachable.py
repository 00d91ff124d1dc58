# SPDX-License-Identifier: Apache-2.0
"""A guard that lives and cannot be reached: its files were removed, it speaks another protocol, or it stands still without
anything to guard. Rows of the fault matrix."""

from cluster import DAEMON, GUARD
from faults import lose_lease_and_return, start_unit
from harm import install_foreign_guard, mount_over_run, remove_foreign_guard, umount_run
from scene import scene
from waiting import now, require, wait_for


def _why_not(machine, unit, other):
    said = machine.run("leasectl", "status", unit.name, check=False).stdout
    return [line for line in said.splitlines() if other.name in line and "leased-guard" in line]


def _require_undisturbed(cluster, unit, holder):
    """The unit runs on, and what was removed from /run/leased, or hidden, is there again."""
    unit.hold_running(on=holder, duration=cluster.ttl)
    unit.require_tenures(1)
    wait_for("guard and daemon have made their files anew",
             lambda: all(holder.exists(f"/run/leased/{each}") for each in
                         ("guard.sock", "session", f"held/{unit.name}", f"env/{unit.name}")), 20,
             lambda: holder.run("ls", "-lR", "/run/leased").stdout + unit.story())


@scene(registry="etcd")
def what_is_removed_from_run_does_not_disturb_and_everything_goes_on(cluster):
    unit, holder = start_unit(cluster, "emptied.service")
    holder.run("sh", "-c", "rm -rf /run/leased/*", check=False)  # an environment file is back at once, and its folder not empty
    _require_undisturbed(cluster, unit, holder)
    holder.systemctl("restart", DAEMON)
    cluster.wait_ready(holder)
    unit.hold_running(on=holder, duration=cluster.ttl)
    unit.require_tenures(1)
    lose_lease_and_return(cluster, unit, holder)


@scene(registry="etcd")
def whoever_is_started_as_run_is_covered_and_uncovered_knows_its_index(cluster):
    """PID 1 may start a unit by itself at any time, as the job of a timer or because of Restart=, and goes on without an environment
    file that is missing. So there is no gate without one; and below a mount that goes lies the one of an earlier Index."""
    unit, holder = start_unit(cluster, "covered.service")
    other = cluster.other(holder)
    gate, environment = (f"/run/leased/{each}/{unit.name}" for each in ("held", "env"))
    mount_over_run(holder, "mode=0755")
    seen = holder.run("sh", "-c", f"until test -e {gate}; do :; done; test -e {environment} && echo both", deadline=20).stdout.strip()
    require("when the gate is there again, so is the environment file", seen == "both", unit.story)
    for machine in (other, holder):
        cluster.other(machine).run("leasectl", "transfer", unit.name, machine.name)
        wait_for(f"{machine} runs it", lambda m=machine: m.state(unit.name) == "active", 10, unit.story)
        unit.hold_running(on=machine, duration=1.0)
    umount_run(holder)
    wait_for("the environment file is of the present Index, long before PID 1 is asked about the unit again",
             lambda: f"LEASE_INDEX={unit.tenure.index}\n" in holder.run("cat", environment).stdout, 1.5,
             lambda: holder.run("cat", environment).stdout + unit.story())
    unit.hold_running(on=holder, duration=1.0)


@scene(registry="etcd", only_at_length=True)
def cleaned_machine_takes_part_again(cluster):
    unit, holder = start_unit(cluster, "cleaned.service")
    other = cluster.other(holder)
    guard = other.main_pid(GUARD)
    other.systemctl("stop", DAEMON)
    other.run("rm", "-rf", "/run/leased")
    other.systemctl("start", DAEMON)
    cluster.wait_ready(other)
    wait_for(f"{holder} hears of {other}, and may hand the unit to it",
             lambda: holder.run("leasectl", "transfer", unit.name, other.name, check=False).returncode == 0, 10, unit.story)
    unit.wait_running(deadline=2 * cluster.takeover)
    wait_for(f"{other} runs it", lambda: other.state(unit.name) == "active", 5, unit.story)
    require("the guard is the same", other.main_pid(GUARD) == guard)
    unit.hold_running(on=other, duration=1.0)


@scene(registry="etcd", only_at_length=True)
def guard_of_another_protocol_is_as_good_as_none(cluster):
    unit, holder = start_unit(cluster, "foreign.service")
    other = cluster.other(holder)
    first = other.main_pid(GUARD)
    install_foreign_guard(other)
    wait_for("the foreign guard runs", lambda: other.state(GUARD) == "active" and other.main_pid(GUARD) not in (0, first), 20,
             unit.story)
    wait_for("its machine says that it cannot run anything", lambda: _why_not(holder, unit, other), 3 * cluster.ttl, unit.story)
    holder.run("leasectl", "release", unit.name)
    heir = unit.wait_running(but=holder, deadline=2 * cluster.takeover)
    require(f"{heir} is not the machine with the foreign guard", heir is not other, unit.story)
    remove_foreign_guard(other)
    wait_for("its daemon has had the guard replaced", lambda: not _why_not(holder, unit, other), 60, unit.story)
    began = now()
    heir.run("leasectl", "transfer", unit.name, other.name)
    wait_for(f"{other} runs it", lambda: other.state(unit.name) == "active", 10, unit.story)
    require("at once", now() - began < 10)
    unit.hold_running(on=other, duration=1.0)


@scene(registry="etcd", only_at_length=True)
def guard_that_stands_still_with_nothing_to_guard_attracts_nothing_for_long(cluster):
    unit, holder = start_unit(cluster, "idle-guard.service")
    other = cluster.other(holder)
    other.kill(GUARD, "STOP")
    holder.run("leasectl", "transfer", unit.name, other.name, check=False)
    wait_for("it runs again", lambda: len(unit.tenures) > 1, 6 * cluster.ttl, unit.story)
    unit.hold_running(on=unit.wait_running(deadline=1), duration=1.0)
    wait_for("the guard has been replaced", lambda: other.state(GUARD) == "active" and not _why_not(holder, unit, other), 90,
             unit.story)


@scene(registry="etcd", only_at_length=True)
def what_is_mounted_over_run_does_not_disturb_and_may_go_again(cluster):
    """Guard and daemon make their files anew, first below the mount and then, when that is gone, where they were. A gate of
    then does not outlive its time, and the unit never starts with the token of then, or without one."""
    unit, holder = start_unit(cluster, "covered.service", service="Restart=on-failure\nRestartSec=100ms\n")
    other = cluster.other(holder)
    mount_over_run(holder, "mode=0755")
    _require_undisturbed(cluster, unit, holder)
    holder.kill(unit.name)
    wait_for("PID 1 has started it again", lambda: holder.show(unit.name, "NRestarts", "ActiveState") == {
        "NRestarts": "1", "ActiveState": "active"}, 10, unit.story)
    unit.wait_running(on=holder, deadline=5)
    holder.systemctl("restart", DAEMON)
    cluster.wait_ready(holder)
    unit.hold_running(on=holder, duration=cluster.ttl)
    holder.run("leasectl", "transfer", unit.name, other.name)
    wait_for(f"{other} runs it", lambda: other.state(unit.name) == "active", 10, unit.story)
    umount_run(holder)  # the guard's files of now are in it
    wait_for("the gate from before the mount has been removed", lambda: not holder.exists(f"/run/leased/held/{unit.name}"), 10,
             lambda: holder.run("ls", "-lR", "/run/leased").stdout + unit.story())
    refused = holder.systemctl("start", unit.name, check=False)
    require("nobody starts it there", refused.returncode != 0, unit.story)
    wait_for(f"{holder} can be given the unit again",
             lambda: other.run("leasectl", "transfer", unit.name, holder.name, check=False).returncode == 0, 20, unit.story)
    wait_for(f"{holder} runs it", lambda: holder.state(unit.name) == "active", 10, unit.story)
    unit.hold_running(on=holder, duration=cluster.ttl)


@scene(registry="etcd", only_at_length=True)
def machine_whose_run_cannot_be_written_says_so_and_the_unit_runs_elsewhere(cluster):
    unit, holder = start_unit(cluster, "sealed.service")
    mount_over_run(holder, "ro")
    heir = unit.wait_running(but=holder, deadline=6 * cluster.ttl)
    wait_for("the others are told that it does not run there",
             lambda: f"Not on {holder.name}" in heir.run("leasectl", "status", unit.name).stdout, 3 * cluster.ttl, unit.story)
    require("the holder's guard says why", "Read-only file system" in holder.run(
        "journalctl", "-b", "-o", "cat", "-u", GUARD, "--no-pager").stdout, unit.story)
    unit.hold_running(on=heir, duration=cluster.ttl)
    umount_run(holder)
    wait_for(f"{holder} can be given the unit again",
             lambda: heir.run("leasectl", "transfer", unit.name, holder.name, check=False).returncode == 0, 60, unit.story)
    wait_for(f"{holder} runs it", lambda: holder.state(unit.name) == "active", 10, unit.story)
    unit.hold_running(on=holder, duration=1.0)
