# SPDX-License-Identifier: Apache-2.0
"""An address that goes with a unit: no process, so no SIGKILL ends it; ExecStopPost= takes it away. A row of the fault matrix
each."""

import os

import layer
import timeline
from cluster import GUARD
from faults import lose_lease, require_stays
from scene import scene
from waiting import require, wait_for

FLOATING = "10.77.0.200"
# It takes longer than the guard's next round.
SERVICE = f"""ExecStartPost=ip address add {FLOATING}/32 dev host0
{{stop}}
ExecStopPost=sleep 0.1
ExecStopPost=ip address del {FLOATING}/32 dev host0
TimeoutStopSec=60"""
HANGING = "ExecStop=sleep infinity"
WITNESS = "witness.service"


class Address:
    """The floating address as a witness on each machine sees it, many times a second."""

    def __init__(self, cluster, name):
        self._cluster = cluster
        self._file = f"address-{cluster.number_stamps()}-{name}"
        for machine in cluster:
            machine.write(f"/run/systemd/system/{WITNESS}",
                          f"[Service]\nExecStart={layer.STAMPER} --address={FLOATING} /shared/{self._file}\n")
            machine.systemctl("daemon-reload")
            machine.run("ip", "address", "del", f"{FLOATING}/32", "dev", "host0", check=False)  # of a scene that failed
            machine.systemctl("restart", WITNESS)

    @property
    def stamps(self):
        path = os.path.join(self._cluster.rack.shared, self._file)
        if not os.path.exists(path):
            return []
        with open(path) as file:
            return timeline.parse(file.read())

    def machines(self):
        """Who has or had it, in this order."""
        return [run.machine for run in timeline.runs_of(self.stamps)]

    def story(self):
        return timeline.table_of(self.stamps)

    def dismiss(self):
        for machine in self._cluster:
            machine.systemctl("stop", WITNESS)


def _is_there(machine):
    return FLOATING in machine.run("ip", "address", "show", "dev", "host0").stdout


def _move_by_fault(cluster, name, stop, fault=lambda holder: None):
    """The unit and its address, lost by a machine that is cut off and struck by the fault at once."""
    address = Address(cluster, name)
    unit = cluster.unit(name, "", SERVICE.format(stop=stop)).enable()
    holder = unit.wait_running()
    wait_for("the address is there", lambda: address.machines() == [holder.name], 10, address.story)
    heir = lose_lease(cluster, unit, holder, lambda began: fault(holder))
    wait_for(f"{heir} has the address", lambda: heir.name in address.machines(), 10, address.story)
    overlap = timeline.overlap_of(address.stamps)
    require(f"two machines had the address for {overlap:.3f} s", overlap == 0, lambda: address.story() + unit.story())
    require(f"the address is not on {holder}", not _is_there(holder), unit.story)
    cluster.etcd.wait_healthy(holder)
    require_stays(cluster, unit, heir, holder)
    address.dismiss()


@scene(registry="etcd")
def address_of_a_unit_with_a_hanging_stop_is_gone_before_another_has_it(cluster):
    _move_by_fault(cluster, "floating.service", HANGING)


@scene(registry="etcd")
def address_of_a_unit_whose_guard_is_killed_is_gone_before_another_has_it(cluster):
    _move_by_fault(cluster, "floating-guard.service", HANGING, lambda holder: holder.kill(GUARD))


@scene(registry="etcd", only_at_length=True)
def address_of_a_unit_that_stops_by_itself_is_gone_before_another_has_it(cluster):
    _move_by_fault(cluster, "floating-plain.service", "")
