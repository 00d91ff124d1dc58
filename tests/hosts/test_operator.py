# SPDX-License-Identifier: Apache-2.0
"""An operator's words, and units that do not listen."""

from scene import scene
from waiting import require, wait_for


@scene
def release_moves_the_unit(cluster):
    unit = cluster.unit("release.service").enable()
    holder = unit.wait_running()
    holder.run("leasectl", "release", unit.name)
    unit.wait_running(on=cluster.other(holder))
    unit.require_gap(1.0)


@scene
def what_is_asked_of_the_holder_at_another_machine_is_done_there(cluster):
    unit = cluster.unit("asked.service").enable()
    holder = unit.wait_running()
    other = cluster.other(holder)
    require("its stop is told", f"stopped on {holder}" in other.run("leasectl", "stop", unit.name).stdout, unit.story)
    require(f"it is stopped on {holder}", holder.state(unit.name) == "inactive", unit.story)
    other.run("leasectl", "start", unit.name)
    unit.wait_running(on=holder)
    before = len(unit.tenures)
    other.run("leasectl", "restart", unit.name)
    wait_for("it was started again there", lambda: len(unit.tenures) > before, 10, unit.story)
    unit.wait_running(on=holder)
    wait_for("its journal there says who asked", lambda: f"restart asked for by root@{other}, " in holder.journal(200, unit.name), 10,
             unit.story)
    other.run("leasectl", "release", unit.name)
    unit.wait_running(on=other)
    holder.run("leasectl", "transfer", unit.name, holder.name)
    unit.wait_running(on=holder)
    before = len(unit.tenures)
    cluster.call(holder, "AskUnit", "sss", unit.name, "restart", "")  # of itself
    wait_for("it was started again there", lambda: len(unit.tenures) > before, 10, unit.story)
    unit.wait_running(on=holder)


@scene
def unit_that_ignores_sigterm_and_forks_is_gone_before_the_other_starts(cluster):
    unit = cluster.unit("stubborn.service", "--ignore-term --children=3", "TimeoutStopSec=3").enable()
    holder = unit.wait_running()
    holder.run("leasectl", "release", unit.name)
    unit.wait_running(on=cluster.other(holder))
    require("its children stamped too", len(unit.tenures[0].runs) == 4, unit.story)


@scene
def start_without_the_lease_is_refused_and_the_holder_is_named(cluster):
    unit = cluster.unit("refused.service").enable()
    holder = unit.wait_running()
    other = cluster.other(holder)
    started = other.systemctl("start", unit.name, check=False)
    require("systemctl start fails", started.returncode != 0, unit.story)
    require("the unit does not run there", other.state(unit.name) in ("inactive", "failed"), unit.story)
    wait_for(f"systemctl status on {other} names {holder}",
             lambda: holder.name in other.systemctl("status", unit.name, check=False).stdout, 5, unit.story)
    require(f"it runs on {holder} as before", unit.running_on is holder and len(unit.tenures) == 1, unit.story)
