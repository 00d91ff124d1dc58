# SPDX-License-Identifier: Apache-2.0
"""A local registry whose place is full, cannot be written, or holds what is damaged: told in one line, nothing is lost, and
whoever need not stop goes on. And a /tmp that cannot be written."""

import contextlib
import os
import sqlite3

from cluster import DAEMON, GUARD
from scene import scene
from waiting import hold_for, require, wait_for

PLACE = "/srv/small"


HEADER = 100  # bytes, of an SQLite database


def store_of(cluster):
    return os.path.join(cluster.rack.shared, "registry", "store")


def by_hand(cluster, sql, *values):
    """Changes the database of /shared/registry as somebody with the sqlite3 program would."""
    with contextlib.closing(sqlite3.connect(store_of(cluster), timeout=10)) as database, database:
        database.execute(sql, values)


def overwrite(path, data):
    with open(path, "r+b", buffering=0) as file:
        before = file.read(len(data))
        file.seek(0)
        file.write(data)
    return before


def _says(cluster, machine, text):
    wait_for(f"leasectl status says: {text}", lambda: text in cluster.status(machine), 10,
             lambda: cluster.status(machine) + cluster.journals())


@scene(ttl=3.0, machines=("alpha",))
def place_of_a_registry_that_is_full_or_not_writable_is_named_and_nothing_is_lost(cluster):
    machine, = cluster
    machine.run("mkdir", "-p", PLACE)
    machine.run("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", PLACE)
    machine.write("/etc/leased/leased.conf.d/place.conf", f"[Leased]\nRegistry=local:{PLACE}/registry\n")
    machine.systemctl("stop", DAEMON)
    machine.run("rm", "-rf", "/var/lib/leased")  # another registry, for a machine that knows none
    machine.systemctl("start", DAEMON)
    unit = cluster.unit("placed.service").enable()
    unit.wait_running(on=machine)
    try:
        for make, text, mend in ((("dd", "if=/dev/zero", f"of={PLACE}/filler"), "No space left on device", ("rm", f"{PLACE}/filler")),
                                 (("sh", "-c", f"chmod 0500 {PLACE}/registry && rm {PLACE}/registry/store-journal"),
                                  "Permission denied", ("chmod", "0755", f"{PLACE}/registry"))):
            index, number = unit.tenure.index, len(unit.tenures)
            machine.run(*make, check=False)
            _says(cluster, machine, text)
            machine.run(*mend)
            wait_for("all is well", lambda: "local, ok" in cluster.status(machine), 10, lambda: cluster.status(machine))
            unit.wait_running(on=machine)
            hold_for("it goes on", lambda: unit.running_on is machine, 1, unit.story)
            require(f"with the token that it had: {unit.tenure.index}, {index}", unit.tenure.index == index, unit.story)
            require("it was not stopped, or only for want of beats", len(unit.tenures) <= number + 1, unit.story)
    finally:
        machine.run("chmod", "0755", f"{PLACE}/registry", check=False)
    machine.run("leasectl", "disable", unit.name)
    machine.systemctl("stop", DAEMON)
    machine.remove("/etc/leased/leased.conf.d/place.conf")
    machine.run("rm", "-rf", "/var/lib/leased")
    machine.run("umount", PLACE)
    machine.systemctl("start", DAEMON)
    cluster.units.remove(unit)


@scene(ttl=3.0, machines=("alpha",))
def machine_whose_tmp_cannot_be_written_gets_its_guard_and_its_daemon_back(cluster):
    machine, = cluster
    unit = cluster.unit("without-tmp.service").enable()
    unit.wait_running(on=machine)
    machine.run("mount", "-o", "remount,ro", "/tmp")
    try:
        for service in (GUARD, DAEMON):
            before = machine.main_pid(service)
            machine.kill(service)
            wait_for(f"{service} is back", lambda each=service, pid=before: machine.state(each) == "active" and
                     machine.main_pid(each) not in (0, pid), 20, lambda: machine.journal(20))
            cluster.wait_ready(machine)
            unit.wait_running(on=machine)
    finally:
        machine.run("mount", "-o", "remount,rw", "/tmp")


@scene(ttl=3.0, only_at_length=True)
def damaged_and_foreign_records_in_a_local_registry_disturb_no_unit(cluster):
    unit = cluster.unit("amid-ruins.service").enable()
    holder = unit.wait_running()
    before = unit.tenure
    other = cluster.other(holder)
    broken = cluster.unit("broken.service")
    records = {"leases/broken.service": b"{", "leases/binary.service": b"\0\1\2", "beats/0123456789abcdef-3000": b"?",
               "readme": b"not ours", "leases/": b"", "machines/x": b"[]"}
    for key, value in records.items():
        by_hand(cluster, "INSERT INTO records VALUES (?, 1, ?, 0)", key, value)
    holder.write("/shared/registry/readme", "not ours")
    broken.enable()
    # Whoever comes first makes it whole again, as taken by force from everybody: the others need not have seen it damaged.
    wait_for("it is told that it is damaged", lambda: any("damaged" in machine.run(
        "journalctl", "--unit=leased", "--output=cat", "--grep=broken.service", check=False).stdout for machine in cluster),
             10, unit.story)
    hold_for("what is damaged counts as held", lambda: broken.running_on is None, 1.3 * cluster.ttl, broken.story)
    unit.require_undisturbed(before)
    holder.run("leasectl", "release", unit.name)
    unit.wait_running(on=other)
    for key in records:
        by_hand(cluster, "DELETE FROM records WHERE key = ?", key)
    holder.remove("/shared/registry/readme")


@scene(ttl=3.0, only_at_length=True)
def database_of_a_local_registry_that_is_damaged_or_gone_frees_no_lease(cluster):
    unit = cluster.unit("unanswered.service").enable()
    unit.wait_running()
    path = store_of(cluster)
    kept = []
    for harm, text, mend in ((lambda: kept.append(overwrite(path, bytes(HEADER))), "the database is damaged",
                              lambda: overwrite(path, kept.pop())),
                             (lambda: os.rename(path, f"{path}.away"), "No such file or directory",
                              lambda: os.rename(f"{path}.away", path))):
        index = unit.tenure.index
        harm()
        for machine in cluster:
            _says(cluster, machine, text)
        wait_for("it stops, for nobody answers", lambda: unit.running_on is None, 2 * cluster.ttl, unit.story)
        hold_for("and nobody takes it", lambda: unit.running_on is None, 2 * cluster.ttl, unit.story)
        mend()
        unit.wait_running()
        require(f"no token went back: {unit.tenure.index}, {index}", unit.tenure.index >= index, unit.story)
