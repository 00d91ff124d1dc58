# SPDX-License-Identifier: Apache-2.0
"""Kinds of units that need more of the machine than a process: a name on the bus, a mount behind an automount; and the
types of services that differ only in when they count as started."""

from cluster import DAEMON
from layer import STAMPER
from scene import scene
from waiting import hold_for, require, wait_for

BUS_NAME = "org.example.Stamper"
BUS_POLICY = f"""\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><policy user="root"><allow own="{BUS_NAME}"/><allow send_destination="{BUS_NAME}"/></policy></busconfig>
"""
BUS_POLICY_FILE = f"/etc/dbus-1/system.d/{BUS_NAME}.conf"
BUS_SERVICE_FILE = f"/usr/share/dbus-1/system-services/{BUS_NAME}.service"


# Services, by when they count as started


@scene(ttl=3.0, only_at_length=True)
def service_with_a_bus_name_moves_and_is_not_activated_elsewhere(cluster):
    for machine in cluster:
        machine.write(BUS_POLICY_FILE, BUS_POLICY)
        machine.write(BUS_SERVICE_FILE, f"[D-BUS Service]\nName={BUS_NAME}\nExec=/bin/false\nUser=root\n"
                                        "SystemdService=named.service\n")
        machine.systemctl("reload", "dbus.service")
    unit = cluster.unit("named.service", f"--bus-name={BUS_NAME}", f"Type=dbus\nBusName={BUS_NAME}")
    unit.options("HoldDownSec=1")
    holder = unit.enable().wait_running()
    other = cluster.other(holder)

    def has_name(machine):
        return machine.run("busctl", "status", BUS_NAME, check=False).returncode == 0

    def call(machine):
        return machine.run("busctl", "--timeout=5", "call", BUS_NAME, "/", "org.freedesktop.DBus.Peer", "GetMachineId",
                           check=False)

    wait_for("it counts as started", lambda: holder.state(unit.name) == "active", 10, unit.story)
    require("it has its name, and nobody elsewhere", has_name(holder) and not has_name(other), unit.story)
    refused = call(other)
    require(f"a call to the name does not start it elsewhere: {refused}", refused.returncode != 0, unit.story)
    require("it runs where it ran, and only there", len(unit.tenures) == 1 and not has_name(other), unit.story)
    for leaving, machine in ((lambda: holder.run("leasectl", "release", unit.name), other), (other.power_cut, holder)):
        leaving()
        unit.wait_running(on=machine, deadline=cluster.takeover + 5)
        wait_for(f"{machine} has the name", lambda: has_name(machine), 10, unit.story)  # pylint: disable=cell-var-from-loop
    require("every tenure had a token", all(tenure.index for tenure in unit.tenures), unit.story)


@scene(ttl=3.0)
def services_that_are_started_at_once_or_when_all_else_is_move(cluster):
    units = [cluster.unit(f"{kind}.service", service=f"Type={kind}").enable() for kind in ("simple", "exec", "idle")]
    holders = [unit.wait_running() for unit in units]
    for unit, holder in zip(units, holders):
        holder.run("leasectl", "release", unit.name)
    for unit, holder in zip(units, holders):
        unit.wait_running(on=cluster.other(holder))
        unit.require_gap(1.5 if unit.name != "idle.service" else 5 + 1.5)  # systemd waits 5 s for its other jobs to end


@scene(ttl=3.0)
def service_that_is_long_in_starting_is_no_reason_to_hesitate(cluster):
    """What is stopped before it said that it is ready is as good as any other: gone before the next begins."""
    unit = cluster.unit("slow-start.service", service="Type=notify\nTimeoutStartSec=infinity")
    unit.options("HoldDownSec=1")
    holder = unit.enable().wait_running()
    require("it is starting", holder.state(unit.name) == "activating", unit.story)
    unit.hold_running(on=holder, duration=1.3 * cluster.ttl)
    holder.run("leasectl", "release", unit.name)
    second = unit.wait_running(on=cluster.other(holder))
    second.power_cut()
    unit.wait_running(on=holder, deadline=cluster.takeover + 5)


@scene(ttl=3.0)
def oneshot_that_runs_for_long_is_killed_in_time(cluster):
    unit = cluster.unit("long-job.service", "--ignore-term --children=2", "Type=oneshot\nTimeoutStopSec=60").enable()
    holder = unit.wait_running()
    require("it is starting, as a oneshot does as long as it runs", holder.state(unit.name) == "activating", unit.story)
    holder.systemctl("kill", "--signal=STOP", DAEMON)
    unit.wait_running(on=cluster.other(holder), deadline=cluster.takeover + 5)
    require("its end on the first machine was not taken for the end of its job", len(unit.tenures) == 2, unit.story)
    holder.systemctl("kill", "--signal=CONT", DAEMON)


# What is mounted


def _mounted_on(cluster, path):
    """The machines where a tmpfs is mounted there."""
    return [each for each in cluster if each.is_on and
            any(line.split()[1:3] == [path, "tmpfs"] for line in each.read("/proc/1/mounts").splitlines())]


@scene(ttl=3.0)
def automount_takes_its_mount_along(cluster):
    for machine in cluster:
        if not machine.exists("/dev/autofs"):  # PID 1 of a guest has none, and looks for it when it starts
            machine.run("mknod", "/dev/autofs", "c", "10", "235")
            machine.systemctl("daemon-reexec")
    unit = cluster.unit("mnt-auto.automount", files={
        "mnt-auto.automount": "[Automount]\nWhere=/mnt/auto\n",
        "mnt-auto.mount": "[Mount]\nWhat=tmpfs\nWhere=/mnt/auto\nType=tmpfs\n"})
    unit.options("HoldDownSec=1")
    unit.enable()

    def waiting_on():
        return [each for each in cluster if each.is_on and each.state(unit.name) == "active"]

    def moved_from(machine):
        waiting = waiting_on()  # before the mounts are looked at: what moves in between is unmounted by then
        here = _mounted_on(cluster, "/mnt/auto")
        require("it is not mounted on both", len(here) <= 1, cluster.journals)
        if machine in here:
            require("it is mounted only where its lease is", waiting in ([], [machine]), cluster.journals)
        return waiting == [cluster.other(machine)]

    holder, = wait_for("one machine waits for who looks", waiting_on, 10, cluster.journals)
    other = cluster.other(holder)
    require("nothing is mounted yet", not _mounted_on(cluster, "/mnt/auto"), cluster.journals)
    require("it cannot be mounted elsewhere by hand", other.systemctl("start", "mnt-auto.mount", check=False).returncode != 0,
            cluster.journals)
    holder.run("touch", "/mnt/auto/seen")
    require("who looks has it mounted", _mounted_on(cluster, "/mnt/auto") == [holder], cluster.journals)
    release = holder.start("leasectl", "release", unit.name)
    wait_for("the other machine waits for who looks", lambda: moved_from(holder), 10, cluster.journals)
    require(f"release: {release.communicate()[0]}", release.wait() == 0)
    other.run("touch", "/mnt/auto/seen")
    require("it is mounted there", _mounted_on(cluster, "/mnt/auto") == [other], cluster.journals)
    other.systemctl("kill", "--signal=STOP", DAEMON)
    wait_for("it comes back when the daemon is gone", lambda: moved_from(other), cluster.takeover + 5, cluster.journals)
    require("it is mounted nowhere", not _mounted_on(cluster, "/mnt/auto"), cluster.journals)
    other.systemctl("kill", "--signal=CONT", DAEMON)


@scene(ttl=3.0)
def mount_that_is_busy_keeps_its_lease_until_it_is_not(cluster):
    unit = cluster.unit("mnt-busy.mount", files={"mnt-busy.mount": "[Mount]\nWhat=tmpfs\nWhere=/mnt/busy\nType=tmpfs\nForceUnmount=yes\n"})
    unit.enable()
    holder, = wait_for("one machine has mounted it", lambda: _mounted_on(cluster, "/mnt/busy"), 10, cluster.journals)
    # Not by WorkingDirectory=, for PID 1 would stop it along with the mount.
    holder.run("systemd-run", "--unit=user-of-it", "sh", "-c", "cd /mnt/busy && touch in-use && exec sleep infinity")
    wait_for("it is in use", lambda: holder.exists("/mnt/busy/in-use"), 10, cluster.journals)
    release = holder.start("leasectl", "release", unit.name)
    hold_for("it stays where it is", lambda: _mounted_on(cluster, "/mnt/busy") == [holder] and
             cluster.lease(holder, unit.name)[0], 1.3 * cluster.ttl, cluster.journals)
    require("leasectl waits", release.poll() is None)
    holder.systemctl("stop", "user-of-it.service")
    wait_for("the other has mounted it", lambda: _mounted_on(cluster, "/mnt/busy") == [cluster.other(holder)], 10,
             cluster.journals)
    require(f"release: {release.communicate()[0]}", release.wait() == 0)
