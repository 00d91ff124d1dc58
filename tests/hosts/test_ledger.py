# SPDX-License-Identifier: Apache-2.0
"""A resource outside of the cluster judges the holders by their tokens."""

from cluster import GUARD
from ledger import Ledger
from scene import scene
from waiting import require, wait_for


@scene
def resource_outside_finds_every_write_in_the_order_of_the_tokens(cluster):
    ledger = Ledger(cluster, "ledger.service", "Restart=always\nRestartSec=100ms")
    unit = ledger.unit
    unit.options("HoldDownSec=1s")  # the machine that released the unit takes it from the one that loses power
    unit.enable()

    def wait_written():
        """By the present holder."""
        token = unit.tenure.index
        wait_for("it has written", lambda: sum(each.result is True and each.index == token for each in ledger.operations()) >= 5, 10,
                 unit.story)

    holder = unit.wait_running()
    wait_written()
    holder.kill(unit.name)
    unit.wait_ran()
    holder.run("leasectl", "release", unit.name)
    holder = unit.wait_running(but=holder)
    wait_written()
    before = len(unit.tenures)
    holder.kill(GUARD)
    wait_for("it was stopped, and runs again", lambda: len(unit.tenures) > before and unit.running_on, cluster.takeover + 10, unit.story)
    holder = unit.running_on
    wait_written()
    holder.power_cut()
    holder = unit.wait_running(but=holder, deadline=cluster.takeover + 10)
    wait_written()
    written = ledger.require_lawful()
    require(f"{written} writes by all holders", written >= 20, unit.story)
