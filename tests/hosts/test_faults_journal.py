# SPDX-License-Identifier: Apache-2.0
"""A journald that stands still, and has no room left for anybody: nothing waits for it. A row of the fault matrix."""

from cluster import DAEMON, GUARD
from faults import start_unit
from harm import stall_journal, wake_journal
from scene import scene
from waiting import now, require


@scene(registry="etcd", only_at_length=True)
def journald_that_stands_still_delays_neither_release_nor_fence(cluster):
    unit, holder = start_unit(cluster, "unheard.service")
    machines = {holder}
    try:
        stall_journal(holder)
        unit.hold_running(on=holder, duration=cluster.ttl)
        pids = [holder.main_pid(each) for each in (DAEMON, GUARD)]
        began = now()
        holder.run("leasectl", "release", unit.name)
        heir = unit.wait_running(but=holder, deadline=cluster.takeover)
        require("the holder let go of it in time", now() - began < cluster.takeover, unit.story)

        machines.add(heir)
        stall_journal(heir)
        pids += [heir.main_pid(each) for each in (DAEMON, GUARD)]
        began = now()
        heir.drop_packets()
        last = unit.wait_running(but=heir, deadline=cluster.takeover + 10)
        unit.require_stopped_in_time(unit.tenures[1], began)
        heir.heal_network()
        cluster.etcd.wait_healthy(heir)
        unit.hold_running(on=last, duration=cluster.ttl)
        unit.require_tenures(3)
        require("nobody was ended for standing still", pids == [machine.main_pid(each) for machine in (holder, heir)
                                                                for each in (DAEMON, GUARD)], unit.story)
    finally:
        for machine in machines:
            wake_journal(machine)
