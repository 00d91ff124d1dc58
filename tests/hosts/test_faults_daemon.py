# SPDX-License-Identifier: Apache-2.0
"""The daemon and the guard: frozen, killed, late. A row of the fault matrix each."""

from cluster import DAEMON, GUARD
from faults import (STUBBORN, holder_in_registry, lose_lease_and_return, require_passed_on, require_stays, set_watchdog,
                    stall_first_process, start_unit, wait_until, wake_first_process)
from harm import KILL_ALL_OF_GUARD, kill_by_control_group, lock_files, unlock_files
from scene import scene
from waiting import now, require, wait_for


@scene(registry="etcd")
def daemon_that_wakes_after_its_lease_is_no_trouble(cluster):
    unit, holder = start_unit(cluster, "asleep.service", STUBBORN)
    set_watchdog(cluster, holder, on=False)
    began = now()
    holder.kill(DAEMON, "STOP")
    heir = require_passed_on(cluster, unit, holder, began)
    unit.hold_running(on=heir, duration=max(0.0, began + (60 if cluster.at_length else 2 * cluster.ttl) - now()))
    holder.kill(DAEMON, "CONT")
    cluster.wait_ready(holder)
    require_stays(cluster, unit, heir, holder)
    set_watchdog(cluster, holder, on=True)


@scene(registry="etcd")
def daemon_that_is_killed_while_a_unit_takes_long_to_stop_is_back_before_the_others_are_lost(cluster):
    slow = cluster.unit("stops-slowly.service", "--stop=20", "TimeoutStopSec=60").enable()
    holder = slow.wait_running()
    beside = cluster.unit("beside-it.service")
    beside.enable(holder, *(each for each in cluster if each is not holder))
    beside.wait_running(on=holder)
    before, daemon = beside.tenure, holder.main_pid(DAEMON)
    release = holder.start("leasectl", "release", slow.name)
    wait_for("it is being stopped", lambda: holder.state(slow.name) == "deactivating", 5, slow.story)
    holder.kill(DAEMON)
    wait_for("leased is back", lambda: holder.main_pid(DAEMON) not in (0, daemon), cluster.ttl / 2, cluster.journals)
    cluster.wait_ready(holder)
    beside.hold_running(on=holder, duration=cluster.takeover)
    beside.require_undisturbed(before)
    release.kill()
    release.wait()
    wait_for("it has ended, and runs again", lambda: len(slow.tenures) > 1 and slow.running_on, 40, slow.story)
    beside.require_undisturbed(before)


@scene(registry="etcd", only_at_length=True)
def daemon_that_stands_still_is_replaced_by_systemd(cluster):
    unit, holder = start_unit(cluster, "watchdog.service")
    began, pid = now(), holder.main_pid(DAEMON)
    holder.kill(DAEMON, "STOP")
    heir = require_passed_on(cluster, unit, holder, began)
    wait_for("systemd has another daemon running", lambda: holder.main_pid(DAEMON) not in (0, pid), 20, unit.story)
    cluster.wait_ready(holder)
    require_stays(cluster, unit, heir, holder)


def _comes_back(cluster, unit, holder, began):
    """The unit stopped within what the guard could vouch for, and runs again, once, somewhere. The argument began is when the
    guard was surely gone or stopped: until then it may have heard of a beat."""
    wait_for("it runs again", lambda: len(unit.tenures) > 1, 3 * cluster.takeover, unit.story)
    unit.require_stopped_in_time(unit.tenures[0], began)
    machine = unit.wait_running(deadline=2 * cluster.takeover)
    wait_for("the guard is back", lambda: holder.state(GUARD) == "active", 10, unit.story)
    unit.hold_running(on=machine, duration=cluster.ttl)
    unit.require_tenures(2)


@scene(registry="etcd")
def guard_that_stands_still_takes_its_unit_with_it(cluster):
    unit, holder = start_unit(cluster, "still-guard.service", STUBBORN)
    holder.kill(GUARD, "STOP")
    _comes_back(cluster, unit, holder, now())


@scene(registry="etcd")
def killed_guard_takes_its_unit_with_it(cluster):
    unit, holder = start_unit(cluster, "dead-guard.service", STUBBORN)
    holder.kill(GUARD)
    _comes_back(cluster, unit, holder, now())


@scene(registry="etcd", only_at_length=True)
def guard_killed_again_and_again_with_what_cleans_up_after_it_takes_its_unit_with_it(cluster):
    unit, holder = start_unit(cluster, "no-wipe.service", STUBBORN)
    holder.run("sh", "-c", KILL_ALL_OF_GUARD)
    wait_for("another guard has ended it, and it runs again", lambda: len(unit.tenures) > 1, 20, unit.story)
    unit.hold_running(on=unit.wait_running(), duration=cluster.ttl)
    unit.require_tenures(2)


@scene(registry="etcd", ttl=5.0)
def guard_killed_with_what_cleans_up_after_it_as_the_lease_is_lost_is_back_before_another_starts(cluster):
    """Nobody but another guard kills what does not listen to PID 1, and PID 1 starts none by itself."""
    unit, holder = start_unit(cluster, "no-wipe-no-lease.service", STUBBORN, "TimeoutStopSec=60")
    holder.run("env", "ETCDCTL_API=3", "etcdctl", "del", "--prefix", "/leased/fences/")
    wait_until(now() + 1)
    holder.run("sh", "-c", KILL_ALL_OF_GUARD)
    wait_for("another guard has ended it, and it runs again", lambda: len(unit.tenures) > 1, 20, unit.story)
    unit.hold_running(on=unit.wait_running(), duration=cluster.ttl)
    unit.require_tenures(2)


@scene(registry="etcd", only_at_length=True)
def guard_killed_with_what_cleans_up_after_it_and_then_the_daemon_end_the_unit_before_another_starts(cluster):
    unit, holder = start_unit(cluster, "no-wipe-no-daemon.service", STUBBORN, "TimeoutStopSec=60")
    holder.run("sh", "-c", KILL_ALL_OF_GUARD)
    holder.kill(DAEMON)
    wait_for("another guard has ended it, and it runs again", lambda: len(unit.tenures) > 1, 20, unit.story)
    unit.hold_running(on=unit.wait_running(), duration=cluster.ttl)
    unit.require_tenures(2)


@scene(registry="etcd")
def guard_killed_by_its_control_group_takes_its_unit_with_it_without_the_daemon(cluster):
    unit, holder = start_unit(cluster, "dead-group.service", STUBBORN)
    set_watchdog(cluster, holder, on=False)
    began = now()
    holder.kill(DAEMON, "STOP")
    kill_by_control_group(holder, GUARD)
    heir = require_passed_on(cluster, unit, holder, began)
    holder.kill(DAEMON, "CONT")
    cluster.wait_ready(holder)
    require_stays(cluster, unit, heir, holder)
    set_watchdog(cluster, holder, on=True)


@scene(registry="etcd", only_at_length=True)
def guard_killed_by_systemctl_takes_its_unit_with_it_while_cut_off(cluster):
    unit, holder = start_unit(cluster, "dead-and-cut.service", STUBBORN)
    lose_lease_and_return(cluster, unit, holder, lambda began: holder.systemctl("kill", "--signal=KILL", GUARD))


@scene(registry="etcd")
def lock_of_a_user_on_the_files_of_a_guard_keeps_nothing_alive(cluster):
    unit, holder = start_unit(cluster, "locked-guard.service", STUBBORN)
    set_watchdog(cluster, holder, on=False)
    lock_files(holder)
    wait_for("a user tries for every file", lambda: holder.run("pgrep", "-u", "nobody", check=False).stdout, 10)
    began = now()
    holder.kill(DAEMON, "STOP")
    holder.kill(GUARD)
    heir = require_passed_on(cluster, unit, holder, began)
    holder.kill(DAEMON, "CONT")
    cluster.wait_ready(holder)
    wait_for("there is a guard again, whatever a user has locked", lambda: holder.state(GUARD) == "active", 20, unit.story)
    require_stays(cluster, unit, heir, holder)
    unlock_files(holder)
    set_watchdog(cluster, holder, on=True)


@scene(registry="etcd")
def daemon_and_guard_that_stand_still_lose_the_unit_in_time(cluster):
    unit, holder = start_unit(cluster, "both-still.service", STUBBORN)
    set_watchdog(cluster, holder, on=False)
    began = now()
    holder.kill(DAEMON, "STOP")
    holder.kill(GUARD, "STOP")
    heir = require_passed_on(cluster, unit, holder, began)
    wait_until(began + 2 * cluster.ttl)
    holder.kill(DAEMON, "CONT")
    cluster.wait_ready(holder)
    require_stays(cluster, unit, heir, holder)
    set_watchdog(cluster, holder, on=True)


@scene(registry="etcd")
def daemon_and_guard_killed_at_once_lose_the_unit_in_time(cluster):
    unit, holder = start_unit(cluster, "both-dead.service", STUBBORN)
    holder.run("kill", "-KILL", *(str(holder.main_pid(each)) for each in (DAEMON, GUARD)))
    _comes_back(cluster, unit, holder, now())
    cluster.wait_ready(holder)


@scene(registry="etcd")
def guard_that_stands_still_while_the_lease_is_lost_is_ended_in_time(cluster):
    unit, holder = start_unit(cluster, "still-and-cut.service", STUBBORN)
    lose_lease_and_return(cluster, unit, holder, lambda began: holder.kill(GUARD, "STOP"))


def _acquire_while_frozen(cluster, unit, old, new, freeze):
    """The lease passes from one machine to the other, and freeze() falls on that one between the registry's yes and the
    gate. Its guard is held up meanwhile, so that there is time."""
    unit.enable(old)
    unit.wait_running(on=old)
    unit.enable(new)
    guard = str(new.main_pid(GUARD))
    new.run("kill", "-STOP", guard)
    release = old.start("leasectl", "release", unit.name)
    wait_for(f"the registry names {new}", lambda: holder_in_registry(cluster, unit, new) is new, 20, unit.story)
    freeze()
    new.run("kill", "-CONT", guard)
    release.kill()
    release.wait()


@scene(registry="etcd")
def daemon_paused_before_the_gate_does_not_start_the_unit_after_its_lease(cluster):
    old, late, heir = cluster
    unit = cluster.unit("paused.service")
    set_watchdog(cluster, late, on=False)
    _acquire_while_frozen(cluster, unit, old, late, lambda: late.kill(DAEMON, "STOP"))
    began = now()
    unit.enable(heir)
    unit.wait_running(on=heir, deadline=cluster.takeover + 5)
    unit.hold_running(on=heir, duration=max(0.0, began + 2 * cluster.ttl - now()))
    late.kill(DAEMON, "CONT")
    cluster.wait_ready(late)
    require_stays(cluster, unit, heir, late)
    require("its gate is shut", not late.exists(f"/run/leased/held/{unit.name}"), unit.story)
    set_watchdog(cluster, late, on=True)


@scene(registry="etcd")
def start_that_systemd_hears_after_the_lease_is_refused(cluster):
    old, late, heir = cluster
    unit = cluster.unit("late-start.service")
    _acquire_while_frozen(cluster, unit, old, late, lambda: stall_first_process(late))
    gate = f"/run/leased/held/{unit.name}"
    wait_for("the gate is open and the start is asked for", lambda: late.exists(gate), 5, unit.story)
    late.drop_packets()
    unit.enable(heir)
    unit.wait_running(on=heir, deadline=cluster.takeover + 5)
    require("its gate is shut", not late.exists(gate), unit.story)
    wake_first_process(late)
    late.heal_network()
    cluster.etcd.wait_healthy(late)
    require_stays(cluster, unit, heir, late)
