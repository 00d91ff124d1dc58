# SPDX-License-Identifier: Apache-2.0
"""Words that the scenes of the fault matrix share: how a holder loses its lease, and what must be so afterwards."""

import base64
import json
import os
import signal

from cluster import DAEMON
from waiting import now, require, wait_for

GONE = ("inactive", "failed")
STUBBORN = "--ignore-term --children=2"


def start_unit(cluster, name, options="", service=""):
    """A unit enabled everywhere, and the machine that holds it."""
    unit = cluster.unit(name, options, service).enable()
    return unit, unit.wait_running()


def wait_until(at):
    wait_for("its time has come", lambda: now() >= at, max(1.0, at - now() + 1.0))


def require_passed_on(cluster, unit, holder, began):
    """It ended on the holder within what its lease gave it, then started elsewhere, in time, and but once."""
    heir = unit.wait_running(but=holder, deadline=cluster.takeover + 10)
    unit.require_stopped_in_time(unit.tenures[0], began)
    unit.require_gap(cluster.takeover)
    unit.require_tenures(2)
    return heir


def require_stays(cluster, unit, heir, holder, duration=None):
    """Now that the holder is well again, it leaves the unit where it is."""
    unit.hold_running(on=heir, duration=duration or cluster.ttl)
    require(f"it does not run on {holder}", holder.state(unit.name) in GONE, unit.story)
    unit.require_tenures(2)


def lose_lease(cluster, unit, holder, meanwhile=lambda began: None):
    """The holder is cut off until another machine has the unit, then heard again. meanwhile(began) happens to it as
    soon as it is cut off."""
    began = now()
    holder.drop_packets()
    meanwhile(began)
    heir = require_passed_on(cluster, unit, holder, began)
    holder.heal_network()
    return heir


def lose_lease_and_return(cluster, unit, holder, meanwhile=lambda began: None):
    heir = lose_lease(cluster, unit, holder, meanwhile)
    cluster.etcd.wait_healthy(holder)
    require_stays(cluster, unit, heir, holder)
    return heir


def stall_first_process(machine):
    """PID 1 of the machine stands still; everything else goes on. Only who is outside of the machine can do that."""
    os.kill(machine.first_process, signal.SIGSTOP)


def wake_first_process(machine):
    os.kill(machine.first_process, signal.SIGCONT)


def set_watchdog(cluster, machine, on):
    """Whether PID 1 ends a daemon that stands still. Restarts the daemon."""
    path = "/run/systemd/system/leased.service.d/no-watchdog.conf"
    if on:
        machine.remove(path)
    else:
        machine.write(path, "[Service]\nWatchdogSec=0\n")
    machine.systemctl("daemon-reload")
    machine.systemctl("restart", DAEMON)
    cluster.wait_ready(machine)


def holder_in_registry(cluster, unit, through):
    """The machine id in the lease's record as etcd on that machine has it; None if there is no answer."""
    key = base64.b64encode(f"/leased/leases/{unit.name}".encode()).decode()
    answer = cluster.etcd.call(through, "/v3/kv/range", {"key": key})
    records = (answer or {}).get("kvs", [])
    text = base64.b64decode(records[0]["value"]).decode() if records else ""
    held_by = json.loads(text).get("machine_id") if text else None
    return next((machine for machine in cluster if machine_id(machine) == held_by), None)


def machine_id(machine):
    """As leased makes it of the machine's own."""
    said = machine.run("busctl", "get-property", "org.leased1", "/org/leased1", "org.leased1.Manager", "MachineID")
    return said.stdout.split('"')[1]


def processes_of(machine, unit):
    """How many live in the unit's control group there."""
    path = f"/sys/fs/cgroup/system.slice/{unit.name}/cgroup.procs"
    return len(machine.read(path).split()) if machine.exists(path) else 0
