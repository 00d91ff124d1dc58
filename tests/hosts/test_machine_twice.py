# SPDX-License-Identifier: Apache-2.0
"""A copied machine, with the machine id and the memory of the one that it was copied from."""

from cluster import DAEMON
from scene import scene
from waiting import require, wait_for

MACHINE_ID = "/etc/machine-id"
MEMORY = "/var/lib/leased/state.json"


@scene(registry="etcd")
def second_machine_with_one_machine_id_refuses_loudly(cluster):
    unit = cluster.unit("twin.service").enable()
    holder = unit.wait_running()
    before = unit.tenure
    copy = cluster.other(holder)
    own = {path: copy.read(path) for path in (MACHINE_ID, MEMORY)}
    copy.power_cut()
    for path in own:
        copy.write(path, holder.read(path))
    copy.boot()
    cluster.wait_ready(copy)
    try:
        wait_for(f"{copy} says that its machine id is another's",
                 lambda: "machine id" in copy.journal(200, DAEMON), 2 * cluster.ttl, unit.story)
        wait_for(f"leasectl status on {copy} says so", lambda: "machine id" in cluster.status(copy), 5,
                 lambda: cluster.status(copy) + unit.story())
        unit.hold_running(on=holder, duration=cluster.takeover)
        unit.require_undisturbed(before)

        holder.run("leasectl", "release", unit.name)
        heir = unit.wait_running(but=holder)
        require(f"{copy} does not compete", heir is not copy, unit.story)
    finally:
        copy.power_cut()
        for path, text in own.items():
            copy.write(path, text)
