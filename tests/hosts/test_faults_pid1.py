# SPDX-License-Identifier: Apache-2.0
"""What PID 1 stops by itself is nobody's hand: the unit runs on, or again, here or elsewhere."""

from scene import scene


@scene
def isolate_leaves_the_unit_alone(cluster):
    unit = cluster.unit("isolated.service").enable()
    holder = unit.wait_running()
    holder.systemctl("isolate", "multi-user.target")
    unit.hold_running(on=holder, duration=2)
    unit.require_tenures(1)
