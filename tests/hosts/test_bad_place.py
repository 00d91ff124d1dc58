# SPDX-License-Identifier: Apache-2.0
"""A local registry whose place is full, cannot be written, or holds what is damaged: told in one line, nothing is lost, and
whoever need not stop goes on."""

from cluster import DAEMON
from scene import scene
from waiting import hold_for, require, wait_for

PLACE = "/srv/small"
RECORDS = "/shared/registry/records"


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
                                 (("chmod", "0500", f"{PLACE}/registry/records"), "Permission denied",
                                  ("chmod", "0700", f"{PLACE}/registry/records"))):
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
        machine.run("chmod", "0700", f"{PLACE}/registry/records", check=False)
    machine.run("leasectl", "disable", unit.name)
    machine.systemctl("stop", DAEMON)
    machine.remove("/etc/leased/leased.conf.d/place.conf")
    machine.run("rm", "-rf", "/var/lib/leased")
    machine.run("umount", PLACE)
    machine.systemctl("start", DAEMON)
    cluster.units.remove(unit)


@scene(ttl=3.0)
def damaged_and_foreign_files_in_a_local_registry_disturb_no_unit(cluster):
    unit = cluster.unit("amid-ruins.service").enable()
    holder = unit.wait_running()
    before = unit.tenure
    other = cluster.other(holder)
    broken = cluster.unit("broken.service")
    for name, text in (("leases+broken.service", "{"), ("leases+binary.service", "\0\1\2"), ("beats+0123456789abcdef-3000", "?"),
                       ("readme", "not ours"), ("leases+", ""), ("machines+x", "[]")):
        holder.write(f"{RECORDS}/{name}", text)
    broken.enable()
    # Whoever comes first makes it whole again, as taken by force from everybody: the others need not have seen it damaged.
    wait_for("it is told that it is damaged", lambda: any("damaged" in machine.run(
        "journalctl", "--unit=leased", "--output=cat", "--grep=broken.service", check=False).stdout for machine in cluster),
             10, unit.story)
    hold_for("what is damaged counts as held", lambda: broken.running_on is None, 1.3 * cluster.ttl, broken.story)
    unit.require_undisturbed(before)
    holder.run("leasectl", "release", unit.name)
    unit.wait_running(on=other)
    for name in ("readme", "leases+", "machines+x", "leases+binary.service", "beats+0123456789abcdef-3000", "leases+broken.service"):
        holder.remove(f"{RECORDS}/{name}")
