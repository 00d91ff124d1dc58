# SPDX-License-Identifier: Apache-2.0
"""The machine around it: half deaf, full, slow, upgraded, frozen. A row of the fault matrix each."""

import timeline
from cluster import DAEMON, GUARD
from faults import STUBBORN, holder_in_registry, lose_lease_and_return, require_passed_on, require_stays, start_unit
from harm import empty_run, fill_run, reinstall
from scene import scene
from waiting import now, require, wait_for

NEIGHBOUR = """\
[Unit]
Description=Something else that takes its time at shutdown
After={daemon}

[Service]
ExecStart=sleep infinity
ExecStop=sleep 6
"""


def _half_deaf(cluster, **direction):
    unit, holder = start_unit(cluster, "half-deaf.service", STUBBORN)
    began = now()
    holder.drop_packets(**direction)
    heir = require_passed_on(cluster, unit, holder, began)
    unit.hold_running(on=heir, duration=max(0.0, began + 2 * cluster.ttl - now()))
    holder.heal_network()
    cluster.etcd.wait_healthy(holder)
    require_stays(cluster, unit, heir, holder)


@scene(registry="etcd")
def machine_that_only_hears_loses_its_unit_in_time(cluster):
    _half_deaf(cluster, incoming=False)


@scene(registry="etcd", only_at_length=True)
def machine_that_is_only_heard_loses_its_unit_in_time(cluster):
    _half_deaf(cluster, outgoing=False)


@scene(registry="etcd", only_at_length=True)
def full_run_disturbs_no_unit_and_saves_none(cluster):
    unit, holder = start_unit(cluster, "full-run.service", STUBBORN)
    before = unit.tenure
    fill_run(holder)
    unit.hold_running(on=holder, duration=cluster.takeover)
    unit.require_undisturbed(before)
    lose_lease_and_return(cluster, unit, holder)
    empty_run(holder)


@scene(registry="etcd")
def machine_with_a_full_run_keeps_no_unit_from_the_others(cluster):
    old, full, other = cluster
    unit = cluster.unit("full-run-heir.service").enable(old)
    unit.wait_running(on=old)
    unit.enable(full)
    fill_run(full)
    old.run("leasectl", "release", unit.name)
    unit.wait_gone()
    wait_for(f"{full} has tried", lambda: holder_in_registry(cluster, unit, old) is full, 10, unit.story)
    unit.enable(other)
    unit.wait_running(on=other, deadline=20)
    unit.require_tenures(2)
    empty_run(full)


@scene(registry="etcd")
def machine_that_takes_long_to_shut_down_hands_its_unit_over_first(cluster):
    unit, holder = start_unit(cluster, "slow-shutdown.service")
    holder.write("/run/systemd/system/neighbour.service", NEIGHBOUR.format(daemon=DAEMON))
    holder.systemctl("daemon-reload")
    holder.systemctl("start", "neighbour.service")
    holder.begin_shutdown()
    heir = unit.wait_running(but=holder)
    require(f"{holder} is still on", holder.is_on, unit.story)
    holder.wait_off(60)
    unit.require_gap(2.0)
    unit.hold_running(on=heir, duration=1.0)
    unit.require_tenures(2)


@scene(registry="etcd")
def upgrade_of_daemon_and_guard_disturbs_no_unit(cluster):
    unit, holder = start_unit(cluster, "upgrade.service")
    before, guard = unit.tenure, holder.main_pid(GUARD)
    for name in ("leased", "leased-guard"):
        reinstall(holder, f"/usr/lib/leased/{name}")
    holder.systemctl("daemon-reload")
    holder.systemctl("restart", DAEMON)
    cluster.wait_ready(holder)
    unit.hold_running(on=holder, duration=cluster.takeover)
    unit.require_undisturbed(before)
    require("the old guard goes on with the new daemon", holder.main_pid(GUARD) == guard, unit.story)
    holder.systemctl("reload", GUARD)
    program = ("test", f"/proc/{guard}/exe", "-ef", "/usr/lib/leased/leased-guard")
    require("the new guard is in force", holder.run(*program, check=False).returncode == 0, unit.story)
    unit.hold_running(on=holder, duration=cluster.takeover)
    unit.require_undisturbed(before)
    require("in the same process", holder.main_pid(GUARD) == guard, unit.story)
    holder.kill(GUARD)
    wait_for("a new guard runs", lambda: holder.main_pid(GUARD) not in (0, guard), 10, unit.story)
    wait_for("it runs again", lambda: len(unit.tenures) > 1, 3 * cluster.takeover, unit.story)


@scene(registry="etcd")
def machine_that_was_frozen_as_a_whole_lives_on_but_for_a_moment(cluster):
    """The one row with an overlap: the frozen machine's unit goes on until its guard has its first turn."""
    unit, holder = start_unit(cluster, "frozen-guest.service", STUBBORN)
    unit.met = 0.0
    holder.freeze()
    heir = unit.wait_running(but=holder, deadline=cluster.takeover + 10)
    began = now()
    wait_for("two leases have passed", lambda: now() > began + 2 * cluster.ttl, 3 * cluster.ttl)
    thawed = now()
    holder.thaw()
    cluster.etcd.wait_healthy(holder)
    wait_for("the old one is gone", lambda: unit.running_on is heir, 5, unit.story)
    unit.hold_running(on=heir, duration=cluster.ttl)
    unit.require_tenures(2)
    unit.met = max(0.0, unit.tenures[0].last - thawed)
    require(f"both lived for {unit.met:.3f} s", unit.met < 0.5, unit.story)
    require("the token tells them apart", timeline.tokens_grow(unit.stamps), unit.story)
