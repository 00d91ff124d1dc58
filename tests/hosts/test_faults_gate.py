# SPDX-License-Identifier: Apache-2.0
"""Root can go around the gate. Then the unit is stopped, and everybody is told."""

from cluster import DAEMON
from faults import GONE, start_unit
from scene import scene
from waiting import now, require, wait_for

ALARM = "without its lease"


def _alarms(machine):
    """What the journal has under the alarm's id, as the catalog explains it."""
    return machine.run("sh", "-c", "journalctl --update-catalog; journalctl --sync; "
                                   f"journalctl -x --no-pager -u {DAEMON} --priority=alert").stdout


@scene
def unit_started_around_its_gate_is_stopped_and_everybody_is_told(cluster):
    unit, holder = start_unit(cluster, "around.service")
    other = cluster.other(holder)
    unit.met = 0.0
    drop_in = f"/etc/systemd/system/{unit.name}.d/zzzzz-administrator.conf"
    other.write(drop_in, "[Unit]\nAssertPathExists=\n")
    other.systemctl("daemon-reload")
    began = now()
    other.systemctl("start", unit.name)
    wait_for("it is stopped there", lambda: other.state(unit.name) in GONE, 10, unit.story)
    unit.met = max((tenure.last for tenure in unit.tenures if tenure.machine == other.name), default=began) - began
    require(f"it lived {unit.met:.3f} s there", unit.met < 3, unit.story)

    require(f"the journal explains it: {_alarms(other)}",
            ALARM in _alarms(other) and "AssertPathExists=" in _alarms(other), unit.story)
    said = other.run("leasectl", "status", unit.name, check=False).stdout
    require(f"leasectl status says so: {said}", ALARM in said, unit.story)
    path = other.run("busctl", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "GetUnit", "s",
                     unit.name).stdout.split('"')[1]
    error = other.run("busctl", "get-property", "org.leased1", path, "org.leased1.Unit", "LastError").stdout
    require(f"LastError on D-Bus says so: {error}", ALARM in error, unit.story)

    require(f"it runs on {holder} as before", holder.state(unit.name) == "active", unit.story)
    other.remove(drop_in)
    other.systemctl("daemon-reload")
    unit.hold_running(on=holder, duration=1.0)
