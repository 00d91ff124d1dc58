# SPDX-License-Identifier: Apache-2.0
"""Check=: a unit leaves a machine where its check fails, as its own user, and is taken only where the check passes."""

from cluster import DAEMON
from scene import scene
from waiting import hold_for, require, wait_for

CHECK = """\
Check=/bin/sh -c 'id -un > /shared/checks/$LEASE_CHECK; test ! -e /run/hangs || sleep 99; test ! -e /run/sick'
CheckIntervalSec=1s
CheckTimeoutSec=1s
CheckFall=2
HoldDownSec=1s
"""


def _said(cluster, aim):
    path = f"{cluster.rack.shared}/checks/{aim}"
    try:
        with open(path) as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


@scene(ttl=2.0, only_at_length=True)
def unit_goes_where_its_check_passes(cluster):
    for machine in cluster:
        machine.run("sh", "-c", "mkdir -p /shared/checks; chmod 1777 /shared /shared/checks; touch /run/sick")
    unit = cluster.unit("checked.service", service="User=daemon")
    unit.options(CHECK)
    unit.enable()
    first, second = cluster
    hold_for("it runs nowhere while its check fails", lambda: unit.running_on is None, 3 * cluster.ttl, unit.story)
    require("leasectl says why", "its check (Check=) fails here" in
            first.run("leasectl", "status", unit.name, check=False).stdout, unit.story)
    first.remove("/run/sick")
    unit.wait_running(on=first, deadline=20)
    wait_for("the check runs as the unit's user", lambda: _said(cluster, "running") == _said(cluster, "starting") == "daemon", 10,
             unit.story)
    second.remove("/run/sick")
    first.run("touch", "/run/sick")
    unit.wait_running(on=second, deadline=20)
    unit.hold_running(on=second, duration=2 * cluster.ttl)
    history = second.run("leasectl", "history", unit.name).stdout
    require(f"history says why: {history}", "check failed" in history, unit.story)

    # A check that does not end fails when its time is over, and one that leased does not live to hear counts neither way.
    first.remove("/run/sick")
    second.systemctl("restart", DAEMON)
    cluster.wait_ready(second)
    unit.hold_running(on=second, duration=2 * cluster.ttl)
    second.run("touch", "/run/hangs")
    unit.wait_running(on=first, deadline=30)
    require("it was not disturbed by the restart of leased", len(unit.tenures) == 3, unit.story)
