# SPDX-License-Identifier: Apache-2.0
"""The cluster on one screen: leasectl without a verb, on any of three machines."""

import json
import sys

from scene import scene
from waiting import require, wait_for


def tell(text):
    print(text, file=sys.stderr, flush=True)


def _screen(machine):
    done = machine.run("leasectl", "-1", check=False)
    wide = [line for line in done.stdout.splitlines() if len(line) > 80]
    require("it fits 80 columns", not wide, lambda: "\n".join(wide))
    return done


def _wrong(machine):
    return {each["kind"] for each in json.loads(machine.run("leasectl", "--json=short", check=False).stdout)["wrong"]}


def _running_at(machine, unit):
    """The names of the machines on which the unit runs, by what leasectl prints on the given machine."""
    told = json.loads(machine.run("leasectl", "--json=short", check=False).stdout)
    return [each["hostname"] for each in told["machines"] for row in each["units"]
            if row["unit"] == unit.name and row["holds"] and row["state"] == "running"]


@scene(registry="etcd", only_at_length=True)
def every_machine_shows_where_all_units_run_and_what_is_wrong(cluster):
    units = [cluster.unit(f"shown-{n}.service").enable() for n in range(3)]
    holders = [unit.wait_running() for unit in units]
    for machine in cluster:
        wait_for(f"all is well on {machine}", lambda: not _wrong(machine), 20, lambda: _screen(machine).stdout)
        for unit, holder in zip(units, holders):
            wait_for(f"{machine} shows {unit.name} on {holder}", lambda: _running_at(machine, unit) == [holder.name], 20,
                     lambda: _screen(machine).stdout)
    tell("\n" + _screen(cluster["alpha"]).stdout)

    holders[0].systemctl("stop", units[0].name)
    witness = cluster.other(holders[0])
    wait_for("that it was stopped is seen elsewhere", lambda: "unit-stopped" in _wrong(witness), 20,
             lambda: _screen(witness).stdout)
    require("the exit code says so", _screen(witness).returncode == 1, lambda: _screen(witness).stdout)
    holders[0].power_cut()
    wait_for("its silence is seen", lambda: "machine-silent" in _wrong(witness), cluster.takeover + 20,
             lambda: _screen(witness).stdout)
    tell("\n" + _screen(witness).stdout + witness.run("leasectl", "-s", check=False).stdout)
