# SPDX-License-Identifier: Apache-2.0
"""A machine that is about to sleep, by the word of a logind that is none: it puts nothing to sleep, and takes notes."""

from faults import GONE, STUBBORN, start_unit
from harm import LOGIND, LOGIND_DELAY, LOGIND_NOTES, start_logind
from scene import scene
from waiting import now, require, wait_for


def _notes(machine):
    return [line.split() for line in machine.read(LOGIND_NOTES).splitlines()] if machine.exists(LOGIND_NOTES) else []


def _said(machine, what):
    return [float(words[1]) for words in _notes(machine) if words[0] == what]


def _with_logind(machine, unit):
    start_logind(machine)
    wait_for("leased asks that sleep be delayed", lambda: _said(machine, "inhibited"), 5, unit.story)


def _wake(machine, unit):
    machine.kill(LOGIND, "USR2")
    wait_for("leased asks for a delay again", lambda: len(_said(machine, "inhibited")) == 2, 5, unit.story)
    machine.systemctl("stop", LOGIND)


@scene
def machine_about_to_sleep_hands_its_unit_over_first(cluster):
    unit, holder = start_unit(cluster, "sleepy.service", "--stop=1")
    _with_logind(holder, unit)
    holder.kill(LOGIND, "USR1")
    heir = unit.wait_running(but=holder)
    unit.require_gap(1.0)
    after = wait_for("the delay is given back", lambda: _said(holder, "released"), LOGIND_DELAY, unit.story)[0]
    require(f"after {after:.3f} s, when the unit is down", 1.0 <= after < 2.5, unit.story)
    unit.hold_running(on=heir, duration=1.0)
    _wake(holder, unit)
    heir.run("leasectl", "release", unit.name)
    unit.wait_running(on=holder)


@scene
def machine_about_to_sleep_kills_a_second_before_it_may_not_delay_any_more(cluster):
    unit, holder = start_unit(cluster, "sleepless.service", STUBBORN, "TimeoutStopSec=60")
    _with_logind(holder, unit)
    began = now()
    holder.kill(LOGIND, "USR1")
    after = wait_for("the delay is given back", lambda: _said(holder, "released"), LOGIND_DELAY + 1, unit.story)[0]
    require(f"in time, after {after:.3f} s", LOGIND_DELAY - 1 <= after < LOGIND_DELAY, unit.story)
    require("the unit is gone", holder.state(unit.name) in GONE, unit.story)
    last = unit.tenures[0].last - began
    require(f"it was killed a second before, after {last:.3f} s", LOGIND_DELAY - 1.2 <= last <= LOGIND_DELAY - 0.5, unit.story)
    unit.wait_running(but=holder)
    _wake(holder, unit)


@scene
def word_of_sleep_from_a_stranger_stops_nothing(cluster):
    unit, holder = start_unit(cluster, "forged.service")
    _with_logind(holder, unit)
    before = unit.tenure
    owner = holder.run("busctl", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                       "GetNameOwner", "s", "org.leased1").stdout.split('"')[1]
    holder.run("busctl", "emit", f"--destination={owner}", "/org/freedesktop/login1", "org.freedesktop.login1.Manager",
               "PrepareForSleep", "b", "true")
    unit.hold_running(on=holder, duration=2.0)
    unit.require_undisturbed(before)
    holder.systemctl("stop", LOGIND)
