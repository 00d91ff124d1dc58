# SPDX-License-Identifier: Apache-2.0
"""FenceCommand=: a machine that falls silent is switched off. The switch is this test."""

import sys

from cluster import DAEMON
from scene import scene
from waiting import now, require, wait_for

ASKED, DONE = "/var/lib/fence-asked", "/var/lib/fence-done"
SWITCH = f"""\
#!/bin/sh
echo "$HOSTNAME $MACHINE_ID $SESSION" >>{ASKED}
until [ -e {DONE} ]; do sleep 0.05; done
exit $(cat {DONE})
"""


def _with_switch(cluster, switch=SWITCH, more=""):
    for machine in cluster:
        machine.write("/usr/local/sbin/switch-off", switch, 0o755)
        machine.write("/etc/leased/leased.conf.d/fence.conf",
                      f"[Leased]\nFenceCommand=/usr/local/sbin/switch-off off\n{more}")
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


# It takes a second, as a switch on the network does, and ends well only if the machine is off then.
FAST_SWITCH = f"""\
#!/bin/sh
read -r now rest </proc/uptime
echo "$HOSTNAME $now" >>{ASKED}
sleep 1
[ -e /shared/is-off-"$HOSTNAME" ] || exit 1
read -r now rest </proc/uptime
echo "$now" >{DONE}
"""


def _require_within(cluster, unit, holder, cut, limit):
    heir = unit.wait_running(but=holder, deadline=cluster.takeover + 10)
    history = heir.run("leasectl", "history", unit.name).stdout
    require(f"it was taken because the agent said so: {history}", "confirmed dead" in history)
    machine, words = _asked(cluster, holder)
    begun, done = float(words.split()[1]), float(machine.read(DONE))
    print(f"      {unit.tenure.first - cut:.3f} s after the cut it runs: the agent began after {begun - cut:.3f} s, took {done - begun:.3f} s, "
          f"and the unit ran {unit.tenure.first - done:.3f} s later", file=sys.stderr, flush=True)
    _require_asked_once(cluster, holder, unit)
    require(f"it runs again {unit.tenure.first - cut:.3f} s after the cut", unit.tenure.first - cut <= limit, unit.story)
    return heir


@scene(registry="etcd", ttl=30.0, only_at_length=True)
def machines_that_beat_often_know_of_a_power_cut_within_a_second_however_long_the_ttl_is(cluster):
    """An agent that answers in a second, and a TTL of 30 s. Where the etcd leader is on the machine, its election comes first."""
    _with_switch(cluster, FAST_SWITCH, "BeatSec=300ms\nFenceAfterSec=900ms\n")
    unit = cluster.unit("beats-often.service").enable()
    holder = unit.wait_running(deadline=2 * cluster.ttl + 20)
    cluster.etcd.move_leader(cluster.other(holder))
    before = unit.tenure
    unit.hold_running(on=holder, duration=10.0)
    for machine in cluster:  # nobody is switched off for a restart, nor for its etcd member
        machine.run("systemctl", "restart", DAEMON)
        unit.hold_running(on=holder, duration=3.0)
    unit.require_undisturbed(before)
    require("nobody was switched off", _asked(cluster, None) is None, unit.story)
    cut = now()
    holder.power_cut()
    cluster.other(holder).write(f"/shared/is-off-{holder.name}", "")
    heir = _require_within(cluster, unit, holder, cut, 3.0)
    cluster.other(holder).remove(f"/shared/is-off-{holder.name}")
    holder.boot()
    cluster.wait_ready(holder)
    unit.hold_running(on=heir, duration=2)
    _without_switch(cluster)


AGENT = "/usr/sbin/fence_dummy"  # of fence-agents: behaves as all agents do, and its power switch is a file
# An agent reads its options from its standard input. It looks whether the power is on, waits, switches, and looks again.
WITH_AGENT = f"""\
#!/bin/sh
read -r now rest </proc/uptime
echo "$HOSTNAME $now" >>{ASKED}
power=/run/power-$MACHINE_ID
printf on >$power
printf 'action=%s\\nstatus_file=%s\\ndelay=1\\n' "$1" "$power" | {AGENT} || exit 1
read -r now rest </proc/uptime
echo "$now" >{DONE}
"""


@scene(registry="etcd", ttl=30.0, needs=(AGENT,), only_at_length=True)
def agent_of_fence_agents_moves_the_units_of_a_machine_without_power(cluster):
    """Two rounds without a beat must pass, 12 s with this TTL: less is no silence."""
    _with_switch(cluster, WITH_AGENT, "FenceAfterSec=12s\n")
    unit = cluster.unit("by-agent.service").enable()
    holder = unit.wait_running(deadline=2 * cluster.ttl + 20)
    unit.hold_running(on=holder, duration=1.0)
    holder.power_cut()
    heir = unit.wait_running(but=holder, deadline=cluster.takeover + 10)
    history = heir.run("leasectl", "history", unit.name).stdout
    require(f"it was taken because the agent said so: {history}", "confirmed dead" in history)
    machine, words = _asked(cluster, holder)
    begun, done = float(words.split()[1]), float(machine.read(DONE))
    print(f"      the agent began {begun - unit.tenures[0].last:.3f} s after the cut, took {done - begun:.3f} s, and the unit ran "
          f"{unit.tenure.first - done:.3f} s later", file=sys.stderr, flush=True)
    _require_asked_once(cluster, holder, unit)
    unit.require_gap(12.0 + 6.0 + 10.0)
    holder.boot()
    cluster.wait_ready(holder)
    unit.hold_running(on=heir, duration=2)
    _without_switch(cluster)
