# SPDX-License-Identifier: Apache-2.0
"""The daemon goes, or its guard: for a moment, on purpose, or for good."""

from cluster import DAEMON, GUARD
from scene import scene
from waiting import require, wait_for

STAY_DOWN = "/run/systemd/system/leased.service.d/stay-down.conf"
NO_GUARD = "/run/systemd/system/leased-guard.service.d/no-guard.conf"


def _require_undisturbed(cluster, unit, holder, before):
    """Still the same tenure, after longer than a lease lives without beats."""
    unit.hold_running(on=holder, duration=cluster.takeover)
    tenure = unit.tenure
    require("the unit was not restarted (same InvocationID)", tenure.invocation == before.invocation, unit.story)
    require("the lease did not change hands (same Index)",
            cluster.lease(holder, unit.name)[4] == before.index, unit.story)
    require(f"no gap: its longest silence was {tenure.silence:.3f} s", tenure.silence < 0.5, unit.story)


@scene
def killed_daemon_that_is_restarted_leaves_the_unit_alone(cluster):
    unit = cluster.unit("crash.service").enable()
    holder = unit.wait_running()
    before, pid = unit.tenure, holder.main_pid(DAEMON)
    holder.kill(DAEMON)
    wait_for("systemd has restarted leased", lambda: holder.main_pid(DAEMON) not in (0, pid), 10, unit.story)
    cluster.wait_ready(holder)
    _require_undisturbed(cluster, unit, holder, before)


@scene(only_at_length=True)  # upgrade_of_daemon_and_guard_... restarts it, too
def restart_of_the_daemon_leaves_the_unit_alone(cluster):
    unit = cluster.unit("restart.service").enable()
    holder = unit.wait_running()
    before = unit.tenure
    holder.systemctl("restart", DAEMON)
    cluster.wait_ready(holder)
    _require_undisturbed(cluster, unit, holder, before)


def _kill_for_good(machine):
    machine.write(STAY_DOWN, "[Service]\nRestart=no\n")
    machine.systemctl("daemon-reload")
    machine.kill(DAEMON)


def _bring_back(cluster, machine):
    machine.remove(STAY_DOWN)
    machine.systemctl("daemon-reload")
    machine.systemctl("reset-failed", DAEMON, check=False)
    machine.systemctl("start", DAEMON)
    cluster.wait_ready(machine)


@scene(only_at_length=True)  # the next one asks more
def killed_daemon_that_stays_down_loses_the_unit_to_the_other_machine(cluster):
    unit = cluster.unit("orphan.service").enable()
    holder = unit.wait_running()
    _kill_for_good(holder)
    unit.wait_running(on=cluster.other(holder), deadline=cluster.takeover + 5)
    require("the guard stopped it where it was", holder.state(unit.name) in ("inactive", "failed"), unit.story)
    _bring_back(cluster, holder)


@scene
def guard_kills_what_ignores_sigterm_when_the_daemon_stays_down(cluster):
    unit = cluster.unit("stubborn-orphan.service", "--ignore-term --children=3", "TimeoutStopSec=90").enable()
    holder = unit.wait_running()
    _kill_for_good(holder)
    unit.wait_running(on=cluster.other(holder), deadline=cluster.takeover + 5)
    _bring_back(cluster, holder)


@scene
def stopped_daemon_releases_only_after_the_last_process_is_gone(cluster):
    unit = cluster.unit("slow.service", "--stop=7", "TimeoutStopSec=30").enable()
    holder = unit.wait_running()
    stop = holder.start("systemctl", "stop", DAEMON)
    unit.wait_running(on=cluster.other(holder))
    require("systemctl stop leased succeeded", stop.wait(20) == 0, unit.story)
    old = unit.tenures[-2]
    require("it had its 7 s to stop", old.last - old.first >= 7, unit.story)
    unit.require_gap(1.0)
    holder.systemctl("start", DAEMON)
    cluster.wait_ready(holder)


@scene
def machine_whose_guard_stays_away_hands_its_unit_over(cluster):
    unit = cluster.unit("guardless.service").enable()
    holder = unit.wait_running()
    other = cluster.other(holder)
    holder.write(NO_GUARD, "[Service]\nExecStartPre=/bin/false\n")
    holder.systemctl("daemon-reload")
    holder.kill(GUARD)
    unit.wait_running(on=other, deadline=cluster.takeover + 10)
    unit.require_tenures(2)
    require("it says why it does not run there", "leased-guard.service does not run there" in
            other.run("leasectl", "status", unit.name).stdout, unit.story)
    holder.remove(NO_GUARD)
    holder.systemctl("daemon-reload")
    wait_for("leased has started the guard again", lambda: holder.state(GUARD) == "active", 20, unit.story)
    wait_for(f"it may come back to {holder}", lambda: "does not run" not in other.run("leasectl", "status", unit.name).stdout, 10,
             unit.story)
    other.run("leasectl", "release", unit.name)
    unit.wait_running(on=holder)
