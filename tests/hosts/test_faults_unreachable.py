# SPDX-License-Identifier: Apache-2.0
"""A guard that lives and cannot be reached: its files were removed, it speaks another protocol, or it stands still without
anything to guard. Rows of the fault matrix."""

from cluster import DAEMON, GUARD
from faults import lose_lease_and_return, start_unit
from scene import scene
from waiting import now, require, wait_for

DROP_IN = "/etc/systemd/system/leased-guard.service.d/foreign.conf"
PROGRAM = "/usr/local/bin/foreign-guard"
# Binds the socket as a guard does, and greets in a version that nobody knows.
FOREIGN = """#!/usr/bin/python3
import os, socket, struct
try:
    os.unlink("/run/leased/guard.sock")
except FileNotFoundError:
    pass
os.makedirs("/run/leased/held", exist_ok=True)
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.bind("/run/leased/guard.sock")
server.listen(16)
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
while True:
    peer, _ = server.accept()
    peer.send(struct.pack("=II", 99, 64) + bytes(400))
    while peer.recv(4096):
        pass
"""


def _why_not(machine, unit, other):
    said = machine.run("leasectl", "status", unit.name, check=False).stdout
    return [line for line in said.splitlines() if other.name in line and "leased-guard" in line]


@scene(registry="etcd")
def what_is_removed_from_run_does_not_disturb_and_everything_goes_on(cluster):
    unit, holder = start_unit(cluster, "emptied.service")
    holder.run("sh", "-c", "rm -rf /run/leased/*")
    unit.hold_running(on=holder, duration=cluster.ttl)
    unit.require_tenures(1)
    wait_for("guard and daemon have made their files anew",
             lambda: all(holder.exists(f"/run/leased/{each}") for each in ("guard.sock", "session", f"held/{unit.name}")), 20,
             lambda: holder.run("ls", "-lR", "/run/leased").stdout + unit.story())
    holder.systemctl("restart", DAEMON)
    cluster.wait_ready(holder)
    unit.hold_running(on=holder, duration=cluster.ttl)
    unit.require_tenures(1)
    lose_lease_and_return(cluster, unit, holder)


@scene(registry="etcd", only_at_length=True)
def cleaned_machine_takes_part_again(cluster):
    unit, holder = start_unit(cluster, "cleaned.service")
    other = cluster.other(holder)
    guard = other.main_pid(GUARD)
    other.systemctl("stop", DAEMON)
    other.systemctl("clean", "--what=runtime", DAEMON)
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
    other.write(PROGRAM, FOREIGN, mode=0o755)
    other.write(DROP_IN, f"[Service]\nExecStart=\nExecStart={PROGRAM}\nWatchdogSec=0\nMemoryDenyWriteExecute=no\n")
    other.systemctl("daemon-reload")
    first = other.main_pid(GUARD)
    other.kill(GUARD)
    wait_for("the foreign guard runs", lambda: other.state(GUARD) == "active" and other.main_pid(GUARD) not in (0, first), 20,
             unit.story)
    wait_for("its machine says that it cannot run anything", lambda: _why_not(holder, unit, other), 3 * cluster.ttl, unit.story)
    holder.run("leasectl", "release", unit.name)
    heir = unit.wait_running(but=holder, deadline=2 * cluster.takeover)
    require(f"{heir} is not the machine with the foreign guard", heir is not other, unit.story)
    other.remove(DROP_IN)
    other.systemctl("daemon-reload")
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
