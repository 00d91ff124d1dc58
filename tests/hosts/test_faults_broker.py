# SPDX-License-Identifier: Apache-2.0
"""dbus-broker as the system bus: restarted, killed, and standing still. A row of the fault matrix each."""

from faults import STUBBORN, lose_lease_and_return, start_unit
from scene import scene
from waiting import require

BROKER = {"registry": "etcd", "bus": "dbus-broker", "needs": ("/usr/bin/dbus-broker-launch",), "only_at_length": True}


def _go_on(cluster, unit, holder, before):
    """Nothing happens to the unit, and then it obeys."""
    unit.hold_running(on=holder, duration=cluster.takeover)
    unit.require_undisturbed(before)
    cluster.wait_ready(holder)
    holder.run("leasectl", "release", unit.name)
    unit.wait_running(but=holder)


def _require_broker(holder):
    name = holder.run("cat", f"/proc/{holder.bus_process}/comm").stdout.strip()
    require(f"the bus is dbus-broker, not {name}", name == "dbus-broker")


@scene(**BROKER)
def restart_of_dbus_broker_disturbs_no_unit(cluster):
    unit, holder = start_unit(cluster, "broker.service")
    _require_broker(holder)
    before = unit.tenure
    holder.systemctl("restart", "dbus.service")
    _go_on(cluster, unit, holder, before)


@scene(**BROKER)
def dbus_broker_that_is_killed_disturbs_no_unit(cluster):
    unit, holder = start_unit(cluster, "broker-killed.service")
    _require_broker(holder)
    before = unit.tenure
    holder.run("kill", "-KILL", holder.bus_process)
    _go_on(cluster, unit, holder, before)


@scene(**BROKER)
def dbus_broker_that_stands_still_while_the_lease_is_lost_saves_no_unit(cluster):
    unit, holder = start_unit(cluster, "broker-and-cut.service", STUBBORN)
    _require_broker(holder)
    bus = holder.bus_process
    lose_lease_and_return(cluster, unit, holder, lambda began: holder.run("kill", "-STOP", bus))
    holder.run("kill", "-CONT", bus)
    cluster.wait_ready(holder)
