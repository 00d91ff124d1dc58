# SPDX-License-Identifier: Apache-2.0
"""Every kind of unit: how each starts, ends, and is gone from one machine before another has it."""

from cluster import DAEMON
from layer import STAMPER
from scene import scene
from waiting import hold_for, require, wait_for


def _unit_state(cluster, machine, unit):
    """What leased on that machine says of the unit, in one word."""
    rows = cluster.call(machine, "ListUnits")[0]
    return next((row[1] for row in rows if row[0] == unit.name), "")


# Services of all types


@scene(ttl=3.0)
def oneshot_that_ends_well_is_done_and_rearm_runs_it_once(cluster):
    unit = cluster.unit("job.service", "--life=0.3", "Type=oneshot").enable()
    holder = unit.wait_ran()
    for machine in cluster:
        wait_for(f"it is done, says {machine}", lambda: _unit_state(cluster, machine, unit) == "done", 10, unit.story)
    holder.reboot_hard()
    cluster.wait_ready(holder)
    hold_for("it runs nowhere again, also after a power cut", lambda: len(unit.tenures) == 1, 1.3 * cluster.ttl, unit.story)
    cluster.call(cluster.other(holder), "RearmUnit", "s", unit.name)
    wait_for("it ran once more", lambda: len(unit.tenures) == 2, 10, unit.story)
    wait_for("it is done again", lambda: _unit_state(cluster, holder, unit) == "done", 10, unit.story)
    hold_for("and only once", lambda: len(unit.tenures) == 2, 1, unit.story)


@scene(ttl=3.0)
def unit_that_fails_for_good_goes_to_the_other_machine(cluster):
    unit = cluster.unit("failing.service", "--life=0.5 --exit=1")
    unit.enable()
    first = unit.wait_ran()
    second = unit.wait_ran(on=cluster.other(first))
    require(f"{first} says that it stands back", "stands back" in first.run("leasectl", "status", unit.name).stdout,
            unit.story)
    wait_for(f"it failed on {second}, too", lambda: second.state(unit.name) == "failed", 10, unit.story)
    hold_for("both stand back", lambda: len(unit.tenures) == 2, 1, unit.story)


@scene(ttl=3.0)
def unit_whose_dependency_fails_goes_to_the_other_machine_and_is_not_done(cluster):
    unit = cluster.unit("needing.service", files={
        "needing.service": "[Unit]\nRequires=needed.service\nAfter=needed.service\n[Service]\nExecStart=STAMP\n",
        "needed.service": "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'sleep 0.5; test -e /etc/is-well'\n"})
    alpha, beta = cluster
    beta.write("/etc/is-well", "")
    unit.enable(alpha)
    wait_for("alpha has tried, and stands back", lambda: "stands back" in alpha.run("leasectl", "status", unit.name, check=False).stdout,
             20, unit.story)
    unit.enable(beta)
    unit.wait_running(on=beta)
    require("it ran once", len(unit.tenures) == 1, unit.story)
    for machine in cluster:
        machine.remove("/etc/is-well")


@scene(ttl=3.0)
def unit_that_may_hold_on_failure_stays_with_its_lease(cluster):
    unit = cluster.unit("holding.service", "--life=0.3 --exit=1")
    unit.options("OnFailure=hold")
    unit.enable()
    holder = unit.wait_ran()
    wait_for("it has failed", lambda: holder.state(unit.name) == "failed", 10, unit.story)
    hold_for("it stays there", lambda: len(unit.tenures) == 1 and cluster.lease(holder, unit.name)[0], 1, unit.story)
    holder.systemctl("start", unit.name)
    wait_for("it can be started there by hand", lambda: len(unit.tenures) == 2, 5, unit.story)
    require("with the same token", len({tenure.index for tenure in unit.tenures}) == 1, unit.story)


@scene(ttl=3.0)
def unit_stopped_by_hand_stays_stopped_and_keeps_its_lease(cluster):
    unit = cluster.unit("by-hand.service").enable()
    holder = unit.wait_running()
    index = unit.tenure.index
    holder.systemctl("stop", unit.name)
    unit.wait_gone()
    hold_for("it stays stopped, its lease kept", lambda: unit.running_on is None and
             cluster.lease(holder, unit.name)[4] == index, 1.3 * cluster.ttl, unit.story)
    require("it is shown as such", _unit_state(cluster, holder, unit) == "stopped", unit.story)
    holder.systemctl("start", unit.name)
    unit.wait_running(on=holder)


@scene(ttl=3.0, only_at_length=True)  # names are unit tests; address_that_an_instance_names_... moves one
def template_instance_moves(cluster):
    for name in (r"worker@a\x2db.service", "w@.x.service", "x@@.service"):
        unit = cluster.unit(name).enable()
        holder = unit.wait_running()
        holder.run("leasectl", "release", unit.name)
        unit.wait_running(on=cluster.other(holder))
        unit.require_gap(1.0)


@scene(ttl=3.0)
def forking_and_notify_services_move(cluster):
    forking = cluster.unit("forking.service", service="Type=forking\nGuessMainPID=yes",
                           command=f'/bin/sh -c "{STAMPER} %s & sleep 0.2"')
    notify = cluster.unit("notify.service", service="Type=notify\nNotifyAccess=all",
                          command=f'/bin/sh -c "systemd-notify --ready; exec {STAMPER} %s"')
    for unit in (forking, notify):
        unit.enable()
    holders = [unit.wait_running() for unit in (forking, notify)]
    for unit, holder in zip((forking, notify), holders):
        holder.run("leasectl", "release", unit.name)
    for unit, holder in zip((forking, notify), holders):
        unit.wait_running(on=cluster.other(holder))
        unit.require_gap(1.5)


@scene(ttl=3.0)
def boot_with_the_unit_enabled_in_systemd_waits_for_the_lease(cluster):
    unit = cluster.unit("enabled.service").enable()
    holder = unit.wait_running()
    other = cluster.other(holder)
    other.systemctl("enable", unit.name)
    other.reboot_hard()
    cluster.wait_ready(other)
    unit.hold_running(on=holder, duration=1)
    require("it was refused there", other.state(unit.name) in ("inactive", "failed"), unit.story)
    require("it ran nowhere else", len(unit.tenures) == 1, unit.story)
    other.systemctl("disable", unit.name)


@scene(ttl=3.0)
def dropin_of_the_administrator_that_resets_the_gate_is_noticed(cluster):
    unit = cluster.unit("reset.service")
    path = f"/etc/systemd/system/{unit.name}.d/zzzzz-mine.conf"
    alpha, beta = cluster
    beta.write(path, "[Unit]\nAssertPathExists=\n")
    beta.systemctl("daemon-reload")
    refused = beta.run("leasectl", "enable", unit.name, check=False)
    require(f"leasectl enable refuses, and names the file: {refused.stderr}",
            refused.returncode != 0 and "zzzzz-mine.conf" in refused.stderr, unit.story)
    unit.enable(alpha)
    unit.wait_running(on=alpha)
    beta.remove(path)
    beta.systemctl("daemon-reload")
    unit.enable(beta)
    beta.write(path, "[Unit]\nAssertPathExists=\n")
    beta.systemctl("daemon-reload")
    wait_for("leased says that the gate is not in force",
             lambda: "gate" in beta.run("leasectl", "status", unit.name).stdout, 10, unit.story)
    alpha.run("leasectl", "release", unit.name)
    hold_for("it does not run where there is no gate", lambda: unit.running_on is not beta, cluster.ttl / 2, unit.story)
    beta.remove(path)
    beta.systemctl("daemon-reload")


@scene(ttl=3.0)
def another_ttl_takes_effect_under_a_held_unit(cluster):
    unit = cluster.unit("ttl.service").enable()
    holder = unit.wait_running()
    tenure = unit.tenure
    for machine in cluster:
        machine.write("/etc/leased/leased.conf", machine.read("/etc/leased/leased.conf").replace("TTL=3s", "TTL=2s"))
        machine.run("leasectl", "reload")
    try:
        wait_for("the lease goes by the new one", lambda: 0 < cluster.lease(holder, unit.name)[5] < 2_100_000, 10, unit.story)
        unit.hold_running(on=holder, duration=3)
        require("it was not disturbed", len(unit.tenures) == 1 and unit.tenure.silence < 0.5, unit.story)
        holder.power_cut()
        unit.wait_running(on=cluster.other(holder), deadline=10)
        unit.require_gap(1.04 * 2 + 1.3)
    finally:
        for machine in cluster:
            machine.write("/etc/leased/leased.conf",
                          machine.read("/etc/leased/leased.conf").replace("TTL=2s", "TTL=3s"))
            if machine.is_on:
                machine.run("leasectl", "reload")
    require("same tenure before", unit.tenures[0].invocation == tenure.invocation, unit.story)


# An operator's verbs


@scene(ttl=3.0, machines=("alpha", "beta", "gamma"))
def transfer_of_a_unit_that_takes_5_s_to_stop_goes_to_the_chosen_machine(cluster):
    unit = cluster.unit("slow.service", "--stop=5", "TimeoutStopSec=20").enable()
    holder = unit.wait_running()
    chosen = next(machine for machine in reversed(list(cluster)) if machine is not holder)
    identity = next(row[0] for row in cluster.call(holder, "ListMachines")[0] if row[1] == chosen.name)
    cluster.call(holder, "TransferUnit", "ss", unit.name, identity)
    wait_for(f"it runs on {chosen}", lambda: unit.running_on is chosen, 20, unit.story)
    require("it ran nowhere between", len(unit.tenures) == 2, unit.story)
    require("it had its 5 s", unit.tenures[0].last - unit.tenures[0].first >= 5, unit.story)
    unit.require_gap(1.0)


@scene(ttl=3.0)
def steal_from_a_machine_whose_daemon_is_stopped_waits_out_the_debt(cluster):
    unit = cluster.unit("stolen.service").enable()
    holder = unit.wait_running()
    thief = cluster.other(holder)
    wait_for(f"{thief} may take leases", lambda: cluster.competes(thief), 10, unit.story)
    holder.systemctl("kill", "--signal=STOP", DAEMON)
    wait = cluster.call(thief, "StealUnit", "s", unit.name)[0]
    require(f"it says how long it may take: {wait} us", 0 < wait <= 1.05 * cluster.ttl * 1e6, unit.story)
    unit.wait_running(on=thief, deadline=cluster.takeover + 5)
    require("the guard stopped it where it was", holder.state(unit.name) in ("inactive", "failed"), unit.story)
    holder.systemctl("kill", "--signal=CONT", DAEMON)
    unit.hold_running(on=thief, duration=1)


# What starts others


def _require_covered(cluster, unit, member):
    """No process of the member was left when the other machine began, and it had the token of the lease."""
    require("it ran on two machines", len({tenure.machine for tenure in unit.tenures}) == 2, unit.story)
    require("each run had the token", all(tenure.index for tenure in unit.tenures), unit.story)


@scene(ttl=3.0)
def timer_whose_service_still_runs_takes_it_along(cluster):
    unit = cluster.unit("tick.timer", "--stop=0.5", files={
        "tick.timer": "[Timer]\nOnActiveSec=100ms\nAccuracySec=1ms\n",
        "tick.service": "[Service]\nExecStart=STAMP\n"})
    unit.options("HoldDownSec=1")
    unit.enable()
    holder = unit.wait_running()
    other = cluster.other(holder)
    started = other.systemctl("start", "tick.service", check=False)
    require("its service cannot be started elsewhere by hand", started.returncode != 0, unit.story)
    holder.run("leasectl", "release", unit.name)
    unit.wait_running(on=other)
    _require_covered(cluster, unit, "tick.service")
    other.power_cut()
    unit.wait_running(on=holder, deadline=cluster.takeover + 5)


@scene(ttl=3.0)
def service_of_a_timer_is_killed_in_time_when_the_daemon_is_gone(cluster):
    unit = cluster.unit("deaf.timer", "--ignore-term --children=2", files={
        "deaf.timer": "[Timer]\nOnActiveSec=100ms\nAccuracySec=1ms\n",
        "deaf.service": "[Service]\nExecStart=STAMP\nTimeoutStopSec=5\n"}).enable()
    holder = unit.wait_running()
    holder.systemctl("kill", "--signal=STOP", DAEMON)
    unit.wait_running(on=cluster.other(holder), deadline=cluster.takeover + 5)
    _require_covered(cluster, unit, "deaf.service")
    holder.systemctl("kill", "--signal=CONT", DAEMON)


@scene(ttl=3.0)
def timer_that_catches_up_does_not_rerun_its_job_at_takeover(cluster):
    unit = cluster.unit("yearly.timer", "--life=0.2", files={
        "yearly.timer": "[Timer]\nOnCalendar=yearly\nPersistent=yes\n",
        "yearly.service": "[Service]\nType=oneshot\nExecStart=STAMP\n"})
    alpha, beta = cluster
    # As if the machine had been off at New Year: the first holder catches up once.
    for machine in cluster:
        machine.run("mkdir", "-p", "/var/lib/systemd/timers")
        machine.run("touch", "--date=2001-01-01", "/var/lib/systemd/timers/stamp-yearly.timer")
    unit.enable(alpha)
    wait_for("it catches up", lambda: len(unit.tenures) == 1, 10, unit.story)
    wait_for("the job is over", lambda: alpha.state("yearly.service") == "inactive", 10, unit.story)
    unit.enable(beta)
    alpha.power_cut()
    wait_for("the other machine has the timer", lambda: beta.state("yearly.timer") == "active", cluster.takeover + 5, unit.story)
    hold_for("it does not run its job again", lambda: len(unit.tenures) == 1, 1, unit.story)
    alpha.boot()
    cluster.wait_ready(alpha)
    beta.run("leasectl", "release", unit.name)
    wait_for("the first machine has it again", lambda: alpha.state("yearly.timer") == "active", 10, unit.story)
    hold_for("and does not run it again either", lambda: len(unit.tenures) == 1, 0.5, unit.story)


@scene(ttl=3.0)
def socket_activated_service_goes_by_the_lease_of_its_socket(cluster):
    unit = cluster.unit("front.socket", files={
        "front.socket": "[Socket]\nListenStream=/run/front.sock\n",
        "front.service": "[Service]\nExecStart=STAMP\n"}).enable()
    holder = wait_for("one machine listens",
                      lambda: next((each for each in cluster if each.state("front.socket") == "active"), None), 10, unit.story)
    other = cluster.other(holder)
    connect = ("python3", "-c", "import socket; socket.socket(socket.AF_UNIX).connect('/run/front.sock')")
    require("nobody listens elsewhere", other.run(*connect, check=False).returncode != 0, unit.story)
    holder.run(*connect)
    unit.wait_running(on=holder)
    holder.run("leasectl", "release", unit.name)
    unit.wait_gone()
    wait_for(f"{other} listens", lambda: other.state("front.socket") == "active", 10, unit.story)
    other.run(*connect)
    unit.wait_running(on=other)
    _require_covered(cluster, unit, "front.service")
    isolated = other.systemctl("isolate", "rescue.target", "--no-block", check=False)
    require(f"isolate is no circle: {isolated.stderr}", isolated.returncode == 0, unit.story)
    wait_for("and stops it", lambda: unit.running_on is not other, 10, unit.story)
    other.reboot_hard()
    cluster.wait_ready(other)


@scene(ttl=3.0)
def instances_of_an_accepting_socket_go_by_its_lease(cluster):
    unit = cluster.unit("each.one.socket", "--ignore-term", files={
        "each.one.socket": "[Socket]\nListenStream=/run/each.sock\nAccept=yes\n",
        "each.one@.service": "[Service]\nExecStart=STAMP\nTimeoutStopSec=60\n"}).enable()
    holder = wait_for("one machine listens",
                      lambda: next((each for each in cluster if each.state("each.one.socket") == "active"), None), 10, unit.story)
    other = cluster.other(holder)
    connect = ("python3", "-c", "import socket; socket.socket(socket.AF_UNIX).connect('/run/each.sock')")
    for _ in range(3):
        holder.run(*connect)
    wait_for("three instances live", lambda: len(unit.tenures) == 3, 5, unit.story)
    require("an instance cannot be started elsewhere by hand",
            other.systemctl("start", "each.one@1.service", check=False).returncode != 0, unit.story)
    holder.systemctl("kill", "--signal=STOP", DAEMON)
    wait_for(f"{other} listens", lambda: other.state("each.one.socket") == "active", cluster.takeover + 5, unit.story)
    other.run(*connect)
    unit.wait_running(on=other)
    _require_covered(cluster, unit, "each.one@.service")
    holder.systemctl("kill", "--signal=CONT", DAEMON)
    other.systemctl("kill", "--signal=KILL", "each.one@*.service")


@scene(ttl=3.0, only_at_length=True)  # as sockets and timers do
def path_unit_takes_its_service_along(cluster):
    unit = cluster.unit("inbox.path", files={
        "inbox.path": "[Path]\nPathExists=/shared/inbox\n",
        "inbox.service": "[Service]\nExecStart=STAMP\n"}).enable()
    alpha, beta = cluster
    alpha.run("touch", "/shared/inbox")
    holder = unit.wait_running()
    holder.run("leasectl", "release", unit.name)
    unit.wait_running(on=cluster.other(holder))
    _require_covered(cluster, unit, "inbox.service")
    alpha.run("rm", "/shared/inbox")


# What is no process


@scene(ttl=3.0)
def floating_address_is_gone_before_the_other_machine_has_it(cluster):
    address = "10.99.0.1/32"
    unit = cluster.unit("floating.service", files={
        "floating.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
                            f"ExecStart=ip address add {address} dev lo\n"
                            f"ExecStop=ip address delete {address} dev lo\n"})
    unit.options("HoldDownSec=1")
    unit.enable()

    def holders():
        return [each for each in cluster if each.is_on and address in each.run("ip", "address", "show", "dev", "lo").stdout]

    wait_for("one machine has it", holders, 10, unit.story)
    for move in ("release", "power cut"):
        holder, = holders()
        if move == "release":
            holder.run("leasectl", "release", unit.name)
        else:
            holder.power_cut()

        def has_moved():
            now = holders()
            require(f"after a {move}, only one has it", len(now) <= 1, unit.story)
            return now and now != [holder]

        wait_for("the other has it", has_moved, cluster.takeover + 5, unit.story)


@scene(ttl=3.0)
def machine_that_cannot_undo_its_address_in_time_is_rebooted(cluster):
    address = "10.99.0.2/32"
    unit = cluster.unit("stuck.service", files={
        "stuck.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
                         f"ExecStart=ip address add {address} dev lo\n"
                         f"ExecStop=sleep 60\nExecStop=ip address delete {address} dev lo\n"
                         "[X-Leased]\nFenceAction=reboot\n"})
    unit.enable()

    def has_it(machine):
        return address in machine.run("ip", "address", "show", "dev", "lo").stdout

    holder = wait_for("one machine has it", lambda: next((each for each in cluster if has_it(each)), None), 10, unit.story)
    other = cluster.other(holder)
    holder.systemctl("kill", "--signal=STOP", DAEMON)
    wait_for("the other has it", lambda: has_it(other), cluster.takeover + 5, unit.story)
    require("the old machine was down by then", not holder.exists("/run/systemd"), unit.story)
    wait_for("its reboot has ended it", lambda: not holder.is_on, 5, unit.story)
    holder.boot()
    cluster.wait_ready(holder)
    require("it came back without the address", not has_it(holder), unit.story)
    other.write("/run/systemd/system/stuck.service.d/quick.conf", f"[Service]\nExecStop=\nExecStop=ip address delete {address} dev lo\n")
    other.systemctl("daemon-reload")


@scene(ttl=3.0, only_at_length=True)  # automount_takes_its_mount_along moves one by release and by fault
def mount_moves(cluster):
    unit = cluster.unit("mnt-data.mount", files={
        "mnt-data.mount": "[Mount]\nWhat=tmpfs\nWhere=/mnt/data\nType=tmpfs\n"})
    unit.enable()

    def mounted_on():
        return [each for each in cluster if each.is_on and
                each.run("mountpoint", "-q", "/mnt/data", check=False).returncode == 0]

    holder, = wait_for("one machine has mounted it", mounted_on, 10, unit.story)
    refused = cluster.other(holder).systemctl("start", unit.name, check=False)
    require("it cannot be mounted elsewhere by hand", refused.returncode != 0, unit.story)
    holder.run("leasectl", "release", unit.name)

    def has_moved():
        now = mounted_on()
        require("never on both", len(now) <= 1, unit.story)
        return now == [cluster.other(holder)]

    wait_for("the other has mounted it", has_moved, 10, unit.story)


# Bundles


@scene(ttl=3.0)
def target_takes_its_three_members_along(cluster):
    member = "[Unit]\nBindsTo=bundle.target\nAfter=bundle.target\n[Service]\nExecStart=STAMP\n"
    unit = cluster.unit("bundle.target", "--stop=0.3", files={
        "bundle.target": "[Unit]\nWants=one.service two.service three.service\n",
        "one.service": member, "two.service": member, "three.service": member + "TimeoutStopSec=30\n"})
    unit.enable()
    holder = unit.wait_running()
    wait_for("all three run", lambda: len({run.pid for tenure in unit.tenures for run in tenure.runs}) == 3, 5, unit.story)
    other = cluster.other(holder)
    require("a member cannot be started elsewhere by hand",
            other.systemctl("start", "two.service", check=False).returncode != 0, unit.story)
    holder.run("leasectl", "release", unit.name)
    wait_for("all three run on the other", lambda: len(unit.tenures) == 6, 10, unit.story)
    _require_covered(cluster, unit, "two.service")
    last = max(tenure.last for tenure in unit.tenures if tenure.machine == holder.name)
    first = min(tenure.first for tenure in unit.tenures if tenure.machine == other.name)
    require("not one was left when the first began", last < first, unit.story)


@scene(ttl=3.0)
def bundle_is_kept_over_a_restart_and_its_gates_are_mended_and_removed(cluster):
    member = "[Unit]\nBindsTo=set.target\nAfter=set.target\n[Service]\nExecStart=STAMP\n"
    unit = cluster.unit("set.target", files={
        "set.target": "[Unit]\nWants=left.service right.service loose.service\n",
        "left.service": member, "right.service": member, "loose.service": "[Service]\nExecStart=sleep infinity\n"})
    alpha, beta = cluster
    said = alpha.run("leasectl", "enable", unit.name).stderr
    require(f"enable names what is not bound: {said}", "loose.service is not bound" in said and "left.service is" not in said,
            unit.story)
    unit.enable(beta)
    holder = unit.wait_running(on=alpha)
    wait_for("both run", lambda: len(unit.tenures) == 2, 5, unit.story)
    holder.systemctl("restart", DAEMON)
    cluster.wait_ready(holder)
    unit.hold_running(on=holder, duration=cluster.ttl)
    require("neither was restarted", len(unit.tenures) == 2 and all(each.silence < 0.5 for each in unit.tenures), unit.story)

    gate = "/etc/systemd/system/left.service.d/zzzz-leased.conf"
    beta.remove(gate)
    beta.systemctl("daemon-reload")
    wait_for("a gate that was removed is back", lambda: beta.exists(gate), 5, unit.story)
    wait_for("and in force", lambda: gate in beta.show("left.service", "DropInPaths").get("DropInPaths", ""), 5, unit.story)
    refused = beta.run("leasectl", "enable", "left.service", check=False)
    require(f"a member has no lease of its own: {refused.stderr}", refused.returncode != 0, unit.story)
    beta.run("leasectl", "disable", unit.name)
    require("disable removes all gates", not beta.exists(gate) and not beta.exists("/run/leased/members/set.target"),
            unit.story)
    unit.enable(beta)
    for machine in cluster:
        machine.systemctl("stop", "loose.service")


@scene(ttl=3.0)
def sidekick_runs_where_its_unit_runs_and_ends_before_the_lease_passes(cluster):
    """As fleet's own example has it: main.service wants side.service, which is bound to it."""
    unit = cluster.unit("main.service", "--stop=0.3 --ignore-term", files={
        "main.service": "[Unit]\nWants=side.service\n[Service]\nExecStart=STAMP\nTimeoutStopSec=1\n",
        "side.service": "[Unit]\nBindsTo=main.service\nAfter=main.service\n[Service]\nExecStart=STAMP\nTimeoutStopSec=5\n"})
    unit.options("HoldDownSec=1")
    unit.enable()
    holder = unit.wait_running()
    other = cluster.other(holder)
    wait_for("both run", lambda: len({run.pid for tenure in unit.tenures for run in tenure.runs}) == 2, 5, unit.story)
    require("the sidekick cannot be started elsewhere by hand",
            other.systemctl("start", "side.service", check=False).returncode != 0, unit.story)
    holder.systemctl("kill", "--signal=STOP", DAEMON)
    wait_for("both run on the other", lambda: len([each for each in unit.tenures if each.machine == other.name]) == 2,
             cluster.takeover + 5, unit.story)
    holder.systemctl("kill", "--signal=CONT", DAEMON)
    _require_covered(cluster, unit, "side.service")
    last = max(tenure.last for tenure in unit.tenures if tenure.machine == holder.name)
    first = min(tenure.first for tenure in unit.tenures if tenure.machine == other.name)
    require("neither was left when the first began", last < first, unit.story)
