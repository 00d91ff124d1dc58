# SPDX-License-Identifier: Apache-2.0
"""leasectl prove, on the journals that real machines have written."""

import json

from cluster import DAEMON
from scene import scene
from waiting import require, wait_for

REGISTRY, CLOCKS = ("proven", "registry", None), ("unproven", None, "clocks")
BROKEN, MISSING = ("unproven", None, "journal-breaks-off"), ("unproven", None, "no-journal")


def _journals(machines, unit):
    """What an auditor collects: a file for each machine."""
    files = []
    for machine in machines:
        files.append(f"/shared/journal-{machine}")
        machine.run("sh", "-c", f"journalctl --quiet -o json -u {unit.name} -u leased -u leased-guard > {files[-1]}")
    return files


def _prove(machine, unit, files, *options):
    """Each move's verdict, means and reason, and the exit code."""
    done = machine.run("leasectl", "prove", "--json=short", *options, unit.name, *files, check=False)
    require(f"leasectl prove: {done.stderr}", done.returncode in (0, 6), unit.story)
    proof = json.loads(done.stdout)
    return [(each["verdict"], each["by"], each["why"]) for each in proof["moves"]], done.returncode, proof


def _wait_proven(cluster, unit, expected):
    """Until the journals tell that; what is said may reach them a moment late."""
    found = []

    def tells():
        found[:] = _prove(cluster["alpha"], unit, _journals(cluster, unit))
        return found[0] == expected

    wait_for(f"the journals tell {expected}", tells, 10, lambda: f"{found}\n{unit.story()}")
    return found[2]


def _require_as_stamped(unit, proof):
    """Its tenures are those that the unit's processes stamped, and no move is longer than between their stamps."""
    indexes = [each["index"] for each in proof["tenures"] if "first" in each]
    require(f"it finds the tenures {indexes}", indexes == [each.index for each in unit.tenures], unit.story)
    for move, gap in zip(proof["moves"], unit.gaps):
        require(f"{move['gap_usec']} us lie within {gap:.3f} s", move["why"] == "journal-breaks-off" or
                0 < move["gap_usec"] / 1e6 < gap + 0.005, unit.story)


@scene(ttl=3.0)
def journals_prove_what_was_given_away_and_say_what_they_cannot_know(cluster):
    unit = cluster.unit("proved.service")
    unit.options("HoldDownSec=1s")
    unit.enable()
    first = unit.wait_running()
    second = cluster.other(first)
    first.run("leasectl", "release", unit.name)
    unit.wait_running(on=second)
    second.run("leasectl", "transfer", unit.name, first.name)
    unit.wait_running(on=first)
    proof = _wait_proven(cluster, unit, [REGISTRY, REGISTRY])
    _require_as_stamped(unit, proof)

    first.systemctl("kill", "--signal=STOP", DAEMON)  # the guard alone knows the end of the unit
    unit.wait_running(on=second, deadline=cluster.takeover + 5)
    first.systemctl("kill", "--signal=CONT", DAEMON)
    files = _journals(cluster, unit)
    _require_as_stamped(unit, _wait_proven(cluster, unit, [REGISTRY, REGISTRY, CLOCKS]))
    moves, code, _ = _prove(first, unit, files, "--clocks=10ms")  # all guests have the clock of one kernel
    require(f"with clocks that are known it is proven: {moves}", moves[2] == ("proven", "clocks", None) and code == 0, unit.story)

    second.power_cut()
    unit.wait_running(on=first, deadline=cluster.takeover + 5)
    second.boot()
    cluster.wait_ready(second)
    proof = _wait_proven(cluster, unit, [REGISTRY, REGISTRY, CLOCKS, BROKEN])
    _require_as_stamped(unit, proof)
    told = " ".join(first.run("leasectl", "prove", unit.name, *_journals(cluster, unit), check=False).stdout.split())
    require(f"it says in words what is not proven: {told}", f"not proven, the journal of {second} breaks off" in told, unit.story)
    moves, _, _ = _prove(first, unit, _journals([first], unit))
    require(f"without a journal nothing is proven: {moves}", moves == [MISSING, MISSING], unit.story)
