# SPDX-License-Identifier: Apache-2.0
"""Units that do not end as they should. A row of the fault matrix each."""

from faults import STUBBORN, lose_lease_and_return, processes_of, require_stays, start_unit
from scene import scene
from waiting import hold_for, now, require, wait_for


@scene(registry="etcd", only_at_length=True)
def children_left_by_killmode_process_keep_the_lease_and_end_with_it(cluster):
    unit, holder = start_unit(cluster, "leftover.service", "--children=2", "KillMode=process")
    release = holder.start("leasectl", "release", unit.name)
    wait_for("its main process is gone", lambda: holder.state(unit.name) in ("inactive", "failed"), 10, unit.story)
    require("its children are left", processes_of(holder, unit) == 2, unit.story)
    hold_for("the lease stays", lambda: unit.running_on is holder, cluster.takeover, unit.story)
    release.kill()
    release.wait()
    lose_lease_and_return(cluster, unit, holder)


@scene(registry="etcd", only_at_length=True)
def children_left_by_killmode_process_are_gone_before_another_starts(cluster):
    unit, holder = start_unit(cluster, "leftover-cut.service", "--children=2", "KillMode=process")
    lose_lease_and_return(cluster, unit, holder)


@scene(registry="etcd")
def long_execstoppost_is_gone_before_another_starts(cluster):
    unit, holder = start_unit(cluster, "long-stop-post.service", "", "ExecStopPost=STAMP --ignore-term --life=30\nTimeoutStopSec=60")
    first = holder.main_pid(unit.name)
    heir = lose_lease_and_return(cluster, unit, holder)
    require("its ExecStopPost= was killed", holder.show(unit.name, "Result")["Result"] == "signal", unit.story)
    require("it had stamped until then", {each.pid for each in unit.stamps if each.machine == holder.name} > {first}, unit.story)
    heir.systemctl("kill", "--signal=KILL", unit.name)


@scene(registry="etcd")
def frozen_unit_is_gone_before_another_starts(cluster):
    unit, holder = start_unit(cluster, "frozen.service", STUBBORN)
    holder.systemctl("freeze", unit.name)
    began = now()
    holder.drop_packets()
    heir = unit.wait_running(but=holder, deadline=cluster.takeover + 10)
    left = processes_of(holder, unit)
    require(f"no process of it is left on {holder}, but {left}", left == 0, unit.story)
    unit.require_stopped_in_time(unit.tenures[0], began)
    holder.heal_network()
    cluster.etcd.wait_healthy(holder)
    require_stays(cluster, unit, heir, holder)


@scene(registry="etcd", only_at_length=True)
def unit_without_a_limit_to_its_stop_is_gone_before_another_starts(cluster):
    unit, holder = start_unit(cluster, "endless.service", STUBBORN, "TimeoutStopSec=infinity")
    lose_lease_and_return(cluster, unit, holder)
