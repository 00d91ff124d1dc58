# SPDX-License-Identifier: Apache-2.0
"""A wall clock that is set, on the daemon and the guard of each machine differently. Nothing must hang on it."""

import layer
from cluster import DAEMON, GUARD
from faults import STUBBORN, lose_lease_and_return, start_unit
from scene import scene
from waiting import require, wait_for

PRELOAD = f"[Service]\nEnvironment=LD_PRELOAD={layer.WALL_CLOCK}\n"
CLOCK = "/run/wall-clock"
HOUR = 3600


def _drop_ins():
    return [f"/run/systemd/system/{service}.d/wall-clock.conf" for service in (DAEMON, GUARD)]


def _begin_anew(cluster):
    """Daemon and guard of each machine."""
    for machine in cluster:
        machine.systemctl("daemon-reload")
        guard = machine.main_pid(GUARD)
        machine.kill(GUARD)
        machine.systemctl("restart", DAEMON)
        cluster.wait_ready(machine)
        wait_for(f"a new guard runs on {machine}", lambda: machine.main_pid(GUARD) not in (0, guard), 10, cluster.journals)


def _time(machine, *environment):
    return int(machine.run("env", *environment, "date", "+%s").stdout)


@scene(registry="etcd", only_at_length=True)
def wall_clock_that_is_set_by_an_hour_moves_no_unit_and_saves_none(cluster):
    for machine in cluster:
        for path in _drop_ins():
            machine.write(path, PRELOAD)
    _begin_anew(cluster)
    unit, holder = start_unit(cluster, "clock.service", STUBBORN)
    before = unit.tenure
    for machine in cluster:
        machine.write(CLOCK, str(HOUR if machine is holder else -HOUR))
        deceived = _time(machine, f"LD_PRELOAD={layer.WALL_CLOCK}") - _time(machine)
        require(f"{machine} is an hour off, not {deceived} s", abs(abs(deceived) - HOUR) < 5, unit.story)
    unit.hold_running(on=holder, duration=cluster.takeover)
    holder.write(CLOCK, str(-HOUR))
    unit.hold_running(on=holder, duration=cluster.takeover)
    unit.require_undisturbed(before)
    lose_lease_and_return(cluster, unit, holder)
    for machine in cluster:
        for path in [CLOCK, *_drop_ins()]:
            machine.remove(path)
    _begin_anew(cluster)
