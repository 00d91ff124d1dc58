# SPDX-License-Identifier: Apache-2.0
"""FenceCommand=: a machine that falls silent is switched off. The switch is this test."""

from cluster import DAEMON
from scene import scene
from waiting import require, wait_for

ASKED, DONE = "/var/lib/fence-asked", "/var/lib/fence-done"
SWITCH = f"""\
#!/bin/sh
echo "$HOSTNAME $MACHINE_ID $SESSION" >>{ASKED}
until [ -e {DONE} ]; do sleep 0.05; done
exit $(cat {DONE})
"""


def _with_switch(cluster):
    for machine in cluster:
        machine.write("/usr/local/sbin/switch-off", SWITCH, 0o755)
        machine.write("/etc/leased/leased.conf.d/fence.conf",
                      "[Leased]\nFenceCommand=/usr/local/sbin/switch-off off\n")
        machine.remove(ASKED)
        machine.remove(DONE)
        machine.run("systemctl", "restart", DAEMON)
    for machine in cluster:
        cluster.wait_ready(machine)


def _without_switch(cluster):
    for machine in cluster:
        machine.remove("/etc/leased/leased.conf.d/fence.conf")
        machine.run("systemctl", "restart", DAEMON)


def _asked(cluster, but):
    """The machine whose daemon has the switch pressed, and what it was told."""
    return next(((machine, machine.read(ASKED)) for machine in cluster if machine is not but and machine.exists(ASKED)), None)


def _silent_holder(cluster, name):
    """A holder that stands still, and the machine that wants to have it switched off."""
    _with_switch(cluster)
    unit = cluster.unit(name).enable()
    holder = unit.wait_running(deadline=2 * cluster.ttl + 10)
    holder.freeze()
    machine, words = wait_for("somebody wants it switched off", lambda: _asked(cluster, holder), cluster.takeover + 5, unit.story)
    require(f"the switch is told which machine it is: {words}", words.split()[0] == holder.name, unit.story)
    return unit, holder, machine


def _require_asked_once(cluster, holder, unit):
    asked = [line for each in cluster if each is not holder and each.exists(ASKED) for line in each.read(ASKED).splitlines()]
    require(f"one machine had it switched off, once: {asked}", len(asked) == 1, unit.story)


@scene(registry="etcd", ttl=10.0)
def machine_that_stands_still_is_switched_off_and_nobody_waits_for_its_ttl(cluster):
    unit, holder, machine = _silent_holder(cluster, "fenced.service")
    holder.power_cut()
    machine.write(DONE, "0")
    heir = unit.wait_running(but=holder, deadline=cluster.takeover + 5)
    history = heir.run("leasectl", "history", unit.name).stdout
    require(f"it was taken because the switch said so: {history}", "confirmed dead" in history)
    _require_asked_once(cluster, holder, unit)
    unit.require_gap(cluster.takeover)
    holder.boot()
    cluster.wait_ready(holder)
    unit.hold_running(on=heir, duration=2)
    _without_switch(cluster)


@scene(registry="etcd", ttl=5.0)
def switch_that_fails_leaves_everybody_to_wait_for_the_ttl(cluster):
    unit, holder, machine = _silent_holder(cluster, "unfenced.service")
    machine.write(DONE, "1")
    heir = unit.wait_running(but=holder, deadline=cluster.takeover + 5)
    history = heir.run("leasectl", "history", unit.name).stdout
    require(f"its time had run out: {history}", "expired" in history and "confirmed" not in history)
    holder.power_cut()
    holder.boot()
    cluster.wait_ready(holder)
    unit.hold_running(on=heir, duration=2)
    _require_asked_once(cluster, holder, unit)
    _without_switch(cluster)
