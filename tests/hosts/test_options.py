# SPDX-License-Identifier: Apache-2.0
"""What [X-Leased] says of a unit, on real machines; and a gate that an administrator has removed."""

from scene import scene
from waiting import hold_for, now, require, wait_for


@scene(ttl=3.0)
def job_whose_success_releases_goes_round(cluster):
    unit = cluster.unit("round.service", "--life=0.3", "Type=oneshot")
    unit.options("OnSuccess=release\nHoldDownSec=1")
    unit.enable()
    before = len(unit.tenures)  # on the first machine, before the other one takes part
    wait_for("it ran four times", lambda: len(unit.tenures) >= before + 4, 20, unit.story)
    require("on both machines", len({tenure.machine for tenure in unit.tenures[before:before + 4]}) == 2, unit.story)
    said = "".join(machine.run("journalctl", "--output=cat", "--unit=leased", f"--grep={unit.name}", check=False).stdout
                   for machine in cluster)
    require("the lease is said to be released", "it ended well: releasing its lease" in said, unit.story)
    require("and the unit not to be done", "runs nowhere again" not in said, unit.story)


@scene(ttl=3.0)
def done_job_runs_again_where_it_has_a_higher_version(cluster):
    version = int(now())  # the registry remembers which version is done, also when the scene is played again
    unit = cluster.unit("release-job.service", "--life=0.3", "Type=oneshot")
    unit.options(f"Version={version}")
    unit.enable()
    wait_for("it ran", lambda: len(unit.tenures) == 1, 10, unit.story)
    alpha, beta = cluster
    wait_for("it is done", lambda: "done" in alpha.run("leasectl", "list").stdout, 10, unit.story)
    beta.write(f"/etc/leased/units/{unit.name}", f"[X-Leased]\nVersion={version + 1}\n")
    require("reload says so", f"{unit.name}: Version={version + 1} (was {version})" in beta.run("leasectl", "reload").stdout, unit.story)
    wait_for("it ran again", lambda: len(unit.tenures) == 2, 10, unit.story)
    require("where it has the higher version", unit.tenure.machine == beta.name, unit.story)
    alpha.write(f"/etc/leased/units/{unit.name}", f"[X-Leased]\nVersion={version + 1}\n")
    alpha.run("leasectl", "reload")
    hold_for("and once for each version", lambda: len(unit.tenures) == 2, 1.3 * cluster.ttl, unit.story)


@scene(ttl=3.0)
def units_with_one_lease_exclude_each_other(cluster):
    alpha, beta = cluster
    one, two = (cluster.unit(name) for name in ("blue.service", "green.service"))
    for unit in (one, two):
        unit.options("Lease=colour\nHoldDownSec=1")
    one.enable(alpha)
    one.wait_running(on=alpha)
    two.enable(beta)
    hold_for("the other waits", lambda: two.running_on is None, 1.3 * cluster.ttl, two.story)
    alpha.run("leasectl", "release", one.name)
    two.wait_running(on=beta)
    require("the first was gone by then", one.tenure.last < two.tenure.first, two.story)
    require("the token grew", one.tenure.index < two.tenure.index, two.story)
    beta.power_cut()
    wait_for("the first runs again", lambda: len(one.tenures) == 2, cluster.takeover + 5, one.story)
    require("and grew again", two.tenure.index < one.tenure.index, one.story)
    beta.boot()
    cluster.wait_ready(beta)
    for unit, machine in ((one, alpha), (two, beta)):  # each is enabled on one machine only
        machine.run("leasectl", "disable", unit.name)
        cluster.units.remove(unit)


@scene(ttl=3.0)
def gate_that_was_reverted_is_put_back(cluster):
    unit = cluster.unit("reverted.service")
    for machine in cluster:  # systemctl reverts only what a vendor has shipped
        machine.run("mv", f"/etc/systemd/system/{unit.name}", "/usr/lib/systemd/system/")
        machine.systemctl("daemon-reload")
    holder = unit.enable().wait_running()
    before = unit.tenure
    gate = f"/etc/systemd/system/{unit.name}.d/zzzz-leased.conf"
    for machine in cluster:
        machine.systemctl("revert", unit.name)
        wait_for("the gate is there again", lambda: machine.exists(gate), 10, unit.story)  # pylint: disable=cell-var-from-loop
        wait_for("and in force", lambda: gate in machine.show(unit.name, "DropInPaths").get("DropInPaths", ""), 15, unit.story)  # pylint: disable=cell-var-from-loop
    other = cluster.other(holder)
    require("it does not start elsewhere", other.systemctl("start", unit.name, check=False).returncode != 0, unit.story)
    unit.hold_running(on=holder, duration=1)
    unit.require_undisturbed(before)
    unit.disable()
    for machine in cluster:
        machine.remove(f"/usr/lib/systemd/system/{unit.name}")
    cluster.units.remove(unit)
