# SPDX-License-Identifier: Apache-2.0
"""Jobs of a timer, while its lease goes from machine to machine: each elapse has one run at most."""

from cluster import DAEMON
from scene import scene
from ticks import Ticks, wall_clock
from waiting import require, wait_for


def _wait_clock(at):
    wait_for("the wall clock is so far", lambda: wall_clock() >= at, max(1.0, at - wall_clock() + 5.0))


@scene(ttl=3.0, only_at_length=True)
def job_of_which_the_registry_did_not_hear_is_not_run_again_by_the_next_holder(cluster):
    """The daemon stands still when the timer elapses: nobody but this machine knows of the run."""
    ticks = Ticks(cluster, "unheard", 10)
    ticks.unit.enable()
    holder = wait_for("it is active", lambda: next((each for each in cluster if each.state("unheard.timer") == "active"), None), 10)
    other = cluster.other(holder)
    elapse = ticks.elapse_of(wall_clock() + 3) + ticks.period
    _wait_clock(elapse - 0.5)
    holder.systemctl("kill", "--signal=STOP", DAEMON)
    wait_for("it ran", lambda: any(each.at >= elapse for each in ticks.runs), 5, ticks.story)
    wait_for("the other machine has the timer", lambda: other.state("unheard.timer") == "active", cluster.takeover + 5, ticks.story)
    holder.systemctl("kill", "--signal=CONT", DAEMON)
    wait_for("the next elapse has its run", lambda: any(each.at >= elapse + ticks.period for each in ticks.runs), ticks.period + 5,
             ticks.story)
    require(f"no elapse has two runs: {ticks.doubled()}", not ticks.doubled(), ticks.story)
    require("the other machine made the last run", ticks.runs[-1].machine == other.name, ticks.story)
