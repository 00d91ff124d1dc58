# SPDX-License-Identifier: Apache-2.0
"""The last line of a unit's journal says why the unit was stopped on this machine, and which machine has it now."""

import re

from faults import lose_lease_and_return, start_unit
from scene import scene
from waiting import require, wait_for


@scene(registry="etcd", only_at_length=True)
def old_holder_says_since_when_no_beat_came_and_who_has_the_unit(cluster):
    unit, holder = start_unit(cluster, "told.service")
    lose_lease_and_return(cluster, unit, holder)

    def last():
        return (holder.run("systemctl", "status", "--no-pager", unit.name, check=False).stdout.rstrip().splitlines() or [""])[-1]

    wait_for("the last line of systemctl status tells it", lambda: re.search(
        r"stopped: no beat since \d\d:\d\d:\d\d; \w+ \(\w+\) has it$", last()), 10, lambda: last() + "\n" + unit.story())
    require(f"it is another machine: {last()}", f"; {holder.name} " not in last(), unit.story)
